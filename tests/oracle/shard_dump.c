/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shard_dump DIR: writes one shard of each output layout and encoding, with every element type, for
 * tests/check-shards.py to open with readers that are not ours.  The values follow a formula of
 * (stream k, episode e, element i), which the checker repeats:
 *   m = (7 i + 13 k + 5 e) mod 101;  unsigned m, signed m - 50, float (m - 50) / 4, bool m mod 2
 */
#include "formats/shard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { N_EPISODES = 4, DROPPED = 2, N_ALL = RC_DTYPE_COUNT, MODEL_BYTES = 1 << 20 };

struct dump {
	struct rc_shard *s;
	struct rc_codec_ctx *codec;
	struct rc_encoding encoding;
	struct rc_out_stream streams[N_ALL + 8];
	size_t n_streams;
	char names[N_ALL + 8][32], sources[N_ALL + 8][32];
	char *model;
};

/* Multiples of 1/4 up to 12.5 as IEEE half. */
static uint16_t half_of(int quarters)
{
	uint16_t sign = quarters < 0 ? 0x8000 : 0;
	unsigned q = (unsigned)abs(quarters), e = 0;
	if (q == 0)
		return 0;
	while (q >> (e + 1))
		e++;
	return (uint16_t)(sign | (e + 13) << 10 | ((q << (10 - e)) & 0x3ff));
}

static void put_value(void *dst, enum rc_dtype t, int m)
{
	int64_t s = m - 50;
	uint64_t u = (uint64_t)m;
	float f = (float)s / 4;
	double d = (double)s / 4;
	uint16_t h = half_of((int)s);
	uint8_t b = m & 1;
	switch (t) {
	case RC_F16: memcpy(dst, &h, 2); break;
	case RC_BF16: memcpy(dst, (const char *)&f + 2, 2); break; /* exact: few bits */
	case RC_F32: memcpy(dst, &f, 4); break;
	case RC_F64: memcpy(dst, &d, 8); break;
	case RC_I8: case RC_I16: case RC_I32: case RC_I64:
		memcpy(dst, &s, rc_dtype_size(t)); /* little-endian, as everything here */
		break;
	case RC_U8: case RC_U16: case RC_U32: case RC_U64:
		memcpy(dst, &u, rc_dtype_size(t));
		break;
	case RC_BOOL: memcpy(dst, &b, 1); break;
	case RC_DTYPE_COUNT: break;
	}
}

static void add_stream(struct dump *d, const char *name, enum rc_role role, enum rc_kind kind,
		       enum rc_dtype t, const uint64_t dims[RC_MAX_RANK])
{
	size_t k = d->n_streams++;
	struct rc_out_stream *st = &d->streams[k];
	*st = (struct rc_out_stream){.role = role, .kind = kind, .dtype = t};
	snprintf(d->names[k], sizeof d->names[k], "%s", name);
	snprintf(d->sources[k], sizeof d->sources[k], "%zu", k);
	st->name = d->names[k];
	st->source = d->sources[k];
	st->method = rc_method_name(rc_method_default(kind, t));
	st->unit = "m";
	st->quat_order = kind == RC_KIND_QUAT ? "xyzw" : "";
	for (st->rank = 0; st->rank < RC_MAX_RANK && dims[st->rank] != UINT64_MAX; st->rank++)
		st->dims[st->rank] = dims[st->rank];
	if (d->encoding.codec == RC_CODEC_NONE && kind != RC_KIND_IMAGE)
		return;
	st->encoding = d->encoding;
	st->encoding.shuffle = st->encoding.codec != RC_CODEC_NONE && rc_dtype_size(t) > 1;
	st->chunk_rows = kind == RC_KIND_IMAGE ? 1 : 4;
}

#define DIMS(...) (const uint64_t[RC_MAX_RANK + 1]){__VA_ARGS__, UINT64_MAX}

static void make_streams(struct dump *d, uint64_t n, bool rewards)
{
	char name[32];
	d->n_streams = 0;
	for (int t = 0; t < RC_DTYPE_COUNT; t++) {
		snprintf(name, sizeof name, "all/%s", rc_dtype_name((enum rc_dtype)t));
		add_stream(d, name, RC_ROLE_OBS, RC_KIND_LOWDIM, (enum rc_dtype)t, DIMS(n, 3));
	}
	add_stream(d, "images/front", RC_ROLE_OBS, RC_KIND_IMAGE, RC_U8, DIMS(n, 6, 5, 3));
	add_stream(d, "eef_quat", RC_ROLE_OBS, RC_KIND_QUAT, RC_F64, DIMS(n, 4));
	add_stream(d, "scalar", RC_ROLE_OBS, RC_KIND_LOWDIM, RC_F32, DIMS(n));
	add_stream(d, "nothing", RC_ROLE_OBS, RC_KIND_LOWDIM, RC_F32, DIMS(n, 0));
	add_stream(d, "states", RC_ROLE_STATE, RC_KIND_LOWDIM, RC_F64, DIMS(n, 5));
	add_stream(d, "actions", RC_ROLE_ACTION, RC_KIND_LOWDIM, RC_F32, DIMS(n, 7));
	if (rewards) {
		add_stream(d, "rewards", RC_ROLE_REWARD, RC_KIND_LOWDIM, RC_F32, DIMS(n));
		add_stream(d, "dones", RC_ROLE_DONE, RC_KIND_LOWDIM, RC_BOOL, DIMS(n));
	}
}

static int write_chunks(struct dump *d, size_t k, const char *raw, uint64_t row_bytes,
			struct rc_err *err)
{
	const struct rc_out_stream *st = &d->streams[k];
	size_t n = st->chunk_rows * row_bytes, cap = rc_encode_bound(&st->encoding, n), got = n;
	char *plain = NULL, *coded = NULL;
	int rc = rc_new_array(&plain, n, 1, err);
	if (!rc)
		rc = rc_new_array(&coded, cap > n ? cap : n, 1, err);
	for (uint64_t row = 0; !rc && row < st->dims[0]; row += st->chunk_rows) {
		uint64_t left = st->dims[0] - row;
		memset(plain, 0, n);
		memcpy(plain, raw + row * row_bytes,
		       (left < st->chunk_rows ? left : st->chunk_rows) * row_bytes);
		if (st->encoding.codec != RC_CODEC_NONE)
			rc = rc_chunk_encode(d->codec, &st->encoding, rc_dtype_size(st->dtype),
					     plain, n, coded, cap, &got, err);
		else
			memcpy(coded, plain, n);
		if (!rc)
			rc = rc_shard_write_chunk(d->s, k, row, coded, got, 0, err);
	}
	free(plain);
	free(coded);
	return rc;
}

static int write_stream(struct dump *d, size_t k, int episode, struct rc_err *err)
{
	const struct rc_out_stream *st = &d->streams[k];
	uint64_t row = 1, size = rc_dtype_size(st->dtype);
	char *raw = NULL;
	for (uint32_t i = 1; i < st->rank; i++)
		row *= st->dims[i];
	int rc = rc_new_array(&raw, st->dims[0] * row, size, err);
	if (rc || row == 0)
		goto done;
	for (uint64_t i = 0; i < st->dims[0] * row; i++)
		put_value(raw + i * size, st->dtype,
			  (int)((7 * i + 13 * k + 5 * (unsigned)episode) % 101));
	if (st->chunk_rows)
		rc = write_chunks(d, k, raw, row * size, err);
	else if (!(rc = rc_shard_write_rows(d->s, k, 0, 3, raw, err)))
		rc = rc_shard_write_rows(d->s, k, 3, st->dims[0] - 3, raw + 3 * row * size, err);
done:
	free(raw);
	return rc;
}

static int write_episode(struct dump *d, int episode, struct rc_err *err)
{
	enum { MAX_TICKS = 64 };
	uint64_t n = 9 + (uint64_t)episode;
	int64_t ticks[MAX_TICKS];
	uint8_t valid[MAX_TICKS];
	char id[32];
	make_streams(d, n, episode == 1);
	for (uint64_t i = 0; i < n; i++) {
		ticks[i] = (int64_t)i * 50000000;
		valid[i] = i != 0;
	}
	snprintf(id, sizeof id, "%d", episode);
	d->streams[0].valid = valid;
	struct rc_out_episode e = {
		.id = id, .split = episode == 1 ? "valid" : "train",
		.language = episode ? "" : "push the \"T\" \xc3\xa0 gauche",
		.env_args = episode ? "" : "{\"env_name\": \"Push\", \"env_version\": \"1.4\", "
					   "\"type\": 1, \"env_kwargs\": {}}",
		.model_file = episode ? "" : d->model, .success = episode % 3 - 1, .sim = 1,
		.streams = d->streams, .n_streams = d->n_streams, .n_ticks = n, .ticks = ticks,
		.origin_ns = 1700000000123456789, .clock = "measured",
	};
	int rc = rc_shard_begin_episode(d->s, &e, err);
	for (size_t k = 0; !rc && k < d->n_streams; k++) {
		if (episode == DROPPED && k == N_ALL / 2)
			return rc_shard_drop_episode(d->s, err);
		rc = write_stream(d, k, episode, err);
	}
	return rc ? rc : rc_shard_end_episode(d->s, err);
}

static int write_file(struct dump *d, const char *dir, const struct rc_shard_layout *layout,
		      struct rc_err *err)
{
	const struct rc_shard_info info = {.version = "test", .recipe_json = "{\"rate\":20}"};
	char *path = NULL;
	int rc = rc_sprintf(&path, err, "%s/%s-%s.h5", dir, layout->name,
			    rc_codec_name(d->encoding.codec));
	if (!rc)
		rc = rc_shard_create(path, layout, &info, &d->s, err);
	for (int e = 0; !rc && e < (layout->one_episode_per_shard ? 1 : N_EPISODES); e++)
		rc = write_episode(d, e, err);
	if (rc)
		rc_shard_abandon(d->s);
	else
		rc = rc_shard_close(d->s, err);
	d->s = NULL;
	free(path);
	return rc;
}

int main(int argc, char **argv)
{
	static const struct rc_encoding encodings[] = {
		{RC_CODEC_NONE, 0, false, RC_VALUES_ANY},
		{RC_CODEC_GZIP, 1, false, RC_VALUES_ANY},
		{RC_CODEC_ZSTD, 3, false, RC_VALUES_ANY},
	};
	struct dump d = {.s = NULL};
	struct rc_err err = {0};
	if (argc != 2) {
		fputs("usage: shard_dump DIR\n", stderr);
		return 2;
	}
	int rc = rc_codec_ctx_new(&d.codec, &err);
	if (!rc)
		rc = rc_new_array(&d.model, MODEL_BYTES + 1, 1, &err);
	if (!rc)
		memset(d.model, 'x', MODEL_BYTES);
	for (size_t i = 0; i < rc_n_shard_layouts; i++)
		for (size_t k = 0; !rc && k < RC_ARRAY_LEN(encodings); k++) {
			d.encoding = encodings[k];
			rc = write_file(&d, argv[1], rc_shard_layouts[i], &err);
		}
	if (rc)
		fprintf(stderr, "shard_dump: %s\n", err.msg);
	rc_codec_ctx_free(d.codec);
	free(d.model);
	return rc ? 1 : 0;
}
