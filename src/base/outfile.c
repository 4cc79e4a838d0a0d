/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"
#include "base/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/flusher.h"
#include "base/mem.h"
#include "base/path.h"

/* What the user can do about a failed system call on an output. */
static const char *remedy(int sys)
{
	switch (sys) {
	case ENOSPC:
	case EDQUOT:
		return "; free some space or choose another output directory";
	case EFBIG:
		return "; raise the limit of file sizes (ulimit -f), or choose an output directory "
		       "whose file system has large files";
	case EROFS:
		return "; choose an output directory on a writable file system";
	case EACCES:
	case EPERM:
		return "; check the permissions of its directory or choose another one";
	case ENOENT:
	case ENOTDIR:
		return "; check the directory part of the path";
	case EMFILE:
	case ENFILE:
		return "; raise the limit of open files (ulimit -n)";
	default:
		return "";
	}
}

int rc_outfile_fail(struct rc_err *err, int sys, const char *deed, const char *path)
{
	errno = sys;
	return rc_fail(err, RC_E_OUTPUT,
		       sys == ENOSPC || sys == EDQUOT ? "no_space" : "output_failed",
		       "cannot %s '%s': %m%s", deed, path, remedy(sys));
}

static int open_retry(const char *path, int flags)
{
	int fd;

	do
		fd = open(path, flags | O_CLOEXEC, 0666);
	while (fd < 0 && errno == EINTR);
	return fd;
}

/* Some file systems have nothing to sync and say so with EINVAL; that is no loss. */
static int sync_with(int (*sync)(int), int fd)
{
	int bad;

	do
		bad = sync(fd);
	while (bad && errno == EINTR);
	return bad && errno != EINVAL && errno != ENOTSUP ? errno : 0;
}

int rc_sync_fd(int fd)
{
	return sync_with(fsync, fd);
}

int rc_sync_data_fd(int fd)
{
	return sync_with(fdatasync, fd);
}

/* close() is where some network file systems report a failed write.  EINTR has closed as well. */
static int close_fd(int fd)
{
	return close(fd) && errno != EINTR ? errno : 0;
}

/* Syncs the file or directory at path; an errno or 0. */
static int sync_path(const char *path, int flags)
{
	int sys, sys_close, fd = open_retry(path, O_RDONLY | flags);

	if (fd < 0)
		return errno;
	sys = rc_sync_fd(fd);
	sys_close = close_fd(fd);
	return sys ? sys : sys_close;
}

/* Syncs the directory that holds path; an errno or 0. */
static int sync_parent(const char *path)
{
	char *dir;
	int sys;

	if (rc_path_parent(path, &dir, NULL))
		return ENOMEM;
	sys = sync_path(dir, O_DIRECTORY);
	free(dir);
	return sys;
}

/* A device, pipe or directory would be replaced by the rename, which nobody wants. */
static int check_target(const char *path, struct rc_err *err)
{
	struct stat st;

	if (!*rc_path_last(path))
		return rc_fail(err, RC_E_OUTPUT, "output_failed",
			       "output '%s' names no file; add a file name", path);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return rc_fail(err, RC_E_OUTPUT, "output_failed",
			       "output '%s' exists and is %s; choose another name", path,
			       S_ISDIR(st.st_mode) ? "a directory" : "not a regular file");
	return 0;
}

static int make_temporary(struct rc_outfile *f, struct rc_err *err)
{
	static atomic_uint counter;
	const char *base = rc_path_last(f->path);
	int rc, fd, tries;

	for (tries = 0; tries < 100; tries++) {
		/* 200 bytes of the name leave room for the rest below NAME_MAX. */
		rc = rc_sprintf(&f->tmp_path, err, "%.*s.%.200s.tmp-%ld-%u",
				(int)(base - f->path), f->path, base, (long)getpid(),
				atomic_fetch_add(&counter, 1));
		if (rc)
			return rc;
		fd = open_retry(f->tmp_path, O_WRONLY | O_CREAT | O_EXCL);
		if (fd >= 0) {
			close(fd); /* nothing was written */
			return 0;
		}
		if (errno != EEXIST)
			break;
		free(f->tmp_path); /* left by a killed run that had our process id */
		f->tmp_path = NULL;
	}
	rc = rc_outfile_fail(err, errno, "create", f->path);
	free(f->tmp_path); /* not ours: it must not be removed */
	f->tmp_path = NULL;
	return rc;
}

int rc_outfile_open(struct rc_outfile *f, const char *path, struct rc_err *err)
{
	int rc;

	*f = (struct rc_outfile){0};
	rc = check_target(path, err);
	if (!rc)
		rc = rc_strdup(&f->path, path, err);
	if (!rc)
		rc = make_temporary(f, err);
	if (rc)
		rc_outfile_abandon(f);
	return rc;
}

void rc_outfile_start_sync(struct rc_outfile *f)
{
	if (!f->flusher)
		f->flusher = rc_flusher_start(f->tmp_path);
	if (f->flusher)
		rc_flusher_ask(f->flusher);
}

/* An errno or 0. */
static int end_flusher(struct rc_outfile *f)
{
	int sys = rc_flusher_end(f->flusher);

	f->flusher = NULL;
	return sys;
}

int rc_outfile_commit(struct rc_outfile *f, struct rc_err *err)
{
	int sys, rc = 0;

	sys = end_flusher(f);
	if (!sys)
		sys = sync_path(f->tmp_path, 0);
	if (sys) {
		rc = rc_outfile_fail(err, sys, "write", f->path);
		goto done;
	}
	if (rename(f->tmp_path, f->path)) {
		rc = rc_outfile_fail(err, errno, "rename the finished file to", f->path);
		goto done;
	}
	free(f->tmp_path);
	f->tmp_path = NULL;
	sys = sync_parent(f->path);
	if (sys)
		rc = rc_outfile_fail(err, sys, "sync the directory of", f->path);
done:
	rc_outfile_abandon(f);
	return rc;
}

void rc_outfile_abandon(struct rc_outfile *f)
{
	int saved = errno;

	end_flusher(f);
	if (f->tmp_path)
		unlink(f->tmp_path);
	free(f->tmp_path);
	free(f->path);
	*f = (struct rc_outfile){0};
	errno = saved;
}

int rc_write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return errno;
		if (done == 0)
			return EIO;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

int rc_outfile_put(const char *path, const void *bytes, size_t n, struct rc_err *err)
{
	struct rc_outfile f;
	int fd, sys, sys_close, rc = rc_outfile_open(&f, path, err);

	if (rc)
		return rc;
	fd = open_retry(f.tmp_path, O_WRONLY | O_TRUNC);
	if (fd < 0) {
		rc = rc_outfile_fail(err, errno, "write", path);
		goto done;
	}
	sys = rc_write_all(fd, bytes, n);
	sys_close = close_fd(fd);
	if (!sys)
		sys = sys_close;
	rc = sys ? rc_outfile_fail(err, sys, "write", path) : rc_outfile_commit(&f, err);
done:
	rc_outfile_abandon(&f);
	return rc;
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int make_one(const char *dir, const char *whole, struct rc_err *err)
{
	int sys;

	if (mkdir(dir, 0777) == 0) {
		sync_parent(dir); /* best effort: what goes inside is synced for sure */
		return 0;
	}
	sys = errno;
	if (is_directory(dir)) /* also where mkdir says EROFS or EACCES first */
		return 0;
	if (sys == EEXIST || sys == ENOTDIR)
		return rc_fail(err, RC_E_OUTPUT, "output_failed",
			       "cannot make directory '%s': '%s' exists and is not a directory; "
			       "choose another output directory",
			       whole, dir);
	return rc_outfile_fail(err, sys, "make directory", dir);
}

int rc_mkdirs(const char *path, struct rc_err *err)
{
	char *dir = NULL, *p;
	int rc;

	if (!*path)
		return rc_fail(err, RC_E_OUTPUT, "output_failed",
			       "cannot make directory '': the name is empty");
	if (is_directory(path))
		return 0;
	rc = rc_strdup(&dir, path, err);
	if (rc)
		return rc;
	for (p = dir + 1; !rc && *p; p++) {
		if (*p != '/' || p[-1] == '/')
			continue;
		*p = 0;
		rc = make_one(dir, path, err);
		*p = '/';
	}
	while (!rc && p > dir + 1 && p[-1] == '/')
		*--p = 0;
	if (!rc)
		rc = make_one(dir, path, err);
	free(dir);
	return rc;
}
