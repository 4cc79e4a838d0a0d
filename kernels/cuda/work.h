/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to kernels/cuda/: how a batch is cut for the GPU.  The host side (cut.c) turns the jobs
 * of a batch into struct rc_gpu_job and deals each job to a number of thread blocks; the kernels
 * read nothing else.  Read by the C compiler and by nvcc.
 *
 * rows.cuh: a block is a tile of WARPS runs of ticks, `run` ticks each, of one job; each warp finds
 * the samples of one run, and then all warps make the rows.  Wide rows are cut into strips of 32
 * vectors, a block each.  any.cu: each warp by itself makes `reps` runs, and of them one strip of
 * columns.
 */
#ifndef RC_KERNELS_CUDA_WORK_H
#define RC_KERNELS_CUDA_WORK_H

#include "kernels/kernels.h"

enum {
	RC_GPU_WARPS = 4, /* of a block */
	RC_GPU_LANES = 32,
	RC_GPU_RUN_MAX = 32, /* ticks of a run: one a lane; a power of 2 */
	RC_GPU_RUN_MIN = 4,
	RC_GPU_ANY_COLUMNS = 256,  /* of a strip in any.cu */
	RC_GPU_ROWS_MAX = 1 << 28, /* of a source: what a tick's bits have room for */
	RC_GPU_INLINE = 48 /* jobs that travel as kernel parameters: 3 KiB of the 4 there are */
};

/* Which code does a job. */
enum rc_gpu_path {
	RC_GPU_STRIPS, /* rows of at least 32 vectors of a float type of at most 32 bits */
	RC_GPU_FLAT,   /* the same types, narrower rows: lanes go over ticks and vectors */
	RC_GPU_ANY     /* everything else, an element a lane: 64 bits, integers, rotations */
};

struct rc_gpu_job {
	const void *src;
	const int64_t *t, *ticks;
	void *dst;
	uint32_t n_src, n_ticks;
	uint32_t width, dst_stride; /* elements */
	uint32_t n_vec;             /* vectors of a row */
	uint16_t reps;              /* any.cu: runs a warp does one after the other */
	uint8_t path, vec;          /* vec: elements of a vector: 1, 2, 4 or 8 */
	uint8_t src_dtype, dst_dtype, method;
	int8_t quat_first;
};

/* What a block does: the i-th block of a job. */
struct rc_gpu_block {
	uint32_t job, i;
};

/* One launch: the jobs of one kernel, and what each block does. */
struct rc_gpu_launch {
	const struct rc_gpu_job *jobs;     /* device memory; NULL: they are in `few` */
	const struct rc_gpu_block *blocks; /* device memory; NULL: job y of the grid, block x */
	uint32_t n_jobs;
	uint32_t n_blocks; /* without `blocks`: of the largest job */
	uint32_t run;      /* ticks */
	struct rc_gpu_job few[RC_GPU_INLINE];
};

#endif
