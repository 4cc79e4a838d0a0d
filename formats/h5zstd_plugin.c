/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HDF5 filter 32015 (zstd) as a plugin, for programs that read or repack our output: put its folder
 * into HDF5_PLUGIN_PATH.  A module of its own: it links zstd only, and none of robocache.
 */
#include "base/compat.h"

#include <stdlib.h>

#include <H5PLextern.h>
#include <zstd.h>

#define FILTER_ZSTD 32015
#define DEFAULT_LEVEL 3
/* HDF5 keeps chunk sizes in 32 bits; a frame that claims more is damaged. */
#define CHUNK_MAX 0xffffffffULL

/* Frames without a size in their header: grows the result until the data ends. */
static size_t decode_unsized(const void *src, size_t n, void **dst_out)
{
	ZSTD_DCtx *z = ZSTD_createDCtx();
	ZSTD_inBuffer in = {src, n, 0};
	ZSTD_outBuffer out = {NULL, 0, 0};
	size_t rest = 1; /* what the decoder still expects; 0 at the end of a frame */

	while (z && !ZSTD_isError(rest) && (in.pos < in.size || rest > 0)) {
		size_t before = in.pos + out.pos;
		if (out.pos == out.size) {
			size_t cap = out.size ? out.size * 2 : 1 << 16;
			void *p = cap > CHUNK_MAX ? NULL : realloc(out.dst, cap);
			if (!p)
				break;
			out.dst = p;
			out.size = cap;
		}
		rest = ZSTD_decompressStream(z, &out, &in);
		if (in.pos + out.pos == before && out.pos < out.size)
			break; /* the data ends inside a frame */
	}
	ZSTD_freeDCtx(z);
	if (rest != 0 || in.pos < in.size) {
		free(out.dst);
		return 0;
	}
	*dst_out = out.dst;
	return out.pos;
}

/* Both directions return the bytes of a malloc'd *dst_out, 0 on failure. */
static size_t decode(const void *src, size_t n, void **dst_out)
{
	unsigned long long size = ZSTD_getFrameContentSize(src, n);
	void *dst;
	size_t got;

	if (size == ZSTD_CONTENTSIZE_UNKNOWN)
		return decode_unsized(src, n, dst_out);
	if (size == ZSTD_CONTENTSIZE_ERROR || size > CHUNK_MAX)
		return 0;
	dst = malloc(size ? (size_t)size : 1);
	if (!dst)
		return 0;
	got = ZSTD_decompress(dst, (size_t)size, src, n);
	if (ZSTD_isError(got) || got != size) {
		free(dst);
		return 0;
	}
	*dst_out = dst;
	return got;
}

static size_t encode(const void *src, size_t n, int level, void **dst_out)
{
	size_t cap = ZSTD_compressBound(n);
	void *dst = malloc(cap);
	size_t got;

	if (!dst)
		return 0;
	got = ZSTD_compress(dst, cap, src, n, level);
	if (ZSTD_isError(got)) {
		free(dst);
		return 0;
	}
	*dst_out = dst;
	return got;
}

static size_t filter(unsigned flags, size_t n_values, const unsigned values[], size_t n,
		     size_t *cap, void **buf)
{
	void *dst = NULL;
	size_t got;

	if (flags & H5Z_FLAG_REVERSE)
		got = decode(*buf, n, &dst);
	else
		got = encode(*buf, n, n_values ? (int)values[0] : DEFAULT_LEVEL, &dst);
	if (!dst)
		return 0;
	free(*buf); /* libhdf5 itself uses malloc and free here */
	*buf = dst;
	*cap = got;
	return got;
}

static const H5Z_class2_t zstd_class = {
	.version = H5Z_CLASS_T_VERS,
	.id = FILTER_ZSTD,
	.encoder_present = 1,
	.decoder_present = 1,
	.name = "zstd",
	.filter = filter,
};

H5PL_type_t H5PLget_plugin_type(void)
{
	return H5PL_TYPE_FILTER;
}

const void *H5PLget_plugin_info(void)
{
	return &zstd_class;
}
