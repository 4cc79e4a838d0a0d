/* SPDX-License-Identifier: Apache-2.0 */
/* What the values of a dataset are, by shape, name and first rows; and the order of quaternions. */
#include "base/compat.h"

#include "formats/describe.h"

#include <math.h>
#include <strings.h>

enum { MIN_IMAGE_SIDE = 8, MAX_IMAGE_CHANNELS = 4, MAX_QUATERNIONS = 16 /* of one row */ };
/* First rows are float32 or even float16 and of unit length only so far. */
#define UNIT_TOLERANCE 1e-2

static bool image_shape(const struct rc_dataset *s)
{
	bool deep = s->rank == 3 || (s->rank == 4 && s->dims[3] <= MAX_IMAGE_CHANNELS);
	bool values = rc_dtype_is_float(s->dtype) || s->dtype == RC_U8 || s->dtype == RC_U16;

	return deep && values && s->dims[1] >= MIN_IMAGE_SIDE && s->dims[2] >= MIN_IMAGE_SIDE;
}

enum unit_row { UNIT, ZERO, OTHER, UNKNOWN };

static enum unit_row look_at_quaternion(const double *v)
{
	double sum = v[0] * v[0] + v[1] * v[1] + v[2] * v[2] + v[3] * v[3];

	if (fabs(sqrt(sum) - 1) < UNIT_TOLERANCE)
		return UNIT;
	return sum < 1e-12 || isnan(sum) ? ZERO : OTHER;
}

/* Whether the last four columns of a row are a unit quaternion, and all fours of a list. */
static enum unit_row look_at_row(const struct draft *d, const struct rc_h5_node *n, uint64_t row)
{
	double v[4 * MAX_QUATERNIONS];
	const struct rc_dataset *s = n->dataset;
	uint64_t width = s->rank == 3 ? s->dims[1] * s->dims[2] : s->dims[1];
	enum unit_row r = UNIT;

	if (rc_h5_rows_double(d->t, n, row, 1, v, width, NULL))
		return UNKNOWN;
	for (uint64_t i = s->rank == 3 ? 0 : width - 4; i < width && r == UNIT; i += 4)
		r = look_at_quaternion(v + i);
	return r;
}

/* The first row decides, unless the sensor had no value yet. */
static bool holds_quaternions(struct draft *d, const struct rc_h5_node *n)
{
	uint64_t rows = n->dataset->dims[0];
	enum unit_row r = look_at_row(d, n, 0);

	if (r == ZERO)
		r = look_at_row(d, n, rows / 2);
	if (r == ZERO)
		r = look_at_row(d, n, rows - 1);
	if (r == UNKNOWN)
		describe_warn(d, "quaternion_unchecked", n->path,
			      "'%s' is taken as quaternions for its name: its rows cannot be read",
			      n->path);
	else if (r != UNIT && d->b)
		rc_ixb_note(d->b, RC_NOTE_INFO, "not_a_quaternion", n->path,
			    "'%s' is named like a quaternion but is not of unit length: treated "
			    "as plain numbers", n->path);
	return r == UNIT || r == UNKNOWN;
}

/* Rows of the shape of quaternions whose name says that they are. */
static enum rc_kind named_kind(const struct rc_dataset *s, const char *name)
{
	bool quats = describe_contains(name, "quat") || describe_contains(name, "orientation");

	if (quats && s->rank == 3 && s->dims[1] && s->dims[1] <= MAX_QUATERNIONS && s->dims[2] == 4)
		return RC_KIND_QUATS;
	if (s->rank != 2)
		return RC_KIND_LOWDIM;
	if (quats && s->dims[1] == 4)
		return RC_KIND_QUAT;
	return s->dims[1] == 7 && (describe_contains(name, "pose") ||
				   describe_contains(name, "end_effector"))
		       ? RC_KIND_POSE : RC_KIND_LOWDIM;
}

enum rc_kind describe_kind(struct draft *d, const struct candidate *c)
{
	const struct rc_dataset *s = c->node->dataset;
	enum rc_kind named = named_kind(s, describe_basename(c->name));

	if (s->frames.codec != RC_FRAME_RAW)
		return RC_KIND_ENCODED;
	if (c->kind != KIND_SEEN)
		return (enum rc_kind)c->kind;
	if (image_shape(s))
		return RC_KIND_IMAGE;
	if (named != RC_KIND_LOWDIM && rc_dtype_is_float(s->dtype) && holds_quaternions(d, c->node))
		return named;
	return RC_KIND_LOWDIM;
}

static const char *order_attribute(const struct rc_h5_tree *t, const struct rc_h5_node *n)
{
	const char *order = NULL;
	char *s;

	if (!rc_h5_attr_string(t, n, "quaternion_order", &s))
		return NULL;
	if (strcasecmp(s, "xyzw") == 0)
		order = "xyzw";
	else if (strcasecmp(s, "wxyz") == 0)
		order = "wxyz";
	free(s);
	return order;
}

/* The ledger names each order once for each origin. */
static unsigned ledger_bit(const char *order, const char *origin)
{
	static const char *const origins[] = { "attribute", "layout", "map", "assumed" };
	unsigned i = 0;

	while (i + 1 < RC_ARRAY_LEN(origins) && strcmp(origin, origins[i]) != 0)
		i++;
	return 1u << (2 * i + (*order == 'w'));
}

void describe_quaternion_order(struct draft *d, const struct candidate *c, struct rc_stream *s)
{
	const struct rc_h5_node *n = c->node;
	const char *order = NULL, *origin = "attribute", *where = n->path;
	unsigned bit;

	if (d->by_user)
		order = c->order;
	if (order)
		origin = c->order_origin;
	for (const struct rc_h5_node *at = n; at && !order; at = at->parent) {
		order = order_attribute(d->t, at);
		where = at->path;
	}
	if (!order && c->order) {
		order = c->order;
		origin = c->order_origin;
		where = n->path;
	}
	if (!order) {
		order = d->quat->order;
		origin = d->quat->origin;
		where = d->quat->where ? d->quat->where : n->path;
	}
	s->quat_order = rc_ixb_str(d->b, order);
	s->quat_origin = rc_ixb_str(d->b, origin);
	bit = ledger_bit(order, origin);
	if (d->quat->told & bit)
		return;
	d->quat->told |= bit;
	rc_ixb_convention(d->b, "quaternion_order", order, origin, where);
	if (strcmp(origin, "assumed") == 0)
		describe_warn(d, "quaternion_order_assumed", n->path,
			      "the order of quaternions is not in the file: %s is assumed for "
			      "'%s' and its like; an attribute quaternion_order settles it",
			      order, n->path);
}
