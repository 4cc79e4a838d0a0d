/* SPDX-License-Identifier: Apache-2.0 */
/* How streams meet in time, and which shard and split an episode goes to. */
#include "base/compat.h"

#include "plan_made.h"

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
	ADD(&j, "a.h5", 3, STEPS(10),
	    {"extra", RC_F32, RC_KIND_LOWDIM, RC_ROLE_OBS, 11, 2, 0, 0, 0});
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
	ADD(&j, "a.h5", 1, STEPS(10),
	    {"extra", RC_F32, RC_KIND_LOWDIM, RC_ROLE_OBS, 9, 2, 0, 0, 0});
	good(&j);
	cr_expect_eq(j.plan.episodes[0].est_ticks, 9);
	cr_expect_neq(problem(&j, "trimmed"), NULL);
	end(&j);
}

Test(plan, other_lengths_without_clocks)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, STEPS(10),
	    {"extra", RC_F32, RC_KIND_LOWDIM, RC_ROLE_OBS, 12, 2, 0, 0, 0});
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
	cr_expect_str_eq(j.plan.episodes[1].err->reason, "length_mismatch");
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
	cr_expect_str_eq(j.plan.episodes[1].err->reason, "empty_episode");
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
	cr_expect_eq(strncmp(a.p, "1 input file, 3 episodes, 2 shards of layout robomimic\n", 55),
		     0, "%s", a.p);
	rc_buf_release(&a);
	rc_buf_release(&b);
	end(&j);
}
