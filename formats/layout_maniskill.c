/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ManiSkill 2 and 3: groups traj_N with T actions and T + 1 observations, an array or a tree.  What
 * the file does not say is in the JSON file beside it: the control rate, success, the instruction.
 */
#include "base/compat.h"

#include "formats/rules.h"

static bool is_episode(const struct rc_h5_tree *t, const struct rc_h5_node *n)
{
	(void)t;
	return describe_word_number(n, "traj");
}

static int probe(const struct rc_h5_tree *t, char *reason, size_t cap)
{
	static const char *const members[] = { "env_states", "terminated", "obs", "success" };
	const struct rc_h5_node *first;
	size_t n = describe_count_groups(t, t->root, is_episode, &first);
	const char *found = NULL;

	for (size_t i = 0; i < RC_ARRAY_LEN(members) && !found; i++)
		if (rc_h5_child(first, members[i]))
			found = members[i];
	snprintf(reason, cap, "no group traj_N with actions");
	if (!found || !rc_h5_child(first, "actions") || !describe_has_array(first))
		return 0;
	snprintf(reason, cap, "%zu group%s like '%.60s' with actions and %s, and %s", n,
		 n == 1 ? "" : "s", first->name, found,
		 t->sidecar ? "a JSON file beside it" : "no JSON file beside it");
	return 90;
}

static const struct stream_rule streams[] = {
	{ .path = "obs" },
	{ .path = "obs/sensor_data/*/rgb", .name = "$1_rgb", .kind = "image" },
	{ .path = "obs/sensor_data/*/depth", .name = "$1_depth", .kind = "image" },
	{ .path = "obs/sensor_data/*/segmentation", .name = "$1_segmentation", .kind = "image" },
	{ .path = "obs/sensor_data/*/*", .name = "$1_$2" },
	{ .path = "obs/**", .name = "$1" },
	{ .path = "actions", .role = RC_ROLE_ACTION },
	{ .path = "rewards", .role = RC_ROLE_REWARD },
	{ .path = "terminated", .name = "dones", .role = RC_ROLE_DONE },
};

/* --- the JSON file ---------------------------------------------------------------------------- */

static const struct rc_json *at(const struct rc_json *j, const char *const *keys)
{
	for (; j && *keys; keys++)
		j = rc_json_get(j, *keys);
	return j;
}

static double control_rate(const struct rc_h5_tree *t)
{
	static const char *const places[][5] = {
		{ "env_info", "env_kwargs", "sim_config", "control_freq" },
		{ "env_info", "env_kwargs", "control_freq" },
		{ "env_info", "control_freq" },
	};
	double hz = 0;

	for (size_t i = 0; i < RC_ARRAY_LEN(places) && hz == 0; i++)
		if (!rc_json_number(at(t->sidecar, places[i]), &hz))
			hz = 0;
	return hz;
}

static const struct rc_json *find_record(const struct rc_json *from, int64_t want)
{
	int64_t id;

	for (; from; from = rc_json_next(from))
		if (rc_json_int(rc_json_get(from, "episode_id"), &id) && id == want)
			return from;
	return NULL;
}

/* The record of an episode, by the number in the name of its group; most follow each other. */
static const struct rc_json *record_of(const struct draft *d)
{
	const char *digits = d->root->name + strcspn(d->root->name, "0123456789");
	int64_t want = strtoll(digits, NULL, 10);
	const struct rc_json **next = d->state, *r = find_record(*next, want);

	if (!r)
		r = find_record(rc_json_child(rc_json_get(d->t->sidecar, "episodes")), want);
	*next = r ? rc_json_next(r) : NULL;
	return r;
}

static void begin(struct draft *d, struct rc_index_episode *e)
{
	static const char *const words[] = { "language_instruction", "language", "instruction" };
	const struct rc_json *r = record_of(d);
	const char *text = NULL;
	int64_t n;
	bool yes;

	if (rc_json_bool(rc_json_get(r, "success"), &yes))
		e->success = yes;
	else if (rc_json_int(rc_json_get(r, "success"), &n))
		e->success = n != 0;
	for (size_t i = 0; i < RC_ARRAY_LEN(words) && !text && !e->language; i++)
		text = rc_json_string(rc_json_get(r, words[i]));
	if (text)
		e->language = rc_ixb_str(d->b, text);
}

static int describe(const struct rc_h5_tree *t, struct rc_index_builder *b, struct rc_err *err)
{
	const struct rc_json *next = NULL;
	const struct episode_groups g = {
		.parent = t->root, .is_episode = is_episode, .begin = begin, .example = "traj_0",
		.state = &next,
		.quat = { .order = "wxyz", .origin = "assumed" },
	};
	const struct layout_rules rules = {
		.streams = streams, .n_streams = RC_ARRAY_LEN(streams), .origin = "layout",
		.hz = control_rate(t), .rate_origin = "control_freq beside the file",
		.usual_rate = "20 Hz",
	};

	return describe_groups_by_rules(&g, t, b, &rules, err);
}

const struct rc_layout rc_layout_maniskill = {
	.name = "maniskill",
	.summary = "many episodes in /traj_N, with a JSON file beside it: ManiSkill 2 and 3",
	.probe = probe,
	.describe = describe,
};
