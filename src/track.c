/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "track.h"

#include "work.h"

const struct rc_track *rc_work_track(const struct rc_work *w, size_t i_stream, size_t i_source)
{
	size_t at = i_source;

	for (size_t i = 0; i < i_stream; i++)
		at += w->plan->streams[i].n_sources;
	return &w->tracks[at];
}

bool rc_same_clock(const struct rc_index *ix, const struct rc_plan_episode *e,
		   const struct rc_plan_source *a, const struct rc_plan_source *b)
{
	const struct rc_stream *s = rc_plan_input(ix, e, a), *o = rc_plan_input(ix, e, b);

	if (a->clock != b->clock || a->latency_ns != b->latency_ns || s->n_rows != o->n_rows ||
	    s->row0 != o->row0)
		return false;
	if (a->clock == RC_CLOCK_MEASURED)
		return s->clock.dataset == o->clock.dataset && s->clock.rows == o->clock.rows &&
		       a->repairs == b->repairs;
	return a->clock != RC_CLOCK_NOMINAL ||
	       (a->rate.num == b->rate.num && a->rate.den == b->rate.den &&
		a->start_ns == b->start_ns);
}

/* Streams often share a clock: read it once. */
static const struct rc_track *find_shared(const struct rc_work *w, const struct rc_plan_source *src,
					  size_t n_done)
{
	size_t at = 0;

	for (size_t i = 0; i < w->plan->n_streams; i++)
		for (size_t k = 0; k < w->plan->streams[i].n_sources; k++, at++) {
			if (at >= n_done)
				return NULL;
			if (w->tracks[at].t &&
			    rc_same_clock(w->ix, w->plan, &w->plan->streams[i].sources[k], src))
				return &w->tracks[at];
		}
	return NULL;
}

/* As it was, for the report; then repaired. */
static int measure(const struct rc_work_ask *ask, const struct rc_plan_source *src,
		   struct rc_track *tr, struct rc_err *err)
{
	int repairs = src->clock == RC_CLOCK_MEASURED ? src->repairs : 0;
	uint64_t need = (repairs ? RC_REPAIR_SCRATCH : 1) * tr->n * sizeof(int64_t);
	int rc = rc_scratch_need(ask->scratch, need, err);

	if (rc)
		return rc;
	rc_clock_measure(tr->t, tr->n, ask->scratch->p, &tr->clock);
	tr->in_order = !tr->clock.backwards;
	if (repairs && (tr->clock.duplicates || tr->clock.backwards)) {
		rc_clock_repair(tr->t, tr->n, repairs, ask->scratch->p, &tr->repaired);
		tr->in_order |= (repairs & RC_REPAIR_RESTAMP) && !tr->repaired.strays;
	}
	return 0;
}

int rc_track_read(const struct rc_work_ask *ask, struct rc_work *w,
		  const struct rc_plan_source *src, struct rc_track *tr, struct rc_err *err)
{
	const struct rc_stream *s = rc_plan_input(w->ix, w->plan, src);
	int rc = rc_arena_array(&w->arena, &tr->t, s->n_rows, sizeof *tr->t, err);

	tr->n = s->n_rows;
	if (!rc && src->clock == RC_CLOCK_MEASURED)
		rc = rc_input_clock(ask->input, w->ix, s, tr->t, err);
	for (uint64_t k = 0; !rc && k < tr->n; k++) {
		if (src->clock == RC_CLOCK_NOMINAL)
			tr->t[k] = rc_rate_offset_ns(src->rate, (int64_t)k);
		if (__builtin_add_overflow(tr->t[k], src->start_ns, &tr->t[k]) ||
		    __builtin_sub_overflow(tr->t[k], src->latency_ns, &tr->t[k]))
			rc = rc_fail(err, RC_E_FORMAT, "bad_clock", "stamp %llu is out of range",
				     (unsigned long long)k);
	}
	if (rc)
		return rc_err_while(err, "reading the clock of stream '%s'",
				    rc_index_str(w->ix, s->name));
	return measure(ask, src, tr, err);
}

int rc_track_check(const struct rc_track *tr, const char *name, struct rc_err *err)
{
	if (tr->n == 0)
		return rc_fail(err, RC_E_FORMAT, "empty_stream", "stream '%s' has no rows", name);
	if (tr->repaired.strays)
		return rc_fail(err, RC_E_FORMAT, "clock_backwards",
			       "the clock of stream '%s' has %llu of %llu stamps out of order, the "
			       "first at row %llu: more than --clock-repair mends, which is one in "
			       "a hundred; leave the stream out with --drop, or replace its clock "
			       "with --source-rate '%s:HZ'", name,
			       (unsigned long long)tr->repaired.strays, (unsigned long long)tr->n,
			       (unsigned long long)tr->clock.first_backward, name);
	if (!tr->in_order)
		return rc_fail(err, RC_E_FORMAT, "clock_backwards",
			       "the clock of stream '%s' runs backwards at row %llu, and %llu more "
			       "times; leave the stream out with --drop, replace its clock with "
			       "--source-rate '%s:HZ', or have a few such stamps mended with "
			       "--clock-repair '%s:restamp'",
			       name, (unsigned long long)tr->clock.first_backward,
			       (unsigned long long)tr->clock.backwards - 1, name, name);
	return 0;
}

int rc_tracks_load(const struct rc_work_ask *ask, struct rc_work *w, struct rc_err *err)
{
	size_t at = 0;
	int rc = 0;

	for (size_t i = 0; i < w->plan->n_streams && !rc; i++)
		for (size_t k = 0; k < w->plan->streams[i].n_sources && !rc; k++, at++) {
			const struct rc_plan_source *src = &w->plan->streams[i].sources[k];
			const struct rc_stream *in = rc_plan_input(w->ix, w->plan, src);
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
			rc = rc_track_read(ask, w, src, tr, err);
			if (!rc && w->plan->timing != RC_TIMING_STEPS)
				rc = rc_track_check(tr, rc_index_str(w->ix, in->name), err);
		}
	return rc;
}
