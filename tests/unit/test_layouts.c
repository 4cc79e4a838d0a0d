/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layouts: what a scan finds in generated good, odd and bad files (tests/make_data.py, which needs
 * python3 with h5py), and in recordings of others where they are at hand ($RC_SHARED_DATA).
 */
#include "base/compat.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/hooks.h>

#include "formats/format.h"

/* --- data to look at -------------------------------------------------------------------------- */

static char made_here[] = "/tmp/robocache-layouts-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static bool make_data(const char *dir)
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

static void path_in(const char *env, const char *fallback, const char *name, char *dst, size_t cap)
{
	const char *dir = getenv(env);

	snprintf(dst, cap, "%s/%s", dir && *dir ? dir : fallback, name);
	if (access(dst, R_OK) != 0)
		cr_skip_test("'%s' is not here", dst);
}

static void made(const char *name, char *dst, size_t cap)
{
	path_in("RC_TEST_DATA", "/nonexistent", name, dst, cap);
}

static void recorded(const char *name, char *dst, size_t cap)
{
	const char *top = getenv("top_srcdir");
	char fallback[4096];

	snprintf(fallback, sizeof fallback, "%s/../shared/data", top ? top : ".");
	path_in("RC_SHARED_DATA", fallback, name, dst, cap);
}

/* --- scanning --------------------------------------------------------------------------------- */

static int scan_path(const char *path, const char *wanted, struct rc_index **ix_out,
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
	rc = rc_h5_tree_open(fd, (uint64_t)st.st_size, &t, err);
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

static struct rc_index *scan(const char *name, const char *wanted)
{
	struct rc_index *ix = NULL;
	struct rc_err err = { 0 };
	char path[4096];

	made(name, path, sizeof path);
	cr_assert_eq(scan_path(path, wanted, &ix, &err), 0, "%s: %s", name, err.msg);
	return ix;
}

static struct rc_index *scan_recorded(const char *name)
{
	struct rc_index *ix = NULL;
	struct rc_err err = { 0 };
	char path[4096];

	recorded(name, path, sizeof path);
	cr_assert_eq(scan_path(path, NULL, &ix, &err), 0, "%s: %s", name, err.msg);
	return ix;
}

static void refused(const char *name, const char *wanted, int code, const char *reason,
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

static const char *str(const struct rc_index *ix, uint32_t off)
{
	return rc_index_str(ix, off);
}

static const struct rc_stream *find(const struct rc_index *ix, uint32_t episode, const char *name)
{
	const struct rc_index_episode *e = &ix->episodes[episode];

	cr_assert_lt(episode, ix->n_episodes);
	for (uint32_t i = 0; i < e->n_streams; i++)
		if (strcmp(str(ix, ix->streams[e->first_stream + i].name), name) == 0)
			return &ix->streams[e->first_stream + i];
	return NULL;
}

static const struct rc_stream *need(const struct rc_index *ix, uint32_t episode, const char *name)
{
	const struct rc_stream *s = find(ix, episode, name);

	cr_assert_not_null(s, "no stream '%s' in episode %u", name, episode);
	return s;
}

static const struct rc_dataset *data_of(const struct rc_index *ix, const char *name)
{
	return &ix->datasets[need(ix, 0, name)->dataset];
}

static const struct rc_note *note(const struct rc_index *ix, const char *code, const char *part)
{
	for (uint32_t i = 0; i < ix->n_notes; i++)
		if (strcmp(str(ix, ix->notes[i].code), code) == 0 &&
		    strstr(str(ix, ix->notes[i].message), part))
			return &ix->notes[i];
	return NULL;
}

static void has_note(const struct rc_index *ix, enum rc_severity sev, const char *code,
		     const char *part)
{
	const struct rc_note *n = note(ix, code, part);

	cr_assert_not_null(n, "no note %s about '%s'", code, part);
	cr_assert_eq(n->severity, sev, "%s", code);
}

static void has_clock(const struct rc_index *ix, const char *stream, const char *clock,
		      const char *unit, const char *origin)
{
	const struct rc_stream_clock *k = &need(ix, 0, stream)->clock;

	cr_assert_eq(k->kind, RC_CLOCK_MEASURED, "%s", stream);
	cr_assert_str_eq(str(ix, ix->datasets[k->dataset].path), clock, "%s", stream);
	cr_assert_str_eq(str(ix, k->unit_name), unit, "%s", stream);
	cr_assert_str_eq(str(ix, k->unit_origin), origin, "%s", stream);
}

static void has_order(const struct rc_index *ix, const char *stream, const char *order,
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

static void is_layout(const struct rc_index *ix, const char *name, uint32_t n_episodes)
{
	cr_assert_str_eq(str(ix, ix->layout), name);
	cr_assert_eq(ix->n_episodes, n_episodes, "%u episodes", ix->n_episodes);
}

/* --- robomimic -------------------------------------------------------------------------------- */

Test(robomimic, roles_names_and_kinds)
{
	struct rc_index *ix = scan("good-robomimic.h5", NULL);
	const struct rc_index_episode *e = ix->episodes;

	is_layout(ix, "robomimic", 4);
	cr_assert_geq(ix->layout_score, 90);
	cr_assert_str_eq(str(ix, ix->layout_reason),
			 "'data' holds 4 groups demo_0 ... demo_10 with actions");
	cr_assert_str_eq(str(ix, e[2].key), "data/demo_2");
	cr_assert_str_eq(str(ix, e[3].key), "data/demo_10");
	cr_assert_str_eq(str(ix, e[3].language), "lift the cube 10");
	cr_assert_str_eq(str(ix, e[0].model_file), "<mujoco/>");
	cr_assert_eq(e[0].success, -1);
	cr_assert_eq(e[0].sim, UINT32_MAX);
	cr_assert_eq(need(ix, 0, "actions")->role, RC_ROLE_ACTION);
	cr_assert_eq(need(ix, 0, "rewards")->role, RC_ROLE_REWARD);
	cr_assert_eq(need(ix, 0, "dones")->role, RC_ROLE_DONE);
	cr_assert_eq(need(ix, 0, "states")->role, RC_ROLE_STATE);
	cr_assert_eq(need(ix, 0, "actions_abs")->role, RC_ROLE_OBS);
	cr_assert_eq(need(ix, 0, "action_dict/gripper")->role, RC_ROLE_OBS);
	cr_assert_eq(need(ix, 0, "next_obs/robot0_eef_pos")->role, RC_ROLE_NEXT_OBS);
	cr_assert_eq(need(ix, 0, "agentview_image")->kind, RC_KIND_IMAGE);
	cr_assert_eq(need(ix, 0, "agentview_depth")->kind, RC_KIND_IMAGE);
	cr_assert_eq(need(ix, 0, "datagen_info/eef_pose/robot0")->kind, RC_KIND_LOWDIM);
	cr_assert_eq(need(ix, 0, "robot0_eef_pos")->kind, RC_KIND_LOWDIM);
	has_order(ix, "robot0_eef_quat", "xyzw", "layout");
	has_order(ix, "cam/left/pose", "xyzw", "layout");
	/* an episode of one step keeps its arrays */
	cr_assert_eq(need(ix, 3, "actions")->n_rows, 1);
	cr_assert_eq(e[3].n_streams, e[0].n_streams);
	rc_index_free(ix);
}

Test(robomimic, nominal_rate_from_json)
{
	struct rc_index *ix = scan("good-robomimic.h5", NULL);
	const struct rc_stream_clock *k = &need(ix, 0, "actions")->clock;

	cr_assert_eq(k->kind, RC_CLOCK_NOMINAL);
	cr_assert(k->rate_num == 20 && k->rate_den == 1);
	cr_assert_str_eq(str(ix, k->rate_origin), "env_args control_freq");
	rc_index_free(ix);

	ix = scan("good-robosuite-raw.h5", NULL);
	k = &need(ix, 0, "states")->clock;
	cr_assert(k->rate_num == 25 && k->rate_den == 2);
	rc_index_free(ix);
}

Test(robomimic, counts_from_one_and_without_underscore)
{
	struct rc_index *ix = scan("good-robosuite-raw.h5", NULL);

	is_layout(ix, "robomimic", 2);
	cr_assert_str_eq(str(ix, ix->episodes[0].key), "data/demo1");
	cr_assert_eq(need(ix, 1, "states")->n_rows, 32);
	has_note(ix, RC_NOTE_INFO, "empty_stream", "left_dpos");
	cr_assert_null(find(ix, 0, "left_dpos"));
	rc_index_free(ix);
}

Test(robomimic, isaac_lab_changed_its_quaternions)
{
	struct rc_index *ix = scan("good-isaac-legacy.h5", NULL);

	has_order(ix, "eef_quat", "wxyz", "layout");
	cr_assert_eq(ix->episodes[0].success, 1);
	cr_assert_eq(need(ix, 0, "actions")->role, RC_ROLE_ACTION);
	cr_assert_eq(need(ix, 0, "obs/actions")->role, RC_ROLE_OBS);
	has_note(ix, RC_NOTE_INFO, "constant_stream", "initial_state/articulation");
	cr_assert_null(find(ix, 0, "initial_state/articulation/robot/root_pose"));
	rc_index_free(ix);

	ix = scan("good-isaac-v1.h5", NULL);
	has_order(ix, "states/articulation/robot/root_pose", "xyzw", "layout");
	rc_index_free(ix);
}

Test(robomimic, language_of_libero)
{
	struct rc_index *ix = scan("good-libero.h5", NULL);

	cr_assert_str_eq(str(ix, ix->episodes[0].language), "open the drawer");
	cr_assert_eq(need(ix, 0, "actions")->clock.kind, RC_CLOCK_NONE);
	rc_index_free(ix);
}

Test(robomimic, reads_its_own_output)
{
	struct rc_index *ix = scan("good-own-output.h5", NULL);

	is_layout(ix, "robomimic", 1);
	cr_assert_eq(ix->episodes[0].n_streams, 3);
	has_clock(ix, "x", "/robocache/time/demo_0", "ns", "layout");
	cr_assert_eq(need(ix, 0, "x")->clock.last_ns, 150000000);
	cr_assert_str_eq(str(ix, need(ix, 0, "x")->unit), "rad");
	has_order(ix, "eef_quat", "wxyz", "attribute");
	rc_index_free(ix);
}

Test(robomimic, odd_lengths)
{
	struct rc_index *ix = scan("odd-lengths.h5", NULL);

	cr_assert_eq(need(ix, 0, "after")->n_rows, 11);
	has_note(ix, RC_NOTE_INFO, "length_mismatch", "obs/after");
	has_note(ix, RC_NOTE_WARNING, "length_mismatch", "obs/short");
	has_note(ix, RC_NOTE_INFO, "constant_stream", "obs/bias");
	has_note(ix, RC_NOTE_INFO, "empty_stream", "obs/empty");
	has_note(ix, RC_NOTE_INFO, "not_a_stream", "obs/label");
	has_note(ix, RC_NOTE_INFO, "ignored_object", "/data/notes");
	has_note(ix, RC_NOTE_INFO, "not_a_quaternion", "flat_quat");
	cr_assert_eq(need(ix, 0, "flat_quat")->kind, RC_KIND_LOWDIM);
	cr_assert_eq(need(ix, 0, "late_quat")->kind, RC_KIND_QUAT);
	cr_assert_null(find(ix, 0, "bias"));
	rc_index_free(ix);
}

Test(robomimic, an_empty_demo_is_listed)
{
	struct rc_index *ix = scan("odd-empty-demo.h5", NULL);
	const struct rc_note *n = note(ix, "no_streams", "demo_0");

	is_layout(ix, "robomimic", 2);
	cr_assert_eq(ix->episodes[0].n_streams, 0);
	cr_assert(n && n->severity == RC_NOTE_ERROR && n->episode == 0);
	rc_index_free(ix);
}

/* --- aloha ------------------------------------------------------------------------------------ */

Test(aloha, one_episode_a_file)
{
	struct rc_index *ix = scan("good-aloha.h5", NULL);

	is_layout(ix, "aloha", 1);
	cr_assert_str_eq(str(ix, ix->episodes[0].key), "/");
	cr_assert_eq(ix->episodes[0].sim, 0);
	cr_assert_eq(need(ix, 0, "action")->role, RC_ROLE_ACTION);
	cr_assert_eq(need(ix, 0, "base_action")->role, RC_ROLE_OBS);
	cr_assert_eq(need(ix, 0, "cam_high")->kind, RC_KIND_IMAGE);
	cr_assert_eq(need(ix, 0, "qpos")->clock.kind, RC_CLOCK_NONE);
	cr_assert_eq(data_of(ix, "cam_high")->chunk[0], 1);
	cr_assert_eq(ix->episodes[0].n_streams, 6);
	rc_index_free(ix);
}

Test(aloha, compressed_images_are_named)
{
	struct rc_index *ix = scan("odd-aloha-compressed.h5", NULL);

	cr_assert_eq(ix->episodes[0].sim, 1);
	cr_assert_eq(ix->episodes[0].n_streams, 2);
	has_note(ix, RC_NOTE_WARNING, "compressed_images", "cam_high");
	rc_index_free(ix);
}

/* --- generic ---------------------------------------------------------------------------------- */

Test(generic, sensors_with_their_own_clocks)
{
	struct rc_index *ix = scan("good-sensors.h5", NULL);

	is_layout(ix, "generic", 1);
	cr_assert_str_eq(str(ix, ix->episodes[0].language), "pick up the box");
	cr_assert_eq(ix->episodes[0].success, 1);
	has_clock(ix, "joint_pos", "/joint_state/timestamp", "ns", "attribute");
	has_clock(ix, "wrench", "/wrench/timestamps", "ns", "magnitude");
	has_clock(ix, "eef_pose", "/eef_pose/ts", "ns", "magnitude");
	has_clock(ix, "left/rgb", "/cam/timestamp", "ns", "magnitude");
	has_clock(ix, "action", "/action_timestamp", "ns", "magnitude");
	cr_assert_eq(need(ix, 0, "joint_vel")->clock.dataset,
		     need(ix, 0, "joint_pos")->clock.dataset);
	cr_assert_eq(need(ix, 0, "wrench")->clock.first_ns, INT64_C(1736154000000000000));
	cr_assert_eq(need(ix, 0, "wrench")->clock.last_ns, INT64_C(1736154000099000000));
	cr_assert_eq(need(ix, 0, "action")->role, RC_ROLE_ACTION);
	cr_assert_eq(need(ix, 0, "eef_pose")->kind, RC_KIND_POSE);
	cr_assert_str_eq(str(ix, need(ix, 0, "wrench")->unit), "N");
	has_order(ix, "eef_pose", "wxyz", "attribute");
	has_note(ix, RC_NOTE_INFO, "constant_stream", "intrinsics");
	cr_assert_eq(ix->episodes[0].n_streams, 7);
	rc_index_free(ix);
}

Test(generic, names_decide_between_clocks)
{
	struct rc_index *ix = scan("good-siblings.h5", NULL);

	has_clock(ix, "image", "/timestamp_image", "s", "magnitude");
	has_clock(ix, "force", "/timestamp_force", "s", "magnitude");
	has_clock(ix, "pose", "/timestamp", "s", "magnitude");
	has_order(ix, "pose", "xyzw", "assumed");
	has_note(ix, RC_NOTE_WARNING, "quaternion_order_assumed", "/pose");
	rc_index_free(ix);
}

Test(generic, a_group_of_clocks)
{
	struct rc_index *ix = scan("good-clock-group.h5", NULL);

	has_clock(ix, "joint", "/timestamps/obs/joint", "us", "magnitude");
	has_clock(ix, "rgb", "/obs/cam/time_ms", "ms", "layout");
	has_note(ix, RC_NOTE_INFO, "unused_clock", "/timestamps/cam");
	cr_assert_eq(ix->episodes[0].n_streams, 2);
	rc_index_free(ix);
}

Test(generic, units)
{
	static const char *const expected[][3] = {
		{ "sec_epoch", "s", "magnitude" },       { "whole_sec_epoch", "s", "magnitude" },
		{ "ms_epoch", "ms", "magnitude" },       { "us_epoch", "us", "magnitude" },
		{ "ns_epoch", "ns", "magnitude" },       { "sec_float", "s", "magnitude" },
		{ "sec_half", "s", "magnitude" },        { "ms_float", "ms", "magnitude" },
		{ "ms_rel", "ms", "magnitude" },         { "us_rel", "us", "magnitude" },
		{ "ns_rel", "ns", "magnitude" },         { "attr", "ms", "attribute" },
		{ "since", "s", "attribute" },           { "unsigned", "ns", "magnitude" },
		{ "unclear", "us", "magnitude" },
	};
	struct rc_index *ix = scan("good-units.h5", NULL);
	char clock[64];

	for (size_t i = 0; i < RC_ARRAY_LEN(expected); i++) {
		snprintf(clock, sizeof clock, "/%s/timestamp", expected[i][0]);
		has_clock(ix, expected[i][0], clock, expected[i][1], expected[i][2]);
	}
	has_clock(ix, "named", "/named/timestamp_us", "us", "layout");
	cr_assert_eq(need(ix, 0, "ns_epoch")->clock.first_ns, INT64_C(1750000000000000000));
	cr_assert_eq(need(ix, 0, "ms_rel")->clock.first_ns, 40000000);
	has_note(ix, RC_NOTE_WARNING, "clock_unit_assumed", "unclear");
	cr_assert_null(note(ix, "clock_unit_assumed", "us_rel"));
	cr_assert_null(note(ix, "clock_unit_assumed", "sec_float"));
	rc_index_free(ix);
}

Test(generic, clocks_that_are_none)
{
	struct rc_index *ix = scan("odd-clocks.h5", NULL);

	cr_assert_eq(need(ix, 0, "good")->clock.kind, RC_CLOCK_MEASURED);
	cr_assert_eq(need(ix, 0, "restart")->clock.kind, RC_CLOCK_MEASURED);
	cr_assert_eq(need(ix, 0, "steps")->clock.kind, RC_CLOCK_NONE);
	cr_assert_eq(need(ix, 0, "nan")->clock.kind, RC_CLOCK_NONE);
	cr_assert_eq(need(ix, 0, "huge")->clock.kind, RC_CLOCK_NONE);
	has_note(ix, RC_NOTE_INFO, "step_counter", "/steps/time");
	has_note(ix, RC_NOTE_WARNING, "bad_clock", "/nan/time");
	has_note(ix, RC_NOTE_WARNING, "bad_clock", "/huge/time");
	rc_index_free(ix);
}

Test(generic, clock_behind_foreign_filters)
{
	struct rc_index *ix = scan("good-filtered-clock.h5", NULL);
	const struct rc_stream_clock *k = &need(ix, 0, "accel")->clock;

	has_clock(ix, "accel", "/imu/ts", "us", "magnitude");
	cr_assert_eq(k->first_ns, 123456000);
	cr_assert_eq(k->last_ns, (INT64_C(123456) + 89 * 5000) * 1000);
	cr_assert_eq(data_of(ix, "accel")->n_filters, 2);
	cr_assert_eq(ix->datasets[k->dataset].big_endian, 1);
	cr_assert_eq(need(ix, 0, "eef_quat")->kind, RC_KIND_QUAT);
	cr_assert_not_null(find(ix, 0, "ts_map_other"));
	rc_index_free(ix);
}

Test(generic, numbered_groups)
{
	struct rc_index *ix = scan("good-trials.h5", NULL);

	is_layout(ix, "generic", 4);
	cr_assert_str_eq(str(ix, ix->episodes[3].key), "Trial10");
	cr_assert_str_eq(str(ix, ix->episodes[2].language), "slide");
	cr_assert_eq(need(ix, 3, "qp_arm")->clock.kind, RC_CLOCK_MEASURED);
	cr_assert_eq(ix->datasets[need(ix, 0, "qp_arm")->clock.dataset].dtype, RC_F16);
	rc_index_free(ix);

	ix = scan("good-bare-numbers.h5", NULL);
	is_layout(ix, "generic", 12);
	cr_assert_str_eq(str(ix, ix->episodes[11].key), "episodes/11");
	cr_assert_eq(need(ix, 11, "qpos")->clock.last_ns, 1900000000);
	rc_index_free(ix);

	ix = scan("good-two-cameras.h5", NULL);
	is_layout(ix, "generic", 1);
	has_clock(ix, "cam_1/rgb", "/cam_1/timestamp", "ns", "magnitude");
	rc_index_free(ix);
}

Test(generic, flat_arrays_are_one_episode_with_a_warning)
{
	struct rc_index *ix = scan("odd-flat.h5", NULL);

	is_layout(ix, "generic", 1);
	cr_assert_eq(need(ix, 0, "terminals")->role, RC_ROLE_DONE);
	has_note(ix, RC_NOTE_WARNING, "concatenated_episodes", "terminals");
	rc_index_free(ix);
}

/* --- storage ---------------------------------------------------------------------------------- */

Test(storage, what_can_be_read)
{
	static const struct {
		const char *name;
		enum rc_dtype dtype;
		bool big;
		enum rc_storage storage;
	} expected[] = {
		{ "le_float16", RC_F16, false, RC_STORE_CONTIGUOUS },
		{ "le_float64", RC_F64, false, RC_STORE_CONTIGUOUS },
		{ "le_int8", RC_I8, false, RC_STORE_CONTIGUOUS },
		{ "le_uint64", RC_U64, false, RC_STORE_CONTIGUOUS },
		{ "le_bool", RC_BOOL, false, RC_STORE_CONTIGUOUS },
		{ "be_float16", RC_F16, true, RC_STORE_CONTIGUOUS },
		{ "be_float32", RC_F32, true, RC_STORE_CONTIGUOUS },
		{ "be_int16", RC_I16, true, RC_STORE_CONTIGUOUS },
		{ "be_uint64", RC_U64, true, RC_STORE_CONTIGUOUS },
		{ "color", RC_U16, false, RC_STORE_CONTIGUOUS },
		{ "compact", RC_F32, false, RC_STORE_READER },
		{ "scaleoffset", RC_I32, false, RC_STORE_READER },
		{ "bfloat16", RC_F32, false, RC_STORE_READER },
		{ "bits12", RC_I16, false, RC_STORE_READER },
	};
	struct rc_index *ix = scan("odd-storage.h5", NULL);

	for (size_t i = 0; i < RC_ARRAY_LEN(expected); i++) {
		const struct rc_dataset *d = data_of(ix, expected[i].name);
		cr_assert_eq(d->dtype, expected[i].dtype, "%s", expected[i].name);
		cr_assert_eq(d->big_endian, expected[i].big, "%s", expected[i].name);
		cr_assert_eq(d->storage, expected[i].storage, "%s", expected[i].name);
	}
	cr_assert_not_null(find(ix, 0, "second_name"));
	rc_index_free(ix);
}

Test(storage, what_cannot_says_why)
{
	static const char *const expected[][2] = {
		{ "compound", "/table" },          { "variable_length", "/ragged" },
		{ "rank", "/rank9" },              { "never_written", "/never" },
		{ "never_written", "/huge" },      { "external", "/external" },
		{ "virtual", "/virtual" },         { "unknown_filter", "/twice" },
		{ "not_a_stream", "scalar" },      { "not_a_stream", "words" },
		{ "links_not_followed", "3 soft" },
	};
	struct rc_index *ix = scan("odd-storage.h5", NULL);

	for (size_t i = 0; i < RC_ARRAY_LEN(expected); i++)
		cr_assert_not_null(note(ix, expected[i][0], expected[i][1]), "%s %s",
				   expected[i][0], expected[i][1]);
	rc_index_free(ix);
}

Test(storage, addresses_count_from_the_start_of_the_file)
{
	static const char *const names[] = { "good-user-block-512.h5", "good-user-block-4096.h5" };
	static const uint32_t blocks[] = { 512, 4096 };

	for (size_t i = 0; i < 2; i++) {
		struct rc_index *ix = scan(names[i], NULL);
		float v[2];
		int fd = open(ix->path, O_RDONLY);

		cr_assert_eq(ix->user_block, blocks[i]);
		cr_assert_eq(pread(fd, v, sizeof v, (off_t)data_of(ix, "actions")->address),
			     (ssize_t)sizeof v);
		cr_assert(v[0] == 1234.5f && v[1] == 1235.5f);
		close(fd);
		rc_index_free(ix);
	}
}

/* Values through each way of reading a few rows. */
Test(storage, rows)
{
	static const char *const names[] = { "/le_float32", "/be_float16", "/be_int16", "/compact",
					     "/scaleoffset", "/bfloat16", "/le_uint8" };
	struct rc_h5_tree *t = NULL;
	struct rc_err err = { 0 };
	char path[4096];
	struct stat st;
	double v[4];
	int fd;

	made("odd-storage.h5", path, sizeof path);
	fd = open(path, O_RDONLY);
	cr_assert_eq(fstat(fd, &st), 0);
	rc_h5_init();
	cr_assert_eq(rc_h5_tree_open(fd, (uint64_t)st.st_size, &t, &err), 0, "%s", err.msg);
	for (size_t i = 0; i < RC_ARRAY_LEN(names); i++) {
		const struct rc_h5_node *n = rc_h5_find(t, NULL, names[i]);
		cr_assert_not_null(n, "%s", names[i]);
		cr_assert_eq(rc_h5_rows_double(t, n, 3, 2, v, 4, &err), 0, "%s", err.msg);
		for (int k = 0; k < 4; k++)
			cr_assert_eq(v[k], 6.0 + k, "%s[%d] is %g", names[i], k, v[k]);
		cr_assert_neq(rc_h5_rows_double(t, n, 11, 2, v, 4, NULL), 0);
	}
	rc_h5_tree_close(t);
	close(fd);
}

Test(storage, rows_of_chunks)
{
	struct rc_h5_tree *t = NULL;
	struct rc_err err = { 0 };
	char path[4096];
	struct stat st;
	double v[40 * 3], stamp[90];
	int fd;

	made("good-filtered-clock.h5", path, sizeof path);
	fd = open(path, O_RDONLY);
	cr_assert_eq(fstat(fd, &st), 0);
	rc_h5_init();
	cr_assert_eq(rc_h5_tree_open(fd, (uint64_t)st.st_size, &t, &err), 0, "%s", err.msg);
	/* chunks of 16 x 2 in 90 x 3: rows that begin and end inside chunks, a cut last column */
	cr_assert_eq(rc_h5_rows_double(t, rc_h5_find(t, NULL, "imu/accel"), 13, 40, v, 120, &err),
		     0, "%s", err.msg);
	for (int i = 0; i < 120; i++)
		cr_assert_eq(v[i], 39.0 + i, "%d: %g", i, v[i]);
	cr_assert_eq(rc_h5_rows_double(t, rc_h5_find(t, NULL, "imu/ts"), 0, 90, stamp, 90, &err),
		     0, "%s", err.msg);
	for (int i = 0; i < 90; i++)
		cr_assert_eq(stamp[i], 123456.0 + 5000 * i);
	rc_h5_tree_close(t);
	close(fd);
}

Test(storage, native_types_are_what_they_say)
{
	static const unsigned short halves[] = { 0x3c00, 0xc000, 0x7bff, 0x0001 };
	double v[4] = { 0 };
	hid_t half, native;

	rc_h5_init();
	for (int t = 0; t < RC_DTYPE_COUNT; t++) {
		native = rc_h5_type((enum rc_dtype)t);
		cr_assert_eq(H5Tget_size(native), rc_dtype_size((enum rc_dtype)t), "%d", t);
		H5Tclose(native);
	}
	half = rc_h5_type(RC_F16);
	memcpy(v, halves, sizeof halves);
	cr_assert(H5Tconvert(half, H5T_NATIVE_DOUBLE, 4, v, NULL, H5P_DEFAULT) >= 0);
	cr_assert(v[0] == 1 && v[1] == -2 && v[2] == 65504 && v[3] == ldexp(1, -24));
	H5Tclose(half);
}

/* --- refusals --------------------------------------------------------------------------------- */

Test(refused, with_the_reason)
{
	refused("bad-no-demos.h5", NULL, RC_E_FORMAT, "unknown_layout", "'data' (group)");
	refused("bad-single-array.h5", NULL, RC_E_FORMAT, "unknown_layout", "--layout-in generic");
	refused("bad-compound-only.h5", NULL, RC_E_FORMAT, "unknown_layout", "records (t, x)");
	refused("bad-nothing.h5", NULL, RC_E_FORMAT, "unknown_layout", "nothing");
	refused("odd-time-last.h5", NULL, RC_E_FORMAT, "unknown_layout", "transposed");
	refused("bad-truncated.h5", NULL, RC_E_INPUT, "truncated", "shorter");
	refused("bad-empty.h5", NULL, RC_E_FORMAT, "not_hdf5", "empty");
	refused("bad-text.h5", NULL, RC_E_FORMAT, "not_hdf5", "no signature");
	refused("bad-lfs.h5", NULL, RC_E_FORMAT, "not_hdf5", "git lfs pull");
	refused("bad-zstd.h5", NULL, RC_E_FORMAT, "not_hdf5", "zstd -d");
	refused("bad-head-only.h5", NULL, RC_E_FORMAT, "damaged", "libhdf5");
	refused("bad-left-open.h5", NULL, RC_E_INPUT, "open_for_write", "h5clear");
}

Test(refused, unless_asked_for)
{
	struct rc_index *ix = scan("bad-single-array.h5", "generic");

	is_layout(ix, "generic", 1);
	cr_assert_not_null(strstr(str(ix, ix->layout_reason), "asked for"));
	cr_assert_eq(need(ix, 0, "tracks")->n_rows, 100);
	rc_index_free(ix);
	refused("bad-single-array.h5", "robomimic", RC_E_FORMAT, "no_episodes", "'data'");
	refused("bad-single-array.h5", "genric", RC_E_USAGE, "unknown_layout",
		"did you mean 'generic'");
}

/* --- every layout, every file ----------------------------------------------------------------- */

static void in_child(const char *path, const char *wanted)
{
	struct rc_index *ix = NULL;
	struct rc_err err = { 0 };
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(60);
		int rc = scan_path(path, wanted, &ix, &err);
		_exit(rc == 0 || (*err.reason && *err.msg && err.code != RC_E_BUG &&
				  err.code != RC_E_READER) ? 0 : 1);
	}
	cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
	cr_assert_eq(status, 0, "'%s' as %s ends with status %#x", path,
		     wanted ? wanted : "probed", (unsigned)status);
}

static size_t all_in(const char *dir)
{
	struct dirent *e;
	size_t n = 0;
	DIR *d = opendir(dir);

	for (; d && (e = readdir(d));) {
		char path[8192];
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		in_child(path, NULL);
		for (size_t i = 0; i < rc_n_layouts; i++)
			in_child(path, rc_layouts[i]->name);
		n++;
	}
	if (d)
		closedir(d);
	return n;
}

Test(every_file, of_ours, .timeout = 300)
{
	char path[4096];

	made("", path, sizeof path);
	cr_assert_geq(all_in(path), 30);
}

Test(every_file, of_the_corpora, .timeout = 600)
{
	static const char *const names[] = { "filters", "hdfgroup", "jhdf", "pyfive", "pytables" };
	char folder[64], path[4096];

	for (size_t i = 0; i < RC_ARRAY_LEN(names); i++) {
		snprintf(folder, sizeof folder, "hdf5-corpus-%s", names[i]);
		recorded(folder, path, sizeof path);
		cr_assert_geq(all_in(path), 8);
	}
}

/* --- recordings of others --------------------------------------------------------------------- */

static uint64_t steps(const struct rc_index *ix, const char *name)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < ix->n_episodes; i++)
		n += need(ix, i, name)->n_rows;
	return n;
}

Test(recorded, robomimic_style)
{
	struct rc_index *ix = scan_recorded("robomimic-style/lift_low_dim.hdf5");

	is_layout(ix, "robomimic", 200);
	cr_assert_eq(steps(ix, "actions"), 10167);
	cr_assert_eq(steps(ix, "state"), 10167);
	cr_assert_eq(need(ix, 0, "dones")->role, RC_ROLE_DONE);
	cr_assert_eq(data_of(ix, "dones")->dtype, RC_BOOL);
	cr_assert_str_eq(str(ix, ix->episodes[199].key), "data/demo_199");
	cr_assert_eq(ix->n_notes, 0);
	rc_index_free(ix);
}

Test(recorded, robosuite_demos)
{
	struct rc_index *ix = scan_recorded("robosuite-demos/SawyerNutAssembly.hdf5");

	is_layout(ix, "robomimic", 2);
	cr_assert_eq(need(ix, 0, "states")->n_rows, 3318);
	has_note(ix, RC_NOTE_INFO, "empty_stream", "left_dpos, left_dquat");
	has_order(ix, "right_dquat", "xyzw", "layout");
	rc_index_free(ix);

	ix = scan_recorded("robosuite-demos/BaxterLift.hdf5");
	is_layout(ix, "robomimic", 2);
	cr_assert_eq(ix->episodes[0].n_streams, 1);
	cr_assert_eq(need(ix, 1, "states")->role, RC_ROLE_STATE);
	cr_assert_str_eq(str(ix, ix->episodes[1].model_file), "model_2.xml");
	rc_index_free(ix);

	ix = scan_recorded("robosuite-demos/lift_panda.hdf5");
	cr_assert_eq(need(ix, 0, "actions")->n_rows, 412);
	rc_index_free(ix);

	ix = scan_recorded("robosuite-demos/nutassembly_panda.hdf5");
	cr_assert_eq(need(ix, 0, "joint_torques")->n_rows, 1036);
	rc_index_free(ix);
}

Test(recorded, isaaclab_mimic)
{
	struct rc_index *ix = scan_recorded("isaaclab-mimic/dataset.hdf5");

	is_layout(ix, "robomimic", 10);
	cr_assert_eq(steps(ix, "actions"), XXSTEPS);
	has_order(ix, "eef_quat", "wxyz", "layout");
	has_order(ix, "states/rigid_object/cube_3/root_pose", "wxyz", "layout");
	has_note(ix, RC_NOTE_INFO, "constant_stream", "initial_state");
	cr_assert_eq(ix->episodes[0].success, 1);
	cr_assert_eq(need(ix, 0, "obs/actions")->role, RC_ROLE_OBS);
	rc_index_free(ix);
}

Test(recorded, g1_pose_retarget)
{
	struct rc_index *ix = scan_recorded("g1-pose-retarget/dataset_live1.h5");

	is_layout(ix, "generic", 1);
	cr_assert_eq(need(ix, 0, "angles")->n_rows, 5430);
	has_clock(ix, "angles", "/timestamps", "s", "magnitude");
	has_clock(ix, "landmarks", "/timestamps", "s", "magnitude");
	cr_assert_eq(need(ix, 0, "landmarks")->kind, RC_KIND_LOWDIM);
	cr_assert_eq(ix->n_notes, 0);
	rc_index_free(ix);

	ix = scan_recorded("g1-pose-retarget/gesture.h5");
	has_clock(ix, "angles", "/timestamps", "s", "magnitude");
	cr_assert_eq(need(ix, 0, "angles")->clock.first_ns, 66511454);
	rc_index_free(ix);
}
