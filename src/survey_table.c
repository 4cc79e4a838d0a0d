/* SPDX-License-Identifier: Apache-2.0 */
/* Streams gathered by name, and the facts of files gathered by value. */
#include "base/compat.h"

#include "survey.h"

#include "base/digest.h"
#include "base/mem.h"
#include "formats/codec.h"

/* --- variants --------------------------------------------------------------------------------- */

static int see(struct rc_variants *vs, const char *key, const char *text, struct rc_err *err)
{
	struct rc_variant v = {.count = 1};
	int rc;

	for (size_t i = 0; i < vs->n; i++) {
		if (!strcmp(vs->v[i].key, key)) {
			vs->v[i].count++;
			return 0;
		}
	}
	if (vs->n == RC_MAX_VARIANTS) {
		vs->more++;
		return 0;
	}
	rc = rc_grow_array(&vs->v, &vs->cap, vs->n + 1, sizeof *vs->v, err);
	if (!rc)
		rc = rc_strdup(&v.key, key, err);
	if (!rc)
		rc = rc_strdup(&v.text, text, err);
	if (rc)
		free(v.key);
	else
		vs->v[vs->n++] = v;
	return rc;
}

/* As see(), with the key as text; takes what is in *b and leaves it empty. */
static int see_buf(struct rc_variants *vs, struct rc_buf *b, struct rc_err *err)
{
	int rc = rc_buf_check(b, err);

	if (!rc)
		rc = see(vs, b->p, b->p, err);
	rc_buf_clear(b);
	return rc;
}

static void forget(struct rc_variants *vs)
{
	for (size_t i = 0; i < vs->n; i++) {
		free(vs->v[i].key);
		free(vs->v[i].text);
	}
	free(vs->v);
	*vs = (struct rc_variants){0};
}

/* --- rows by name ----------------------------------------------------------------------------- */

static size_t *slot_of(const struct rc_survey_table *t, const char *name)
{
	size_t i = (size_t)rc_hash64(name, strlen(name), 0) & (t->n_slots - 1);

	while (t->slots[i] && strcmp(t->rows[t->slots[i] - 1].name, name) != 0)
		i = (i + 1) & (t->n_slots - 1);
	return &t->slots[i];
}

/* Keeps the hash at most half full. */
static int widen(struct rc_survey_table *t, struct rc_err *err)
{
	size_t n = t->n_slots ? 2 * t->n_slots : 64;
	size_t *slots;
	int rc;

	if (2 * (t->n_rows + 1) <= t->n_slots)
		return 0;
	rc = rc_new_array(&slots, n, sizeof *slots, err);
	if (rc)
		return rc;
	free(t->slots);
	t->slots = slots;
	t->n_slots = n;
	for (size_t i = 0; i < t->n_rows; i++)
		*slot_of(t, t->rows[i].name) = i + 1;
	return 0;
}

static int row_of(struct rc_survey_table *t, const char *name, struct rc_survey_row **row_out,
		  struct rc_err *err)
{
	int rc = widen(t, err);
	size_t *slot;

	if (rc)
		return rc;
	slot = slot_of(t, name);
	if (!*slot) {
		rc = rc_grow_array(&t->rows, &t->cap_rows, t->n_rows + 1, sizeof *t->rows, err);
		if (rc)
			return rc;
		t->rows[t->n_rows] = (struct rc_survey_row){.name = name};
		*slot = ++t->n_rows;
	}
	*row_out = &t->rows[*slot - 1];
	return 0;
}

/* --- one stream of one episode ---------------------------------------------------------------- */

/* "jpeg [480x640x3]", "png [480x640] 16 bit" */
static void frames_text(const struct rc_frames *f, struct rc_buf *b)
{
	rc_buf_puts(b, rc_frame_codec_name(f->codec));
	if (!f->height)
		return;
	rc_buf_printf(b, " [%ux%u", f->height, f->width);
	if (f->channels > 1)
		rc_buf_printf(b, "x%u", f->channels);
	rc_buf_puts(b, f->depth == 2 ? "] 16 bit" : "]");
}

void rc_survey_type_text(const struct rc_dataset *d, struct rc_buf *b)
{
	if (d->frames.codec != RC_FRAME_RAW) {
		frames_text(&d->frames, b);
		return;
	}
	rc_buf_puts(b, rc_dtype_name((enum rc_dtype)d->dtype));
	for (uint32_t i = 1; i < d->rank; i++)
		rc_buf_printf(b, "%s%llu", i == 1 ? " [" : "x", (unsigned long long)d->dims[i]);
	if (d->rank > 1)
		rc_buf_puts(b, "]");
}

void rc_survey_stored_text(const struct rc_dataset *d, struct rc_buf *b)
{
	char name[32];

	if (d->n_filters == 0)
		rc_buf_puts(b, d->storage == RC_STORE_CONTIGUOUS ? "contiguous"
			       : d->storage == RC_STORE_CHUNKED	 ? "chunked"
								 : "by libhdf5");
	for (uint32_t i = 0; i < d->n_filters; i++) {
		rc_filter_name(d->filters[i].id, name, sizeof name);
		rc_buf_printf(b, "%s%s", i ? "+" : "", name);
	}
}

static void role_text(const struct rc_stream *s, struct rc_buf *b)
{
	rc_buf_puts(b, rc_role_name((enum rc_role)s->role));
	if (s->kind != RC_KIND_LOWDIM)
		rc_buf_printf(b, " %s", rc_kind_name((enum rc_kind)s->kind));
}

static void clock_text(const struct rc_index *ix, const struct rc_stream_clock *c, struct rc_buf *b)
{
	if (c->kind == RC_CLOCK_MEASURED)
		rc_buf_printf(b, "stamps in %s (%s)", rc_index_str(ix, c->unit_name),
			      rc_index_str(ix, c->unit_origin));
	else if (c->kind == RC_CLOCK_NOMINAL)
		rc_buf_printf(b, "nominal (%s)", rc_index_str(ix, c->rate_origin));
	else
		rc_buf_puts(b, "none");
}

static int add_rate(struct rc_survey_row *r, double hz, struct rc_err *err)
{
	int rc = rc_grow_array(&r->rates, &r->cap_rates, r->n_timed + 1, sizeof *r->rates, err);

	if (!rc)
		r->rates[r->n_timed++] = hz;
	return rc;
}

static int add_clock(struct rc_survey_row *r, const struct rc_stream_clock *c,
		     const struct rc_survey_clock *m, struct rc_err *err)
{
	const struct rc_clock_quality *q = &m->q;
	int rc;

	if (c->kind == RC_CLOCK_NOMINAL)
		return add_rate(r, (double)c->rate_num / (double)c->rate_den, err);
	if (c->kind != RC_CLOCK_MEASURED)
		return 0;
	r->n_unreadable += m->err != NULL;
	if (q->n < 2)
		return 0;
	rc = rc_grow_array(&r->p50s, &r->cap_p50s, r->n_measured + 1, sizeof *r->p50s, err);
	if (rc)
		return rc;
	r->p50s[r->n_measured++] = (double)q->p50_ns;
	if (q->p99_ns > r->p99_ns)
		r->p99_ns = q->p99_ns;
	if (q->max_ns > r->max_ns)
		r->max_ns = q->max_ns;
	r->gaps += q->gaps;
	r->duplicates += q->duplicates;
	r->backwards += q->backwards;
	return q->rate_hz > 0 ? add_rate(r, q->rate_hz, err) : 0;
}

static void add_extent(struct rc_survey_row *r, const struct rc_stream *s,
		       const struct rc_dataset *d)
{
	if (r->n_episodes == 0 || s->n_rows < r->rows_min)
		r->rows_min = s->n_rows;
	if (s->n_rows > r->rows_max)
		r->rows_max = s->n_rows;
	if (d->storage == RC_STORE_CHUNKED) {
		if (r->chunk_min == 0 || d->chunk[0] < r->chunk_min)
			r->chunk_min = d->chunk[0];
		if (d->chunk[0] > r->chunk_max)
			r->chunk_max = d->chunk[0];
	}
	if (d->dims[0])
		r->bytes += (double)d->stored_bytes * ((double)s->n_rows / (double)d->dims[0]);
	r->n_episodes++;
}

static int add_stream(struct rc_survey_table *t, const struct rc_survey_file *f, uint32_t i,
		      struct rc_buf *b, struct rc_err *err)
{
	const struct rc_index *ix = f->scanned->index;
	const struct rc_stream *s = &ix->streams[i];
	const struct rc_dataset *d = &ix->datasets[s->dataset];
	struct rc_survey_row *r;
	int rc = row_of(t, rc_index_str(ix, s->name), &r, err);

	if (rc)
		return rc;
	add_extent(r, s, d);
	rc_survey_type_text(d, b);
	rc = see_buf(&r->type, b, err);
	role_text(s, b);
	if (!rc)
		rc = see_buf(&r->role, b, err);
	rc_survey_stored_text(d, b);
	if (!rc)
		rc = see_buf(&r->stored, b, err);
	clock_text(ix, &s->clock, b);
	if (!rc)
		rc = see_buf(&r->clock, b, err);
	return rc ? rc : add_clock(r, &s->clock, &f->clocks[i], err);
}

/* --- episodes and files ----------------------------------------------------------------------- */

double rc_survey_duration(const struct rc_index *ix, uint32_t i_episode)
{
	const struct rc_index_episode *e = &ix->episodes[i_episode];
	int64_t first = INT64_MAX, last = INT64_MIN;
	double longest = -1;

	for (uint32_t k = 0; k < e->n_streams; k++) {
		const struct rc_stream *s = &ix->streams[e->first_stream + k];
		const struct rc_stream_clock *c = &s->clock;

		if (s->n_rows == 0)
			continue;
		if (c->kind == RC_CLOCK_MEASURED) {
			first = c->first_ns < first ? c->first_ns : first;
			last = c->last_ns > last ? c->last_ns : last;
		} else if (c->kind == RC_CLOCK_NOMINAL) {
			double d = (double)(s->n_rows - 1) * (double)c->rate_den /
				   (double)c->rate_num;
			longest = d > longest ? d : longest;
		}
	}
	if (last >= first && (double)((__int128)last - first) / 1e9 > longest)
		longest = (double)((__int128)last - first) / 1e9;
	return longest;
}

static int add_env(struct rc_survey_table *t, const char *env_args, struct rc_err *err)
{
	struct rc_json *root = NULL;
	const char *name = NULL;
	int rc = 0;

	if (rc_json_parse(env_args, strlen(env_args), "env_args", &root, NULL) == 0)
		name = rc_json_string(rc_json_get(root, "env_name"));
	if (name)
		rc = see(&t->env, name, name, err);
	rc_json_free(root);
	return rc;
}

int rc_survey_add_episode(struct rc_survey_table *t, const struct rc_survey_file *f,
			  uint32_t i_episode, struct rc_err *err)
{
	const struct rc_index *ix = f->scanned->index;
	const struct rc_index_episode *e = &ix->episodes[i_episode];
	const char *language = rc_index_str(ix, e->language);
	double duration = rc_survey_duration(ix, i_episode);
	struct rc_buf b;
	int rc = 0;

	rc_buf_init(&b);
	t->n_episodes++;
	t->n_judged += e->success >= 0;
	t->n_success += e->success > 0;
	if (duration >= 0) {
		if (t->n_with_duration == 0 || duration < t->duration_min)
			t->duration_min = duration;
		if (duration > t->duration_max)
			t->duration_max = duration;
		t->duration_sum += duration;
		t->n_with_duration++;
	}
	if (*language)
		rc = see(&t->language, language, language, err);
	if (!rc && e->env_args && (i_episode == 0 || e->env_args != e[-1].env_args))
		rc = add_env(t, rc_index_str(ix, e->env_args), err);
	for (uint32_t k = 0; k < e->n_streams && !rc; k++)
		rc = add_stream(t, f, e->first_stream + k, &b, err);
	rc_buf_release(&b);
	return rc;
}

static int add_convention(struct rc_survey_table *t, const struct rc_index *ix,
			  const struct rc_index_convention *c, struct rc_buf *b, struct rc_err *err)
{
	const char *where = rc_index_str(ix, c->where);
	char *text = NULL;
	int rc;

	rc_buf_printf(b, "%s = %s (%s", rc_index_str(ix, c->key), rc_index_str(ix, c->value),
		      rc_index_str(ix, c->origin));
	rc = rc_sprintf(&text, err, "%s%s%s)", b->p, *where ? ", " : "", where);
	if (!rc)
		rc = see(&t->conventions, b->p, text, err);
	rc_buf_clear(b);
	free(text);
	return rc;
}

/* Notes of one code are one line, whatever they are about. */
static int add_note(struct rc_survey_table *t, const char *severity, const char *code,
		    const char *message, struct rc_err *err)
{
	char *key = NULL;
	int rc = rc_sprintf(&key, err, "%s %s", severity, code);

	if (!rc)
		rc = see(&t->notes, key, message, err);
	free(key);
	return rc;
}

static int add_unreadable(struct rc_survey_table *t, const struct rc_survey_file *f,
			  struct rc_err *err)
{
	const struct rc_index *ix = f->scanned->index;
	int rc = 0;

	for (uint32_t i = 0; i < ix->n_streams && !rc; i++)
		if (f->clocks[i].err)
			rc = add_note(t, "warning", f->clocks[i].err->reason,
				      f->clocks[i].err->msg, err);
	return rc;
}

int rc_survey_add_file(struct rc_survey_table *t, const struct rc_survey_file *f,
		       struct rc_err *err)
{
	const struct rc_index *ix = f->scanned->index;
	const char *reason = rc_index_str(ix, ix->layout_reason);
	struct rc_buf b;
	int rc;

	rc_buf_init(&b);
	t->n_files++;
	t->file_bytes += ix->file_bytes;
	rc = see(&t->layout_reason, reason, reason, err);
	for (uint32_t i = 0; i < ix->n_episodes && !rc; i++)
		rc = rc_survey_add_episode(t, f, i, err);
	for (uint32_t i = 0; i < ix->n_conventions && !rc; i++)
		rc = add_convention(t, ix, &ix->conventions[i], &b, err);
	for (uint32_t i = 0; i < ix->n_notes && !rc; i++)
		rc = add_note(t, rc_severity_name((enum rc_severity)ix->notes[i].severity),
			      rc_index_str(ix, ix->notes[i].code),
			      rc_index_str(ix, ix->notes[i].message), err);
	if (!rc)
		rc = add_unreadable(t, f, err);
	rc_buf_release(&b);
	return rc;
}

void rc_survey_table_release(struct rc_survey_table *t)
{
	for (size_t i = 0; i < t->n_rows; i++) {
		struct rc_survey_row *r = &t->rows[i];

		forget(&r->type);
		forget(&r->role);
		forget(&r->stored);
		forget(&r->clock);
		free(r->rates);
		free(r->p50s);
	}
	free(t->rows);
	free(t->slots);
	forget(&t->layout_reason);
	forget(&t->language);
	forget(&t->env);
	forget(&t->conventions);
	forget(&t->notes);
	*t = (struct rc_survey_table){0};
}

static int by_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double rc_survey_median(double *v, size_t n)
{
	if (n == 0)
		return 0;
	qsort(v, n, sizeof *v, by_double);
	return v[n / 2];
}
