/* SPDX-License-Identifier: Apache-2.0 */
/* The synthetic batches of `robocache bench`: seeded, with clocks that jitter by 5 %. */
#ifndef RC_BENCH_BATCH_H
#define RC_BENCH_BATCH_H

#include "bench.h"

/* The shape of a batch, before it has memory. */
struct rc_bench_made {
	const struct rc_bench_preset *preset;
	struct rc_bench_shape {
		uint32_t ticks, n_streams, rows[RC_BENCH_STREAMS], width[RC_BENCH_STREAMS];
	} * episode;
	struct rc_lane_size size;
};
int rc_bench_make(const struct rc_bench_preset *p, struct rc_bench_made *m_out, struct rc_err *err);
void rc_bench_made_release(struct rc_bench_made *m);

/* Fills the lane (of at least m->size) and describes it in *b_out. */
void rc_bench_fill(const struct rc_bench_made *m, struct rc_lane *lane, struct rc_batch *b_out);

/* The bytes that any implementation must move: each row that a tick uses once, each output once. */
void rc_bench_compulsory(const struct rc_batch *b, uint64_t *in_out, uint64_t *out_out);

#endif
