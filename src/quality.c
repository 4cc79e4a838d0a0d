/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "quality.h"

#include "base/mem.h"

static struct rc_stream_quality *find(struct rc_quality *q, const char *name, const char *output)
{
	for (size_t i = 0; i < q->n; i++)
		if (!strcmp(q->s[i].name, name) && !strcmp(q->s[i].output, output))
			return &q->s[i];
	return NULL;
}

static void release(struct rc_stream_quality *s)
{
	free(s->name);
	free(s->output);
	free(s->unit);
	free(s->unit_origin);
	free(s->rates);
	free(s->p50s);
}

/* In the list only when it is whole: the report is written whatever went wrong. */
static int add_stream(struct rc_quality *q, const struct rc_work *w, size_t i_stream,
		      const struct rc_plan_source *src, struct rc_stream_quality **out,
		      struct rc_err *err)
{
	const struct rc_plan_stream *ps = &w->plan->streams[i_stream];
	const struct rc_stream *st = rc_plan_input(w->ix, w->plan, src);
	const struct rc_dataset *d = &w->ix->datasets[st->dataset];
	bool measured = src->clock == RC_CLOCK_MEASURED;
	struct rc_stream_quality s = {
		.dtype_in = (enum rc_dtype)d->dtype,
		.dtype_out = ps->dtype,
		.rank = d->rank,
		.method = src->method,
		.steps = w->plan->timing == RC_TIMING_STEPS,
		.clock = src->clock,
		.latency_ns = src->latency_ns,
	};
	int rc = rc_grow_array(&q->s, &q->cap, q->n + 1, sizeof *q->s, err);

	memcpy(s.dims, d->dims, sizeof s.dims);
	if (!rc)
		rc = rc_strdup(&s.name, rc_index_str(w->ix, st->name), err);
	if (!rc)
		rc = rc_strdup(&s.output, ps->name, err);
	if (!rc)
		rc = rc_strdup(&s.unit,
			       measured ? rc_index_str(w->ix, st->clock.unit_name) : "", err);
	if (!rc)
		rc = rc_strdup(&s.unit_origin,
			       measured ? rc_index_str(w->ix, st->clock.unit_origin)
					: src->rate_origin,
			       err);
	if (rc) {
		release(&s);
		return rc;
	}
	q->s[q->n] = s;
	*out = &q->s[q->n++];
	return 0;
}

static int add_source(struct rc_quality *q, const struct rc_work *w, size_t i_stream, size_t k,
		      struct rc_err *err)
{
	const struct rc_plan_stream *ps = &w->plan->streams[i_stream];
	const struct rc_stream *st = rc_plan_input(w->ix, w->plan, &ps->sources[k]);
	const struct rc_track *tr = rc_work_track(w, i_stream, k);
	struct rc_stream_quality *s = find(q, rc_index_str(w->ix, st->name), ps->name);
	int rc = s ? 0 : add_stream(q, w, i_stream, &ps->sources[k], &s, err);

	if (!rc)
		rc = rc_grow_array(&s->rates, &s->cap_rates, s->n + 1, sizeof *s->rates, err);
	if (!rc)
		rc = rc_grow_array(&s->p50s, &s->cap_p50s, s->n + 1, sizeof *s->p50s, err);
	if (rc)
		return rc;
	s->rates[s->n] = tr->clock.rate_hz;
	s->p50s[s->n] = tr->clock.p50_ns;
	s->n++;
	s->episodes++;
	s->samples += st->n_rows;
	s->ticks += w->n_ticks;
	s->duplicates += tr->clock.duplicates;
	s->backwards += tr->clock.backwards;
	s->gaps += tr->clock.gaps;
	s->repaired += tr->repaired.rows;
	if (tr->repaired.worst_ns > s->repair_ns)
		s->repair_ns = tr->repaired.worst_ns;
	s->before += tr->align.before;
	s->after += tr->align.after;
	s->in_gap += tr->align.in_gap;
	s->sum_ns += tr->align.sum_ns;
	if (tr->align.worst_ns > s->worst_ns)
		s->worst_ns = tr->align.worst_ns;
	if (tr->clock.max_ns > s->max_ns)
		s->max_ns = tr->clock.max_ns;
	if (tr->clock.p99_ns > s->p99_ns)
		s->p99_ns = tr->clock.p99_ns;
	return 0;
}

int rc_quality_add(struct rc_quality *q, const struct rc_work *w, struct rc_err *err)
{
	int rc = 0;

	for (size_t i = 0; i < w->plan->n_streams && !rc; i++)
		for (size_t k = 0; k < w->plan->streams[i].n_sources && !rc; k++)
			rc = add_source(q, w, i, k, err);
	if (!rc && q->problems)
		rc_lint_episode(w, q->problems);
	return rc;
}

static int by_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int by_int64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static double ms(int64_t ns)
{
	return (double)ns / 1e6;
}

static void clock_json(struct rc_stream_quality *s, struct rc_json *o)
{
	struct rc_json *iv;

	qsort(s->rates, s->n, sizeof *s->rates, by_double);
	qsort(s->p50s, s->n, sizeof *s->p50s, by_int64);
	rc_json_add_string(o, "clock", rc_clock_kind_name(s->clock));
	rc_json_add_string(o, "clock_unit", *s->unit ? s->unit : NULL);
	rc_json_add_string(o, "clock_origin", *s->unit_origin ? s->unit_origin : NULL);
	if (s->clock == RC_CLOCK_NONE)
		return;
	rc_json_add_double(o, "rate_in_hz", s->n ? s->rates[s->n / 2] : 0);
	rc_json_add_double(o, "latency_ms", ms(s->latency_ns));
	iv = rc_json_add_object(o, "interval_ms");
	rc_json_add_double(iv, "p50", ms(s->n ? s->p50s[s->n / 2] : 0));
	rc_json_add_double(iv, "p99", ms(s->p99_ns));
	rc_json_add_double(iv, "max", ms(s->max_ns));
	rc_json_add_uint(o, "gaps", s->gaps);
	rc_json_add_uint(o, "duplicated", s->duplicates);
	rc_json_add_uint(o, "out_of_order", s->backwards);
	rc_json_add_uint(o, "repaired", s->repaired);
	rc_json_add_double(o, "worst_repair_ms", ms(s->repair_ns));
}

void rc_quality_json(struct rc_quality *q, struct rc_json *parent, const char *key)
{
	struct rc_json *list = rc_json_add_array(parent, key);

	for (size_t i = 0; i < q->n; i++) {
		struct rc_stream_quality *s = &q->s[i];
		struct rc_json *o = rc_json_add_object(list, NULL), *shape;

		rc_json_add_string(o, "name", s->name);
		rc_json_add_string(o, "output", s->output);
		rc_json_add_string(o, "dtype_in", rc_dtype_name(s->dtype_in));
		rc_json_add_string(o, "dtype_out", rc_dtype_name(s->dtype_out));
		shape = rc_json_add_array(o, "shape");
		for (uint32_t k = 1; k < s->rank; k++)
			rc_json_add_uint(shape, NULL, s->dims[k]);
		rc_json_add_string(o, "method", s->steps ? "copy" : rc_method_name(s->method));
		rc_json_add_uint(o, "episodes", s->episodes);
		rc_json_add_uint(o, "samples_in", s->samples);
		rc_json_add_uint(o, "samples_out", s->ticks);
		clock_json(s, o);
		if (s->steps)
			continue;
		rc_json_add_double(o, "worst_offset_ms", ms(s->worst_ns));
		rc_json_add_double(o, "mean_offset_ms",
				   s->ticks ? s->sum_ns / (double)s->ticks / 1e6 : 0);
		rc_json_add_uint(o, "held_before_first", s->before);
		rc_json_add_uint(o, "held_after_last", s->after);
		rc_json_add_uint(o, "ticks_in_gaps", s->in_gap);
	}
}

void rc_quality_release(struct rc_quality *q)
{
	for (size_t i = 0; i < q->n; i++)
		release(&q->s[i]);
	free(q->s);
	*q = (struct rc_quality){0};
}
