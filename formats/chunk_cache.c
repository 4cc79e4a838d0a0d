/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "formats/chunk_cache.h"

#include <pthread.h>

enum { MAX_ENTRIES = 2048, BUCKETS = 1024, NONE = -1 };

struct entry {
	struct chunk_key key;
	void *p;
	size_t n, cap;
	int next;         /* in its bucket, or of the free ones */
	int older, newer; /* by last use */
};

struct chunk_cache {
	pthread_mutex_t lock;
	size_t max_bytes, bytes;
	int buckets[BUCKETS], free, oldest, newest;
	struct entry e[MAX_ENTRIES];
};

int chunk_cache_new(size_t max_bytes, struct chunk_cache **c_out, struct rc_err *err)
{
	struct chunk_cache *c = NULL;
	int rc = rc_new(&c, err);

	if (rc)
		return rc;
	pthread_mutex_init(&c->lock, NULL);
	c->max_bytes = max_bytes;
	for (int i = 0; i < BUCKETS; i++)
		c->buckets[i] = NONE;
	for (int i = 0; i < MAX_ENTRIES; i++)
		c->e[i].next = i + 1 < MAX_ENTRIES ? i + 1 : NONE;
	c->oldest = c->newest = NONE;
	*c_out = c;
	return 0;
}

void chunk_cache_free(struct chunk_cache *c)
{
	if (!c)
		return;
	for (int i = 0; i < MAX_ENTRIES; i++)
		free(c->e[i].p);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static int *bucket_of(struct chunk_cache *c, const struct chunk_key *k)
{
	uint64_t h = (k->index * 31 + k->dataset) * 0x9e3779b97f4a7c15 + k->id;

	h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9;
	return &c->buckets[(h >> 32) % BUCKETS];
}

static bool same(const struct chunk_key *a, const struct chunk_key *b)
{
	return a->index == b->index && a->dataset == b->dataset && a->id == b->id;
}

static int find(struct chunk_cache *c, const struct chunk_key *key)
{
	int i = *bucket_of(c, key);

	while (i != NONE && !same(&c->e[i].key, key))
		i = c->e[i].next;
	return i;
}

/* --- order of use ----------------------------------------------------------------------------- */

static void unlink_use(struct chunk_cache *c, int i)
{
	struct entry *e = &c->e[i];

	*(e->older == NONE ? &c->oldest : &c->e[e->older].newer) = e->newer;
	*(e->newer == NONE ? &c->newest : &c->e[e->newer].older) = e->older;
}

static void link_newest(struct chunk_cache *c, int i)
{
	struct entry *e = &c->e[i];

	e->older = c->newest;
	e->newer = NONE;
	*(c->newest == NONE ? &c->oldest : &c->e[c->newest].newer) = i;
	c->newest = i;
}

/* Takes the entry out of all lists but keeps its memory. */
static void take_out(struct chunk_cache *c, int i)
{
	int *at = bucket_of(c, &c->e[i].key);

	while (*at != i)
		at = &c->e[*at].next;
	*at = c->e[i].next;
	unlink_use(c, i);
	c->bytes -= c->e[i].cap;
}

/* --- use -------------------------------------------------------------------------------------- */

bool chunk_cache_get(struct chunk_cache *c, const struct chunk_key *key, size_t from, void *dst,
		     size_t n)
{
	bool hit;
	int i;

	pthread_mutex_lock(&c->lock);
	i = find(c, key);
	hit = i != NONE && from <= c->e[i].n && n <= c->e[i].n - from;
	if (hit) {
		memcpy(dst, (char *)c->e[i].p + from, n);
		unlink_use(c, i);
		link_newest(c, i);
	}
	pthread_mutex_unlock(&c->lock);
	return hit;
}

bool chunk_cache_has(struct chunk_cache *c, const struct chunk_key *key)
{
	bool hit;

	pthread_mutex_lock(&c->lock);
	hit = find(c, key) != NONE;
	pthread_mutex_unlock(&c->lock);
	return hit;
}

/* An entry with room for n bytes: a free one, or the oldest, whose memory is used again where it
 * is large enough and not far too large. */
static int make_room(struct chunk_cache *c, size_t n)
{
	int i = NONE;

	while (c->oldest != NONE && (c->free == NONE || c->bytes + n > c->max_bytes)) {
		if (i != NONE) { /* one more has to go */
			free(c->e[i].p);
			c->e[i].p = NULL;
			c->e[i].cap = 0;
			c->e[i].next = c->free;
			c->free = i;
		}
		i = c->oldest;
		take_out(c, i);
	}
	if (i == NONE) {
		i = c->free;
		c->free = c->e[i].next;
	}
	if (c->e[i].cap < n || c->e[i].cap > 2 * n) {
		free(c->e[i].p);
		c->e[i].p = malloc(n);
		c->e[i].cap = c->e[i].p ? n : 0;
	}
	if (c->e[i].p)
		return i;
	c->e[i].next = c->free;
	c->free = i;
	return NONE;
}

void chunk_cache_put(struct chunk_cache *c, const struct chunk_key *key, const void *src, size_t n)
{
	int i, *bucket;

	if (!n || n > c->max_bytes / 2)
		return;
	pthread_mutex_lock(&c->lock);
	i = find(c, key) == NONE ? make_room(c, n) : NONE;
	if (i != NONE) {
		bucket = bucket_of(c, key);
		c->e[i].key = *key;
		c->e[i].n = n;
		memcpy(c->e[i].p, src, n);
		c->bytes += c->e[i].cap;
		c->e[i].next = *bucket;
		*bucket = i;
		link_newest(c, i);
	}
	pthread_mutex_unlock(&c->lock);
}
