/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/describe.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"

enum { MAX_WARNINGS = 20 };

/* --- small things ----------------------------------------------------------------------------- */

const char *describe_basename(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

bool describe_contains(const char *s, const char *part)
{
	return strcasestr(s, part) != NULL;
}

size_t describe_numbered(const char *name)
{
	size_t word = 0, digits;

	while (isalpha((unsigned char)name[word]))
		word++;
	if (word == 0)
		return 0;
	const char *p = name + word + strspn(name + word, "_-");
	digits = strspn(p, "0123456789");
	return digits > 0 && p[digits] == 0 ? word : 0;
}

bool describe_attr_any(const struct rc_h5_tree *t, const struct rc_h5_node *n,
		       const char *const *names, char **s_out)
{
	for (; *names; names++) {
		if (!rc_h5_attr_string(t, n, *names, s_out))
			continue;
		if (**s_out)
			return true;
		free(*s_out);
	}
	*s_out = NULL;
	return false;
}

static const struct rc_json *json_at(const struct rc_json *j, const char *const *keys)
{
	for (; j && *keys; keys++)
		j = rc_json_get(j, *keys);
	return j;
}

bool describe_json_string(const char *text, const char *const *keys, char **s_out)
{
	struct rc_json *root;
	const char *s;
	bool ok;

	if (rc_json_parse(text, strlen(text), "attribute", &root, NULL))
		return false;
	s = rc_json_string(json_at(root, keys));
	ok = s && *s && rc_strdup(s_out, s, NULL) == 0;
	rc_json_free(root);
	return ok;
}

bool describe_json_number(const char *text, const char *const *keys, double *v_out)
{
	struct rc_json *root;
	bool ok;

	if (rc_json_parse(text, strlen(text), "attribute", &root, NULL))
		return false;
	ok = rc_json_number(json_at(root, keys), v_out);
	rc_json_free(root);
	return ok;
}

static void list_add(struct name_list *l, const char *name, const char *why)
{
	int k = snprintf(l->text + l->len, sizeof l->text - l->len, "%s%s%s%s%s",
			 l->n ? ", " : "", name, why ? " (" : "", why ? why : "", why ? ")" : "");

	if (k > 0 && (size_t)k < sizeof l->text - l->len)
		l->len += (size_t)k;
	else
		l->text[l->len] = 0; /* whole names only */
	l->n++;
}

void describe_warn(struct draft *d, const char *code, const char *where, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (d->n_warnings == 0)
		snprintf(d->first_warning, sizeof d->first_warning, "%.399s", text);
	if (d->n_warnings++ < MAX_WARNINGS && d->b)
		rc_ixb_note(d->b, RC_NOTE_WARNING, code, where, "%s", text);
}

/* --- collecting ------------------------------------------------------------------------------- */

static const char *relative(const struct draft *d, const struct rc_h5_node *n)
{
	return d->root->parent ? n->path + strlen(d->root->path) + 1 : n->path + 1;
}

static void note_unusable(struct draft *d, const struct rc_h5_node *n)
{
	const char *why = n->problem ? n->problem : "it cannot be used";

	if (strcmp(n->problem_code, "scalar") == 0 || strcmp(n->problem_code, "text") == 0)
		list_add(&d->other, relative(d, n), why);
	else
		describe_warn(d, n->problem_code, n->path, "'%s' is left out: %s", n->path, why);
}

static bool has_values(const struct rc_h5_node *n)
{
	for (uint32_t i = 0; i < n->dataset->rank; i++)
		if (n->dataset->dims[i] == 0)
			return false;
	return true;
}

static int add_candidate(struct draft *d, struct rc_h5_node *n, struct rc_err *err)
{
	int rc;

	if (!n->usable) {
		note_unusable(d, n);
		return 0;
	}
	if (!has_values(n)) {
		list_add(&d->empty, relative(d, n), NULL);
		return 0;
	}
	rc = rc_grow_array(&d->c, &d->cap, d->n + 1, sizeof *d->c, err);
	if (rc)
		return rc;
	d->c[d->n++] = (struct candidate){ .node = n, .rel = relative(d, n),
					   .role = RC_ROLE_OBS, .kind = KIND_SEEN,
					   .clock = describe_clock_none() };
	return 0;
}

int describe_collect(struct draft *d, const struct rc_h5_node *group, struct rc_err *err)
{
	int rc = 0;

	if (group->problem_code)
		describe_warn(d, group->problem_code, group->path, "group '%s' is incomplete: %s",
			      group->path, group->problem ? group->problem : "damaged");
	for (size_t i = 0; rc == 0 && i < group->n_children; i++) {
		struct rc_h5_node *n = group->children[i];
		rc = n->is_group ? describe_collect(d, n, err) : add_candidate(d, n, err);
	}
	return rc;
}

void describe_release(struct draft *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->c[i].name);
	free(d->c);
	free(d->seen.p);
	d->seen = (struct seen_clocks){ NULL, 0, 0 };
	d->c = NULL;
	d->n = d->cap = 0;
}

/* --- lengths ---------------------------------------------------------------------------------- */

static int length_cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

uint64_t describe_common_length(const struct draft *d)
{
	uint64_t *rows = NULL, best = 0;
	size_t n = 0, best_n = 0;

	if (rc_new_array(&rows, d->n, sizeof *rows, NULL))
		return 0;
	for (size_t i = 0; i < d->n; i++)
		if (!d->c[i].dropped)
			rows[n++] = d->c[i].node->dataset->dims[0];
	qsort(rows, n, sizeof *rows, length_cmp);
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i; j < n && rows[j] == rows[i]; j++)
			;
		if (rows[i] > 1 && j - i >= best_n) {
			best = rows[i];
			best_n = j - i;
		}
	}
	if (best == 0 && n > 0)
		best = rows[n - 1];
	free(rows);
	return best;
}

struct rc_h5_node *describe_own_time(struct draft *d)
{
	struct rc_h5_node *time = rc_h5_find(d->t, NULL, "/robocache/time");

	for (size_t i = 0; i < d->n; i++)
		if (strncmp(d->c[i].rel, "robocache/", 10) == 0)
			d->c[i].dropped = true;
	return time && time->usable && time->dataset->rank == 1 && time->dataset->dtype == RC_I64 &&
	       time->dataset->dims[0] > 0 ? time : NULL;
}

void describe_drop_constant(struct draft *d, struct candidate *c)
{
	c->dropped = true;
	list_add(&d->constant, c->rel, NULL);
}

void describe_ignore(struct draft *d, struct candidate *c)
{
	c->dropped = true;
	list_add(&d->ignored, c->rel, NULL);
}

void describe_check_lengths(struct draft *d, uint64_t length)
{
	for (size_t i = 0; i < d->n; i++) {
		struct candidate *c = &d->c[i];
		uint64_t rows = c->node->dataset->dims[0];

		if (c->dropped || rows == length)
			continue;
		if (rows == 1 && length > 1) {
			describe_drop_constant(d, c);
			continue;
		}
		if (d->b && (rows == length + 1 || rows + 1 == length))
			rc_ixb_note(d->b, RC_NOTE_INFO, "length_mismatch", c->node->path,
				    "'%s' has %llu rows in an episode of %llu", c->node->path,
				    (unsigned long long)rows, (unsigned long long)length);
		else
			describe_warn(d, "length_mismatch", c->node->path,
				      "'%s' has %llu rows in an episode of %llu", c->node->path,
				      (unsigned long long)rows, (unsigned long long)length);
	}
}

/* --- names ------------------------------------------------------------------------------------ */

int describe_name(struct candidate *c, const char *name, struct rc_err *err)
{
	free(c->name);
	c->name = NULL;
	return rc_strdup(&c->name, name, err);
}

static int by_name(const void *a, const void *b)
{
	const struct candidate *x = *(const struct candidate *const *)a;
	const struct candidate *y = *(const struct candidate *const *)b;
	int k = strcmp(x->name, y->name);

	return k ? k : x < y ? -1 : x > y;
}

/* Renames all but the first of equal names: to the path, in the second round with a number. */
static int rename_equal(struct candidate **sorted, size_t n, bool number, struct rc_err *err)
{
	char *fresh;
	int rc = 0;

	for (size_t i = 1, first = 0; rc == 0 && i < n; i++) {
		struct candidate *c = sorted[i];
		if (strcmp(c->name, sorted[first]->name) != 0) {
			first = i;
			continue;
		}
		if (number)
			rc = rc_sprintf(&fresh, err, "%s#%zu", c->rel, i);
		else
			rc = rc_strdup(&fresh, c->rel, err);
		if (rc == 0) {
			/* sorted[first] keeps its name, so comparisons stay right */
			free(c->name);
			c->name = fresh;
		}
	}
	return rc;
}

int describe_unique_names(struct draft *d, struct rc_err *err)
{
	struct candidate **sorted = NULL;
	size_t n = 0;
	int rc = rc_new_array(&sorted, d->n, sizeof(void *), err);

	for (size_t i = 0; rc == 0 && i < d->n; i++) {
		if (d->c[i].dropped)
			continue;
		if (!d->c[i].name)
			rc = describe_name(&d->c[i], d->c[i].rel, err);
		sorted[n++] = &d->c[i];
	}
	for (int round = 0; rc == 0 && round < 2; round++) {
		qsort(sorted, n, sizeof(void *), by_name);
		rc = rename_equal(sorted, n, round > 0, err);
	}
	free(sorted);
	return rc;
}

/* --- emitting --------------------------------------------------------------------------------- */

struct rc_stream_clock describe_clock_none(void)
{
	return (struct rc_stream_clock){ .kind = RC_CLOCK_NONE, .dataset = RC_NO_DATASET,
					 .unit_num = 1, .unit_den = 1, .rate_den = 1 };
}

struct rc_stream_clock describe_clock_nominal(struct draft *d, double hz, const char *origin)
{
	struct rc_stream_clock k = describe_clock_none();
	int64_t num, den = 1000000;

	if (!(hz >= 1e-3 && hz <= 1e6) || !d->b)
		return k;
	num = llround(hz * 1e6);
	for (int64_t p = 2; p <= 5; p += 3)
		while (num % p == 0 && den % p == 0) {
			num /= p;
			den /= p;
		}
	k.kind = RC_CLOCK_NOMINAL;
	k.rate_num = num;
	k.rate_den = den;
	k.rate_origin = rc_ixb_str(d->b, origin);
	return k;
}

struct rc_stream_clock describe_clock_spread(struct draft *d, uint64_t n, int64_t first_ns,
					     int64_t last_ns, const char *origin)
{
	struct rc_stream_clock k = describe_clock_none();
	uint64_t num;
	int64_t span;

	if (n < 2 || __builtin_sub_overflow(last_ns, first_ns, &span) || span <= 0 ||
	    !rc_mul(n - 1, 1000000000, &num) || num > INT64_MAX / 8 || !d->b)
		return k;
	k.kind = RC_CLOCK_NOMINAL;
	k.rate_num = (int64_t)num;
	k.rate_den = span;
	k.rate_origin = rc_ixb_str(d->b, origin);
	k.anchored = 1;
	k.first_ns = first_ns;
	k.last_ns = last_ns;
	return k;
}

uint32_t describe_dataset(struct draft *d, struct rc_h5_node *n)
{
	if (n->i_dataset == RC_NO_DATASET) {
		struct rc_dataset s = *n->dataset;
		s.address = n->address;
		s.stored_bytes = n->stored_bytes;
		s.linked = n->linked;
		s.path = rc_ixb_str(d->b, n->path);
		n->i_dataset = rc_ixb_dataset(d->b, &s);
	}
	return n->i_dataset;
}

static const char *const unit_attrs[] = { "unit", "units", NULL };

static struct rc_stream stream_of(struct draft *d, const struct candidate *c)
{
	struct rc_stream s = { .clock = c->clock, .role = c->role };
	char *unit;

	s.kind = describe_kind(d, c);
	s.name = rc_ixb_str(d->b, c->name);
	s.dataset = describe_dataset(d, c->node);
	s.n_rows = c->node->dataset->dims[0];
	if (s.kind == RC_KIND_QUAT || s.kind == RC_KIND_POSE || s.kind == RC_KIND_QUATS)
		describe_quaternion_order(d, c, &s);
	if (describe_attr_any(d->t, c->node, unit_attrs, &unit)) {
		s.unit = rc_ixb_str(d->b, unit);
		free(unit);
	}
	return s;
}

static void emit_list(struct draft *d, const struct name_list *l, const char *code,
		      const char *what)
{
	if (l->n)
		rc_ixb_note(d->b, RC_NOTE_INFO, code, d->root->path, "%zu %s%s: %s%s", l->n,
			    l->n == 1 ? "array is no stream, " : "arrays are no streams, ", what,
			    l->text, strlen(l->text) + 64 > sizeof l->text ? " ..." : "");
}

static void emit_notes(struct draft *d, size_t n_streams)
{
	emit_list(d, &d->constant, "constant_stream", "one value for the whole episode");
	emit_list(d, &d->empty, "empty_stream", "no rows or no columns");
	emit_list(d, &d->other, "not_a_stream", "text or single values");
	emit_list(d, &d->ignored, "ignored_array", "by the rules of the layout");
	if (n_streams == 0)
		rc_ixb_note(d->b, RC_NOTE_ERROR, "no_streams", d->root->path,
			    "'%s' holds nothing that can be converted", d->root->path);
	if (d->n_warnings > MAX_WARNINGS)
		rc_ixb_note(d->b, RC_NOTE_WARNING, "more_warnings", d->root->path,
			    "%u more warnings about '%s' are not listed",
			    d->n_warnings - MAX_WARNINGS, d->root->path);
}

void describe_emit(struct draft *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		if (!d->c[i].dropped) {
			struct rc_stream s = stream_of(d, &d->c[i]);
			rc_ixb_stream(d->b, &s);
			n++;
		}
	emit_notes(d, n);
}

int describe_emit_ranges(struct draft *d, const struct row_range *ranges, size_t n,
			 const struct rc_index_episode *e, struct rc_err *err)
{
	struct rc_stream *streams = NULL;
	size_t n_streams = 0;
	int rc = rc_new_array(&streams, d->n, sizeof *streams, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < d->n; i++)
		if (!d->c[i].dropped)
			streams[n_streams++] = stream_of(d, &d->c[i]);
	emit_notes(d, n_streams);
	for (size_t i = 0; i < n; i++) {
		struct rc_index_episode one = *e;
		char key[32];
		snprintf(key, sizeof key, "episode_%zu", i);
		one.key = rc_ixb_str(d->b, key);
		rc_ixb_episode(d->b, &one);
		for (size_t k = 0; k < n_streams; k++) {
			streams[k].row0 = ranges[i].row0;
			streams[k].n_rows = ranges[i].n;
			rc_ixb_stream(d->b, &streams[k]);
		}
	}
	free(streams);
	return 0;
}
