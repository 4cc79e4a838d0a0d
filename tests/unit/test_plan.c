/* SPDX-License-Identifier: Apache-2.0 */
/* Plans from indexes that no file stands behind. */
#include "base/compat.h"

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

static uint32_t add_dataset(struct rc_index_builder *b, const char *path, const struct made *m)
{
	struct rc_dataset d = {
		.path = rc_ixb_str(b, path),
		.dtype = m->dtype,
		.storage = RC_STORE_READER,
		.address = RC_NO_ADDRESS,
		.rank = m->height ? 4 : m->width ? 2 : 1,
		.dims = {m->rows, m->height ? m->height : m->width, m->height ? m->width : 0,
			 m->height ? 3 : 0},
	};

	return rc_ixb_dataset(b, &d);
}

static void add_stream(struct rc_index_builder *b, const char *key, const struct made *m)
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

static void start(struct job *j)
{
	*j = (struct job){.scan = {.files = j->files}};
	j->set.layout_out = "robomimic";
	j->set.compression = "keep";
	rc_problems_init(&j->problems);
}

/* A file with n_episodes equal episodes of these streams. */
static void add_file(struct job *j, const char *label, int n_episodes, const struct made *m,
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
#define ADD(j, label, n, ...)                                                                      \
	add_file(j, label, n, (const struct made[]){__VA_ARGS__},                                  \
		 sizeof((const struct made[]){__VA_ARGS__}) / sizeof(struct made))

static int make(struct job *j)
{
	int rc = rc_recipe_compile(&j->set, &j->recipe, &j->err);

	cr_assert_eq(rc, 0, "%s", j->err.msg);
	j->compiled = true;
	rc = rc_plan_make(&j->scan, &j->recipe, &j->problems, &j->plan, &j->err);
	j->planned = !rc;
	return rc;
}

static void good(struct job *j)
{
	cr_assert_eq(make(j), 0, "%s", j->err.msg);
}

static void refused(struct job *j, const char *words)
{
	cr_assert_eq(make(j), RC_E_USAGE, "code %d: %s", j->err.code, j->err.msg);
	cr_expect_neq(strstr(j->err.msg, words), NULL, "'%s' is not in: %s", words, j->err.msg);
}

static void end(struct job *j)
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
static void again(struct job *j)
{
	if (j->planned)
		rc_plan_release(&j->plan);
	if (j->compiled)
		rc_recipe_release(&j->recipe);
	rc_problems_release(&j->problems);
	rc_problems_init(&j->problems);
	j->planned = j->compiled = false;
}

#define ITEMS(...)                                                                                 \
	((struct rc_opt_list){.items = (const char *[]){__VA_ARGS__},                              \
			      .n = sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)})

static const struct rc_plan_stream *stream(const struct job *j, size_t episode, const char *name)
{
	const struct rc_plan_episode *e = &j->plan.episodes[episode];

	for (size_t i = 0; i < e->n_streams; i++)
		if (!strcmp(e->streams[i].name, name))
			return &e->streams[i];
	return NULL;
}

/* Names of the output streams of the first episode, joined by spaces. */
static const char *names(const struct job *j)
{
	static char text[512];
	size_t n = 0;

	text[0] = 0;
	for (size_t i = 0; i < j->plan.episodes[0].n_streams; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? " " : "",
				      j->plan.episodes[0].streams[i].name);
	return text;
}

static const struct rc_problem *problem(const struct job *j, const char *code)
{
	for (size_t i = 0; i < j->problems.n; i++)
		if (!strcmp(j->problems.p[i].code, code))
			return &j->problems.p[i];
	return NULL;
}

/* A robot of a few streams with clocks. */
#define ARM                                                                                        \
	{"joint_pos", RC_F64, RC_KIND_LOWDIM, RC_ROLE_OBS, 500, 7, 0, 500, 0},                     \
	{"joint_vel", RC_F32, RC_KIND_LOWDIM, RC_ROLE_OBS, 500, 7, 0, 500, 0},                     \
	{"gripper", RC_I32, RC_KIND_LOWDIM, RC_ROLE_OBS, 20, 0, 0, 20, 10},                        \
	{"eef_pose", RC_F32, RC_KIND_POSE, RC_ROLE_OBS, 100, 7, 0, 100, 0},                        \
	{"cam", RC_U8, RC_KIND_IMAGE, RC_ROLE_OBS, 30, 16, 12, 30, 5},                             \
	{"actions", RC_F32, RC_KIND_LOWDIM, RC_ROLE_ACTION, 20, 8, 0, 20, 0}

/* The same length everywhere, no clocks. */
#define STEPS(rows)                                                                                \
	{"qpos", RC_F64, RC_KIND_LOWDIM, RC_ROLE_OBS, rows, 7, 0, 0, 0},                           \
	{"count", RC_I32, RC_KIND_LOWDIM, RC_ROLE_OBS, rows, 0, 0, 0, 0},                          \
	{"actions", RC_F32, RC_KIND_LOWDIM, RC_ROLE_ACTION, rows, 6, 0, 0, 0}

/* --- selection and names ---------------------------------------------------------------------- */

Test(plan, streams_in_the_order_of_the_input)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 2, STEPS(10));
	good(&j);
	cr_expect_eq(j.plan.n_episodes, 2);
	cr_expect_eq(j.plan.n_order, 2);
	cr_expect_str_eq(names(&j), "qpos count actions");
	cr_expect_str_eq(j.plan.episodes[1].id, "a.h5:data/demo_1");
	cr_expect_eq(j.plan.n_names, 3);
	cr_expect_str_eq(j.plan.names[0], "actions");
	end(&j);
}

Test(plan, keep_and_drop)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, ARM);
	j.set.rate = (struct rc_rate){20, 1};
	j.set.keep = ITEMS("joint_*,actions", "gripper");
	j.set.drop = ITEMS("*_vel");
	good(&j);
	cr_expect_str_eq(names(&j), "joint_pos gripper actions");
	again(&j);
	j.set.keep = ITEMS("cam");
	j.set.drop = ITEMS("c*");
	refused(&j, "--keep and --drop leave no stream");
	again(&j);
	j.set.keep = ITEMS("cma");
	j.set.drop = ITEMS();
	refused(&j, "leave no stream");
	end(&j);
}

Test(plan, rename_and_rules_by_either_name)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, STEPS(10));
	j.set.rename = ITEMS("qpos=joint_pos");
	j.set.dtype = ITEMS("joint_pos:f32");
	good(&j);
	cr_expect_str_eq(names(&j), "joint_pos count actions");
	cr_expect_eq(stream(&j, 0, "joint_pos")->dtype, RC_F32);
	cr_expect_str_eq(stream(&j, 0, "joint_pos")->source_text, "/data/demo_0/qpos");
	again(&j);
	j.set.dtype = ITEMS("qpos:f16");
	good(&j);
	cr_expect_eq(stream(&j, 0, "joint_pos")->dtype, RC_F16);
	end(&j);
}

Test(plan, a_rule_for_no_stream_is_an_error_with_the_nearest)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, STEPS(10));
	j.set.drop = ITEMS("qpso");
	refused(&j, "'qpso' in --drop matches no stream; did you mean 'qpos'?");
	again(&j);
	j.set.drop = ITEMS();
	j.set.fuse = ITEMS("s=qpos,cuont");
	refused(&j, "did you mean 'count'?");
	end(&j);
}

/* The rule did match a stream; that the stream is left out or fused is no typo. */
Test(plan, a_rule_for_a_stream_that_is_left_out)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, ARM);
	j.set.rate = (struct rc_rate){20, 1};
	j.set.drop = ITEMS("cam");
	j.set.method = ITEMS("cam:nearest");
	cr_expect_eq(make(&j), 0, "%s", j.err.msg);
	again(&j);
	j.set.method = ITEMS();
	j.set.fuse = ITEMS("s=joint_pos,gripper");
	j.set.dtype = ITEMS("joint_pos:f64");
	cr_expect_eq(make(&j), 0, "%s", j.err.msg);
	end(&j);
}

Test(plan, names_that_collide)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, STEPS(10));
	j.set.rename = ITEMS("qpos=count");
	refused(&j, "would be named 'count'");
	again(&j);
	j.set.rename = ITEMS();
	j.set.fuse = ITEMS("count=qpos");
	refused(&j, "would be named 'count'");
	again(&j);
	j.set.fuse = ITEMS("qpos=qpos,count"); /* its member steps aside */
	good(&j);
	cr_expect_str_eq(names(&j), "qpos actions");
	again(&j);
	j.set.keep_members = true;
	refused(&j, "would be named 'qpos'");
	end(&j);
}

Test(plan, places_that_collide)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, STEPS(10),
	    {"action", RC_F32, RC_KIND_LOWDIM, RC_ROLE_ACTION, 10, 6, 0, 0, 0});
	refused(&j, "would both be 'actions'");
	cr_expect_neq(strstr(j.err.msg, "--rename"), NULL, "%s", j.err.msg);
	end(&j);
}

/* --- fuse groups ------------------------------------------------------------------------------ */

Test(plan, fuse_takes_members_in_order_and_globs_in_input_order)
{
	struct job j;
	const struct rc_plan_stream *s;

	start(&j);
	ADD(&j, "a.h5", 1, ARM);
	j.set.rate = (struct rc_rate){20, 1};
	j.set.fuse = ITEMS("state=gripper,joint_*", "actions2=eef_pose");
	good(&j);
	cr_expect_str_eq(names(&j), "state actions2 cam actions");
	s = stream(&j, 0, "state");
	cr_assert_eq(s->n_sources, 3);
	cr_expect_eq(s->rank, 2);
	cr_expect_eq(s->dims[1], 15);
	cr_expect_eq(s->sources[0].column, 0);
	cr_expect_eq(s->sources[0].width, 1);
	cr_expect_eq(s->sources[1].column, 1);
	cr_expect_eq(s->sources[2].column, 8);
	cr_expect_str_eq(s->source_text, "gripper,joint_pos,joint_vel");
	cr_expect_eq(s->sources[0].method, RC_METHOD_PREVIOUS);
	cr_expect_eq(s->sources[1].method, RC_METHOD_LINEAR);
	cr_expect_eq(s->dtype, RC_F64, "the widest float of the members");
	cr_expect(s->is_group && !s->copies && !s->stored);
	s = stream(&j, 0, "actions2");
	cr_expect_eq(s->dtype, RC_F32);
	cr_expect_eq(s->sources[0].method, RC_METHOD_SLERP);
	cr_expect_eq(s->sources[0].quat_first, 3);
	end(&j);
}

Test(plan, fuse_with_members_kept_and_a_dtype)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, STEPS(10));
	j.set.fuse = ITEMS("state=qpos,count");
	j.set.keep_members = true;
	j.set.dtype = ITEMS("f64", "state:f16");
	good(&j);
	cr_expect_str_eq(names(&j), "state qpos count actions");
	cr_expect_eq(stream(&j, 0, "state")->dtype, RC_F16);
	cr_expect_eq(stream(&j, 0, "actions")->dtype, RC_F64);
	cr_expect_eq(stream(&j, 0, "count")->dtype, RC_I32);
	end(&j);
}

Test(plan, overlapping_globs_take_a_stream_once)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, ARM);
	j.set.rate = (struct rc_rate){20, 1};
	j.set.fuse = ITEMS("state=joint_vel,joint_*");
	good(&j);
	cr_expect_eq(stream(&j, 0, "state")->dims[1], 14, "%llu columns",
		     (unsigned long long)stream(&j, 0, "state")->dims[1]);
	end(&j);
}

Test(plan, an_episode_without_a_member_is_skipped)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, STEPS(10));
	ADD(&j, "b.h5", 1, {"qpos", RC_F64, RC_KIND_LOWDIM, RC_ROLE_OBS, 10, 7, 0, 0, 0},
	    {"actions", RC_F32, RC_KIND_LOWDIM, RC_ROLE_ACTION, 10, 6, 0, 0, 0});
	j.set.fuse = ITEMS("state=qpos,count");
	good(&j);
	cr_expect_eq(j.plan.n_failed, 1);
	cr_assert_eq(j.plan.n_order, 1);
	cr_expect_eq(j.plan.order[0], 0);
	cr_expect_str_eq(j.plan.episodes[1].err.reason, "missing_stream");
	cr_expect_neq(strstr(j.plan.episodes[1].err.msg,
			     "'b.h5:data/demo_0' has no stream 'count' for fuse group 'state'"),
		      NULL, "%s", j.plan.episodes[1].err.msg);
	end(&j);
}

Test(plan, images_are_not_fused)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, ARM);
	j.set.rate = (struct rc_rate){20, 1};
	j.set.fuse = ITEMS("s=joint_pos,cam");
	refused(&j, "image stream 'cam' cannot be part of fuse group 's'");
	end(&j);
}

/* --- methods and types ------------------------------------------------------------------------ */

static enum rc_method method_of(const struct job *j, const char *name)
{
	return stream(j, 0, name)->sources[0].method;
}

Test(plan, methods_by_default_and_by_rule)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, ARM);
	j.set.rate = (struct rc_rate){20, 1};
	good(&j);
	cr_expect_eq(method_of(&j, "joint_pos"), RC_METHOD_LINEAR);
	cr_expect_eq(method_of(&j, "gripper"), RC_METHOD_PREVIOUS);
	cr_expect_eq(method_of(&j, "eef_pose"), RC_METHOD_SLERP);
	cr_expect_eq(method_of(&j, "cam"), RC_METHOD_NEAREST);
	cr_expect(stream(&j, 0, "cam")->copies && stream(&j, 0, "gripper")->copies);
	cr_expect_not(stream(&j, 0, "joint_pos")->copies);
	again(&j);
	j.set.method = ITEMS("previous", "joint_*:nearest", "joint_vel:linear");
	good(&j);
	cr_expect_eq(method_of(&j, "joint_pos"), RC_METHOD_NEAREST);
	cr_expect_eq(method_of(&j, "joint_vel"), RC_METHOD_LINEAR);
	cr_expect_eq(method_of(&j, "cam"), RC_METHOD_PREVIOUS);
	cr_expect(stream(&j, 0, "joint_pos")->copies);
	again(&j);
	j.set.method = ITEMS("slerp"); /* for all means for all that it fits */
	good(&j);
	cr_expect_eq(method_of(&j, "cam"), RC_METHOD_NEAREST);
	cr_expect_eq(method_of(&j, "gripper"), RC_METHOD_PREVIOUS);
	end(&j);
}

Test(plan, methods_that_do_not_fit_a_named_stream)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, ARM);
	j.set.rate = (struct rc_rate){20, 1};
	j.set.method = ITEMS("cam:linear");
	refused(&j, "images take nearest or previous");
	again(&j);
	j.set.method = ITEMS("actions:slerp");
	refused(&j, "method slerp does not fit stream 'actions' (lowdim, 8 values a row)");
	end(&j);
}

Test(plan, types)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, ARM);
	j.set.rate = (struct rc_rate){20, 1};
	j.set.method = ITEMS("gripper:linear");
	good(&j);
	cr_expect_eq(stream(&j, 0, "gripper")->dtype, RC_F32, "interpolated integers are floats");
	cr_expect_eq(stream(&j, 0, "joint_pos")->dtype, RC_F64);
	again(&j);
	j.set.method = ITEMS();
	j.set.dtype = ITEMS("f32");
	good(&j);
	cr_expect_eq(stream(&j, 0, "joint_pos")->dtype, RC_F32);
	cr_expect_eq(stream(&j, 0, "gripper")->dtype, RC_I32, "counters are not numbers");
	cr_expect_eq(stream(&j, 0, "cam")->dtype, RC_U8);
	again(&j);
	j.set.dtype = ITEMS("f32", "gripper:f64", "joint_pos:keep");
	good(&j);
	cr_expect_eq(stream(&j, 0, "gripper")->dtype, RC_F64);
	cr_expect_not(stream(&j, 0, "gripper")->copies);
	cr_expect_eq(stream(&j, 0, "joint_pos")->dtype, RC_F64);
	end(&j);
}

/* --- timing ----------------------------------------------------------------------------------- */

Test(plan, steps_without_a_rate)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, STEPS(10));
	good(&j);
	cr_expect_eq(j.plan.episodes[0].timing, RC_TIMING_STEPS);
	cr_expect_eq(j.plan.episodes[0].est_ticks, 10);
	cr_expect(stream(&j, 0, "qpos")->copies);
	cr_expect_eq(j.problems.n, 0);
	end(&j);
}

Test(plan, one_row_more_than_actions_is_trimmed)
{
	struct job j;
	const struct rc_problem *p;

	start(&j);
	ADD(&j, "a.h5", 3, STEPS(10), {"extra", RC_F32, RC_KIND_LOWDIM, RC_ROLE_OBS, 11, 2, 0, 0, 0});
	good(&j);
	cr_expect_eq(j.plan.episodes[0].est_ticks, 10);
	p = problem(&j, "trimmed");
	cr_assert_neq(p, NULL);
	cr_expect_str_eq(p->where, "extra");
	cr_expect_eq(p->count, 3);
	end(&j);
}

Test(plan, one_row_less_than_actions_trims_the_others)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, STEPS(10), {"extra", RC_F32, RC_KIND_LOWDIM, RC_ROLE_OBS, 9, 2, 0, 0, 0});
	good(&j);
	cr_expect_eq(j.plan.episodes[0].est_ticks, 9);
	cr_expect_neq(problem(&j, "trimmed"), NULL);
	end(&j);
}

Test(plan, other_lengths_without_clocks)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, STEPS(10), {"extra", RC_F32, RC_KIND_LOWDIM, RC_ROLE_OBS, 12, 2, 0, 0, 0});
	refused(&j, "streams differ in length ('actions' has 10 rows, 'extra' 12)");
	cr_expect_neq(strstr(j.err.msg, "--source-rate"), NULL, "%s", j.err.msg);
	again(&j);
	j.set.drop = ITEMS("extra");
	good(&j);
	end(&j);
}

Test(plan, different_rates_ask_for_one)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, ARM);
	refused(&j, "streams run at different rates");
	cr_expect_neq(strstr(j.err.msg, "give --rate HZ, or --reference STREAM"), NULL, "%s",
		      j.err.msg);
	end(&j);
}

Test(plan, a_grid_over_what_all_streams_share)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, ARM); /* from 10 ms (gripper) to 950 ms (actions) */
	j.set.rate = (struct rc_rate){20, 1};
	good(&j);
	cr_expect_eq(j.plan.episodes[0].timing, RC_TIMING_RATE);
	cr_expect_eq(j.plan.episodes[0].est_ticks, 19);
	again(&j);
	j.set.timeline = RC_TIMELINE_UNION; /* 0 to 998 ms */
	good(&j);
	cr_expect_eq(j.plan.episodes[0].est_ticks, 20);
	end(&j);
}

Test(plan, a_reference_with_and_without_a_rate)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, ARM);
	j.set.reference = "cam";
	good(&j);
	cr_expect_eq(j.plan.episodes[0].timing, RC_TIMING_STAMPS);
	cr_expect(j.plan.episodes[0].has_reference);
	cr_expect_eq(j.plan.episodes[0].est_ticks, 30);
	again(&j);
	j.set.rate = (struct rc_rate){10, 1};
	good(&j);
	cr_expect_eq(j.plan.episodes[0].timing, RC_TIMING_RATE);
	cr_expect_eq(j.plan.episodes[0].est_ticks, 10);
	again(&j);
	j.set.drop = ITEMS("cam"); /* its time rules all the same */
	good(&j);
	cr_expect_str_eq(names(&j), "joint_pos joint_vel gripper eef_pose actions");
	again(&j);
	j.set.reference = "acm";
	refused(&j, "did you mean 'cam'?");
	end(&j);
}

Test(plan, streams_without_a_clock_are_left_out_of_a_timeline)
{
	struct job j;
	const struct rc_problem *p;

	start(&j);
	ADD(&j, "a.h5", 2, ARM, {"odd", RC_F32, RC_KIND_LOWDIM, RC_ROLE_OBS, 17, 2, 0, 0, 0},
	    {"next", RC_F32, RC_KIND_LOWDIM, RC_ROLE_NEXT_OBS, 20, 2, 0, 20, 0});
	j.set.rate = (struct rc_rate){20, 1};
	good(&j);
	cr_expect_eq(stream(&j, 0, "odd"), NULL);
	cr_expect_eq(stream(&j, 0, "next"), NULL);
	p = problem(&j, "no_clock");
	cr_assert_neq(p, NULL);
	cr_expect_eq(p->count, 2);
	cr_expect_neq(strstr(p->message, "--source-rate 'odd:HZ'"), NULL, "%s", p->message);
	cr_expect_neq(problem(&j, "next_obs_dropped"), NULL);
	end(&j);
}

Test(plan, no_clock_at_all)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, STEPS(41));
	j.set.rate = (struct rc_rate){10, 1};
	refused(&j, "no stream of 'a.h5:data/demo_0' has a clock");
	cr_expect_neq(strstr(j.err.msg, "--source-rate HZ"), NULL, "%s", j.err.msg);
	again(&j);
	j.set.source_rate = ITEMS("20");
	good(&j); /* 2 s */
	cr_expect_eq(j.plan.episodes[0].est_ticks, 21);
	cr_expect_eq(stream(&j, 0, "qpos")->sources[0].clock, RC_CLOCK_NOMINAL);
	cr_expect_str_eq(stream(&j, 0, "qpos")->sources[0].rate_origin, "option");
	end(&j);
}

Test(plan, a_rate_for_all_leaves_measured_clocks_alone)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, ARM);
	j.set.rate = (struct rc_rate){20, 1};
	j.set.source_rate = ITEMS("50");
	good(&j);
	cr_expect_eq(stream(&j, 0, "cam")->sources[0].clock, RC_CLOCK_MEASURED);
	again(&j);
	j.set.source_rate = ITEMS("*:50");
	good(&j);
	cr_expect_eq(stream(&j, 0, "cam")->sources[0].clock, RC_CLOCK_NOMINAL);
	end(&j);
}

Test(plan, stamps_and_rates_share_no_origin)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, ARM);
	j.set.rate = (struct rc_rate){20, 1};
	j.set.source_rate = ITEMS("cam:30");
	refused(&j, "share no origin");
	again(&j); /* nor does a reference that is not written */
	j.set.keep = ITEMS("cam,actions");
	j.set.source_rate = ITEMS("cam:30", "actions:20");
	j.set.reference = "joint_pos";
	refused(&j, "share no origin");
	end(&j);
}

Test(plan, latency_shifts_the_span)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, {"a", RC_F32, RC_KIND_LOWDIM, RC_ROLE_OBS, 101, 1, 0, 100, 0},
	    {"actions", RC_F32, RC_KIND_LOWDIM, RC_ROLE_ACTION, 101, 1, 0, 100, 0});
	j.set.rate = (struct rc_rate){100, 1};
	good(&j);
	cr_expect_eq(j.plan.episodes[0].est_ticks, 101);
	again(&j);
	j.set.latency = ITEMS("a=500");
	good(&j);
	cr_expect_eq(j.plan.episodes[0].est_ticks, 51);
	cr_expect_eq(stream(&j, 0, "a")->sources[0].latency_ns, 500 * MS);
	end(&j);
}

/* --- shards and splits ------------------------------------------------------------------------ */

Test(plan, shards_by_count)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 5, STEPS(10));
	ADD(&j, "b.h5", 2, STEPS(10));
	good(&j);
	cr_expect_eq(j.plan.n_shards, 1);
	again(&j);
	j.set.shard_episodes = 3;
	good(&j);
	cr_assert_eq(j.plan.n_shards, 3);
	cr_expect_eq(j.plan.shards[0].n, 3);
	cr_expect_eq(j.plan.shards[1].first, 3);
	cr_expect_eq(j.plan.shards[2].n, 1);
	cr_expect_eq(j.plan.episodes[6].shard, 2);
	end(&j);
}

Test(plan, shards_by_size)
{
	struct job j;
	uint64_t bytes;

	start(&j);
	ADD(&j, "a.h5", 4, STEPS(10));
	good(&j);
	bytes = j.plan.episodes[0].est_bytes;
	cr_expect_eq(bytes, 10 * (7 * 8 + 4 + 6 * 4));
	again(&j);
	j.set.shard_size = 2 * bytes;
	good(&j);
	cr_assert_eq(j.plan.n_shards, 2);
	cr_expect_eq(j.plan.shards[0].n, 2);
	again(&j);
	j.set.shard_size = 2 * bytes - 1;
	good(&j);
	cr_expect_eq(j.plan.n_shards, 4);
	again(&j);
	j.set.shard_size = 1; /* an episode is never cut */
	good(&j);
	cr_expect_eq(j.plan.n_shards, 4);
	end(&j);
}

Test(plan, failed_episodes_take_no_place)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, STEPS(10));
	ADD(&j, "b.h5", 1, STEPS(10), {"x", RC_F32, RC_KIND_LOWDIM, RC_ROLE_OBS, 50, 2, 0, 0, 0});
	ADD(&j, "c.h5", 1, STEPS(10));
	j.set.shard_episodes = 1;
	good(&j);
	cr_expect_eq(j.plan.n_failed, 1);
	cr_expect_str_eq(j.plan.episodes[1].err.reason, "length_mismatch");
	cr_assert_eq(j.plan.n_shards, 2);
	cr_expect_eq(j.plan.order[1], 2);
	end(&j);
}

Test(plan, act_is_one_episode_a_shard)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 3, STEPS(10));
	j.set.layout_out = "act";
	j.set.shard_episodes = 100;
	good(&j);
	cr_expect_eq(j.plan.n_shards, 3);
	cr_expect_eq(j.plan.shards[2].n, 1);
	again(&j);
	j.set.layout_out = "acr";
	refused(&j, "unknown output layout 'acr'");
	end(&j);
}

Test(plan, a_split_of_an_episode_stays)
{
	struct job j;
	const char *first[40];
	size_t train = 0, other = 0;

	start(&j);
	ADD(&j, "b.h5", 40, STEPS(10));
	j.set.split = "train:0.75,valid:0.25";
	j.set.seed = 5;
	good(&j);
	for (size_t i = 0; i < 40; i++) {
		first[i] = j.plan.episodes[i].split;
		train += !strcmp(first[i], "train");
		first[i] = strcmp(first[i], "train") ? "valid" : "train";
	}
	cr_expect(train > 20 && train < 40, "%zu of 40", train);
	again(&j);
	ADD(&j, "c.h5", 5, STEPS(10)); /* more data moves nothing */
	good(&j);
	for (size_t i = 0; i < 40; i++)
		cr_expect_str_eq(j.plan.episodes[i].split, first[i], "episode %zu", i);
	again(&j);
	j.set.seed = 6;
	good(&j);
	for (size_t i = 0; i < 40; i++)
		other += strcmp(j.plan.episodes[i].split, first[i]) != 0;
	cr_expect_gt(other, 0);
	again(&j);
	j.set.split = "none:0,all:1";
	good(&j);
	for (size_t i = 0; i < 40; i++)
		cr_expect_str_eq(j.plan.episodes[i].split, "all");
	end(&j);
}

Test(plan, streams_that_differ_between_episodes_are_told)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, STEPS(10));
	ADD(&j, "b.h5", 1, {"qpos", RC_F64, RC_KIND_LOWDIM, RC_ROLE_OBS, 10, 6, 0, 0, 0},
	    {"new", RC_F64, RC_KIND_LOWDIM, RC_ROLE_OBS, 10, 6, 0, 0, 0},
	    {"count", RC_I32, RC_KIND_LOWDIM, RC_ROLE_OBS, 10, 0, 0, 0, 0});
	good(&j);
	cr_assert_neq(problem(&j, "shape_differs"), NULL);
	cr_expect_str_eq(problem(&j, "shape_differs")->where, "qpos");
	cr_assert_neq(problem(&j, "stream_not_everywhere"), NULL);
	cr_expect_neq(problem(&j, "no_actions"), NULL);
	end(&j);
}

/* A stream that only later episodes lack is as bad for training as one that only they have. */
Test(plan, a_stream_that_a_later_episode_lacks_is_told)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, STEPS(10));
	ADD(&j, "b.h5", 1, {"qpos", RC_F64, RC_KIND_LOWDIM, RC_ROLE_OBS, 10, 7, 0, 0, 0},
	    {"actions", RC_F32, RC_KIND_LOWDIM, RC_ROLE_ACTION, 10, 6, 0, 0, 0});
	good(&j);
	cr_assert_neq(problem(&j, "stream_not_everywhere"), NULL);
	cr_expect_str_eq(problem(&j, "stream_not_everywhere")->where, "count");
	end(&j);
}

Test(plan, empty_episodes_and_empty_files)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, STEPS(10));
	add_file(&j, "none.h5", 0, NULL, 0);
	add_file(&j, "bare.h5", 1, NULL, 0);
	good(&j);
	cr_expect_eq(j.plan.n_episodes, 2);
	cr_expect_str_eq(j.plan.episodes[1].err.reason, "empty_episode");
	end(&j);
	start(&j);
	add_file(&j, "none.h5", 0, NULL, 0);
	good(&j);
	cr_expect_eq(j.plan.n_order, 0);
	cr_expect_eq(j.plan.n_shards, 0);
	end(&j);
}

Test(plan, the_same_plan_twice_prints_the_same)
{
	struct job j;
	struct rc_buf a, b;

	start(&j);
	ADD(&j, "a.h5", 3, ARM);
	j.set.rate = (struct rc_rate){30000, 1001};
	j.set.split = "t:0.5,v:0.5";
	j.set.shard_episodes = 2;
	rc_buf_init(&a);
	rc_buf_init(&b);
	good(&j);
	rc_plan_print(&j.plan, &j.recipe, &a);
	again(&j);
	good(&j);
	rc_plan_print(&j.plan, &j.recipe, &b);
	cr_expect_str_eq(a.p, b.p);
	cr_expect_eq(strncmp(a.p, "1 input file, 3 episodes, 2 shards of layout robomimic\n", 55), 0,
		     "%s", a.p);
	rc_buf_release(&a);
	rc_buf_release(&b);
	end(&j);
}
