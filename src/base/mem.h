/* SPDX-License-Identifier: Apache-2.0 */
/* Checked allocation.  Memory given here is released with free(); NULL pointers stay legal. */
#ifndef RC_MEM_H
#define RC_MEM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* False when the product or sum does not fit in 64 bits (result untouched then). */
bool rc_mul(uint64_t a, uint64_t b, uint64_t *product_out);
bool rc_add(uint64_t a, uint64_t b, uint64_t *sum_out);

/* A zeroed array of n elements of `size` bytes into *(void **)ptr_out; n = 0 gives one byte. */
int rc_new_array(void *ptr_out, size_t n, size_t size, struct rc_err *err);
#define rc_new(ptr_out, err) rc_new_array((ptr_out), 1, sizeof **(ptr_out), (err))

/* Grows *(void **)ptr to at least n elements (doubling); *cap counts elements.  New ones are 0. */
int rc_grow_array(void *ptr, size_t *cap, size_t n, size_t size, struct rc_err *err);

/* A copy of a string; rc_sprintf formats into a fresh one.  NULL where they fail. */
int rc_strdup(char **str_out, const char *s, struct rc_err *err);
int rc_sprintf(char **str_out, struct rc_err *err, const char *fmt, ...) RC_PRINTF(3, 4);

/* A 64-byte aligned buffer that only grows; contents are not kept.  Release with free(b->p).  For
 * what is read from files: malloc() would put it 16 bytes behind a page's start, and some
 * processors copy to such a place at a third of the speed. */
struct rc_scratch {
	void *p;
	size_t cap;
};
int rc_scratch_need(struct rc_scratch *b, size_t bytes, struct rc_err *err);

/*
 * Memory for things that end together.  What does not fit the block is allocated by itself until
 * the next reset, which makes the block large enough for as much again: an arena that serves equal
 * jobs allocates during the first one only.  Begins as {0}.
 */
struct rc_arena_extra;
struct rc_arena {
	char *block;
	size_t cap, used; /* of the block */
	size_t wanted;    /* bytes given out since the last reset */
	struct rc_arena_extra *extra;
};
/* Room for n elements of `size` bytes, 64-byte aligned and not cleared, until the next reset. */
int rc_arena_array(struct rc_arena *a, void *ptr_out, size_t n, size_t size, struct rc_err *err);
void rc_arena_reset(struct rc_arena *a);
void rc_arena_release(struct rc_arena *a);

/* From here on large blocks go back to the system when they are freed.  The C library would come to
 * keep tens of megabytes of them for each thread, beyond any ceiling of ours. */
void rc_mem_return_large(void);

/* How often this thread has taken memory through the functions above. */
uint64_t rc_alloc_count(void);

#endif
