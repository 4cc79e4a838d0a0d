/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a float type of at most 32 bits, the bulk of all work: bound by memory.  One kernel for
 * each type of source, in a file of its own (rows_f32.cu ...), with code for every destination.
 * Rows are loaded 16 bytes a lane where alignment allows.  The arithmetic is kernels/shared_math.h;
 * the result is the same however the work is cut, because no element depends on another.
 *
 * Wide rows (strips): a warp makes a list of the distinct rows that its run of ticks needs and
 * walks down it with the last row and the next ones in registers; a tick is written when its later
 * row has come.  So the rows of a slow stream, which serve several ticks, are loaded once.
 *
 * Narrow rows (flat): the threads of a block go over ticks and vectors together, and rows that
 * serve several ticks are found in the first-level cache.
 */
#ifndef RC_KERNELS_CUDA_ROWS_CUH
#define RC_KERNELS_CUDA_ROWS_CUH

#include "kernels/cuda/launch.h"
#include "kernels/cuda/taps.cuh"

/* --- vectors of elements ---------------------------------------------------------------------- */

template <int BYTES> struct words {
	uint32_t w[(BYTES + 3) / 4];
};

template <int BYTES> static __device__ __forceinline__ words<BYTES> load(const char *p)
{
	words<BYTES> r;

	if constexpr (BYTES == 16) {
		const uint4 v = __ldg((const uint4 *)p);
		r.w[0] = v.x, r.w[1] = v.y, r.w[2] = v.z, r.w[3] = v.w;
	} else if constexpr (BYTES == 8) {
		const uint2 v = __ldg((const uint2 *)p);
		r.w[0] = v.x, r.w[1] = v.y;
	} else if constexpr (BYTES == 4) {
		r.w[0] = __ldg((const unsigned *)p);
	} else {
		r.w[0] = __ldg((const unsigned short *)p);
	}
	return r;
}

/* Outputs are not read again here: they need not stay in the cache. */
template <int BYTES> static __device__ __forceinline__ void store(char *p, const words<BYTES> &r)
{
	if constexpr (BYTES == 16)
		__stcs((uint4 *)p, make_uint4(r.w[0], r.w[1], r.w[2], r.w[3]));
	else if constexpr (BYTES == 8)
		__stcs((uint2 *)p, make_uint2(r.w[0], r.w[1]));
	else if constexpr (BYTES == 4)
		__stcs((unsigned *)p, r.w[0]);
	else
		__stcs((unsigned short *)p, (unsigned short)r.w[0]);
}

template <int T> struct type_size {
	static constexpr int bytes = T == RC_F32 ? 4 : 2;
};

template <int T, int BYTES>
static __device__ __forceinline__ float get(const words<BYTES> &r, int i)
{
	if constexpr (T == RC_F32)
		return rc_f32_of_bits(r.w[i]);
	else if constexpr (T == RC_F16)
		return rc_f16_to_f32((uint16_t)(r.w[i / 2] >> (16 * (i % 2))));
	else
		return rc_bf16_to_f32((uint16_t)(r.w[i / 2] >> (16 * (i % 2))));
}

template <int T, int BYTES>
static __device__ __forceinline__ void put(words<BYTES> &r, int i, float v)
{
	uint32_t bits;

	if constexpr (T == RC_F32)
		bits = rc_bits_of_f32(rc_put_f32_from_f32(v));
	else if constexpr (T == RC_F16)
		bits = rc_put_f16_from_f32(v);
	else
		bits = rc_put_bf16_from_f32(v);
	if constexpr (T == RC_F32)
		r.w[i] = bits;
	else if (i % 2)
		r.w[i / 2] |= bits << 16;
	else
		r.w[i / 2] = bits;
}

/* What every instance of the row code needs at compile time. */
template <int SRC, int DST, int VEC> struct row_types {
	static constexpr int src = SRC, dst = DST, vec = VEC;
	static constexpr int src_bytes = type_size<SRC>::bytes * VEC;
	static constexpr int dst_bytes = type_size<DST>::bytes * VEC;
	using in = words<src_bytes>;
	using out = words<dst_bytes>;
};

/* Two finite values: their bits in a word, rounded as in rc_f32_to_*(), which is what the hardware
 * does too. */
template <int T> static __device__ __forceinline__ uint32_t pair_of_finite(float lo, float hi)
{
	uint32_t r;

#if __CUDA_ARCH__ >= 800
	if constexpr (T == RC_BF16)
		asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
	else
		asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
#else
	if constexpr (T == RC_BF16)
		r = rc_f32_to_bf16(lo) | (uint32_t)rc_f32_to_bf16(hi) << 16;
	else
		r = rc_f32_to_f16(lo) | (uint32_t)rc_f32_to_f16(hi) << 16;
#endif
	return r;
}

template <typename R>
static __device__ __forceinline__ void put_finite(typename R::out &o, const float *v)
{
	if constexpr (R::dst == RC_F32) {
#pragma unroll
		for (int i = 0; i < R::vec; i++)
			o.w[i] = rc_bits_of_f32(v[i]);
	} else if constexpr (R::vec == 1) {
		o.w[0] = pair_of_finite<R::dst>(v[0], 0.0f);
	} else {
#pragma unroll
		for (int i = 0; i < R::vec; i += 2)
			o.w[i / 2] = pair_of_finite<R::dst>(v[i], v[i + 1]);
	}
}

/* A tick as the row code sees it: `at` is the entry of the list of rows (strips) or the row (flat)
 * of the later sample that makes it. */
struct tick {
	uint32_t bits;
	float w;

	__device__ bool two() const
	{
		return bits & 1u;
	}
	__device__ bool swap() const
	{
		return bits & 2u;
	}
	__device__ uint32_t at() const
	{
		return bits >> 2;
	}
};

/* With values that are not finite; rare, and kept out of the way of the others. */
template <typename R>
static __device__ __noinline__ typename R::out made_rare(typename R::in earlier,
							 typename R::in later, struct tick k)
{
	typename R::out o = {};

#pragma unroll
	for (int i = 0; i < R::vec; i++) {
		const float a = get<R::src>(earlier, i), b = get<R::src>(later, i);
		put<R::dst>(o, i,
			    !k.two()   ? b
			    : k.swap() ? rc_lerp_f32(b, a, k.w)
				       : rc_lerp_f32(a, b, k.w));
	}
	return o;
}

/*
 * The mix of two samples of the clock, earlier and later, or (two == false) the later one alone.  A
 * sample in its own type keeps all bits.  swap: the later one is the near one.  A value that is not
 * finite makes the sum of all zero times values NaN.
 */
template <typename R>
static __device__ __forceinline__ typename R::out
made(const typename R::in &earlier, const typename R::in &later, const struct tick &k)
{
	typename R::out o = {};
	float v[R::vec], sum = 0.0f;

	if constexpr (R::src == R::dst)
		if (!k.two())
			return later;
#pragma unroll
	for (int i = 0; i < R::vec; i++) {
		const float a = get<R::src>(earlier, i), b = get<R::src>(later, i);
		const float near = k.swap() ? b : a, far = k.swap() ? a : b;
		v[i] = k.two() ? rc_lerp_plain_f32(near, far, k.w) : b;
		sum = __fmaf_rn(v[i], 0.0f, sum);
	}
	if (sum != 0.0f)
		return made_rare<R>(earlier, later, k);
	put_finite<R>(o, v);
	return o;
}

/* --- the ticks of a block --------------------------------------------------------------------- */

enum { AHEAD = 4, LIST = 2 * RC_GPU_RUN_MAX, NO_ENTRY = 0x3fffffff };

/* What the warps of a block work out together, each for one run of ticks, and then all use. */
struct tile {
	struct tick tick[RC_GPU_WARPS][RC_GPU_RUN_MAX + 1];
	alignas(16) uint32_t row[RC_GPU_WARPS][LIST]; /* strips: distinct rows of a run, in order */
	int n_rows[RC_GPU_WARPS];
};

/* The list of the distinct rows of a run, and every tick's place in it. */
static __device__ __forceinline__ void list_rows(const struct lane_tap &p, int n, int lane,
						 struct tile &tile, uint32_t r)
{
	const int before = __shfl_up_sync(FULL_WARP, p.last, 1);
	const bool two = p.first != p.last;
	int fresh = 1 + (two ? 1 : 0), sum;

	if (lane > 0)
		fresh = p.last - (before > p.first - 1 ? before : p.first - 1);
	if (lane >= n)
		fresh = 0;
	sum = fresh;
	for (int d = 1; d < 32; d *= 2) {
		const int left = __shfl_up_sync(FULL_WARP, sum, d);
		sum += lane >= d ? left : 0;
	}
	if (fresh == 2)
		tile.row[r][sum - 2] = (uint32_t)p.first;
	if (fresh >= 1)
		tile.row[r][sum - 1] = (uint32_t)p.last;
	if (lane == 31)
		tile.n_rows[r] = sum;
	tile.tick[r][lane] = {lane < n ? (uint32_t)(sum - 1) << 2 | (p.swap ? 2u : 0u) |
						 (two ? 1u : 0u)
				       : (uint32_t)NO_ENTRY << 2,
			      (float)p.w};
	if (lane == 31)
		tile.tick[r][32].bits = (uint32_t)NO_ENTRY << 2;
}

static __device__ __forceinline__ void find_ticks(const struct rc_gpu_job &j, uint32_t k_tile,
						  uint32_t run, struct tile &tile)
{
	const uint32_t r = threadIdx.x / 32, k0 = k_tile + r * run;
	const int lane = (int)(threadIdx.x % 32);

	if (k0 < j.n_ticks) {
		const int n = (int)(j.n_ticks - k0 < run ? j.n_ticks - k0 : run);
		const struct lane_tap p = warp_taps(j, k0, n, lane);

		if (j.path == RC_GPU_STRIPS)
			list_rows(p, n, lane, tile, r);
		else
			tile.tick[r][lane] = {(uint32_t)p.last << 2 | (p.swap ? 2u : 0u) |
						      (p.first != p.last ? 1u : 0u),
					      (float)p.w};
	}
	__syncthreads();
}

/* --- wide rows -------------------------------------------------------------------------------- */

/* The rows of a run as they pass by, AHEAD at a time, for one vector of each. */
template <typename R> struct walk {
	const uint32_t *list;
	int n;
	const char *src;
	size_t pitch;
	bool mine; /* the lane has a vector */

	/* Starts loading entries q0 ... q0 + AHEAD - 1, as far as there are so many. */
	__device__ __forceinline__ void fetch(typename R::in (&row)[AHEAD], int q0) const
	{
		if (q0 >= n)
			return;
		const uint4 at = *(const uint4 *)&list[q0];
		const uint32_t rows[AHEAD] = {at.x, at.y, at.z, at.w};
#pragma unroll
		for (int u = 0; u < AHEAD; u++)
			if (mine && q0 + u < n)
				row[u] = load<R::src_bytes>(src + rows[u] * pitch);
	}
};

/* Vector v of each row of run r: while some rows are written, the next ones are on their way. */
template <typename R>
static __device__ __forceinline__ void do_strip(const struct rc_gpu_job &j, const struct tile &tile,
						uint32_t r, uint32_t k0, uint32_t v)
{
	const struct walk<R> w = {tile.row[r], tile.n_rows[r],
				  (const char *)j.src + (size_t)v * R::src_bytes,
				  (size_t)j.width * type_size<R::src>::bytes, v < j.n_vec};
	const size_t dst_pitch = (size_t)j.dst_stride * type_size<R::dst>::bytes;
	char *dst = (char *)j.dst + k0 * dst_pitch + (size_t)v * R::dst_bytes;
	const struct tick *next = tile.tick[r];
	struct tick k = *next;
	typename R::in now[AHEAD], coming[AHEAD], last = {};

	w.fetch(now, 0);
#pragma unroll 1
	for (int q0 = 0; q0 < w.n; q0 += AHEAD) {
		w.fetch(coming, q0 + AHEAD);
#pragma unroll
		for (int u = 0; u < AHEAD; u++) {
			while ((int)k.at() == q0 + u) {
				if (w.mine)
					store<R::dst_bytes>(dst, made<R>(last, now[u], k));
				dst += dst_pitch;
				k = *++next;
			}
			last = now[u];
		}
#pragma unroll
		for (int u = 0; u < AHEAD; u++)
			now[u] = coming[u];
	}
}

/* --- narrow rows ------------------------------------------------------------------------------ */

enum { FLAT_AHEAD = 4 };

/* The threads of the block go over ticks and vectors together. */
template <typename R>
static __device__ __forceinline__ void do_flat(const struct rc_gpu_job &j, const struct tile &tile,
					       uint32_t k_tile, uint32_t run)
{
	const uint32_t src_pitch = j.width * type_size<R::src>::bytes;
	const size_t dst_pitch = (size_t)j.dst_stride * type_size<R::dst>::bytes;
	const uint32_t left = j.n_ticks - k_tile, most = run * RC_GPU_WARPS;
	const uint32_t n_all = (left < most ? left : most) * j.n_vec;
	const uint32_t magic = ((1u << 20) - 1 + j.n_vec) / j.n_vec,
		       run_log2 = 31 - __clz((int)run);
	const char *src = (const char *)j.src;
	char *dst = (char *)j.dst + k_tile * dst_pitch;

	for (uint32_t e0 = threadIdx.x; e0 < n_all; e0 += blockDim.x * FLAT_AHEAD) {
		typename R::in earlier[FLAT_AHEAD], later[FLAT_AHEAD];
		struct tick k[FLAT_AHEAD];

#pragma unroll
		for (int u = 0; u < FLAT_AHEAD; u++) {
			const uint32_t e = e0 + blockDim.x * u, i = e * magic >> 20;
			const uint32_t v = e - i * j.n_vec;

			if (e >= n_all)
				continue;
			k[u] = tile.tick[i >> run_log2][i & (run - 1)];
			const char *p = src + (size_t)k[u].at() * src_pitch + v * R::src_bytes;
			later[u] = load<R::src_bytes>(p);
			if (k[u].two())
				earlier[u] = load<R::src_bytes>(p - src_pitch);
		}
#pragma unroll
		for (int u = 0; u < FLAT_AHEAD; u++) {
			const uint32_t e = e0 + blockDim.x * u, i = e * magic >> 20;
			const uint32_t v = e - i * j.n_vec;

			if (e < n_all)
				store<R::dst_bytes>(dst + i * dst_pitch + v * R::dst_bytes,
						    made<R>(earlier[u], later[u], k[u]));
		}
	}
}

/* --- the kernel ------------------------------------------------------------------------------- */

/* Where in its job this block is. */
struct place {
	uint32_t k_tile, run, strip;
};

template <typename R>
static __device__ __forceinline__ void do_rows(const struct rc_gpu_job &j, const struct tile &tile,
					       const struct place &at)
{
	const uint32_t r = threadIdx.x / 32, k0 = at.k_tile + r * at.run;

	if (j.path == RC_GPU_FLAT)
		do_flat<R>(j, tile, at.k_tile, at.run);
	else if (k0 < j.n_ticks)
		do_strip<R>(j, tile, r, k0, at.strip * RC_GPU_LANES + threadIdx.x % 32);
}

template <int SRC, int DST>
static __device__ __forceinline__ void do_job(const struct rc_gpu_job &j, const struct tile &tile,
					      const struct place &at)
{
	constexpr int most = type_size<SRC>::bytes + type_size<DST>::bytes == 4 ? 8 : 4;

	if (most == 8 && j.vec == 8)
		do_rows<row_types<SRC, DST, most>>(j, tile, at);
	else if (j.vec == 4)
		do_rows<row_types<SRC, DST, 4>>(j, tile, at);
	else if (j.vec == 2) /* never wide: see cut.c */
		do_flat<row_types<SRC, DST, 2>>(j, tile, at.k_tile, at.run);
	else
		do_rows<row_types<SRC, DST, 1>>(j, tile, at);
}

/*
 * Work split: see work.h.  Bytes moved: the touched rows once, the output once, and the stamps near
 * the ticks.  Blocks on a multiprocessor at once: five, which leaves 96 registers; six are slower,
 * because what does not fit into registers is loaded again.
 */
enum { BLOCKS_A_SM = 5 };

template <int SRC>
static __global__ void __launch_bounds__(RC_GPU_WARPS * 32, BLOCKS_A_SM)
	k_rows(const __grid_constant__ struct rc_gpu_launch l)
{
	__shared__ struct tile tile;
	const struct rc_gpu_block b = block_of(l);
	const struct rc_gpu_job j = l.jobs ? l.jobs[b.job] : l.few[b.job];
	const uint32_t strips = j.path == RC_GPU_FLAT ? 1 : (j.n_vec + 31) / 32;
	const struct place at = {b.i / strips * l.run * RC_GPU_WARPS, l.run, b.i % strips};

	if (at.k_tile >= j.n_ticks)
		return;
	find_ticks(j, at.k_tile, at.run, tile);
	if (j.dst_dtype == RC_F32)
		do_job<SRC, RC_F32>(j, tile, at);
	else if (j.dst_dtype == RC_BF16)
		do_job<SRC, RC_BF16>(j, tile, at);
	else
		do_job<SRC, RC_F16>(j, tile, at);
}

template <int SRC>
static cudaError_t launch_rows(const struct rc_gpu_launch *l, cudaStream_t stream)
{
	const dim3 grid(l->n_blocks, l->blocks ? 1 : l->n_jobs);

	k_rows<SRC><<<grid, RC_GPU_WARPS * 32, 0, stream>>>(*l);
	return cudaGetLastError();
}

#endif
