/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoded pictures: what a JPEG or PNG says about itself, and its pixels.  All bytes are untrusted.
 *
 * Pictures are only decoded in reader processes, which may crash, run out of memory or take too
 * long without harm to the run; that also spreads the work, as each worker has a reader.  What is
 * here uses one thread at a time.
 *
 * The pixels of a PNG are those of the file: palettes are looked up, grey of fewer than 8 bits is
 * spread over 0 .. 255, 16 bits stay.  Transparency of one colour or of palette entries is left
 * out; an alpha channel stays.  JPEG is decoded with the accurate inverse DCT and fancy upsampling,
 * as Pillow does.
 */
#ifndef RC_FRAMES_H
#define RC_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "formats/index.h"

/* By the first bytes; RC_FRAME_RAW for what is no picture. */
enum rc_frame_codec frames_sniff(const void *bytes, size_t n);
/* The codec and shape that the head of a picture tells, max_bytes and order 0.  False: it is none,
 * or its head is damaged or of a kind that is not decoded (CMYK, 12 bits, lossless JPEG). */
bool frames_head(const void *bytes, size_t n, struct rc_frames *f_out);
/* Bytes up to the end of the picture by its own structure, 0 when it ends before that. */
size_t frames_length(enum rc_frame_codec codec, const void *bytes, size_t n);

/* Whether this build decodes it; the library for messages: "libturbojpeg". */
bool frames_decodable(enum rc_frame_codec codec);
const char *frames_library(enum rc_frame_codec codec);

/* Appends ", libpng 1.6.39": what is there and tells. */
void frames_versions(struct rc_buf *b);

/* Holds what decoders reuse; begins as {0}. */
struct frames_decoder {
	void *jpeg; /* tjhandle */
};
void frames_decoder_release(struct frames_decoder *d);

/*
 * Decodes one picture of n bytes, behind which there may be zeros, into dst, rows from the top,
 * channels together, 16 bits in native order.  Its shape must be that of `want`, whose order says
 * whether red and blue change places, and dst have height * width * channels * depth bytes.
 * RC_E_FORMAT "bad_frame" with the cause, without saying where the frame is.
 */
int frames_decode(struct frames_decoder *d, const struct rc_frames *want, const void *bytes,
		  size_t n, void *dst, struct rc_err *err);

#endif
