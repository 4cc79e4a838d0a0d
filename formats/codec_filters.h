/* SPDX-License-Identifier: Apache-2.0 */
/* The filters that need no library; used by codec.c. */
#ifndef RC_CODEC_FILTERS_H
#define RC_CODEC_FILTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* HDF5's byte shuffle of n bytes: byte j of all elements, for each j; a tail shorter than an
 * element stays at the end.  src and dst do not overlap. */
void codec_shuffle(const void *src, void *dst, size_t n, size_t element_size);
void codec_unshuffle(const void *src, void *dst, size_t n, size_t element_size);

/* Liblzf, as h5py's filter 32000 writes it.  False: damaged, or more than cap bytes. */
bool codec_lzf_decode(const void *src, size_t n, void *dst, size_t cap, size_t *n_out);

/* HDF5's variant: big-endian 16-bit words, an odd last byte is a high byte. */
uint32_t codec_fletcher32(const void *bytes, size_t n);

#endif
