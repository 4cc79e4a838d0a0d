/* SPDX-License-Identifier: Apache-2.0 */
/* The structure of JPEG (ITU T.81, annex B) and PNG (W3C, chapter 5), without their libraries. */
#include "base/compat.h"

#include "formats/frames.h"

static const uint8_t png_magic[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };

enum {
	JPEG_SOI = 0xd8, JPEG_EOI = 0xd9, JPEG_SOS = 0xda, JPEG_TEM = 0x01,
	JPEG_RST0 = 0xd0, JPEG_RST7 = 0xd7,
	JPEG_SOF0 = 0xc0, JPEG_SOF2 = 0xc2, JPEG_SOF15 = 0xcf,
	JPEG_DHT = 0xc4, JPEG_JPG = 0xc8, JPEG_DAC = 0xcc,
	PNG_HEAD = 8, PNG_IHDR = 13, PNG_CHUNK = 12 /* length, type, CRC */
};

static uint32_t big16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t big32(const uint8_t *p)
{
	return big16(p) << 16 | big16(p + 2);
}

enum rc_frame_codec frames_sniff(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	if (n > 3 && p[0] == 0xff && p[1] == JPEG_SOI && p[2] == 0xff)
		return RC_FRAME_JPEG;
	if (n > sizeof png_magic && !memcmp(p, png_magic, sizeof png_magic))
		return RC_FRAME_PNG;
	return RC_FRAME_RAW;
}

/* --- JPEG ----------------------------------------------------------------------------------- */

/* A marker and the bytes that follow its length. */
struct segment {
	uint8_t marker;
	const uint8_t *body;
	size_t n;
};

static bool stands_alone(uint8_t marker)
{
	return marker == JPEG_SOI || marker == JPEG_EOI || marker == JPEG_TEM ||
	       (marker >= JPEG_RST0 && marker <= JPEG_RST7);
}

/* The segment at *p, which moves behind it; any number of FF may stand in front of a marker. */
static bool next_segment(const uint8_t **p, const uint8_t *end, struct segment *s_out)
{
	const uint8_t *at = *p;

	if (end - at < 2 || *at != 0xff)
		return false;
	while (at < end && *at == 0xff)
		at++;
	if (at == end || *at == 0)
		return false;
	*s_out = (struct segment){ .marker = *at++ };
	if (!stands_alone(s_out->marker)) {
		size_t n = end - at < 2 ? 0 : big16(at);
		if (n < 2 || n > (size_t)(end - at))
			return false;
		s_out->body = at + 2;
		s_out->n = n - 2;
		at += n;
	}
	*p = at;
	return true;
}

static bool is_sof(uint8_t marker)
{
	return marker >= JPEG_SOF0 && marker <= JPEG_SOF15 && marker != JPEG_DHT &&
	       marker != JPEG_JPG && marker != JPEG_DAC;
}

/* Baseline, extended and progressive, of 8 bits, grey or three colours. */
static bool jpeg_head(const uint8_t *p, size_t n, struct rc_frames *f)
{
	const uint8_t *end = p + n;
	struct segment s;

	while (next_segment(&p, end, &s) && s.marker != JPEG_SOS && s.marker != JPEG_EOI) {
		if (!is_sof(s.marker))
			continue;
		if (s.marker > JPEG_SOF2 || s.n < 6 || s.body[0] != 8)
			return false;
		f->height = big16(s.body + 1);
		f->width = big16(s.body + 3);
		f->channels = s.body[5];
		f->depth = 1;
		return f->height && f->width && (f->channels == 1 || f->channels == 3);
	}
	return false;
}

/* Behind the entropy-coded data of a scan: at the next marker that is not part of it. */
static const uint8_t *skip_scan(const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		p = memchr(p, 0xff, (size_t)(end - p));
		if (!p || end - p < 2)
			return end;
		if (p[1] != 0 && p[1] != 0xff && !(p[1] >= JPEG_RST0 && p[1] <= JPEG_RST7))
			return p;
		p += p[1] == 0xff ? 1 : 2;
	}
	return end;
}

static size_t jpeg_length(const uint8_t *p, size_t n)
{
	const uint8_t *begin = p, *end = p + n;
	struct segment s;

	while (next_segment(&p, end, &s)) {
		if (s.marker == JPEG_EOI)
			return (size_t)(p - begin);
		if (s.marker == JPEG_SOS)
			p = skip_scan(p, end);
	}
	return 0;
}

/* --- PNG ------------------------------------------------------------------------------------ */

static bool png_head(const uint8_t *p, size_t n, struct rc_frames *f)
{
	enum { GREY = 0, RGB = 2, PALETTE = 3, GREY_ALPHA = 4, RGBA = 6 };
	const uint8_t *h = p + PNG_HEAD + 8;

	if (n < PNG_HEAD + PNG_CHUNK + PNG_IHDR || big32(p + PNG_HEAD) != PNG_IHDR ||
	    memcmp(p + PNG_HEAD + 4, "IHDR", 4))
		return false;
	f->width = big32(h);
	f->height = big32(h + 4);
	f->depth = h[8] == 16 ? 2 : 1;
	switch (h[9]) {
	case GREY: f->channels = 1; break;
	case RGB:
	case PALETTE: f->channels = 3; break;
	case GREY_ALPHA: f->channels = 2; break;
	case RGBA: f->channels = 4; break;
	default: return false;
	}
	return f->width && f->height && f->width <= INT32_MAX && f->height <= INT32_MAX;
}

static size_t png_length(const uint8_t *p, size_t n)
{
	size_t at = PNG_HEAD;

	while (n - at >= PNG_CHUNK) {
		size_t body = big32(p + at);
		bool last = !memcmp(p + at + 4, "IEND", 4);

		if (body > n - at - PNG_CHUNK)
			return 0;
		at += PNG_CHUNK + body;
		if (last)
			return at;
	}
	return 0;
}

/* --- either --------------------------------------------------------------------------------- */

bool frames_head(const void *bytes, size_t n, struct rc_frames *f_out)
{
	*f_out = (struct rc_frames){ .codec = frames_sniff(bytes, n) };
	switch (f_out->codec) {
	case RC_FRAME_JPEG: return jpeg_head(bytes, n, f_out);
	case RC_FRAME_PNG: return png_head(bytes, n, f_out);
	default: return false;
	}
}

size_t frames_length(enum rc_frame_codec codec, const void *bytes, size_t n)
{
	if (frames_sniff(bytes, n) != codec)
		return 0;
	return codec == RC_FRAME_JPEG ? jpeg_length(bytes, n) :
	       codec == RC_FRAME_PNG  ? png_length(bytes, n) : 0;
}
