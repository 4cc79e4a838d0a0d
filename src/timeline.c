/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "timeline.h"

#include "kernels/shared_math.h"

/* --- clocks ----------------------------------------------------------------------------------- */

/* The k-th smallest of v[0..n), by quickselect; reorders v[lo..n), which no smaller one may be
 * behind. */
static int64_t select_kth(int64_t *v, size_t lo, size_t n, size_t k)
{
	uint64_t random = 0x9e3779b97f4a7c15u; /* not the middle: real clocks have patterns */
	size_t hi = n - 1;

	while (lo < hi) {
		random ^= random << 13, random ^= random >> 7, random ^= random << 17;
		int64_t pivot = v[lo + random % (hi - lo)]; /* never the last: j must come down */
		size_t i = lo, j = hi;

		for (;;) {
			while (v[i] < pivot)
				i++;
			while (v[j] > pivot)
				j--;
			if (i >= j)
				break;
			int64_t x = v[i];
			v[i++] = v[j];
			v[j--] = x;
		}
		/* v[lo..j] <= pivot <= v[j+1..hi]; when the walk stopped on the pivot itself, j is
		 * its place */
		if (k <= j)
			hi = j;
		else
			lo = j + 1;
	}
	return v[k];
}

void rc_clock_measure(const int64_t *t, size_t n, int64_t *scratch, struct rc_clock_quality *q)
{
	size_t m = n > 1 ? n - 1 : 0;

	*q = (struct rc_clock_quality){.n = n, .first_backward = n};
	if (!m)
		return;
	for (size_t i = 0; i < m; i++) {
		int64_t d;

		/* stamps come from a file: their difference may not fit */
		if (__builtin_sub_overflow(t[i + 1], t[i], &d))
			d = t[i + 1] > t[i] ? INT64_MAX : INT64_MIN;
		scratch[i] = d;
		q->duplicates += d == 0;
		if (d < 0 && q->backwards++ == 0)
			q->first_backward = i + 1;
		if (d > q->max_ns)
			q->max_ns = d;
	}
	if (t[n - 1] > t[0])
		q->rate_hz = (double)m / (double)((__int128)t[n - 1] - t[0]) * 1e9;
	q->p50_ns = select_kth(scratch, 0, m, m / 2);
	for (size_t i = 0; i < m; i++)
		q->gaps += q->p50_ns > 0 && scratch[i] > (__int128)RC_GAP_FACTOR * q->p50_ns;
	q->p99_ns = select_kth(scratch, m > 99 ? m / 2 : 0, m, m - 1 - m / 100);
}

/* --- ticks ------------------------------------------------------------------------------------ */

int rc_timeline_count(struct rc_rate rate, int64_t t0, int64_t t1, uint64_t *n_out,
		      struct rc_err *err)
{
	uint64_t n = 0;

	if (t1 >= t0) {
		/* the last k with floor(k * 1e9 * den / num) <= t1 - t0: k = floor(((span + 1) *
		 * num - 1) / (1e9 * den)), from k * 1e9 * den < (span + 1) * num */
		__int128 span = (__int128)t1 - t0;
		__int128 k = ((span + 1) * rate.num - 1) / ((__int128)1000000000 * rate.den);

		if (k >= (__int128)RC_MAX_TICKS)
			return rc_fail(err, RC_E_FORMAT, "too_many_ticks",
				       "a span of %.0f s at %g Hz is more than %llu ticks; is the "
				       "unit of the clock right?",
				       (double)span / 1e9, rc_rate_hz(rate),
				       (unsigned long long)RC_MAX_TICKS);
		n = (uint64_t)k + 1;
	}
	*n_out = n;
	return 0;
}

void rc_timeline_fill(struct rc_rate rate, int64_t t0, uint64_t n, int64_t *ticks_out)
{
	for (uint64_t k = 0; k < n; k++)
		ticks_out[k] = t0 + rc_rate_offset_ns(rate, (int64_t)k);
}

/* --- alignment -------------------------------------------------------------------------------- */

static int64_t distance(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

/* Distance from a tick to the sample its value rests on most: the picked one, or the nearer
 * neighbour when it is interpolated. */
static int64_t tick_distance(const struct rc_align_ask *a, int64_t i, int64_t tick)
{
	bool back = a->method == RC_METHOD_PREVIOUS || rc_method_reduces(a->method);
	struct rc_tap p = back ? rc_tap_previous(i)
				  : rc_tap_nearest(a->t, (int64_t)a->n, i, tick);

	return distance(a->t[p.near], tick);
}

void rc_align(const struct rc_align_ask *a, uint8_t *valid, struct rc_align_quality *q)
{
	int64_t n = (int64_t)a->n, i = -1;

	*q = (struct rc_align_quality){0};
	for (uint64_t k = 0; k < a->n_ticks; k++) {
		int64_t tick = a->ticks[k], d;
		bool outside, gap = false;

		while (i + 1 < n && a->t[i + 1] <= tick)
			i++;
		q->before += i < 0;
		q->after += i == n - 1 && tick > a->t[n - 1];
		outside = i < 0 || (i == n - 1 && tick > a->t[n - 1]);
		if (a->max_gap_ns > 0 && !outside && i + 1 < n && tick > a->t[i])
			gap = a->t[i + 1] - a->t[i] > a->max_gap_ns;
		else if (a->max_gap_ns > 0 && outside)
			gap = distance(a->t[i < 0 ? 0 : n - 1], tick) > a->max_gap_ns;
		q->in_gap += gap;
		if (valid && (gap || (outside && a->outside_is_invalid)))
			valid[k] = 0;
		d = tick_distance(a, i, tick);
		q->sum_ns += (double)d;
		if (d > q->worst_ns)
			q->worst_ns = d;
	}
}
