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
	BLOCK_BYTES = 1 << 20,
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

static int hash_fd(int fd, const char *path, struct rc_hasher *h, uint64_t *bytes_out,
		   struct rc_err *err)
{
	uint64_t total = 0;
	char *block = NULL;
	ssize_t n;
	int rc = rc_new_array(&block, BLOCK_BYTES, 1, err);

	if (rc)
		return rc;
	for (;;) {
		n = read(fd, block, BLOCK_BYTES);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		rc_hasher_add(h, block, (size_t)n);
		total += (uint64_t)n;
	}
	if (n < 0)
		rc = rc_fail_errno(err, RC_E_INPUT, "read_failed", errno, "cannot read '%s'", path);
	else
		*bytes_out = total;
	free(block);
	return rc;
}

int rc_digest_fd(int fd, const char *path, struct rc_digest *d_out, uint64_t *bytes_out,
		 struct rc_err *err)
{
	struct rc_hasher *h = NULL;
	int rc = rc_hasher_new(&h, err);

	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	if (!rc)
		rc = hash_fd(fd, path, h, bytes_out, err);
	if (!rc)
		*d_out = rc_hasher_end(h);
	rc_hasher_free(h);
	return rc;
}

int rc_digest_file(const char *path, struct rc_digest *d_out, uint64_t *bytes_out,
		   struct rc_err *err)
{
	int rc, fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return rc_fail_errno(err, RC_E_INPUT, "open_failed", errno, "cannot open '%s'",
				     path);
	rc = rc_digest_fd(fd, path, d_out, bytes_out, err);
	close(fd);
	return rc;
}

uint64_t rc_hash64(const void *bytes, size_t n, uint64_t seed)
{
	return XXH3_64bits_withSeed(bytes, n, seed);
}
