/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RoboMIND 2.0: one file an episode; every stream is a group <stream>_align of data, timestamp and
 * is_intervene, cameras share one clock.  Stamps are whole seconds (real) or milliseconds
 * (simulation, where <stream>_raw has twice the rows on a clock of its own).  Public readers
 * disagree on the order of quaternions.
 */
#include "base/compat.h"

#include "formats/rules.h"

static size_t count_triples(const struct rc_h5_node *group, const char **name_out)
{
	size_t n = 0;

	for (size_t i = 0; group && i < group->n_children; i++) {
		const struct rc_h5_node *c = group->children[i];
		size_t len = strlen(c->name);
		if (c->is_group && len > 6 && strcmp(c->name + len - 6, "_align") == 0 &&
		    rc_h5_child(c, "data") && rc_h5_child(c, "timestamp") && n++ == 0)
			*name_out = c->path;
	}
	return n;
}

static int probe(const struct rc_h5_tree *t, char *reason, size_t cap)
{
	const char *first = NULL;
	size_t n = count_triples(rc_h5_child(t->root, "puppet"), &first) +
		   count_triples(rc_h5_child(t->root, "master"), &first);

	snprintf(reason, cap, "no groups like /puppet/arm_left_position_align with data and "
		 "timestamp");
	if (!n)
		return 0;
	snprintf(reason, cap, "%zu groups like '%.100s' hold data and timestamp", n, first);
	return 95;
}

static const struct stream_rule streams[] = {
	{ .path = "puppet/*_align/data", .name = "$1", .clock = "puppet/$1_align/timestamp" },
	{ .path = "master/*_align/data", .name = "action/$1", .role = RC_ROLE_ACTION,
	  .clock = "master/$1_align/timestamp" },
	{ .path = "tactile_observations/*_align/data", .name = "$1",
	  .clock = "tactile_observations/$1_align/timestamp" },
	{ .path = "*/*_raw/data", .name = "$2_raw", .clock = "$1/$2_raw/timestamp" },
	{ .path = "*/*/is_intervene", .name = "is_intervene/$1/$2", .clock = "$1/$2/timestamp" },
	{ .path = "*/*/timestamp", .skip = true },
	{ .path = "camera_observations/timestamp", .skip = true },
	{ .path = "camera_observations/is_intervene", .name = "is_intervene/camera",
	  .clock = "camera_observations/timestamp" },
	{ .path = "camera_observations/color_images/*", .name = "$1",
	  .clock = "camera_observations/timestamp" },
	{ .path = "camera_observations/depth_images/*", .name = "$1_depth",
	  .clock = "camera_observations/timestamp" },
	{ .path = "camera_observations/camera_*/*", .skip = true },
};
static const struct layout_rules rules = {
	.streams = streams, .n_streams = RC_ARRAY_LEN(streams), .origin = "layout",
};

static int describe(const struct rc_h5_tree *t, struct rc_index_builder *b, struct rc_err *err)
{
	struct quat_rule quat = { .order = "xyzw", .origin = "assumed" };
	struct draft d = { .t = t, .b = b, .root = t->root, .quat = &quat };
	struct rc_index_episode e = describe_begin(&d, describe_language);
	const struct rc_h5_node *text = rc_h5_find(t, NULL, "metadata/language_instruction");
	char *said = NULL;
	int rc;

	if (!e.language && rc_h5_scalar_text(t, text, &said))
		e.language = rc_ixb_str(b, said);
	free(said);
	rc_ixb_episode(b, &e);
	rc = describe_collect(&d, t->root, err);
	if (rc == 0)
		rc = describe_by_rules(&d, &rules, err);
	describe_release(&d);
	return rc;
}

const struct rc_layout rc_layout_robomind2 = {
	.name = "robomind2",
	.summary = "one episode a file, data and timestamp in /puppet/<stream>_align: RoboMIND 2.0",
	.probe = probe,
	.describe = describe,
};
