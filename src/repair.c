/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "repair.h"

#include "timeline.h"

bool rc_repair_parse(const char *text, int *repairs_out)
{
	static const struct {
		const char *name;
		int repairs;
	} names[] = {{"none", 0},
		     {"spread", RC_REPAIR_SPREAD},
		     {"restamp", RC_REPAIR_RESTAMP},
		     {"spread+restamp", RC_REPAIR_SPREAD | RC_REPAIR_RESTAMP},
		     {"restamp+spread", RC_REPAIR_SPREAD | RC_REPAIR_RESTAMP}};

	for (size_t i = 0; i < RC_ARRAY_LEN(names); i++)
		if (!strcmp(names[i].name, text)) {
			*repairs_out = names[i].repairs;
			return true;
		}
	return false;
}

/* a + (b - a) i / n for a <= b and i <= n < 2^32. */
static int64_t between(int64_t a, int64_t b, uint64_t i, uint64_t n)
{
	uint64_t d = (uint64_t)b - (uint64_t)a;

	return (int64_t)((uint64_t)a + d / n * i + d % n * i / n);
}

/* --- stamps out of order ---------------------------------------------------------------------- */

/* Marks the rows of the longest subsequence of t that never decreases: keep[i] is not negative.
 * tails[k] is the row that ends the one of k + 1 rows whose end is least; keep has the row before
 * meanwhile.  Returns its length. */
static size_t mark_ordered(const int64_t *t, size_t n, int64_t *tails, int64_t *keep)
{
	size_t length = 0;

	for (size_t i = 0; i < n; i++) {
		size_t lo = 0, hi = length;

		while (lo < hi) {
			size_t mid = lo + (hi - lo) / 2;
			if (t[tails[mid]] <= t[i])
				lo = mid + 1;
			else
				hi = mid;
		}
		keep[i] = lo ? tails[lo - 1] : -1;
		tails[lo] = (int64_t)i;
		length = lo == length ? length + 1 : length;
	}
	for (int64_t i = tails[length - 1], end = (int64_t)n;;) {
		int64_t before = keep[i];
		for (int64_t k = i + 1; k < end; k++)
			keep[k] = -1;
		keep[i] = i;
		end = i;
		if (before < 0) {
			for (int64_t k = 0; k < i; k++)
				keep[k] = -1;
			return length;
		}
		i = before;
	}
}

/* Without overflow, as far as int64 goes. */
static int64_t offset(int64_t t, int64_t step, int64_t n)
{
	int64_t d;

	if (__builtin_mul_overflow(step, n, &d) || __builtin_add_overflow(t, d, &t))
		return n < 0 ? INT64_MIN : INT64_MAX;
	return t;
}

/* Returns the number of strays that are left. */
static size_t put_in_order(int64_t *t, size_t n, int64_t *scratch, int64_t step)
{
	int64_t *keep = scratch + n;
	size_t strays = n - mark_ordered(t, n, scratch, keep), last = n;

	if (strays > RC_MAX_STRAYS(n))
		return strays;
	for (size_t i = 0; i < n; i++) {
		size_t next = i;

		if (keep[i] >= 0) {
			last = i;
			continue;
		}
		while (next < n && keep[next] < 0)
			next++;
		if (last == n)
			t[i] = offset(t[next], step, (int64_t)i - (int64_t)next);
		else if (next == n)
			t[i] = offset(t[last], step, (int64_t)i - (int64_t)last);
		else
			t[i] = between(t[last], t[next], i - last, next - last);
	}
	return 0;
}

/* --- equal stamps ----------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Rows from i on with equal stamps. */
static size_t run_length(const int64_t *t, size_t n, size_t i)
{
	size_t k = 1;

	while (i + k < n && t[i + k] == t[i])
		k++;
	return k;
}

/* From one of the k rows of a run to the next, if they fill the time up to the run behind it. */
static int64_t row_interval(const int64_t *t, size_t i, size_t k)
{
	return (t[i + k] - t[i]) / (int64_t)k;
}

/* The median over runs that have another behind them; but not the first, which may be cut, where
 * there are more. */
static int64_t median_interval(const int64_t *t, size_t n, int64_t *scratch)
{
	size_t runs = 0;

	for (size_t i = 0, k; i < n; i += k) {
		k = run_length(t, n, i);
		if (i + k < n)
			scratch[runs++] = row_interval(t, i, k);
	}
	if (runs > 1)
		scratch++, runs--;
	if (!runs)
		return 0;
	qsort(scratch, runs, sizeof *scratch, by_value);
	return scratch[runs / 2];
}

static void spread(int64_t *t, size_t n, int64_t *scratch)
{
	const int64_t d = median_interval(t, n, scratch);

	for (size_t i = 0, k; d > 0 && i < n; i += k) {
		const int64_t v = t[i];
		bool last, pause, fits;

		k = run_length(t, n, i);
		last = i + k == n;
		pause = !last && row_interval(t, i, k) / RC_GAP_FACTOR > d;
		fits = !last && d <= row_interval(t, i, k);
		for (size_t j = 0; k > 1 && j < k; j++) {
			int64_t to;

			if (last || pause)
				to = offset(v, d, (int64_t)j);
			else if (i == 0 && fits)
				to = offset(t[k], d, (int64_t)j - (int64_t)k);
			else
				to = between(v, t[i + k], j, k);
			t[i + j] = to;
		}
	}
}

/* --- both ------------------------------------------------------------------------------------- */

static void count(const int64_t *was, const int64_t *t, size_t n, struct rc_repaired *r)
{
	for (size_t i = 0; i < n; i++) {
		int64_t d;

		/* stamps come from a file: their difference may not fit */
		if (__builtin_sub_overflow(t[i], was[i], &d) || d == INT64_MIN)
			d = INT64_MAX;
		d = d < 0 ? -d : d;
		r->rows += d != 0;
		r->worst_ns = d > r->worst_ns ? d : r->worst_ns;
	}
}

void rc_clock_repair(int64_t *t, size_t n, int repairs, int64_t *scratch, struct rc_repaired *r)
{
	struct rc_clock_quality q;
	int64_t *was = scratch;

	*r = (struct rc_repaired){0};
	if (n < 2 || !repairs)
		return;
	scratch += n;
	memcpy(was, t, n * sizeof *t);
	rc_clock_measure(t, n, scratch, &q);
	if (q.backwards && (repairs & RC_REPAIR_RESTAMP)) {
		r->strays = put_in_order(t, n, scratch, q.p50_ns > 0 ? q.p50_ns : 0);
		rc_clock_measure(t, n, scratch, &q);
	}
	if (!q.backwards && q.duplicates && (repairs & RC_REPAIR_SPREAD) && q.max_ns < INT64_MAX)
		spread(t, n, scratch);
	count(was, t, n, r);
}
