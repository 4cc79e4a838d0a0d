/* SPDX-License-Identifier: Apache-2.0 */
/* The files that readers are asked about: some lie in the file system, some were unpacked. */
#include "base/compat.h"

#include "formats/reader_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "formats/unpack.h"

static int open_file(const char *path, int *fd_out, struct stat *st_out, struct rc_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return rc_fail_errno(err, RC_E_INPUT, errno == ENOENT ? "missing" : "unreadable",
				     errno, "cannot open '%s'", path);
	if (fstat(fd, st_out)) {
		int sys = errno;
		close(fd);
		return rc_fail_errno(err, RC_E_INPUT, "unreadable", sys, "cannot look at '%s'",
				     path);
	}
	if (!S_ISREG(st_out->st_mode)) {
		close(fd);
		return rc_fail(err, RC_E_INPUT, "not_a_file", "'%s' is %s, not a file", path,
			       S_ISDIR(st_out->st_mode) ? "a directory" : "a device or pipe");
	}
	*fd_out = fd;
	return 0;
}

int rc_input_open(struct rc_readers *p, const char *path, int *fd_out, struct stat *st_out,
		  struct rc_err *err)
{
	bool unpacked = false;
	int rc = p && p->unpacked ? rc_unpacked_open(p->unpacked, path, fd_out, &unpacked, err) : 0;

	if (rc)
		return rc;
	if (!unpacked)
		return open_file(path, fd_out, st_out, err);
	if (!fstat(*fd_out, st_out))
		return 0;
	rc = rc_fail_errno(err, RC_E_HOST, "no_descriptor", errno, "cannot look at '%s'", path);
	close(*fd_out);
	*fd_out = -1;
	return rc;
}

int rc_input_same(int fd, const char *path, uint64_t bytes, int64_t mtime_ns, struct rc_err *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return rc_fail_errno(err, RC_E_INPUT, "unreadable", errno, "cannot look at '%s'",
				     path);
	if ((uint64_t)st.st_size != bytes || rc_mtime_ns(&st) != mtime_ns)
		return rc_fail(err, RC_E_INPUT, "input_changed",
			       "'%s' changed since it was scanned; let its writer finish and run "
			       "again", path);
	return 0;
}

/* --- unpacked files --------------------------------------------------------------------------- */

void rc_readers_use(struct rc_readers *p, struct rc_unpacked *u)
{
	p->unpacked = u && !rc_unpacked_empty(u) ? u : NULL;
}

bool rc_readers_look(const struct rc_readers *p, const char *path, struct rc_unpacked_id *id_out)
{
	return p->unpacked && rc_unpacked_look(p->unpacked, path, id_out);
}

int rc_readers_hold(struct rc_readers *p, const char *path, struct rc_err *err)
{
	int rc;

	if (!p->unpacked)
		return 0;
	rc_unpacked_claim(p->unpacked, path);
	rc = rc_unpacked_ready(p->unpacked, path, true, err);
	if (rc)
		rc_unpacked_release(p->unpacked, path);
	return rc;
}

void rc_readers_release(struct rc_readers *p, const char *path)
{
	if (p->unpacked)
		rc_unpacked_release(p->unpacked, path);
}

bool rc_readers_have_room(struct rc_readers *p, const char *path)
{
	return !p->unpacked || rc_unpacked_has_room(p->unpacked, path);
}

void rc_readers_claim(struct rc_readers *p, const char *path)
{
	if (p->unpacked)
		rc_unpacked_claim(p->unpacked, path);
}

int rc_readers_ready(struct rc_readers *p, const char *path, struct rc_err *err)
{
	return p->unpacked ? rc_unpacked_ready(p->unpacked, path, false, err) : 0;
}
