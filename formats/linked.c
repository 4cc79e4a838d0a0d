/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "formats/linked.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef SYS_openat2
#include <linux/openat2.h>
#endif

#include "base/clock.h"
#include "base/mem.h"

/* Without the slashes at its end, but for "/" itself. */
static size_t length_of(const char *root)
{
	size_t n = strlen(root);

	while (n > 1 && root[n - 1] == '/')
		n--;
	return n;
}

/* What comes behind root in path, or NULL. */
static const char *behind(const char *root, const char *path)
{
	size_t n = length_of(root);

	if (strncmp(root, path, n) != 0 || (path[n] != '/' && root[n - 1] != '/'))
		return NULL;
	path += n;
	return path + strspn(path, "/");
}

const char *rc_linked_below(const char *root, const char *path)
{
	const char *rest = behind(root, path);

	return rest ? rest : path; /* of one in the working directory, "." */
}

static int outside(const char *root, struct rc_err *err)
{
	return rc_fail(err, RC_E_INPUT, "outside",
		       "it lies outside of '%s'; name a directory that holds both as the input",
		       root);
}

/* "a/./b/../c" becomes "a/c", in place; false: it leads above where it begins. */
static bool normalise(char *path)
{
	char *to = path;

	for (const char *at = path; *at;) {
		size_t n = strcspn(at, "/");
		bool last = !at[n]; /* whose end may be written over */

		if (n == 2 && at[0] == '.' && at[1] == '.') {
			if (to == path)
				return false;
			do
				to--;
			while (to > path && to[-1] != '/');
		} else if (n && !(n == 1 && at[0] == '.')) {
			memmove(to, at, n);
			to += n;
			*to++ = '/';
		}
		if (last)
			break;
		at += n + 1;
	}
	if (to == path)
		return false;
	to[-1] = '\0';
	return true;
}

/* "link/../x" is not "x" where the link leads elsewhere: HDF5 would open another file. */
static int check_parents(const char *real_root, const char *name, const char *below,
			 struct rc_err *err)
{
	char *as_named = NULL, *as_cut = NULL, *a, *b;
	bool other;
	int rc = rc_sprintf(&as_named, err, "%s/%s", real_root, name);

	if (!rc)
		rc = rc_sprintf(&as_cut, err, "%s/%s", real_root, below);
	a = rc ? NULL : realpath(as_named, NULL);
	b = rc ? NULL : realpath(as_cut, NULL);
	other = b && (!a || strcmp(a, b) != 0);
	free(a);
	free(b);
	free(as_named);
	free(as_cut);
	return other && !rc ? rc_fail(err, RC_E_INPUT, "outside",
				      "its name leads through a link in the file system and up "
				      "again, which is not followed")
			    : rc;
}

/* Of a name as the file has it. */
static int path_below(const char *root, const char *real_root, const char *name, char **below_out,
		      struct rc_err *err)
{
	char *below;
	int rc;

	if (*name == '/') {
		const char *rest = behind(real_root, name);

		if (!rest && *root == '/')
			rest = behind(root, name);
		if (!rest)
			return outside(root, err);
		name = rest;
	}
	rc = rc_strdup(&below, name, err);
	if (rc)
		return rc;
	if (!normalise(below)) {
		free(below);
		return outside(root, err);
	}
	rc = strstr(name, "..") ? check_parents(real_root, name, below, err) : 0;
	if (rc)
		free(below);
	else
		*below_out = below;
	return rc;
}

static int cannot(int sys, struct rc_err *err)
{
	return rc_fail(err, RC_E_INPUT, sys == ENOENT ? "missing" : "unreadable", "%s",
		       strerror(sys));
}

/* A path without links in the file system: one that was put into it since it was resolved is not
 * followed.  Before Linux 5.6 the kernel cannot tell but for the last part of it. */
static int open_real(const char *real_root, const char *rest)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW;
	int dir = open(real_root, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1, sys;

	if (dir < 0)
		return -1;
#ifdef SYS_openat2
	struct open_how how = { .flags = (uint64_t)flags,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };

	fd = (int)syscall(SYS_openat2, dir, rest, &how, sizeof how);
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
#endif
		fd = openat(dir, rest, flags);
	sys = errno;
	close(dir);
	errno = sys;
	return fd;
}

/* Links in the file system are followed first, and what they lead to must be below root too. */
static int open_below(const char *root, const char *real_root, const char *below, int *fd_out,
		      struct stat *st_out, struct rc_err *err)
{
	char *path = NULL, *real = NULL;
	int fd = -1, rc = rc_sprintf(&path, err, "%s/%s", real_root, below);

	if (!rc)
		real = realpath(path, NULL);
	if (!rc && !real)
		rc = cannot(errno, err);
	if (!rc && !behind(real_root, real))
		rc = outside(root, err);
	if (!rc) {
		fd = open_real(real_root, behind(real_root, real));
		if (fd < 0 || fstat(fd, st_out))
			rc = cannot(errno, err);
		else if (!S_ISREG(st_out->st_mode))
			rc = rc_fail(err, RC_E_INPUT, "not_a_file", "it is not a file");
	}
	if (rc && fd >= 0)
		close(fd);
	else if (!rc)
		*fd_out = fd;
	free(real);
	free(path);
	return rc;
}

int rc_linked_open(const char *root, const char *name, char **below_out, int *fd_out,
		   struct stat *st_out, struct rc_err *err)
{
	char *real_root = realpath(root, NULL), *below = NULL;
	int rc = real_root ? path_below(root, real_root, name, &below, err) : cannot(errno, err);

	if (!rc)
		rc = open_below(root, real_root, below, fd_out, st_out, err);
	free(real_root);
	if (rc)
		free(below);
	else
		*below_out = below;
	return rc;
}

static int changed(const struct rc_index *ix, const char *below, struct rc_err *err)
{
	return rc_fail(err, RC_E_INPUT, "input_changed",
		       "'%s', which '%s' refers to, changed since it was scanned; let its writer "
		       "finish and run again", below, ix->path);
}

static bool same(const struct rc_linked *l, const struct stat *st)
{
	return (uint64_t)st->st_size == l->bytes && rc_mtime_ns(st) == l->mtime_ns;
}

/* Opens one that the scan saw, if it is still the same. */
static int open_known(const struct rc_index *ix, const char *real_root, const struct rc_linked *l,
		      int *fd_out, struct stat *st_out, struct rc_err *err)
{
	const char *below = rc_index_str(ix, l->path);
	struct rc_err why = {0};
	int rc = open_below(ix->root, real_root, below, fd_out, st_out, &why);

	if (rc == RC_E_NOMEM) {
		if (err)
			*err = why;
		return rc;
	}
	if (rc)
		return rc_fail(err, RC_E_INPUT, why.reason, "'%s', which '%s' refers to: %s", below,
			       ix->path, why.msg);
	if (same(l, st_out))
		return 0;
	close(*fd_out);
	*fd_out = -1;
	return changed(ix, below, err);
}

static const struct rc_linked *find(const struct rc_index *ix, const char *below,
				    uint32_t *hint_io)
{
	for (uint32_t i = 0; i < ix->n_linked; i++) {
		uint32_t at = (uint32_t)(((uint64_t)*hint_io + i) % ix->n_linked);

		if (strcmp(rc_index_str(ix, ix->linked[at].path), below) != 0)
			continue;
		*hint_io = at;
		return &ix->linked[at];
	}
	return NULL;
}

int rc_linked_known(const struct rc_index *ix, const char *name, uint32_t *hint_io,
		    char **below_out, int *fd_out, struct stat *st_out, bool *refused_out,
		    struct rc_err *err)
{
	char *real_root = realpath(ix->root, NULL), *below = NULL;
	const struct rc_linked *l = NULL;
	int rc = real_root ? path_below(ix->root, real_root, name, &below, err)
			   : cannot(errno, err);

	if (!rc)
		l = find(ix, below, hint_io);
	*refused_out = !l && rc != RC_E_NOMEM;
	if (l)
		rc = open_known(ix, real_root, l, fd_out, st_out, err);
	else if (!rc)
		rc = rc_fail(err, RC_E_INPUT, "missing", "it was not there in the scan");
	free(real_root);
	if (rc)
		free(below);
	else
		*below_out = below;
	return rc;
}

int rc_linked_reopen(const struct rc_index *ix, uint32_t i, int *fd_out, struct stat *st_out,
		     struct rc_err *err)
{
	char *real_root = realpath(ix->root, NULL);
	int rc = real_root ? open_known(ix, real_root, &ix->linked[i], fd_out, st_out, err)
			   : cannot(errno, err);

	free(real_root);
	return rc;
}

static int check_one(const struct rc_index *ix, const char *real_root, uint32_t i,
		     struct rc_err *err)
{
	struct stat st;
	int fd = -1, rc = open_known(ix, real_root, &ix->linked[i], &fd, &st, err);

	if (!rc)
		close(fd);
	return rc;
}

static int check_all(const struct rc_index *ix, const char *real_root, struct rc_err *err)
{
	int rc = 0;

	for (uint32_t i = 0; i < ix->n_linked && !rc; i++)
		rc = check_one(ix, real_root, i, err);
	return rc;
}

/* Of the streams of an episode and their clocks, each file as often as it changes. */
static int check_episode(const struct rc_index *ix, const char *real_root,
			 const struct rc_index_episode *e, struct rc_err *err)
{
	uint32_t last = 0;
	int rc = 0;

	for (uint32_t i = 0; i < e->n_streams && !rc; i++) {
		const struct rc_stream *s = &ix->streams[e->first_stream + i];
		const uint32_t of[] = {s->dataset, s->clock.dataset, s->clock.rows - 1};

		for (size_t k = 0; k < RC_ARRAY_LEN(of) && !rc; k++) {
			uint32_t linked = of[k] < ix->n_datasets ? ix->datasets[of[k]].linked : 0;

			if (linked == RC_LINKED_MANY)
				return check_all(ix, real_root, err);
			if (linked && linked != last)
				rc = check_one(ix, real_root, linked - 1, err);
			last = linked ? linked : last;
		}
	}
	return rc;
}

int rc_linked_same(const struct rc_index *ix, uint32_t i_episode, struct rc_err *err)
{
	char *real_root;
	int rc;

	if (!ix->n_linked)
		return 0;
	real_root = realpath(ix->root, NULL);
	if (!real_root)
		return cannot(errno, err);
	rc = i_episode == UINT32_MAX
		     ? check_all(ix, real_root, err)
		     : check_episode(ix, real_root, &ix->episodes[i_episode], err);
	free(real_root);
	return rc;
}
