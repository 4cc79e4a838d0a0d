/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of float32. */
#include "kernels/cuda/rows.cuh"

extern "C" cudaError_t rc_gpu_launch_rows_f32(const struct rc_gpu_launch *l, cudaStream_t stream)
{
	return launch_rows<RC_F32>(l, stream);
}
