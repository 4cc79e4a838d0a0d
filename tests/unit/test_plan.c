/* SPDX-License-Identifier: Apache-2.0 */
/* Which output streams an episode gets: selection, names, fuse groups, methods, types. */
#include "base/compat.h"

#include <malloc.h>

#include "plan_made.h"

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
	cr_expect_str_eq(source_text(&j, 0, "joint_pos"), "/data/demo_0/qpos");
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
	cr_expect_str_eq(s->members, "gripper,joint_pos,joint_vel");
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
	cr_expect_str_eq(j.plan.episodes[1].err->reason, "missing_stream");
	cr_expect_neq(strstr(j.plan.episodes[1].err->msg,
			     "'b.h5:data/demo_0' has no stream 'count' for fuse group 'state'"),
		      NULL, "%s", j.plan.episodes[1].err->msg);
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
	refused(&j, "which takes nearest, previous");
	again(&j);
	j.set.method = ITEMS("actions:slerp");
	refused(&j, "method slerp does not fit stream 'actions' (lowdim, 8 values a row), which "
		    "takes linear, nearest, previous, mean, max, min");
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

/* --- sharing ---------------------------------------------------------------------------------- */

/* Files of different lengths are still made alike; another type or name is not. */
Test(plan, episodes_made_alike_share_their_streams)
{
	struct job j;
	const struct rc_plan_episode *e;

	start(&j);
	ADD(&j, "a.h5", 2, STEPS(10));
	ADD(&j, "b.h5", 1, STEPS(12));
	ADD(&j, "c.h5", 1, {"qpos", RC_F64, RC_KIND_LOWDIM, RC_ROLE_OBS, 10, 6, 0, 0, 0});
	ADD(&j, "d.h5", 1, STEPS(9));
	good(&j);
	e = j.plan.episodes;
	cr_expect_eq(j.plan.n_sets, 2);
	cr_expect_eq(e[0].streams, e[1].streams);
	cr_expect_eq(e[0].streams, e[2].streams);
	cr_expect_neq(e[0].streams, e[3].streams);
	cr_expect_eq(e[0].streams, e[4].streams);
	cr_expect_str_eq(source_text(&j, 1, "qpos"), "/data/demo_1/qpos");
	cr_expect_eq(rc_plan_input(j.files[1].index, &e[2], &e[2].streams[0].sources[0])->n_rows,
		     12);
	end(&j);
}

/* Bytes that the heap lends now. */
static size_t heap(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static size_t bytes_of_plan(int n_episodes)
{
	struct job j;
	size_t before, bytes;

	start(&j);
	ADD(&j, "a.h5", n_episodes, STEPS(10));
	before = heap();
	good(&j);
	bytes = heap() - before;
	end(&j);
	return bytes;
}

/* A hundred thousand tiny episodes must fit beside small budgets. */
Test(plan, an_episode_more_costs_little)
{
	enum { N = 4000, MOST = 512 };
	size_t some = bytes_of_plan(N), twice = bytes_of_plan(2 * N);

	cr_expect_leq(twice - some, (size_t)N * MOST, "%zu bytes an episode", (twice - some) / N);
}
