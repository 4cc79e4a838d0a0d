/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded encoding and decoding of one HDF5 chunk with the compression libraries (libdeflate,
 * libzstd, and where the build has them Blosc and LZ4).  A decoder never writes past the declared
 * size and fails unless the result is exactly that long.  A struct rc_codec_ctx holds reusable
 * contexts and scratch; one thread at a time.
 */
#ifndef RC_CODEC_H
#define RC_CODEC_H

#include "base/buf.h"
#include "base/mem.h"
#include "formats/index.h"

enum {
	RC_FILTER_DEFLATE = 1,
	RC_FILTER_SHUFFLE = 2,
	RC_FILTER_FLETCHER32 = 3,
	RC_FILTER_SZIP = 4,
	RC_FILTER_NBIT = 5,
	RC_FILTER_SCALEOFFSET = 6,
	RC_FILTER_LZF = 32000,
	RC_FILTER_BLOSC = 32001,
	RC_FILTER_LZ4 = 32004,
	RC_FILTER_ZSTD = 32015
};
/* "gzip" "shuffle" ... or "filter 32001". */
void rc_filter_name(int32_t id, char *dst, size_t cap);
/* "HDF5 1.10.8, zstd 1.5.4, libdeflate 1.14": run-time versions where the library tells. */
void rc_codec_versions(struct rc_buf *b);
/* True when rc_chunk_decode() can undo it. */
bool rc_filter_decodable(int32_t id);

/* The first three can be written. */
enum rc_codec { RC_CODEC_NONE, RC_CODEC_GZIP, RC_CODEC_ZSTD, RC_CODEC_LZF, RC_CODEC_OTHER };
enum { RC_N_CODECS = RC_CODEC_OTHER + 1 };
const char *rc_codec_name(enum rc_codec c);
/* The one that compresses a dataset. */
enum rc_codec rc_dataset_codec(const struct rc_dataset *d);

/* Negative levels of zstd are faster and compress less. */
enum { RC_ZSTD_LEVEL_MIN = -7, RC_ZSTD_LEVEL_MAX = 19 };
static inline bool rc_zstd_level_ok(int level)
{
	return level >= RC_ZSTD_LEVEL_MIN && level <= RC_ZSTD_LEVEL_MAX && level != 0;
}

/* What is encoded, as far as a codec has use for it. */
enum rc_values { RC_VALUES_ANY, RC_VALUES_FLOATS, RC_VALUES_FRAMES };

/* How an output dataset stores its chunks. */
struct rc_encoding {
	enum rc_codec codec;
	int level;    /* gzip 1..12 (libdeflate), zstd: rc_zstd_level_ok() */
	bool shuffle; /* before the codec; only for elements of more than one byte */
	enum rc_values values;
};
/* The HDF5 pipeline that describes an encoding; returns the number of filters. */
int rc_encoding_filters(const struct rc_encoding *e, size_t element_size,
			struct rc_filter filters_out[RC_MAX_FILTERS]);

struct rc_codec_ctx;
int rc_codec_ctx_new(struct rc_codec_ctx **c_out, struct rc_err *err);
void rc_codec_ctx_free(struct rc_codec_ctx *c);

/* Most bytes that rc_chunk_encode() writes for n raw bytes. */
size_t rc_encode_bound(const struct rc_encoding *e, size_t n);
/* Encodes n raw bytes into dst (cap >= bound).  Deterministic for one build of the libraries. */
int rc_chunk_encode(struct rc_codec_ctx *c, const struct rc_encoding *e, size_t element_size,
		    const void *raw, size_t n, void *dst, size_t cap, size_t *n_out,
		    struct rc_err *err);
/*
 * A look at stored bytes that are copied without being decoded: RC_E_FORMAT "bad_chunk" when they
 * do not start as the outermost filter's output does, or have another length than it says.  Damage
 * inside is only found by decoding.
 */
int rc_chunk_glance(const struct rc_dataset *d, uint32_t mask, const void *stored, size_t n,
		    struct rc_err *err);
/* Undoes d's filters, last first, skipping those whose bit is set in mask; the result must be
 * exactly dst_bytes (values still in stored byte order). */
int rc_chunk_decode(struct rc_codec_ctx *c, const struct rc_dataset *d, uint32_t mask,
		    const void *stored, size_t n, void *dst, size_t dst_bytes, struct rc_err *err);

#endif
