/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to the writer: a batch that was computed, encoded and listed as items. */
#include "base/compat.h"

#include "base/clock.h"
#include "base/mem.h"
#include "batch.h"
#include "kernels/marks.h"

/* Room was made sure of when the tile was added. */
static struct rc_item *add_item(struct rc_slot *s, struct rc_work *w, enum rc_item_kind kind)
{
	struct rc_item *it = &s->items[s->n_items++];

	*it = (struct rc_item){.kind = kind, .work = w};
	return it;
}

/* The area holds what a codec makes of everything in the slot at worst.  Only chunks that are
 * copied as they are can be larger than that. */
static int need_enc(struct rc_slot *s, struct rc_worker_tools *t, size_t more, struct rc_err *err)
{
	size_t before = s->enc_cap;
	int rc = rc_grow_array(&s->enc, &s->enc_cap, s->enc_used + more, 1, err);

	t->n_grown += s->enc_cap != before;
	return rc;
}

static struct rc_item *add_chunk_item(struct rc_slot *s, struct rc_placed *p, uint64_t row,
				      uint64_t n_rows)
{
	struct rc_item *it = add_item(s, p->work, RC_ITEM_CHUNK);

	it->stream = p->tile->stream;
	it->row0 = p->tile->row0 + row;
	it->n_rows = n_rows;
	return it;
}

/* Stored chunks go out as they came in; they wait in the slot's encode buffer. */
static int copy_stored(struct rc_slot *s, struct rc_placed *p, struct rc_worker_tools *t,
		       struct rc_err *err)
{
	const struct rc_work *w = p->work;
	const struct rc_plan_stream *ps = &w->plan->streams[p->tile->stream];
	const struct rc_stream *st = rc_plan_input(w->ix, w->plan, &ps->sources[0]);
	struct rc_stored_chunk c = {0};
	int rc = 0;

	rc_tile_picks(w, p->tile, t->picks);
	for (uint32_t k = 0; k < p->tile->n_rows && !rc; k++) {
		struct rc_item *it;

		if (k == 0 || t->picks[k] != t->picks[k - 1]) {
			rc = rc_input_stored_row(t->input, w->ix, st->dataset,
						 st->row0 + t->picks[k], &c, err);
			if (!rc)
				rc = rc_chunk_glance(&w->ix->datasets[st->dataset], c.mask, c.bytes,
						     c.n, err);
			if (!rc)
				rc = need_enc(s, t, c.n, err);
			if (rc)
				break;
			memcpy(s->enc + s->enc_used, c.bytes, c.n);
			s->enc_used += c.n;
		}
		it = add_chunk_item(s, p, k, 1);
		it->mask = c.mask;
		it->in_enc = true;
		it->enc_at = s->enc_used - c.n;
		it->stored_bytes = c.n;
	}
	if (rc && !rc_is_fatal(rc))
		rc_err_while(err, "copying stream '%s'", rc_index_str(w->ix, st->name));
	return rc;
}

static int encode_one(struct rc_slot *s, struct rc_item *it, const struct rc_plan_stream *ps,
		      struct rc_worker_tools *t, struct rc_err *err)
{
	size_t chunk_bytes = it->stored_bytes;
	size_t bound = rc_encode_bound(&ps->encoding, chunk_bytes);
	int64_t t0 = rc_now_ns();
	int rc = need_enc(s, t, bound, err);

	if (!rc)
		rc = rc_chunk_encode(t->codec, &ps->encoding, rc_dtype_size(ps->dtype), it->raw,
				     chunk_bytes, s->enc + s->enc_used, bound, &it->stored_bytes,
				     err);
	it->in_enc = true;
	it->enc_at = s->enc_used;
	s->enc_used += it->stored_bytes;
	t->encode.busy_ns += rc_now_ns() - t0;
	t->encode.bytes += chunk_bytes;
	t->encode.items++;
	return rc;
}

static int emit_chunks(struct rc_slot *s, struct rc_placed *p, struct rc_worker_tools *t,
		       struct rc_err *err)
{
	const struct rc_tile *tile = p->tile;
	const struct rc_plan_stream *ps = &p->work->plan->streams[tile->stream];
	uint64_t chunk = p->work->out[tile->stream].chunk_rows;
	char *raw = (char *)s->batch.out + p->out;
	int rc = 0;

	for (uint64_t row = 0; row < tile->n_rows && !rc; row += chunk) {
		uint64_t rows = tile->n_rows - row < chunk ? tile->n_rows - row : chunk;
		struct rc_item *it = add_chunk_item(s, p, row, rows);

		it->raw = raw + row * ps->row_bytes;
		it->raw_bytes = rows * ps->row_bytes;
		it->stored = it->raw;
		it->stored_bytes = chunk * ps->row_bytes;
		/* the last chunk of an episode is stored at full size; only now, because a device
		 * writes what lies between its results as well */
		memset(raw + (row + rows) * ps->row_bytes, 0, (chunk - rows) * ps->row_bytes);
		if (ps->encoding.codec != RC_CODEC_NONE)
			rc = encode_one(s, it, ps, t, err);
	}
	return rc;
}

static int emit_tile(struct rc_slot *s, struct rc_placed *p, struct rc_worker_tools *t,
		     struct rc_err *err)
{
	const struct rc_tile *tile = p->tile;
	const struct rc_plan_stream *ps = &p->work->plan->streams[tile->stream];
	struct rc_item *it;

	if (ps->stored)
		return copy_stored(s, p, t, err);
	rc_turn_rows(ps, (char *)s->batch.out + p->out, tile->n_rows);
	rc_lint_tile(p->work, tile, (char *)s->batch.out + p->out);
	if (p->work->out[tile->stream].chunk_rows)
		return emit_chunks(s, p, t, err);
	it = add_item(s, p->work, RC_ITEM_ROWS);
	it->stream = tile->stream;
	it->row0 = tile->row0;
	it->n_rows = tile->n_rows;
	it->raw = (char *)s->batch.out + p->out;
	it->raw_bytes = tile->n_rows * ps->row_bytes;
	return 0;
}

/* Items of one placed tile. */
static int emit(struct rc_slot *s, struct rc_placed *p, struct rc_worker_tools *t,
		struct rc_err *err)
{
	const struct rc_err *fail = p->tile ? p->fail : &p->work->err;
	struct rc_err why = {0};
	int rc;

	if (p->first && p->tile)
		add_item(s, p->work, RC_ITEM_BEGIN);
	if (!fail && p->tile && rc_placed_given_up(p))
		fail = &rc_tile_skipped;
	if (!fail) {
		size_t before = s->n_items;

		rc = emit_tile(s, p, t, &why);
		if (rc_is_fatal(rc)) {
			if (err)
				*err = why;
			return rc;
		}
		if (rc) {
			s->n_items = before;
			fail = rc_placed_fail(s, p, &why);
		}
	}
	if (fail)
		add_item(s, p->work, RC_ITEM_FAIL)->fail = fail;
	if (p->last)
		add_item(s, p->work, RC_ITEM_END);
	return 0;
}

int rc_slot_emit(struct rc_slot *s, struct rc_worker_tools *t, struct rc_err *err)
{
	int rc = 0;

	rc_mark_push("encode");
	for (size_t i = 0; i < s->n_placed && !rc; i++)
		rc = emit(s, &s->placed[i], t, err);
	for (size_t i = 0; i < s->n_items && !rc; i++)
		if (s->items[i].in_enc)
			s->items[i].stored = s->enc + s->items[i].enc_at;
	rc_mark_pop();
	return rc;
}
