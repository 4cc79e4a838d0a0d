/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RoboTwin: one file an episode.  The older files have /joint_action, /endpose and
 * /observation/<camera>/rgb without clock or rate; the exchange files /state, /action and /vision,
 * where the action of a step is the state of the next, and a rate in /additional_info/frequency.
 */
#include "base/compat.h"

#include "formats/rules.h"

static bool is_exchange(const struct rc_h5_tree *t)
{
	const struct rc_h5_node *state = rc_h5_child(t->root, "state");
	const struct rc_h5_node *action = rc_h5_child(t->root, "action");

	return rc_h5_find(t, NULL, "additional_info/frequency") && state && state->is_group &&
	       action && action->is_group;
}

static int probe(const struct rc_h5_tree *t, char *reason, size_t cap)
{
	const struct rc_h5_node *joint = rc_h5_child(t->root, "joint_action");
	const struct rc_h5_node *pose = rc_h5_child(t->root, "endpose");
	const struct rc_h5_node *obs = rc_h5_child(t->root, "observation");

	if (is_exchange(t) && describe_has_array(t->root)) {
		snprintf(reason, cap, "'state', 'action' and 'additional_info/frequency' exist");
		return 92;
	}
	snprintf(reason, cap, "no /joint_action beside /endpose or /observation");
	if (!joint || !describe_has_array(joint) || (!pose && !obs))
		return 0;
	snprintf(reason, cap, "'joint_action' and '%s' are there",
		 pose ? "endpose" : "observation");
	return 90;
}

static const struct stream_rule older[] = {
	{ .path = "joint_action/*", .name = "action/$1", .role = RC_ROLE_ACTION },
	{ .path = "endpose/*", .name = "$1" },
	{ .path = "observation/*/rgb", .name = "$1" },
	{ .path = "observation/*/*", .name = "$1_$2" },
};
static const struct stream_rule exchange[] = {
	{ .path = "action/**", .name = "action/$1", .role = RC_ROLE_ACTION },
	{ .path = "state/**", .name = "$1" },
	{ .path = "vision/*/colors", .name = "$1" },
	{ .path = "vision/*/depths", .name = "$1_depth" },
	{ .path = "vision/*/*", .skip = true },
	{ .path = "additional_info/**", .skip = true },
};

/* Every stream is as fast as the file says. */
static void give_rate(struct draft *d)
{
	double hz;

	if (!rc_h5_scalar_double(d->t, rc_h5_find(d->t, NULL, "additional_info/frequency"), &hz))
		return;
	for (size_t i = 0; i < d->n; i++)
		d->c[i].clock = describe_clock_nominal(d, hz, "additional_info/frequency");
}

static uint32_t instruction(const struct rc_h5_tree *t, struct rc_index_builder *b)
{
	static const char *const keys[][2] = { { "instruction" }, { "seen" }, { "language" } };
	char *text = NULL, *inner = NULL;
	uint32_t off = 0;

	if (!rc_h5_scalar_text(t, rc_h5_child(t->root, "instructions"), &text))
		return 0;
	if (*text != '{' && *text != '[')
		off = rc_ixb_str(b, text);
	for (size_t i = 0; !off && i < RC_ARRAY_LEN(keys); i++)
		if (describe_json_string(text, keys[i], &inner)) {
			off = rc_ixb_str(b, inner);
			free(inner);
		}
	free(text);
	return off;
}

static int describe(const struct rc_h5_tree *t, struct rc_index_builder *b, struct rc_err *err)
{
	struct quat_rule quat = { .order = "wxyz", .origin = "assumed" };
	struct draft d = { .t = t, .b = b, .root = t->root, .quat = &quat };
	struct rc_index_episode e = describe_begin(&d, describe_language);
	bool newer = is_exchange(t);
	const struct layout_rules rules = {
		.streams = newer ? exchange : older,
		.n_streams = newer ? RC_ARRAY_LEN(exchange) : RC_ARRAY_LEN(older),
		.origin = "layout",
	};
	int rc;

	if (!e.language)
		e.language = instruction(t, b);
	rc_ixb_episode(b, &e);
	if (newer)
		rc_ixb_convention(b, "action", "state of the next step", "layout", "/action");
	rc = describe_collect(&d, t->root, err);
	if (rc == 0 && newer)
		give_rate(&d);
	if (rc == 0)
		rc = describe_by_rules(&d, &rules, err);
	describe_release(&d);
	return rc;
}

const struct rc_layout rc_layout_robotwin = {
	.name = "robotwin",
	.summary = "one episode a file in /joint_action and /endpose, or in /state: RoboTwin",
	.probe = probe,
	.describe = describe,
};
