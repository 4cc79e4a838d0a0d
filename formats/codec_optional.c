/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "formats/codec_optional.h"

#include <stdint.h>
#include <string.h>

/* --- Blosc ---------------------------------------------------------------------------------- */

#ifdef HAVE_BLOSC

#include <blosc.h>

const bool codec_has_blosc = true;

bool codec_blosc_decode(const void *src, size_t n, void *dst, size_t cap, size_t *n_out)
{
	size_t size = 0;
	int got;

	/* the call below trusts the lengths in the head of the buffer */
	if (blosc_cbuffer_validate(src, n, &size) || size > cap)
		return false;
	got = blosc_decompress_ctx(src, dst, cap, 1);
	if (got < 0 || (size_t)got != size)
		return false;
	*n_out = size;
	return true;
}

static void blosc_version(struct rc_buf *b)
{
	rc_buf_printf(b, ", blosc %s", blosc_get_version_string());
}

#else

const bool codec_has_blosc = false;

bool codec_blosc_decode(const void *src, size_t n, void *dst, size_t cap, size_t *n_out)
{
	(void)src, (void)n, (void)dst, (void)cap, (void)n_out;
	return false;
}

static void blosc_version(struct rc_buf *b)
{
	(void)b;
}

#endif

/* --- LZ4 ------------------------------------------------------------------------------------ */

#ifdef HAVE_LZ4

#include <lz4.h>

const bool codec_has_lz4 = true;

static uint64_t big_endian(const uint8_t *p, int n)
{
	uint64_t v = 0;

	for (int i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

/* The size of all (8 bytes), the size of a block (4), then each block with its stored size (4) in
 * front; a block that did not get smaller is stored as it is. */
bool codec_lz4_decode(const void *src, size_t n, void *dst, size_t cap, size_t *n_out)
{
	enum { HEAD = 12, BLOCK_HEAD = 4 };
	const uint8_t *p = src, *end = p + n;
	uint64_t left, block;
	uint8_t *out = dst;

	if (n < HEAD)
		return false;
	left = big_endian(p, 8);
	block = big_endian(p + 8, 4);
	p += HEAD;
	if (left > cap || !block || block > INT32_MAX)
		return false;
	*n_out = (size_t)left;
	while (left) {
		uint64_t raw = left < block ? left : block, stored;

		if (end - p < BLOCK_HEAD)
			return false;
		stored = big_endian(p, BLOCK_HEAD);
		p += BLOCK_HEAD;
		if (stored > (uint64_t)(end - p) || stored > INT32_MAX)
			return false;
		if (stored == raw)
			memcpy(out, p, raw);
		else if (LZ4_decompress_safe((const char *)p, (char *)out, (int)stored,
					     (int)raw) != (int)raw)
			return false;
		p += stored;
		out += raw;
		left -= raw;
	}
	return p == end;
}

static void lz4_version(struct rc_buf *b)
{
	rc_buf_printf(b, ", lz4 %s", LZ4_versionString());
}

#else

const bool codec_has_lz4 = false;

bool codec_lz4_decode(const void *src, size_t n, void *dst, size_t cap, size_t *n_out)
{
	(void)src, (void)n, (void)dst, (void)cap, (void)n_out;
	return false;
}

static void lz4_version(struct rc_buf *b)
{
	(void)b;
}

#endif

void codec_optional_versions(struct rc_buf *b)
{
	blosc_version(b);
	lz4_version(b);
}
