/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filters whose libraries a build may lack: Blosc (32001) and LZ4 (32004), as their HDF5
 * plugins write them; used by codec.c.  Both read untrusted bytes and write at most cap of them.
 * In a build without the library the first is false and the second is never called.
 */
#ifndef RC_CODEC_OPTIONAL_H
#define RC_CODEC_OPTIONAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

extern const bool codec_has_blosc, codec_has_lz4;

/* False: damaged, more than cap bytes, or (Blosc) compressed inside by what its library lacks. */
bool codec_blosc_decode(const void *src, size_t n, void *dst, size_t cap, size_t *n_out);
bool codec_lz4_decode(const void *src, size_t n, void *dst, size_t cap, size_t *n_out);

/* Appends ", blosc 1.21.3, lz4 1.9.4": those that are there. */
void codec_optional_versions(struct rc_buf *b);

#endif
