/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rotations that a source has in another form than quaternions, as --convention rotation=... says:
 * they become quaternions when they are read, so that all that follows sees these alone.
 */
#ifndef RC_FORM_H
#define RC_FORM_H

#include "base/episode.h"
#include "turn.h"

struct rc_form {
	int turn;         /* enum rc_turn, one of RC_TURN_FORMS; 0: quaternions, or no rotation */
	uint8_t axes[3];  /* Euler angles: 0 .. 2 for x .. z, in the order in which they are stored
			   * and turned about */
	bool degrees;     /* Euler angles and axis-angle */
	bool placed;      /* the user says where: */
	uint32_t column;  /* the first of its row that is a value of the rotation */
};

/* "euler-zyx-deg@3": a name of enum rc_turn, with any three axes for Euler angles, lower case of
 * the fixed frame and upper case of the turned one, and the first column.  False for all else. */
bool rc_form_parse(const char *text, struct rc_form *f_out);
#define RC_FORM_NAMES                                                                              \
	"matrix, 6d-rows, 6d-columns, axis-angle, or euler- and three axes such as euler-xyz, "    \
	"with -deg for degrees and @COLUMN where it does not begin at column 0 or behind three "   \
	"columns of position"

/* Rows that are longer have no known form. */
enum { RC_FORM_MAX_WIDTH = 64 };
struct rc_plan_source;
/* Replaces the rotation of each row, of stored_width values of type `stored`, by a quaternion
 * x, y, z, w of unit length with w >= 0, in place: rows of width values of float64 where `stored`
 * is that, else of float32.  The buffer holds n rows of either.  What is no rotation gives NaN. */
void rc_form_rows(const struct rc_plan_source *src, enum rc_dtype stored, void *rows, uint64_t n);

#endif
