/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scanning a file in this process and asking what was found; shared by test_layouts.c and
 * test_h5tree.c.  The generated files come from tests/make_data.py (python3 with h5py), once a
 * program, or from $RC_TEST_DATA; recordings of others from $RC_SHARED_DATA.  Where they are not,
 * tests skip.
 */
#ifndef SCAN_FILE_H
#define SCAN_FILE_H

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/hooks.h>

#include "formats/format.h"

/* --- data to look at -------------------------------------------------------------------------- */

static char made_here[] = "/tmp/robocache-layouts-XXXXXX";

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline bool make_data(const char *dir)
{
	const char *python = getenv("PYTHON3"), *top = getenv("top_srcdir");
	char script[4096];
	int status;
	pid_t pid;

	snprintf(script, sizeof script, "%s/tests/make_data.py", top ? top : ".");
	pid = fork();
	if (pid == 0) {
		execlp(python && *python ? python : "python3", "python3", script, dir,
		       (char *)NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

ReportHook(PRE_ALL)(struct criterion_test_set *set)
{
	(void)set;
	if (!getenv("RC_TEST_DATA") && mkdtemp(made_here) && make_data(made_here))
		setenv("RC_TEST_DATA", made_here, 1);
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	(void)stats;
	nftw(made_here, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void path_in(const char *env, const char *fallback, const char *name,
			   char *dst, size_t cap)
{
	const char *dir = getenv(env);

	snprintf(dst, cap, "%s/%s", dir && *dir ? dir : fallback, name);
	if (access(dst, R_OK) != 0)
		cr_skip_test("'%s' is not here", dst);
}

static inline void made(const char *name, char *dst, size_t cap)
{
	path_in("RC_TEST_DATA", "/nonexistent", name, dst, cap);
}

static inline void recorded(const char *name, char *dst, size_t cap)
{
	const char *top = getenv("top_srcdir");
	char fallback[2048];

	snprintf(fallback, sizeof fallback, "%s/../shared/data", top ? top : ".");
	path_in("RC_SHARED_DATA", fallback, name, dst, cap);
}

/* --- scanning --------------------------------------------------------------------------------- */

static inline int scan_path(const char *path, const char *wanted, struct rc_index **ix_out,
		     struct rc_err *err)
{
	struct rc_index_builder *b = NULL;
	struct rc_h5_tree *t = NULL;
	struct stat st;
	void *block;
	size_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	cr_assert(fd >= 0 && fstat(fd, &st) == 0, "%s", path);
	rc_h5_init();
	rc = rc_h5_tree_open(fd, (uint64_t)st.st_size, NULL, &t, err);
	if (rc == 0)
		rc = rc_index_builder_new(&b, err);
	if (rc == 0)
		rc = rc_layout_scan(t, wanted, b, err);
	if (rc == 0)
		rc = rc_index_builder_end(b, &block, &n, err);
	if (rc == 0)
		rc = rc_index_open(block, n, path, (uint64_t)st.st_size, ix_out, err);
	rc_index_builder_free(b);
	rc_h5_tree_close(t);
	close(fd);
	return rc;
}

static inline struct rc_index *scan(const char *name, const char *wanted)
{
	struct rc_index *ix = NULL;
	struct rc_err err = { 0 };
	char path[4096];

	made(name, path, sizeof path);
	cr_assert_eq(scan_path(path, wanted, &ix, &err), 0, "%s: %s", name, err.msg);
	return ix;
}

static inline struct rc_index *scan_recorded(const char *name)
{
	struct rc_index *ix = NULL;
	struct rc_err err = { 0 };
	char path[4096];

	recorded(name, path, sizeof path);
	cr_assert_eq(scan_path(path, NULL, &ix, &err), 0, "%s: %s", name, err.msg);
	return ix;
}

static inline void refused(const char *name, const char *wanted, int code, const char *reason,
		    const char *text)
{
	struct rc_index *ix = NULL;
	struct rc_err err = { 0 };
	char path[4096];

	made(name, path, sizeof path);
	cr_assert_eq(scan_path(path, wanted, &ix, &err), code, "%s: %d %s", name, err.code,
		     err.msg);
	cr_assert_str_eq(err.reason, reason, "%s: %s", name, err.msg);
	cr_assert(strstr(err.msg, text), "%s: '%s' lacks '%s'", name, err.msg, text);
}

/* --- asking ----------------------------------------------------------------------------------- */

static inline const char *str(const struct rc_index *ix, uint32_t off)
{
	return rc_index_str(ix, off);
}

static inline const struct rc_stream *find(const struct rc_index *ix, uint32_t episode,
					   const char *name)
{
	const struct rc_index_episode *e = &ix->episodes[episode];

	cr_assert_lt(episode, ix->n_episodes);
	for (uint32_t i = 0; i < e->n_streams; i++)
		if (strcmp(str(ix, ix->streams[e->first_stream + i].name), name) == 0)
			return &ix->streams[e->first_stream + i];
	return NULL;
}

static inline const struct rc_stream *need(const struct rc_index *ix, uint32_t episode,
					   const char *name)
{
	const struct rc_stream *s = find(ix, episode, name);

	cr_assert_not_null(s, "no stream '%s' in episode %u", name, episode);
	return s;
}

static inline const struct rc_dataset *data_of(const struct rc_index *ix, const char *name)
{
	return &ix->datasets[need(ix, 0, name)->dataset];
}

static inline const struct rc_note *note(const struct rc_index *ix, const char *code,
					 const char *part)
{
	for (uint32_t i = 0; i < ix->n_notes; i++)
		if (strcmp(str(ix, ix->notes[i].code), code) == 0 &&
		    strstr(str(ix, ix->notes[i].message), part))
			return &ix->notes[i];
	return NULL;
}

static inline void has_note(const struct rc_index *ix, enum rc_severity sev, const char *code,
		     const char *part)
{
	const struct rc_note *n = note(ix, code, part);

	cr_assert_not_null(n, "no note %s about '%s'", code, part);
	cr_assert_eq(n->severity, sev, "%s", code);
}

static inline void has_clock(const struct rc_index *ix, const char *stream, const char *clock,
		      const char *unit, const char *origin)
{
	const struct rc_stream_clock *k = &need(ix, 0, stream)->clock;

	cr_assert_eq(k->kind, RC_CLOCK_MEASURED, "%s", stream);
	cr_assert_str_eq(str(ix, ix->datasets[k->dataset].path), clock, "%s", stream);
	cr_assert_str_eq(str(ix, k->unit_name), unit, "%s", stream);
	cr_assert_str_eq(str(ix, k->unit_origin), origin, "%s", stream);
}

static inline void has_order(const struct rc_index *ix, const char *stream, const char *order,
		      const char *origin)
{
	const struct rc_stream *s = need(ix, 0, stream);
	bool listed = false;

	cr_assert(s->kind == RC_KIND_QUAT || s->kind == RC_KIND_POSE, "%s", stream);
	cr_assert_str_eq(str(ix, s->quat_order), order, "%s", stream);
	cr_assert_str_eq(str(ix, s->quat_origin), origin, "%s", stream);
	for (uint32_t i = 0; i < ix->n_conventions; i++)
		listed |= strcmp(str(ix, ix->conventions[i].value), order) == 0 &&
			  strcmp(str(ix, ix->conventions[i].origin), origin) == 0;
	cr_assert(listed, "%s %s is not among the conventions", order, origin);
}

static inline void is_layout(const struct rc_index *ix, const char *name, uint32_t n_episodes)
{
	cr_assert_str_eq(str(ix, ix->layout), name);
	cr_assert_eq(ix->n_episodes, n_episodes, "%u episodes", ix->n_episodes);
}

#endif
