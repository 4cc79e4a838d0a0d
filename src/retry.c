/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "retry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define VARIABLE "ROBOCACHE_RETRY"

void rc_retry_read(struct rc_retry *r_out)
{
	const char *text = getenv(VARIABLE);
	struct rc_retry r = {0};
	long long started;
	long pid;
	int at = 0;

	/* a variable that was exported once is not for every process below */
	if (text && sscanf(text, "%ld %d %lld %n", &pid, &r.n, &started, &at) == 3 && at &&
	    pid == getpid() && r.n > 0) {
		r.started_ns = started;
		snprintf(r.reason, sizeof r.reason, "%s", text + at);
	} else {
		r = (struct rc_retry){.started_ns = rc_now_ns()};
	}
	unsetenv(VARIABLE);
	*r_out = r;
}

/* Libraries do not all mark theirs, and a GPU is not free while its device is open. */
static void close_on_exec(void)
{
	int n = (int)sysconf(_SC_OPEN_MAX);

	for (int fd = 3; fd < n && fd < 65536; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags >= 0)
			fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
	}
}

int rc_retry_start(const struct rc_retry *r, char *const *argv, int argc, bool resumes,
		   struct rc_err *err)
{
	char **args = NULL, *text = NULL;
	int n = 0, rc = rc_new_array(&args, (size_t)argc + 3, sizeof *args, err);

	if (!rc)
		rc = rc_sprintf(&text, err, "%ld %d %lld %s", (long)getpid(), r->n + 1,
				(long long)r->started_ns, r->reason);
	if (rc)
		goto done;
	args[n++] = (char *)"robocache";
	args[n++] = argv[0];
	if (!resumes)
		args[n++] = (char *)"--resume";
	for (int i = 1; i < argc; i++)
		args[n++] = argv[i];
	close_on_exec();
	if (setenv(VARIABLE, text, 1) == 0)
		execv("/proc/self/exe", args);
	rc = rc_fail(err, RC_E_DEVICE, "retry", "the run cannot be started again: %s",
		     strerror(errno));
	unsetenv(VARIABLE);
done:
	free(text);
	free(args);
	return rc;
}
