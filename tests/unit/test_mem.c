/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include "base/mem.h"

/* AddressSanitizer would rather abort than refuse an absurd size; unused in other builds. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

Test(mem, checked_arithmetic)
{
	uint64_t v = 42;

	cr_assert(rc_mul(1ULL << 32, (1ULL << 32) - 1, &v));
	cr_assert_eq(v, 0xffffffff00000000ULL);
	cr_assert_not(rc_mul(1ULL << 32, 1ULL << 32, &v));
	cr_assert_eq(v, 0xffffffff00000000ULL);
	cr_assert(rc_mul(0, UINT64_MAX, &v));
	cr_assert_eq(v, 0);
	cr_assert(rc_add(UINT64_MAX, 0, &v));
	cr_assert_eq(v, UINT64_MAX);
	cr_assert_not(rc_add(UINT64_MAX, 1, &v));
}

Test(mem, new_array)
{
	struct rc_err e = {0};
	double *p = NULL, *kept;
	int i;

	cr_assert_eq(rc_new_array(&p, 100, sizeof *p, &e), 0);
	for (i = 0; i < 100; i++)
		cr_assert_eq(p[i], 0);
	kept = p;
	cr_assert_eq(rc_new_array(&p, SIZE_MAX / 4, sizeof *p, &e), RC_E_NOMEM);
	cr_assert_eq(rc_new_array(&p, PTRDIFF_MAX / 8, sizeof *p, &e), RC_E_NOMEM);
	cr_assert_eq(p, kept);
	cr_assert_str_eq(e.reason, "out_of_memory");
	free(p);
	p = NULL;
	cr_assert_eq(rc_new_array(&p, 0, sizeof *p, &e), 0);
	cr_assert_not_null(p);
	free(p);
	cr_assert_eq(rc_new(&p, &e), 0);
	cr_assert_eq(*p, 0);
	free(p);
}

Test(mem, grow_array)
{
	struct rc_err e = {0};
	int *p = NULL;
	size_t cap = 0, old, i, n_grown = 0;

	for (i = 0; i < 10000; i++) {
		old = cap;
		cr_assert_eq(rc_grow_array(&p, &cap, i + 1, sizeof *p, &e), 0);
		n_grown += cap != old;
		cr_assert_geq(cap, i + 1);
		cr_assert_eq(p[cap - 1], 0, "new elements are zero");
		cr_assert_eq(p[i], 0);
		p[i] = (int)i + 1;
	}
	for (i = 0; i < 10000; i++)
		cr_assert_eq(p[i], (int)i + 1);
	cr_assert_lt(n_grown, 15, "doubling");
	old = cap;
	cr_assert_eq(rc_grow_array(&p, &cap, 3, sizeof *p, &e), 0);
	cr_assert_eq(cap, old, "never shrinks");
	cr_assert_eq(rc_grow_array(&p, &cap, SIZE_MAX / 2, sizeof *p, &e), RC_E_NOMEM);
	cr_assert_eq(cap, old);
	cr_assert_eq(p[9999], 10000, "still there after a failure");
	free(p);
}

Test(mem, strings)
{
	struct rc_err e = {0};
	char *s = NULL;

	cr_assert_eq(rc_strdup(&s, "", &e), 0);
	cr_assert_str_eq(s, "");
	free(s);
	cr_assert_eq(rc_sprintf(&s, &e, "%s-%05d", "shard", 7), 0);
	cr_assert_str_eq(s, "shard-00007");
	free(s);
	cr_assert_eq(rc_sprintf(&s, &e, "%*d", 5000, 1), 0);
	cr_assert_eq(strlen(s), 5000);
	free(s);
}

Test(mem, scratch)
{
	struct rc_err e = {0};
	struct rc_scratch b = {0};
	void *p;

	cr_assert_eq(rc_scratch_need(&b, 0, &e), 0);
	cr_assert_not_null(b.p);
	cr_assert_eq(rc_scratch_need(&b, 1000, &e), 0);
	cr_assert_eq((uintptr_t)b.p % 64, 0);
	cr_assert_geq(b.cap, 1000);
	memset(b.p, 1, b.cap);
	p = b.p;
	cr_assert_eq(rc_scratch_need(&b, 10, &e), 0);
	cr_assert_eq(b.p, p);
	cr_assert_eq(rc_scratch_need(&b, SIZE_MAX, &e), RC_E_NOMEM);
	cr_assert_eq(b.p, p);
	cr_assert_eq(rc_scratch_need(&b, SIZE_MAX / 4, &e), RC_E_NOMEM);
	cr_assert_eq(b.cap, 0);
	cr_assert_eq(rc_scratch_need(&b, 100, &e), 0, "usable again");
	free(b.p);
}

/* Equal jobs allocate in the first round, and for the block that serves all others. */
Test(mem, arena)
{
	struct rc_arena a = {0};
	struct rc_err e = {0};
	uint64_t before = 0;

	for (int round = 0; round < 5; round++) {
		char *p[6];

		rc_arena_reset(&a);
		if (round == 2)
			before = rc_alloc_count();
		for (size_t i = 0; i < 6; i++) {
			cr_assert_eq(rc_arena_array(&a, &p[i], i * 1000, i + 1, &e), 0);
			cr_assert_eq((uintptr_t)p[i] % 64, 0);
			memset(p[i], (int)i + 1, i * 1000 * (i + 1));
		}
		for (size_t i = 0; i < 6; i++)
			for (size_t k = 0; k < i * 1000 * (i + 1); k++)
				cr_assert_eq(p[i][k], (char)(i + 1));
	}
	cr_assert_eq(rc_alloc_count(), before);
	cr_assert_eq(rc_arena_array(&a, &(char *){NULL}, SIZE_MAX / 4, 8, &e), RC_E_NOMEM);
	cr_assert_eq(rc_arena_array(&a, &(char *){NULL}, PTRDIFF_MAX, 1, &e), RC_E_NOMEM);
	rc_arena_release(&a);
	cr_assert_null(a.block);
}
