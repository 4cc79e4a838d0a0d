/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "tile.h"

#include "kernels/shared_math.h"
#include "reduce.h"
#include "work.h"

enum {
	CHUNK_BYTES = 256 << 10, /* largest chunk of compressed low-dim rows */
	ITEM_MARKS = 3           /* begin, fail and end of an episode */
};

size_t rc_aligned(size_t n)
{
	return (n + RC_BUFFER_ALIGN - 1) / RC_BUFFER_ALIGN * RC_BUFFER_ALIGN;
}

uint64_t rc_div_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Frames go one to a chunk; compressed rows in chunks of at most CHUNK_BYTES. */
uint64_t rc_chunk_most(const struct rc_plan_stream *s)
{
	if (s->stored || s->kind == RC_KIND_IMAGE || s->kind == RC_KIND_ENCODED)
		return 1;
	if (s->encoding.codec == RC_CODEC_NONE || s->row_bytes == 0)
		return 0;
	return s->row_bytes > CHUNK_BYTES ? 1 : CHUNK_BYTES / s->row_bytes;
}

/* Evened out over the episode, so that the last one is not mostly padding. */
uint64_t rc_chunk_rows(const struct rc_plan_stream *s, uint64_t n_ticks)
{
	uint64_t most = rc_chunk_most(s);

	return most < 2 || n_ticks == 0 ? most : rc_div_up(n_ticks, rc_div_up(n_ticks, most));
}

/* --- bytes ------------------------------------------------------------------------------------ */

/* For so many ticks, which rest on so many rows. */
static uint64_t source_bytes(const struct rc_index *ix, const struct rc_plan_episode *e,
			     const struct rc_plan_source *src, uint64_t ticks, uint64_t rows)
{
	const struct rc_dataset *d = &ix->datasets[rc_plan_input(ix, e, src)->dataset];

	if (rc_method_reduces(src->method))
		return rc_aligned(ticks * sizeof(int64_t)) + rc_reduce_bytes(src, d, ticks);
	return rc_aligned(rows * sizeof(int64_t)) + rc_aligned(rows * rc_plan_row_bytes(src, d));
}

static uint64_t largest_chunk(const struct rc_index *ix, const struct rc_plan_episode *e,
			      const struct rc_plan_stream *s)
{
	uint64_t largest = 0;

	for (size_t k = 0; k < s->n_sources; k++) {
		const struct rc_stream *src = rc_plan_input(ix, e, &s->sources[k]);
		uint64_t bytes = rc_dataset_chunk_bytes(&ix->datasets[src->dataset]);

		largest = bytes > largest ? bytes : largest;
	}
	return largest;
}

void rc_stream_need(const struct rc_index *ix, const struct rc_plan_episode *e, size_t i_stream,
		    uint64_t n_rows, uint64_t chunk_rows, struct rc_need *need_out)
{
	const struct rc_plan_stream *s = &e->streams[i_stream];
	uint64_t chunks = chunk_rows ? rc_div_up(n_rows, chunk_rows) : 0;
	uint64_t a_tick = e->timing == RC_TIMING_STEPS ? 1 : 2;
	struct rc_need *n = need_out;
	uint64_t computed;

	*n = (struct rc_need){.items = (chunks ? chunks : 1) + ITEM_MARKS};
	if (s->stored) {
		/* as decoded, and what a codec adds to bytes that it cannot make fewer */
		n->enc = n_rows * (s->row_bytes + s->row_bytes / 128 + 128);
		return;
	}
	n->chunk = largest_chunk(ix, e, s);
	/* the last chunk of an episode is stored at full size, padded with zeros */
	n->out = (chunks ? chunks * chunk_rows : n_rows) * s->row_bytes;
	computed = n_rows * s->buffer_elements * rc_dtype_size(s->dtype);
	n->out = rc_aligned(computed > n->out ? computed : n->out);
	if (s->encoding.codec != RC_CODEC_NONE)
		n->enc = chunks * rc_encode_bound(&s->encoding, chunk_rows * s->row_bytes);
	if (s->copies)
		return;
	n->jobs = s->n_sources;
	n->in = rc_aligned(n_rows * sizeof(int64_t));
	for (size_t k = 0; k < s->n_sources; k++) {
		const struct rc_stream *src = rc_plan_input(ix, e, &s->sources[k]);

		n->in += source_bytes(ix, e, &s->sources[k], n_rows,
				      least(a_tick * n_rows, src->n_rows));
	}
}

/* The samples of one source between those that the first and the last tick of a tile touch. */
static void span(const struct rc_work *w, const struct rc_tile *t, size_t k, uint64_t *a_out,
		 uint64_t *b_out)
{
	const struct rc_track *tr = rc_work_track(w, t->stream, k);
	int64_t a, b, n = (int64_t)tr->n;

	if (w->plan->timing == RC_TIMING_STEPS) {
		*a_out = t->row0;
		*b_out = t->row0 + t->n_rows - 1;
		return;
	}
	a = rc_last_not_after(tr->t, n, rc_tick_of(w, t->stream, t->row0));
	b = rc_last_not_after(tr->t, n, rc_tick_of(w, t->stream, t->row0 + t->n_rows - 1)) + 1;
	*a_out = (uint64_t)(a < 0 ? 0 : a);
	*b_out = (uint64_t)(b >= n ? n - 1 : b);
}

void rc_tile_need(const struct rc_work *w, struct rc_tile *t)
{
	const struct rc_plan_stream *s = &w->plan->streams[t->stream];

	rc_stream_need(w->ix, w->plan, t->stream, t->n_rows, w->out[t->stream].chunk_rows,
		       &t->need);
	if (s->copies)
		return;
	t->need.in = rc_aligned(t->n_rows * sizeof(int64_t));
	for (size_t k = 0; k < s->n_sources; k++) {
		uint64_t a, b;

		span(w, t, k, &a, &b);
		t->need.in += source_bytes(w->ix, w->plan, &s->sources[k], t->n_rows,
					   least(b - a + 1, 2 * (uint64_t)t->n_rows));
	}
}

/* --- rows ------------------------------------------------------------------------------------- */

size_t rc_tile_rows(const struct rc_work *w, const struct rc_tile *t, size_t k,
		    struct rc_row_run *runs)
{
	const struct rc_track *tr = rc_work_track(w, t->stream, k);
	uint64_t a, b, end = 0;
	size_t n = 0;

	span(w, t, k, &a, &b);
	if (b - a + 1 <= 2 * (uint64_t)t->n_rows) {
		runs[0] = (struct rc_row_run){a, b - a + 1};
		return 1;
	}
	for (uint32_t i = 0; i < t->n_rows; i++) {
		int64_t tick = rc_tick_of(w, t->stream, t->row0 + i), last;
		uint64_t from, to;

		/* the stamps before `a` are done with: ticks ascend */
		last = (int64_t)a + rc_last_not_after(tr->t + a, (int64_t)(b - a + 1), tick);
		from = last < (int64_t)a ? a : (uint64_t)last;
		to = least((uint64_t)(last + 1), b) + 1;
		a = from;
		if (n && from <= end) {
			if (to > end)
				runs[n - 1].n += to - end;
		} else {
			runs[n++] = (struct rc_row_run){from, to - from};
		}
		end = runs[n - 1].row0 + runs[n - 1].n;
	}
	return n;
}

void rc_tile_picks(const struct rc_work *w, const struct rc_tile *t, uint64_t *picks)
{
	const struct rc_plan_source *src = &w->plan->streams[t->stream].sources[0];
	const struct rc_track *tr = rc_work_track(w, t->stream, 0);
	int64_t n = (int64_t)tr->n, i;

	if (w->plan->timing == RC_TIMING_STEPS) {
		for (uint32_t k = 0; k < t->n_rows; k++)
			picks[k] = t->row0 + k;
		return;
	}
	i = rc_last_not_after(tr->t, n, rc_tick_of(w, t->stream, t->row0));
	for (uint32_t k = 0; k < t->n_rows; k++) {
		int64_t tick = rc_tick_of(w, t->stream, t->row0 + k);
		struct rc_tap p;

		while (i + 1 < n && tr->t[i + 1] <= tick)
			i++;
		p = src->method == RC_METHOD_PREVIOUS ? rc_tap_previous(i)
						      : rc_tap_nearest(tr->t, n, i, tick);
		picks[k] = p.near;
	}
}
