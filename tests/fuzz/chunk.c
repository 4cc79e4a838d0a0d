/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding of stored chunks: five bytes choose the filters, the rest is what is stored. */
#include "base/compat.h"

#include <stdlib.h>

#include "base/mem.h"
#include "formats/chunk.h"
#include "formats/codec.h"
#include "tests/fuzz/fuzz.h"

enum { ROWS = 16, WIDTH = 8 };

static const int32_t ids[] = {1, 2, 3, 32015, 32000, 32001, 32004};

static struct rc_dataset dataset(const uint8_t *head)
{
	struct rc_dataset d = {.dtype = RC_F64, .storage = RC_STORE_CHUNKED, .rank = 2,
			       .dims = {ROWS, WIDTH}, .chunk = {ROWS, WIDTH}};

	d.n_filters = head[0] % 4;
	for (uint32_t i = 0; i < d.n_filters; i++)
		d.filters[i] = (struct rc_filter){.id = ids[head[1 + i] % RC_ARRAY_LEN(ids)]};
	return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct rc_codec_ctx *c;
	uint8_t *out = malloc(ROWS * WIDTH * 8);
	struct rc_dataset d;
	struct rc_err err;

	if (!c)
		FUZZ_CHECK(rc_codec_ctx_new(&c, &err) == 0);
	if (n >= 5) {
		d = dataset(p);
		rc_chunk_glance(&d, p[4] & 7, p + 5, n - 5, &err);
		rc_chunk_decode(c, &d, p[4] & 7, p + 5, n - 5, out, ROWS * WIDTH * 8, &err);
	}
	free(out);
	return 0;
}

/* What the encoder makes of a ramp, with the filters that it says. */
static void put_encoded(void (*put)(const char *, const void *, size_t), const char *name,
			struct rc_encoding e, const uint8_t head[5])
{
	struct rc_codec_ctx *c = NULL;
	uint8_t out[8192];
	double values[ROWS * WIDTH];
	size_t n = 0;

	for (int i = 0; i < ROWS * WIDTH; i++)
		values[i] = i / 8.0;
	memcpy(out, head, 5);
	FUZZ_CHECK(rc_codec_ctx_new(&c, NULL) == 0);
	FUZZ_CHECK(rc_chunk_encode(c, &e, 8, values, sizeof values, out + 5, sizeof out - 5, &n,
				   NULL) == 0);
	rc_codec_ctx_free(c);
	put(name, out, n + 5);
}

void fuzz_seeds(void (*put)(const char *name, const void *p, size_t n))
{
	uint8_t raw[5 + ROWS * WIDTH * 8 + 4] = {2, 1, 2, 0, 0};

	put_encoded(put, "gzip", (struct rc_encoding){RC_CODEC_GZIP, 4, true, 0},
		    (const uint8_t[]){2, 1, 0, 0, 0});
	put_encoded(put, "zstd", (struct rc_encoding){RC_CODEC_ZSTD, 3, true, 0},
		    (const uint8_t[]){2, 1, 3, 0, 0});
	put("checksum", raw, sizeof raw);
	raw[0] = 1, raw[1] = 4, raw[5] = 3;
	put("lzf", raw, 100);
	raw[1] = 5, raw[5] = 2, raw[6] = 1;
	put("blosc", raw, 200);
	raw[1] = 6, raw[12] = 4;
	put("lz4", raw, 200);
}
