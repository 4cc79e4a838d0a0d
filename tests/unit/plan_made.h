/* SPDX-License-Identifier: Apache-2.0 */
/* Inputs that no file stands behind, and a run up to the plan, for the tests of planning. */
#ifndef PLAN_MADE_H
#define PLAN_MADE_H

#include <criterion/criterion.h>

#include "plan.h"

#define EPOCH INT64_C(1700000000000000000)
#define MS INT64_C(1000000)

/* --- made-up inputs --------------------------------------------------------------------------- */

/* What one stream of a made-up episode is.  hz 0: no clock; below 0: nominal, else measured. */
struct made {
	const char *name;
	enum rc_dtype dtype;
	enum rc_kind kind;
	enum rc_role role;
	uint64_t rows, width, height; /* width 0: rank 1; height > 0: frames */
	double hz;
	int64_t start_ms;
};

static inline uint32_t add_dataset(struct rc_index_builder *b, const char *path,
				   const struct made *m)
{
	struct rc_dataset d = {
		.path = rc_ixb_str(b, path),
		.dtype = m->dtype,
		.storage = RC_STORE_READER,
		.address = RC_NO_ADDRESS,
		.rank = m->height  ? 4
			: m->width ? 2
				   : 1,
		.dims = {m->rows, m->height ? m->height : m->width, m->height ? m->width : 0,
			 m->height ? 3 : 0},
	};

	return rc_ixb_dataset(b, &d);
}

static inline void add_stream(struct rc_index_builder *b, const char *key, const struct made *m)
{
	struct made stamps = {.dtype = RC_I64, .rows = m->rows};
	char path[128];
	struct rc_stream s = {
		.name = rc_ixb_str(b, m->name),
		.kind = m->kind,
		.role = m->role,
		.n_rows = m->rows,
		.clock = {.dataset = RC_NO_DATASET, .rate_den = 1},
	};

	snprintf(path, sizeof path, "/%s/%s", key, m->name);
	s.dataset = add_dataset(b, path, m);
	if (m->hz > 0) {
		snprintf(path, sizeof path, "/%s/%s_stamps", key, m->name);
		s.clock.kind = RC_CLOCK_MEASURED;
		s.clock.dataset = add_dataset(b, path, &stamps);
		s.clock.unit_num = s.clock.unit_den = 1;
		s.clock.first_ns = EPOCH + m->start_ms * MS;
		s.clock.last_ns = s.clock.first_ns +
				  (int64_t)((double)(m->rows ? m->rows - 1 : 0) * 1e9 / m->hz);
	} else if (m->hz < 0) {
		s.clock.kind = RC_CLOCK_NOMINAL;
		s.clock.rate_num = (int64_t)-m->hz;
		s.clock.rate_origin = rc_ixb_str(b, "layout");
	}
	rc_ixb_stream(b, &s);
}

enum { MAX_FILES = 4 };

/* A run up to the plan. */
struct job {
	struct rc_scanned files[MAX_FILES];
	struct rc_scan scan;
	struct rc_settings set;
	struct rc_recipe recipe;
	struct rc_problems problems;
	struct rc_plan plan;
	struct rc_err err;
	bool planned, compiled;
};

static inline void start(struct job *j)
{
	*j = (struct job){.scan = {.files = j->files}};
	j->set.layout_out = "robomimic";
	j->set.compression = "keep";
	rc_problems_init(&j->problems);
}

/* A file with n_episodes equal episodes of these streams. */
static inline void add_file(struct job *j, const char *label, int n_episodes, const struct made *m,
			    size_t n)
{
	struct rc_scanned *f = &j->files[j->scan.n++];
	struct rc_index_builder *b;
	char key[32];
	void *block;
	size_t size;

	cr_assert_eq(rc_index_builder_new(&b, NULL), 0);
	rc_ixb_layout(b, "generic", 50, "made up", 0);
	for (int i = 0; i < n_episodes; i++) {
		struct rc_index_episode e = {.success = -1, .sim = UINT32_MAX};

		snprintf(key, sizeof key, "data/demo_%d", i);
		e.key = rc_ixb_str(b, key);
		rc_ixb_episode(b, &e);
		for (size_t k = 0; k < n; k++)
			add_stream(b, key, &m[k]);
	}
	cr_assert_eq(rc_index_builder_end(b, &block, &size, &j->err), 0, "%s", j->err.msg);
	rc_index_builder_free(b);
	f->path = f->label = label;
	cr_assert_eq(rc_index_open(block, size, label, 1 << 20, &f->index, &j->err), 0, "%s",
		     j->err.msg);
}
#define ADD(j, label, n, ...)                                     \
	add_file(j, label, n, (const struct made[]){__VA_ARGS__}, \
		 sizeof((const struct made[]){__VA_ARGS__}) / sizeof(struct made))

static inline int make(struct job *j)
{
	int rc = rc_recipe_compile(&j->set, &j->recipe, &j->err);

	cr_assert_eq(rc, 0, "%s", j->err.msg);
	j->compiled = true;
	rc = rc_plan_make(&j->scan, &j->recipe, &j->problems, &j->plan, &j->err);
	j->planned = !rc;
	return rc;
}

static inline void good(struct job *j)
{
	cr_assert_eq(make(j), 0, "%s", j->err.msg);
}

static inline void refused(struct job *j, const char *words)
{
	cr_assert_eq(make(j), RC_E_USAGE, "code %d: %s", j->err.code, j->err.msg);
	cr_expect_neq(strstr(j->err.msg, words), NULL, "'%s' is not in: %s", words, j->err.msg);
}

static inline void end(struct job *j)
{
	if (j->planned)
		rc_plan_release(&j->plan);
	if (j->compiled)
		rc_recipe_release(&j->recipe);
	rc_problems_release(&j->problems);
	for (size_t i = 0; i < j->scan.n; i++)
		rc_index_free(j->files[i].index);
}

/* Plans again over the same inputs with other settings. */
static inline void again(struct job *j)
{
	if (j->planned)
		rc_plan_release(&j->plan);
	if (j->compiled)
		rc_recipe_release(&j->recipe);
	rc_problems_release(&j->problems);
	rc_problems_init(&j->problems);
	j->planned = j->compiled = false;
}

#define ITEMS(...)                                                    \
	((struct rc_opt_list){.items = (const char *[]){__VA_ARGS__}, \
			      .n = sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)})

static inline const struct rc_plan_stream *stream(const struct job *j, size_t episode,
						  const char *name)
{
	const struct rc_plan_episode *e = &j->plan.episodes[episode];

	for (size_t i = 0; i < e->n_streams; i++)
		if (!strcmp(e->streams[i].name, name))
			return &e->streams[i];
	return NULL;
}

static inline const char *source_text(const struct job *j, size_t episode, const char *name)
{
	const struct rc_plan_episode *e = &j->plan.episodes[episode];

	return rc_plan_source_text(rc_plan_index(&j->plan, e), e, stream(j, episode, name));
}

/* Names of the output streams of the first episode, joined by spaces. */
static inline const char *names(const struct job *j)
{
	static char text[512];
	size_t n = 0;

	text[0] = 0;
	for (size_t i = 0; i < j->plan.episodes[0].n_streams; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? " " : "",
				      j->plan.episodes[0].streams[i].name);
	return text;
}

static inline const struct rc_problem *problem(const struct job *j, const char *code)
{
	for (size_t i = 0; i < j->problems.n; i++)
		if (!strcmp(j->problems.p[i].code, code))
			return &j->problems.p[i];
	return NULL;
}

/* A robot of a few streams with clocks. */
#define ARM                                                                            \
	{"joint_pos", RC_F64, RC_KIND_LOWDIM, RC_ROLE_OBS, 500, 7, 0, 500, 0},         \
		{"joint_vel", RC_F32, RC_KIND_LOWDIM, RC_ROLE_OBS, 500, 7, 0, 500, 0}, \
		{"gripper", RC_I32, RC_KIND_LOWDIM, RC_ROLE_OBS, 20, 0, 0, 20, 10},    \
		{"eef_pose", RC_F32, RC_KIND_POSE, RC_ROLE_OBS, 100, 7, 0, 100, 0},    \
		{"cam", RC_U8, RC_KIND_IMAGE, RC_ROLE_OBS, 30, 16, 12, 30, 5},         \
	{                                                                              \
		"actions", RC_F32, RC_KIND_LOWDIM, RC_ROLE_ACTION, 20, 8, 0, 20, 0     \
	}

/* The same length everywhere, no clocks. */
#define STEPS(rows)                                                                 \
	{"qpos", RC_F64, RC_KIND_LOWDIM, RC_ROLE_OBS, rows, 7, 0, 0, 0},            \
		{"count", RC_I32, RC_KIND_LOWDIM, RC_ROLE_OBS, rows, 0, 0, 0, 0},   \
	{                                                                           \
		"actions", RC_F32, RC_KIND_LOWDIM, RC_ROLE_ACTION, rows, 6, 0, 0, 0 \
	}

#endif
