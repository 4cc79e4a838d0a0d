/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any group whose arrays share clocks.  The file is the episode, unless it holds numbered groups
 * that are named like episodes (episode_0, traj_3, Trial1, or bare numbers of equal content).
 */
#include "formats/rules.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

enum { MAX_CONSTANT = 16 }; /* rows of a matrix that is no series */

/* --- where the episodes are ------------------------------------------------------------------- */

static const char *const episode_words[] = {
	"episode", "episodes", "ep", "eps", "traj", "trajectory", "demo", "demos", "demonstration",
	"trial", "rollout", "run", "seq", "sequence", "recording", "record", "rec", "session",
	"take", "clip", "sample", "segment",
};

static bool is_episode_name(const char *name)
{
	size_t n = describe_numbered(name);

	for (size_t i = 0; n > 0 && i < RC_ARRAY_LEN(episode_words); i++)
		if (strlen(episode_words[i]) == n && strncasecmp(name, episode_words[i], n) == 0)
			return true;
	return false;
}

static bool is_number(const char *name)
{
	return *name && name[strspn(name, "0123456789")] == 0;
}

static bool same_children(const struct rc_h5_node *a, const struct rc_h5_node *b)
{
	if (a->n_children != b->n_children)
		return false;
	for (size_t i = 0; i < a->n_children; i++)
		if (strcmp(a->children[i]->name, b->children[i]->name) != 0)
			return false;
	return true;
}

/* Bare numbers are episodes only when at least two groups have the same members. */
static bool numbers_are_episodes(const struct rc_h5_node *group)
{
	const struct rc_h5_node *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < group->n_children; i++) {
		const struct rc_h5_node *c = group->children[i];
		if (!c->is_group || !is_number(c->name) || !describe_has_array(c))
			continue;
		first = first ? first : c;
		if (!same_children(first, c))
			return false;
		n++;
	}
	return n >= 2;
}

struct episodes {
	const struct rc_h5_node *group; /* holds them; NULL: the whole file is one */
	bool numbers;
};

static bool is_episode(const struct episodes *e, const struct rc_h5_node *n)
{
	return n->is_group && describe_has_array(n) &&
	       (is_episode_name(n->name) || (e->numbers && is_number(n->name)));
}

static size_t count_episodes(const struct episodes *e)
{
	size_t n = 0;

	for (size_t i = 0; i < e->group->n_children; i++)
		n += is_episode(e, e->group->children[i]);
	return n;
}

/* At the top, or one group deeper. */
static struct episodes find_episodes(const struct rc_h5_tree *t)
{
	struct episodes e = { t->root, numbers_are_episodes(t->root) };

	if (count_episodes(&e))
		return e;
	for (size_t i = 0; i < t->root->n_children; i++) {
		e.group = t->root->children[i];
		e.numbers = numbers_are_episodes(e.group);
		if (e.group->is_group && count_episodes(&e))
			return e;
	}
	return (struct episodes){ NULL, false };
}

/* --- streams of one episode ------------------------------------------------------------------- */

static const char *const container_words[] = { "data", "value", "values", "array", "samples" };

/* "<sensor>/data" is named by its sensor: the path without what says nothing. */
static size_t telling_length(const char *rel)
{
	const char *base = describe_basename(rel);

	for (size_t i = 0; base > rel && i < RC_ARRAY_LEN(container_words); i++)
		if (strcasecmp(base, container_words[i]) == 0)
			return (size_t)(base - rel) - 1;
	return strlen(rel);
}

/* The last k components of the telling part of a path. */
static int name_by_tail(struct candidate *c, size_t k, struct rc_err *err)
{
	size_t end = telling_length(c->rel), start = end;
	char *name;
	int rc;

	while (start > 0 && (c->rel[start - 1] != '/' || --k > 0))
		start--;
	rc = rc_sprintf(&name, err, "%.*s", (int)(end - start), c->rel + start);
	if (rc == 0) {
		free(c->name);
		c->name = name;
	}
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct candidate *const *)a)->name, (*(struct candidate *const *)b)->name);
}

/* One round: names of k components for those whose shorter name was not unique.  Equal names grow
 * together, so that none keeps a name that now means another. */
static int lengthen(struct candidate **c, size_t *n, size_t k, struct rc_err *err)
{
	size_t left = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < *n; i++)
		rc = name_by_tail(c[i], k, err);
	if (rc)
		return rc;
	qsort(c, *n, sizeof(void *), by_name);
	for (size_t i = 0, j; i < *n; i = j) {
		for (j = i + 1; j < *n && strcmp(c[j]->name, c[i]->name) == 0; j++)
			;
		if (j - i > 1)
			for (; i < j; i++)
				c[left++] = c[i];
	}
	*n = left;
	return 0;
}

static int shortest_names(struct draft *d, struct rc_err *err)
{
	struct candidate **c = NULL;
	size_t n = 0;
	int rc = rc_new_array(&c, d->n, sizeof(void *), err);

	for (size_t i = 0; rc == 0 && i < d->n; i++)
		if (!d->c[i].dropped)
			c[n++] = &d->c[i];
	for (size_t k = 1; rc == 0 && n > 0 && k < 64; k++)
		rc = lengthen(c, &n, k, err);
	free(c);
	return rc ? rc : describe_unique_names(d, err);
}

static enum rc_role role_of(const char *name)
{
	static const struct {
		const char *name;
		enum rc_role role;
	} roles[] = {
		{ "action", RC_ROLE_ACTION },  { "actions", RC_ROLE_ACTION },
		{ "reward", RC_ROLE_REWARD },  { "rewards", RC_ROLE_REWARD },
		{ "done", RC_ROLE_DONE },      { "dones", RC_ROLE_DONE },
		{ "terminals", RC_ROLE_DONE }, { "is_terminal", RC_ROLE_DONE },
	};

	for (size_t i = 0; i < RC_ARRAY_LEN(roles); i++)
		if (strcasecmp(name, roles[i].name) == 0)
			return roles[i].role;
	return RC_ROLE_OBS;
}

static uint64_t shortest_clocked(const struct draft *d)
{
	uint64_t best = 0;

	for (size_t i = 0; i < d->n; i++) {
		uint64_t rows = d->c[i].node->dataset->dims[0];
		if (!d->c[i].dropped && d->c[i].clock.kind == RC_CLOCK_MEASURED &&
		    (best == 0 || rows < best))
			best = rows;
	}
	return best;
}

/* Calibrations and the like lie beside the series: few rows, and fewer than any of them. */
static void judge_unclocked(struct draft *d, bool clocked)
{
	uint64_t length = clocked ? shortest_clocked(d) : describe_common_length(d);

	for (size_t i = 0; i < d->n; i++) {
		struct candidate *c = &d->c[i];
		uint64_t rows = c->node->dataset->dims[0];
		if (c->dropped || c->clock.kind == RC_CLOCK_MEASURED || rows == length)
			continue;
		if (rows < length / 10 || (rows < length && rows <= (clocked ? MAX_CONSTANT : 1)))
			describe_drop_constant(d, c);
		else if (clocked)
			describe_warn(d, "no_clock", c->node->path,
				      "'%s' has no clock: none has its %llu rows", c->node->path,
				      (unsigned long long)rows);
	}
	if (!clocked)
		describe_check_lengths(d, length);
}

static int make_streams(struct draft *d, size_t *n_clocked_out, struct rc_err *err)
{
	int rc = describe_collect(d, d->root, err);

	if (rc)
		return rc;
	*n_clocked_out = describe_find_clocks(d);
	judge_unclocked(d, *n_clocked_out > 0);
	rc = shortest_names(d, err);
	for (size_t i = 0; rc == 0 && i < d->n; i++)
		if (!d->c[i].dropped)
			d->c[i].role = role_of(describe_basename(d->c[i].name));
	return rc;
}

static void warn_of_flat(struct draft *d)
{
	static const char *const ends[] = { "terminals", "timeouts", "ep_len", "episode_ends" };

	for (size_t i = 0; !d->root->parent && i < RC_ARRAY_LEN(ends); i++) {
		const struct rc_h5_node *n = rc_h5_child(d->root, ends[i]);
		if (!n || n->is_group || !n->usable)
			continue;
		describe_warn(d, "concatenated_episodes", n->path,
			      "'%s' suggests that many episodes lie end to end in these arrays; "
			      "they are read as one", n->path);
		return;
	}
}

/* --- the layout ------------------------------------------------------------------------------- */

static size_t n_streams(const struct draft *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += !d->c[i].dropped;
	return n;
}

/* Tries the first episode without writing anything down. */
static void try_first(const struct rc_h5_tree *t, struct draft *d, size_t *clocked_out, char *where,
		      size_t cap)
{
	struct episodes e = find_episodes(t);

	*clocked_out = 0;
	snprintf(where, cap, "the file");
	for (size_t i = 0; e.group && i < e.group->n_children; i++)
		if (is_episode(&e, e.group->children[i])) {
			d->root = e.group->children[i];
			snprintf(where, cap, "'%.100s', the first of %zu groups,", d->root->path,
				 count_episodes(&e));
			break;
		}
	if (make_streams(d, clocked_out, NULL))
		*clocked_out = 0;
}

static int probe(const struct rc_h5_tree *t, char *reason, size_t cap)
{
	struct draft d = { .t = t, .root = t->root };
	char where[160];
	size_t clocked, n, alike = 0;
	uint64_t length;

	try_first(t, &d, &clocked, where, sizeof where);
	n = n_streams(&d);
	length = describe_common_length(&d);
	for (size_t i = 0; length > 1 && i < d.n; i++)
		alike += !d.c[i].dropped && d.c[i].node->dataset->dims[0] == length;
	describe_release(&d);
	if (clocked)
		snprintf(reason, cap, "%s holds %zu array%s, %zu with a clock", where, n,
			 n == 1 ? "" : "s", clocked);
	else if (alike > 1)
		snprintf(reason, cap, "%s holds %zu arrays of %llu rows, without a clock", where,
			 alike, (unsigned long long)length);
	else if (n > 0)
		snprintf(reason, cap, "%s holds no two arrays of one length and no clock; "
			 "--layout-in generic takes it as it is", where);
	else if (d.n_warnings)
		snprintf(reason, cap, "%s", d.first_warning);
	else
		snprintf(reason, cap, "%s holds no arrays of numbers", where);
	return clocked ? 50 : alike > 1 ? 20 : 0;
}

static int describe_episode(const struct rc_h5_tree *t, const struct rc_h5_node *root,
			    struct rc_index_builder *b, struct quat_rule *quat, struct rc_err *err)
{
	struct draft d = { .t = t, .b = b, .root = root, .quat = quat };
	struct rc_index_episode e = describe_begin(&d, describe_language);
	size_t clocked;
	int rc;

	rc_ixb_episode(b, &e);
	rc = make_streams(&d, &clocked, err);
	if (rc == 0) {
		if (clocked == 0)
			warn_of_flat(&d);
		describe_emit(&d);
	}
	describe_release(&d);
	return rc;
}

static int describe(const struct rc_h5_tree *t, struct rc_index_builder *b, struct rc_err *err)
{
	struct quat_rule quat = { .order = "xyzw", .origin = "assumed" };
	struct episodes e = find_episodes(t);
	int rc = 0;

	if (!describe_has_array(t->root))
		return rc_fail(err, RC_E_FORMAT, "no_episodes", "it holds no arrays of numbers");
	if (!e.group)
		return describe_episode(t, t->root, b, &quat, err);
	for (size_t i = 0; rc == 0 && i < e.group->n_children; i++) {
		const struct rc_h5_node *c = e.group->children[i];
		if (is_episode(&e, c))
			rc = describe_episode(t, c, b, &quat, err);
		else if (describe_has_array(c))
			rc_ixb_note(b, RC_NOTE_INFO, "ignored_object", c->path,
				    "'%s' lies beside the episodes and is left out", c->path);
	}
	return rc;
}

const struct rc_layout rc_layout_generic = {
	.name = "generic",
	.summary = "any group of arrays that share clocks: timestamps, ts, <stream>/timestamp",
	.probe = probe,
	.describe = describe,
};
