/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of episodes stays below its ceiling, and nobody waits for ever. */
#include "base/compat.h"

#include "pool.h"
#include "tests/unit/plan_made.h"

enum { N = 5, KIB = 1 << 10 };

static uint64_t counted(const struct rc_pool *p)
{
	return p->busy_bytes + p->idle_bytes + p->scratch_bytes;
}

/* As preparing does. */
static struct rc_work *begin(struct rc_pool *p, uint64_t guess, size_t bytes,
			     struct rc_scratch *scratch, uint64_t *kept)
{
	struct rc_work *w = rc_pool_take(p, guess);
	char *unused;

	rc_work_reset(w);
	cr_assert_eq(rc_arena_array(&w->arena, &unused, bytes, 1, NULL), 0);
	cr_assert_eq(rc_scratch_need(scratch, bytes, NULL), 0);
	rc_pool_settle(p, w, scratch, kept);
	return w;
}

Test(pool, stays_below_its_limit)
{
	struct rc_scratch scratch = {0};
	struct rc_work *busy[N];
	struct rc_pool p;
	uint64_t kept = 0;
	size_t n = 0;

	cr_assert_eq(rc_pool_open(&p, N, 100 * KIB, NULL), 0);
	for (int round = 0; round < 40; round++) {
		const size_t bytes = (size_t)(1 + round * 7 % 30) * KIB;

		while (!rc_pool_has_room(&p, 2 * bytes)) {
			cr_assert_gt(n, 0);
			rc_pool_give(&p, busy[0]);
			memmove(busy, busy + 1, --n * sizeof *busy);
			cr_assert_leq(counted(&p), p.limit);
		}
		busy[n++] = begin(&p, 2 * bytes, bytes, &scratch, &kept);
		cr_assert_leq(n, N);
		cr_assert_leq(counted(&p), p.limit);
		cr_assert_eq(kept, scratch.cap);
	}
	while (n)
		rc_pool_give(&p, busy[--n]);
	cr_assert_eq(p.busy_bytes, 0);
	rc_pool_close(&p);
	free(scratch.p);
}

/* Equal episodes take their memory once, when there is room for all. */
Test(pool, keeps_memory)
{
	struct rc_scratch scratch = {0};
	struct rc_pool p;
	uint64_t kept = 0, allocs = 0;

	cr_assert_eq(rc_pool_open(&p, N, 100 * KIB, NULL), 0);
	for (int round = 0; round < 4 * N; round++) {
		if (round == 2 * N)
			allocs = rc_alloc_count();
		rc_pool_give(&p, begin(&p, 20 * KIB, 10 * KIB, &scratch, &kept));
	}
	cr_assert_eq(rc_alloc_count(), allocs);
	rc_pool_close(&p);
	free(scratch.p);
}

Test(pool, a_giant_has_its_turn)
{
	struct rc_scratch scratch = {0};
	struct rc_pool p;
	struct rc_work *w;
	uint64_t kept = 0;

	cr_assert_eq(rc_pool_open(&p, N, 100 * KIB, NULL), 0);
	w = begin(&p, KIB, KIB, &scratch, &kept);
	cr_assert(!rc_pool_has_room(&p, 500 * KIB));
	rc_pool_give(&p, w);
	cr_assert(rc_pool_has_room(&p, 500 * KIB));
	w = begin(&p, 500 * KIB, 500 * KIB, &scratch, &kept);
	cr_assert_eq(scratch.p, NULL, "no room to keep it");
	cr_assert(!rc_pool_has_room(&p, 1));
	rc_pool_give(&p, w);
	cr_assert_leq(counted(&p), p.limit, "nor the giant's memory");
	rc_pool_close(&p);
}

/* Streams of one clock count once. */
Test(pool, guess)
{
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, ARM);
	j.set.rate = (struct rc_rate){20, 1};
	good(&j);
	const struct rc_plan_episode *e = &j.plan.episodes[0];
	const uint64_t rows = 500 + 500 + 20 + 100 + 30 + 20;

	cr_assert_eq(rc_pool_guess(rc_plan_index(&j.plan, e), e),
		     8 * (rows + 500 + e->est_ticks));
	end(&j);
	start(&j);
	ADD(&j, "a.h5", 1, STEPS(50));
	good(&j);
	e = &j.plan.episodes[0];
	cr_assert_eq(rc_pool_guess(rc_plan_index(&j.plan, e), e), 8 * e->est_ticks);
	end(&j);
}
