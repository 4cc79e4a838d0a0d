/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "scratch.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "machine.h"
#include "signals.h"

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Cuts the last part off: "a/b" "a" "."; false at the top. */
static bool go_up(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash == path && path[1])
		path[1] = '\0';
	else if (slash && slash != path)
		*slash = '\0';
	else if (!slash && strcmp(path, ".") != 0 && *path)
		memcpy(path, ".", 2);
	else
		return false;
	return true;
}

static int near_output(const char *output, char **dir_out, struct rc_err *err)
{
	int rc = rc_strdup(dir_out, output, err);

	if (rc)
		return rc;
	while (!is_dir(*dir_out))
		if (!go_up(*dir_out)) {
			free(*dir_out);
			return rc_strdup(dir_out, "/var/tmp", err);
		}
	return 0;
}

int rc_scratch_dir(const char *given, const char *output, char **dir_out, struct rc_err *err)
{
	const char *tmp = getenv("TMPDIR");

	if (given && !is_dir(given))
		return rc_fail(err, RC_E_USAGE, "output",
			       "--scratch-dir '%s' is not a directory; make it, or name another",
			       given);
	if (given)
		return rc_strdup(dir_out, given, err);
	if (tmp && *tmp && is_dir(tmp))
		return rc_strdup(dir_out, tmp, err);
	return output ? near_output(output, dir_out, err) : rc_strdup(dir_out, "/var/tmp", err);
}

int rc_scratch_unpacked(const char *scratch_dir, uint64_t memory_bytes,
			struct rc_unpacked **u_out, struct rc_err *err)
{
	const struct rc_unpack_options opt = {
		.memory_bytes = memory_bytes ? memory_bytes : rc_allowed_memory() / 16,
		.scratch_dir = scratch_dir,
		.stop = rc_stop_asked,
	};

	return rc_unpacked_new(&opt, u_out, err);
}
