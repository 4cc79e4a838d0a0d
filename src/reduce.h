/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Methods that make one value of all samples of a tick's window: mean, max, min.  The window of a
 * tick is what came after the tick before, up to the tick itself (rc_tick_of()), which is included;
 * that of the first begins at w->tick_before.  Without a sample in it the tick takes the latest one
 * before, as with previous, or the first of all.  This happens as rows are read, so that a stream
 * of any rate costs a tile the memory of its ticks, and what is computed sees a row a tick.
 */
#ifndef RC_REDUCE_H
#define RC_REDUCE_H

#include "formats/chunk.h"
#include "plan.h"

struct rc_tile;
struct rc_work;

/* The type of what mean (float64) and max and min (the source's own) make. */
enum rc_dtype rc_reduced_dtype(enum rc_method m, enum rc_dtype source);
/* Room that rc_reduce_read() needs for n_ticks rows. */
uint64_t rc_reduce_bytes(const struct rc_plan_source *src, const struct rc_dataset *d,
			 uint64_t n_ticks);
/* A row of source k for each tick of the tile, at the front of `place`.  NaN in a window gives NaN.
 * Sums are float64, in the order of the samples. */
int rc_reduce_read(const struct rc_work *w, const struct rc_tile *t, size_t k,
		   struct rc_input *input, void *place, struct rc_err *err);

#endif
