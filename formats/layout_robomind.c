/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RoboMIND: one file an episode, arms in /master and /puppet (in simulations /franka), cameras in
 * /observations.  Real recordings have no clock.  Simulations have one, /sim_time_seq, of yet
 * another length: their streams are spread evenly over its span.
 */
#include "base/compat.h"

#include "formats/rules.h"

static bool has_arms(const struct rc_h5_node *group)
{
	for (size_t i = 0; group && i < group->n_children; i++) {
		const struct rc_h5_node *c = group->children[i];
		if (!c->is_group && (strncmp(c->name, "joint_", 6) == 0 ||
				     strncmp(c->name, "end_effector", 12) == 0))
			return true;
	}
	return false;
}

static int probe(const struct rc_h5_tree *t, char *reason, size_t cap)
{
	const struct rc_h5_node *rgb = rc_h5_find(t, NULL, "observations/rgb_images");
	const struct rc_h5_node *time = rc_h5_child(t->root, "sim_time_seq");
	const char *arm = NULL;

	for (size_t i = 0; i < t->root->n_children; i++)
		if (!arm && has_arms(t->root->children[i]))
			arm = t->root->children[i]->name;
	snprintf(reason, cap, "no arm in /puppet, /master or /franka beside observations");
	if (!arm || (!rgb && !time && !rc_h5_child(t->root, "master")))
		return 0;
	snprintf(reason, cap, "'%.60s' holds an arm, and there is %s", arm,
		 time ? "'sim_time_seq'" : rgb ? "'observations/rgb_images'" : "'master'");
	return rgb || time ? 90 : 60;
}

static const struct stream_rule streams[] = {
	{ .path = "sim_time_seq", .skip = true },
	{ .path = "observations/rgb_images/*", .name = "$1" },
	{ .path = "observations/depth_images/*", .name = "$1_depth" },
	{ .path = "observations/**", .name = "$1" },
	{ .path = "master/*", .name = "action/$1", .role = RC_ROLE_ACTION },
	{ .path = "puppet/*", .name = "$1" },
	{ .path = "franka/*", .name = "$1" },
};
static const struct layout_rules rules = {
	.streams = streams, .n_streams = RC_ARRAY_LEN(streams), .origin = "layout",
	.usual_rate = "30 Hz",
};

static int describe(const struct rc_h5_tree *t, struct rc_index_builder *b, struct rc_err *err)
{
	struct quat_rule quat = { .order = "xyzw", .origin = "layout" };
	struct draft d = { .t = t, .b = b, .root = t->root, .quat = &quat };
	struct rc_index_episode e = describe_begin(&d, describe_language);
	struct rc_h5_node *time = describe_array(t, NULL, "sim_time_seq");
	struct rc_stream_clock k = describe_clock_none();
	int rc;

	rc_ixb_episode(b, &e);
	rc = describe_collect(&d, t->root, err);
	if (rc == 0 && time && time->dataset->rank == 1 && time->dataset->dims[0] > 1 &&
	    describe_stamps(&d, time, "s", &k))
		describe_spread(&d, time, &k);
	if (rc == 0)
		rc = describe_by_rules(&d, &rules, err);
	describe_release(&d);
	return rc;
}

const struct rc_layout rc_layout_robomind = {
	.name = "robomind",
	.summary = "one episode a file, arms in /puppet, /master or /franka: RoboMIND 1",
	.probe = probe,
	.describe = describe,
};
