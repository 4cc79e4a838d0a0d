/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversions between conventions: the order of quaternions, other forms of rotations, which row of
 * an image comes first, which colour.  They are made of values that are done, by the worker that
 * encodes them, so that all devices give the same; rotations are interpolated as quaternions.
 *
 * 6D: two columns of the rotation matrix one after the other (Zhou et al. 2019, "On the Continuity
 * of Rotation Representations in Neural Networks"), or two of its rows, as pytorch3d and those who
 * use it have it.
 */
#ifndef RC_TURN_H
#define RC_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/episode.h"

/* What --convert names; joined by '+'. */
enum rc_turn {
	RC_TURN_XYZW = 1,
	RC_TURN_WXYZ = 2,
	RC_TURN_FLIP_ROWS = 4,
	RC_TURN_SWAP_CHANNELS = 8,
	RC_TURN_6D_COLUMNS = 16,
	RC_TURN_6D_ROWS = 32,
	RC_TURN_MATRIX = 64, /* rows one after the other */
	RC_TURN_AXIS_ANGLE = 128,
	RC_TURN_EULER_FIXED = 256,
	RC_TURN_EULER_TURNED = 512,
	RC_TURN_ORDERS = RC_TURN_XYZW | RC_TURN_WXYZ,
	RC_TURN_THREE = RC_TURN_AXIS_ANGLE | RC_TURN_EULER_FIXED | RC_TURN_EULER_TURNED,
	RC_TURN_FORMS = RC_TURN_6D_COLUMNS | RC_TURN_6D_ROWS | RC_TURN_MATRIX | RC_TURN_THREE,
	RC_TURN_QUATERNIONS = RC_TURN_ORDERS | RC_TURN_FORMS,
	RC_TURN_IMAGES = RC_TURN_FLIP_ROWS | RC_TURN_SWAP_CHANNELS
};
#define RC_TURN_NAMES                                                                              \
	"xyzw, wxyz, matrix, 6d-rows, 6d-columns, axis-angle, euler-xyz, euler-XYZ, flip-rows, "   \
	"swap-channels"
/* False when a name is not one of them, or a rotation is to become two things. */
bool rc_turn_parse(const char *text, int *turns_out);

/* The order of a quaternion's elements. */
enum rc_quat_order { RC_QUAT_NONE, RC_QUAT_XYZW, RC_QUAT_WXYZ };
enum rc_quat_order rc_quat_order(const char *name); /* NONE for what is no order */
const char *rc_quat_order_name(enum rc_quat_order o); /* "" for NONE */

/* Values that take the place of a quaternion's four. */
uint32_t rc_turn_width(int turn);
/* "6d-rows", for an attribute; "" for what is no other form. */
const char *rc_turn_form(int turns);

/* One value of a float type as float64; float64 as one of float32 or float64. */
double rc_value_get(const char *p, enum rc_dtype t);
void rc_value_set(char *p, enum rc_dtype t, double d);

struct rc_plan_source;
/* "xyzw": of a source's quaternions in the output; "" where there are none. */
const char *rc_turn_order(const struct rc_plan_source *src);

struct rc_plan_stream;
/* Turns n_rows rows of an output stream, as they were computed, into what its plan says, in place:
 * rows of buffer_elements become rows of row_elements. */
void rc_turn_rows(const struct rc_plan_stream *s, void *rows, uint64_t n_rows);

#endif
