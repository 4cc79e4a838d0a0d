/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversions between conventions that keep the shape of a row: the order of quaternions, which row
 * of an image comes first, which colour.  They are made of values that are done, by the worker that
 * encodes them, so that all devices give the same.
 */
#ifndef RC_TURN_H
#define RC_TURN_H

#include <stdbool.h>
#include <stdint.h>

/* What --convert names; joined by '+'. */
enum rc_turn {
	RC_TURN_XYZW = 1,
	RC_TURN_WXYZ = 2,
	RC_TURN_FLIP_ROWS = 4,
	RC_TURN_SWAP_CHANNELS = 8,
	RC_TURN_QUATERNIONS = RC_TURN_XYZW | RC_TURN_WXYZ,
	RC_TURN_IMAGES = RC_TURN_FLIP_ROWS | RC_TURN_SWAP_CHANNELS
};
#define RC_TURN_NAMES "xyzw, wxyz, flip-rows, swap-channels"
/* False when a name is not one of them, or both orders are asked for. */
bool rc_turn_parse(const char *text, int *turns_out);

/* The order of a quaternion's elements. */
enum rc_quat_order { RC_QUAT_NONE, RC_QUAT_XYZW, RC_QUAT_WXYZ };
enum rc_quat_order rc_quat_order(const char *name); /* NONE for what is no order */
const char *rc_quat_order_name(enum rc_quat_order o); /* "" for NONE */

struct rc_plan_stream;
/* Turns n_rows finished rows of an output stream as its plan says, in place. */
void rc_turn_rows(const struct rc_plan_stream *s, void *rows, uint64_t n_rows);

#endif
