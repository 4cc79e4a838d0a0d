/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which dataset holds the stamps of which stream.  Names say what may be a clock; a stream takes
 * the nearest one that has as many rows, looking in its own group, then in those above it.
 */
#include "formats/describe.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* rc_h5_node.mark of a dataset; of a group, the number of clocks in it. */
enum {
	NO_CLOCK,
	WEAK_CLOCK,   /* "t", "contact_time": only if it rises and a stream uses it */
	NAMED_CLOCK,  /* "camera_timestamp" */
	LISTED_CLOCK, /* "timestamps/camera" */
	PLAIN_CLOCK,  /* "timestamp" */
	USED_CLOCK = 16
};

static const char *const plain_words[] = {
	"timestamp", "timestamps", "time_stamp", "time_stamps", "ts", "time", "times", "stamp",
	"stamps", "sim_time", "time_seq", "sim_time_seq", "timestamp_seq", "sim_timestamp",
	"ros_time", "unix_time", "epoch_time", "wall_time", "clock", "timestamp_utc",
};
static const char *const group_words[] = {
	"timestamps", "timestamp", "time", "times", "ts", "stamps", "clock", "clocks",
};
static const char *const strong_parts[] = { "timestamp", "timestamps", "ts", "stamp", "stamps" };
static const char *const weak_parts[] = { "time", "times", "t" };

static bool is_word(const char *s, size_t n, const char *const *words, size_t n_words)
{
	for (size_t i = 0; i < n_words; i++)
		if (strlen(words[i]) == n && strncasecmp(s, words[i], n) == 0)
			return true;
	return false;
}

/* The x of "x_timestamp" or "timestamp_x" for one of the words; NULL when it has no such form. */
static const char *subject(const char *name, const char *const *words, size_t n_words,
			   size_t *len_out)
{
	size_t n = describe_without_unit(name);

	for (size_t i = 0; i < n_words; i++) {
		size_t w = strlen(words[i]);
		if (n < w + 2)
			continue;
		*len_out = n - w - 1;
		if (name[n - w - 1] == '_' && strncasecmp(name + n - w, words[i], w) == 0)
			return name;
		if (name[w] == '_' && strncasecmp(name, words[i], w) == 0)
			return name + w + 1;
	}
	return NULL;
}

static const char *any_subject(const char *name, size_t *len_out)
{
	const char *x = subject(name, strong_parts, RC_ARRAY_LEN(strong_parts), len_out);
	return x ? x : subject(name, weak_parts, RC_ARRAY_LEN(weak_parts), len_out);
}

bool describe_clock_group(const struct rc_h5_node *n)
{
	return n->is_group && is_word(n->name, describe_without_unit(n->name), group_words,
				      RC_ARRAY_LEN(group_words));
}

static bool in_clock_group(const struct draft *d, const struct rc_h5_node *n)
{
	for (n = n->parent; n && n != d->root; n = n->parent)
		if (describe_clock_group(n))
			return true;
	return false;
}

/* Maps between clocks and lists of row numbers have names much like clocks. */
static bool is_row_map(const char *name)
{
	return describe_contains(name, "map") || describe_contains(name, "idx") ||
	       describe_contains(name, "index") || describe_contains(name, "offset");
}

static uint32_t classify(const struct draft *d, const struct rc_h5_node *n)
{
	const struct rc_dataset *s = n->dataset;
	size_t bare = describe_without_unit(n->name), len;

	if (s->rank != 1 || rc_dtype_size(s->dtype) < 2 || is_row_map(n->name))
		return NO_CLOCK;
	if (is_word(n->name, bare, plain_words, RC_ARRAY_LEN(plain_words)))
		return PLAIN_CLOCK;
	if (in_clock_group(d, n))
		return LISTED_CLOCK;
	if (subject(n->name, strong_parts, RC_ARRAY_LEN(strong_parts), &len))
		return NAMED_CLOCK;
	if (is_word(n->name, bare, weak_parts, RC_ARRAY_LEN(weak_parts)))
		return describe_rises(d, n) ? WEAK_CLOCK : NO_CLOCK;
	const char *x = subject(n->name, weak_parts, RC_ARRAY_LEN(weak_parts), &len);
	char name[256];
	if (!x || len >= sizeof name)
		return NO_CLOCK;
	memcpy(name, x, len);
	name[len] = 0;
	const struct rc_h5_node *of = rc_h5_child(n->parent, name);
	if (!of)
		return NO_CLOCK;
	/* As long as what it is named after, it is its clock.  One that runs backwards too: the run
	 * must say so and not take another's. */
	if (!of->is_group && of->usable && of->dataset->dims[0] == s->dims[0])
		return WEAK_CLOCK;
	return describe_rises(d, n) ? WEAK_CLOCK : NO_CLOCK;
}

static void mark_all(struct draft *d)
{
	for (size_t i = 0; i < d->n; i++) {
		d->c[i].node->mark = NO_CLOCK;
		for (struct rc_h5_node *g = d->c[i].node->parent; g; g = g->parent)
			g->mark = 0;
	}
	for (size_t i = 0; i < d->n; i++) {
		struct rc_h5_node *n = d->c[i].node;
		if (d->c[i].dropped)
			continue;
		n->mark = classify(d, n);
		if (n->mark != NO_CLOCK)
			for (struct rc_h5_node *g = n->parent; g; g = g->parent)
				g->mark++;
	}
}

/* --- matching --------------------------------------------------------------------------------- */

static bool is_clock_of(const struct rc_h5_node *n, uint64_t rows)
{
	return n && !n->is_group && n->mark != NO_CLOCK && n->dataset->dims[0] == rows;
}

/* How well clock k, in the group where the path to s goes on with `step`, fits s by name. */
static int fit(const struct rc_h5_node *k, const struct rc_h5_node *s, const char *step,
	       size_t step_len)
{
	uint32_t mark = k->mark & ~(uint32_t)USED_CLOCK;
	char other[256];
	size_t len = 0;
	const char *x = any_subject(k->name, &len);

	if (mark == PLAIN_CLOCK)
		return 4;
	if (!x || len >= sizeof other)
		return mark == WEAK_CLOCK ? 3 : 2;
	if ((len == step_len && strncasecmp(x, step, len) == 0) ||
	    (len == strlen(s->name) && strncasecmp(x, s->name, len) == 0))
		return 5;
	memcpy(other, x, len);
	other[len] = 0;
	if (rc_h5_child(k->parent, other) || describe_contains(other, "end"))
		return 1; /* of another stream, or the end of an exposure */
	return 2;
}

static struct rc_h5_node *clock_in_list(const struct draft *d, const struct rc_h5_node *list,
					const char *rest, size_t step_len, uint64_t rows)
{
	struct rc_h5_node *k = rc_h5_find(d->t, list, rest);

	if (is_clock_of(k, rows))
		return k;
	/* timestamps/gripper, or with its unit timestamps/gripper_ns */
	for (size_t i = 0; list && i < list->n_children; i++) {
		size_t len = describe_without_unit(list->children[i]->name);
		k = list->children[i];
		if (!is_clock_of(k, rows))
			continue;
		if ((len == step_len && strncmp(k->name, rest, len) == 0) ||
		    (strlen(k->name) == step_len && strncmp(k->name, rest, step_len) == 0))
			return k;
	}
	return NULL;
}

/* The best clock with this many rows in group g, an ancestor of s. */
static struct rc_h5_node *clock_in_group(const struct draft *d, const struct rc_h5_node *g,
					 const struct rc_h5_node *s, uint64_t rows)
{
	const char *rest = g->parent ? s->path + strlen(g->path) + 1 : s->path + 1;
	size_t step_len = strcspn(rest, "/");
	struct rc_h5_node *best = NULL;
	int best_fit = 0;

	for (size_t i = 0; i < g->n_children; i++) {
		struct rc_h5_node *k = g->children[i];
		int f = 0;
		if (k->mark == 0 || k == s)
			continue;
		if (describe_clock_group(k)) {
			k = clock_in_list(d, k, rest, step_len, rows);
			f = k ? 6 : 0;
		} else if (is_clock_of(k, rows)) {
			f = fit(k, s, rest, step_len);
		}
		if (f > best_fit) {
			best = k;
			best_fit = f;
		}
	}
	return best;
}

static struct rc_h5_node *clock_for(const struct draft *d, const struct rc_h5_node *s,
				    uint64_t rows)
{
	for (const struct rc_h5_node *g = s->parent; g; g = g->parent) {
		struct rc_h5_node *k = g->mark ? clock_in_group(d, g, s, rows) : NULL;
		if (k || g == d->root)
			return k;
	}
	return NULL;
}

enum { MIN_TIME_LAST = 16 };

/* (D, T): the clock that is as long as the last axis, where the first has none. */
static struct rc_h5_node *clock_of_last_axis(const struct draft *d, const struct candidate *c)
{
	const struct rc_dataset *s = c->node->dataset;

	/* short episodes have last axes of all lengths by chance */
	if (s->rank != 2 || s->dims[1] <= s->dims[0] || s->dims[1] < MIN_TIME_LAST)
		return NULL;
	return clock_for(d, c->node, s->dims[1]);
}

static void drop_clocks(struct draft *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct rc_h5_node *n = d->c[i].node;
		if (d->c[i].dropped || n->mark == NO_CLOCK || n->mark == WEAK_CLOCK)
			continue;
		d->c[i].dropped = true;
		if (d->b && !(n->mark & USED_CLOCK))
			rc_ixb_note(d->b, RC_NOTE_INFO, "unused_clock", n->path,
				    "no stream takes its stamps from '%s' (%llu rows)", n->path,
				    (unsigned long long)n->dataset->dims[0]);
	}
}

static size_t give_clock(struct draft *d, struct candidate *c)
{
	struct rc_h5_node *k = clock_for(d, c->node, c->node->dataset->dims[0]);

	if (!k) {
		k = clock_of_last_axis(d, c);
		if (!k)
			return 0;
		if (!describe_time_last(d, c, k->path))
			return 0;
	}
	k->mark |= USED_CLOCK;
	return describe_stamps(d, k, NULL, &c->clock);
}

size_t describe_find_clocks(struct draft *d)
{
	size_t n = 0;

	mark_all(d);
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < d->n; i++) {
			struct candidate *c = &d->c[i];
			/* what only looked like a clock comes after those that never did */
			if (c->dropped || c->clock.kind == RC_CLOCK_MEASURED ||
			    c->node->mark != (pass ? WEAK_CLOCK : NO_CLOCK))
				continue;
			c->node->mark = NO_CLOCK;
			n += give_clock(d, c);
		}
	drop_clocks(d);
	return n;
}
