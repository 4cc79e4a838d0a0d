/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of float16. */
#include "kernels/cuda/rows.cuh"

extern "C" cudaError_t rc_gpu_launch_rows_f16(const struct rc_gpu_launch *l, cudaStream_t stream)
{
	return launch_rows<RC_F16>(l, stream);
}
