/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What several requests need of a file: decoded chunks that lie across the edge of two, and where
 * the chunks of a dataset are.  Neighbouring requests are often in other threads, so one cache
 * serves all, under a lock; entries are copied in and out.  The least used make room.
 */
#ifndef RC_CHUNK_CACHE_H
#define RC_CHUNK_CACHE_H

#include "base/mem.h"

struct chunk_key {
	uint64_t index;   /* serial of the index */
	uint64_t dataset;
	uint64_t id;      /* of the chunk, or CHUNK_PLACES */
};
#define CHUNK_PLACES UINT64_MAX

struct chunk_cache;
int chunk_cache_new(size_t max_bytes, struct chunk_cache **c_out, struct rc_err *err);
void chunk_cache_free(struct chunk_cache *c);

/* Copies n bytes from `from` on of an entry; false when it is not there or shorter. */
bool chunk_cache_get(struct chunk_cache *c, const struct chunk_key *key, size_t from, void *dst,
		     size_t n);
bool chunk_cache_has(struct chunk_cache *c, const struct chunk_key *key);
/* Adds an entry, if there is room for it in principle and memory at hand. */
void chunk_cache_put(struct chunk_cache *c, const struct chunk_key *key, const void *src,
		     size_t n);

#endif
