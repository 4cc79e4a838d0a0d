/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "outdir.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/outfile.h"
#include "formats/container.h"
#include "journal.h"
#include "manifest.h"
#include "quarantine.h"

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

static bool begins_with(const char *path, const char *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char head[256] = "";

	if (fd < 0)
		return false;
	if (read(fd, head, sizeof head - 1) < 0)
		head[0] = '\0';
	close(fd);
	return strstr(head, text) != NULL;
}

/* The file starts like a JSON document of this program. */
static bool is_our_json(const char *dir, const char *name)
{
	char *path;
	bool ours;

	if (rc_sprintf(&path, NULL, "%s/%s", dir, name))
		return false;
	ours = begins_with(path, "\"robocache-");
	free(path);
	return ours;
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

/* Shards by the old manifest or by a report. */
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

/* Those that a run that was stopped had finished, and those that it was to replace. */
static int list_journal(struct rc_outdir *d, struct rc_err *err)
{
	struct rc_past past;
	int rc = 0;

	if (rc_past_read(d->path, &past, NULL))
		return 0;
	for (size_t i = 0; i < past.n_lines && !rc; i++) {
		struct rc_json *line = rc_past_shard(&past, past.lines[i].shard);
		const char *shard = rc_json_string(rc_json_get(line, "path"));

		if (shard && rc_outdir_is_shard(shard))
			rc = add_old(d, shard, err);
		rc_json_free(line);
	}
	for (size_t i = 0; i < past.n_old && !rc; i++)
		if (rc_outdir_is_shard(past.old[i]))
			rc = add_old(d, past.old[i], err);
	rc_past_release(&past);
	return rc;
}

/* The files beside the shards; manifest first. */
static const char *const json_names[] = {RC_MANIFEST_NAME, RC_REPORT_NAME, RC_JOURNAL_NAME,
					 RC_QUARANTINE_NAME};
enum { MANIFEST, REPORT, JOURNAL, QUARANTINE, N_JSON };

static size_t which_json(const char *name)
{
	size_t i = 0;

	while (i < N_JSON && strcmp(json_names[i], name) != 0)
		i++;
	return i;
}

/* A file that would be replaced: is that as the user wants it? */
static int judge(const struct rc_outdir *d, const char *name, const bool ours[N_JSON],
		 struct rc_err *err)
{
	bool any = false;

	for (size_t i = 0; i < N_JSON; i++)
		any |= ours[i];
	if (!any)
		return rc_fail(err, RC_E_USAGE, "output_exists",
			       "'%s/%s' exists already and is not from robocache (no JSON file of "
			       "its own beside it); choose another --output", d->path, name);
	if (d->force)
		return 0;
	if (d->resume && !ours[JOURNAL])
		return rc_fail(err, RC_E_USAGE, "output_exists",
			       "'%s' has no " RC_JOURNAL_NAME ", so there is no run to --resume; "
			       "give --force to replace the dataset, or another --output", d->path);
	if (d->resume)
		return 0;
	if (!ours[MANIFEST] && ours[JOURNAL])
		return rc_fail(err, RC_E_USAGE, "output_exists",
			       "'%s/%s' is of a run that did not come to its end; give --resume to "
			       "go on with it, --force to start anew, or another --output", d->path,
			       name);
	return rc_fail(err, RC_E_USAGE, "output_exists",
		       "'%s/%s' exists already; give --force to replace the dataset in '%s', "
		       "--resume to make what is missing in it, or another --output", d->path, name,
		       d->path);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Each name once. */
static void sort_old(struct rc_outdir *d)
{
	size_t kept = 0;

	if (d->n_old)
		qsort(d->old, d->n_old, sizeof *d->old, by_name);
	for (size_t i = 0; i < d->n_old; i++) {
		if (kept && !strcmp(d->old[kept - 1], d->old[i]))
			free(d->old[i]);
		else
			d->old[kept++] = d->old[i];
	}
	d->n_old = kept;
}

static int look_inside(struct rc_outdir *d, struct rc_err *err)
{
	bool ours[N_JSON];
	DIR *dir = opendir(d->path);
	struct dirent *e;
	int rc = 0;

	if (!dir)
		return errno == ENOENT ? 0
				       : rc_fail_errno(err, RC_E_OUTPUT, "output", errno,
						       "cannot list output directory '%s'",
						       d->path);
	for (size_t i = 0; i < N_JSON; i++)
		ours[i] = is_our_json(d->path, json_names[i]);
	while (!rc && (e = readdir(dir))) {
		size_t json = which_json(e->d_name);

		if (json < N_JSON && json != MANIFEST && ours[json] && !ours[MANIFEST])
			continue; /* of a run that failed: nothing to lose */
		if (json < N_JSON || rc_outdir_is_shard(e->d_name))
			rc = judge(d, e->d_name, ours, err);
	}
	closedir(dir);
	if (!rc && ours[MANIFEST])
		rc = list_old(d, RC_MANIFEST_NAME, err);
	if (!rc && ours[REPORT])
		rc = list_old(d, RC_REPORT_NAME, err);
	if (!rc && ours[JOURNAL])
		rc = list_journal(d, err);
	sort_old(d);
	return rc;
}

int rc_outdir_check(struct rc_outdir *d, const char *path, struct rc_err *err)
{
	const char *dot = strrchr(path, '.');
	struct stat st;

	d->path = path;
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

/* Whether dir is the output directory, which need not be there yet: then its name has to do. */
static bool is_output(const struct rc_outdir *d, const char *dir)
{
	struct stat out, st;

	if (stat(d->path, &out) == 0)
		return stat(dir, &st) == 0 && st.st_dev == out.st_dev && st.st_ino == out.st_ino;
	return stat(dir, &st) != 0 && !strcmp(rc_path_last(dir), rc_path_last(d->path));
}

static int check_place(const struct rc_outdir *d, const char *report, const char *dir,
		       struct rc_err *err)
{
	const char *name = rc_path_last(report);
	bool inside = is_output(d, dir);
	struct stat st;

	if (!inside && !rc_path_is_dir(dir))
		return rc_fail(err, RC_E_USAGE, "output",
			       "--report '%s': there is no directory '%s'", report, dir);
	if (inside && ((which_json(name) < N_JSON && which_json(name) != REPORT) ||
		       rc_outdir_is_shard(name)))
		return rc_fail(err, RC_E_USAGE, "output",
			       "--report '%s' is the name of another file of the output; name "
			       "another one", report);
	if (stat(report, &st) != 0)
		return 0;
	if (!S_ISREG(st.st_mode))
		return rc_fail(err, RC_E_USAGE, "output",
			       "--report '%s' exists and is %s; name another file, or - for "
			       "standard output", report,
			       S_ISDIR(st.st_mode) ? "a directory" : "not a regular file");
	if (st.st_size && !begins_with(report, "\"robocache-report-"))
		return rc_fail(err, RC_E_USAGE, "output",
			       "--report '%s' exists and is no report of robocache; name another "
			       "file, or remove it", report);
	return 0;
}

int rc_outdir_check_report(const struct rc_outdir *d, const char *report, struct rc_err *err)
{
	char *dir;
	int rc;

	if (!report || !strcmp(report, "-"))
		return 0;
	if (!*rc_path_last(report))
		return rc_fail(err, RC_E_USAGE, "output", "--report '%s' names no file", report);
	rc = rc_path_parent(report, &dir, err);
	if (rc)
		return rc;
	rc = check_place(d, report, dir, err);
	free(dir);
	return rc;
}

/* --- using it --------------------------------------------------------------------------------- */

int rc_outdir_lock(struct rc_outdir *d, struct rc_err *err)
{
	struct stat st;

	if (d->lock.path || (stat(d->path, &st) != 0 && errno == ENOENT))
		return 0;
	return rc_outlock_take(&d->lock, d->path, err);
}

static void forget_old(struct rc_outdir *d)
{
	for (size_t i = 0; i < d->n_old; i++)
		free(d->old[i]);
	d->n_old = 0;
}

/* ".<name>.tmp-<pid>-<n>", of a file that a run makes here; *pid_out has made it. */
static bool is_temporary(const char *name, long *pid_out)
{
	const char *mark = strstr(name, ".tmp-");
	char target[64];

	if (name[0] != '.' || !mark || (size_t)(mark - name) > sizeof target)
		return false;
	snprintf(target, sizeof target, "%.*s", (int)(mark - name - 1), name + 1);
	*pid_out = strtol(mark + 5, NULL, 10);
	return rc_outdir_is_shard(target) || which_json(target) < N_JSON;
}

/* With the lock there is nobody else whose they could be. */
static void sweep(const struct rc_outdir *d)
{
	DIR *dir = opendir(d->path);
	struct dirent *e;
	long pid;

	while (dir && (e = readdir(dir)))
		if (is_temporary(e->d_name, &pid) && pid > 0 &&
		    (d->lock.sure || (kill((pid_t)pid, 0) != 0 && errno == ESRCH)))
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
}

int rc_outdir_begin(struct rc_outdir *d, struct rc_err *err)
{
	int rc = rc_mkdirs(d->path, err);

	if (!rc)
		rc = rc_outdir_lock(d, err);
	if (!rc) { /* another run may have come and gone since the first look */
		forget_old(d);
		rc = look_inside(d, err);
	}
	if (!rc)
		sweep(d);
	return rc;
}

int rc_outdir_retract(const struct rc_outdir *d, struct rc_err *err)
{
	char *path;
	int rc = rc_sprintf(&path, err, "%s/" RC_MANIFEST_NAME, d->path);

	if (rc)
		return rc;
	if (unlink(path) != 0 && errno != ENOENT)
		rc = rc_fail_errno(err, RC_E_OUTPUT, "output", errno, "cannot replace '%s'", path);
	free(path);
	return rc;
}

static bool has_name(const char *const *sorted, size_t n, const char *name)
{
	return n && bsearch(&name, sorted, n, sizeof *sorted, by_name);
}

int rc_outdir_finish(const struct rc_outdir *d, const struct rc_writer *w, struct rc_err *err)
{
	DIR *dir = opendir(d->path);
	const char **now = NULL;
	struct dirent *e;
	size_t n = 0;
	int rc = rc_new_array(&now, w->plan->n_shards, sizeof *now, err);

	for (size_t i = 0; i < w->plan->n_shards && !rc; i++)
		if (w->shards[i].committed)
			now[n++] = w->shards[i].name;
	if (n)
		qsort(now, n, sizeof *now, by_name);
	while (!rc && dir && (e = readdir(dir))) {
		if (!rc_outdir_is_shard(e->d_name) || has_name(now, n, e->d_name))
			continue;
		if (has_name((const char *const *)d->old, d->n_old, e->d_name))
			unlinkat(dirfd(dir), e->d_name, 0);
		else
			rc_log(RC_LOG_WARN, "'%s/%s' is no part of this dataset and was left",
			       d->path, e->d_name);
	}
	if (dir)
		closedir(dir);
	free(now);
	return rc;
}

void rc_outdir_release(struct rc_outdir *d)
{
	forget_old(d);
	free(d->old);
	rc_outlock_drop(&d->lock);
	*d = (struct rc_outdir){0};
}
