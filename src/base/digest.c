/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"
#include "base/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/mem.h"

enum {
	BLOCK_BYTES = 128 << 10, /* stays in a core's cache between the read and the hash */
	STATE_BYTES = 576 /* of an XXH3 state, whose definition is private; for a message only */
};

/* Never made: a struct rc_hasher pointer is xxHash's own state, which has its own alignment. */
static XXH3_state_t *state_of(struct rc_hasher *h)
{
	return (XXH3_state_t *)h;
}

static struct rc_digest to_digest(XXH128_hash_t v)
{
	return (struct rc_digest){.hi = v.high64, .lo = v.low64};
}

struct rc_digest rc_digest_of(const void *bytes, size_t n)
{
	return to_digest(XXH3_128bits(bytes, n));
}

void rc_digest_hex(struct rc_digest d, char hex_out[RC_DIGEST_HEX])
{
	snprintf(hex_out, RC_DIGEST_HEX, "%016" PRIx64 "%016" PRIx64, d.hi, d.lo);
}

int rc_hasher_new(struct rc_hasher **h_out, struct rc_err *err)
{
	XXH3_state_t *s = XXH3_createState();

	if (!s)
		return rc_fail_nomem(err, STATE_BYTES);
	*h_out = (struct rc_hasher *)s;
	rc_hasher_reset(*h_out);
	return 0;
}

void rc_hasher_reset(struct rc_hasher *h)
{
	XXH3_128bits_reset(state_of(h));
}

void rc_hasher_add(struct rc_hasher *h, const void *bytes, size_t n)
{
	if (n)
		XXH3_128bits_update(state_of(h), bytes, n);
}

struct rc_digest rc_hasher_end(const struct rc_hasher *h)
{
	return to_digest(XXH3_128bits_digest((const XXH3_state_t *)h));
}

void rc_hasher_free(struct rc_hasher *h)
{
	XXH3_freeState(state_of(h));
}

bool rc_digest_same(struct rc_digest a, struct rc_digest b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

static bool parse_half(const char *hex, uint64_t *v_out)
{
	uint64_t v = 0;

	for (int i = 0; i < 16; i++) {
		const char *digits = "0123456789abcdef", *at;

		at = hex[i] ? strchr(digits, hex[i]) : NULL;
		if (!at)
			return false;
		v = v << 4 | (uint64_t)(at - digits);
	}
	*v_out = v;
	return true;
}

bool rc_digest_parse(const char *hex, struct rc_digest *d_out)
{
	return hex && strlen(hex) == RC_DIGEST_HEX - 1 && parse_half(hex, &d_out->hi) &&
	       parse_half(hex + 16, &d_out->lo);
}

/* The total, or -1: errno. */
static int64_t hash_fd(int fd, bool (*stop)(void), char *block, struct rc_hasher *h)
{
	int64_t total = 0;

	for (;;) {
		ssize_t n = read(fd, block, BLOCK_BYTES);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -1 : total;
		if (stop && stop()) {
			errno = ECANCELED;
			return -1;
		}
		rc_hasher_add(h, block, (size_t)n);
		total += n;
	}
}

int rc_digest_fd(int fd, bool (*stop)(void), struct rc_digest *d_out, uint64_t *bytes_out,
		 struct rc_err *err)
{
	struct rc_hasher *h = NULL;
	struct rc_scratch block = {0};
	int64_t total;
	int rc = rc_scratch_need(&block, BLOCK_BYTES, err);

	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	if (!rc)
		rc = rc_hasher_new(&h, err);
	if (rc)
		goto done;
	total = hash_fd(fd, stop, block.p, h);
	if (total < 0) {
		rc = errno == ECANCELED
			     ? rc_fail(err, RC_E_INTERRUPTED, "interrupted", "stopped by a signal")
			     : rc_fail_errno(err, RC_E_INPUT, "read_failed", errno,
					     "cannot read a file");
		goto done;
	}
	*bytes_out = (uint64_t)total;
	*d_out = rc_hasher_end(h);
done:
	rc_hasher_free(h);
	free(block.p);
	return rc;
}

int rc_digest_file(const char *path, bool (*stop)(void), struct rc_digest *d_out,
		   uint64_t *bytes_out, struct rc_err *err)
{
	int rc, fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return rc_fail_errno(err, RC_E_INPUT, "open_failed", errno, "cannot open '%s'",
				     path);
	rc = rc_digest_fd(fd, stop, d_out, bytes_out, err);
	if (rc == RC_E_INPUT)
		rc_err_while(err, "reading '%s'", path);
	close(fd);
	return rc;
}

uint64_t rc_hash64(const void *bytes, size_t n, uint64_t seed)
{
	return XXH3_64bits_withSeed(bytes, n, seed);
}
