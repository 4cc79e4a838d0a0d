/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What unit a dataset of stamps is in: by attribute, by the end of its name, or by magnitude.
 * Magnitude looks at the step (0.1 Hz to 20 kHz is plausible) and at whether the stamps, read in a
 * unit, are a date of this century.
 */
#include "formats/describe.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "formats/stamp.h"

enum { SAMPLE_ROWS = 65, N_UNITS = 4 };
#define MIN_HZ 0.1
#define MAX_HZ 20e3
#define TYPICAL_HZ 50.0
/* 2001-09-09 to 2099, in seconds since 1970 */
#define EPOCH_MIN 1e9
#define EPOCH_MAX 4.1e9

struct unit {
	const char *name;
	int64_t ns;
	const char *words[6]; /* in attributes */
	const char *ends[7];  /* of names, without the "_" */
};

static const struct unit units[N_UNITS] = {
	{ "ns", 1, { "ns", "nsec", "nsecs", "nanosecond", "nanoseconds" },
	  { "ns", "nsec", "nsecs", "nanos", "nanosec", "nanoseconds" } },
	{ "us", 1000, { "us", "usec", "usecs", "microsecond", "microseconds", "\xc2\xb5s" },
	  { "us", "usec", "usecs", "micros", "microsec", "microseconds" } },
	{ "ms", 1000000, { "ms", "msec", "msecs", "millisecond", "milliseconds" },
	  { "ms", "msec", "msecs", "millis", "millisec", "milliseconds" } },
	{ "s", 1000000000, { "s", "sec", "secs", "second", "seconds" },
	  { "s", "sec", "secs", "seconds" } },
};

/* The first rows of a clock and its ends. */
struct stamps {
	bool is_int;
	size_t n;                 /* rows in v and i */
	uint64_t rows;            /* of the dataset */
	double v[SAMPLE_ROWS], last;
	int64_t i[SAMPLE_ROWS], i_last;
};

/* --- reading ---------------------------------------------------------------------------------- */

static int64_t int_at(enum rc_dtype t, const char *p)
{
	int64_t v = 0;

	memcpy(&v, p, rc_dtype_size(t)); /* little end first on every machine this builds for */
	switch (t) {
	case RC_I8: return (int8_t)v;
	case RC_I16: return (int16_t)v;
	case RC_I32: return (int32_t)v;
	default: return v;
	}
}

static int read_ints(const struct draft *d, const struct rc_h5_node *n, uint64_t row0, size_t rows,
		     int64_t *dst)
{
	char raw[SAMPLE_ROWS * 8];
	enum rc_dtype t = n->dataset->dtype;
	size_t size = rc_dtype_size(t);
	int rc = rc_h5_rows_native(d->t, n, row0, rows, raw, rows * size, NULL);

	for (size_t k = 0; rc == 0 && k < rows; k++) {
		dst[k] = int_at(t, raw + k * size);
		if (t == RC_U64 && dst[k] < 0)
			rc = -1;
	}
	return rc;
}

static bool read_stamps(const struct draft *d, const struct rc_h5_node *n, struct stamps *s)
{
	uint64_t rows = n->dataset->dims[0];
	int rc;

	memset(s, 0, sizeof *s);
	s->rows = rows;
	s->n = rows < SAMPLE_ROWS ? (size_t)rows : SAMPLE_ROWS;
	s->is_int = !rc_dtype_is_float(n->dataset->dtype);
	if (s->is_int) {
		rc = read_ints(d, n, 0, s->n, s->i);
		if (rc == 0)
			rc = read_ints(d, n, rows - 1, 1, &s->i_last);
		for (size_t k = 0; k < s->n; k++)
			s->v[k] = (double)s->i[k];
		s->last = (double)s->i_last;
	} else {
		rc = rc_h5_rows_double(d->t, n, 0, s->n, s->v, s->n, NULL);
		if (rc == 0)
			rc = rc_h5_rows_double(d->t, n, rows - 1, 1, &s->last, 1, NULL);
	}
	return rc == 0;
}

static double step_of(const struct stamps *s, size_t k)
{
	int64_t diff;

	if (s->is_int && !__builtin_sub_overflow(s->i[k], s->i[k - 1], &diff))
		return (double)diff;
	return s->v[k] - s->v[k - 1];
}

static int double_cmp(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* The usual step: the median of those forward, or the mean where stamps are so coarse that most
 * repeat.  0 when it cannot be told. */
static double usual_step(const struct stamps *s)
{
	double up[SAMPLE_ROWS];
	size_t n = 0;

	for (size_t k = 1; k < s->n; k++)
		if (step_of(s, k) > 0)
			up[n++] = step_of(s, k);
	if (2 * n >= s->n - 1 && n > 0) {
		qsort(up, n, sizeof *up, double_cmp);
		return up[n / 2];
	}
	return s->rows > 1 && s->last > s->v[0] ? (s->last - s->v[0]) / (double)(s->rows - 1) : 0;
}

static bool is_step_counter(const struct stamps *s)
{
	if (!s->is_int || s->rows < 2 || s->i[0] < 0 || s->i[0] > 1)
		return false;
	for (size_t k = 1; k < s->n; k++)
		if (step_of(s, k) != 1)
			return false;
	return (uint64_t)s->i_last - (uint64_t)s->i[0] == s->rows - 1;
}

bool describe_rises(const struct draft *d, const struct rc_h5_node *n)
{
	struct stamps s;

	if (!read_stamps(d, n, &s) || !(s.last > s.v[0]))
		return false;
	for (size_t k = 1; k < s.n; k++)
		if (!(step_of(&s, k) >= 0))
			return false;
	return true;
}

/* --- by attribute and by name ----------------------------------------------------------------- */

static const struct unit *unit_of_word(const char *word)
{
	for (size_t u = 0; u < N_UNITS; u++)
		for (size_t k = 0; k < RC_ARRAY_LEN(units[u].words); k++)
			if (units[u].words[k] && strcasecmp(word, units[u].words[k]) == 0)
				return &units[u];
	return NULL;
}

static const struct unit *by_attribute(const struct draft *d, const struct rc_h5_node *n)
{
	static const char *const names[] = { "unit", "units", "time_unit", NULL };
	const struct unit *found;
	char *text;

	if (!describe_attr_any(d->t, n, names, &text))
		return NULL;
	text[strcspn(text, " ,;")] = 0; /* "seconds since 1970-01-01" */
	found = unit_of_word(text);
	free(text);
	return found;
}

static const struct unit *end_of_name(const char *name, size_t *len_out)
{
	const char *end = strrchr(name, '_');

	*len_out = strlen(name);
	if (!end || end == name)
		return NULL;
	for (size_t u = 0; u < N_UNITS; u++)
		for (size_t k = 0; k < RC_ARRAY_LEN(units[u].ends); k++)
			if (units[u].ends[k] && strcasecmp(end + 1, units[u].ends[k]) == 0) {
				*len_out = (size_t)(end - name);
				return &units[u];
			}
	return NULL;
}

size_t describe_without_unit(const char *name)
{
	size_t len;

	end_of_name(name, &len);
	return len;
}

static const struct unit *by_name(const struct rc_h5_node *n)
{
	size_t len;
	const struct unit *u = end_of_name(n->name, &len);

	return u || !describe_clock_group(n->parent) ? u : end_of_name(n->parent->name, &len);
}

/* --- by magnitude ----------------------------------------------------------------------------- */

struct guess {
	const struct unit *unit;
	char others[32]; /* units that would do as well, "" when the choice is clear */
};

static bool plausible(double step, const struct unit *u)
{
	double hz = 1e9 / (step * (double)u->ns);
	return step > 0 && hz >= MIN_HZ * 0.99 && hz <= MAX_HZ * 1.01;
}

/* A narrower range: a unit outside it is no rival of one inside. */
static bool usual(double step, const struct unit *u)
{
	double hz = 1e9 / (step * (double)u->ns);
	return step > 0 && hz >= 1 && hz <= 5e3;
}

static bool is_date(double v, const struct unit *u)
{
	double s = v * (double)u->ns * 1e-9;
	return s >= EPOCH_MIN && s <= EPOCH_MAX;
}

static double distance(double step, const struct unit *u)
{
	return fabs(log(1e9 / (step * (double)u->ns) / TYPICAL_HZ));
}

static struct guess by_magnitude(const struct stamps *s)
{
	double step = usual_step(s);
	const struct unit *sec = &units[N_UNITS - 1];
	struct guess g = { .unit = NULL };
	size_t len = 0;

	for (size_t u = 0; u < N_UNITS; u++)
		if (is_date(s->v[0], &units[u]) && (step == 0 || plausible(step, &units[u])))
			return (struct guess){ .unit = &units[u] };
	for (size_t u = 0; u < N_UNITS; u++)
		if (plausible(step, &units[u]) &&
		    (!g.unit || distance(step, &units[u]) < distance(step, g.unit)))
			g.unit = &units[u];
	/* floats are seconds by custom, whole numbers of them only perhaps */
	if (!s->is_int && (!g.unit || plausible(step, sec))) {
		bool certain = g.unit && (step < 1 || step != floor(step));
		g.unit = sec;
		if (certain)
			return g;
	}
	if (!g.unit) { /* nothing fits: the least odd rate */
		g.unit = sec;
		for (size_t u = 0; step > 0 && u < N_UNITS; u++)
			if (distance(step, &units[u]) < distance(step, g.unit))
				g.unit = &units[u];
		snprintf(g.others, sizeof g.others, "any other");
		return g;
	}
	for (size_t u = 0; u < N_UNITS; u++)
		if (&units[u] != g.unit && usual(step, &units[u]))
			len += (size_t)snprintf(g.others + len, sizeof g.others - len, "%s%s",
						len ? " or " : "", units[u].name);
	return g;
}

/* --- together --------------------------------------------------------------------------------- */

static bool to_ns(const struct draft *d, const struct rc_h5_node *n, uint64_t row, int64_t unit_ns,
		  int64_t *ns_out)
{
	enum rc_dtype t = n->dataset->dtype;
	char value[8];

	return rc_h5_rows_native(d->t, n, row, 1, value, rc_dtype_size(t), NULL) == 0 &&
	       rc_stamp_ns(t, value, unit_ns, 1, ns_out);
}

static bool finish(struct draft *d, struct rc_h5_node *n, const struct unit *u, const char *origin,
		   struct rc_stream_clock *k)
{
	*k = describe_clock_none();
	if (!to_ns(d, n, 0, u->ns, &k->first_ns) ||
	    !to_ns(d, n, n->dataset->dims[0] - 1, u->ns, &k->last_ns)) {
		describe_warn(d, "bad_clock", n->path,
			      "'%s' is no clock: its first or last stamp is not a time in %s",
			      n->path, u->name);
		*k = describe_clock_none();
		return false;
	}
	k->kind = RC_CLOCK_MEASURED;
	k->unit_num = u->ns;
	if (!d->b)
		return true;
	k->dataset = describe_dataset(d, n);
	k->unit_name = rc_ixb_str(d->b, u->name);
	k->unit_origin = rc_ixb_str(d->b, origin);
	return true;
}

const char *describe_unit(const char *word)
{
	const struct unit *u = unit_of_word(word);

	return u ? u->name : NULL;
}

/* What is known of the unit without looking at the stamps. */
static const struct unit *stated_unit(struct draft *d, const struct rc_h5_node *n,
				      const char *wanted, const char **origin_out)
{
	const struct unit *u = wanted && d->by_user ? unit_of_word(wanted) : NULL;

	*origin_out = "map";
	if (u)
		return u;
	u = by_attribute(d, n);
	*origin_out = u ? "attribute" : "layout";
	if (!u && wanted)
		u = unit_of_word(wanted);
	return u ? u : by_name(n);
}

static bool look_at_stamps(struct draft *d, struct rc_h5_node *n, const char *wanted,
			   struct rc_stream_clock *k_out)
{
	const struct unit *u;
	const char *origin;
	struct guess g;
	struct stamps s;

	if (!read_stamps(d, n, &s)) {
		describe_warn(d, "bad_clock", n->path,
			      "'%s' is no clock: its stamps cannot be read", n->path);
		return false;
	}
	if (s.rows > 2 && s.last <= s.v[0] && step_of(&s, 1) == 0)
		describe_warn(d, "clock_stands_still", n->path,
			      "the stamps of '%s' do not advance: the first and the last are "
			      "%.17g; were they rounded to %s?", n->path, s.v[0],
			      rc_dtype_name(n->dataset->dtype));
	u = stated_unit(d, n, wanted, &origin);
	if (u)
		return finish(d, n, u, origin, k_out);
	if (is_step_counter(&s)) {
		if (d->b)
			rc_ixb_note(d->b, RC_NOTE_INFO, "step_counter", n->path,
				    "'%s' counts steps; it is no clock", n->path);
		return false;
	}
	g = by_magnitude(&s);
	if (*g.others)
		describe_warn(d, "clock_unit_assumed", n->path,
			      "'%s' is taken as %s: its first stamp is %.10g and its step %.6g, "
			      "which could also be %s; an attribute unit settles it", n->path,
			      g.unit->name, s.v[0], usual_step(&s), g.others);
	return finish(d, n, g.unit, "magnitude", k_out);
}

struct seen_clock {
	struct rc_h5_node *node;
	bool ok;
	struct rc_stream_clock clock;
};

bool describe_stamps(struct draft *d, struct rc_h5_node *n, const char *unit,
		     struct rc_stream_clock *k_out)
{
	struct seen_clocks *seen = &d->seen;
	struct seen_clock *s = NULL;

	for (size_t i = seen->n; i-- > 0 && !s;)
		if (seen->p[i].node == n)
			s = &seen->p[i];
	if (!s) {
		if (rc_grow_array(&seen->p, &seen->cap, seen->n + 1, sizeof *s, NULL))
			return false;
		s = &seen->p[seen->n++];
		s->node = n;
		s->ok = look_at_stamps(d, n, unit, &s->clock);
	}
	if (s->ok)
		*k_out = s->clock;
	return s->ok;
}

bool describe_stamps_of_rows(struct draft *d, struct rc_h5_node *rows, struct rc_h5_node *stamps,
			     struct rc_stream_clock *k)
{
	const struct rc_dataset *s = rows->dataset;
	struct rc_stream_clock own = *k;
	int64_t first, last;

	if (s->rank != 1 || s->dims[0] == 0 || rc_dtype_is_float(s->dtype) || s->dtype == RC_BOOL ||
	    read_ints(d, rows, 0, 1, &first) || read_ints(d, rows, s->dims[0] - 1, 1, &last) ||
	    first < 0 || last < first || (uint64_t)last >= stamps->dataset->dims[0] ||
	    !to_ns(d, stamps, (uint64_t)first, k->unit_num, &own.first_ns) ||
	    !to_ns(d, stamps, (uint64_t)last, k->unit_num, &own.last_ns))
		return false;
	if (d->b)
		own.rows = describe_dataset(d, rows) + 1;
	*k = own;
	return true;
}
