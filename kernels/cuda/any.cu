/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every job that rows.cuh does not do: 64-bit floats, integers, picked samples of any type, and
 * rotations.  An element a lane, types looked up at run time.  Also the two helpers of the
 * benchmark and the tests.
 */
#include "kernels/cuda/launch.h"
#include "kernels/cuda/taps.cuh"

/* Columns of an item; wider rows are cut. */
enum { COLUMNS = RC_GPU_ANY_COLUMNS };

/* load as T, which float and double are; store any T. */
template <typename T>
static __device__ __forceinline__ T load_as(const void *base, uint64_t i, int dtype)
{
	switch (dtype) {
	case RC_F16:
		return (T)rc_f16_to_f32(((const uint16_t *)base)[i]);
	case RC_BF16:
		return (T)rc_bf16_to_f32(((const uint16_t *)base)[i]);
	case RC_F32:
		return (T)((const float *)base)[i];
	case RC_F64:
		return (T)((const double *)base)[i];
	case RC_I8:
		return (T)((const int8_t *)base)[i];
	case RC_I16:
		return (T)((const int16_t *)base)[i];
	case RC_I32:
		return (T)((const int32_t *)base)[i];
	case RC_I64:
		return (T)((const int64_t *)base)[i];
	case RC_U16:
		return (T)((const uint16_t *)base)[i];
	case RC_U32:
		return (T)((const uint32_t *)base)[i];
	case RC_U64:
		return (T)((const uint64_t *)base)[i];
	default:
		return (T)((const uint8_t *)base)[i];
	}
}

static __device__ __forceinline__ void store_from(void *base, uint64_t i, int dtype, float v)
{
	if (dtype == RC_F32)
		((float *)base)[i] = rc_put_f32_from_f32(v);
	else if (dtype == RC_F16)
		((uint16_t *)base)[i] = rc_put_f16_from_f32(v);
	else
		((uint16_t *)base)[i] = rc_put_bf16_from_f32(v);
}

static __device__ __forceinline__ void store_from(void *base, uint64_t i, int dtype, double v)
{
	if (dtype == RC_F64)
		((double *)base)[i] = rc_put_f64_from_f64(v);
	else if (dtype == RC_F32)
		((float *)base)[i] = rc_put_f32_from_f64(v);
	else if (dtype == RC_F16)
		((uint16_t *)base)[i] = rc_put_f16_from_f64(v);
	else
		((uint16_t *)base)[i] = rc_put_bf16_from_f64(v);
}

static __device__ __forceinline__ float lerp(float near, float far, float w)
{
	return rc_lerp_f32(near, far, w);
}

static __device__ __forceinline__ double lerp(double near, double far, double w)
{
	return rc_lerp_f64(near, far, w);
}

static __device__ __forceinline__ void copy_element(void *dst, uint64_t to, const void *src,
						    uint64_t from, int dtype)
{
	switch (dtype) {
	case RC_F64:
	case RC_I64:
	case RC_U64:
		((uint64_t *)dst)[to] = ((const uint64_t *)src)[from];
		break;
	case RC_F32:
	case RC_I32:
	case RC_U32:
		((uint32_t *)dst)[to] = ((const uint32_t *)src)[from];
		break;
	case RC_F16:
	case RC_BF16:
	case RC_I16:
	case RC_U16:
		((uint16_t *)dst)[to] = ((const uint16_t *)src)[from];
		break;
	default:
		((uint8_t *)dst)[to] = ((const uint8_t *)src)[from];
	}
}

/* One element: rows near and far (equal for a copy), column c. */
struct element {
	uint64_t near, far, to; /* element numbers in src and dst */
	double w;
};

template <typename T>
static __device__ __forceinline__ void do_linear(const struct rc_gpu_job &j,
						 const struct element &e)
{
	T v = load_as<T>(j.src, e.near, j.src_dtype);

	if (e.near != e.far)
		v = lerp(v, load_as<T>(j.src, e.far, j.src_dtype), (T)e.w);
	store_from(j.dst, e.to, j.dst_dtype, v);
}

static __device__ __forceinline__ struct rc_quat load_quat(const struct rc_gpu_job &j, uint64_t i)
{
	struct rc_quat q;

	q.a = load_as<double>(j.src, i, j.src_dtype);
	q.b = load_as<double>(j.src, i + 1, j.src_dtype);
	q.c = load_as<double>(j.src, i + 2, j.src_dtype);
	q.d = load_as<double>(j.src, i + 3, j.src_dtype);
	return q;
}

/* The four columns of a rotation between two samples, e being the first; false when one of them
 * has no direction and the columns stay linear. */
static __device__ bool do_rotation(const struct rc_gpu_job &j, const struct element &e)
{
	const bool onward = e.near < e.far;
	const struct rc_quat p = load_quat(j, onward ? e.near : e.far);
	const struct rc_quat q = load_quat(j, onward ? e.far : e.near);
	struct rc_quat r;

	if (rc_slerp(p, q, onward ? e.w : 1.0 - e.w, &r) == 0.0)
		return false;
	store_from(j.dst, e.to, j.dst_dtype, r.a);
	store_from(j.dst, e.to + 1, j.dst_dtype, r.b);
	store_from(j.dst, e.to + 2, j.dst_dtype, r.c);
	store_from(j.dst, e.to + 3, j.dst_dtype, r.d);
	return true;
}

static __device__ __forceinline__ void do_value(const struct rc_gpu_job &j, const struct element &e)
{
	if (j.src_dtype == j.dst_dtype && e.near == e.far)
		copy_element(j.dst, e.to, j.src, e.near, j.src_dtype);
	else if (j.src_dtype == RC_F64 || j.dst_dtype == RC_F64)
		do_linear<double>(j, e);
	else
		do_linear<float>(j, e);
}

/* The lane of the first of a rotation's columns does all four. */
static __device__ __forceinline__ void do_element(const struct rc_gpu_job &j, struct element e,
						  uint32_t c)
{
	const uint32_t first = (uint32_t)j.quat_first;

	if (j.method != RC_METHOD_SLERP || e.near == e.far || c < first || c >= first + 4) {
		do_value(j, e);
		return;
	}
	if (c != first || do_rotation(j, e))
		return;
	for (int i = 0; i < 4; i++, e.near++, e.far++, e.to++)
		do_value(j, e);
}

static __device__ __forceinline__ void do_run(const struct rc_gpu_job &j, uint32_t k0, uint32_t c0,
					      uint32_t run, int lane)
{
	const int n = (int)(j.n_ticks - k0 < run ? j.n_ticks - k0 : run);
	const struct lane_tap tap = warp_taps(j, k0, n, lane);
	const uint32_t cols = j.width - c0 < COLUMNS ? j.width - c0 : COLUMNS;
	const uint32_t n_all = (uint32_t)n * cols;

	for (uint32_t e0 = 0; e0 < n_all; e0 += 32) {
		const uint32_t at = e0 + (uint32_t)lane, k = at < n_all ? at / cols : 0;
		const uint32_t c = c0 + at % cols;
		const int first = __shfl_sync(FULL_WARP, tap.first, (int)k);
		const int last = __shfl_sync(FULL_WARP, tap.last, (int)k);
		const bool swap = __shfl_sync(FULL_WARP, (int)tap.swap, (int)k);
		struct element e;

		e.w = __shfl_sync(FULL_WARP, tap.w, (int)k);
		e.near = (uint64_t)(uint32_t)(swap ? last : first) * j.width + c;
		e.far = (uint64_t)(uint32_t)(swap ? first : last) * j.width + c;
		e.to = (uint64_t)(k0 + k) * j.dst_stride + c;
		if (at < n_all)
			do_element(j, e, c);
	}
}

/* Work split as in rows.cuh.  Two blocks on a multiprocessor at least: the doubles of a
 * rotation want registers. */
static __global__ void __launch_bounds__(RC_GPU_WARPS * 32, 2)
	k_any(const __grid_constant__ struct rc_gpu_launch l)
{
	const struct rc_gpu_block at = block_of(l);
	const struct rc_gpu_job j = l.jobs ? l.jobs[at.job] : l.few[at.job];
	const uint32_t item = at.i * RC_GPU_WARPS + threadIdx.x / 32;
	const uint32_t n_strips = (j.width + COLUMNS - 1) / COLUMNS;
	const uint32_t c0 = item % n_strips * COLUMNS;

	for (uint32_t rep = 0; rep < j.reps; rep++) {
		const uint32_t k0 = (item / n_strips * j.reps + rep) * l.run;

		if (k0 < j.n_ticks)
			do_run(j, k0, c0, l.run, (int)(threadIdx.x % 32));
	}
}

static __global__ void k_flush(const uint4 *p, size_t n)
{
	const size_t step = (size_t)gridDim.x * blockDim.x;
	uint32_t sum = 0;

	for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += step)
		sum |= p[i].x;
	if (sum == 0xdeadbeefu) /* the buffer is zeros: never, but the compiler cannot know */
		__trap();
}

static __global__ void k_trap(void)
{
	__trap();
}

extern "C" cudaError_t rc_gpu_launch_any(const struct rc_gpu_launch *l, cudaStream_t stream)
{
	const dim3 grid(l->n_blocks, l->blocks ? 1 : l->n_jobs);

	k_any<<<grid, RC_GPU_WARPS * 32, 0, stream>>>(*l);
	return cudaGetLastError();
}

extern "C" cudaError_t rc_gpu_launch_flush(const void *p, size_t n, cudaStream_t stream)
{
	k_flush<<<1024, 256, 0, stream>>>((const uint4 *)p, n / sizeof(uint4));
	return cudaGetLastError();
}

extern "C" cudaError_t rc_gpu_launch_trap(cudaStream_t stream)
{
	k_trap<<<1, 1, 0, stream>>>();
	return cudaGetLastError();
}

extern "C" cudaError_t rc_gpu_probe(void)
{
	struct cudaFuncAttributes a;

	return cudaFuncGetAttributes(&a, k_any);
}
