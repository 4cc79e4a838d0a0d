/* SPDX-License-Identifier: Apache-2.0 */
/* Clock figures against sorting, ticks against 128 bits, alignment against a slow twin. */
#include "base/compat.h"

#include <criterion/criterion.h>

#include "timeline.h"

__extension__ typedef __int128 wide;

/* --- clocks ----------------------------------------------------------------------------------- */

static uint64_t seed;

static uint64_t next_random(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 33;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* What the header says, counted in 128 bits with a sorted copy. */
static struct rc_clock_quality slow_measure(const int64_t *t, size_t n)
{
	struct rc_clock_quality q = {.n = n, .first_backward = n};
	int64_t *d = calloc(n + 1, sizeof *d);

	for (size_t i = 1; i < n; i++) {
		wide x = (wide)t[i] - t[i - 1];

		q.duplicates += x == 0;
		if (x < 0 && q.backwards++ == 0)
			q.first_backward = i;
		d[i - 1] = x > INT64_MAX ? INT64_MAX : x < INT64_MIN ? INT64_MIN : (int64_t)x;
		if (d[i - 1] > q.max_ns)
			q.max_ns = d[i - 1];
	}
	if (n > 1) {
		qsort(d, n - 1, sizeof *d, by_value);
		q.p50_ns = d[(n - 1) / 2];
		q.p99_ns = d[n - 2 - (n - 1) / 100];
		for (size_t i = 0; i + 1 < n; i++)
			q.gaps += q.p50_ns > 0 && d[i] > (wide)RC_GAP_FACTOR * q.p50_ns;
		if (t[n - 1] > t[0])
			q.rate_hz = (double)(n - 1) / ((double)t[n - 1] - (double)t[0]) * 1e9;
	}
	free(d);
	return q;
}

static void same_quality(const int64_t *t, size_t n)
{
	struct rc_clock_quality want = slow_measure(t, n), got;
	int64_t *scratch = calloc(n + 1, sizeof *scratch);

	rc_clock_measure(t, n, scratch, &got);
	free(scratch);
	cr_assert_eq(got.n, want.n);
	cr_assert_eq(got.duplicates, want.duplicates, "%zu samples", n);
	cr_assert_eq(got.backwards, want.backwards, "%zu samples", n);
	cr_assert_eq(got.first_backward, want.first_backward, "%zu samples", n);
	cr_assert_eq(got.p50_ns, want.p50_ns, "%zu samples: median %lld, not %lld", n,
		     (long long)got.p50_ns, (long long)want.p50_ns);
	cr_assert_eq(got.p99_ns, want.p99_ns, "%zu samples: p99 %lld, not %lld", n,
		     (long long)got.p99_ns, (long long)want.p99_ns);
	cr_assert_eq(got.max_ns, want.max_ns, "%zu samples", n);
	cr_assert_eq(got.gaps, want.gaps, "%zu samples: %llu gaps, not %llu", n,
		     (unsigned long long)got.gaps, (unsigned long long)want.gaps);
	cr_assert_eq(got.rate_hz, want.rate_hz);
}

Test(clock, few_samples_have_no_intervals)
{
	const int64_t one[] = {5}, two[] = {5, 5};
	struct rc_clock_quality q;
	int64_t scratch[2];

	rc_clock_measure(NULL, 0, NULL, &q);
	cr_expect_eq(q.n, 0);
	cr_expect_eq(q.first_backward, 0);
	cr_expect_eq(q.rate_hz, 0);
	rc_clock_measure(one, 1, scratch, &q);
	cr_expect_eq(q.n, 1);
	cr_expect_eq(q.p50_ns, 0);
	cr_expect_eq(q.max_ns, 0);
	rc_clock_measure(two, 2, scratch, &q);
	cr_expect_eq(q.duplicates, 1);
	cr_expect_eq(q.rate_hz, 0);
}

Test(clock, a_clean_clock)
{
	int64_t t[101], scratch[101];
	struct rc_clock_quality q;

	for (int i = 0; i < 101; i++)
		t[i] = 1700000000000000000 + i * INT64_C(20000000);
	rc_clock_measure(t, 101, scratch, &q);
	cr_expect_eq(q.p50_ns, 20000000);
	cr_expect_eq(q.p99_ns, 20000000);
	cr_expect_eq(q.max_ns, 20000000);
	cr_expect_float_eq(q.rate_hz, 50.0, 1e-6);
	cr_expect_eq(q.duplicates + q.backwards + q.gaps, 0);
	cr_expect_eq(q.first_backward, 101);
}

Test(clock, random_clocks_agree_with_sorting)
{
	for (unsigned round = 0; round < 400; round++) {
		size_t n = next_random() % 300;
		uint64_t spread = round % 5 == 0 ? 3 : 1 + next_random() % 1000000;
		int64_t t[300], at = 0;

		seed += round;
		for (size_t i = 0; i < n; i++) {
			at += (int64_t)(next_random() % spread) - (round % 3 == 0 ? 2 : 0);
			if (next_random() % 50 == 0)
				at += (int64_t)spread * 5;
			t[i] = at;
		}
		same_quality(t, n);
	}
}

Test(clock, shapes_that_are_hard_for_a_selection)
{
	enum { N = 2001 };
	static int64_t t[N];

	for (int shape = 0; shape < 6; shape++) {
		t[0] = 0;
		for (int i = 1; i < N; i++) {
			const int64_t d[] = {i,     N - i,     i < N / 2 ? i : N - i,
					     i % 2, i % 7 + 1, i == N / 2 ? 1000000 : 10};

			t[i] = t[i - 1] + d[shape];
		}
		same_quality(t, N);
	}
}

Test(clock, a_gap_is_more_than_three_medians)
{
	/* median 10: 30 is none, 31 is one */
	const int64_t t[] = {0, 10, 20, 30, 60, 70, 80, 111, 121};

	same_quality(t, RC_ARRAY_LEN(t));
	same_quality((const int64_t[]){0, 1, 2, 3, 7, 8, 9}, 7);
}

Test(clock, backward_stamps_are_counted_and_placed)
{
	const int64_t t[] = {0, 10, 5, 15, 15, 14, 30};
	int64_t scratch[7];
	struct rc_clock_quality q;

	rc_clock_measure(t, 7, scratch, &q);
	cr_expect_eq(q.backwards, 2);
	cr_expect_eq(q.first_backward, 2);
	cr_expect_eq(q.duplicates, 1);
	same_quality(t, 7);
}

Test(clock, the_ends_of_int64)
{
	const int64_t up[] = {INT64_MIN, 0, INT64_MAX}, jump[] = {INT64_MIN, INT64_MAX},
		      down[] = {INT64_MAX, INT64_MIN, 0};

	same_quality(up, 3);
	same_quality(jump, 2);
	same_quality(down, 3);
}

/* --- ticks ------------------------------------------------------------------------------------ */

static int grid(struct rc_rate rate, int64_t t0, int64_t t1, int64_t **ticks_out, uint64_t *n_out,
		struct rc_err *err)
{
	int rc = rc_timeline_count(rate, t0, t1, n_out, err);

	if (rc)
		return rc;
	*ticks_out = malloc((*n_out + 1) * sizeof **ticks_out);
	rc_timeline_fill(rate, t0, *n_out, *ticks_out);
	return 0;
}

/* Tick by tick in 128 bits, until one is past t1. */
static void same_grid(int64_t num, int64_t den, int64_t t0, int64_t t1)
{
	struct rc_rate rate = {num, den};
	struct rc_err err = {0};
	uint64_t n = 99, k = 0;
	int64_t *ticks = NULL;

	cr_assert_eq(grid(rate, t0, t1, &ticks, &n, &err), 0, "%s", err.msg);
	for (;; k++) {
		wide at = (wide)t0 + (wide)k * 1000000000 * den / num;

		if (at > t1)
			break;
		cr_assert_lt(k, n, "%lld/%lld Hz ends %llu ticks early", (long long)num,
			     (long long)den, (unsigned long long)(k - n + 1));
		cr_assert_eq(ticks[k], (int64_t)at, "tick %llu of %lld/%lld Hz",
			     (unsigned long long)k, (long long)num, (long long)den);
	}
	cr_assert_eq(n, k, "%lld/%lld Hz over %lld ns: %llu ticks, not %llu", (long long)num,
		     (long long)den, (long long)(t1 - t0), (unsigned long long)n,
		     (unsigned long long)k);
	free(ticks);
}

Test(grid, odd_rates_are_exact)
{
	static const int64_t rates[][2] = {{20, 1},  {30000, 1001},   {2997, 100},
					   {1, 3},   {1000000000, 1}, {7, 1},
					   {59, 13}, {1, 1000000}};

	for (size_t r = 0; r < RC_ARRAY_LEN(rates); r++) {
		wide period = (wide)1000000000 * rates[r][1] / rates[r][0];
		int64_t three = (int64_t)(3 * period);

		for (int64_t off = -3; off <= 3; off++)
			if (three + off >= 0)
				same_grid(rates[r][0], rates[r][1], -17, -17 + three + off);
		same_grid(rates[r][0], rates[r][1], 1700000000123456789,
			  1700000000123456789 + (int64_t)(1000 * period) + 1);
	}
}

Test(grid, random_rates_and_spans)
{
	for (int i = 0; i < 500; i++) {
		int64_t num = 1 + (int64_t)(next_random() % 100000);
		int64_t den = 1 + (int64_t)(next_random() % 2000);
		int64_t t0 = (int64_t)next_random() - (1 << 30);

		same_grid(num, den, t0,
			  t0 + (int64_t)((wide)(next_random() % 500) * 1000000000 * den / num));
	}
}

Test(grid, both_ends_are_ticks)
{
	struct rc_rate rate = {20, 1};
	int64_t *ticks = NULL;
	uint64_t n;

	cr_assert_eq(grid(rate, 1000, 1000 + 100000000, &ticks, &n, NULL), 0);
	cr_assert_eq(n, 3);
	cr_expect_eq(ticks[0], 1000);
	cr_expect_eq(ticks[2], 1000 + 100000000);
	free(ticks);
	cr_assert_eq(grid(rate, 1000, 1000 + 99999999, &ticks, &n, NULL), 0);
	cr_expect_eq(n, 2);
	free(ticks);
}

Test(grid, one_instant_is_one_tick_and_less_is_none)
{
	struct rc_rate rate = {30000, 1001};
	int64_t *ticks = NULL;
	uint64_t n = 7;

	cr_assert_eq(grid(rate, 5, 5, &ticks, &n, NULL), 0);
	cr_assert_eq(n, 1);
	cr_expect_eq(ticks[0], 5);
	free(ticks);
	cr_assert_eq(grid(rate, 5, 4, &ticks, &n, NULL), 0);
	cr_expect_eq(n, 0);
	free(ticks);
	cr_assert_eq(grid(rate, INT64_MAX, INT64_MIN, &ticks, &n, NULL), 0);
	cr_expect_eq(n, 0);
	free(ticks);
}

Test(grid, too_many_ticks_are_refused)
{
	const struct rc_rate fast = {1000000000, 1}, odd = {999999999999999999, 1000000000};
	struct rc_err err = {0};
	int64_t *ticks = NULL;
	uint64_t n = 0;

	cr_expect_eq(grid(fast, 0, (int64_t)RC_MAX_TICKS, &ticks, &n, &err), RC_E_FORMAT);
	cr_expect_str_eq(err.reason, "too_many_ticks");
	cr_expect_neq(strstr(err.msg, "unit of the clock"), NULL, "%s", err.msg);
	cr_expect_eq(grid(odd, INT64_MIN, INT64_MAX, &ticks, &n, &err), RC_E_FORMAT);
	cr_expect_eq(ticks, NULL);
}

/* --- alignment -------------------------------------------------------------------------------- */

/* By linear search, one tick at a time. */
static void slow_align(const struct rc_align_ask *a, uint8_t *valid, struct rc_align_quality *q)
{
	*q = (struct rc_align_quality){0};
	for (uint64_t k = 0; k < a->n_ticks; k++) {
		int64_t tick = a->ticks[k], first = a->t[0], last = a->t[a->n - 1], used, d;
		int64_t before = first, after = last; /* neighbours */
		bool out = tick < first || tick > last, gap = false, found = false;

		for (size_t i = 0; i < a->n; i++)
			if (a->t[i] <= tick)
				before = a->t[i];
		for (size_t i = a->n; i-- > 0;)
			if (a->t[i] >= tick)
				after = a->t[i];
		for (size_t i = 0; i < a->n; i++)
			found |= a->t[i] == tick;
		used = tick < first ? first : before;
		if (a->method < RC_METHOD_PREVIOUS && !out && !found && /* the others look back */
		    after - tick < tick - before)
			used = after;
		d = used > tick ? used - tick : tick - used;
		if (a->max_gap_ns && out)
			gap = d > a->max_gap_ns;
		else if (a->max_gap_ns && !found)
			gap = after - before > a->max_gap_ns;
		q->before += tick < first;
		q->after += tick > last;
		q->in_gap += gap;
		q->sum_ns += (double)d;
		if (d > q->worst_ns)
			q->worst_ns = d;
		if (gap || (out && a->outside_is_invalid))
			valid[k] = 0;
	}
}

static void same_align(const struct rc_align_ask *a)
{
	uint8_t want_valid[64], got_valid[64];
	struct rc_align_quality want, got, blind;

	cr_assert_leq(a->n_ticks, 64);
	memset(want_valid, 1, sizeof want_valid);
	memset(got_valid, 1, sizeof got_valid);
	slow_align(a, want_valid, &want);
	rc_align(a, got_valid, &got);
	rc_align(a, NULL, &blind);
	cr_assert_eq(got.before, want.before);
	cr_assert_eq(got.after, want.after);
	cr_assert_eq(got.in_gap, want.in_gap, "%llu ticks in gaps, not %llu",
		     (unsigned long long)got.in_gap, (unsigned long long)want.in_gap);
	cr_assert_eq(got.worst_ns, want.worst_ns, "worst %lld, not %lld", (long long)got.worst_ns,
		     (long long)want.worst_ns);
	cr_assert_eq(got.sum_ns, want.sum_ns);
	cr_assert_eq(memcmp(got_valid, want_valid, sizeof got_valid), 0);
	cr_assert_eq(blind.worst_ns, got.worst_ns);
	cr_assert_eq(blind.in_gap, got.in_gap);
}

Test(align, random_clocks_agree_with_a_search)
{
	int64_t t[64], ticks[64];

	for (int round = 0; round < 2000; round++) {
		struct rc_align_ask a = {
			.t = t,
			.n = 1 + next_random() % 63,
			.ticks = ticks,
			.n_ticks = next_random() % 64,
			.method = (enum rc_method)(next_random() % RC_METHOD_COUNT),
			.max_gap_ns = round % 3 ? (int64_t)(next_random() % 40) : 0,
			.outside_is_invalid = round % 2,
		};

		for (size_t i = 0, at = 20; i < a.n; i++)
			t[i] = (int64_t)(at += next_random() % 20 * (next_random() % 3 != 0));
		for (size_t i = 0, at = next_random() % 60; i < a.n_ticks; i++)
			ticks[i] = (int64_t)(at += next_random() % 20);
		same_align(&a);
	}
}

Test(align, what_each_method_rests_on)
{
	const int64_t t[] = {0, 100}, ticks[] = {0, 49, 50, 51, 100};
	struct rc_align_ask a = {.t = t, .n = 2, .ticks = ticks, .n_ticks = 5};
	struct rc_align_quality q;

	a.method = RC_METHOD_NEAREST;
	rc_align(&a, NULL, &q);
	cr_expect_eq(q.worst_ns, 50);
	cr_expect_eq(q.sum_ns, 49 + 50 + 49);
	a.method = RC_METHOD_PREVIOUS;
	rc_align(&a, NULL, &q);
	cr_expect_eq(q.worst_ns, 51);
	cr_expect_eq(q.sum_ns, 49 + 50 + 51);
	a.method = RC_METHOD_LINEAR;
	rc_align(&a, NULL, &q);
	cr_expect_eq(q.worst_ns, 50);
	cr_expect_eq(q.before + q.after + q.in_gap, 0);
}

Test(align, ticks_outside_are_held_and_invalid_only_where_asked)
{
	const int64_t t[] = {100, 200}, ticks[] = {50, 100, 200, 230};
	struct rc_align_ask a = {.t = t, .n = 2, .ticks = ticks, .n_ticks = 4};
	struct rc_align_quality q;
	uint8_t valid[4] = {1, 1, 1, 1};

	rc_align(&a, valid, &q);
	cr_expect_eq(q.before, 1);
	cr_expect_eq(q.after, 1);
	cr_expect_eq(q.worst_ns, 50);
	cr_expect_arr_eq(valid, ((uint8_t[]){1, 1, 1, 1}), 4);
	a.outside_is_invalid = true;
	rc_align(&a, valid, &q);
	cr_expect_arr_eq(valid, ((uint8_t[]){0, 1, 1, 0}), 4);
}

Test(align, gaps_end_at_samples)
{
	const int64_t t[] = {0, 10, 20, 500, 510}, ticks[] = {0, 15, 20, 21, 250, 499, 500, 505};
	struct rc_align_ask a = {.t = t,
				 .n = 5,
				 .ticks = ticks,
				 .n_ticks = 8,
				 .max_gap_ns = 10,
				 .method = RC_METHOD_LINEAR};
	struct rc_align_quality q;
	uint8_t valid[8] = {1, 1, 1, 1, 1, 1, 1, 1};

	rc_align(&a, valid, &q);
	cr_expect_eq(q.in_gap, 3);
	cr_expect_arr_eq(valid, ((uint8_t[]){1, 1, 1, 0, 0, 0, 1, 1}), 8);
	a.max_gap_ns = 480; /* as long as the gap: allowed */
	rc_align(&a, NULL, &q);
	cr_expect_eq(q.in_gap, 0);
}

Test(align, validity_of_several_sources_adds_up)
{
	const int64_t a_t[] = {0, 100}, b_t[] = {50, 150}, ticks[] = {0, 50, 100, 150};
	struct rc_align_ask a = {.n = 2, .ticks = ticks, .n_ticks = 4, .outside_is_invalid = true};
	struct rc_align_quality q;
	uint8_t valid[4] = {1, 1, 1, 1};

	a.t = a_t;
	rc_align(&a, valid, &q);
	a.t = b_t;
	rc_align(&a, valid, &q);
	cr_expect_arr_eq(valid, ((uint8_t[]){0, 1, 1, 0}), 4);
}
