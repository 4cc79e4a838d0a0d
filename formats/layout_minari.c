/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Minari: groups episode_N with T actions and T + 1 observations, an array or a tree of them.
 * There is no clock: rate and task are in the metadata of the dataset, beside the file.
 */
#include "base/compat.h"

#include "formats/rules.h"

static bool is_episode(const struct rc_h5_tree *t, const struct rc_h5_node *n)
{
	(void)t;
	return describe_word_number(n, "episode");
}

static int probe(const struct rc_h5_tree *t, char *reason, size_t cap)
{
	const struct rc_h5_node *first, *obs;
	size_t n = describe_count_groups(t, t->root, is_episode, &first);
	const char *end = rc_h5_child(first, "terminations") ? "terminations" : "truncations";

	obs = rc_h5_child(first, "observations");
	snprintf(reason, cap, "no group episode_N with observations and terminations");
	if (!obs || !rc_h5_child(first, end) || !describe_has_array(first))
		return 0;
	snprintf(reason, cap, "%zu group%s like '%.60s' with observations and %s", n,
		 n == 1 ? "" : "s", first->name, end);
	return 90;
}

static const struct stream_rule streams[] = {
	{ .path = "observations" },
	{ .path = "observations/**", .name = "$1" },
	{ .path = "actions", .role = RC_ROLE_ACTION },
	{ .path = "actions/**", .role = RC_ROLE_ACTION, .name = "action/$1" },
	{ .path = "rewards", .role = RC_ROLE_REWARD },
	{ .path = "terminations", .name = "dones", .role = RC_ROLE_DONE },
};
static const struct layout_rules rules = {
	.streams = streams, .n_streams = RC_ARRAY_LEN(streams), .origin = "layout",
	.count = "total_steps",
};

static int describe(const struct rc_h5_tree *t, struct rc_index_builder *b, struct rc_err *err)
{
	const struct episode_groups g = {
		.parent = t->root, .is_episode = is_episode, .example = "episode_0",
		.quat = { .order = "wxyz", .origin = "assumed" },
	};

	return describe_groups_by_rules(&g, t, b, &rules, err);
}

const struct rc_layout rc_layout_minari = {
	.name = "minari",
	.summary = "many episodes in /episode_N with observations and terminations: Minari",
	.probe = probe,
	.describe = describe,
};
