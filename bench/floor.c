/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The codec floor of a conversion: the processor time to decode every stored chunk of the inputs,
 * and to encode every chunk of the outputs again, in memory, one thread, contexts reused.
 *
 * usage: floor INPUT... -- OUTPUT...   prints "decode SECONDS BYTES encode SECONDS BYTES"
 */
#include "base/compat.h"

#include <stdio.h>
#include <time.h>

#include "formats/codec.h"
#include "formats/protocol.h"

struct side {
	bool encode;
	double s;
	uint64_t bytes; /* decoded */
};

struct bench {
	struct rc_reader *reader;
	struct rc_codec_ctx *codec;
	struct rc_scratch raw, stored;
};

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct rc_encoding encoding_of(const struct rc_dataset *d)
{
	struct rc_encoding e = {.codec = RC_CODEC_NONE};

	if (d->rank >= 3)
		e.values = RC_VALUES_FRAMES;
	else if (rc_dtype_is_float((enum rc_dtype)d->dtype))
		e.values = RC_VALUES_FLOATS;
	for (uint32_t i = 0; i < d->n_filters; i++) {
		const struct rc_filter *f = &d->filters[i];

		e.shuffle |= f->id == RC_FILTER_SHUFFLE;
		if (f->id == RC_FILTER_DEFLATE || f->id == RC_FILTER_ZSTD) {
			e.codec = f->id == RC_FILTER_ZSTD ? RC_CODEC_ZSTD : RC_CODEC_GZIP;
			e.level = (int)f->values[0];
		}
	}
	return e;
}

static int one_chunk(struct bench *b, const struct rc_dataset *d, const struct rc_stored_chunk *c,
		     struct side *side, struct rc_err *err)
{
	struct rc_encoding e = encoding_of(d);
	size_t n = rc_dtype_size((enum rc_dtype)d->dtype), got;
	double t0;
	int rc;

	for (uint32_t i = 0; i < d->rank; i++)
		n *= d->chunk[i];
	rc = rc_scratch_need(&b->raw, n, err);
	t0 = cpu();
	if (!rc)
		rc = rc_chunk_decode(b->codec, d, c->mask, c->bytes, c->n, b->raw.p, n, err);
	if (!rc && side->encode) {
		rc = rc_scratch_need(&b->stored, rc_encode_bound(&e, n), err);
		t0 = cpu();
		if (!rc)
			rc = rc_chunk_encode(b->codec, &e, rc_dtype_size((enum rc_dtype)d->dtype),
					     b->raw.p, n, b->stored.p, b->stored.cap, &got, err);
	}
	side->s += cpu() - t0;
	side->bytes += n;
	return rc;
}

static int one_dataset(struct bench *b, const struct rc_index *ix, uint32_t i, struct side *side,
		       struct rc_err *err)
{
	const struct rc_dataset *d = &ix->datasets[i];
	struct rc_stored_chunk chunks[RC_MAX_IDS];
	uint64_t n = 1, ids[RC_MAX_IDS];
	size_t done = 0;
	int rc = 0;

	for (uint32_t k = 0; k < d->rank; k++)
		n *= (d->dims[k] + d->chunk[k] - 1) / d->chunk[k];
	for (uint64_t at = 0; at < n && !rc; at += done) {
		size_t want = n - at < RC_MAX_IDS ? (size_t)(n - at) : RC_MAX_IDS;

		for (size_t k = 0; k < want; k++)
			ids[k] = at + k;
		rc = rc_reader_chunks(b->reader, ix, i, ids, want, chunks, &done, err);
		for (size_t k = 0; k < done && !rc; k++)
			rc = one_chunk(b, d, &chunks[k], side, err);
	}
	return rc;
}

static int one_file(struct bench *b, const char *path, struct side *side, struct rc_err *err)
{
	struct rc_index *ix = NULL;
	int rc = rc_reader_scan(b->reader, path, NULL, &ix, err);

	if (rc)
		return rc;
	for (uint32_t i = 0; i < ix->n_datasets && !rc; i++)
		if (ix->datasets[i].storage == RC_STORE_CHUNKED && ix->datasets[i].n_filters)
			rc = one_dataset(b, ix, i, side, err);
	rc_index_free(ix);
	return rc;
}

int main(int argc, char **argv)
{
	struct side sides[2] = {{.encode = false}, {.encode = true}}, *side = sides;
	struct rc_readers *readers = NULL;
	struct bench b = {0};
	struct rc_err err = {0};
	int rc = rc_readers_start(NULL, &readers, &err);

	if (!rc)
		rc = rc_reader_new(readers, &b.reader, &err);
	if (!rc)
		rc = rc_codec_ctx_new(&b.codec, &err);
	for (int i = 1; i < argc && !rc; i++) {
		if (!strcmp(argv[i], "--"))
			side = &sides[1];
		else
			rc = one_file(&b, argv[i], side, &err);
	}
	if (rc)
		fprintf(stderr, "floor: %s\n", err.msg);
	else
		printf("decode %.4f %llu encode %.4f %llu\n", sides[0].s,
		       (unsigned long long)sides[0].bytes, sides[1].s,
		       (unsigned long long)sides[1].bytes);
	rc_reader_free(b.reader);
	rc_codec_ctx_free(b.codec);
	free(b.raw.p);
	free(b.stored.p);
	rc_readers_stop(readers);
	return rc ? 1 : 0;
}
