/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fourier ActionNet: one file an episode, /timestamp in seconds since 1970, /state and /action with
 * robot, hand and pose.  Frames are in a video beside it, with a clock of their own.
 */
#include "base/compat.h"

#include "formats/rules.h"

static int probe(const struct rc_h5_tree *t, char *reason, size_t cap)
{
	static const char *const members[] = { "robot", "hand", "pose" };
	const struct rc_h5_node *state = rc_h5_child(t->root, "state");
	const struct rc_h5_node *action = rc_h5_child(t->root, "action");
	const char *found = NULL;

	for (size_t i = 0; i < RC_ARRAY_LEN(members) && !found; i++)
		if (describe_array(t, state, members[i]) && describe_array(t, action, members[i]))
			found = members[i];
	snprintf(reason, cap, "no robot, hand or pose in both /state and /action");
	if (!state || !action || !found || !describe_array(t, NULL, "timestamp"))
		return 0;
	snprintf(reason, cap, "'state' and 'action' hold %s, and there is 'timestamp'", found);
	return 90;
}

static const struct stream_rule streams[] = {
	{ .path = "timestamp", .skip = true },
	{ .path = "action/*", .name = "action/$1", .role = RC_ROLE_ACTION, .clock = "timestamp",
	  .unit = "s" },
	{ .path = "state/pose", .name = "pose", .clock = "timestamp", .unit = "s",
	  .kind = "lowdim" },
	{ .path = "state/*", .name = "$1", .clock = "timestamp", .unit = "s" },
};
static const struct layout_rules rules = {
	.streams = streams, .n_streams = RC_ARRAY_LEN(streams), .origin = "layout",
};

static int describe(const struct rc_h5_tree *t, struct rc_index_builder *b, struct rc_err *err)
{
	rc_ixb_convention(b, "rotation", "6D", "layout",
			  "/state/pose");
	return describe_file_by_rules(t, b, &rules,
				      (struct quat_rule){ .order = "xyzw", .origin = "assumed" },
				      err);
}

const struct rc_layout rc_layout_actionnet = {
	.name = "actionnet",
	.summary = "one episode a file, /timestamp with robot, hand, pose: ActionNet",
	.probe = probe,
	.describe = describe,
};
