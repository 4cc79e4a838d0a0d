/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "formats/frames.h"

#include <string.h>

#include "base/mem.h"

static int bad_frame(struct rc_err *err, const char *why)
{
	return rc_fail(err, RC_E_FORMAT, "bad_frame", "%s", why);
}

/* --- JPEG ----------------------------------------------------------------------------------- */

#ifdef HAVE_JPEG

#include <turbojpeg.h>

enum { HAVE_JPEG_DECODER = 1 };

/* Cameras that pad their scans make the decoder warn; the picture is whole. */
static bool harmless(tjhandle h)
{
	return tjGetErrorCode(h) == TJERR_WARNING &&
	       strstr(tjGetErrorStr2(h), "extraneous bytes before marker");
}

static int decode_jpeg(struct frames_decoder *d, const struct rc_frames *want, const void *bytes,
		       size_t n, void *dst, struct rc_err *err)
{
	int flags = TJFLAG_ACCURATEDCT;
	int format = want->channels == 1	       ? TJPF_GRAY
		     : want->order == RC_ORDER_BGR ? TJPF_BGR
						   : TJPF_RGB;

#ifdef TJFLAG_LIMITSCANS
	flags |= TJFLAG_LIMITSCANS; /* a progressive one may ask for thousands */
#endif
	if (!d->jpeg)
		d->jpeg = tjInitDecompress();
	if (!d->jpeg)
		return rc_fail_nomem(err, 1 << 16);
	if (tjDecompress2(d->jpeg, bytes, n, dst, (int)want->width, 0, (int)want->height, format,
			  flags) && !harmless(d->jpeg))
		return bad_frame(err, tjGetErrorStr2(d->jpeg));
	return 0;
}

static void jpeg_version(struct rc_buf *b)
{
	rc_buf_printf(b, ", libturbojpeg %s", JPEG_VERSION); /* the library does not tell */
}

void frames_decoder_release(struct frames_decoder *d)
{
	if (d->jpeg)
		tjDestroy(d->jpeg);
	d->jpeg = NULL;
}

#else

enum { HAVE_JPEG_DECODER = 0 };

static int decode_jpeg(struct frames_decoder *d, const struct rc_frames *want, const void *bytes,
		       size_t n, void *dst, struct rc_err *err)
{
	(void)d, (void)want, (void)bytes, (void)n, (void)dst;
	return bad_frame(err, "this build has no libturbojpeg");
}

static void jpeg_version(struct rc_buf *b)
{
	(void)b;
}

void frames_decoder_release(struct frames_decoder *d)
{
	(void)d;
}

#endif

/* --- PNG ------------------------------------------------------------------------------------ */

#ifdef HAVE_PNG

#include <png.h>

enum { HAVE_PNG_DECODER = 1, MAX_PNG_CHUNK = 8 << 20, MAX_PNG_CHUNKS = 1000 };

/* What the callbacks of libpng see. */
struct png_job {
	const uint8_t *bytes;
	size_t n;
	char why[160];
	png_bytep *rows;
};

static void png_fail(png_structp png, png_const_charp why)
{
	struct png_job *j = png_get_error_ptr(png);

	snprintf(j->why, sizeof j->why, "%s", why);
	png_longjmp(png, 1);
}

static void png_quiet(png_structp png, png_const_charp why)
{
	(void)png, (void)why;
}

static void png_take(png_structp png, png_bytep dst, size_t n)
{
	struct png_job *j = png_get_io_ptr(png);

	if (n > j->n)
		png_error(png, "it ends too early");
	memcpy(dst, j->bytes, n);
	j->bytes += n;
	j->n -= n;
}

/* The pixels as they are in the file, in samples of 8 or 16 bits. */
static void png_transform(png_structp png, png_infop info, const struct rc_frames *want)
{
	int type = png_get_color_type(png, info);

	if (type == PNG_COLOR_TYPE_PALETTE) {
		png_set_palette_to_rgb(png);
		png_set_strip_alpha(png);
	}
	if (type == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, info) < 8)
		png_set_expand_gray_1_2_4_to_8(png);
	if (want->depth == 2 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		png_set_swap(png);
	if (want->order == RC_ORDER_BGR && want->channels >= 3)
		png_set_bgr(png);
}

/* Only what is in *j is used after a jump. */
static bool png_read(png_structp png, png_infop info, struct png_job *j,
		     const struct rc_frames *want, uint8_t *dst)
{
	size_t row = (size_t)want->width * want->channels * want->depth;

	if (setjmp(png_jmpbuf(png)))
		return false;
	png_set_read_fn(png, j, png_take);
	png_set_user_limits(png, want->width, want->height);
	png_set_chunk_malloc_max(png, MAX_PNG_CHUNK);
	png_set_chunk_cache_max(png, MAX_PNG_CHUNKS);
	png_read_info(png, info);
	png_transform(png, info, want);
	png_set_interlace_handling(png);
	png_read_update_info(png, info);
	if (png_get_rowbytes(png, info) != row)
		png_error(png, "its rows have another size than its head says");
	for (uint32_t y = 0; y < want->height; y++)
		j->rows[y] = dst + y * row;
	png_read_image(png, j->rows);
	png_read_end(png, NULL);
	return true;
}

static int decode_png(const struct rc_frames *want, const void *bytes, size_t n, void *dst,
		      struct rc_err *err)
{
	struct png_job j = { .bytes = bytes, .n = n };
	png_structp png = NULL;
	png_infop info = NULL;
	int rc = rc_new_array(&j.rows, want->height, sizeof *j.rows, err);

	if (rc)
		return rc;
	png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &j, png_fail, png_quiet);
	if (png)
		info = png_create_info_struct(png);
	if (!info)
		rc = rc_fail_nomem(err, 1 << 16);
	else if (!png_read(png, info, &j, want, dst))
		rc = bad_frame(err, j.why);
	png_destroy_read_struct(&png, &info, NULL);
	free(j.rows);
	return rc;
}

static void png_version(struct rc_buf *b)
{
	rc_buf_printf(b, ", libpng %s", png_get_libpng_ver(NULL));
}

#else

enum { HAVE_PNG_DECODER = 0 };

static int decode_png(const struct rc_frames *want, const void *bytes, size_t n, void *dst,
		      struct rc_err *err)
{
	(void)want, (void)bytes, (void)n, (void)dst;
	return bad_frame(err, "this build has no libpng");
}

static void png_version(struct rc_buf *b)
{
	(void)b;
}

#endif

/* --- either --------------------------------------------------------------------------------- */

void frames_versions(struct rc_buf *b)
{
	jpeg_version(b);
	png_version(b);
}

bool frames_decodable(enum rc_frame_codec codec)
{
	return (codec == RC_FRAME_JPEG && HAVE_JPEG_DECODER) ||
	       (codec == RC_FRAME_PNG && HAVE_PNG_DECODER);
}

const char *frames_library(enum rc_frame_codec codec)
{
	return codec == RC_FRAME_PNG ? "libpng" : "libturbojpeg";
}

/* The head is compared before a library sees the bytes: nothing is taken for other sizes. */
int frames_decode(struct frames_decoder *d, const struct rc_frames *want, const void *bytes,
		  size_t n, void *dst, struct rc_err *err)
{
	struct rc_frames f;

	if (!frames_head(bytes, n, &f))
		return bad_frame(err, "it is empty, or no picture that can be decoded");
	if (f.codec != want->codec)
		return bad_frame(err, "it is encoded unlike the first frame");
	if (f.height != want->height || f.width != want->width || f.channels != want->channels ||
	    f.depth != want->depth)
		return rc_fail(err, RC_E_FORMAT, "bad_frame",
			       "it has %ux%ux%u values of %u bytes, the first frame %ux%ux%u of %u",
			       f.height, f.width, f.channels, f.depth, want->height, want->width,
			       want->channels, want->depth);
	if (f.codec == RC_FRAME_JPEG)
		return decode_jpeg(d, want, bytes, n, dst, err);
	return decode_png(want, bytes, n, dst, err);
}
