/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time of one episode: the ticks, how good the clocks are, and how well ticks and samples meet.
 * Pure functions over int64 ns; clocks are non-decreasing except where said.
 */
#ifndef RC_TIMELINE_H
#define RC_TIMELINE_H

#include "base/episode.h"
#include "base/err.h"
#include "settings.h"

/* How good a clock is. */
struct rc_clock_quality {
	uint64_t n;
	uint64_t duplicates; /* stamps equal to the one before */
	uint64_t backwards;  /* stamps before the one before */
	uint64_t gaps;       /* intervals longer than RC_GAP_FACTOR times the median */
	uint64_t first_backward; /* row of the first backward stamp; n when there is none */
	int64_t p50_ns, p99_ns, max_ns; /* of the intervals; 0 below two samples */
	double rate_hz;      /* (n - 1) / (last - first); 0 when unknown */
};
enum { RC_GAP_FACTOR = 3 };

/* t may be in any order here.  scratch holds n elements. */
void rc_clock_measure(const int64_t *t, size_t n, int64_t *scratch, struct rc_clock_quality *q);

/* The grid t0 + floor(k * 1e9 * den / num), k = 0, 1, ... up to and including t1: how many ticks
 * it has (none when t1 < t0, at most RC_MAX_TICKS), and n of them. */
#define RC_MAX_TICKS ((uint64_t)1 << 31)
int rc_timeline_count(struct rc_rate rate, int64_t t0, int64_t t1, uint64_t *n_out,
		      struct rc_err *err);
void rc_timeline_fill(struct rc_rate rate, int64_t t0, uint64_t n, int64_t *ticks_out);

/* How ticks and the samples of one stream meet. */
struct rc_align_quality {
	uint64_t before, after; /* ticks outside the stream's span: the end sample is held */
	uint64_t in_gap;        /* ticks whose neighbours are farther apart than max_gap */
	int64_t worst_ns;       /* largest |tick - nearest sample that was used| */
	double sum_ns;          /* of those distances, for the mean */
};

struct rc_align_ask {
	const int64_t *t;      /* n samples, n > 0, non-decreasing */
	size_t n;
	const int64_t *ticks;
	uint64_t n_ticks;
	enum rc_method method;
	int64_t max_gap_ns;    /* 0: no limit */
	bool outside_is_invalid; /* union and reference timelines */
};

/* Fills *q, and clears valid[k] (n_ticks bytes, preset to 1) where tick k is not covered.  valid
 * may be NULL. */
void rc_align(const struct rc_align_ask *a, uint8_t *valid, struct rc_align_quality *q);

#endif
