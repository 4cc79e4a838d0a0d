/* SPDX-License-Identifier: Apache-2.0 */
/* Chunk codecs: round trips, vectors that h5py 3.7 wrote, masks, and damage of every kind. */
#include "base/compat.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <zstd.h>

#include "formats/codec.h"
#include "formats/codec_filters.h"

static struct rc_codec_ctx *ctx;

static void make_ctx(void)
{
	cr_assert_eq(rc_codec_ctx_new(&ctx, NULL), 0);
}

static void free_ctx(void)
{
	rc_codec_ctx_free(ctx);
	rc_codec_ctx_free(NULL);
}

TestSuite(codec, .init = make_ctx, .fini = free_ctx);

static uint32_t seed = 1;
static uint32_t next_random(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 8;
}

/* Compressible for odd seeds, noise for even ones. */
static void fill(uint8_t *p, size_t n, uint32_t s)
{
	seed = s;
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(s & 1 ? i / 7 + next_random() % 2 : next_random());
}

static struct rc_dataset with_filters(size_t n, ...)
{
	struct rc_dataset d = { .n_filters = (uint32_t)n };
	va_list ap;

	va_start(ap, n);
	for (size_t i = 0; i < n; i++) {
		d.filters[i].id = va_arg(ap, int);
		d.filters[i].n_values = 1;
		d.filters[i].values[0] = 4;
	}
	va_end(ap);
	return d;
}

/* Decodes from and to blocks of the exact size, so that a sanitizer sees one byte too many. */
static int decode(const struct rc_dataset *d, uint32_t mask, const void *stored, size_t n,
		  void *dst, size_t dst_bytes, struct rc_err *err)
{
	void *in = malloc(n ? n : 1), *out = malloc(dst_bytes ? dst_bytes : 1);
	int rc;

	if (n)
		memcpy(in, stored, n);
	rc = rc_chunk_decode(ctx, d, mask, in, n, out, dst_bytes, err);
	if (!rc && dst_bytes)
		memcpy(dst, out, dst_bytes);
	free(in);
	free(out);
	return rc;
}

/* --- names and pipelines -------------------------------------------------------------------- */

Test(codec, names)
{
	char name[32];

	rc_filter_name(RC_FILTER_DEFLATE, name, sizeof name);
	cr_assert_str_eq(name, "gzip");
	rc_filter_name(RC_FILTER_ZSTD, name, sizeof name);
	cr_assert_str_eq(name, "zstd");
	rc_filter_name(307, name, sizeof name);
	cr_assert_str_eq(name, "filter 307");
	cr_assert(rc_filter_decodable(RC_FILTER_LZF));
	cr_assert(!rc_filter_decodable(RC_FILTER_SZIP));
	cr_assert(!rc_filter_decodable(307));
	cr_assert_str_eq(rc_codec_name(RC_CODEC_ZSTD), "zstd");
}

Test(codec, pipelines)
{
	struct rc_filter f[RC_MAX_FILTERS];
	struct rc_encoding e = { RC_CODEC_GZIP, 12, true, RC_VALUES_ANY };

	cr_assert_eq(rc_encoding_filters(&e, 4, f), 2);
	cr_assert_eq(f[0].id, RC_FILTER_SHUFFLE);
	cr_assert_eq(f[0].values[0], 4);
	cr_assert_eq(f[1].id, RC_FILTER_DEFLATE);
	cr_assert_eq(f[1].values[0], 9); /* zlib has no level 12 */
	cr_assert_eq(rc_encoding_filters(&e, 1, f), 1);
	e = (struct rc_encoding){ RC_CODEC_ZSTD, 3, false, RC_VALUES_ANY };
	cr_assert_eq(rc_encoding_filters(&e, 8, f), 1);
	cr_assert_eq(f[0].id, RC_FILTER_ZSTD);
	cr_assert_eq(f[0].values[0], 3);
	e.codec = RC_CODEC_NONE;
	cr_assert_eq(rc_encoding_filters(&e, 8, f), 0);
}

/* --- round trips ---------------------------------------------------------------------------- */

static void round_trip(const struct rc_encoding *e, size_t element_size, size_t n, uint32_t s)
{
	size_t cap = rc_encode_bound(e, n), len = 0, len_again = 0;
	uint8_t *raw = malloc(n + 1), *back = malloc(n + 1);
	uint8_t *coded = malloc(cap + 1), *again = malloc(cap + 1);
	struct rc_dataset d = { 0 };
	struct rc_err err;

	fill(raw, n, s);
	d.n_filters = (uint32_t)rc_encoding_filters(e, element_size, d.filters);
	cr_assert_eq(rc_chunk_encode(ctx, e, element_size, raw, n, coded, cap, &len, &err), 0,
		     "%s", err.msg);
	cr_assert_leq(len, cap);
	/* The same bytes again, whatever the context did before. */
	cr_assert_eq(rc_chunk_encode(ctx, e, element_size, raw, n, again, cap, &len_again, &err),
		     0);
	cr_assert_eq(len, len_again);
	cr_assert_eq(memcmp(coded, again, len), 0);
	cr_assert_eq(decode(&d, 0, coded, len, back, n, &err), 0, "%s", err.msg);
	cr_assert_eq(memcmp(raw, back, n), 0);
	free(raw);
	free(back);
	free(coded);
	free(again);
}

Test(codec, round_trips)
{
	static const size_t sizes[] = { 1, 2, 3, 15, 16, 17, 127, 128, 129, 1000, 4096, 65537,
					300000 };
	static const size_t elements[] = { 1, 2, 3, 4, 8, 16 };
	static const struct rc_encoding encodings[] = {
		{ RC_CODEC_NONE, 0, false, RC_VALUES_ANY },
		{ RC_CODEC_NONE, 0, true, RC_VALUES_ANY },
		{ RC_CODEC_GZIP, 1, true, RC_VALUES_ANY },
		{ RC_CODEC_GZIP, 6, false, RC_VALUES_ANY },
		{ RC_CODEC_ZSTD, 1, true, RC_VALUES_ANY },
		{ RC_CODEC_ZSTD, 3, false, RC_VALUES_ANY },
		{ RC_CODEC_ZSTD, 1, true, RC_VALUES_FLOATS },
		{ RC_CODEC_ZSTD, 3, true, RC_VALUES_FLOATS },
		{ RC_CODEC_ZSTD, 1, false, RC_VALUES_FRAMES },
		{ RC_CODEC_ZSTD, 3, true, RC_VALUES_FRAMES },
	};

	for (size_t i = 0; i < RC_ARRAY_LEN(encodings); i++)
		for (size_t k = 0; k < RC_ARRAY_LEN(sizes); k++)
			for (size_t m = 0; m < RC_ARRAY_LEN(elements); m++)
				round_trip(&encodings[i], elements[m], sizes[k],
					   (uint32_t)(i + k + m));
}

/* Readers size their buffer by the head of the first frame, so there must be no second one. */
Test(codec, shuffled_planes_are_one_zstd_frame)
{
	const struct rc_encoding e = { RC_CODEC_ZSTD, 3, true, RC_VALUES_ANY };
	const size_t n = 200003, cap = rc_encode_bound(&e, n);
	uint8_t *raw = malloc(n), *coded = malloc(cap);

	for (size_t size = 2; size <= 8; size *= 2) {
		size_t len = 0;
		fill(raw, n, (uint32_t)size);
		cr_assert_eq(rc_chunk_encode(ctx, &e, size, raw, n, coded, cap, &len, NULL), 0);
		cr_assert_eq(ZSTD_getFrameContentSize(coded, len), n);
		cr_assert_eq(ZSTD_findFrameCompressedSize(coded, len), len);
	}
	free(raw);
	free(coded);
}

Test(codec, every_level)
{
	for (int level = 1; level <= 12; level++)
		round_trip(&(struct rc_encoding){ RC_CODEC_GZIP, level, true, RC_VALUES_ANY }, 4,
			   5000, 1);
	for (int level = RC_ZSTD_LEVEL_MIN; level <= RC_ZSTD_LEVEL_MAX; level++)
		for (int v = RC_VALUES_ANY; level && v <= RC_VALUES_FRAMES; v++)
			round_trip(&(struct rc_encoding){ RC_CODEC_ZSTD, level, true, v }, 4,
				   5000, 1);
}

/* Rows of smooth numbers, as fused states are. */
enum { ROWS = 100, COLS = 600, SMOOTH_BYTES = ROWS * COLS * 4 };

static float *smooth_rows(void)
{
	float *raw = malloc(SMOOTH_BYTES);

	seed = 3;
	for (size_t k = 0; k < COLS; k++) {
		float x = (float)(next_random() % 1000) * 1e-3f - 0.5f;
		for (size_t i = 0; i < ROWS; i++) {
			x += ((float)(next_random() % 2001) - 1000) * 1e-6f;
			raw[i * COLS + k] = x;
		}
	}
	return raw;
}

/* What the levels that are tuned for a kind of value make of it, and what they would make else. */
static void compare_levels(enum rc_values values, const void *raw, size_t n, size_t element_size,
			   int level_max)
{
	struct rc_encoding e = { RC_CODEC_ZSTD, 1, element_size > 1, RC_VALUES_ANY };
	const size_t cap = rc_encode_bound(&e, n);
	uint8_t *coded = malloc(cap);

	for (e.level = 1; e.level <= level_max; e.level++) {
		size_t plain = 0, tuned = 0;

		e.values = RC_VALUES_ANY;
		cr_assert_eq(rc_chunk_encode(ctx, &e, element_size, raw, n, coded, cap, &plain,
					     NULL), 0);
		e.values = values;
		cr_assert_eq(rc_chunk_encode(ctx, &e, element_size, raw, n, coded, cap, &tuned,
					     NULL), 0);
		/* two percent at most, for being faster */
		cr_assert_leq(tuned, plain + plain / 50, "level %d: %zu, not %zu", e.level,
			      tuned, plain);
		cr_assert_neq(tuned, plain, "level %d is not tuned", e.level);
	}
	free(coded);
}

Test(codec, tuned_levels_keep_floats_as_small)
{
	float *raw = smooth_rows();

	compare_levels(RC_VALUES_FLOATS, raw, SMOOTH_BYTES, 4, 4);
	free(raw);
}

/* Soft shading with a little noise, and a disc. */
Test(codec, tuned_levels_keep_frames_as_small)
{
	enum { H = 240, W = 320, N = H * W * 3 };
	uint8_t *raw = malloc(N);

	seed = 5;
	for (int y = 0; y < H; y++)
		for (int x = 0; x < W; x++)
			for (int c = 0; c < 3; c++) {
				int dx = x - 150, dy = y - 100;
				int v = dx * dx + dy * dy < 4000 ? 40 + 60 * c + y / 8
								 : 60 + (x + 2 * y) / 8;

				v += (int)(next_random() % 3);
				raw[(y * W + x) * 3 + c] = (uint8_t)v;
			}
	compare_levels(RC_VALUES_FRAMES, raw, N, 1, 3);
	free(raw);
}

Test(codec, levels_that_do_not_exist)
{
	static const struct rc_encoding bad[] = {
		{ RC_CODEC_GZIP, 0, false, RC_VALUES_ANY },
		{ RC_CODEC_GZIP, 13, false, RC_VALUES_ANY },
		{ RC_CODEC_ZSTD, 0, false, RC_VALUES_ANY },
		{ RC_CODEC_ZSTD, 20, false, RC_VALUES_ANY },
	};
	uint8_t out[256];
	size_t n;

	for (size_t i = 0; i < RC_ARRAY_LEN(bad); i++)
		cr_assert_eq(rc_chunk_encode(ctx, &bad[i], 1, "abc", 3, out, sizeof out, &n, NULL),
			     RC_E_BUG);
}

/* The fast loops against the definition, all alignments of the tail included. */
Test(codec, shuffle_is_what_hdf5_defines)
{
	static const size_t elements[] = { 1, 2, 3, 4, 5, 7, 8, 12, 16 };
	enum { MAX = 1200 };
	uint8_t raw[MAX], got[MAX], back[MAX];

	fill(raw, MAX, 2);
	for (size_t m = 0; m < RC_ARRAY_LEN(elements); m++)
		for (size_t n = 0; n <= MAX; n += n < 300 ? 1 : 97) {
			size_t size = elements[m], count = n / size;
			codec_shuffle(raw, got, n, size);
			for (size_t i = 0; i < n; i++) {
				size_t from = i < count * size ? i % count * size + i / count : i;
				cr_assert_eq(got[i], raw[from], "size %zu, %zu bytes", size, n);
			}
			codec_unshuffle(got, back, n, size);
			cr_assert_eq(memcmp(raw, back, n), 0, "size %zu, %zu bytes", size, n);
		}
}

/* --- vectors from h5py ---------------------------------------------------------------------- */

Test(codec, h5py_shuffle_gzip_fletcher32)
{
	static const uint8_t stored[] = { 0x78, 0x5e, 0x63, 0x60, 0x66, 0xe3, 0xe4, 0xe1, 0x17,
					  0x12, 0x95, 0x90, 0x96, 0x53, 0x64, 0x20, 0x02, 0x00,
					  0x00, 0x1f, 0x62, 0x00, 0xc7, 0xba, 0xf9, 0xdf, 0xd7 };
	struct rc_dataset d = with_filters(3, RC_FILTER_SHUFFLE, RC_FILTER_DEFLATE,
					   RC_FILTER_FLETCHER32);
	uint32_t v[12];
	uint8_t bad[sizeof stored];
	struct rc_err err;

	cr_assert_eq(decode(&d, 0, stored, sizeof stored, v, sizeof v, &err), 0, "%s", err.msg);
	for (uint32_t i = 0; i < 12; i++)
		cr_assert_eq(v[i], i * 3);
	for (size_t i = 0; i < sizeof stored; i++) {
		memcpy(bad, stored, sizeof bad);
		bad[i] ^= 0x10;
		cr_assert_eq(decode(&d, 0, bad, sizeof bad, v, sizeof v, &err), RC_E_FORMAT);
		cr_assert_str_eq(err.reason, "bad_chunk");
	}
}

Test(codec, h5py_lzf)
{
	static const uint8_t stored[] = { 0x03, 0x01, 0x02, 0x03, 0x01, 0xe0, 0x53, 0x02, 0x03,
					  0x09, 0x08, 0x07, 0x06 };
	struct rc_dataset d = with_filters(1, RC_FILTER_LZF);
	uint8_t v[100];
	struct rc_err err;

	cr_assert_eq(decode(&d, 0, stored, sizeof stored, v, 100, &err), 0, "%s", err.msg);
	for (int i = 0; i < 96; i++)
		cr_assert_eq(v[i], i % 3 + 1);
	cr_assert_eq(memcmp(v + 96, "\x09\x08\x07\x06", 4), 0);
	cr_assert_eq(decode(&d, 0, stored, sizeof stored, v, 99, &err), RC_E_FORMAT);
	for (size_t n = 0; n < sizeof stored; n++)
		cr_assert_eq(decode(&d, 0, stored, n, v, 100, &err), RC_E_FORMAT);
}

/* An odd number of bytes: the last is the high byte of a word. */
Test(codec, h5py_fletcher32)
{
	static const uint8_t odd[] = { 0x07, 0xc8, 0xff, 0x00, 0x0d, 0xc9, 0x13, 0x5a, 0x22 };
	static const uint8_t even[] = { 0x00, 0x00, 0x28, 0x23, 0x50, 0x46, 0x78,
					0x69, 0xa0, 0x8c, 0xc8, 0xaf, 0xf0, 0xd2,
					0x18, 0xf6, 0xd8, 0x63, 0x89, 0x2b };
	struct rc_dataset d = with_filters(1, RC_FILTER_FLETCHER32);
	uint8_t v[20], old[sizeof even];
	struct rc_err err;

	cr_assert_eq(decode(&d, 0, odd, sizeof odd, v, 5, &err), 0, "%s", err.msg);
	cr_assert_eq(memcmp(v, odd, 5), 0);
	cr_assert_eq(decode(&d, 0, even, sizeof even, v, 16, &err), 0, "%s", err.msg);
	/* HDF5 before 1.6.3 swapped the bytes of both halves. */
	memcpy(old, even, sizeof old);
	old[16] = even[17];
	old[17] = even[16];
	old[18] = even[19];
	old[19] = even[18];
	cr_assert_eq(decode(&d, 0, old, sizeof old, v, 16, &err), 0, "%s", err.msg);
	old[16] ^= 1;
	cr_assert_eq(decode(&d, 0, old, sizeof old, v, 16, &err), RC_E_FORMAT);
	for (size_t n = 0; n < 4; n++)
		cr_assert_eq(decode(&d, 0, even, n, v, 16, &err), RC_E_FORMAT);
}

/* More words than fit 32 bits unreduced; the sum by the definition, reduced at every step. */
Test(codec, fletcher32_of_many_bytes)
{
	enum { N = 5001 };
	static uint8_t p[N];
	uint32_t a = 0, b = 0;

	memset(p, 0xff, N);
	p[17] = 3;
	for (size_t i = 0; i < N; i += 2) {
		a = (a + ((uint32_t)p[i] << 8 | (i + 1 < N ? p[i + 1] : 0u))) % 65535;
		b = (b + a) % 65535;
	}
	uint32_t got = codec_fletcher32(p, N);
	cr_assert_eq((got & 0xffff) % 65535, a);
	cr_assert_eq((got >> 16) % 65535, b);
}

/* --- masks and pipelines -------------------------------------------------------------------- */

Test(codec, masked_filters_are_skipped)
{
	struct rc_dataset d = with_filters(2, RC_FILTER_SHUFFLE, RC_FILTER_ZSTD);
	uint8_t raw[400], shuffled[400], coded[600], v[400];
	size_t n;
	struct rc_err err;

	fill(raw, sizeof raw, 1);
	codec_shuffle(raw, shuffled, sizeof raw, 4);
	cr_assert_eq(decode(&d, 3, raw, sizeof raw, v, sizeof v, &err), 0, "%s", err.msg);
	cr_assert_eq(memcmp(raw, v, sizeof raw), 0);
	cr_assert_eq(decode(&d, 2, shuffled, sizeof raw, v, sizeof v, &err), 0, "%s", err.msg);
	cr_assert_eq(memcmp(raw, v, sizeof raw), 0);
	n = ZSTD_compress(coded, sizeof coded, raw, sizeof raw, 3);
	cr_assert_eq(decode(&d, 1, coded, n, v, sizeof v, &err), 0, "%s", err.msg);
	cr_assert_eq(memcmp(raw, v, sizeof raw), 0);
	cr_assert_eq(decode(&d, 3, raw, sizeof raw - 1, v, sizeof v, &err), RC_E_FORMAT);
	cr_assert_eq(decode(&d, 3, raw, sizeof raw, v, sizeof v - 1, &err), RC_E_FORMAT);
	/* Bits past the pipeline mean nothing. */
	cr_assert_eq(decode(&d, 0xfffffffc, coded, n, v, sizeof v, &err), 0);
}

static void append_sum(uint8_t *p, size_t n)
{
	uint32_t sum = codec_fletcher32(p, n);

	for (int i = 0; i < 4; i++)
		p[n + (size_t)i] = (uint8_t)(sum >> 8 * i);
}

/* A checksum below the compressor, and two compressors: legal, if odd. */
Test(codec, unusual_orders)
{
	struct rc_dataset below = with_filters(2, RC_FILTER_FLETCHER32, RC_FILTER_ZSTD);
	struct rc_dataset twice = with_filters(2, RC_FILTER_ZSTD, RC_FILTER_ZSTD);
	uint8_t raw[404], coded[600], again[700], v[400];
	struct rc_err err;
	size_t n;

	fill(raw, 400, 1);
	append_sum(raw, 400);
	n = ZSTD_compress(coded, sizeof coded, raw, 404, 3);
	cr_assert_eq(decode(&below, 0, coded, n, v, 400, &err), 0, "%s", err.msg);
	cr_assert_eq(memcmp(raw, v, 400), 0);
	n = ZSTD_compress(coded, sizeof coded, raw, 400, 3);
	n = ZSTD_compress(again, sizeof again, coded, n, 3);
	cr_assert_eq(decode(&twice, 0, again, n, v, 400, &err), 0, "%s", err.msg);
	cr_assert_eq(memcmp(raw, v, 400), 0);
}

Test(codec, filters_that_cannot_be_undone)
{
	struct rc_dataset d = with_filters(1, 32008), s = with_filters(1, 2);
	struct rc_err err;
	uint8_t v[8] = { 0 };

	cr_assert_eq(decode(&d, 0, v, 8, v, 8, &err), RC_E_UNSUPPORTED);
	cr_assert(strstr(err.msg, "32008"));
	s.filters[0].n_values = 0;
	cr_assert_eq(decode(&s, 0, v, 8, v, 8, &err), RC_E_FORMAT);
}

/* --- bombs and damage ----------------------------------------------------------------------- */

/* A stream that holds more or less than a chunk is refused, by each codec. */
Test(codec, sizes_must_be_exact)
{
	static const int ids[] = { RC_FILTER_DEFLATE, RC_FILTER_ZSTD };
	enum { BIG = 1 << 20 };
	uint8_t *raw = calloc(1, BIG), *coded = malloc(BIG), *v = malloc(BIG);
	struct rc_err err;
	size_t n;

	for (size_t i = 0; i < RC_ARRAY_LEN(ids); i++) {
		struct rc_dataset d = with_filters(1, ids[i]);
		struct rc_encoding e = { i ? RC_CODEC_ZSTD : RC_CODEC_GZIP, 6, false,
					 RC_VALUES_ANY };
		cr_assert_eq(rc_chunk_encode(ctx, &e, 1, raw, BIG, coded, BIG, &n, NULL), 0);
		cr_assert_eq(decode(&d, 0, coded, n, v, BIG, &err), 0);
		cr_assert_eq(decode(&d, 0, coded, n, v, BIG - 1, &err), RC_E_FORMAT);
		cr_assert_eq(decode(&d, 0, coded, n, v, BIG + 1, &err), RC_E_FORMAT);
		cr_assert_eq(decode(&d, 0, coded, n, v, 1, &err), RC_E_FORMAT);
		cr_assert_eq(decode(&d, 0, coded, 0, v, 1, &err), RC_E_FORMAT);
	}
	free(raw);
	free(coded);
	free(v);
}

/* A frame without its size in the header, as streaming writers make it. */
Test(codec, zstd_frame_of_unknown_size)
{
	struct rc_dataset d = with_filters(1, RC_FILTER_ZSTD);
	ZSTD_CCtx *z = ZSTD_createCCtx();
	uint8_t raw[1000], coded[2000], v[1001];
	ZSTD_inBuffer in = { raw, sizeof raw, 0 };
	ZSTD_outBuffer out = { coded, sizeof coded, 0 };
	struct rc_err err;

	fill(raw, sizeof raw, 1);
	ZSTD_CCtx_setParameter(z, ZSTD_c_contentSizeFlag, 0);
	cr_assert_eq(ZSTD_compressStream2(z, &out, &in, ZSTD_e_end), 0);
	cr_assert_eq(ZSTD_getFrameContentSize(coded, out.pos), ZSTD_CONTENTSIZE_UNKNOWN);
	cr_assert_eq(decode(&d, 0, coded, out.pos, v, 1000, &err), 0, "%s", err.msg);
	cr_assert_eq(memcmp(raw, v, 1000), 0);
	cr_assert_eq(decode(&d, 0, coded, out.pos, v, 999, &err), RC_E_FORMAT);
	cr_assert_eq(decode(&d, 0, coded, out.pos, v, 1001, &err), RC_E_FORMAT);
	ZSTD_freeCCtx(z);
}

/* Random damage and random bytes through every pipeline: an error or the right size, no more. */
Test(codec, damage_is_never_more_than_an_error)
{
	static const int ids[] = { RC_FILTER_DEFLATE, RC_FILTER_ZSTD, RC_FILTER_LZF };
	uint8_t raw[3000], coded[4000], bad[4000], v[3000];

	for (size_t i = 0; i < RC_ARRAY_LEN(ids); i++) {
		struct rc_dataset d = with_filters(2, RC_FILTER_SHUFFLE, ids[i]);
		struct rc_encoding e = { i ? RC_CODEC_ZSTD : RC_CODEC_GZIP, 6, true,
					 RC_VALUES_ANY };
		size_t n = 500;
		fill(raw, sizeof raw, 1);
		fill(coded, sizeof coded, 2);
		if (i < 2)
			rc_chunk_encode(ctx, &e, 4, raw, sizeof raw, coded, sizeof coded, &n,
					NULL);
		seed = 7;
		for (int k = 0; k < 4000; k++) {
			size_t len = k % 3 ? n : next_random() % (n + 1);
			memcpy(bad, coded, n);
			for (uint32_t flips = next_random() % 4; len && flips; flips--)
				bad[next_random() % len] = (uint8_t)next_random();
			decode(&d, 0, bad, len, v, k % 5 ? sizeof v : 1 + next_random() % 2999,
			       NULL);
		}
	}
}
