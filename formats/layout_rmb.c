/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RoboManipBaselines: one file an episode, arrays at the top with one clock /time in seconds since
 * the phase began.  command_* is what was asked of the robot, measured_* what it did.
 */
#include "base/compat.h"

#include "formats/rules.h"

static int probe(const struct rc_h5_tree *t, char *reason, size_t cap)
{
	char *format = NULL;
	bool named, measured = describe_array(t, NULL, "measured_joint_pos") ||
			       describe_array(t, NULL, "command_joint_pos");

	named = rc_h5_attr_string(t, t->root, "format", &format) &&
		strncmp(format, "RmbData", 7) == 0;
	snprintf(reason, cap, "no attribute format RmbData and no /measured_joint_pos");
	if (named && describe_has_array(t->root))
		snprintf(reason, cap, "its attribute format is '%.60s'", format);
	else if (measured)
		snprintf(reason, cap, "'measured_joint_pos' or 'command_joint_pos' is there");
	free(format);
	if (named && describe_has_array(t->root))
		return 95;
	return measured ? describe_array(t, NULL, "time") ? 85 : 60 : 0;
}

static const struct stream_rule streams[] = {
	{ .path = "time", .skip = true },
	{ .path = "command_*", .name = "command_$1", .role = RC_ROLE_ACTION, .clock = "time",
	  .unit = "s" },
	{ .path = "reward", .role = RC_ROLE_REWARD, .clock = "time", .unit = "s" },
	{ .path = "*_rgb_image", .name = "$1_rgb_image", .clock = "time", .unit = "s" },
	{ .path = "*", .clock = "time", .unit = "s" },
};
static const struct layout_rules rules = {
	.streams = streams, .n_streams = RC_ARRAY_LEN(streams), .origin = "layout",
};

static int describe(const struct rc_h5_tree *t, struct rc_index_builder *b, struct rc_err *err)
{
	return describe_file_by_rules(t, b, &rules,
				      (struct quat_rule){ .order = "wxyz", .origin = "layout" },
				      err);
}

const struct rc_layout rc_layout_rmb = {
	.name = "rmb",
	.summary = "one episode a file, /time with measured_* and command_*: RoboManipBaselines",
	.probe = probe,
	.describe = describe,
};
