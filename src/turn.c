/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "turn.h"

#include "kernels/shared_math.h"
#include "plan.h"
#include "rotation.h"

/* --- names ------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	int turn;
} names[] = {{"xyzw", RC_TURN_XYZW},
	     {"wxyz", RC_TURN_WXYZ},
	     {"6d-columns", RC_TURN_6D_COLUMNS},
	     {"6d-rows", RC_TURN_6D_ROWS},
	     {"matrix", RC_TURN_MATRIX},
	     {"axis-angle", RC_TURN_AXIS_ANGLE},
	     {"euler-xyz", RC_TURN_EULER_FIXED},
	     {"euler-XYZ", RC_TURN_EULER_TURNED},
	     {"flip-rows", RC_TURN_FLIP_ROWS},
	     {"swap-channels", RC_TURN_SWAP_CHANNELS}};

bool rc_turn_parse(const char *text, int *turns_out)
{
	int turns = 0, one;

	for (;;) {
		size_t n = strcspn(text, "+"), i = 0;

		while (i < RC_ARRAY_LEN(names) &&
		       (strlen(names[i].name) != n || strncmp(names[i].name, text, n) != 0))
			i++;
		if (i == RC_ARRAY_LEN(names))
			return false;
		turns |= names[i].turn;
		if (!text[n])
			break;
		text += n + 1;
	}
	*turns_out = turns;
	one = turns & RC_TURN_QUATERNIONS;
	return (one & (one - 1)) == 0;
}

uint32_t rc_turn_width(int turn)
{
	if (turn & RC_TURN_THREE)
		return 3;
	return turn == RC_TURN_MATRIX ? 9 : turn & RC_TURN_FORMS ? 6 : 4;
}

const char *rc_turn_form(int turns)
{
	for (size_t i = 0; i < RC_ARRAY_LEN(names); i++)
		if (names[i].turn == (turns & RC_TURN_FORMS))
			return names[i].name;
	return "";
}

enum rc_quat_order rc_quat_order(const char *name)
{
	return !strcmp(name, "xyzw") ? RC_QUAT_XYZW : !strcmp(name, "wxyz") ? RC_QUAT_WXYZ
									     : RC_QUAT_NONE;
}

const char *rc_quat_order_name(enum rc_quat_order o)
{
	return o == RC_QUAT_XYZW ? "xyzw" : o == RC_QUAT_WXYZ ? "wxyz" : "";
}

const char *rc_turn_order(const struct rc_plan_source *src)
{
	if (!src->turn)
		return rc_quat_order_name(src->quat_order);
	return src->turn == RC_TURN_WXYZ ? "wxyz" : src->turn == RC_TURN_XYZW ? "xyzw" : "";
}

/* --- rows ------------------------------------------------------------------------------------- */

/* w from the end to the front, or back. */
static void reorder(char *q, size_t size, enum rc_quat_order to)
{
	char w[8];

	if (to == RC_QUAT_WXYZ) {
		memcpy(w, q + 3 * size, size);
		memmove(q + size, q, 3 * size);
		memcpy(q, w, size);
	} else {
		memcpy(w, q, size);
		memmove(q, q + size, 3 * size);
		memcpy(q + 3 * size, w, size);
	}
}

double rc_value_get(const char *p, enum rc_dtype t)
{
	uint16_t h;
	double d;
	float f;

	if (t == RC_F64) {
		memcpy(&d, p, sizeof d);
		return d;
	}
	if (t == RC_F32) {
		memcpy(&f, p, sizeof f);
		return f;
	}
	memcpy(&h, p, sizeof h);
	return t == RC_F16 ? rc_f16_to_f32(h) : rc_bf16_to_f32(h);
}

void rc_value_set(char *p, enum rc_dtype t, double d)
{
	float f = (float)d;

	memcpy(p, t == RC_F64 ? (const void *)&d : &f, rc_dtype_size(t));
}

/* out has room for nine values. */
static void other_form(const double q[4], int turn, double *out)
{
	double r[3][3];

	rc_rotation_matrix(q, r);
	if (turn == RC_TURN_AXIS_ANGLE)
		rc_rotation_vector(q, out);
	else if (turn == RC_TURN_EULER_FIXED)
		rc_rotation_euler_fixed(r, out);
	else if (turn == RC_TURN_EULER_TURNED)
		rc_rotation_euler_turned(r, out);
	else
		for (uint32_t i = 0; i < rc_turn_width(turn); i++)
			out[i] = turn == RC_TURN_6D_COLUMNS ? r[i % 3][i / 3] : r[i / 3][i % 3];
}

/* What lies behind the quaternion in its row moves with its end. */
static void change_form(char *at, enum rc_dtype t, const struct rc_plan_source *src)
{
	const int first = src->quat_order == RC_QUAT_WXYZ ? 3 : 0; /* where w is, before x */
	const uint32_t width = rc_turn_width(src->turn), behind = src->width - src->quat_at - 4;
	size_t size = rc_dtype_size(t);
	double q[4], out[9];

	for (int i = 0; i < 4; i++)
		q[(i + first) % 4] = rc_value_get(at + i * size, t);
	other_form(q, src->turn, out);
	memmove(at + width * size, at + 4 * size, behind * size);
	for (uint32_t i = 0; i < width; i++)
		rc_value_set(at + i * size, t, out[i]);
}

static void turn_quat(char *at, enum rc_dtype t, const struct rc_plan_source *src)
{
	if (src->turn & RC_TURN_FORMS)
		change_form(at, t, src);
	else
		reorder(at, rc_dtype_size(t),
			src->turn == RC_TURN_WXYZ ? RC_QUAT_WXYZ : RC_QUAT_XYZW);
}

static void swap_bytes(char *a, char *b, size_t n)
{
	char part[512];

	for (size_t at = 0; at < n; at += sizeof part) {
		size_t k = n - at < sizeof part ? n - at : sizeof part;

		memcpy(part, a + at, k);
		memcpy(a + at, b + at, k);
		memcpy(b + at, part, k);
	}
}

static void turn_image(const struct rc_plan_stream *s, char *frame)
{
	size_t size = rc_dtype_size(s->dtype), height = (size_t)s->dims[1];
	size_t line = (size_t)s->row_bytes / (height ? height : 1);

	if (s->turns & RC_TURN_FLIP_ROWS)
		for (size_t y = 0; y < height / 2; y++)
			swap_bytes(frame + y * line, frame + (height - 1 - y) * line, line);
	if (s->turns & RC_TURN_SWAP_CHANNELS)
		for (size_t at = 0; at < s->row_bytes; at += (size_t)s->dims[3] * size)
			swap_bytes(frame + at, frame + at + 2 * size, size);
}

/* Sources lie apart while they are computed where one becomes fewer values. */
static void turn_sources(const struct rc_plan_stream *s, char *from, char *to)
{
	size_t size = rc_dtype_size(s->dtype);

	for (size_t k = 0; k < s->n_sources; k++) {
		const struct rc_plan_source *src = &s->sources[k];
		char *row = from + src->buffer_column * size;

		for (uint32_t i = 0; src->turn && i < src->n_quats; i++)
			turn_quat(row + (src->quat_at + 4 * i) * size, s->dtype, src);
		if (row != to + src->column * size)
			memmove(to + src->column * size, row, rc_plan_placed(src) * size);
	}
}

void rc_turn_rows(const struct rc_plan_stream *s, void *rows, uint64_t n_rows)
{
	size_t stride = (size_t)s->buffer_elements * rc_dtype_size(s->dtype);

	for (uint64_t r = 0; s->turns && r < n_rows; r++) {
		char *to = (char *)rows + r * s->row_bytes;

		if (s->turns & RC_TURN_IMAGES)
			turn_image(s, to);
		else
			turn_sources(s, (char *)rows + r * stride, to);
	}
}
