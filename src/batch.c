/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "batch.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kernels/marks.h"
#include "reduce.h"

/* --- the slot --------------------------------------------------------------------------------- */

bool rc_need_fits(const struct rc_need *n, const struct rc_slot_size *z)
{
	return n->in <= z->in && n->out <= z->out && n->enc <= z->enc && n->jobs <= z->jobs &&
	       n->items <= z->items && n->chunk <= z->chunk;
}

uint64_t rc_slot_bytes(const struct rc_slot_size *z)
{
	return z->in + z->out + z->enc + z->jobs * sizeof(struct rc_job) +
	       z->items * sizeof(struct rc_item) +
	       z->tiles * (sizeof(struct rc_placed) + sizeof(struct rc_err));
}

int rc_slot_open(struct rc_slot *s, const struct rc_slot_size *size,
		 const struct rc_backend *backend, struct rc_device *dev, struct rc_err *err)
{
	struct rc_lane_size lane = {size->in, size->out, size->jobs};
	int rc;

	*s = (struct rc_slot){.size = *size, .backend = backend};
	rc = backend->lane_open(dev, &lane, &s->lane, err);
	if (!rc)
		rc = rc_new_array(&s->enc, size->enc, 1, err);
	s->enc_cap = rc ? 0 : size->enc;
	if (!rc)
		rc = rc_new_array(&s->placed, size->tiles, sizeof *s->placed, err);
	if (!rc)
		rc = rc_new_array(&s->items, size->items, sizeof *s->items, err);
	if (!rc)
		rc = rc_new_array(&s->fails, size->tiles, sizeof *s->fails, err);
	if (rc) {
		rc_slot_close(s);
		return rc;
	}
	s->batch.in = s->lane->in;
	s->batch.out = s->lane->out;
	s->batch.jobs = s->lane->jobs;
	return 0;
}

void rc_slot_close(struct rc_slot *s)
{
	if (s->in_flight)
		s->backend->wait(s->lane, NULL);
	if (s->lane)
		s->backend->lane_close(s->lane);
	free(s->enc);
	free(s->placed);
	free(s->items);
	free(s->fails);
	*s = (struct rc_slot){0};
}

void rc_slot_clear(struct rc_slot *s)
{
	s->n_placed = s->n_items = s->n_fails = 0;
	s->need = (struct rc_need){0};
	s->batch.n_jobs = 0;
	s->batch.in_bytes = s->batch.out_bytes = 0;
	s->out_used = s->enc_used = 0;
	s->recomputed = false;
}

bool rc_slot_add(struct rc_slot *s, struct rc_work *w, const struct rc_tile *t, bool first,
		 bool last)
{
	struct rc_need n = s->need;

	if (t) {
		n.in += t->need.in;
		n.out += t->need.out;
		n.enc += t->need.enc;
		n.jobs += t->need.jobs;
		n.items += t->need.items;
		n.chunk = t->need.chunk > n.chunk ? t->need.chunk : n.chunk;
	} else {
		n.items += 2; /* FAIL and END */
	}
	/* the first tile of a batch always fits: that is how it was cut */
	if (s->n_placed == s->size.tiles || !rc_need_fits(&n, &s->size) ||
	    (s->n_placed && n.in + n.out > s->size.want))
		return false;
	s->need = n;
	s->placed[s->n_placed++] = (struct rc_placed){
		.work = w, .tile = t, .first = first, .last = last};
	return true;
}

/* --- failing ---------------------------------------------------------------------------------- */

const struct rc_err rc_tile_skipped = {.code = RC_E_FORMAT, .reason = "skipped",
				       .msg = "an earlier part of the episode failed"};

bool rc_placed_given_up(const struct rc_placed *p)
{
	return p->tile > atomic_load(&p->work->first_bad);
}

const struct rc_err *rc_placed_fail(struct rc_slot *s, struct rc_placed *p,
				    const struct rc_err *why)
{
	const struct rc_tile *bad = atomic_load(&p->work->first_bad);

	while (p->tile < bad && !atomic_compare_exchange_weak(&p->work->first_bad, &bad, p->tile))
		;
	s->fails[s->n_fails] = *why;
	return &s->fails[s->n_fails++];
}

/* --- reading ---------------------------------------------------------------------------------- */

/* The job that makes values of one source at the ticks, from rows that lie in `in` at at. */
static struct rc_job *add_job(struct rc_slot *s, const struct rc_placed *p, size_t k, size_t at,
			      uint64_t n_rows)
{
	const struct rc_plan_stream *ps = &p->work->plan->streams[p->tile->stream];
	const struct rc_plan_source *src = &ps->sources[k];
	struct rc_job *job = &s->batch.jobs[s->batch.n_jobs++];

	*job = (struct rc_job){
		.src_t = at,
		.src = at + rc_aligned(n_rows * sizeof(int64_t)),
		.dst = p->out + src->buffer_column * rc_dtype_size(ps->dtype),
		.n_src = (uint32_t)n_rows,
		.n_ticks = p->tile->n_rows,
		.width = src->width,
		.dst_stride = (uint32_t)ps->buffer_elements,
		.dst_dtype = (uint8_t)ps->dtype,
		.method = (uint8_t)src->method,
		.quat_first = src->quat_first,
	};
	return job;
}

/* A row a tick, which is all that is left to pick. */
static int read_reduced(struct rc_slot *s, struct rc_placed *p, size_t k, size_t *at,
			struct rc_worker_tools *t, struct rc_err *err)
{
	const struct rc_work *w = p->work;
	const struct rc_plan_source *src = &w->plan->streams[p->tile->stream].sources[k];
	const struct rc_stream *st = rc_plan_input(w->ix, w->plan, src);
	const struct rc_dataset *d = &w->ix->datasets[st->dataset];
	struct rc_job *job = add_job(s, p, k, *at, p->tile->n_rows);

	memcpy((char *)s->batch.in + job->src_t, w->ticks + p->tile->row0,
	       p->tile->n_rows * sizeof *w->ticks);
	job->src_dtype = (uint8_t)rc_reduced_dtype(src->method, (enum rc_dtype)d->dtype);
	job->method = RC_METHOD_PREVIOUS;
	*at = job->src + rc_reduce_bytes(src, d, p->tile->n_rows);
	return rc_reduce_read(w, p->tile, k, t->input, (char *)s->batch.in + job->src, err);
}

/* Stamps and rows of one source into `in` at *at, and the job that uses them. */
static int read_source(struct rc_slot *s, struct rc_placed *p, size_t k, size_t *at,
		       struct rc_worker_tools *t, struct rc_err *err)
{
	const struct rc_work *w = p->work;
	const struct rc_plan_source *src = &w->plan->streams[p->tile->stream].sources[k];
	const struct rc_stream *st = rc_plan_input(w->ix, w->plan, src);
	const struct rc_dataset *d = &w->ix->datasets[st->dataset];
	const struct rc_track *tr = rc_work_track(w, p->tile->stream, k);
	size_t n_runs = rc_tile_rows(w, p->tile, k, t->runs);
	int64_t *t_ns = (int64_t *)((char *)s->batch.in + *at);
	struct rc_job *job;
	uint64_t n = 0;
	char *rows;
	int rc;

	for (size_t i = 0; i < n_runs; i++) {
		struct rc_row_run *run = &t->runs[i];

		if (w->plan->timing == RC_TIMING_STEPS)
			for (uint64_t j = 0; j < run->n; j++)
				t_ns[n + j] = (int64_t)(run->row0 + j);
		else
			memcpy(t_ns + n, tr->t + run->row0, run->n * sizeof *t_ns);
		n += run->n;
		run->row0 += st->row0;
	}
	job = add_job(s, p, k, *at, n);
	job->src_dtype = (uint8_t)rc_plan_dtype(src, d);
	rows = (char *)s->batch.in + job->src;
	*at = job->src + rc_aligned(n * rc_plan_row_bytes(src, d));
	rc = rc_input_rows(t->input, w->ix, st->dataset, t->runs, n_runs, rows,
			   n * rc_dataset_row_bytes(d), err);
	if (!rc && src->form.turn)
		rc_form_rows(src, (enum rc_dtype)d->dtype, rows, n);
	return rc;
}

static int read_compute(struct rc_slot *s, struct rc_placed *p, struct rc_worker_tools *t,
			struct rc_err *err)
{
	const struct rc_work *w = p->work;
	const struct rc_tile *tile = p->tile;
	const struct rc_plan_stream *ps = &w->plan->streams[tile->stream];
	size_t ticks_at = s->batch.in_bytes, jobs = s->batch.n_jobs;
	int64_t *ticks = (int64_t *)((char *)s->batch.in + ticks_at);
	size_t at = ticks_at + rc_aligned(tile->n_rows * sizeof *ticks);
	int rc = 0;

	p->out = s->batch.out_bytes;
	for (uint32_t k = 0; k < tile->n_rows; k++)
		ticks[k] = w->plan->timing == RC_TIMING_STEPS
				   ? (int64_t)(tile->row0 + k)
				   : rc_tick_of(w, tile->stream, tile->row0 + k);
	for (size_t k = 0; k < ps->n_sources && !rc; k++) {
		rc = rc_method_reduces(ps->sources[k].method)
			     ? read_reduced(s, p, k, &at, t, err)
			     : read_source(s, p, k, &at, t, err);
		s->batch.jobs[s->batch.n_jobs - 1].ticks = ticks_at;
		if (rc)
			rc_err_while(err, "reading stream '%s'",
				     rc_index_str(w->ix, rc_plan_input(w->ix, w->plan,
								       &ps->sources[k])->name));
	}
	if (rc) { /* the tile is given up, and so are its jobs and its place */
		s->batch.n_jobs = jobs;
		return rc;
	}
	s->batch.in_bytes = at;
	s->batch.out_bytes += tile->need.out;
	return 0;
}

/* The rows that ticks take, each once, as runs of the dataset; returns the number of runs. */
static size_t picked_runs(struct rc_worker_tools *t, uint32_t n_ticks, uint64_t row0,
			  uint64_t *n_rows_out)
{
	uint64_t rows = 0;
	size_t n = 0;

	for (uint32_t k = 0; k < n_ticks; k++) {
		uint64_t row = row0 + t->picks[k];

		if (k && t->picks[k] == t->picks[k - 1])
			continue;
		if (n && t->runs[n - 1].row0 + t->runs[n - 1].n == row)
			t->runs[n - 1].n++;
		else
			t->runs[n++] = (struct rc_row_run){row, 1};
		rows++;
	}
	*n_rows_out = rows;
	return n;
}

/* Rows that repeat were read once, to the end of their place, from where giving each tick its copy
 * from the front never overtakes the next one. */
static void spread(const uint64_t *picks, uint32_t n, uint64_t row_bytes, char *out,
		   const char *packed)
{
	for (uint32_t k = 0; k < n; k++) {
		if (k && picks[k] != picks[k - 1])
			packed += row_bytes;
		memmove(out + k * row_bytes, packed, row_bytes);
	}
}

static int read_copies(struct rc_slot *s, struct rc_placed *p, struct rc_worker_tools *t,
		       struct rc_err *err)
{
	const struct rc_work *w = p->work;
	const struct rc_tile *tile = p->tile;
	const struct rc_plan_stream *ps = &w->plan->streams[tile->stream];
	const struct rc_stream *st = rc_plan_input(w->ix, w->plan, &ps->sources[0]);
	char *out = (char *)s->batch.out + s->out_used, *dst;
	uint64_t rows;
	size_t n_runs;
	int rc;

	p->out = s->out_used;
	s->out_used += tile->need.out;
	rc_tile_picks(w, tile, t->picks);
	n_runs = picked_runs(t, tile->n_rows, st->row0, &rows);
	dst = out + (tile->n_rows - rows) * ps->row_bytes;
	rc = rc_input_rows(t->input, w->ix, st->dataset, t->runs, n_runs, dst,
			   rows * ps->row_bytes, err);
	if (rc)
		rc_err_while(err, "reading stream '%s'", rc_index_str(w->ix, st->name));
	else if (dst != out)
		spread(t->picks, tile->n_rows, ps->row_bytes, out, dst);
	return rc;
}

/* Reads the tiles that are computed, or those that are copied. */
static int read_tiles(struct rc_slot *s, bool copies, struct rc_worker_tools *t,
		      struct rc_err *err)
{
	for (size_t i = 0; i < s->n_placed; i++) {
		struct rc_placed *p = &s->placed[i];
		const struct rc_plan_stream *ps;
		struct rc_err why = {0};
		int rc;

		if (!p->tile)
			continue;
		ps = &p->work->plan->streams[p->tile->stream];
		if (ps->stored || ps->copies != copies)
			continue;
		if (rc_placed_given_up(p)) {
			p->fail = &rc_tile_skipped;
			continue;
		}
		rc = copies ? read_copies(s, p, t, &why) : read_compute(s, p, t, &why);
		if (rc_is_fatal(rc)) {
			if (err)
				*err = why;
			return rc;
		}
		if (rc)
			p->fail = rc_placed_fail(s, p, &why);
	}
	return 0;
}

/* --- computing -------------------------------------------------------------------------------- */

/* What a lost device would have done, on the processor: the input is as it was. */
static int recompute(struct rc_slot *s, struct rc_worker_tools *t, const struct rc_err *why,
		     struct rc_err *err)
{
	int64_t t0 = rc_now_ns();
	int rc;

	if (!t->device_err.code)
		t->device_err = *why;
	if (!t->devices->recovers) {
		if (err)
			*err = *why;
		return why->code;
	}
	if (!atomic_exchange(&t->devices->told, true))
		rc_log(RC_LOG_WARN, "the device is lost, the processor goes on: %s", why->msg);
	t->n_recomputed++;
	s->recomputed = true;
	rc = rc_cpu_compute(t->devices->cpu, &s->batch, err);
	t->compute.busy_ns += rc_now_ns() - t0;
	return rc;
}

static int submit(struct rc_slot *s, struct rc_worker_tools *t, struct rc_err *err)
{
	struct rc_err why = {0};
	int rc;

	s->out_used = s->batch.out_bytes;
	if (!s->batch.n_jobs)
		return 0;
	t->compute.items += s->batch.n_jobs;
	t->compute.bytes += s->batch.in_bytes + s->batch.out_bytes;
	rc = s->backend->submit(s->lane, &s->batch, &why);
	s->in_flight = !rc;
	if (rc == RC_E_DEVICE)
		return recompute(s, t, &why, err);
	if (rc && err)
		*err = why;
	return rc;
}

static void add_span(struct rc_stage_time *t, const struct rc_span *span, uint64_t bytes)
{
	t->busy_ns += (int64_t)((span->end - span->begin) * 1e9);
	t->bytes += bytes;
	t->items += bytes != 0;
}

int rc_slot_wait(struct rc_slot *s, struct rc_worker_tools *t, struct rc_err *err)
{
	struct rc_lane_times times;
	struct rc_err why = {0};
	int rc;

	if (!s->in_flight)
		return 0;
	rc_mark_push("wait");
	rc = s->backend->wait(s->lane, &why);
	rc_mark_pop();
	s->in_flight = false;
	if (rc == RC_E_DEVICE)
		return recompute(s, t, &why, err);
	if (rc) {
		if (err)
			*err = why;
		return rc;
	}
	s->backend->times(s->lane, &times);
	add_span(&t->compute, &times.kernels, 0);
	if (times.upload.end > times.upload.begin) /* the processor moves nothing */
		add_span(&t->upload, &times.upload, s->batch.in_bytes);
	if (times.download.end > times.download.begin)
		add_span(&t->download, &times.download, s->batch.out_bytes);
	return 0;
}

/* --- the stages ------------------------------------------------------------------------------- */

int rc_slot_read(struct rc_slot *s, struct rc_worker_tools *t, struct rc_err *err)
{
	int rc;

	rc_mark_push("read");
	rc = read_tiles(s, false, t, err);
	if (!rc) {
		rc_mark_push("compute");
		rc = submit(s, t, err);
		rc_mark_pop();
	}
	/* while a device computes */
	if (!rc)
		rc = read_tiles(s, true, t, err);
	rc_mark_pop();
	return rc;
}

bool rc_slot_ready(struct rc_slot *s)
{
	return !s->in_flight || s->backend->ready(s->lane);
}
