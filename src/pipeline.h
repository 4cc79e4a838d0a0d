/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline: workers prepare episodes and run batches over a ring of slots, the calling thread
 * writes the results in plan order.
 *
 *	read - decode - compute - encode (a worker, one slot)  ->  write (the caller)
 *
 * A worker takes a free slot and the next tiles of the plan together, so the oldest batch in
 * flight always has a slot and the writer can always go on.  What a slot holds never depends on
 * other slots, and items leave in the order of the plan: the output is the same for any number of
 * workers.
 */
#ifndef RC_PIPELINE_H
#define RC_PIPELINE_H

#include "writer.h"

struct rc_pipeline_options {
	int n_workers;
	const struct rc_backend *backend;
	struct rc_device *device;
	/* Called by the writing thread about ten times a second; NULL for none. */
	void (*tick)(void *arg, const struct rc_writer *w);
	void *tick_arg;
};

/* What the workers and the writer did with their time. */
struct rc_pipeline_stats {
	struct rc_stage_time read, decode, compute, encode;
	int64_t worker_wait_ns; /* for a free slot or a prepared episode */
	int64_t writer_wait_ns; /* for the next batch */
	int64_t prepare_ns;
	uint64_t n_prepared;    /* episodes */
	int n_workers, n_slots;
};

/* Runs the whole plan into the writer and finishes it.  After a signal: RC_E_INTERRUPTED. */
int rc_pipeline_run(const struct rc_plan *plan, struct rc_readers *readers,
		    const struct rc_pipeline_options *opt, struct rc_writer *writer,
		    struct rc_pipeline_stats *stats, struct rc_err *err);

#endif
