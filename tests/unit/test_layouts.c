/* SPDX-License-Identifier: Apache-2.0 */
/* Layouts: episodes, streams, clocks and conventions in generated files and in recordings. */
#include "base/compat.h"

#include "scan_file.h"

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
	cr_assert_eq(need(ix, 0, "actions_abs")->role, RC_ROLE_ACTION);
	cr_assert_eq(need(ix, 0, "action_dict/gripper")->role, RC_ROLE_ACTION);
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
	cr_assert_eq(need(ix, 0, "base_action")->role, RC_ROLE_ACTION);
	cr_assert_eq(need(ix, 0, "cam_high")->kind, RC_KIND_IMAGE);
	cr_assert_eq(need(ix, 0, "qpos")->clock.kind, RC_CLOCK_NONE);
	cr_assert_eq(data_of(ix, "cam_high")->chunk[0], 1);
	cr_assert_eq(ix->episodes[0].n_streams, 6);
	rc_index_free(ix);
}

Test(aloha, encoded_images)
{
	struct rc_index *ix = scan("odd-aloha-compressed.h5", NULL);

	cr_assert_eq(ix->episodes[0].sim, 1);
	cr_assert_eq(ix->episodes[0].n_streams, 3);
	cr_assert_eq(need(ix, 0, "cam_high")->kind, RC_KIND_ENCODED);
	cr_assert_eq(data_of(ix, "cam_high")->frames.codec, RC_FRAME_JPEG);
	cr_assert_eq(data_of(ix, "cam_high")->frames.height, 24);
	cr_assert_eq(data_of(ix, "cam_high")->frames.width, 32);
	cr_assert_eq(data_of(ix, "cam_high")->frames.channels, 3);
	for (uint32_t i = 0; i < ix->n_notes; i++) /* the rate is not in the file */
		cr_assert_str_eq(rc_index_str(ix, ix->notes[i].code), "usual_rate");
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
	struct rc_index *ix = scan("good-trials.h5", "generic");

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

Test(flat, episodes_lie_end_to_end)
{
	struct rc_index *ix = scan("odd-flat.h5", NULL);

	is_layout(ix, "flat", 10);
	cr_assert_eq(need(ix, 9, "terminals")->role, RC_ROLE_DONE);
	cr_assert_eq(need(ix, 9, "terminals")->row0, 450);
	cr_assert_eq(need(ix, 9, "terminals")->n_rows, 50);
	has_note(ix, RC_NOTE_WARNING, "no_timeouts", "terminals");
	rc_index_free(ix);
	ix = scan("odd-flat.h5", "generic");
	has_note(ix, RC_NOTE_WARNING, "concatenated_episodes", "terminals");
	rc_index_free(ix);
}

/* --- every layout ----------------------------------------------------------------------------- */

struct probed {
	const char *layout;
	int score;
};

static struct probed best_of(const struct rc_h5_tree *t)
{
	struct probed best = { "", 0 };
	char reason[320];

	for (size_t i = 0; i < rc_n_layouts; i++) {
		int score = rc_layouts[i]->probe(t, reason, sizeof reason);
		cr_assert(score >= 0 && score <= 100, "%s: %d", rc_layouts[i]->name, score);
		cr_assert(*reason, "%s gives no reason", rc_layouts[i]->name);
		if (score > best.score)
			best = (struct probed){ rc_layouts[i]->name, score };
	}
	return best;
}

/* A layout knows its own samples better than any other does, and no other's. */
Test(layouts, probes_tell_families_apart)
{
	static const char *const samples[] = {
		"keep-episode", "robomimic-libero", "aloha-cobot-magic", "maniskill-nested",
		"droid-raw", "robomind2-real", "robomind-real", "agibot-world", "actionnet-episode",
		"robotwin-older", "rmb-single", "robohive-roboset", "minari-box", "flat-d4rl",
		"rig-m3ed", "nwb-session", "mocap-clips", "generic-recorder",
	};

	cr_assert_eq(RC_ARRAY_LEN(samples), rc_n_layouts);
	for (size_t i = 0; i < RC_ARRAY_LEN(samples); i++) {
		struct rc_h5_tree *t = NULL;
		struct rc_err err = { 0 };
		struct stat st;
		char name[64], path[4096];
		snprintf(name, sizeof name, "%s.h5", samples[i]);
		made(name, path, sizeof path);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		cr_assert(fd >= 0 && fstat(fd, &st) == 0);
		rc_h5_init();
		cr_assert_eq(rc_h5_tree_open(fd, (uint64_t)st.st_size, NULL, &t, &err), 0, "%s",
			     err.msg);
		struct probed best = best_of(t);
		cr_assert_str_eq(best.layout, rc_layouts[i]->name, "%s", samples[i]);
		for (size_t k = 0; k + 1 < rc_n_layouts; k++) {
			char reason[320];
			int score = rc_layouts[k]->probe(t, reason, sizeof reason);
			cr_assert(k == i || score < 60, "%s as %s: %d", samples[i],
				  rc_layouts[k]->name, score);
		}
		rc_h5_tree_close(t);
		close(fd);
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
	cr_assert_eq(steps(ix, "actions"), 2163);
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
