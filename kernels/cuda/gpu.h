/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to kernels/cuda/: the opened GPU and its lanes.  device.c opens it, lane.c moves batches,
 * measure.c times.  A CUDA error after opening is taken as fatal for the context, whether it is
 * sticky or not: the device is lost, and no result of it is trusted any more.
 */
#ifndef RC_KERNELS_CUDA_GPU_H
#define RC_KERNELS_CUDA_GPU_H

#include <stdatomic.h>

#include "kernels/cuda/cut.h"
#include "kernels/cuda/launch.h"

struct rc_device {
	int ordinal;
	char name[256];
	uint64_t free_bytes; /* when it was opened */
	size_t l2_bytes;
	uint32_t warps;    /* that it holds at once */
	cudaEvent_t epoch; /* the zero of struct rc_lane_times */
	atomic_bool lost;
	size_t held;       /* bytes of its lanes, which one thread opens and closes */
	atomic_long submits, poison_at; /* tests: see read_faults() in device.c, and: */
	size_t room;
};

/* Marks of one batch on the lane's stream, in order. */
enum rc_gpu_mark { RC_GPU_BEGIN, RC_GPU_UPLOADED, RC_GPU_COMPUTED, RC_GPU_DONE, RC_GPU_N_MARKS };

struct rc_gpu_lane {
	struct rc_lane lane; /* first: what the caller sees */
	char *host;          /* one pinned mapping: in, out, table */
	size_t host_bytes;
	char *gpu; /* the same on the device */
	struct rc_gpu_place place;
	struct rc_gpu_cuts cuts;
	cudaStream_t stream;
	cudaEvent_t mark[RC_GPU_N_MARKS];
	bool pinned, timed; /* timed: the marks are those of a finished batch */
};

/* RC_E_DEVICE with the text of a CUDA error; `what` is what was being done. */
int rc_gpu_fail(const struct rc_device *dev, cudaError_t e, const char *what, struct rc_err *err);
/* The same, and the device is lost: waits until nothing runs on it any more. */
int rc_gpu_lose(struct rc_device *dev, cudaError_t e, const char *what, struct rc_err *err);
/* Makes the calling thread use the device. */
int rc_gpu_enter(const struct rc_device *dev, struct rc_err *err);
/* Starts the kernels of the lane's cuts. */
cudaError_t rc_gpu_launch(const struct rc_gpu_lane *l);

/* The rows of struct rc_backend that other files than device.c have. */
uint64_t rc_gpu_lane_memory(const struct rc_lane_size *size);
int rc_gpu_lane_open(struct rc_device *dev, const struct rc_lane_size *size,
		     struct rc_lane **lane_out, struct rc_err *err);
void rc_gpu_lane_close(struct rc_lane *lane);
int rc_gpu_submit(struct rc_lane *lane, const struct rc_batch *b, struct rc_err *err);
bool rc_gpu_ready(struct rc_lane *lane);
int rc_gpu_wait(struct rc_lane *lane, struct rc_err *err);
void rc_gpu_times(const struct rc_lane *lane, struct rc_lane_times *t_out);
int rc_gpu_time_batch(struct rc_lane *lane, const struct rc_batch *b, int n, double *s_out,
		      struct rc_err *err);
int rc_gpu_time_copy(struct rc_device *dev, size_t bytes, int n, double *s_out, struct rc_err *err);
int rc_gpu_time_link(struct rc_device *dev, size_t bytes, int n, double *s_out, struct rc_err *err);

#endif
