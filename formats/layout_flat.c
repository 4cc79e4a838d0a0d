/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flat arrays: the episodes of a file lie end to end.  D4RL ends them where terminals or timeouts
 * is true; LeWM and stable-worldmodel number them in ep_offset and ep_len, or in ep_idx.
 */
#include "base/compat.h"

#include "formats/rules.h"

#include "base/mem.h"

enum { BLOCK_ROWS = 1 << 14, MAX_EPISODES = 1 << 24 };

struct ranges {
	struct row_range *p;
	size_t n, cap;
};

static struct rc_h5_node *column(const struct rc_h5_tree *t, const char *name)
{
	struct rc_h5_node *n = describe_array(t, NULL, name);
	const struct rc_dataset *s = n ? n->dataset : NULL;

	/* h5py keeps some columns as (N, 1) */
	return s && s->dims[0] > 0 && (s->rank == 1 || (s->rank == 2 && s->dims[1] == 1)) ? n
											  : NULL;
}

static const struct rc_h5_node *main_array(const struct rc_h5_tree *t)
{
	static const char *const names[] = { "actions", "action", "observations", "pixels" };
	const struct rc_h5_node *n = NULL;

	for (size_t i = 0; i < RC_ARRAY_LEN(names) && !n; i++)
		n = describe_array(t, NULL, names[i]);
	return n;
}

static bool as_long(const struct rc_h5_node *n, uint64_t rows)
{
	return n && n->dataset->dims[0] == rows;
}

static int probe(const struct rc_h5_tree *t, char *reason, size_t cap)
{
	const struct rc_h5_node *a = main_array(t);
	uint64_t rows = a ? a->dataset->dims[0] : 0;
	const char *cut = NULL;

	if (column(t, "ep_len") && column(t, "ep_offset"))
		cut = "'ep_len' and 'ep_offset'";
	else if (as_long(column(t, "ep_idx"), rows))
		cut = "'ep_idx'";
	else if (as_long(column(t, "terminals"), rows))
		cut = column(t, "timeouts") ? "'terminals' and 'timeouts'" : "'terminals'";
	else if (as_long(column(t, "timeouts"), rows))
		cut = "'timeouts'";
	snprintf(reason, cap, "no arrays with terminals, timeouts or ep_len at the top");
	if (!a || !cut)
		return 0;
	snprintf(reason, cap, "'%.60s' has %llu rows, which %s cut%s into episodes", a->name,
		 (unsigned long long)rows, cut, strstr(cut, "and") ? "" : "s");
	return 90;
}

/* --- where episodes end ----------------------------------------------------------------------- */

static int add_range(struct ranges *r, uint64_t row0, uint64_t n, struct rc_err *err)
{
	int rc;

	if (r->n >= MAX_EPISODES)
		return rc_fail(err, RC_E_FORMAT, "too_many_episodes",
			       "it holds more than %d episodes", MAX_EPISODES);
	rc = rc_grow_array(&r->p, &r->cap, r->n + 1, sizeof *r->p, err);
	if (rc == 0)
		r->p[r->n++] = (struct row_range){ row0, n };
	return rc;
}

/* Walks columns of one length side by side, block by block. */
struct columns {
	const struct rc_h5_tree *t;
	const struct rc_h5_node *a, *b; /* b: NULL for one column */
	double va[BLOCK_ROWS], vb[BLOCK_ROWS];
	size_t n; /* rows in hand */
};

static int load(struct columns *c, uint64_t row0, struct rc_err *err)
{
	uint64_t left = c->a->dataset->dims[0] - row0;
	int rc;

	c->n = left < BLOCK_ROWS ? (size_t)left : BLOCK_ROWS;
	rc = rc_h5_rows_double(c->t, c->a, row0, c->n, c->va, c->n, err);
	if (rc == 0 && c->b)
		rc = rc_h5_rows_double(c->t, c->b, row0, c->n, c->vb, c->n, err);
	return rc;
}

/* An episode ends with a row where either flag is set. */
static int cut_at_flags(struct columns *c, struct ranges *r, struct rc_err *err)
{
	uint64_t rows = c->a->dataset->dims[0], begin = 0;
	int rc = 0;

	for (uint64_t at = 0; rc == 0 && at < rows; at += c->n) {
		rc = load(c, at, err);
		for (size_t i = 0; rc == 0 && i < c->n; i++)
			if (c->va[i] != 0 || (c->b && c->vb[i] != 0)) {
				rc = add_range(r, begin, at + i + 1 - begin, err);
				begin = at + i + 1;
			}
	}
	return rc || begin == rows ? rc : add_range(r, begin, rows - begin, err);
}

/* An episode ends where its number changes. */
static int cut_at_changes(struct columns *c, struct ranges *r, struct rc_err *err)
{
	uint64_t rows = c->a->dataset->dims[0], begin = 0;
	double last = 0;
	int rc = 0;

	for (uint64_t at = 0; rc == 0 && at < rows; at += c->n) {
		rc = load(c, at, err);
		for (size_t i = 0; rc == 0 && i < c->n; i++) {
			if (at + i > begin && c->va[i] != last) {
				rc = add_range(r, begin, at + i - begin, err);
				begin = at + i;
			}
			last = c->va[i];
		}
	}
	return rc ? rc : add_range(r, begin, rows - begin, err);
}

static int cut_by_offsets(struct columns *c, uint64_t rows, struct ranges *r, struct rc_err *err)
{
	uint64_t n = c->a->dataset->dims[0];
	int rc = 0;

	for (uint64_t at = 0; rc == 0 && at < n; at += c->n) {
		rc = load(c, at, err);
		for (size_t i = 0; rc == 0 && i < c->n; i++) {
			double off = c->va[i], len = c->vb[i];
			if (!(off >= 0 && len >= 0 && off + len <= (double)rows))
				return rc_fail(err, RC_E_FORMAT, "bad_episode_range",
					       "episode %llu is rows %.17g + %.17g of %llu",
					       (unsigned long long)(at + i), off, len,
					       (unsigned long long)rows);
			if (len > 0)
				rc = add_range(r, (uint64_t)off, (uint64_t)len, err);
		}
	}
	return rc;
}

static int cut(const struct rc_h5_tree *t, uint64_t rows, struct ranges *r, struct rc_err *err)
{
	const struct rc_h5_node *len = column(t, "ep_len"), *off = column(t, "ep_offset");
	const struct rc_h5_node *idx = column(t, "ep_idx"), *end = column(t, "terminals");
	const struct rc_h5_node *out = column(t, "timeouts");
	struct columns *c = NULL;
	int rc = rc_new(&c, err);

	if (rc)
		return rc;
	c->t = t;
	if (len && off && len->dataset->dims[0] == off->dataset->dims[0]) {
		c->a = off;
		c->b = len;
		rc = cut_by_offsets(c, rows, r, err);
	} else if (as_long(idx, rows)) {
		c->a = idx;
		rc = cut_at_changes(c, r, err);
	} else {
		c->a = as_long(end, rows) ? end : out;
		c->b = as_long(end, rows) && as_long(out, rows) ? out : NULL;
		rc = as_long(c->a, rows) ? cut_at_flags(c, r, err)
					 : rc_fail(err, RC_E_FORMAT, "no_episodes",
						   "nothing says where its episodes end");
	}
	free(c);
	return rc;
}

/* --- streams ---------------------------------------------------------------------------------- */

static const struct stream_rule streams[] = {
	{ .path = "actions", .role = RC_ROLE_ACTION },
	{ .path = "action", .role = RC_ROLE_ACTION },
	{ .path = "rewards", .role = RC_ROLE_REWARD },
	{ .path = "reward", .role = RC_ROLE_REWARD },
	{ .path = "terminals", .role = RC_ROLE_DONE },
	{ .path = "next_observations", .name = "next_obs/observations",
	  .role = RC_ROLE_NEXT_OBS },
	{ .path = "ep_len", .skip = true },
	{ .path = "ep_offset", .skip = true },
	{ .path = "ep_idx", .skip = true },
	{ .path = "step_idx", .skip = true },
	{ .path = "metadata/**", .skip = true },
	{ .path = "virtual/**", .skip = true },
};
static const struct layout_rules rules = {
	.streams = streams, .n_streams = RC_ARRAY_LEN(streams), .origin = "layout",
};

static void warn_of_limits(struct draft *d, const struct ranges *r, uint64_t rows)
{
	const struct rc_h5_node *end = column(d->t, "terminals");

	if (column(d->t, "ep_len") || column(d->t, "ep_idx"))
		return;
	if (end && !column(d->t, "timeouts"))
		describe_warn(d, "no_timeouts", end->path,
			      "'%s' alone cuts the %llu rows into %zu episodes: without timeouts, "
			      "an episode that a step limit ended cannot be told from the next",
			      end->path, (unsigned long long)rows, r->n);
}

/* What is not as long as the rest belongs to no episode. */
static void drop_others(struct draft *d, uint64_t rows)
{
	for (size_t i = 0; i < d->n; i++) {
		struct candidate *c = &d->c[i];
		uint64_t n = c->node->dataset->dims[0];

		if (c->dropped || n == rows)
			continue;
		if (n > 1)
			describe_warn(d, "length_mismatch", c->node->path,
				      "'%s' is left out: it has %llu rows where the others have "
				      "%llu", c->node->path, (unsigned long long)n,
				      (unsigned long long)rows);
		describe_ignore(d, c);
	}
}

static int describe(const struct rc_h5_tree *t, struct rc_index_builder *b, struct rc_err *err)
{
	struct quat_rule quat = { .order = "wxyz", .origin = "assumed" };
	struct draft d = { .t = t, .b = b, .root = t->root, .quat = &quat };
	const struct rc_h5_node *a = main_array(t);
	struct ranges r = { NULL, 0, 0 };
	struct rc_index_episode e;
	int rc;

	if (!a || a->dataset->dims[0] == 0)
		return rc_fail(err, RC_E_FORMAT, "no_episodes",
			       "it has no array actions, observations or pixels at the top");
	rc = cut(t, a->dataset->dims[0], &r, err);
	if (rc == 0)
		rc = describe_collect(&d, t->root, err);
	if (rc == 0)
		rc = describe_apply_rules(&d, &rules, err);
	if (rc)
		goto done;
	drop_others(&d, a->dataset->dims[0]);
	warn_of_limits(&d, &r, a->dataset->dims[0]);
	rc = describe_unique_names(&d, err);
	if (rc)
		goto done;
	e = describe_begin(&d, describe_language);
	rc = describe_emit_ranges(&d, r.p, r.n, &e, err);
done:
	free(r.p);
	describe_release(&d);
	return rc;
}

const struct rc_layout rc_layout_flat = {
	.name = "flat",
	.summary = "episodes end to end in flat arrays with terminals or ep_len: D4RL, LeWM",
	.probe = probe,
	.describe = describe,
};
