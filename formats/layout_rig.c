/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sensor rigs: M3ED (cameras /ovc, lidar /ouster, event cameras /prophesee, each with its own
 * clock) and files of events alone (VECtor, DSEC: /events with x, y, p and t).  All clocks are
 * whole microseconds on one origin.
 */
#include "base/compat.h"

#include "formats/rules.h"

static bool has_events(const struct rc_h5_tree *t, const struct rc_h5_node *g)
{
	return describe_array(t, g, "x") && describe_array(t, g, "y") &&
	       describe_array(t, g, "t") && describe_array(t, g, "p");
}

static int probe(const struct rc_h5_tree *t, char *reason, size_t cap)
{
	const struct rc_h5_node *events = rc_h5_child(t->root, "events");
	const struct rc_h5_node *left = rc_h5_find(t, NULL, "prophesee/left");
	bool ovc = describe_array(t, NULL, "ovc/ts"), ouster = describe_array(t, NULL,
									      "ouster/ts_start");

	snprintf(reason, cap, "no /ovc, /ouster or /prophesee with a clock and no /events");
	if (ovc || ouster || (left && has_events(t, left))) {
		snprintf(reason, cap, "'%s' holds a sensor of the M3ED rig",
			 ovc ? "ovc" : ouster ? "ouster" : "prophesee");
		return 92;
	}
	if (!events || !events->is_group || !has_events(t, events))
		return 0;
	snprintf(reason, cap, "'events' holds x, y, p and t");
	return 90;
}

static const struct stream_rule streams[] = {
	{ .path = "**ts_map_**", .skip = true },
	{ .path = "**ms_to_idx", .skip = true },
	{ .path = "**ms_map_idx", .skip = true },
	{ .path = "**/calib/**", .skip = true },
	{ .path = "ouster/metadata", .skip = true },
	{ .path = "ouster/data", .name = "ouster", .clock = "ouster/ts_start", .unit = "us",
	  .kind = "lowdim" },
	{ .path = "ouster/ts_end", .skip = true },
	{ .path = "ovc/*/data", .name = "ovc_$1", .clock = "ovc/ts", .unit = "us" },
	{ .path = "**/imu/ts", .skip = true },
	{ .path = "**/imu/*", .name = "$1_imu_$2", .clock = "$1/imu/ts", .unit = "us" },
	{ .path = "prophesee/*/t", .skip = true },
	{ .path = "prophesee/*/*", .name = "events_$1/$2", .clock = "prophesee/$1/t",
	  .unit = "us" },
	{ .path = "events/t", .skip = true },
	{ .path = "events/*", .name = "events/$1", .clock = "events/t", .unit = "us" },
	{ .path = "ovc/ts", .skip = true },
	{ .path = "ouster/ts_start", .skip = true },
};
static const struct layout_rules rules = {
	.streams = streams, .n_streams = RC_ARRAY_LEN(streams), .origin = "layout",
};

static int describe(const struct rc_h5_tree *t, struct rc_index_builder *b, struct rc_err *err)
{
	double offset;

	if (rc_h5_scalar_double(t, rc_h5_child(t->root, "t_offset"), &offset) && offset != 0)
		rc_ixb_note(b, RC_NOTE_INFO, "clock_offset", "/t_offset",
			    "the clock of the events counts from 't_offset' = %.17g us, which is "
			    "not added: to align them with other files, do", offset);
	return describe_file_by_rules(t, b, &rules,
				      (struct quat_rule){ .order = "xyzw", .origin = "assumed" },
				      err);
}

const struct rc_layout rc_layout_rig = {
	.name = "rig",
	.summary = "sensor rigs with a clock for each sensor: M3ED, and events of VECtor and DSEC",
	.probe = probe,
	.describe = describe,
};
