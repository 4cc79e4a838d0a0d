/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include <criterion/criterion.h>

#include "formats/chunk_cache.h"

static struct rc_err err;

static struct chunk_cache *cache_of(size_t bytes)
{
	struct chunk_cache *c = NULL;

	cr_assert_eq(chunk_cache_new(bytes, &c, &err), 0, "%s", err.msg);
	return c;
}

static struct chunk_key key(uint64_t id)
{
	return (struct chunk_key){1, 2, id};
}

static bool has(struct chunk_cache *c, uint64_t id)
{
	struct chunk_key k = key(id);

	return chunk_cache_has(c, &k);
}

static void put(struct chunk_cache *c, uint64_t id, size_t n)
{
	struct chunk_key k = key(id);
	unsigned char *bytes = malloc(n + 1);

	memset(bytes, (int)id, n);
	chunk_cache_put(c, &k, bytes, n);
	free(bytes);
}

Test(chunk_cache, gives_what_was_put)
{
	struct chunk_cache *c = cache_of(1000);
	struct chunk_key k = key(7), other = {2, 2, 7};
	unsigned char got[100];

	cr_assert(!chunk_cache_get(c, &k, 0, got, 1));
	put(c, 7, 100);
	cr_assert(chunk_cache_get(c, &k, 40, got, 60));
	for (int i = 0; i < 60; i++)
		cr_assert_eq(got[i], 7);
	cr_assert(!chunk_cache_get(c, &k, 40, got, 61), "longer than the entry");
	cr_assert(!chunk_cache_get(c, &k, 101, got, 0));
	cr_assert(!chunk_cache_has(c, &other), "another index");
	chunk_cache_free(c);
	chunk_cache_free(NULL);
}

Test(chunk_cache, least_used_makes_room)
{
	struct chunk_cache *c = cache_of(1000);
	struct chunk_key one = key(1);
	unsigned char got[1];

	for (uint64_t i = 1; i <= 3; i++)
		put(c, i, 300);
	cr_assert(chunk_cache_get(c, &one, 0, got, 1));
	put(c, 4, 300);
	cr_assert(has(c, 1) && !has(c, 2) && has(c, 3) && has(c, 4));
	put(c, 5, 501);
	cr_assert(!has(c, 5), "too large to be worth it");
	put(c, 6, 0);
	cr_assert(!has(c, 6));
	chunk_cache_free(c);
}

Test(chunk_cache, more_entries_than_places)
{
	struct chunk_cache *c = cache_of(1 << 20);
	size_t n = 0;

	for (uint64_t i = 0; i < 10000; i++)
		put(c, i, 1 + i % 7);
	for (uint64_t i = 0; i < 10000; i++)
		n += has(c, i);
	cr_assert(n > 1000 && n < 5000, "%zu", n);
	cr_assert(has(c, 9999));
	chunk_cache_free(c);
}
