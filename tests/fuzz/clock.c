/* SPDX-License-Identifier: Apache-2.0 */
/* Stamps as files have them, the quality and repair of clocks, timelines, and how both meet. */
#include "base/compat.h"

#include <stdlib.h>

#include "base/mem.h"
#include "formats/stamp.h"
#include "repair.h"
#include "tests/fuzz/fuzz.h"
#include "timeline.h"

enum { MOST = 512 };

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void meet(const int64_t *t, size_t n, uint8_t how)
{
	const struct rc_rate rate = {1 + how % 200, 1 + how % 7};
	static int64_t ticks[MOST];
	static uint8_t valid[MOST];
	struct rc_align_quality q;
	uint64_t n_ticks = 0;
	struct rc_err err;

	if (rc_timeline_count(rate, t[0], t[n - 1], &n_ticks, &err) || !n_ticks)
		return;
	n_ticks = n_ticks < MOST ? n_ticks : MOST;
	rc_timeline_fill(rate, t[0], n_ticks, ticks);
	for (uint64_t i = 0; i < n_ticks; i++)
		FUZZ_CHECK(ticks[i] >= t[0] && ticks[i] <= t[n - 1] &&
			   (!i || ticks[i] > ticks[i - 1]));
	memset(valid, 1, sizeof valid);
	rc_align(&(struct rc_align_ask){.t = t, .n = n, .ticks = ticks, .n_ticks = n_ticks,
					.method = (enum rc_method)(how % 4),
					.max_gap_ns = how & 64 ? 1000000 : 0,
					.outside_is_invalid = how & 128}, valid, &q);
	FUZZ_CHECK(!q.before && !q.after && q.in_gap <= n_ticks && q.worst_ns >= 0);
}

/* Rows keep their order; what was in order stays so, and what was mended is. */
static void mend(const int64_t *stamps, size_t n, int repairs)
{
	static int64_t t[MOST], scratch[RC_REPAIR_SCRATCH * MOST];
	struct rc_clock_quality before, after;
	struct rc_repaired r;
	uint64_t changed = 0;

	memcpy(t, stamps, n * sizeof *t);
	rc_clock_measure(t, n, scratch, &before);
	rc_clock_repair(t, n, repairs, scratch, &r);
	rc_clock_measure(t, n, scratch, &after);
	for (size_t i = 0; i < n; i++)
		changed += t[i] != stamps[i];
	FUZZ_CHECK(changed == r.rows && r.worst_ns >= 0 && (r.rows > 0) == (r.worst_ns > 0));
	FUZZ_CHECK(before.backwards || !after.backwards);
	FUZZ_CHECK(!(repairs & RC_REPAIR_RESTAMP) || r.strays || !after.backwards);
	FUZZ_CHECK(before.backwards || after.duplicates <= before.duplicates);
	FUZZ_CHECK(!r.strays || !r.rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct {
		int64_t num, den;
	} units[] = {{1, 1}, {1000, 1}, {1000000, 1}, {1000000000, 1}, {1000000000, 3}};
	static int64_t t[MOST], scratch[MOST];
	struct rc_clock_quality q;
	enum rc_dtype type;
	size_t size, n_t = 0;

	if (n < 3)
		return 0;
	type = (enum rc_dtype)(p[0] % RC_DTYPE_COUNT);
	size = rc_dtype_size(type);
	for (size_t at = 3; at + size <= n && n_t < MOST; at += size) {
		char value[16];

		memcpy(value, p + at, size);
		if (rc_stamp_ns(type, value, units[p[1] % 5].num, units[p[1] % 5].den, &t[n_t]))
			n_t++;
	}
	if (!n_t)
		return 0;
	rc_clock_measure(t, n_t, scratch, &q);
	FUZZ_CHECK(q.n == n_t && q.duplicates + q.backwards < n_t && q.gaps < n_t);
	mend(t, n_t, p[2] % 4);
	qsort(t, n_t, sizeof *t, by_time);
	meet(t, n_t, p[2]);
	return 0;
}

void fuzz_seeds(void (*put)(const char *name, const void *p, size_t n))
{
	uint8_t seed[3 + 8 * 40] = {0, 3, 19};
	double f;
	int64_t i64;
	float g;

	for (int i = 0; i < 40; i++) {
		f = 1.7e9 + i * 0.05 + (i % 7) * 1e-3;
		memcpy(seed + 3 + 8 * i, &f, 8);
	}
	for (int t = 0; t < RC_DTYPE_COUNT; t++) {
		seed[0] = (uint8_t)t;
		put(rc_dtype_name((enum rc_dtype)t), seed, sizeof seed);
	}
	for (int i = 0; i < 40; i++) {
		i64 = INT64_C(1700000000000) + 50 * i;
		memcpy(seed + 3 + 8 * i, &i64, 8);
	}
	seed[0] = RC_I64, seed[1] = 2;
	put("milliseconds", seed, sizeof seed);
	for (int i = 0; i < 40; i++) {
		g = (float)i * 0.1f;
		memcpy(seed + 3 + 4 * i, &g, 4);
	}
	seed[0] = RC_F32, seed[1] = 3, seed[2] = 200;
	put("seconds", seed, 3 + 4 * 40);
}
