/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline: workers prepare episodes and run batches over a ring of slots, the calling thread
 * writes the results in plan order.
 *
 *	read - decode - submit  (a worker)  ->  the device  ->
 *	wait - encode  (this or another worker)  ->  write  (the caller)
 *
 * A worker takes a free slot and the next tiles of the plan together, so the oldest batch in
 * flight always has a slot and the writer can always go on.  A batch that is on a device belongs
 * to nobody: while it is there its worker reads the next one, and whoever has nothing better to do
 * waits for the oldest.  On the processor a batch is done when it is submitted, and the same
 * worker goes on with it while it is in its cache.
 *
 * What a slot holds never depends on other slots, and items leave in the order of the plan: the
 * output is the same for any number of workers, slots and devices.
 */
#ifndef RC_PIPELINE_H
#define RC_PIPELINE_H

#include "budget.h"
#include "writer.h"

struct rc_pipeline_options {
	/* How memory was divided, and for another division should the devices have no room. */
	const struct rc_budget_ask *ask;
	struct rc_budget *budget;
	struct rc_devices *devices;
	/* Called by the writing thread about ten times a second; NULL for none. */
	void (*tick)(void *arg, const struct rc_writer *w);
	void *tick_arg;
};

/* What one worker did with its time. */
struct rc_worker_time {
	int64_t life_ns;
	int64_t work_wait_ns;   /* for a free slot or a prepared episode */
	int64_t device_wait_ns;
	int64_t prepare_ns, read_ns, decode_ns, encode_ns;
	uint64_t n_batches;     /* finished by it */
	uint64_t n_prepared;    /* episodes */
};

/* What the workers and the writer did with their time. */
struct rc_pipeline_stats {
	struct rc_stage_time read, decode, upload, compute, download, encode;
	struct rc_worker_time *workers; /* n_workers; freed by rc_pipeline_stats_release() */
	struct rc_worker_time all;      /* their sum */
	int64_t writer_wait_ns; /* for the next batch */
	uint64_t n_batches;
	int n_workers, n_slots;
	uint64_t n_recomputed;  /* batches */
	uint64_t n_grown;
	bool steady;            /* the run was long enough for: */
	uint64_t late_allocs;   /* what workers and writer allocated after that */
	uint64_t late_writer_allocs;
	struct rc_err device_err; /* a device failed, whether or not the run went on */
};

/* Runs the whole plan into the writer and finishes it.  After a signal: RC_E_INTERRUPTED. */
int rc_pipeline_run(const struct rc_plan *plan, struct rc_readers *readers,
		    const struct rc_pipeline_options *opt, struct rc_writer *writer,
		    struct rc_pipeline_stats *stats, struct rc_err *err);
void rc_pipeline_stats_release(struct rc_pipeline_stats *stats);

#endif
