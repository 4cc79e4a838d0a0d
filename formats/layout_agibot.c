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

static int describe(const struct rc_h5_tree *t, struct rc_index_builder *b, struct rc_err *err)
{
	return describe_file_by_rules(t, b, &rules,
				      (struct quat_rule){ .order = "xyzw", .origin = "layout" },
				      err);
}

const struct rc_layout rc_layout_agibot = {
	.name = "agibot",
	.summary = "one episode a file in /state/<part> and /action/<part>: AgiBot World",
	.probe = probe,
	.describe = describe,
};
