/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "turn.h"

#include "plan.h"

/* --- names ------------------------------------------------------------------------------------ */

bool rc_turn_parse(const char *text, int *turns_out)
{
	static const struct {
		const char *name;
		int turn;
	} names[] = {{"xyzw", RC_TURN_XYZW},
		     {"wxyz", RC_TURN_WXYZ},
		     {"flip-rows", RC_TURN_FLIP_ROWS},
		     {"swap-channels", RC_TURN_SWAP_CHANNELS}};
	int turns = 0;

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
	return (turns & RC_TURN_QUATERNIONS) != RC_TURN_QUATERNIONS;
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

/* --- rows ------------------------------------------------------------------------------------- */

/* w from the end to the front, or back. */
static void turn_quat(char *q, size_t size, enum rc_quat_order to)
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

void rc_turn_rows(const struct rc_plan_stream *s, void *rows, uint64_t n_rows)
{
	size_t size = rc_dtype_size(s->dtype);

	for (uint64_t r = 0; s->turns && r < n_rows; r++) {
		char *row = (char *)rows + r * s->row_bytes;

		if (s->turns & RC_TURN_IMAGES)
			turn_image(s, row);
		for (size_t k = 0; k < s->n_sources; k++) {
			const struct rc_plan_source *src = &s->sources[k];

			if (src->turned)
				turn_quat(row + (src->column + src->quat_at) * size, size,
					  src->quat_order);
		}
	}
}
