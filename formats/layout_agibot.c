/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AgiBot World: proprio_stats.h5 of one episode, /timestamp in int64 ns (in simulations float32
 * seconds), /state/<part>/<what> and /action/<part>/<what>.  An action may have fewer rows than
 * there are stamps; then /action/<part>/index numbers the stamps that it belongs to.  Many arrays
 * are empty.
 */
#include "base/compat.h"

#include "formats/rules.h"

static int probe(const struct rc_h5_tree *t, char *reason, size_t cap)
{
	static const char *const parts[] = { "joint", "effector", "end", "head", "waist", "robot" };
	const struct rc_h5_node *state = rc_h5_child(t->root, "state");
	const struct rc_h5_node *action = rc_h5_child(t->root, "action");
	const char *found = NULL;
	bool clock = describe_array(t, NULL, "timestamp") != NULL;

	for (size_t i = 0; i < RC_ARRAY_LEN(parts) && !found; i++) {
		const struct rc_h5_node *p = rc_h5_child(state, parts[i]);
		if (p && p->is_group && p->n_children)
			found = parts[i];
	}
	snprintf(reason, cap, "no /state/joint or the like beside /action and /timestamp");
	if (!found || !action || !action->is_group || !describe_has_array(state))
		return 0;
	snprintf(reason, cap, "'state/%s' and 'action' are groups, and there is %s", found,
		 clock ? "'timestamp'" : "no 'timestamp'");
	return clock ? 90 : 60;
}

static const struct stream_rule streams[] = {
	{ .path = "timestamp", .skip = true },
	{ .path = "action/*/index", .skip = true },
	{ .path = "action/**", .name = "action/$1", .role = RC_ROLE_ACTION,
	  .clock = "timestamp" },
	{ .path = "state/**", .name = "state/$1", .clock = "timestamp" },
};
static const struct layout_rules rules = {
	.streams = streams, .n_streams = RC_ARRAY_LEN(streams), .origin = "layout",
	.usual_rate = "30 Hz",
};

/* Actions of another length than the clock are of the stamps that their index numbers. */
static void clock_by_index(struct draft *d)
{
	struct rc_h5_node *stamps = describe_array(d->t, NULL, "timestamp");

	if (!stamps || stamps->dataset->rank != 1 || stamps->dataset->dims[0] == 0)
		return;
	for (size_t i = 0; i < d->n; i++) {
		struct candidate *c = &d->c[i];
		uint64_t rows = c->node->dataset->dims[0];
		struct rc_h5_node *index = describe_array(d->t, c->node->parent, "index");
		struct rc_stream_clock k;

		if (c->node == index || !index || rows == stamps->dataset->dims[0] ||
		    index->dataset->dims[0] != rows || !describe_stamps(d, stamps, NULL, &k))
			continue;
		if (describe_stamps_of_rows(d, index, stamps, &k))
			c->clock = k;
		else
			describe_warn(d, "bad_clock", index->path,
				      "'%s' does not number the stamps of '%s'", index->path,
				      c->node->path);
	}
}

static int describe(const struct rc_h5_tree *t, struct rc_index_builder *b, struct rc_err *err)
{
	struct quat_rule quat = { .order = "xyzw", .origin = "layout" };
	struct draft d = { .t = t, .b = b, .root = t->root, .quat = &quat };
	struct rc_index_episode e = describe_begin(&d, describe_language);
	int rc;

	rc_ixb_episode(b, &e);
	rc = describe_collect(&d, t->root, err);
	if (rc == 0)
		clock_by_index(&d);
	if (rc == 0)
		rc = describe_by_rules(&d, &rules, err);
	describe_release(&d);
	return rc;
}

const struct rc_layout rc_layout_agibot = {
	.name = "agibot",
	.summary = "one episode a file in /state/<part> and /action/<part>: AgiBot World",
	.probe = probe,
	.describe = describe,
};
