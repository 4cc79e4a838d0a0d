/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "formats/rules.h"

#include <ctype.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"

/* rc_h5_node.mark of stamps that a rule gave to a stream. */
enum { RULED_CLOCK = 64 };

/* --- patterns --------------------------------------------------------------------------------- */

static bool match_star(const char *pattern, const char *path, struct rule_match *m)
{
	bool deep = pattern[1] == '*';
	size_t i = m->n;

	if (i == RULE_MAX_STARS)
		return false;
	pattern += deep ? 2 : 1;
	for (size_t len = 0;; len++) {
		m->n = i + 1;
		m->at[i] = path;
		m->len[i] = len;
		if (rule_match(pattern, path + len, m))
			return true;
		if (!path[len] || (!deep && path[len] == '/'))
			break;
	}
	m->n = i;
	return false;
}

bool rule_match(const char *pattern, const char *path, struct rule_match *m)
{
	for (; *pattern; pattern++, path++) {
		if (*pattern == '*')
			return match_star(pattern, path, m);
		if (*pattern != *path)
			return false;
	}
	return *path == 0;
}

size_t rule_stars(const char *pattern)
{
	size_t n = 0;

	for (; (pattern = strchr(pattern, '*')); n++)
		pattern += pattern[1] == '*' ? 2 : 1;
	return n;
}

size_t rule_highest(const char *text)
{
	size_t n = 0;

	for (; (text = strchr(text, '$')); text++)
		if (isdigit((unsigned char)text[1]) && (size_t)(text[1] - '0') > n)
			n = (size_t)(text[1] - '0');
	return n;
}

int rule_expand(const char *text, const struct rule_match *m, char **s_out, struct rc_err *err)
{
	struct rc_buf b;
	int rc;

	rc_buf_init(&b);
	for (; *text; text++) {
		size_t i = *text == '$' && isdigit((unsigned char)text[1])
				   ? (size_t)(text[1] - '0') : 0;
		if (i >= 1 && i <= m->n) {
			rc_buf_add(&b, m->at[i - 1], m->len[i - 1]);
			text++;
		} else {
			rc_buf_add(&b, text, 1);
		}
	}
	rc = rc_buf_check(&b, err);
	if (rc == 0)
		rc = rc_strdup(s_out, b.len ? b.p : "", err);
	rc_buf_release(&b);
	return rc;
}

/* --- one dataset ------------------------------------------------------------------------------ */

struct rc_h5_node *describe_array(const struct rc_h5_tree *t, const struct rc_h5_node *from,
				  const char *path)
{
	struct rc_h5_node *n = rc_h5_find(t, from, path);

	return n && !n->is_group && n->usable ? n : NULL;
}

bool describe_has_array(const struct rc_h5_node *n)
{
	if (!n->is_group)
		return n->usable;
	for (size_t i = 0; i < n->n_children; i++)
		if (describe_has_array(n->children[i]))
			return true;
	return false;
}

/* The stamps that a rule names, if they are as long as the stream. */
static void give_named_clock(struct draft *d, struct candidate *c, const struct stream_rule *r,
			     const char *path, bool must)
{
	struct rc_h5_node *k = describe_array(d->t, d->root, path);

	if (!k) {
		/* otherwise an older file of the family: the nearest clock will do */
		if (must)
			describe_warn(d, "missing_clock", c->node->path,
				      "'%s' has no clock: there is no array '%s'", c->node->path,
				      path);
		return;
	}
	if (k->dataset->rank != 1 || k->dataset->dims[0] != c->node->dataset->dims[0])
		describe_warn(d, "clock_length", c->node->path,
			      "'%s' has %llu rows and its clock '%s' %llu", c->node->path,
			      (unsigned long long)c->node->dataset->dims[0], k->path,
			      (unsigned long long)k->dataset->dims[0]);
	else if (describe_stamps(d, k, r->unit, &c->clock))
		k->mark = RULED_CLOCK;
}

void describe_give_kind(struct draft *d, struct candidate *c, const char *name)
{
	const struct rc_dataset *s = c->node->dataset;
	bool fits;
	int kind = 0;

	while (kind < RC_KIND_COUNT && strcmp(rc_kind_name((enum rc_kind)kind), name) != 0)
		kind++;
	fits = kind == RC_KIND_LOWDIM ||
	       (kind == RC_KIND_QUAT && s->rank == 2 && s->dims[1] == 4) ||
	       (kind == RC_KIND_POSE && s->rank == 2 && s->dims[1] == 7) ||
	       (kind == RC_KIND_QUATS && s->rank == 3 && s->dims[2] == 4) ||
	       (kind == RC_KIND_IMAGE && (s->rank == 3 || s->rank == 4));
	if (fits)
		c->kind = kind;
	else if (kind == RC_KIND_COUNT)
		describe_warn(d, "kind_does_not_fit", c->node->path,
			      "'%s' is said to be of a kind '%.40s', which there is not",
			      c->node->path, name);
	else
		describe_warn(d, "kind_does_not_fit", c->node->path,
			      "'%s' cannot be of kind %s: that needs %s", c->node->path, name,
			      kind == RC_KIND_QUAT   ? "rows of 4 numbers"
			      : kind == RC_KIND_POSE ? "rows of 7 numbers"
			      : kind == RC_KIND_QUATS ? "rows [N, 4]"
						     : "frames [H, W] or [H, W, C]");
}

static int apply(struct draft *d, struct candidate *c, const struct layout_rules *set,
		 const struct stream_rule *r, const struct rule_match *m, struct rc_err *err)
{
	char *text = NULL;
	int rc = 0;

	if (r->skip) {
		describe_ignore(d, c);
		return 0;
	}
	c->role = r->role;
	c->order = r->order;
	c->order_origin = set->origin;
	if (r->kind)
		describe_give_kind(d, c, r->kind);
	if (r->name) {
		rc = rule_expand(r->name, m, &text, err);
		if (rc == 0)
			rc = describe_name(c, text, err);
		free(text);
	}
	if (rc == 0 && r->hz > 0)
		c->clock = describe_clock_nominal(d, r->hz, set->rate_origin);
	if (rc || !r->clock || c->clock.kind == RC_CLOCK_MEASURED)
		return rc;
	text = NULL;
	rc = rule_expand(r->clock, m, &text, err);
	if (rc == 0)
		give_named_clock(d, c, r, text, set->by_user);
	free(text);
	return rc;
}

int describe_apply_rule(struct draft *d, struct candidate *c, const struct layout_rules *set,
			struct rc_err *err)
{
	for (size_t i = 0; i < set->n_streams; i++) {
		struct rule_match m = { .n = 0 };

		if (!rule_match(set->streams[i].path, c->rel, &m))
			continue;
		if (set->used)
			set->used[i] = true;
		return apply(d, c, set, &set->streams[i], &m, err);
	}
	if (set->only)
		describe_ignore(d, c);
	return 0;
}

/* --- one episode ------------------------------------------------------------------------------ */

/* What gives others their time is no stream beside them. */
static void drop_ruled_clocks(struct draft *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->c[i].node->mark == RULED_CLOCK)
			d->c[i].dropped = true;
}

/* Actions say how many steps there were. */
static uint64_t length_of(const struct draft *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (!d->c[i].dropped && d->c[i].role == RC_ROLE_ACTION &&
		    d->c[i].node->dataset->dims[0] > 1)
			return d->c[i].node->dataset->dims[0];
	return describe_common_length(d);
}

static void judge_lengths(struct draft *d)
{
	uint64_t length = length_of(d);

	for (size_t i = 0; i < d->n; i++) {
		struct candidate *c = &d->c[i];
		if (c->node->dataset->dims[0] == 1 && length > 1 && !c->dropped)
			describe_drop_constant(d, c);
	}
	for (size_t i = 0; i < d->n; i++)
		if (!d->c[i].dropped && d->c[i].clock.kind == RC_CLOCK_NONE) {
			describe_check_lengths(d, length);
			return;
		}
}

void describe_check_count(struct draft *d, const char *attribute)
{
	int64_t told;

	if (!rc_h5_attr_int(d->t, d->root, attribute, &told))
		return;
	for (size_t i = 0; i < d->n; i++) {
		const struct candidate *c = &d->c[i];
		uint64_t rows = c->node->dataset->dims[0];

		if (c->dropped || c->role != RC_ROLE_ACTION)
			continue;
		if (told < 0 || (uint64_t)told != rows)
			describe_warn(d, "count_differs", c->node->path,
				      "the attribute %s of '%s' is %lld, but '%s' has %llu rows",
				      attribute, d->root->path, (long long)told, c->node->path,
				      (unsigned long long)rows);
		return;
	}
}

void describe_usual_rate(struct draft *d, const struct layout_rules *r)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++) {
		if (!d->c[i].dropped && d->c[i].clock.kind != RC_CLOCK_NONE)
			return;
		n += !d->c[i].dropped;
	}
	if (r->usual_rate && n && d->b)
		rc_ixb_note(d->b, RC_NOTE_INFO, "usual_rate", d->root->path,
			    "the file has no clock and no rate; recordings of this kind usually "
			    "have %s, which --source-rate can say", r->usual_rate);
}

int describe_apply_rules(struct draft *d, const struct layout_rules *r, struct rc_err *err)
{
	int rc = 0;

	d->by_user = r->by_user;
	for (size_t i = 0; i < d->n; i++)
		d->c[i].node->mark = 0;
	for (size_t i = 0; rc == 0 && i < d->n; i++)
		if (!d->c[i].dropped)
			rc = describe_apply_rule(d, &d->c[i], r, err);
	if (rc == 0)
		drop_ruled_clocks(d);
	return rc;
}

static void give_rate(struct draft *d, const struct layout_rules *r)
{
	struct rc_stream_clock k = describe_clock_nominal(d, r->hz, r->rate_origin);

	for (size_t i = 0; i < d->n; i++)
		if (d->c[i].clock.kind == RC_CLOCK_NONE)
			d->c[i].clock = k;
}

int describe_by_rules(struct draft *d, const struct layout_rules *r, struct rc_err *err)
{
	int rc = describe_apply_rules(d, r, err);

	if (rc)
		return rc;
	if (!r->only)
		describe_find_clocks(d);
	judge_lengths(d);
	if (r->hz > 0)
		give_rate(d, r);
	describe_usual_rate(d, r);
	if (r->count)
		describe_check_count(d, r->count);
	rc = describe_unique_names(d, err);
	if (rc == 0)
		describe_emit(d);
	return rc;
}

const char *const describe_language[] = {
	"language_instruction", "language", "instruction", "task", "task_desc",
	"task_description", "current_task", NULL,
};

struct rc_index_episode describe_begin(const struct draft *d, const char *const *language)
{
	struct rc_index_episode e = { .success = -1, .sim = UINT32_MAX };
	const struct rc_h5_node *root = d->root;
	int64_t success;
	char *text;

	e.key = rc_ixb_str(d->b, root->parent ? root->path + 1 : "/");
	if (!describe_attr_any(d->t, root, language, &text) && root->parent)
		describe_attr_any(d->t, d->t->root, language, &text);
	e.language = rc_ixb_str(d->b, text);
	free(text);
	if (rc_h5_attr_int(d->t, root, "success", &success))
		e.success = success != 0;
	return e;
}

int describe_episode_by_rules(struct draft *d, const struct layout_rules *r, struct rc_err *err)
{
	struct rc_index_episode e = describe_begin(d, describe_language);
	int rc;

	rc_ixb_episode(d->b, &e);
	rc = describe_collect(d, d->root, err);
	return rc ? rc : describe_by_rules(d, r, err);
}

int describe_file_by_rules(const struct rc_h5_tree *t, struct rc_index_builder *b,
			   const struct layout_rules *r, struct quat_rule quat, struct rc_err *err)
{
	struct draft d = { .t = t, .b = b, .root = t->root, .quat = &quat };
	int rc = describe_episode_by_rules(&d, r, err);

	describe_release(&d);
	return rc;
}

int describe_groups_by_rules(const struct episode_groups *g, const struct rc_h5_tree *t,
			     struct rc_index_builder *b, const struct layout_rules *r,
			     struct rc_err *err)
{
	struct quat_rule quat = g->quat;
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < g->parent->n_children; i++) {
		const struct rc_h5_node *c = g->parent->children[i];
		struct draft d = { .t = t, .b = b, .root = c, .quat = &quat,
				   .state = g->state };

		if (!g->is_episode(t, c)) {
			if (describe_has_array(c))
				rc_ixb_note(b, RC_NOTE_INFO, "ignored_object", c->path,
					    "'%s' lies beside the episodes and is left out",
					    c->path);
			continue;
		}
		struct rc_index_episode e = describe_begin(&d, describe_language);
		if (g->begin)
			g->begin(&d, &e);
		rc_ixb_episode(b, &e);
		rc = describe_collect(&d, c, err);
		if (rc == 0 && g->clocks)
			g->clocks(&d);
		if (rc == 0)
			rc = describe_by_rules(&d, r, err);
		describe_release(&d);
		n++;
	}
	if (rc == 0 && n == 0)
		rc = rc_fail(err, RC_E_FORMAT, "no_episodes", "it has no group like %s",
			     g->example);
	return rc;
}

bool describe_word_number(const struct rc_h5_node *n, const char *word)
{
	size_t len = strlen(word);

	return n->is_group && describe_numbered(n->name) == len &&
	       strncasecmp(n->name, word, len) == 0;
}

size_t describe_count_groups(const struct rc_h5_tree *t, const struct rc_h5_node *parent,
			     bool (*is_episode)(const struct rc_h5_tree *,
						const struct rc_h5_node *),
			     const struct rc_h5_node **first_out)
{
	size_t n = 0;

	*first_out = NULL;
	for (size_t i = 0; i < parent->n_children; i++)
		if (is_episode(t, parent->children[i]) && n++ == 0)
			*first_out = parent->children[i];
	return n;
}

bool describe_time_last(struct draft *d, struct candidate *c, const char *because)
{
	const char *path = c->node->path;

	/* whoever only looks must leave the tree as it is */
	if (d->b ? !rc_h5_time_last(d->t, c->node) : !rc_h5_transposable(c->node)) {
		describe_warn(d, "time_axis_last", path,
			      "'%s' is left out: its last axis, not its first, is as long as %s, "
			      "and it is stored so that it cannot be transposed", path, because);
		c->dropped = true;
		return false;
	}
	if (d->b)
		rc_ixb_note(d->b, RC_NOTE_INFO, "time_axis_last", path,
			    "'%s' is read transposed: its last axis, not its first, is as long as "
			    "%s", path, because);
	return true;
}

void describe_spread(struct draft *d, struct rc_h5_node *time, const struct rc_stream_clock *k)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++) {
		struct candidate *c = &d->c[i];
		uint64_t rows = c->node->dataset->dims[0];

		if (c->dropped || c->node == time || rows < 2)
			continue;
		c->clock = *k;
		if (rows == time->dataset->dims[0])
			continue;
		c->clock = describe_clock_spread(d, rows, k->first_ns, k->last_ns, time->name);
		n += c->clock.kind == RC_CLOCK_NOMINAL;
	}
	if (n && d->b)
		rc_ixb_note(d->b, RC_NOTE_INFO, "clock_spread", time->path,
			    "'%s' has %llu stamps; %zu array%s of other lengths are taken as "
			    "evenly spread from the first to the last of them", time->path,
			    (unsigned long long)time->dataset->dims[0], n, n == 1 ? "" : "s");
}
