/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measurements of one backend on synthetic batches, seeded and the same everywhere: the kernels of
 * a batch that lies on the device, and the pipeline of upload, kernels and download on lanes with
 * no codec around it.  Nothing is timed before its result equals the CPU twin's, bit for bit.
 */
#ifndef RC_BENCH_H
#define RC_BENCH_H

#include "kernels/kernels.h"

/* n streams of rows x width, sampled at `ticks` ticks and fused, in each of the episodes. */
enum { RC_BENCH_STREAMS = 3 };
struct rc_bench_preset {
	const char *name, *summary;
	enum rc_dtype src, dst;
	uint32_t episodes, ticks; /* ticks 0: lengths and widths are random up to those below */
	uint32_t n_streams;
	struct {
		uint32_t rows, width;
	} stream[RC_BENCH_STREAMS];
	bool pipeline; /* not the kernels alone, but lanes */
};
extern const struct rc_bench_preset rc_bench_presets[];
extern const size_t rc_bench_n_presets;

struct rc_bench_ask {
	const struct rc_backend *backend;
	struct rc_device *device, *cpu; /* cpu: for the check; may be the same */
	int n_runs;
	int depth; /* pipeline: lanes */
};

struct rc_bench_stat {
	double median, min, max; /* seconds */
};

/* What was measured.  Rates are bytes over the median; 0 where there is none. */
struct rc_bench_result {
	uint64_t in_bytes, out_bytes; /* compulsory: each touched row once; each output once */
	uint64_t n_jobs, link_bytes;  /* link_bytes: what the pipeline moved, both ways */
	struct rc_bench_stat s;
	double copy_rate; /* bytes read and written a second by a plain copy */
	double link_rate; /* both ways at once */
	/* pipeline: share of the wall time that the upload, the kernels and the download were busy,
	 * both directions at once, and all three at once */
	double upload_share, kernels_share, download_share, both_share, three_share;
};

/* RC_E_BUG when a result differs from the CPU's. */
int rc_bench_run(const struct rc_bench_preset *p, const struct rc_bench_ask *ask,
		 struct rc_bench_result *r_out, struct rc_err *err);

#endif
