/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"
#include "base/mem.h"

#include <malloc.h>
#include <stdarg.h>

static _Thread_local uint64_t n_allocs;

uint64_t rc_alloc_count(void)
{
	return n_allocs;
}

void rc_mem_return_large(void)
{
#ifdef M_MMAP_THRESHOLD
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

bool rc_mul(uint64_t a, uint64_t b, uint64_t *product_out)
{
	uint64_t v;

	if (__builtin_mul_overflow(a, b, &v))
		return false;
	*product_out = v;
	return true;
}

bool rc_add(uint64_t a, uint64_t b, uint64_t *sum_out)
{
	uint64_t v;

	if (__builtin_add_overflow(a, b, &v))
		return false;
	*sum_out = v;
	return true;
}

/* The pointers behind ptr_out have any type, so they are moved as bytes. */
int rc_new_array(void *ptr_out, size_t n, size_t size, struct rc_err *err)
{
	uint64_t bytes;
	void *p;

	if (!rc_mul(n, size, &bytes) || bytes > PTRDIFF_MAX)
		return rc_fail_nomem(err, SIZE_MAX);
	n_allocs++;
	p = calloc(1, bytes ? bytes : 1);
	if (!p)
		return rc_fail_nomem(err, bytes);
	memcpy(ptr_out, &p, sizeof p);
	return 0;
}

int rc_grow_array(void *ptr, size_t *cap, size_t n, size_t size, struct rc_err *err)
{
	uint64_t bytes;
	size_t want;
	char *p;

	memcpy(&p, ptr, sizeof p);
	if (n <= *cap)
		return 0;
	want = *cap < 8 ? 16 : *cap > SIZE_MAX / 2 ? n : *cap * 2;
	if (want < n)
		want = n;
	if (!rc_mul(want, size, &bytes) || bytes > PTRDIFF_MAX)
		return rc_fail_nomem(err, SIZE_MAX);
	n_allocs++;
	p = realloc(p, bytes ? bytes : 1);
	if (!p)
		return rc_fail_nomem(err, bytes);
	memset(p + *cap * size, 0, (want - *cap) * size);
	memcpy(ptr, &p, sizeof p);
	*cap = want;
	return 0;
}

int rc_strdup(char **str_out, const char *s, struct rc_err *err)
{
	size_t n = strlen(s) + 1;
	char *p = malloc(n);

	n_allocs++;
	*str_out = p;
	if (!p)
		return rc_fail_nomem(err, n);
	memcpy(p, s, n);
	return 0;
}

int rc_sprintf(char **str_out, struct rc_err *err, const char *fmt, ...)
{
	va_list ap, again;
	char *p = NULL;
	int n, rc = 0;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0) {
		rc = rc_fail(err, RC_E_BUG, "bad_format", "cannot format '%s'", fmt);
		goto done;
	}
	n_allocs++;
	p = malloc((size_t)n + 1);
	if (!p) {
		rc = rc_fail_nomem(err, (size_t)n + 1);
		goto done;
	}
	vsnprintf(p, (size_t)n + 1, fmt, again);
done:
	*str_out = p;
	va_end(again);
	va_end(ap);
	return rc;
}

int rc_scratch_need(struct rc_scratch *b, size_t bytes, struct rc_err *err)
{
	size_t want = bytes ? bytes : 1;

	if (b->p && bytes <= b->cap)
		return 0;
	if (want > PTRDIFF_MAX - 64)
		return rc_fail_nomem(err, bytes);
	want = (want + 63) & ~(size_t)63;
	free(b->p); /* first, so that the two never count together */
	b->cap = 0;
	n_allocs++;
	b->p = aligned_alloc(64, want);
	if (!b->p)
		return rc_fail_nomem(err, want);
	b->cap = want;
	return 0;
}

/* --- arenas ----------------------------------------------------------------------------------- */

struct rc_arena_extra {
	struct rc_arena_extra *next;
	_Alignas(64) char bytes[];
};

static int new_extra(struct rc_arena *a, size_t bytes, char **p_out, struct rc_err *err)
{
	struct rc_arena_extra *e = aligned_alloc(64, sizeof *e + bytes);

	n_allocs++;
	if (!e)
		return rc_fail_nomem(err, bytes);
	e->next = a->extra;
	a->extra = e;
	*p_out = e->bytes;
	return 0;
}

int rc_arena_array(struct rc_arena *a, void *ptr_out, size_t n, size_t size, struct rc_err *err)
{
	uint64_t bytes;
	char *p = NULL;

	if (!rc_mul(n, size, &bytes) || bytes > PTRDIFF_MAX / 2)
		return rc_fail_nomem(err, SIZE_MAX);
	bytes = bytes ? (bytes + 63) & ~UINT64_C(63) : 64;
	if (bytes <= a->cap - a->used) {
		p = a->block + a->used;
		a->used += bytes;
	} else {
		int rc = new_extra(a, bytes, &p, err);
		if (rc)
			return rc;
	}
	a->wanted += bytes;
	memcpy(ptr_out, &p, sizeof p);
	return 0;
}

static void free_extra(struct rc_arena *a)
{
	while (a->extra) {
		struct rc_arena_extra *next = a->extra->next;

		free(a->extra);
		a->extra = next;
	}
}

void rc_arena_reset(struct rc_arena *a)
{
	if (a->extra) {
		free_extra(a);
		free(a->block);
		n_allocs++;
		a->block = aligned_alloc(64, a->wanted); /* NULL: extras again */
		a->cap = a->block ? a->wanted : 0;
	}
	a->used = a->wanted = 0;
}

void rc_arena_release(struct rc_arena *a)
{
	free_extra(a);
	free(a->block);
	*a = (struct rc_arena){0};
}
