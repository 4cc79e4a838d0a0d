/* SPDX-License-Identifier: Apache-2.0 */
/* The survey as aligned text. */
#include "base/compat.h"

#include "survey.h"

#include "base/mem.h"
#include "base/num.h"

/* --- a grid of cells -------------------------------------------------------------------------- */

/* Cells row by row, each NUL-terminated in `text`; the first row is the heading. */
struct grid {
	const char *align; /* one letter a column: 'l' or 'r' */
	size_t n_columns, n_cells;
	struct rc_buf text;
};

static void grid_init(struct grid *g, const char *align)
{
	*g = (struct grid){.align = align, .n_columns = strlen(align)};
	rc_buf_init(&g->text);
}

/* Ends the cell whose text was just put into g->text. */
static void cell_end(struct grid *g)
{
	rc_buf_add(&g->text, "", 1);
	g->n_cells++;
}

static void cell(struct grid *g, const char *s)
{
	rc_buf_put_clean(&g->text, s);
	cell_end(g);
}

static void cell_number(struct grid *g, uint64_t v)
{
	rc_buf_printf(&g->text, "%llu", (unsigned long long)v);
	cell_end(g);
}

/* Characters on the terminal: bytes that begin one. */
static size_t width_of(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void put_spaces(struct rc_buf *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		rc_buf_add(b, " ", 1);
}

static int grid_print(struct grid *g, struct rc_buf *b, struct rc_err *err)
{
	size_t *widths = NULL, spaces = 0;
	const char *c = g->text.p;
	int rc = rc_buf_check(&g->text, err);

	if (!rc)
		rc = rc_new_array(&widths, g->n_columns, sizeof *widths, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < g->n_cells; i++, c += strlen(c) + 1) {
		size_t w = width_of(c);

		if (w > widths[i % g->n_columns])
			widths[i % g->n_columns] = w;
	}
	c = g->text.p;
	for (size_t i = 0; i < g->n_cells; i++, c += strlen(c) + 1) {
		size_t column = i % g->n_columns, pad = widths[column] - width_of(c);

		spaces += 2; /* held back, so that no line ends with them */
		if (g->align[column] == 'r') {
			spaces += pad;
			pad = 0;
		}
		if (*c) {
			put_spaces(b, spaces);
			rc_buf_puts(b, c);
			spaces = 0;
		}
		spaces += pad;
		if (column + 1 == g->n_columns) {
			rc_buf_puts(b, "\n");
			spaces = 0;
		}
	}
	free(widths);
	return rc_buf_check(b, err);
}

static void grid_release(struct grid *g)
{
	rc_buf_release(&g->text);
}

/* --- the streams ------------------------------------------------------------------------------ */

/* "a | b | 3 more" */
static void put_variants(struct rc_buf *b, const struct rc_variants *vs, size_t most)
{
	for (size_t i = 0; i < vs->n && i < most; i++) {
		rc_buf_puts(b, i ? " | " : "");
		rc_buf_put_clean(b, vs->v[i].text);
	}
	if (vs->n > most)
		rc_buf_printf(b, " | %zu%s more", vs->n - most, vs->more ? "+" : "");
}

static void cell_variants(struct grid *g, const struct rc_variants *vs)
{
	put_variants(&g->text, vs, 2);
	cell_end(g);
}

static void cell_range(struct grid *g, uint64_t lo, uint64_t hi)
{
	rc_buf_printf(&g->text, lo == hi ? "%llu" : "%llu-%llu", (unsigned long long)lo,
		      (unsigned long long)hi);
	cell_end(g);
}

static bool some_lack(const struct rc_survey_table *t)
{
	for (size_t i = 0; i < t->n_rows; i++)
		if (t->rows[i].n_episodes != t->n_episodes)
			return true;
	return false;
}

/* In how many episodes a stream is found is only told where it is not all of them. */
static int put_streams(const struct rc_survey_table *t, struct rc_buf *b, struct rc_err *err)
{
	static const char *const heads[] = {"ROLE", "TYPE", "ROWS", "STORED", "CHUNK", "SIZE"};
	bool counts = some_lack(t);
	struct grid g;
	char size[32];
	int rc;

	grid_init(&g, counts ? "lrllrlrr" : "lllrlrr");
	cell(&g, "STREAM");
	if (counts)
		cell(&g, "EPISODES");
	for (size_t i = 0; i < RC_ARRAY_LEN(heads); i++)
		cell(&g, heads[i]);
	for (size_t i = 0; i < t->n_rows; i++) {
		const struct rc_survey_row *r = &t->rows[i];

		cell(&g, r->name);
		if (counts)
			cell_number(&g, r->n_episodes);
		cell_variants(&g, &r->role);
		cell_variants(&g, &r->type);
		cell_range(&g, r->rows_min, r->rows_max);
		cell_variants(&g, &r->stored);
		if (r->chunk_max)
			cell_range(&g, r->chunk_min, r->chunk_max);
		else
			cell(&g, "-");
		rc_format_bytes(size, sizeof size, (uint64_t)r->bytes);
		cell(&g, size);
	}
	rc = grid_print(&g, b, err);
	grid_release(&g);
	return rc;
}

/* --- the clocks ------------------------------------------------------------------------------- */

enum { CLOCK_COLUMNS = 9 };

/* The cells behind the names: streams for which they are equal share a line. */
static void put_clock_cells(struct rc_survey_row *r, struct grid *g)
{
	double rate = rc_survey_median(r->rates, r->n_timed);
	double p50 = rc_survey_median(r->p50s, r->n_measured) / 1e6;

	put_variants(&g->text, &r->clock, 2);
	if (r->n_unreadable)
		rc_buf_printf(&g->text, ", %llu unreadable", (unsigned long long)r->n_unreadable);
	cell_end(g);
	if (r->n_timed)
		rc_buf_printf(&g->text, "%.6g", rate);
	cell_end(g);
	for (size_t i = 0; !r->n_measured && i < CLOCK_COLUMNS - 3; i++)
		cell(g, "");
	if (!r->n_measured)
		return;
	rc_buf_printf(&g->text, "%.3f", p50);
	cell_end(g);
	rc_buf_printf(&g->text, "%.3f", (double)r->p99_ns / 1e6);
	cell_end(g);
	rc_buf_printf(&g->text, "%.3f", (double)r->max_ns / 1e6);
	cell_end(g);
	cell_number(g, r->gaps);
	cell_number(g, r->duplicates);
	cell_number(g, r->backwards);
}

/* Whether the clocks of rows i and k read the same. */
static bool same_facts(const struct rc_buf *facts, const size_t *at, size_t i, size_t k)
{
	size_t len = at[i + 1] - at[i];

	return at[k + 1] - at[k] == len && memcmp(facts->p + at[k], facts->p + at[i], len) == 0;
}

/* Names of the streams from i on whose clock reads the same as i's; marks them as done. */
static void put_names(const struct rc_survey_table *t, const struct rc_buf *facts,
		      const size_t *at, size_t i, bool *done, struct rc_buf *b)
{
	enum { MOST = 44 }; /* characters of names before "and 12 more" */
	size_t n = 0, shown = 0, used = 0;

	for (size_t k = i; k < t->n_rows; k++)
		n += same_facts(facts, at, i, k);
	if (n > 1 && n == t->n_rows)
		rc_buf_puts(b, "all streams");
	for (size_t k = i; k < t->n_rows; k++) {
		size_t w = width_of(t->rows[k].name);

		if (!same_facts(facts, at, i, k))
			continue;
		done[k] = true;
		if ((n > 1 && n == t->n_rows) || (shown && used + w + 2 > MOST)) {
			used = MOST; /* those that follow are only counted, even short ones */
			continue;
		}
		rc_buf_puts(b, shown++ ? ", " : "");
		rc_buf_put_clean(b, t->rows[k].name);
		used += w + 2;
	}
	if (shown && shown < n)
		rc_buf_printf(b, " and %zu more", n - shown);
}

/* facts: the clock cells of row k lie at [at[k], at[k + 1]). */
static int put_clock_lines(const struct rc_survey_table *t, const struct rc_buf *facts,
			   const size_t *at, struct rc_buf *b, struct rc_err *err)
{
	static const char *const heads[CLOCK_COLUMNS] = {
		"CLOCK OF", "SOURCE", "RATE Hz", "INTERVAL ms", "P99", "LONGEST", "GAPS",
		"REPEATED", "BACKWARD"};
	bool *done = NULL;
	struct grid g;
	int rc = rc_new_array(&done, t->n_rows, sizeof *done, err);

	if (rc)
		return rc;
	grid_init(&g, "llrrrrrrr");
	for (size_t i = 0; i < CLOCK_COLUMNS; i++)
		cell(&g, heads[i]);
	for (size_t i = 0; i < t->n_rows; i++) {
		if (done[i])
			continue;
		put_names(t, facts, at, i, done, &g.text);
		cell_end(&g);
		rc_buf_add(&g.text, facts->p + at[i], at[i + 1] - at[i]);
		g.n_cells += CLOCK_COLUMNS - 1;
	}
	rc = grid_print(&g, b, err);
	grid_release(&g);
	free(done);
	return rc;
}

static bool has_clocks(const struct rc_survey_table *t)
{
	for (size_t i = 0; i < t->n_rows; i++)
		if (t->rows[i].n_timed || t->rows[i].n_measured || t->rows[i].n_unreadable)
			return true;
	return false;
}

static int put_clocks(struct rc_survey_table *t, struct rc_buf *b, struct rc_err *err)
{
	size_t *at = NULL;
	struct grid g;
	int rc;

	if (!has_clocks(t)) {
		rc_buf_puts(b, "  clocks: none, only step indices; convert needs --source-rate for "
			       "--rate\n");
		return 0;
	}
	grid_init(&g, "lrrrrrrr");
	rc = rc_new_array(&at, t->n_rows + 1, sizeof *at, err);
	for (size_t i = 0; i < t->n_rows && !rc; i++) {
		put_clock_cells(&t->rows[i], &g);
		at[i + 1] = g.text.len;
	}
	if (!rc)
		rc = rc_buf_check(&g.text, err);
	if (!rc)
		rc = put_clock_lines(t, &g.text, at, b, err);
	grid_release(&g);
	free(at);
	return rc;
}

/* --- the lines below -------------------------------------------------------------------------- */

/* One value on the line of the label, several below it. */
static void put_list(struct rc_buf *b, const char *label, const struct rc_variants *vs,
		     size_t most, bool counts)
{
	if (vs->n == 0)
		return;
	rc_buf_printf(b, "  %s:%s", label, vs->n == 1 ? " " : "\n");
	for (size_t i = 0; i < vs->n && i < most; i++) {
		rc_buf_puts(b, vs->n == 1 ? "" : "    ");
		rc_buf_put_clean(b, vs->v[i].text);
		if (counts && vs->v[i].count > 1)
			rc_buf_printf(b, " (%llu times)", (unsigned long long)vs->v[i].count);
		rc_buf_puts(b, "\n");
	}
	if (vs->n > most)
		rc_buf_printf(b, "    and %zu%s more\n", vs->n - most, vs->more ? "+" : "");
	else if (vs->more)
		rc_buf_puts(b, "    and more\n");
}

static void put_durations(const struct rc_survey_table *t, struct rc_buf *b)
{
	if (t->n_with_duration == 0)
		return;
	if (t->n_with_duration == 1)
		rc_buf_printf(b, "  duration: %.3f s", t->duration_max);
	else
		rc_buf_printf(b, "  durations: %.3f to %.3f s, %.0f s in all", t->duration_min,
			      t->duration_max, t->duration_sum);
	if (t->n_with_duration < t->n_episodes)
		rc_buf_printf(b, " (known of %llu episodes)",
			      (unsigned long long)t->n_with_duration);
	rc_buf_puts(b, "\n");
}

/* One line a code: how often, and what the first one says, as far as it fits. */
static void put_note_counts(const struct rc_survey_table *t, struct rc_buf *b)
{
	enum { MOST = 160 };

	rc_buf_puts(b, t->notes.n ? "  notes:\n" : "");
	for (size_t i = 0; i < t->notes.n; i++) {
		const struct rc_variant *v = &t->notes.v[i];
		size_t n = strlen(v->text);

		rc_buf_puts(b, "    ");
		rc_buf_put_clean(b, v->key);
		if (v->count > 1)
			rc_buf_printf(b, " (%llu times)", (unsigned long long)v->count);
		rc_buf_puts(b, ": ");
		if (n > MOST)
			for (n = MOST; n > 0 && ((unsigned char)v->text[n] & 0xc0) == 0x80; n--)
				;
		rc_buf_add_clean(b, v->text, n);
		rc_buf_puts(b, v->text[n] ? " ... (--long)\n" : "\n");
	}
}

/* --- tables and groups ------------------------------------------------------------------------ */

static int put_tables(struct rc_survey_table *t, struct rc_buf *b, struct rc_err *err)
{
	int rc;

	rc_buf_puts(b, "\n");
	rc = put_streams(t, b, err);
	rc_buf_puts(b, "\n");
	return rc ? rc : put_clocks(t, b, err);
}

int rc_survey_table_text(struct rc_survey_table *t, struct rc_buf *b, struct rc_err *err)
{
	struct rc_buf below;
	int rc = t->n_rows ? put_tables(t, b, err) : 0;

	rc_buf_init(&below);
	put_durations(t, &below);
	if (t->n_judged)
		rc_buf_printf(&below, "  success: %llu of %llu episodes\n",
			      (unsigned long long)t->n_success, (unsigned long long)t->n_judged);
	put_list(&below, "environment", &t->env, 3, false);
	put_list(&below, "language", &t->language, 5, true);
	put_list(&below, "conventions", &t->conventions, RC_MAX_VARIANTS, false);
	put_note_counts(t, &below);
	if (!rc)
		rc = rc_buf_check(&below, err);
	if (!rc && below.len)
		rc_buf_puts(b, t->n_rows ? "\n" : "");
	rc_buf_puts(b, below.p);
	rc_buf_release(&below);
	return rc ? rc : rc_buf_check(b, err);
}

static void put_heading(const struct rc_survey_table *t, const struct rc_survey_file *first,
			const struct rc_survey_file *last, struct rc_buf *b)
{
	const struct rc_index *ix = first->scanned->index;
	char size[32];

	rc_format_bytes(size, sizeof size, t->file_bytes);
	rc_buf_put_clean(b, first->scanned->path);
	if (t->n_files > 1) {
		rc_buf_puts(b, " ... ");
		rc_buf_put_clean(b, last->scanned->path);
		rc_buf_printf(b, ": %llu files", (unsigned long long)t->n_files);
	} else {
		rc_buf_puts(b, ":");
	}
	rc_buf_puts(b, t->n_files > 1 ? ", layout " : " layout ");
	rc_buf_put_clean(b, rc_index_str(ix, ix->layout));
	rc_buf_printf(b, ", %llu episode%s, %s\n", (unsigned long long)t->n_episodes,
		      t->n_episodes == 1 ? "" : "s", size);
	rc_buf_puts(b, "  layout chosen because: ");
	put_variants(b, &t->layout_reason, 1);
	rc_buf_puts(b, "\n");
}

static int put_episode(const struct rc_survey_file *f, uint32_t i, struct rc_buf *b,
		       struct rc_err *err)
{
	const struct rc_index *ix = f->scanned->index;
	const struct rc_index_episode *e = &ix->episodes[i];
	struct rc_survey_table t = {0};
	int rc = rc_survey_add_episode(&t, f, i, err);

	rc_buf_puts(b, "\n  episode ");
	rc_buf_put_clean(b, rc_index_str(ix, e->key));
	rc_buf_printf(b, ": %u stream%s\n", e->n_streams, e->n_streams == 1 ? "" : "s");
	if (!rc)
		rc = rc_survey_table_text(&t, b, err);
	rc_survey_table_release(&t);
	return rc;
}

static void put_note(struct rc_buf *b, const char *severity, const char *code,
		     const char *message)
{
	rc_buf_printf(b, "  %s ", severity);
	rc_buf_put_clean(b, code);
	rc_buf_puts(b, ": ");
	rc_buf_put_clean(b, message);
	rc_buf_puts(b, "\n");
}

/* Every note in full, which the short form counts by code. */
static void put_notes(const struct rc_survey_file *f, struct rc_buf *b)
{
	const struct rc_index *ix = f->scanned->index;

	for (uint32_t i = 0; i < ix->n_notes; i++)
		put_note(b, rc_severity_name((enum rc_severity)ix->notes[i].severity),
			 rc_index_str(ix, ix->notes[i].code),
			 rc_index_str(ix, ix->notes[i].message));
	for (uint32_t i = 0; i < ix->n_streams; i++)
		if (f->clocks[i].err)
			put_note(b, rc_severity_name(RC_NOTE_WARNING), f->clocks[i].err->reason,
				 f->clocks[i].err->msg);
}

static int put_file_long(const struct rc_survey_file *f, struct rc_buf *b, struct rc_err *err)
{
	struct rc_survey_table t = {0};
	int rc = rc_survey_add_file(&t, f, err);

	if (!rc) {
		put_heading(&t, f, f, b);
		put_list(b, "conventions", &t.conventions, RC_MAX_VARIANTS, false);
		put_notes(f, b);
	}
	for (uint32_t i = 0; i < f->scanned->index->n_episodes && !rc; i++)
		rc = put_episode(f, i, b, err);
	rc_survey_table_release(&t);
	return rc;
}

int rc_survey_group_text(const struct rc_survey *s, size_t group, bool long_form,
			 struct rc_buf *b, struct rc_err *err)
{
	const struct rc_survey_file *first = NULL, *last = NULL;
	struct rc_survey_table t = {0};
	int rc = 0;

	for (size_t i = 0; i < s->n && !rc; i++) {
		const struct rc_survey_file *f = &s->files[i];

		if (f->group != group)
			continue;
		if (long_form) {
			rc_buf_puts(b, last ? "\n" : "");
			rc = put_file_long(f, b, err);
		} else {
			rc = rc_survey_add_file(&t, f, err);
		}
		first = first ? first : f;
		last = f;
	}
	if (!rc && first && !long_form) {
		put_heading(&t, first, last, b);
		rc = rc_survey_table_text(&t, b, err);
	}
	rc_survey_table_release(&t);
	return rc ? rc : rc_buf_check(b, err);
}
