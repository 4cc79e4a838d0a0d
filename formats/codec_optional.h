/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Codecs whose libraries a build may lack, for codec.c.  In a build without the library codec_has_
 * is false and the functions are never called.
 */
#ifndef RC_CODEC_OPTIONAL_H
#define RC_CODEC_OPTIONAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

extern const bool codec_has_blosc, codec_has_lz4, codec_has_isal;

/* The filters Blosc (32001) and LZ4 (32004), as their HDF5 plugins write them.  They read
 * untrusted bytes and write at most cap.  False: damaged, more than cap bytes, or (Blosc)
 * compressed inside by what its library lacks. */
bool codec_blosc_decode(const void *src, size_t n, void *dst, size_t cap, size_t *n_out);
bool codec_lz4_decode(const void *src, size_t n, void *dst, size_t cap, size_t *n_out);

/*
 * ISA-L's fastest deflate, as a zlib stream that any reader of gzip chunks takes: several times as
 * fast as other libraries' level 1.  Where plane > 0, blocks end every `plane` bytes, as in
 * codec.c's zstd: each has a code of its own, 6 % smaller for shuffled float32.  *c is made when
 * first used, by one thread.  *n_out: 0 where cap is too small.  RC_E_NOMEM.
 */
struct codec_isal;
int codec_isal_encode(struct codec_isal **c, const void *src, size_t n, size_t plane, void *dst,
		      size_t cap, size_t *n_out, struct rc_err *err);
void codec_isal_free(struct codec_isal *c);

/* Appends ", blosc 1.21.3, lz4 1.9.4": those that are there. */
void codec_optional_versions(struct rc_buf *b);

#endif
