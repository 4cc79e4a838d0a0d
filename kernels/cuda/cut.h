/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to kernels/cuda/: cuts the jobs of a batch into launches and blocks.  Pure arithmetic on
 * the host, so that it is tested without a GPU.  How a batch is cut never changes a result.
 */
#ifndef RC_KERNELS_CUDA_CUT_H
#define RC_KERNELS_CUDA_CUT_H

#include "kernels/cuda/work.h"

/* The kernels; a launch does the jobs of one of them. */
enum rc_gpu_kernel { RC_GPU_K_F32, RC_GPU_K_F16, RC_GPU_K_BF16, RC_GPU_K_ANY, RC_GPU_K_COUNT };

/* Where things are on the device, and how much work fills it. */
struct rc_gpu_place {
	const char *in;
	char *out;
	const char *table; /* device address of what is written to rc_gpu_cuts.table */
	uint32_t warps;    /* that the device holds at once */
};

struct rc_gpu_cuts {
	char *table;      /* host memory of cap bytes: jobs, then the job of every block */
	size_t cap, used; /* used: what must be on the device before the launches; may be 0 */
	struct rc_gpu_launch launch[RC_GPU_K_COUNT]; /* n_blocks 0: nothing for this kernel */
};

/* Bytes of table that are enough for any batch in a lane of this size. */
size_t rc_gpu_table_bytes(const struct rc_lane_size *size);

/* Fills cuts->launch and the table for a checked batch. */
int rc_gpu_cut(const struct rc_batch *b, const struct rc_gpu_place *place, struct rc_gpu_cuts *cuts,
	       struct rc_err *err);

#endif
