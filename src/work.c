/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "work.h"

#include "base/mem.h"
#include "budget.h"
#include "kernels/marks.h"
#include "kernels/shared_math.h"

enum {
	TILE_BYTES = 2 << 20,       /* wanted bytes of a tile, input and output */
	TILE_ITEMS = 1024,          /* chunks of a tile */
	ENOUGH_TICKS = 1000000,     /* up to here any rate is as good as any other */
	MAX_TICKS_A_SAMPLE = 1000,
};

static const struct rc_stream *source_stream(const struct rc_work *w,
					     const struct rc_plan_source *src)
{
	return rc_plan_input(w->ix, w->plan, src);
}

/* --- clocks ----------------------------------------------------------------------------------- */

/* Moves all clocks to the earliest first sample, so that times are small and files of the same
 * motion at another hour are the same. */
static int set_origin(struct rc_work *w, struct rc_err *err)
{
	bool first = true;

	for (size_t i = 0; i < w->n_tracks; i++) {
		if (!w->tracks[i].t || !w->tracks[i].n)
			continue;
		if (first || w->tracks[i].t[0] < w->origin_ns)
			w->origin_ns = w->tracks[i].t[0];
		first = false;
	}
	for (size_t i = 0; i < w->n_tracks; i++) {
		int64_t *t = w->tracks[i].shared ? NULL : w->tracks[i].t;

		for (uint64_t k = 0; t && k < w->tracks[i].n; k++)
			if (__builtin_sub_overflow(t[k], w->origin_ns, &t[k]))
				return rc_fail(err, RC_E_FORMAT, "bad_clock",
					       "stamp %llu of a clock lies centuries from the "
					       "first stamp of another",
					       (unsigned long long)k);
	}
	return 0;
}

/* --- ticks ------------------------------------------------------------------------------------ */

static void span(const struct rc_work *w, bool all, int64_t *lo_out, int64_t *hi_out)
{
	bool first = true;

	for (size_t i = 0; i < w->n_tracks; i++) {
		const struct rc_track *tr = &w->tracks[i];
		int64_t a, b;

		if (!tr->t)
			continue;
		a = tr->t[0];
		b = tr->t[tr->n - 1];
		if (first || (all ? a < *lo_out : a > *lo_out))
			*lo_out = a;
		if (first || (all ? b > *hi_out : b < *hi_out))
			*hi_out = b;
		first = false;
	}
}

/* The reference's clock, which need not belong to an output stream. */
static int load_reference(const struct rc_work_ask *ask, struct rc_work *w, struct rc_track *ref,
			  struct rc_err *err)
{
	const struct rc_plan_source *src = &w->plan->reference;
	const char *name = rc_index_str(w->ix, source_stream(w, src)->name);
	int rc = rc_track_read(ask, w, src, ref, err);

	if (!rc)
		rc = rc_track_check(ref, name, err);
	for (uint64_t k = 0; !rc && k < ref->n; k++)
		if (__builtin_sub_overflow(ref->t[k], w->origin_ns, &ref->t[k]))
			rc = rc_fail(err, RC_E_FORMAT, "bad_clock",
				     "the clock of stream '%s' lies centuries from the others",
				     name);
	return rc;
}

/* One wrong stamp can stretch an episode to years: more than a thousand ticks for every sample is
 * no dataset that anyone wants, and must not take the memory of the machine. */
static int check_span(const struct rc_work *w, struct rc_rate rate, int64_t lo, int64_t hi,
		      struct rc_err *err)
{
	double ticks = ((double)hi - (double)lo) / 1e9 * rc_rate_hz(rate);
	uint64_t longest = 0;

	for (size_t i = 0; i < w->n_tracks; i++)
		if (w->tracks[i].n > longest)
			longest = w->tracks[i].n;
	if (ticks < ENOUGH_TICKS || ticks / MAX_TICKS_A_SAMPLE < (double)longest)
		return 0;
	return rc_fail(err, RC_E_FORMAT, "too_many_ticks",
		       "the episode lasts %.0f s by its clocks, which is %.3g ticks for at most "
		       "%llu samples; is a stamp wrong, or the unit of a clock?",
		       ((double)hi - (double)lo) / 1e9, ticks, (unsigned long long)longest);
}

/* The ticks are stamps, of which several may be the same. */
static void extend_stamps(struct rc_work *w)
{
	int64_t n = (int64_t)w->n_ticks, first = w->ticks[0], last = w->ticks[n - 1], step;
	int64_t next = rc_last_not_after(w->ticks, n, first) + 1;
	int64_t previous = rc_last_not_after(w->ticks, n, last - 1);

	w->tick_before = INT64_MIN;
	w->tick_after = last;
	if (next == n)
		return;
	if (__builtin_sub_overflow(w->ticks[next], first, &step) ||
	    __builtin_sub_overflow(first, step, &w->tick_before))
		w->tick_before = INT64_MIN;
	if (__builtin_sub_overflow(last, w->ticks[previous], &step) ||
	    __builtin_add_overflow(last, step, &w->tick_after))
		w->tick_after = INT64_MAX;
}

static void extend_grid(struct rc_work *w, struct rc_rate rate, int64_t lo)
{
	if (__builtin_add_overflow(lo, rc_rate_offset_ns(rate, -1), &w->tick_before))
		w->tick_before = INT64_MIN;
	if (__builtin_add_overflow(lo, rc_rate_offset_ns(rate, (int64_t)w->n_ticks),
				   &w->tick_after))
		w->tick_after = INT64_MAX;
}

static int make_ticks(const struct rc_work_ask *ask, struct rc_work *w, struct rc_err *err)
{
	const struct rc_settings *set = ask->set;
	struct rc_track ref = {0};
	int64_t lo = 0, hi = -1;
	int rc = 0;

	if (w->plan->has_reference) {
		rc = load_reference(ask, w, &ref, err);
		if (!rc && w->plan->timing == RC_TIMING_STAMPS) {
			w->ticks = ref.t;
			w->n_ticks = ref.n;
			extend_stamps(w);
			return 0;
		}
		if (!rc) {
			lo = ref.t[0];
			hi = ref.t[ref.n - 1];
		}
	} else {
		span(w, set->timeline == RC_TIMELINE_UNION, &lo, &hi);
	}
	if (!rc && hi < lo)
		rc = rc_fail(err, RC_E_FORMAT, "no_overlap",
			     "the streams have no time in common: the last to start does so %.3f s "
			     "after the first one ended; leave that one out with --drop, or use "
			     "--timeline union",
			     (double)(lo - hi) / 1e9);
	if (!rc)
		rc = check_span(w, set->rate, lo, hi, err);
	if (!rc)
		rc = rc_timeline_count(set->rate, lo, hi, &w->n_ticks, err);
	if (!rc)
		rc = rc_arena_array(&w->arena, &w->ticks, w->n_ticks, sizeof *w->ticks, err);
	if (rc)
		return rc;
	rc_timeline_fill(set->rate, lo, w->n_ticks, w->ticks);
	extend_grid(w, set->rate, lo);
	return 0;
}

/* The clock of the actions, or else of the first stream that has a usable one. */
static const struct rc_track *step_clock(const struct rc_work *w)
{
	const struct rc_track *best = NULL;
	uint32_t first = UINT32_MAX;
	size_t at = 0;

	for (size_t i = 0; i < w->plan->n_streams; i++)
		for (size_t k = 0; k < w->plan->streams[i].n_sources; k++, at++) {
			const struct rc_track *tr = &w->tracks[at];

			if (!tr->t || !tr->in_order || tr->n < w->n_ticks)
				continue;
			if (source_stream(w, &w->plan->streams[i].sources[k])->role ==
			    RC_ROLE_ACTION)
				return tr;
			if (w->plan->streams[i].sources[k].nth < first) {
				first = w->plan->streams[i].sources[k].nth;
				best = tr;
			}
		}
	return best;
}

/* Step for step: row k is tick k, at the time of one stream's stamp if there are any. */
static int step_ticks(struct rc_work *w, struct rc_err *err)
{
	const struct rc_track *tr;
	int rc;

	w->n_ticks = w->plan->est_ticks;
	tr = step_clock(w);
	if (!tr)
		return 0;
	rc = rc_arena_array(&w->arena, &w->ticks, w->n_ticks, sizeof *w->ticks, err);
	if (!rc && w->n_ticks)
		memcpy(w->ticks, tr->t, w->n_ticks * sizeof *w->ticks);
	return rc;
}

/* --- alignment -------------------------------------------------------------------------------- */

/* valid: n_ticks bytes that nobody needs yet. */
static void align_stream(struct rc_work *w, size_t i, struct rc_track *tracks,
			 const struct rc_settings *set, uint8_t *valid)
{
	const struct rc_plan_stream *s = &w->plan->streams[i];
	uint64_t n_bad = 0;

	memset(valid, 1, w->n_ticks);
	for (size_t k = 0; k < s->n_sources; k++) {
		struct rc_align_ask ask = {
			.t = tracks[k].t,
			.n = tracks[k].n,
			.ticks = w->ticks,
			.n_ticks = w->n_ticks,
			.method = s->sources[k].method,
			.max_gap_ns = set->max_gap_ns,
			.outside_is_invalid = set->timeline == RC_TIMELINE_UNION ||
					      w->plan->has_reference,
		};
		rc_align(&ask, valid, &tracks[k].align);
	}
	for (uint64_t k = 0; k < w->n_ticks; k++)
		n_bad += !valid[k];
	w->n_invalid += n_bad;
	if (n_bad)
		w->valid[i] = valid;
}

static int check_gaps(const struct rc_work *w, const struct rc_settings *set, struct rc_err *err)
{
	size_t at = 0;

	if (set->gap_policy != RC_GAP_DROP || !set->max_gap_ns)
		return 0;
	for (size_t i = 0; i < w->plan->n_streams; i++)
		for (size_t k = 0; k < w->plan->streams[i].n_sources; k++, at++)
			if (w->tracks[at].align.in_gap)
				return rc_fail(err, RC_E_FORMAT, "gap",
					       "stream '%s' has no sample within --max-gap for "
					       "%llu of %llu ticks",
					       rc_index_str(w->ix,
							    source_stream(w, &w->plan->streams[i]
										     .sources[k])
								    ->name),
					       (unsigned long long)w->tracks[at].align.in_gap,
					       (unsigned long long)w->n_ticks);
	return 0;
}

static int align(struct rc_work *w, const struct rc_settings *set, struct rc_err *err)
{
	uint8_t *valid = NULL;
	size_t at = 0;
	int rc = 0;

	for (size_t i = 0; i < w->plan->n_streams && !rc; i++) {
		if (!valid) /* the last one was free, or is kept */
			rc = rc_arena_array(&w->arena, &valid, w->n_ticks, 1, err);
		if (rc)
			break;
		align_stream(w, i, &w->tracks[at], set, valid);
		if (w->valid[i])
			valid = NULL;
		at += w->plan->streams[i].n_sources;
	}
	return rc ? rc : check_gaps(w, set, err);
}

/* --- output description ----------------------------------------------------------------------- */

static const char *frames_of(const struct rc_work *w, const struct rc_stream *src)
{
	return rc_frame_codec_name(w->ix->datasets[src->dataset].frames.codec);
}

static void describe_stream(struct rc_work *w, size_t i)
{
	const struct rc_plan_stream *s = &w->plan->streams[i];
	const struct rc_stream *src = source_stream(w, &s->sources[0]);
	struct rc_out_stream *o = &w->out[i];

	*o = (struct rc_out_stream){
		.name = s->name,
		.place = rc_plan_place(w->ix, w->plan, s),
		.role = s->role,
		.kind = s->kind,
		.dtype = s->dtype,
		.rank = s->rank,
		.encoding = s->encoding,
		.method = s->method,
		.source = rc_plan_source_text(w->ix, w->plan, s),
		.unit = s->is_group ? "" : rc_index_str(w->ix, src->unit),
		.quat_order = s->is_group ? "" : rc_turn_order(&s->sources[0]),
		.rotation = s->is_group ? "" : rc_turn_form(s->turns),
		.frames = s->kind == RC_KIND_ENCODED ? frames_of(w, src) : "",
		.valid = w->valid[i],
	};
	memcpy(o->dims, s->dims, sizeof o->dims);
	o->dims[0] = w->n_ticks;
	o->chunk_rows = rc_chunk_rows(s, w->n_ticks);
	if (s->stored) {
		const struct rc_dataset *d = &w->ix->datasets[src->dataset];
		o->n_filters = d->n_filters;
		memcpy(o->filters, d->filters, sizeof o->filters);
	}
}

static void describe_episode(struct rc_work *w)
{
	const struct rc_index_episode *e = &w->ix->episodes[w->plan->i_episode];
	enum rc_clock_kind kind = RC_CLOCK_NONE;

	for (size_t i = 0; i < w->plan->n_streams; i++)
		for (size_t k = 0; k < w->plan->streams[i].n_sources; k++)
			if (w->plan->streams[i].sources[k].clock != RC_CLOCK_NONE &&
			    kind != RC_CLOCK_MEASURED)
				kind = w->plan->streams[i].sources[k].clock;
	w->episode = (struct rc_out_episode){
		.id = w->plan->id,
		.split = w->plan->split,
		.language = rc_index_str(w->ix, e->language),
		.env_args = rc_index_str(w->ix, e->env_args),
		.model_file = rc_index_str(w->ix, e->model_file),
		.success = e->success,
		.sim = e->sim == UINT32_MAX ? -1 : (int)e->sim,
		.streams = w->out,
		.n_streams = w->plan->n_streams,
		.n_ticks = w->n_ticks,
		.ticks = w->ticks,
		.origin_ns = w->origin_ns,
		.clock = rc_clock_kind_name(kind),
	};
}

/* --- tiles ------------------------------------------------------------------------------------ */

/* What the rows of stream i take of a slot, whatever the clocks are. */
static struct rc_need need_of(const struct rc_work *w, size_t i, uint64_t rows)
{
	struct rc_need n;

	rc_stream_need(w->ix, w->plan, i, rows, w->out[i].chunk_rows, &n);
	return n;
}

/* Rows of a tile: about TILE_BYTES of input and output, a whole number of chunks, no more than a
 * slot takes.  0: not even the least that can be written fits. */
static uint64_t tile_rows(const struct rc_work *w, size_t i, const struct rc_slot_size *size)
{
	const struct rc_plan_stream *s = &w->plan->streams[i];
	uint64_t per_tick = s->row_bytes + 1, chunk = w->out[i].chunk_rows, rows;
	uint64_t least = chunk ? chunk : 1;

	if (least > size->tile_rows) /* of an episode that the slots were not made for */
		return 0;
	for (size_t k = 0; k < s->n_sources && !s->copies; k++) {
		const struct rc_stream *src = source_stream(w, &s->sources[k]);
		uint64_t row = rc_plan_row_bytes(&s->sources[k], &w->ix->datasets[src->dataset]);
		uint64_t a_tick = rc_div_up(src->n_rows, w->n_ticks);
		per_tick += (a_tick < 2 ? a_tick : 2) * (row + sizeof(int64_t));
	}
	rows = (size->want / 2 < TILE_BYTES ? size->want / 2 : TILE_BYTES) / per_tick;
	if (chunk && rows > TILE_ITEMS * chunk)
		rows = TILE_ITEMS * chunk;
	if (rows > size->tile_rows)
		rows = size->tile_rows;
	rows = rows < least ? least : rows / least * least;
	for (;;) {
		struct rc_need n = need_of(w, i, rows);

		if (rc_need_fits(&n, size))
			return rows;
		if (rows == least)
			return 0;
		rows = rows / 2 < least ? least : rows / 2 / least * least;
	}
}

static int fail_memory(const struct rc_work *w, size_t i, const struct rc_budget *budget,
		       struct rc_err *err)
{
	uint64_t rows = w->out[i].chunk_rows ? w->out[i].chunk_rows : 1;
	struct rc_need n = need_of(w, i, rows);
	char advice[64];

	rc_budget_advice(budget, &n, rows, advice, sizeof advice);
	return rc_fail(err, RC_E_UNSUPPORTED, "memory",
		       "the memory of this run has no room for one %s of stream '%s'; it needs %s",
		       w->out[i].chunk_rows > 1 ? "chunk" : "row", w->out[i].name, advice);
}

static int cut_tiles(struct rc_work *w, const struct rc_budget *budget, struct rc_err *err)
{
	const struct rc_slot_size *size = &budget->slot;
	size_t n = 0, at = 0;
	int rc;

	for (size_t i = 0; i < w->plan->n_streams; i++) {
		uint64_t rows = tile_rows(w, i, size);

		if (!rows)
			return fail_memory(w, i, budget, err);
		n += rc_div_up(w->n_ticks, rows);
	}
	rc = rc_arena_array(&w->arena, &w->tiles, n, sizeof *w->tiles, err);
	if (!rc)
		rc = rc_arena_array(&w->arena, &w->lints, n, sizeof *w->lints, err);
	for (size_t i = 0; i < w->plan->n_streams && !rc; i++) {
		uint64_t rows = tile_rows(w, i, size);

		for (uint64_t row = 0; row < w->n_ticks; row += rows) {
			struct rc_tile *t = &w->tiles[at++];

			*t = (struct rc_tile){
				.stream = (uint32_t)i,
				.row0 = row,
				.n_rows = (uint32_t)(w->n_ticks - row < rows ? w->n_ticks - row
									     : rows),
			};
			rc_tile_need(w, t);
		}
	}
	w->n_tiles = rc ? 0 : n;
	return rc;
}

/* --- the whole -------------------------------------------------------------------------------- */

static int prepare(const struct rc_work_ask *ask, struct rc_work *w, struct rc_err *err)
{
	bool steps = w->plan->timing == RC_TIMING_STEPS;
	int rc = 0;

	if (ask->input) /* steps without a clock need none */
		rc = rc_readers_ready(rc_reader_pool(rc_input_reader(ask->input)), w->ix->path,
				      err);
	if (!rc)
		rc = rc_tracks_load(ask, w, err);
	if (rc)
		return rc;
	rc = set_origin(w, err);
	if (rc)
		return rc;
	rc = steps ? step_ticks(w, err) : make_ticks(ask, w, err);
	if (!rc && w->n_ticks == 0)
		rc = rc_fail(err, RC_E_FORMAT, "empty_episode", "the episode has no steps");
	if (!rc && !steps)
		rc = align(w, ask->set, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < w->plan->n_streams; i++)
		describe_stream(w, i);
	describe_episode(w);
	return cut_tiles(w, ask->budget, err);
}

int rc_work_prepare(struct rc_work *w, const struct rc_work_ask *ask, struct rc_err *err)
{
	int rc;

	w->plan = &ask->plan->episodes[ask->plan->order[ask->i_order]];
	w->ix = rc_plan_index(ask->plan, w->plan);
	w->i_order = ask->i_order;
	for (size_t i = 0; i < w->plan->n_streams; i++)
		w->n_tracks += w->plan->streams[i].n_sources;
	rc = rc_arena_array(&w->arena, &w->tracks, w->n_tracks, sizeof *w->tracks, err);
	if (!rc)
		rc = rc_arena_array(&w->arena, &w->out, w->plan->n_streams, sizeof *w->out, err);
	if (!rc)
		rc = rc_arena_array(&w->arena, &w->valid, w->plan->n_streams, sizeof *w->valid,
				    err);
	if (rc)
		return rc;
	memset(w->tracks, 0, w->n_tracks * sizeof *w->tracks);
	memset(w->valid, 0, w->plan->n_streams * sizeof *w->valid);
	rc_mark_push("prepare");
	rc = prepare(ask, w, &w->err);
	rc_mark_pop();
	if (rc_is_fatal(rc)) {
		if (err)
			*err = w->err;
		return rc;
	}
	if (rc)
		w->n_tiles = 0;
	atomic_store(&w->first_bad, w->n_tiles ? w->tiles + w->n_tiles : NULL);
	return 0;
}

void rc_work_reset(struct rc_work *w)
{
	struct rc_arena arena = w->arena;

	rc_arena_reset(&arena);
	*w = (struct rc_work){.arena = arena, .counted = w->counted};
}

void rc_work_release(struct rc_work *w)
{
	rc_arena_release(&w->arena);
	*w = (struct rc_work){0};
}
