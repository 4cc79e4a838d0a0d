/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures by their structure: what their heads say, where they end, and that no byte behind what
 * was given is looked at. */
#include "base/compat.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "formats/frames.h"

/* Start, an application segment, frame of 24x32 in three colours, tables, a scan with a stuffed FF
 * and a restart, a second scan behind fill bytes, end. */
static const uint8_t jpeg[] = {
	0xff, 0xd8, 0xff, 0xe0, 0, 4, 0xff, 0xd9, /* an end inside of a segment is none */
	0xff, 0xc0, 0, 17, 8, 0, 24, 0, 32, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1,
	0xff, 0xc4, 0, 3, 0,
	0xff, 0xda, 0, 3, 0, 0x12, 0xff, 0x00, 0x34, 0xff, 0xd0, 0x56,
	0xff, 0xff, 0xda, 0, 2, 0x78,
	0xff, 0xd9,
};
static const uint8_t png[] = {
	0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n',
	0, 0, 0, 13, 'I', 'H', 'D', 'R', 0, 0, 1, 2, 0, 0, 0, 7, 16, 0, 0, 0, 0, 1, 2, 3, 4,
	0, 0, 0, 2, 'I', 'D', 'A', 'T', 9, 9, 1, 2, 3, 4,
	0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82,
};

/* A block of the exact size, so that a sanitizer sees a byte too many. */
static uint8_t *exact(const void *bytes, size_t n)
{
	uint8_t *p = malloc(n ? n : 1);

	if (n)
		memcpy(p, bytes, n);
	return p;
}

static size_t length(enum rc_frame_codec codec, const uint8_t *bytes, size_t n)
{
	uint8_t *p = exact(bytes, n);
	size_t got = frames_length(codec, p, n);

	free(p);
	return got;
}

static bool head(const uint8_t *bytes, size_t n, struct rc_frames *f)
{
	uint8_t *p = exact(bytes, n);
	bool ok = frames_head(p, n, f);

	free(p);
	return ok;
}

static void is(const struct rc_frames *f, enum rc_frame_codec codec, uint32_t h, uint32_t w,
	       uint32_t channels, uint32_t depth)
{
	cr_expect_eq(f->codec, codec);
	cr_expect_eq(f->height, h);
	cr_expect_eq(f->width, w);
	cr_expect_eq(f->channels, channels);
	cr_expect_eq(f->depth, depth);
	cr_expect_eq(f->order, RC_ORDER_ENCODED);
	cr_expect_eq(f->max_bytes, 0);
}

Test(frames, heads)
{
	struct rc_frames f;

	cr_assert(head(jpeg, sizeof jpeg, &f));
	is(&f, RC_FRAME_JPEG, 24, 32, 3, 1);
	cr_assert(head(png, sizeof png, &f));
	is(&f, RC_FRAME_PNG, 7, 258, 1, 2);
	cr_assert_not(head((const uint8_t *)"\xff\xd8\x00\x00", 4, &f));
	cr_assert_eq(f.codec, RC_FRAME_RAW);
}

Test(frames, heads_that_are_not_decoded)
{
	static const struct {
		size_t at;
		uint8_t value;
	} changes[] = {
		{ 9, 0xc3 },  /* lossless */
		{ 9, 0xc9 },  /* arithmetic, extended */
		{ 12, 12 },   /* bits */
		{ 14, 0 },    /* no rows */
		{ 16, 0 },    /* no columns */
		{ 17, 4 },    /* CMYK */
		{ 11, 200 },  /* a segment that is longer than the picture */
		{ 9, 0xda },  /* a scan without a frame */
	};
	struct rc_frames f;
	uint8_t p[sizeof jpeg];

	for (size_t i = 0; i < RC_ARRAY_LEN(changes); i++) {
		memcpy(p, jpeg, sizeof p);
		p[changes[i].at] = changes[i].value;
		cr_expect_not(head(p, sizeof p, &f), "change %zu", i);
	}
	for (size_t n = 0; n < 19; n++)
		cr_expect_not(head(jpeg, n, &f), "%zu bytes", n);
	for (size_t n = 0; n < 33; n++)
		cr_expect_not(head(png, n, &f), "%zu bytes", n);
}

Test(frames, ends)
{
	uint8_t padded[sizeof jpeg + 64] = { 0 };

	memcpy(padded, jpeg, sizeof jpeg);
	cr_expect_eq(length(RC_FRAME_JPEG, jpeg, sizeof jpeg), sizeof jpeg);
	cr_expect_eq(length(RC_FRAME_JPEG, padded, sizeof padded), sizeof jpeg);
	cr_expect_eq(length(RC_FRAME_PNG, png, sizeof png), sizeof png);
	cr_expect_eq(length(RC_FRAME_PNG, jpeg, sizeof jpeg), 0);
	for (size_t n = 0; n < sizeof jpeg; n++)
		cr_expect_eq(length(RC_FRAME_JPEG, jpeg, n), 0, "%zu bytes", n);
	for (size_t n = 0; n < sizeof png; n++)
		cr_expect_eq(length(RC_FRAME_PNG, png, n), 0, "%zu bytes", n);
}

/* Whatever the bytes, nothing outside of them is read, and no length is beyond them. */
Test(frames, any_bytes)
{
	uint32_t seed = 1;
	struct rc_frames f;

	for (int round = 0; round < 20000; round++) {
		const uint8_t *from = round & 1 ? jpeg : png;
		size_t n = round & 1 ? sizeof jpeg : sizeof png;
		uint8_t *p = exact(from, n);

		for (int k = 0; k < 3; k++) {
			seed = seed * 1664525u + 1013904223u;
			p[(seed >> 8) % n] = (uint8_t)(seed >> 24);
		}
		head(p, n, &f);
		cr_expect_leq(length(frames_sniff(p, n), p, n), n);
		free(p);
	}
}

Test(frames, decoding_is_told_from_the_head)
{
	struct rc_frames want = { RC_FRAME_JPEG, RC_ORDER_RGB, 24, 33, 3, 1, sizeof jpeg };
	struct frames_decoder d = { 0 };
	struct rc_err err;

	cr_expect_eq(frames_decode(&d, &want, jpeg, sizeof jpeg, NULL, &err), RC_E_FORMAT);
	cr_expect_str_eq(err.reason, "bad_frame");
	cr_expect(strstr(err.msg, "24x32x3"), "%s", err.msg);
	cr_expect_eq(frames_decode(&d, &want, png, sizeof png, NULL, &err), RC_E_FORMAT);
	cr_expect(strstr(err.msg, "unlike the first"), "%s", err.msg);
	cr_expect_eq(frames_decode(&d, &want, "", 0, NULL, &err), RC_E_FORMAT);
	frames_decoder_release(&d);
}
