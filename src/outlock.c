/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "outlock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/outfile.h"

enum { MAX_TRIES = 50, NAP_MS = 10 };

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = NAP_MS * 1000000L}, NULL);
}

/* Who has it: "host 4711".  A holder writes it right after it got the lock. */
static int fail_busy(const char *path, const char *dir, struct rc_err *err)
{
	char text[320] = "", host[256];
	long pid;

	for (int i = 0; i < MAX_TRIES && !strchr(text, '\n'); i++) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;

		if (fd >= 0)
			close(fd);
		text[n > 0 ? n : 0] = '\0';
		if (!strchr(text, '\n'))
			nap();
	}
	if (sscanf(text, "%255s %ld", host, &pid) != 2)
		return rc_fail(err, RC_E_USAGE, "output_busy",
			       "another run is writing into '%s'; wait for it, or choose another "
			       "--output", dir);
	return rc_fail(err, RC_E_USAGE, "output_busy",
		       "another run is writing into '%s': process %ld on host '%s'; wait for it, "
		       "or choose another --output", dir, pid, host);
}

/* A holder that went away took the name with it: then the lock is on a file without one. */
static bool still_named(int fd, const char *path)
{
	struct stat mine, there;

	return fstat(fd, &mine) == 0 && stat(path, &there) == 0 && mine.st_dev == there.st_dev &&
	       mine.st_ino == there.st_ino;
}

static void sign(int fd)
{
	char host[256] = "?", text[320];
	int n;

	gethostname(host, sizeof host - 1);
	n = snprintf(text, sizeof text, "%s %ld\n", host, (long)getpid());
	/* for messages only: without room on the disk the lock is as good */
	if (ftruncate(fd, 0) == 0)
		rc_write_all(fd, text, (size_t)n);
}

static int lock_fd(int fd, bool *busy_out)
{
	int bad;

	do
		bad = flock(fd, LOCK_EX | LOCK_NB);
	while (bad && errno == EINTR);
	*busy_out = bad && errno == EWOULDBLOCK;
	return bad;
}

int rc_outlock_take(struct rc_outlock *l, const char *dir, struct rc_err *err)
{
	bool busy = false;
	char *path;
	int rc = rc_sprintf(&path, err, "%s/" RC_LOCK_NAME, dir);

	if (rc)
		return rc;
	for (int i = 0; i < MAX_TRIES; i++) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666), bad;

		if (fd < 0 && errno == EINTR)
			continue;
		if (fd < 0) {
			rc = rc_outfile_fail(err, errno, "write into", dir);
			free(path);
			return rc;
		}
		bad = lock_fd(fd, &busy);
		if (!busy && still_named(fd, path)) {
			sign(fd);
			*l = (struct rc_outlock){.path = path, .fd = fd, .sure = !bad};
			return 0;
		}
		close(fd);
		if (busy)
			break;
	}
	rc = fail_busy(path, dir, err);
	free(path);
	return rc;
}

void rc_outlock_drop(struct rc_outlock *l)
{
	if (!l->path)
		return;
	if (still_named(l->fd, l->path))
		unlink(l->path);
	close(l->fd);
	free(l->path);
	*l = (struct rc_outlock){0};
}
