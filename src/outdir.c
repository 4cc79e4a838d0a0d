/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "outdir.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "formats/container.h"
#include "manifest.h"

/* A name that `convert` gives to shards: what the layout makes of the number in it. */
bool rc_outdir_is_shard(const char *name)
{
	size_t at = 0;
	unsigned long long number;
	char again[64];

	while (name[at] && !isdigit((unsigned char)name[at]))
		at++;
	if (!name[at])
		return false;
	errno = 0;
	number = strtoull(name + at, NULL, 10);
	if (errno)
		return false;
	for (size_t i = 0; i < rc_n_shard_layouts; i++) {
		size_t n;

		rc_shard_layouts[i]->file_name(number, again, sizeof again);
		n = strlen(again);
		if (!strncmp(name, again, n) && (!name[n] || !strcmp(name + n, ".zst")))
			return true;
	}
	return false;
}

/* --- what is there ---------------------------------------------------------------------------- */

/* The file starts like a JSON document of this program. */
static bool is_our_json(const char *dir, const char *name)
{
	char *path, head[256] = "";
	int fd;

	if (rc_sprintf(&path, NULL, "%s/%s", dir, name))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	free(path);
	if (fd < 0)
		return false;
	if (read(fd, head, sizeof head - 1) < 0)
		head[0] = '\0';
	close(fd);
	return strstr(head, "\"robocache-") != NULL;
}

static int add_old(struct rc_outdir *d, const char *name, struct rc_err *err)
{
	int rc = rc_grow_array(&d->old, &d->cap_old, d->n_old + 1, sizeof *d->old, err);

	if (!rc)
		rc = rc_strdup(&d->old[d->n_old], name, err);
	if (!rc)
		d->n_old++;
	return rc;
}

/* Shards by the old manifest or, of a run that was stopped, by its report. */
static int list_old(struct rc_outdir *d, const char *name, struct rc_err *err)
{
	enum { MAX_BYTES = 1 << 30 };
	struct rc_json *root = NULL;
	struct rc_buf text;
	char *path;
	int rc = rc_sprintf(&path, err, "%s/%s", d->path, name);

	if (rc)
		return rc;
	rc_buf_init(&text);
	if (!rc_buf_read_file(&text, path, MAX_BYTES, NULL) &&
	    !rc_json_parse(text.p, text.len, path, &root, NULL))
		for (const struct rc_json *s = rc_json_child(rc_json_get(root, "shards")); s && !rc;
		     s = rc_json_next(s)) {
			const char *shard = rc_json_string(rc_json_get(s, "path"));
			if (shard && rc_outdir_is_shard(shard))
				rc = add_old(d, shard, err);
		}
	rc_json_free(root);
	rc_buf_release(&text);
	free(path);
	return rc;
}

static bool is_json_name(const char *name)
{
	return !strcmp(name, RC_MANIFEST_NAME) || !strcmp(name, "report.json");
}

static int look_inside(struct rc_outdir *d, struct rc_err *err)
{
	bool manifest = is_our_json(d->path, RC_MANIFEST_NAME);
	bool report = is_our_json(d->path, "report.json");
	DIR *dir = opendir(d->path);
	struct dirent *e;
	int rc = 0;

	if (!dir)
		return errno == ENOENT ? 0
				       : rc_fail_errno(err, RC_E_OUTPUT, "output", errno,
						       "cannot list output directory '%s'",
						       d->path);
	while (!rc && (e = readdir(dir))) {
		bool shard = rc_outdir_is_shard(e->d_name);

		if (!strcmp(e->d_name, "report.json") && report && !manifest)
			continue; /* of a run that failed: nothing to lose */
		if (!shard && !is_json_name(e->d_name))
			continue;
		if (!manifest && !report)
			rc = rc_fail(err, RC_E_USAGE, "output_exists",
				     "'%s/%s' exists already and is not from robocache (no "
				     "manifest.json or report.json of its own beside it); choose "
				     "another --output",
				     d->path, e->d_name);
		else if (!d->force)
			rc = rc_fail(err, RC_E_USAGE, "output_exists",
				     "'%s/%s' exists already; give --force to replace the dataset "
				     "in '%s', or another --output",
				     d->path, e->d_name, d->path);
	}
	closedir(dir);
	if (!rc && manifest)
		rc = list_old(d, RC_MANIFEST_NAME, err);
	if (!rc && report)
		rc = list_old(d, "report.json", err);
	return rc;
}

int rc_outdir_check(struct rc_outdir *d, const char *path, bool force, struct rc_err *err)
{
	const char *dot = strrchr(path, '.');
	struct stat st;

	*d = (struct rc_outdir){.path = path, .force = force, .lock = -1};
	if (!*path)
		return rc_fail(err, RC_E_USAGE, "output", "--output is empty; name a directory");
	if (stat(path, &st) != 0 && (rc_container_of_name(path) == RC_CONTAINER_PACKED ||
				     rc_container_of_name(path) == RC_CONTAINER_ARCHIVE))
		return rc_fail(err, RC_E_USAGE, "output",
			       "--output '%s' names a file, but the output is a directory; for a "
			       "stream give --output - and send it there with '>'", path);
	if (stat(path, &st) != 0 && dot && (!strcmp(dot, ".h5") || !strcmp(dot, ".hdf5")))
		return rc_fail(err, RC_E_USAGE, "output",
			       "--output '%s' names a file, but the output is a directory of "
			       "shards; try --output '%.*s'",
			       path, (int)(dot - path), path);
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return rc_fail(err, RC_E_USAGE, "output",
			       "--output '%s' exists and is not a directory", path);
	return look_inside(d, err);
}

int rc_outdir_check_inputs(const struct rc_outdir *d, const struct rc_inputs *in,
			   struct rc_err *err)
{
	struct stat out, st;

	if (stat(d->path, &out) != 0)
		return 0;
	for (size_t i = 0; i < in->n; i++) {
		/* where the file really is: its name may be a symbolic link into the output */
		char *real = realpath(in->files[i].path, NULL), *slash;
		bool same;

		if (!real)
			continue; /* it will fail as an input */
		slash = strrchr(real, '/');
		*slash = '\0';
		same = stat(slash == real ? "/" : real, &st) == 0 && st.st_dev == out.st_dev &&
		       st.st_ino == out.st_ino && rc_outdir_is_shard(slash + 1);
		free(real);
		if (same)
			return rc_fail(err, RC_E_USAGE, "output",
				       "input '%s' lies in the output directory and would be "
				       "replaced; choose another --output",
				       in->files[i].path);
	}
	return 0;
}

/* --- using it --------------------------------------------------------------------------------- */

/* File systems without locks let everybody in; most network file systems have them. */
static int lock(struct rc_outdir *d, struct rc_err *err)
{
	d->lock = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->lock < 0)
		return rc_fail_errno(err, RC_E_OUTPUT, "output", errno,
				     "cannot open output directory '%s'", d->path);
	if (flock(d->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		return rc_fail(err, RC_E_USAGE, "output_busy",
			       "another run is writing into '%s'; wait for it, or choose another "
			       "--output",
			       d->path);
	return 0;
}

static void forget_old(struct rc_outdir *d)
{
	for (size_t i = 0; i < d->n_old; i++)
		free(d->old[i]);
	d->n_old = 0;
}

int rc_outdir_begin(struct rc_outdir *d, struct rc_err *err)
{
	char *path;
	int rc = rc_mkdirs(d->path, err);

	if (!rc)
		rc = lock(d, err);
	if (!rc) { /* another run may have come and gone since the first look */
		forget_old(d);
		rc = look_inside(d, err);
	}
	if (!rc)
		rc = rc_sprintf(&path, err, "%s/" RC_MANIFEST_NAME, d->path);
	if (rc)
		return rc;
	if (unlink(path) != 0 && errno != ENOENT)
		rc = rc_fail_errno(err, RC_E_OUTPUT, "output", errno, "cannot replace '%s'", path);
	free(path);
	return rc;
}

/* ".<shard>.tmp-<pid>-<n>", of a process that is not there any more. */
static bool is_dead_temporary(const char *name)
{
	const char *mark = strstr(name, ".tmp-");
	char shard[64];
	long pid;

	if (name[0] != '.' || !mark || (size_t)(mark - name) > sizeof shard)
		return false;
	snprintf(shard, sizeof shard, "%.*s", (int)(mark - name - 1), name + 1);
	pid = strtol(mark + 5, NULL, 10);
	return rc_outdir_is_shard(shard) && pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static bool is_new(const struct rc_writer *w, const char *name)
{
	for (size_t i = 0; i < w->plan->n_shards; i++)
		if (w->shards[i].committed && !strcmp(w->shards[i].name, name))
			return true;
	return false;
}

static bool is_old(const struct rc_outdir *d, const char *name)
{
	for (size_t i = 0; i < d->n_old; i++)
		if (!strcmp(d->old[i], name))
			return true;
	return false;
}

void rc_outdir_finish(const struct rc_outdir *d, const struct rc_writer *w)
{
	DIR *dir = opendir(d->path);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		bool shard = rc_outdir_is_shard(e->d_name) && !is_new(w, e->d_name);

		if (is_dead_temporary(e->d_name) || (shard && is_old(d, e->d_name)))
			unlinkat(dirfd(dir), e->d_name, 0);
		else if (shard)
			rc_log(RC_LOG_WARN, "'%s/%s' is no part of this dataset and was left",
			       d->path, e->d_name);
	}
	if (dir)
		closedir(dir);
}

void rc_outdir_release(struct rc_outdir *d)
{
	forget_old(d);
	free(d->old);
	if (d->lock >= 0)
		close(d->lock);
	*d = (struct rc_outdir){.lock = -1};
}
