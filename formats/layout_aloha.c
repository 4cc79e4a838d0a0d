/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ALOHA, ACT, Mobile ALOHA, Cobot Magic, RDT and FastUMI: one file an episode,
 * /observations/{qpos, qvel, effort, images/<cam>} and /action.  Images are raw, or encoded as
 * Mobile ALOHA does.  The recorder ran at a rate that the file does not tell.
 */
#include "formats/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "formats/frames.h"

#define IMAGES "observations/images/"

static int probe(const struct rc_h5_tree *t, char *reason, size_t cap)
{
	const struct rc_h5_node *two = rc_h5_child(t->root, "robot_0");
	const struct rc_h5_node *root = two && rc_h5_child(two, "observations") ? two : t->root;
	const struct rc_h5_node *obs = rc_h5_child(root, "observations");
	const struct rc_h5_node *action = rc_h5_child(root, "action");
	const struct rc_h5_node *qpos = rc_h5_child(obs, "qpos");
	const struct rc_h5_node *images = rc_h5_child(obs, "images");
	bool acts = action && !action->is_group;
	int64_t complete;

	/* what this program writes as layout act may hold any streams */
	if (((obs && obs->is_group) || acts) && rc_h5_child(t->root, "robocache") &&
	    rc_h5_attr_int(t, t->root, "complete", &complete) &&
	    !rc_h5_child(t->root, "data")) {
		snprintf(reason, cap, "robocache wrote it, with %s",
			 obs ? "/observations" : "/action");
		return 95;
	}
	snprintf(reason, cap, "no /observations with qpos or images");
	if ((!qpos || qpos->is_group) && (!images || !images->is_group))
		return 0;
	snprintf(reason, cap, "'%s' holds %s%s%s, and there is %saction", obs->path + 1,
		 qpos ? "qpos" : "", qpos && images ? " and " : "", images ? "images" : "",
		 acts ? "" : "no ");
	if (!describe_has_array(root))
		return 0;
	return acts ? 95 : 55;
}

static const struct stream_rule streams[] = {
	{ .path = "action", .role = RC_ROLE_ACTION },
	{ .path = "base_action", .role = RC_ROLE_ACTION }, /* Mobile ALOHA, Cobot Magic */
	{ .path = "observations/images/**", .name = "$1" },
	{ .path = "observations/images_depth/**", .name = "$1_depth" },
	{ .path = "observations/**", .name = "$1" },
	/* FastUMI with two arms */
	{ .path = "robot_*/action", .name = "robot_$1/action", .role = RC_ROLE_ACTION },
	{ .path = "robot_*/observations/images/**", .name = "robot_$1/$2" },
	{ .path = "robot_*/observations/**", .name = "robot_$1/$2" },
};
static const struct layout_rules rules = {
	.streams = streams, .n_streams = RC_ARRAY_LEN(streams), .origin = "layout",
	.usual_rate = "50 Hz (ALOHA), 30 Hz (Cobot Magic) or 20, 30 or 60 Hz (FastUMI)",
};

/* Bytes up to the end of the first frame; 0: it has none, or cannot be read. */
static size_t first_length(const struct draft *d, const struct rc_h5_node *n)
{
	size_t bytes = (size_t)n->dataset->dims[1], length = 0;
	uint8_t *row = NULL;

	if (!rc_new_array(&row, bytes, 1, NULL) &&
	    !rc_h5_rows_native(d->t, n, 0, 1, row, bytes, NULL))
		length = frames_length((enum rc_frame_codec)n->dataset->frames.codec, row, bytes);
	free(row);
	return length;
}

/* Recorders wrote the cameras of this table in two orders, so that a frame's own end counts; the
 * table must have it for some camera. */
static void check_length(struct draft *d, const struct rc_h5_node *camera,
			 const struct rc_h5_node *table)
{
	size_t length = first_length(d, camera);
	double told;

	if (!length)
		return;
	for (uint64_t i = 0; i < table->dataset->dims[0]; i++) {
		double *row = NULL;
		uint64_t n = table->dataset->dims[1];
		int rc = rc_new_array(&row, n, sizeof *row, NULL);

		if (!rc)
			rc = rc_h5_rows_double(d->t, table, i, 1, row, n, NULL);
		told = rc ? 0 : row[0];
		free(row);
		if (rc || told == (double)length)
			return;
	}
	describe_warn(d, "compress_len", camera->path,
		      "the first frame of '%s' ends after %zu bytes, which %s has for no camera",
		      camera->path, length, table->path);
}

/* The table is no stream; frames are read without it. */
static void take_lengths(struct draft *d)
{
	struct candidate *table = NULL;

	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->c[i].rel, "compress_len") == 0)
			table = &d->c[i];
	if (!table)
		return;
	table->dropped = true;
	for (size_t i = 0; table->node->dataset->rank == 2 && i < d->n; i++) {
		const struct rc_h5_node *n = d->c[i].node;
		if (n->rows == RC_H5_NUMBERS && n->dataset->frames.codec != RC_FRAME_RAW)
			check_length(d, n, table->node);
	}
}

static uint64_t length_of(const struct draft *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (!d->c[i].dropped && strcmp(d->c[i].rel, "action") == 0)
			return d->c[i].node->dataset->dims[0];
	return describe_common_length(d);
}

static int describe_streams(struct draft *d, struct rc_err *err)
{
	struct rc_stream_clock k = describe_clock_none();
	struct rc_h5_node *own;
	uint64_t length;
	int rc = 0;

	own = describe_own_time(d);
	take_lengths(d);
	describe_find_clocks(d);
	length = length_of(d);
	describe_check_lengths(d, length);
	if (own && own->dataset->dims[0] == length)
		describe_stamps(d, own, "ns", &k);
	for (size_t i = 0; rc == 0 && i < d->n; i++) {
		struct candidate *c = &d->c[i];
		if (c->dropped)
			continue;
		rc = describe_apply_rule(d, c, &rules, err);
		if (c->clock.kind == RC_CLOCK_NONE && c->node->dataset->dims[0] == length)
			c->clock = k;
	}
	return rc ? rc : describe_unique_names(d, err);
}

/* Where RDT and its kin keep the instruction. */
static uint32_t instruction(const struct rc_h5_tree *t, struct rc_index_builder *b)
{
	static const char *const names[] = { "language_raw", "language_instruction",
					     "instruction", "language" };
	char *text = NULL;
	uint32_t off;

	for (size_t i = 0; i < RC_ARRAY_LEN(names) && !text; i++)
		rc_h5_scalar_text(t, rc_h5_child(t->root, names[i]), &text);
	off = rc_ixb_str(b, text);
	free(text);
	return off;
}

static int describe(const struct rc_h5_tree *t, struct rc_index_builder *b, struct rc_err *err)
{
	struct quat_rule quat = { .order = "xyzw", .origin = "assumed" };
	struct draft d = { .t = t, .b = b, .root = t->root, .quat = &quat };
	struct rc_index_episode e = describe_begin(&d, describe_language);
	int64_t flag;
	int rc;

	if (rc_h5_attr_int(t, t->root, "sim", &flag))
		e.sim = flag != 0;
	if (!e.language)
		e.language = instruction(t, b);
	rc_ixb_episode(b, &e);
	rc = describe_collect(&d, t->root, err);
	if (rc == 0)
		rc = describe_streams(&d, err);
	if (rc == 0)
		describe_usual_rate(&d, &rules);
	if (rc == 0)
		describe_emit(&d);
	describe_release(&d);
	return rc;
}

const struct rc_layout rc_layout_aloha = {
	.name = "aloha",
	.summary = "one episode a file in /observations and /action: ALOHA, ACT, FastUMI",
	.probe = probe,
	.describe = describe,
};
