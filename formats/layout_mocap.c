/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Motion capture as dm_control keeps it: a group for each clip, with the step in seconds in its
 * attribute dt, and arrays (D, T), T being its attribute num_steps.
 */
#include "base/compat.h"

#include "formats/rules.h"

static bool is_clip(const struct rc_h5_tree *t, const struct rc_h5_node *n)
{
	double dt = 0;
	int64_t steps = 0;

	return n->is_group && describe_has_array(n) && rc_h5_attr_double(t, n, "dt", &dt) &&
	       dt > 0 && rc_h5_attr_int(t, n, "num_steps", &steps) && steps > 0;
}

static int probe(const struct rc_h5_tree *t, char *reason, size_t cap)
{
	const struct rc_h5_node *first = t->root->n_children ? t->root->children[0] : NULL;
	size_t n;

	/* looking for attributes in a file of many groups takes time: the first one decides */
	snprintf(reason, cap, "no group with attributes dt and num_steps");
	if (!first || !is_clip(t, first))
		return 0;
	n = describe_count_groups(t, t->root, is_clip, &first);
	snprintf(reason, cap, "%zu group%s like '%.60s' with attributes dt and num_steps", n,
		 n == 1 ? "" : "s", first->name);
	return 90;
}

/* Every array has the rate of its clip, and most have time along their last axis. */
static void give_clocks(struct draft *d)
{
	struct rc_stream_clock k;
	int64_t steps = 0;
	double dt = 0;

	rc_h5_attr_double(d->t, d->root, "dt", &dt);
	rc_h5_attr_int(d->t, d->root, "num_steps", &steps);
	k = describe_clock_nominal(d, 1 / dt, "dt");
	for (size_t i = 0; i < d->n; i++) {
		struct candidate *c = &d->c[i];
		const struct rc_dataset *s = c->node->dataset;
		if (s->rank == 2 && s->dims[1] == (uint64_t)steps &&
		    s->dims[0] != (uint64_t)steps && !describe_time_last(d, c, "num_steps"))
			continue;
		if (c->node->dataset->dims[0] == (uint64_t)steps)
			c->clock = k;
	}
}

static const struct layout_rules rules = { .origin = "layout" };

static int describe(const struct rc_h5_tree *t, struct rc_index_builder *b, struct rc_err *err)
{
	const struct episode_groups g = {
		.parent = t->root, .is_episode = is_clip, .clocks = give_clocks,
		.example = "CMU_001_01 with attributes dt and num_steps",
		.quat = { .order = "wxyz", .origin = "assumed" },
	};

	return describe_groups_by_rules(&g, t, b, &rules, err);
}

const struct rc_layout rc_layout_mocap = {
	.name = "mocap",
	.summary = "many clips in groups with attributes dt and num_steps, time last: dm_control",
	.probe = probe,
	.describe = describe,
};
