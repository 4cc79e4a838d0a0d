/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "work.h"

#include "base/mem.h"

enum {
	TILE_BYTES = 2 << 20,       /* wanted output bytes of a tile */
	CHUNK_BYTES = 256 << 10,    /* largest chunk of compressed low-dim rows */
	ENOUGH_TICKS = 1000000,     /* up to here any rate is as good as any other */
	MAX_TICKS_A_SAMPLE = 1000,
};

static const struct rc_stream *source_stream(const struct rc_work *w,
					     const struct rc_plan_source *src)
{
	return &w->ix->streams[src->stream];
}

const struct rc_track *rc_work_track(const struct rc_work *w, size_t i_stream, size_t i_source)
{
	size_t at = i_source;

	for (size_t i = 0; i < i_stream; i++)
		at += w->plan->streams[i].n_sources;
	return &w->tracks[at];
}

/* --- clocks ----------------------------------------------------------------------------------- */

/* Streams often share a clock: read it once. */
static const struct rc_track *find_shared(const struct rc_work *w, const struct rc_plan_source *src,
					  size_t n_done)
{
	const struct rc_stream *s = source_stream(w, src);
	size_t at = 0;

	for (size_t i = 0; i < w->plan->n_streams; i++)
		for (size_t k = 0; k < w->plan->streams[i].n_sources; k++, at++) {
			const struct rc_plan_source *o = &w->plan->streams[i].sources[k];
			const struct rc_stream *os = source_stream(w, o);
			bool same = o->clock == src->clock && o->latency_ns == src->latency_ns &&
				    os->n_rows == s->n_rows && os->row0 == s->row0;

			if (at >= n_done)
				return NULL;
			if (same && src->clock == RC_CLOCK_MEASURED)
				same = os->clock.dataset == s->clock.dataset;
			if (same && src->clock == RC_CLOCK_NOMINAL)
				same = o->rate.num == src->rate.num && o->rate.den == src->rate.den;
			if (same && w->tracks[at].t)
				return &w->tracks[at];
		}
	return NULL;
}

static int read_track(struct rc_input *in, const struct rc_work *w,
		      const struct rc_plan_source *src, struct rc_track *tr, struct rc_err *err)
{
	const struct rc_stream *s = source_stream(w, src);
	int rc = rc_new_array(&tr->t, s->n_rows, sizeof *tr->t, err);

	tr->n = s->n_rows;
	if (!rc && src->clock == RC_CLOCK_MEASURED)
		rc = rc_input_clock(in, w->ix, s, tr->t, err);
	for (uint64_t k = 0; !rc && k < tr->n; k++) {
		if (src->clock == RC_CLOCK_NOMINAL)
			tr->t[k] = rc_rate_offset_ns(src->rate, (int64_t)k);
		if (__builtin_sub_overflow(tr->t[k], src->latency_ns, &tr->t[k]))
			rc = rc_fail(err, RC_E_FORMAT, "bad_clock", "stamp %llu is out of range",
				     (unsigned long long)k);
	}
	return rc;
}

static int check_track(const struct rc_track *tr, const char *name, struct rc_err *err)
{
	if (tr->n == 0)
		return rc_fail(err, RC_E_FORMAT, "empty_stream", "stream '%s' has no rows", name);
	if (tr->clock.backwards)
		return rc_fail(err, RC_E_FORMAT, "clock_backwards",
			       "the clock of stream '%s' runs backwards at row %llu, and %llu more "
			       "times; leave the stream out with --drop, or replace its clock with "
			       "--source-rate '%s:HZ'",
			       name, (unsigned long long)tr->clock.first_backward,
			       (unsigned long long)tr->clock.backwards - 1, name);
	return 0;
}

static int load_tracks(struct rc_input *in, struct rc_work *w, struct rc_err *err)
{
	struct rc_scratch scratch = {0};
	size_t at = 0;
	int rc = 0;

	for (size_t i = 0; i < w->plan->n_streams && !rc; i++)
		for (size_t k = 0; k < w->plan->streams[i].n_sources && !rc; k++, at++) {
			const struct rc_plan_source *src = &w->plan->streams[i].sources[k];
			const char *name = rc_index_str(w->ix, source_stream(w, src)->name);
			const struct rc_track *same;
			struct rc_track *tr = &w->tracks[at];

			if (src->clock == RC_CLOCK_NONE)
				continue;
			same = find_shared(w, src, at);
			if (same) {
				*tr = *same;
				tr->shared = true;
				continue;
			}
			rc = read_track(in, w, src, tr, err);
			if (rc)
				rc_err_while(err, "reading the clock of stream '%s'", name);
			if (!rc)
				rc = rc_scratch_need(&scratch, tr->n * sizeof(int64_t), err);
			if (!rc)
				rc_clock_measure(tr->t, tr->n, scratch.p, &tr->clock);
			if (!rc && w->plan->timing != RC_TIMING_STEPS)
				rc = check_track(tr, name, err);
			w->bytes += tr->n * sizeof(int64_t);
		}
	free(scratch.p);
	return rc;
}

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
static int load_reference(struct rc_input *in, struct rc_work *w, struct rc_track *ref,
			  struct rc_err *err)
{
	const struct rc_plan_source *src = &w->plan->reference;
	const char *name = rc_index_str(w->ix, source_stream(w, src)->name);
	struct rc_scratch scratch = {0};
	int rc = read_track(in, w, src, ref, err);

	if (!rc)
		rc = rc_scratch_need(&scratch, ref->n * sizeof(int64_t), err);
	if (!rc) {
		rc_clock_measure(ref->t, ref->n, scratch.p, &ref->clock);
		rc = check_track(ref, name, err);
	}
	for (uint64_t k = 0; !rc && k < ref->n; k++)
		if (__builtin_sub_overflow(ref->t[k], w->origin_ns, &ref->t[k]))
			rc = rc_fail(err, RC_E_FORMAT, "bad_clock",
				     "the clock of stream '%s' lies centuries from the others",
				     name);
	free(scratch.p);
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

static int make_ticks(struct rc_input *in, struct rc_work *w, const struct rc_settings *set,
		      struct rc_err *err)
{
	struct rc_track ref = {0};
	int64_t lo = 0, hi = -1;
	int rc = 0;

	if (w->plan->has_reference) {
		rc = load_reference(in, w, &ref, err);
		if (!rc && w->plan->timing == RC_TIMING_STAMPS) {
			w->ticks = ref.t;
			w->n_ticks = ref.n;
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
		rc = rc_timeline_grid(set->rate, lo, hi, &w->ticks, &w->n_ticks, err);
	free(ref.t);
	return rc;
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

			if (!tr->t || tr->clock.backwards || tr->n < w->n_ticks)
				continue;
			if (source_stream(w, &w->plan->streams[i].sources[k])->role ==
			    RC_ROLE_ACTION)
				return tr;
			if (w->plan->streams[i].sources[k].stream < first) {
				first = w->plan->streams[i].sources[k].stream;
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
	rc = rc_new_array(&w->ticks, w->n_ticks, sizeof *w->ticks, err);
	if (!rc && w->n_ticks)
		memcpy(w->ticks, tr->t, w->n_ticks * sizeof *w->ticks);
	return rc;
}

/* --- alignment -------------------------------------------------------------------------------- */

static int align_stream(struct rc_work *w, size_t i, struct rc_track *tracks,
			const struct rc_settings *set, struct rc_err *err)
{
	const struct rc_plan_stream *s = &w->plan->streams[i];
	uint8_t *valid;
	uint64_t n_bad = 0;
	int rc = rc_new_array(&valid, w->n_ticks, 1, err);

	if (rc)
		return rc;
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
	if (n_bad) {
		w->valid[i] = valid;
		w->bytes += w->n_ticks;
		return 0;
	}
	free(valid);
	return 0;
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
	size_t at = 0;
	int rc = 0;

	for (size_t i = 0; i < w->plan->n_streams && !rc; i++) {
		rc = align_stream(w, i, &w->tracks[at], set, err);
		at += w->plan->streams[i].n_sources;
	}
	return rc ? rc : check_gaps(w, set, err);
}

/* --- output description and tiles ------------------------------------------------------------- */

static uint64_t div_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

/* Frames go one to a chunk; compressed rows in chunks of at most CHUNK_BYTES, evened out over the
 * episode so that the last one is not mostly padding. */
static uint64_t chunk_rows(const struct rc_plan_stream *s, uint64_t n_ticks)
{
	uint64_t most;

	if (s->stored || s->kind == RC_KIND_IMAGE)
		return 1;
	if (s->encoding.codec == RC_CODEC_NONE || n_ticks == 0 || s->row_bytes == 0)
		return 0;
	most = CHUNK_BYTES / s->row_bytes;
	if (most == 0)
		most = 1;
	return div_up(n_ticks, div_up(n_ticks, most));
}

static void describe_stream(struct rc_work *w, size_t i)
{
	const struct rc_plan_stream *s = &w->plan->streams[i];
	const struct rc_stream *src = source_stream(w, &s->sources[0]);
	struct rc_out_stream *o = &w->out[i];

	*o = (struct rc_out_stream){
		.name = s->name,
		.role = s->role,
		.kind = s->kind,
		.dtype = s->dtype,
		.rank = s->rank,
		.encoding = s->encoding,
		.method = s->method,
		.source = s->source_text,
		.unit = s->is_group ? "" : rc_index_str(w->ix, src->unit),
		.quat_order = s->is_group ? "" : rc_index_str(w->ix, src->quat_order),
		.valid = w->valid[i],
	};
	memcpy(o->dims, s->dims, sizeof o->dims);
	o->dims[0] = w->n_ticks;
	o->chunk_rows = chunk_rows(s, w->n_ticks);
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

/* Rows of a tile: about TILE_BYTES of input and output, a whole number of chunks. */
static uint64_t tile_rows(const struct rc_work *w, size_t i)
{
	const struct rc_plan_stream *s = &w->plan->streams[i];
	uint64_t per_tick = s->row_bytes + 1, rows, chunk = w->out[i].chunk_rows;

	for (size_t k = 0; k < s->n_sources && w->n_ticks; k++) {
		const struct rc_stream *src = source_stream(w, &s->sources[k]);
		uint64_t row = rc_dataset_row_bytes(&w->ix->datasets[src->dataset]);
		per_tick += (s->copies ? 1 : div_up(src->n_rows, w->n_ticks)) * row;
	}
	rows = TILE_BYTES / per_tick;
	if (rows == 0)
		rows = 1;
	if (chunk)
		rows = rows < chunk ? chunk : rows / chunk * chunk;
	return rows > UINT32_MAX / 2 ? UINT32_MAX / 2 : rows;
}

static int cut_tiles(struct rc_work *w, struct rc_err *err)
{
	size_t n = 0, at = 0;
	int rc;

	for (size_t i = 0; i < w->plan->n_streams; i++)
		n += div_up(w->n_ticks, tile_rows(w, i));
	rc = rc_new_array(&w->tiles, n, sizeof *w->tiles, err);
	for (size_t i = 0; i < w->plan->n_streams && !rc; i++) {
		uint64_t rows = tile_rows(w, i);
		for (uint64_t row = 0; row < w->n_ticks; row += rows)
			w->tiles[at++] = (struct rc_tile){
				.stream = (uint32_t)i,
				.row0 = row,
				.n_rows = (uint32_t)(w->n_ticks - row < rows ? w->n_ticks - row
									     : rows),
			};
	}
	w->n_tiles = rc ? 0 : n;
	w->bytes += n * sizeof *w->tiles;
	return rc;
}

/* --- the whole -------------------------------------------------------------------------------- */

static int prepare(struct rc_input *in, struct rc_work *w, const struct rc_settings *set,
		   struct rc_err *err)
{
	bool steps = w->plan->timing == RC_TIMING_STEPS;
	int rc = load_tracks(in, w, err);

	if (rc)
		return rc;
	rc = set_origin(w, err);
	if (rc)
		return rc;
	rc = steps ? step_ticks(w, err) : make_ticks(in, w, set, err);
	if (!rc && w->n_ticks == 0)
		rc = rc_fail(err, RC_E_FORMAT, "empty_episode", "the episode has no steps");
	w->bytes += w->n_ticks * sizeof *w->ticks;
	if (!rc && !steps)
		rc = align(w, set, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < w->plan->n_streams; i++)
		describe_stream(w, i);
	describe_episode(w);
	return cut_tiles(w, err);
}

int rc_work_prepare(struct rc_input *in, const struct rc_plan *plan, size_t i_order,
		    const struct rc_settings *set, struct rc_work **w_out, struct rc_err *err)
{
	struct rc_work *w;
	int rc = rc_new(&w, err);

	if (rc)
		return rc;
	w->plan = &plan->episodes[plan->order[i_order]];
	w->ix = rc_plan_index(plan, w->plan);
	w->i_order = i_order;
	for (size_t i = 0; i < w->plan->n_streams; i++)
		w->n_tracks += w->plan->streams[i].n_sources;
	rc = rc_new_array(&w->tracks, w->n_tracks, sizeof *w->tracks, err);
	if (!rc)
		rc = rc_new_array(&w->out, w->plan->n_streams, sizeof *w->out, err);
	if (!rc)
		rc = rc_new_array(&w->valid, w->plan->n_streams, sizeof *w->valid, err);
	if (rc) {
		rc_work_free(w);
		return rc;
	}
	rc = prepare(in, w, set, &w->err);
	if (rc_is_fatal(rc)) {
		if (err)
			*err = w->err;
		rc_work_free(w);
		return rc;
	}
	if (rc)
		w->n_tiles = 0;
	atomic_init(&w->first_bad, w->n_tiles ? w->tiles + w->n_tiles : NULL);
	*w_out = w;
	return 0;
}

void rc_work_free(struct rc_work *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n_tracks && w->tracks; i++)
		if (!w->tracks[i].shared)
			free(w->tracks[i].t);
	for (size_t i = 0; w->valid && i < w->plan->n_streams; i++)
		free(w->valid[i]);
	free(w->valid);
	free(w->tracks);
	free(w->ticks);
	free(w->out);
	free(w->tiles);
	free(w);
}
