/* SPDX-License-Identifier: Apache-2.0 */
/* Private to kernels/cuda/: the kernels as the host side sees them. */
#ifndef RC_KERNELS_CUDA_LAUNCH_H
#define RC_KERNELS_CUDA_LAUNCH_H

#include <cuda_runtime_api.h>

#include "kernels/cuda/work.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Start the work on the stream; what they return is about the launch only. */
cudaError_t rc_gpu_launch_rows_f32(const struct rc_gpu_launch *l, cudaStream_t stream);
cudaError_t rc_gpu_launch_rows_f16(const struct rc_gpu_launch *l, cudaStream_t stream);
cudaError_t rc_gpu_launch_rows_bf16(const struct rc_gpu_launch *l, cudaStream_t stream);
cudaError_t rc_gpu_launch_any(const struct rc_gpu_launch *l, cudaStream_t stream);
/* Reads n bytes (a multiple of 16), so that a cache holds them and nothing else. */
cudaError_t rc_gpu_launch_flush(const void *p, size_t n, cudaStream_t stream);
/* Whether the device of the thread can run these kernels. */
cudaError_t rc_gpu_probe(void);
/* Fails on purpose, in a way that the context does not survive: for tests. */
cudaError_t rc_gpu_launch_trap(cudaStream_t stream);

#ifdef __cplusplus
}
#endif

#endif
