/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DROID: one file an episode, /observation, /action and a tree of clocks in int64 milliseconds.
 * The robot's state was taken when reading it began, an action was sent when control of its step
 * began, and a frame of a camera when the camera estimates that it captured it.  There are other
 * clocks of each (their ends, the receipt of a frame), which are left alone.
 */
#include "base/compat.h"

#include "formats/rules.h"

#define TIMES "observation/timestamp/"
#define STEP TIMES "control/step_start"
#define CONTROL TIMES "control/control_start"

static int probe(const struct rc_h5_tree *t, char *reason, size_t cap)
{
	const struct rc_h5_node *state = rc_h5_find(t, NULL, "observation/robot_state");
	const struct rc_h5_node *action = rc_h5_child(t->root, "action");
	bool clocks = rc_h5_find(t, NULL, TIMES "control") ||
		      rc_h5_find(t, NULL, TIMES "robot_state");

	snprintf(reason, cap, "no /observation/robot_state beside /action");
	if (!state || !action || !describe_has_array(state) || !describe_has_array(action))
		return 0;
	snprintf(reason, cap, "'observation/robot_state' and 'action' are there, and %s%s",
		 clocks ? "clocks in 'observation/timestamp'" : "no clocks",
		 rc_h5_find(t, NULL, "observation/camera/image") ? ", with images" : "");
	return clocks ? 95 : 75;
}

static const struct stream_rule streams[] = {
	{ .path = TIMES "skip_action", .name = "skip_action", .clock = STEP, .unit = "ms" },
	{ .path = "timestamp/skip_action", .name = "skip_action", .clock = STEP, .unit = "ms" },
	{ .path = TIMES "**", .skip = true },
	{ .path = "observation/robot_state/*", .name = "$1",
	  .clock = TIMES "robot_state/read_start", .unit = "ms" },
	{ .path = "observation/camera_extrinsics/*_left*", .name = "camera_extrinsics/$1_left$2",
	  .clock = TIMES "cameras/$1_estimated_capture", .unit = "ms" },
	{ .path = "observation/camera_extrinsics/*_right*",
	  .name = "camera_extrinsics/$1_right$2",
	  .clock = TIMES "cameras/$1_estimated_capture", .unit = "ms" },
	{ .path = "observation/camera_type/*", .name = "camera_type/$1",
	  .clock = TIMES "cameras/$1_estimated_capture", .unit = "ms" },
	{ .path = "observation/camera/image/*", .name = "$1", .clock = STEP, .unit = "ms" },
	{ .path = "observation/**", .name = "$1", .clock = STEP, .unit = "ms" },
	{ .path = "action/robot_state/*", .name = "action/robot_state/$1",
	  .clock = CONTROL, .unit = "ms" },
	{ .path = "action/**", .name = "action/$1", .role = RC_ROLE_ACTION, .clock = CONTROL,
	  .unit = "ms" },
};
static const struct layout_rules rules = {
	.streams = streams, .n_streams = RC_ARRAY_LEN(streams), .origin = "layout",
	.usual_rate = "15 Hz",
};

/* Which serial number a camera of the derived files ("varied_1_left_image") has: type 0 is the
 * hand, the others count in the order of their numbers. */
static const char *serial_of(const struct rc_h5_tree *t, const char *image)
{
	const struct rc_h5_node *types = rc_h5_find(t, NULL, "observation/camera_type");
	bool hand = strncmp(image, "hand_", 5) == 0;
	unsigned want = 1, n = 0;
	double type;

	if (!hand && sscanf(image, "varied_%u_", &want) != 1)
		return NULL;
	for (size_t i = 0; types && i < types->n_children; i++) {
		const struct rc_h5_node *c = types->children[i];
		if (c->is_group || !c->usable || c->dataset->rank != 1 || !c->dataset->dims[0] ||
		    rc_h5_rows_double(t, c, 0, 1, &type, 1, NULL))
			continue;
		if (hand ? type == 0 : (type != 0 && ++n == want))
			return c->name;
	}
	return NULL;
}

/* Frames get the clock of their camera where it can be told. */
static void clock_images(struct draft *d)
{
	static const char dir[] = "observation/camera/image/";

	for (size_t i = 0; i < d->n; i++) {
		struct candidate *c = &d->c[i];
		const char *serial;
		char path[256];
		struct rc_h5_node *k;

		if (strncmp(c->rel, dir, sizeof dir - 1) != 0)
			continue;
		serial = serial_of(d->t, c->rel + sizeof dir - 1);
		snprintf(path, sizeof path, TIMES "cameras/%.100s_estimated_capture",
			 serial ? serial : "");
		k = serial ? describe_array(d->t, NULL, path) : NULL;
		if (k && k->dataset->rank == 1 && k->dataset->dims[0] == c->node->dataset->dims[0])
			describe_stamps(d, k, "ms", &c->clock);
	}
}

static int describe(const struct rc_h5_tree *t, struct rc_index_builder *b, struct rc_err *err)
{
	struct quat_rule quat = { .order = "xyzw", .origin = "assumed" };
	struct draft d = { .t = t, .b = b, .root = t->root, .quat = &quat };
	struct rc_index_episode e = describe_begin(&d, describe_language);
	int64_t failure;
	int rc;

	if (e.success < 0 && rc_h5_attr_int(t, t->root, "failure", &failure))
		e.success = failure == 0;
	rc_ixb_episode(b, &e);
	rc_ixb_convention(b, "euler_angles", "extrinsic xyz", "layout",
			  "/observation/robot_state/cartesian_position");
	rc = describe_collect(&d, t->root, err);
	clock_images(&d);
	if (rc == 0)
		rc = describe_by_rules(&d, &rules, err);
	describe_release(&d);
	return rc;
}

const struct rc_layout rc_layout_droid = {
	.name = "droid",
	.summary = "one episode a file in /observation/robot_state and /action: DROID, also im128",
	.probe = probe,
	.describe = describe,
};
