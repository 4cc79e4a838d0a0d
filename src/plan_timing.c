/* SPDX-License-Identifier: Apache-2.0 */
/* How the streams of one episode meet in time: step for step, on a grid, at a stream's stamps. */
#include "base/compat.h"

#include "plan_private.h"

#include "base/names.h"

/* Streams that cannot be placed in time are left out and said so. */
static void drop_timeless(struct planner *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct candidate *c = &p->c[i];

		if (!c->selected)
			continue;
		if (c->src.clock == RC_CLOCK_NONE) {
			c->selected = false;
			rc_problems_add(p->problems, RC_NOTE_WARNING, "no_clock", c->name,
					"stream '%s' has no clock and is left out; give its rate "
					"with --source-rate '%s:HZ'",
					c->name, c->name);
		} else if (c->s->role == RC_ROLE_NEXT_OBS) {
			c->selected = false;
			rc_problems_add(p->problems, RC_NOTE_INFO, "next_obs_dropped", c->name,
					"stream '%s' is left out: on a new timeline the next "
					"observation is the next row of the observation",
					c->name);
		}
	}
}

static struct candidate *find_candidate(struct planner *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->c[i].name, name) || !strcmp(p->c[i].out_name, name))
			return &p->c[i];
	return NULL;
}

static bool any_clock(const struct planner *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->c[i].selected && p->c[i].src.clock != RC_CLOCK_NONE)
			return true;
	return false;
}

static int fail_reference(struct planner *p, const char *wanted, struct rc_err *err)
{
	const char *names[256];
	size_t n = 0;
	const char *near;

	for (size_t i = 0; i < p->n && n < RC_ARRAY_LEN(names); i++)
		names[n++] = p->c[i].name;
	near = rc_nearest_name(wanted, names, n);
	return rc_fail(err, RC_E_USAGE, "reference",
		       "--reference '%s' is no stream of '%s'%s%s%s", wanted, p->e->id,
		       near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int choose_reference(struct planner *p, struct rc_err *err)
{
	const char *wanted = p->recipe->set->reference;
	struct candidate *c = find_candidate(p, wanted);

	if (!c)
		return fail_reference(p, wanted, err);
	if (c->src.clock == RC_CLOCK_NONE)
		return rc_fail(err, RC_E_USAGE, "reference",
			       "--reference '%s' has no clock; give its rate with --source-rate "
			       "'%s:HZ'",
			       wanted, wanted);
	p->e->has_reference = true;
	p->e->reference = c->src;
	return 0;
}

/* Rows of two streams that differ by more than the T against T+1 habit. */
static int fail_lengths(const struct candidate *a, const struct candidate *b, struct rc_err *err)
{
	if (a->src.clock != RC_CLOCK_NONE && b->src.clock != RC_CLOCK_NONE)
		return rc_fail(err, RC_E_USAGE, "different_rates",
			       "streams run at different rates ('%s' has %llu rows, '%s' %llu): "
			       "give --rate HZ, or --reference STREAM for one stream's own stamps",
			       a->name, (unsigned long long)a->s->n_rows, b->name,
			       (unsigned long long)b->s->n_rows);
	return rc_fail(err, RC_E_USAGE, "length_mismatch",
		       "streams differ in length ('%s' has %llu rows, '%s' %llu) and have no "
		       "clock to align them: leave some out with --drop, or give --rate and "
		       "--source-rate STREAM:HZ",
		       a->name, (unsigned long long)a->s->n_rows, b->name,
		       (unsigned long long)b->s->n_rows);
}

static const struct candidate *longest_agreed(const struct planner *p)
{
	const struct candidate *a = NULL;

	/* actions say how many steps there were; without them the shortest stream does */
	for (size_t i = 0; i < p->n; i++)
		if (p->c[i].selected && p->c[i].s->role == RC_ROLE_ACTION)
			return &p->c[i];
	for (size_t i = 0; i < p->n; i++)
		if (p->c[i].selected && (!a || p->c[i].s->n_rows < a->s->n_rows))
			a = &p->c[i];
	return a;
}

static int plan_steps(struct planner *p, struct rc_err *err)
{
	const struct candidate *a = longest_agreed(p);
	uint64_t n = a->s->n_rows;

	for (size_t i = 0; i < p->n; i++) {
		const struct candidate *c = &p->c[i];
		uint64_t rows = c->s->n_rows;

		if (!c->selected)
			continue;
		if (rows > a->s->n_rows + 1 || rows + 1 < a->s->n_rows)
			return fail_lengths(a, c, err);
		if (rows < n)
			n = rows;
	}
	for (size_t i = 0; i < p->n; i++)
		if (p->c[i].selected && p->c[i].s->n_rows != n)
			rc_problems_add(p->problems, RC_NOTE_WARNING, "trimmed", p->c[i].name,
					"stream '%s' has %llu rows where the episode has %llu "
					"steps ('%s'); what is beyond them is left out",
					p->c[i].name, (unsigned long long)p->c[i].s->n_rows,
					(unsigned long long)n, p->e->id);
	p->e->timing = RC_TIMING_STEPS;
	p->e->est_ticks = n;
	return 0;
}

/* First and last sample of a stream in ns, as far as the index tells. */
static void span_of(const struct planner *p, const struct rc_plan_source *src, int64_t *a_out,
		    int64_t *b_out)
{
	const struct rc_stream *s = rc_plan_input(p->ix, p->e, src);

	if (src->clock == RC_CLOCK_MEASURED) {
		*a_out = s->clock.first_ns - src->latency_ns;
		*b_out = s->clock.last_ns - src->latency_ns;
	} else {
		*a_out = src->start_ns - src->latency_ns;
		*b_out = *a_out + rc_rate_offset_ns(src->rate, (int64_t)s->n_rows - 1);
	}
}

static uint64_t ticks_in(struct rc_rate rate, int64_t a, int64_t b)
{
	double n = b < a ? 0 : ((double)b - (double)a) / 1e9 * rc_rate_hz(rate) + 1;

	return n < 1e15 ? (uint64_t)n : (uint64_t)1e15;
}

static bool has_origin(const struct candidate *c)
{
	return c->src.clock == RC_CLOCK_MEASURED || c->src.anchored;
}

/* Clocks of different origin cannot be put on one timeline. */
static int check_one_origin(struct planner *p, struct rc_err *err)
{
	const struct candidate *measured = NULL, *nominal = NULL, *wanted = NULL;

	if (p->recipe->set->reference) /* counts even when it is not an output itself */
		wanted = find_candidate(p, p->recipe->set->reference);

	for (size_t i = 0; i < p->n; i++) {
		const struct candidate *c = &p->c[i];
		if (!c->selected)
			continue;
		if (has_origin(c))
			measured = c;
		else
			nominal = c;
	}
	if (wanted && has_origin(wanted))
		measured = wanted;
	else if (wanted && wanted->src.clock == RC_CLOCK_NOMINAL)
		nominal = wanted;
	if (!measured || !nominal)
		return 0;
	return rc_fail(err, RC_E_USAGE, "mixed_clocks",
		       "stream '%s' has stamps and '%s' only a rate (%s): they share no origin; "
		       "leave one out with --drop, or give --source-rate STREAM:HZ for all",
		       measured->name, nominal->name, nominal->src.rate_origin);
}

static int plan_timeline(struct planner *p, struct rc_err *err)
{
	const struct rc_settings *set = p->recipe->set;
	bool all = set->timeline == RC_TIMELINE_UNION;
	int64_t lo = 0, hi = 0;
	bool first = true;
	int rc = check_one_origin(p, err);

	if (rc)
		return rc;
	if (set->reference) {
		rc = choose_reference(p, err);
		if (rc)
			return rc;
		span_of(p, &p->e->reference, &lo, &hi);
	}
	for (size_t i = 0; i < p->n && !set->reference; i++) {
		int64_t a, b;
		if (!p->c[i].selected)
			continue;
		span_of(p, &p->c[i].src, &a, &b);
		if (first || (all ? a < lo : a > lo))
			lo = a;
		if (first || (all ? b > hi : b < hi))
			hi = b;
		first = false;
	}
	if (set->rate.num) {
		p->e->timing = RC_TIMING_RATE;
		p->e->est_ticks = ticks_in(set->rate, lo, hi);
	} else {
		p->e->timing = RC_TIMING_STAMPS;
		p->e->est_ticks = rc_plan_input(p->ix, p->e, &p->e->reference)->n_rows;
	}
	return 0;
}

int plan_choose_timing(struct planner *p, struct rc_err *err)
{
	const struct rc_settings *set = p->recipe->set;
	size_t n_selected = 0;

	for (size_t i = 0; i < p->n; i++)
		n_selected += p->c[i].selected;
	if (!n_selected)
		return rc_fail(err, RC_E_USAGE, "no_streams",
			       "--keep and --drop leave no stream of '%s'", p->e->id);
	if (!set->rate.num && !set->reference)
		return plan_steps(p, err);
	if (!any_clock(p))
		return rc_fail(err, RC_E_USAGE, "no_clock",
			       "no stream of '%s' has a clock: give the rate it was recorded at "
			       "with --source-rate HZ (or leave out %s to keep the steps as they "
			       "are)",
			       p->e->id, set->rate.num ? "--rate" : "--reference");
	drop_timeless(p);
	return plan_timeline(p, err);
}
