/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this program writes as layout keep (shard_keep.c): one episode a file at the paths of its
 * source, and attributes that say what each stream is.
 */
#include "formats/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static int probe(const struct rc_h5_tree *t, char *reason, size_t cap)
{
	char *name = NULL;
	bool keep = rc_h5_attr_string(t, t->root, "robocache_layout", &name) &&
		    strcmp(name, "keep") == 0;

	free(name);
	snprintf(reason, cap, keep ? "robocache wrote it, with the paths of its source"
				   : "no attribute robocache_layout");
	return keep ? 100 : 0;
}

static int take_attributes(struct draft *d, struct candidate *c, struct rc_err *err)
{
	char *name = NULL, *role = NULL, *kind = NULL;
	int rc;

	rc_h5_attr_string(d->t, c->node, "robocache_name", &name);
	if (rc_h5_attr_string(d->t, c->node, "robocache_role", &role))
		rc_role_parse(role, &c->role);
	/* encoded frames are known by their bytes */
	if (rc_h5_attr_string(d->t, c->node, "robocache_kind", &kind) &&
	    strcmp(kind, rc_kind_name(RC_KIND_ENCODED)) != 0)
		describe_give_kind(d, c, kind);
	rc = describe_name(c, name && *name && *name != '/' ? name : c->rel, err);
	free(kind);
	free(role);
	free(name);
	return rc;
}

static int describe_streams(struct draft *d, struct rc_err *err)
{
	struct rc_h5_node *time = describe_own_time(d);
	struct rc_stream_clock k = describe_clock_none();
	uint64_t length = describe_common_length(d);
	int rc = 0;

	describe_check_lengths(d, length);
	if (time && time->dataset->dims[0] == length)
		describe_stamps(d, time, "ns", &k);
	for (size_t i = 0; rc == 0 && i < d->n; i++) {
		struct candidate *c = &d->c[i];
		if (c->dropped)
			continue;
		if (c->node->dataset->dims[0] == length)
			c->clock = k;
		rc = take_attributes(d, c, err);
	}
	return rc ? rc : describe_unique_names(d, err);
}

static uint32_t text_of(const struct draft *d, const struct rc_h5_node *info, const char *name)
{
	char *text = NULL;
	uint32_t off = 0;

	if (rc_h5_attr_string(d->t, info, name, &text))
		off = rc_ixb_str(d->b, text);
	free(text);
	return off;
}

static struct rc_index_episode episode_of(const struct draft *d, const struct rc_h5_node *info)
{
	struct rc_index_episode e = { .success = -1, .sim = UINT32_MAX };
	int64_t flag;

	e.key = rc_ixb_str(d->b, "/");
	if (!info)
		return e;
	e.language = text_of(d, info, "language");
	e.env_args = text_of(d, info, "env_args");
	e.model_file = text_of(d, info, "model_file");
	if (rc_h5_attr_int(d->t, info, "success", &flag))
		e.success = flag != 0;
	if (rc_h5_attr_int(d->t, info, "sim", &flag))
		e.sim = flag != 0;
	return e;
}

static int describe(const struct rc_h5_tree *t, struct rc_index_builder *b, struct rc_err *err)
{
	struct quat_rule quat = { .order = "xyzw", .origin = "assumed" };
	struct draft d = { .t = t, .b = b, .root = t->root, .quat = &quat };
	struct rc_index_episode e =
		episode_of(&d, rc_h5_find(t, NULL, "/robocache/episode"));
	int rc;

	rc_ixb_episode(b, &e);
	rc = describe_collect(&d, t->root, err);
	if (rc == 0)
		rc = describe_streams(&d, err);
	if (rc == 0)
		describe_emit(&d);
	describe_release(&d);
	return rc;
}

const struct rc_layout rc_layout_keep = {
	.name = "keep",
	.summary = "what convert --layout keep writes: one episode a file",
	.probe = probe,
	.describe = describe,
};
