/* SPDX-License-Identifier: Apache-2.0 */
/* Time stamps as files store them, to int64 nanoseconds. */
#ifndef RC_STAMP_H
#define RC_STAMP_H

#include "base/episode.h"

/* Stamps stay inside +-2^62 ns (146 years), so that a difference of two fits in int64. */
#define RC_STAMP_MAX (INT64_C(1) << 62)

/*
 * value * num / den in exact arithmetic, rounded to the nearest nanosecond, halves away from zero;
 * value points at one native element of type t (any alignment), num and den are positive.
 * False: a bool, NaN, infinite, or out of range.
 */
bool rc_stamp_ns(enum rc_dtype t, const void *value, int64_t num, int64_t den, int64_t *ns_out);

#endif
