/* SPDX-License-Identifier: Apache-2.0 */
/* XXH3-128 digests, printed as 32 lower-case hex digits in canonical (big-endian) order. */
#ifndef RC_DIGEST_H
#define RC_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct rc_digest {
	uint64_t hi, lo;
};
enum { RC_DIGEST_HEX = 33 };

struct rc_digest rc_digest_of(const void *bytes, size_t n);
void rc_digest_hex(struct rc_digest d, char hex_out[RC_DIGEST_HEX]);

/* Incremental; `new` gives the state, `free` takes it. */
struct rc_hasher;
int rc_hasher_new(struct rc_hasher **h_out, struct rc_err *err);
void rc_hasher_reset(struct rc_hasher *h);
void rc_hasher_add(struct rc_hasher *h, const void *bytes, size_t n);
struct rc_digest rc_hasher_end(const struct rc_hasher *h);
void rc_hasher_free(struct rc_hasher *h);

/* False when they differ. */
bool rc_digest_same(struct rc_digest a, struct rc_digest b);
/* The inverse of rc_digest_hex(); false for anything else, NULL included. */
bool rc_digest_parse(const char *hex, struct rc_digest *d_out);
/* Digest and length of a file, read in one pass; RC_E_INTERRUPTED once `stop` says so, which may be
 * NULL. */
int rc_digest_file(const char *path, bool (*stop)(void), struct rc_digest *d_out,
		   uint64_t *bytes_out, struct rc_err *err);
/* The same of an open file that is at its beginning. */
int rc_digest_fd(int fd, bool (*stop)(void), struct rc_digest *d_out, uint64_t *bytes_out,
		 struct rc_err *err);
/* 64-bit seeded hash, for splits. */
uint64_t rc_hash64(const void *bytes, size_t n, uint64_t seed);

#endif
