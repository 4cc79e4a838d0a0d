/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "batch.h"

#include "base/clock.h"
#include "base/mem.h"
#include "kernels/shared_math.h"

enum { ALIGN = 64, WIDE_ROW_BYTES = 4096 };

static size_t aligned(size_t n)
{
	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

/* --- the slot --------------------------------------------------------------------------------- */

int rc_slot_add(struct rc_slot *s, struct rc_work *w, const struct rc_tile *t, bool first,
		bool last, struct rc_err *err)
{
	int rc = rc_grow_array(&s->placed, &s->cap_placed, s->n_placed + 1, sizeof *s->placed, err);

	if (!rc)
		s->placed[s->n_placed++] = (struct rc_placed){
			.work = w, .tile = t, .first = first, .last = last};
	return rc;
}

void rc_slot_clear(struct rc_slot *s)
{
	s->n_placed = s->n_items = s->n_fails = 0;
	s->batch.n_jobs = 0;
	s->batch.in_bytes = s->batch.out_bytes = 0;
	s->enc_used = 0;
}

void rc_slot_release(struct rc_slot *s, const struct rc_backend *b)
{
	b->lane_close(s->lane);
	free(s->batch.jobs);
	free(s->enc);
	free(s->placed);
	free(s->items);
	free(s->fails);
	*s = (struct rc_slot){0};
}

static int need_lane(struct rc_slot *s, struct rc_worker_tools *t, struct rc_err *err)
{
	struct rc_lane_size size = {s->batch.in_bytes, s->batch.out_bytes, s->cap_jobs};
	const struct rc_lane *l = s->lane;
	int rc = 0;

	if (!l || size.in_bytes > l->in_cap || size.out_bytes > l->out_cap ||
	    size.n_jobs > l->cap_jobs) {
		t->backend->lane_close(s->lane);
		s->lane = NULL;
		rc = t->backend->lane_open(t->device, &size, &s->lane, err);
	}
	if (!rc) {
		s->batch.in = s->lane->in;
		s->batch.out = s->lane->out;
	}
	return rc;
}

static struct rc_item *add_item(struct rc_slot *s, struct rc_work *w, enum rc_item_kind kind)
{
	struct rc_item *it = &s->items[s->n_items++]; /* room was made by need_items() */

	*it = (struct rc_item){.kind = kind, .work = w};
	return it;
}

/* --- which rows a tile needs ------------------------------------------------------------------ */

/* The samples of one source that a tile touches: rows [a, b] of the stream. */
static void rows_needed(const struct rc_work *w, const struct rc_track *tr,
			const struct rc_tile *t, uint64_t *a_out, uint64_t *b_out)
{
	int64_t a, b, n = (int64_t)tr->n;

	if (w->plan->timing == RC_TIMING_STEPS) {
		*a_out = t->row0;
		*b_out = t->row0 + t->n_rows - 1;
		return;
	}
	a = rc_last_not_after(tr->t, n, w->ticks[t->row0]);
	b = rc_last_not_after(tr->t, n, w->ticks[t->row0 + t->n_rows - 1]) + 1;
	*a_out = (uint64_t)(a < 0 ? 0 : a);
	*b_out = (uint64_t)(b >= n ? n - 1 : b);
}

/* The row of the source that each tick of a copying tile takes. */
static int choose_picks(struct rc_worker_tools *tools, const struct rc_work *w,
			const struct rc_tile *t, struct rc_err *err)
{
	const struct rc_plan_source *src = &w->plan->streams[t->stream].sources[0];
	const struct rc_track *tr = rc_work_track(w, t->stream, 0);
	int64_t n = (int64_t)tr->n, i;
	int rc = rc_grow_array(&tools->picks, &tools->cap_picks, t->n_rows, sizeof *tools->picks,
			       err);

	if (rc)
		return rc;
	if (w->plan->timing == RC_TIMING_STEPS) {
		for (uint32_t k = 0; k < t->n_rows; k++)
			tools->picks[k] = t->row0 + k;
		return 0;
	}
	i = rc_last_not_after(tr->t, n, w->ticks[t->row0]);
	for (uint32_t k = 0; k < t->n_rows; k++) {
		int64_t tick = w->ticks[t->row0 + k];
		struct rc_tap p;

		while (i + 1 < n && tr->t[i + 1] <= tick)
			i++;
		p = src->method == RC_METHOD_PREVIOUS ? rc_tap_previous(i)
						      : rc_tap_nearest(tr->t, n, i, tick);
		tools->picks[k] = p.near;
	}
	return 0;
}

static uint64_t unique_picks(const uint64_t *picks, uint32_t n)
{
	uint64_t u = n ? 1 : 0;

	for (uint32_t k = 1; k < n; k++)
		u += picks[k] != picks[k - 1];
	return u;
}

/* --- layout: where the bytes of every tile go ------------------------------------------------- */

static const struct rc_dataset *source_dataset(const struct rc_work *w,
					       const struct rc_plan_source *src)
{
	return &w->ix->datasets[w->ix->streams[src->stream].dataset];
}

/* Compute tiles take, for each source, stamps and rows; the ticks come once. */
static size_t compute_in_bytes(const struct rc_work *w, const struct rc_tile *t)
{
	const struct rc_plan_stream *s = &w->plan->streams[t->stream];
	size_t bytes = aligned(t->n_rows * sizeof(int64_t));

	for (size_t k = 0; k < s->n_sources; k++) {
		uint64_t a, b;
		rows_needed(w, rc_work_track(w, t->stream, k), t, &a, &b);
		bytes += aligned((b - a + 1) * sizeof(int64_t));
		bytes += aligned((b - a + 1) *
				 rc_dataset_row_bytes(source_dataset(w, &s->sources[k])));
	}
	return bytes;
}

static int place(struct rc_slot *s, struct rc_placed *p, struct rc_worker_tools *tools,
		 struct rc_err *err)
{
	const struct rc_plan_stream *ps;
	const struct rc_out_stream *o;
	const struct rc_tile *t = p->tile;
	uint64_t chunk;

	if (!t)
		return 0;
	ps = &p->work->plan->streams[t->stream];
	o = &p->work->out[t->stream];
	p->in = s->batch.in_bytes;
	p->out = s->batch.out_bytes;
	p->in_bytes = 0;
	p->out_bytes = ps->stored ? 0 : t->n_rows * ps->row_bytes;
	if (ps->copies) {
		int rc = choose_picks(tools, p->work, t, err);
		uint64_t u = rc ? 0 : unique_picks(tools->picks, t->n_rows);
		if (rc)
			return rc;
		if (u != t->n_rows && !ps->stored) /* rows that repeat are spread from `in` */
			p->in_bytes = u * ps->row_bytes;
	} else {
		p->in_bytes = compute_in_bytes(p->work, t);
	}
	chunk = o->chunk_rows;
	/* the last chunk of an episode is stored at full size, padded with zeros */
	if (chunk && !ps->stored)
		p->out_bytes = (t->n_rows + chunk - 1) / chunk * chunk * ps->row_bytes;
	s->batch.in_bytes += aligned(p->in_bytes);
	s->batch.out_bytes += aligned(p->out_bytes);
	return 0;
}

uint64_t rc_tile_bytes(const struct rc_work *w, const struct rc_tile *t)
{
	const struct rc_plan_stream *s = &w->plan->streams[t->stream];
	uint64_t bytes = t->n_rows * s->row_bytes;

	return s->copies ? bytes : bytes + compute_in_bytes(w, t);
}

/* --- reading ---------------------------------------------------------------------------------- */

static int add_run(struct rc_worker_tools *t, size_t *n, uint64_t row, struct rc_err *err)
{
	if (*n && t->runs[*n - 1].row0 + t->runs[*n - 1].n == row) {
		t->runs[*n - 1].n++;
		return 0;
	}
	int rc = rc_grow_array(&t->runs, &t->cap_runs, *n + 1, sizeof *t->runs, err);
	if (!rc)
		t->runs[(*n)++] = (struct rc_row_run){row, 1};
	return rc;
}

/* Rows that repeat were read once, packed: give each tick its copy. */
static void spread(const uint64_t *picks, uint32_t n, uint64_t row_bytes, const char *in, char *out)
{
	uint64_t u = 0;

	for (uint32_t k = 0; k < n; k++) {
		if (k && picks[k] != picks[k - 1])
			u++;
		memcpy(out + k * row_bytes, in + u * row_bytes, row_bytes);
	}
}

static int read_copies(struct rc_slot *s, struct rc_placed *p, struct rc_worker_tools *t,
		       struct rc_err *err)
{
	const struct rc_work *w = p->work;
	const struct rc_tile *tile = p->tile;
	const struct rc_plan_stream *ps = &w->plan->streams[tile->stream];
	const struct rc_stream *st = &w->ix->streams[ps->sources[0].stream];
	char *out = (char *)s->batch.out + p->out;
	char *dst = p->in_bytes ? (char *)s->batch.in + p->in : out;
	uint64_t used = tile->n_rows * ps->row_bytes, rows = 0;
	size_t n_runs = 0;
	int rc = choose_picks(t, w, tile, err);

	for (uint32_t k = 0; k < tile->n_rows && !rc; k++)
		if (k == 0 || t->picks[k] != t->picks[k - 1]) {
			rc = add_run(t, &n_runs, st->row0 + t->picks[k], err);
			rows++;
		}
	if (!rc)
		rc = rc_input_rows(t->input, w->ix, st->dataset, t->runs, n_runs, dst,
				   rows * ps->row_bytes, err);
	if (!rc && dst != out)
		spread(t->picks, tile->n_rows, ps->row_bytes, dst, out);
	if (!rc)
		memset(out + used, 0, p->out_bytes - used);
	else
		rc_err_while(err, "reading stream '%s'", rc_index_str(w->ix, st->name));
	return rc;
}

/* Stamps and rows of one source into `in` at *at, and the job that uses them. */
static int read_source(struct rc_slot *s, struct rc_placed *p, size_t k, size_t *at,
		       struct rc_worker_tools *t, struct rc_err *err)
{
	const struct rc_work *w = p->work;
	const struct rc_plan_stream *ps = &w->plan->streams[p->tile->stream];
	const struct rc_plan_source *src = &ps->sources[k];
	const struct rc_stream *st = &w->ix->streams[src->stream];
	const struct rc_dataset *d = source_dataset(w, src);
	const struct rc_track *tr = rc_work_track(w, p->tile->stream, k);
	struct rc_row_run run;
	struct rc_job job;
	uint64_t a, b, n;
	int64_t *t_ns;

	rows_needed(w, tr, p->tile, &a, &b);
	n = b - a + 1;
	job = (struct rc_job){
		.src_t = *at,
		.src = *at + aligned(n * sizeof(int64_t)),
		.ticks = p->in,
		.dst = p->out + src->column * rc_dtype_size(ps->dtype),
		.n_src = (uint32_t)n,
		.n_ticks = p->tile->n_rows,
		.width = src->width,
		.dst_stride = (uint32_t)ps->row_elements,
		.src_dtype = (uint8_t)d->dtype,
		.dst_dtype = (uint8_t)ps->dtype,
		.method = (uint8_t)src->method,
		.quat_first = src->quat_first,
	};
	t_ns = (int64_t *)((char *)s->batch.in + job.src_t);
	if (w->plan->timing == RC_TIMING_STEPS)
		for (uint64_t i = 0; i < n; i++)
			t_ns[i] = (int64_t)(a + i);
	else
		memcpy(t_ns, tr->t + a, n * sizeof *t_ns);
	run = (struct rc_row_run){st->row0 + a, n};
	*at = job.src + aligned(n * rc_dataset_row_bytes(d));
	s->batch.jobs[s->batch.n_jobs++] = job;
	return rc_input_rows(t->input, w->ix, st->dataset, &run, 1, (char *)s->batch.in + job.src,
			     n * rc_dataset_row_bytes(d), err);
}

static int read_compute(struct rc_slot *s, struct rc_placed *p, struct rc_worker_tools *t,
			struct rc_err *err)
{
	const struct rc_work *w = p->work;
	const struct rc_tile *tile = p->tile;
	const struct rc_plan_stream *ps = &w->plan->streams[tile->stream];
	int64_t *ticks = (int64_t *)((char *)s->batch.in + p->in);
	size_t at = p->in + aligned(tile->n_rows * sizeof *ticks), jobs = s->batch.n_jobs;
	uint64_t used = tile->n_rows * ps->row_bytes;
	int rc = 0;

	for (uint32_t k = 0; k < tile->n_rows; k++)
		ticks[k] = w->plan->timing == RC_TIMING_STEPS ? (int64_t)(tile->row0 + k)
							      : w->ticks[tile->row0 + k];
	for (size_t k = 0; k < ps->n_sources && !rc; k++) {
		rc = read_source(s, p, k, &at, t, err);
		if (rc)
			rc_err_while(err, "reading stream '%s'",
				     rc_index_str(w->ix,
						  w->ix->streams[ps->sources[k].stream].name));
	}
	if (rc)
		s->batch.n_jobs = jobs; /* the tile is given up, and so are its jobs */
	else
		memset((char *)s->batch.out + p->out + used, 0, p->out_bytes - used);
	return rc;
}

/* --- what goes to the writer ------------------------------------------------------------------ */

static int need_items(struct rc_slot *s, size_t more, struct rc_err *err)
{
	return rc_grow_array(&s->items, &s->cap_items, s->n_items + more, sizeof *s->items, err);
}

static int need_enc(struct rc_slot *s, size_t more, struct rc_err *err)
{
	return rc_grow_array(&s->enc, &s->enc_cap, s->enc_used + more, 1, err);
}

/*
 * Once a tile of an episode failed, later ones need not be read.  Earlier ones still are: the
 * failure that is reported is the first in plan order, whatever the order of threads.
 */
static const struct rc_err skipped = {.code = RC_E_FORMAT, .reason = "skipped",
				      .msg = "an earlier part of the episode failed"};

static bool given_up(const struct rc_placed *p)
{
	return p->tile > atomic_load(&p->work->first_bad);
}

static void give_up(struct rc_placed *p)
{
	const struct rc_tile *bad = atomic_load(&p->work->first_bad);

	while (p->tile < bad && !atomic_compare_exchange_weak(&p->work->first_bad, &bad, p->tile))
		;
}

static const struct rc_err *keep_error(struct rc_slot *s, const struct rc_err *why)
{
	s->fails[s->n_fails] = *why;
	return &s->fails[s->n_fails++];
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
	const struct rc_stream *st = &w->ix->streams[ps->sources[0].stream];
	struct rc_stored_chunk c = {0};
	int rc = choose_picks(t, w, p->tile, err);

	for (uint32_t k = 0; k < p->tile->n_rows && !rc; k++) {
		struct rc_item *it;

		if (k == 0 || t->picks[k] != t->picks[k - 1]) {
			rc = rc_input_stored_row(t->input, w->ix, st->dataset,
						 st->row0 + t->picks[k], &c, err);
			if (!rc)
				rc = rc_chunk_glance(source_dataset(w, &ps->sources[0]), c.mask,
						     c.bytes, c.n, err);
			if (!rc)
				rc = need_enc(s, c.n, err);
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
		      struct rc_worker_tools *t, size_t chunk_bytes, struct rc_err *err)
{
	size_t bound = rc_encode_bound(&ps->encoding, chunk_bytes);
	int64_t t0 = rc_now_ns();
	int rc = need_enc(s, bound, err);

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
	const char *raw = (char *)s->batch.out + p->out;
	int rc = 0;

	for (uint64_t row = 0; row < tile->n_rows && !rc; row += chunk) {
		uint64_t rows = tile->n_rows - row < chunk ? tile->n_rows - row : chunk;
		struct rc_item *it = add_chunk_item(s, p, row, rows);

		it->raw = raw + row * ps->row_bytes;
		it->raw_bytes = rows * ps->row_bytes;
		it->stored = it->raw;
		it->stored_bytes = chunk * ps->row_bytes;
		if (ps->encoding.codec != RC_CODEC_NONE)
			rc = encode_one(s, it, ps, t, chunk * ps->row_bytes, err);
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
	int rc = need_items(s, (p->tile ? p->tile->n_rows : 0) + 3, err);

	if (rc)
		return rc;
	if (p->first && p->tile)
		add_item(s, p->work, RC_ITEM_BEGIN);
	if (!fail && p->tile && given_up(p))
		fail = &skipped;
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
			fail = keep_error(s, &why);
			give_up(p);
		}
	}
	if (fail)
		add_item(s, p->work, RC_ITEM_FAIL)->fail = fail;
	if (p->last)
		add_item(s, p->work, RC_ITEM_END);
	return 0;
}

/* --- the stages ------------------------------------------------------------------------------- */

static int read_all(struct rc_slot *s, struct rc_worker_tools *t, struct rc_err *err)
{
	for (size_t i = 0; i < s->n_placed; i++) {
		struct rc_placed *p = &s->placed[i];
		const struct rc_plan_stream *ps;
		struct rc_err why = {0};
		int rc;

		if (!p->tile)
			continue;
		ps = &p->work->plan->streams[p->tile->stream];
		if (ps->stored)
			continue;
		if (given_up(p)) {
			p->fail = &skipped;
			continue;
		}
		rc = ps->copies ? read_copies(s, p, t, &why) : read_compute(s, p, t, &why);
		if (rc_is_fatal(rc)) {
			if (err)
				*err = why;
			return rc;
		}
		if (rc) {
			p->fail = keep_error(s, &why);
			give_up(p);
		}
	}
	return 0;
}

static int compute(struct rc_slot *s, struct rc_worker_tools *t, struct rc_err *err)
{
	int64_t t0 = rc_now_ns();
	int rc;

	if (!s->batch.n_jobs)
		return 0;
	rc = t->backend->submit(s->lane, &s->batch, err);
	if (!rc)
		rc = t->backend->wait(s->lane, err);
	t->compute.busy_ns += rc_now_ns() - t0;
	t->compute.items += s->batch.n_jobs;
	t->compute.bytes += s->batch.in_bytes + s->batch.out_bytes;
	return rc;
}

int rc_slot_run(struct rc_slot *s, struct rc_worker_tools *t, struct rc_err *err)
{
	size_t n_jobs = 0;
	int rc = rc_grow_array(&s->fails, &s->cap_fails, s->n_placed, sizeof *s->fails, err);

	for (size_t i = 0; i < s->n_placed && !rc; i++) {
		const struct rc_placed *p = &s->placed[i];

		rc = place(s, &s->placed[i], t, err);
		n_jobs += p->tile ? p->work->plan->streams[p->tile->stream].n_sources : 0;
	}
	if (!rc)
		rc = rc_grow_array(&s->batch.jobs, &s->cap_jobs, n_jobs, sizeof *s->batch.jobs,
				   err);
	if (!rc)
		rc = need_lane(s, t, err);
	if (!rc)
		rc = read_all(s, t, err);
	if (!rc)
		rc = compute(s, t, err);
	for (size_t i = 0; i < s->n_placed && !rc; i++)
		rc = emit(s, &s->placed[i], t, err);
	for (size_t i = 0; i < s->n_items && !rc; i++)
		if (s->items[i].in_enc)
			s->items[i].stored = s->enc + s->items[i].enc_at;
	return rc;
}
