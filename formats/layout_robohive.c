/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RoboHive and RoboSet: groups TrialN or RolloutN, each with a clock time, often float16 seconds
 * whose steps grow from 8 to 31 ms as the trial goes on.  Rollouts have one row more than
 * steps, with NaN for the last action.
 */
#include "base/compat.h"

#include "formats/rules.h"

static bool is_episode(const struct rc_h5_tree *t, const struct rc_h5_node *n)
{
	(void)t;
	return (describe_word_number(n, "trial") || describe_word_number(n, "rollout")) &&
	       describe_has_array(n);
}

static int probe(const struct rc_h5_tree *t, char *reason, size_t cap)
{
	const struct rc_h5_node *first;
	size_t n = describe_count_groups(t, t->root, is_episode, &first);
	bool set = first && describe_array(t, first, "data/time");
	bool hive = first && describe_array(t, first, "time");

	snprintf(reason, cap, "no group TrialN or RolloutN with a clock");
	if (!set && !hive)
		return 0;
	snprintf(reason, cap, "%zu group%s like '%.60s' with '%stime'", n, n == 1 ? "" : "s",
		 first->name, set ? "data/" : "");
	return 90;
}

static const struct stream_rule streams[] = {
	{ .path = "data/time", .skip = true },
	{ .path = "time", .skip = true },
	{ .path = "data/ctrl_*", .name = "ctrl_$1", .role = RC_ROLE_ACTION, .clock = "data/time",
	  .unit = "s" },
	{ .path = "data/rgb_*", .name = "rgb_$1", .clock = "data/time", .unit = "s" },
	{ .path = "data/*", .name = "$1", .clock = "data/time", .unit = "s" },
	{ .path = "derived/*", .name = "$1", .clock = "data/time", .unit = "s" },
	{ .path = "actions", .role = RC_ROLE_ACTION, .clock = "time", .unit = "s" },
	{ .path = "rewards", .role = RC_ROLE_REWARD, .clock = "time", .unit = "s" },
	{ .path = "done", .role = RC_ROLE_DONE, .clock = "time", .unit = "s" },
	{ .path = "config/**", .skip = true },
	{ .path = "**", .clock = "time", .unit = "s" },
};
static const struct layout_rules rules = {
	.streams = streams, .n_streams = RC_ARRAY_LEN(streams), .origin = "layout",
};

static void begin(struct draft *d, struct rc_index_episode *e)
{
	double solved;

	if (e->success < 0 &&
	    rc_h5_scalar_double(d->t, rc_h5_find(d->t, d->root, "config/solved"), &solved))
		e->success = solved != 0;
}

static int describe(const struct rc_h5_tree *t, struct rc_index_builder *b, struct rc_err *err)
{
	const struct episode_groups g = {
		.parent = t->root, .is_episode = is_episode, .begin = begin, .example = "Trial0",
		.quat = { .order = "wxyz", .origin = "assumed" },
	};

	return describe_groups_by_rules(&g, t, b, &rules, err);
}

const struct rc_layout rc_layout_robohive = {
	.name = "robohive",
	.summary = "many episodes in /TrialN or /RolloutN with a clock time: RoboHive, RoboSet",
	.probe = probe,
	.describe = describe,
};
