/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clock search and weight table of one warp: up to 32 ticks, one a lane, in registers.  Shared by
 * the kernels of rows.cuh and any.cu.  All lanes of the warp call these functions together.
 */
#ifndef RC_KERNELS_CUDA_TAPS_CUH
#define RC_KERNELS_CUDA_TAPS_CUH

#include "kernels/cuda/work.h"
#include "kernels/shared_math.h"

#define FULL_WARP 0xffffffffu

/* What this block does. */
static __device__ __forceinline__ struct rc_gpu_block block_of(const struct rc_gpu_launch &l)
{
	return l.blocks ? l.blocks[blockIdx.x] : rc_gpu_block{blockIdx.y, blockIdx.x};
}

/* The rows [first, last] (one or two) that make a tick; swap: the later of the two is the near. */
struct lane_tap {
	int first, last;
	bool swap;
	double w;
};

/* Row of the j-th of 32 marks spread evenly over n rows. */
static __device__ __forceinline__ int mark_row(int j, int n)
{
	return (int)((uint32_t)j * (uint64_t)(uint32_t)(n - 1) / 31u);
}

/*
 * rc_last_not_after() for a tick of each lane.  Every lane loads one stamp of 32 that are spread
 * evenly, so that one wait for memory narrows the search to 1/31 of the clock; inside, clocks are
 * nearly regular, and a guess by proportion is right or next to it, which a second wait tells.
 * What is found does not depend on the guess: the loop ends when t[lo] <= tick < t[lo + 1].
 */
static __device__ __forceinline__ int warp_last_not_after(const int64_t *t, int n, int64_t tick,
							  int lane)
{
	const int64_t mark = t[mark_row(lane, n)];
	int c = 0, lo, hi, at, step = 1;
	int64_t t_lo, t_hi;

	for (int s = 16; s; s >>= 1)
		c += __shfl_sync(FULL_WARP, mark, c + s - 1) <= tick ? s : 0;
	c += __shfl_sync(FULL_WARP, mark, c) <= tick ? 1 : 0;
	t_lo = __shfl_sync(FULL_WARP, mark, c > 0 ? c - 1 : 0);
	t_hi = __shfl_sync(FULL_WARP, mark, c < 32 ? c : 31);
	lo = c > 0 ? mark_row(c - 1, n) : -1;
	hi = c < 32 ? mark_row(c, n) : n;
	at = lo + (int)((float)rc_ns_diff(t_lo, tick) * (float)(hi - lo) /
			(float)(rc_ns_diff(t_lo, t_hi) | 1u));
	if (hi - lo > 1) {
		at = at <= lo ? lo + 1 : at >= hi ? hi - 1 : at;
		const int left = at - 1 > lo ? at - 1 : at, right = at + 1 < hi ? at + 1 : at;
		const bool a = t[left] <= tick, b = t[at] <= tick, c = t[right] <= tick;
		lo = c ? right : b ? at : a ? left : lo;
		hi = !a ? left : !b ? at : !c ? right : hi;
		at = c ? lo + step : hi - step;
	}
	while (hi - lo > 1) {
		if (at <= lo || at >= hi)
			at = lo + (hi - lo) / 2;
		step *= 2;
		if (t[at] <= tick) {
			lo = at;
			at = lo + step;
		} else {
			hi = at;
			at = hi - step;
		}
	}
	return lo;
}

/* The tap of tick k0 + lane; lanes at n and above repeat the last one. */
static __device__ __forceinline__ struct lane_tap warp_taps(const struct rc_gpu_job &j, uint32_t k0,
							    int n, int lane)
{
	const int64_t tick = j.ticks[k0 + (uint32_t)(lane < n ? lane : n - 1)];
	const int64_t i = warp_last_not_after(j.t, (int)j.n_src, tick, lane);
	struct lane_tap r;
	struct rc_tap p;

	if (j.method == RC_METHOD_NEAREST)
		p = rc_tap_nearest(j.t, j.n_src, i, tick);
	else if (j.method == RC_METHOD_PREVIOUS)
		p = rc_tap_previous(i);
	else
		p = rc_tap_linear(j.t, j.n_src, i, tick);
	r.swap = p.near > p.far;
	r.first = (int)(r.swap ? p.far : p.near);
	r.last = (int)(r.swap ? p.near : p.far);
	r.w = p.w;
	return r;
}

#endif
