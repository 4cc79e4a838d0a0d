/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NWB: groups of `data` with either `timestamps` or `starting_time`, whose attribute rate is in Hz.
 * Both count seconds from the start of the session, so they share one origin.
 */
#include "base/compat.h"

#include "formats/rules.h"

static int probe(const struct rc_h5_tree *t, char *reason, size_t cap)
{
	char *version = NULL;
	bool named = rc_h5_attr_string(t, t->root, "nwb_version", &version);

	if (!named)
		named = rc_h5_scalar_text(t, rc_h5_child(t->root, "nwb_version"), &version);
	snprintf(reason, cap, "no nwb_version");
	if (named)
		snprintf(reason, cap, "it is NWB %.40s", version);
	free(version);
	return named ? 95 : 0;
}

static const struct stream_rule streams[] = {
	{ .path = "acquisition/**/data", .name = "$1" },
	{ .path = "processing/**/data", .name = "$1" },
	{ .path = "stimulus/presentation/**/data", .name = "stimulus/$1" },
};
static const struct layout_rules rules = {
	.streams = streams, .n_streams = RC_ARRAY_LEN(streams), .origin = "layout", .only = true,
};

static void clock_of(struct draft *d, struct candidate *c)
{
	const struct rc_h5_node *group = c->node->parent;
	struct rc_h5_node *stamps = describe_array(d->t, group, "timestamps");
	const struct rc_h5_node *start = rc_h5_child(group, "starting_time");
	uint64_t rows = c->node->dataset->dims[0];
	double hz, t0, ns, last;

	if (stamps && stamps->dataset->rank == 1 && stamps->dataset->dims[0] == rows) {
		describe_stamps(d, stamps, "s", &c->clock);
		return;
	}
	if (!start || !rc_h5_attr_double(d->t, start, "rate", &hz) ||
	    !rc_h5_scalar_double(d->t, start, &t0) || !(hz > 1e-3 && hz < 1e6))
		return;
	ns = t0 * 1e9;
	last = ns + (double)(rows - 1) / hz * 1e9;
	if (!(ns > -4e18 && last < 4e18))
		return;
	c->clock = describe_clock_nominal(d, hz, "starting_time rate");
	if (c->clock.kind != RC_CLOCK_NOMINAL)
		return;
	c->clock.anchored = 1;
	c->clock.first_ns = (int64_t)(ns < 0 ? ns - 0.5 : ns + 0.5);
	c->clock.last_ns = (int64_t)last;
}

static int describe(const struct rc_h5_tree *t, struct rc_index_builder *b, struct rc_err *err)
{
	struct quat_rule quat = { .order = "xyzw", .origin = "assumed" };
	struct draft d = { .t = t, .b = b, .root = t->root, .quat = &quat };
	struct rc_index_episode e = describe_begin(&d, describe_language);
	const struct rc_h5_node *said = rc_h5_child(t->root, "session_description");
	char *text = NULL;
	int rc;

	if (!e.language && rc_h5_scalar_text(t, said, &text))
		e.language = rc_ixb_str(b, text);
	free(text);
	rc_ixb_episode(b, &e);
	rc = describe_collect(&d, t->root, err);
	for (size_t i = 0; rc == 0 && i < d.n; i++)
		if (strcmp(d.c[i].node->name, "data") == 0 && d.c[i].node->parent)
			clock_of(&d, &d.c[i]);
	if (rc == 0)
		rc = describe_by_rules(&d, &rules, err);
	describe_release(&d);
	return rc;
}

const struct rc_layout rc_layout_nwb = {
	.name = "nwb",
	.summary = "one session a file, groups of data with timestamps or starting_time: NWB",
	.probe = probe,
	.describe = describe,
};
