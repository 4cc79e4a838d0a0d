/* SPDX-License-Identifier: Apache-2.0 */
/*
 * robomimic and what grew out of it (robosuite raw, MimicGen, LIBERO, RoboCasa, Isaac Lab): one
 * group /data/demo_N an episode, all arrays of one length, rarely a clock, perhaps a rate in JSON.
 */
#include "formats/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* MuJoCo models are 100 KB of text an episode; an index must stay small beside its file. */
enum { MAX_MODEL_TEXT = 64 << 20 };

/* What all episodes of one file share. */
struct source {
	const struct rc_h5_tree *t;
	struct rc_index_builder *b;
	const struct rc_h5_node *data;
	struct quat_rule quat;
	char *env_args, *language;
	double hz; /* 0: unknown */
	const char *hz_origin;
	size_t model_bytes;
	bool told_models;
};

static bool is_episode(const struct rc_h5_node *n)
{
	return n->is_group && describe_numbered(n->name) > 0;
}

/* --- probing ---------------------------------------------------------------------------------- */

/* What makes a numbered group an episode of this family. */
static const char *telling_member(const struct rc_h5_node *demo)
{
	static const char *const names[] = { "actions", "action", "states", "obs" };

	for (size_t i = 0; i < RC_ARRAY_LEN(names); i++) {
		const struct rc_h5_node *n = rc_h5_child(demo, names[i]);
		if (n && describe_has_array(n))
			return names[i];
	}
	return NULL;
}

static int probe(const struct rc_h5_tree *t, char *reason, size_t cap)
{
	const struct rc_h5_node *data = rc_h5_child(t->root, "data"), *first = NULL, *last = NULL;
	const char *member = NULL;
	bool arrays = false;
	size_t n = 0;

	for (size_t i = 0; data && i < data->n_children; i++) {
		const struct rc_h5_node *demo = data->children[i];
		if (!is_episode(demo))
			continue;
		last = demo;
		first = first ? first : demo;
		member = member ? member : telling_member(demo);
		arrays = arrays || describe_has_array(demo);
		n++;
	}
	snprintf(reason, cap, "no group /data/demo_N");
	if (!first)
		return 0;
	snprintf(reason, cap, "'data' holds %zu group%s %.60s%s%.60s with %s", n,
		 n == 1 ? "" : "s", first->name, n > 1 ? " ... " : "", n > 1 ? last->name : "",
		 member ? member : "arrays but no actions, states or obs");
	return member ? 95 : arrays ? 60 : 0;
}

/* --- what the file says about all episodes ---------------------------------------------------- */

static bool is_isaac(const struct source *s)
{
	double type;

	if (s->env_args &&
	    describe_json_number(s->env_args, (const char *const[]){ "type", NULL }, &type) &&
	    type == 2)
		return true;
	for (size_t i = 0; i < s->data->n_children; i++) {
		const struct rc_h5_node *e = s->data->children[i];
		if (is_episode(e))
			return rc_h5_child(e, "initial_state") ||
			       rc_h5_find(s->t, e, "states/articulation");
	}
	return false;
}

/* Isaac Lab wrote w first until it began to number its format. */
static void quaternion_rule(struct source *s)
{
	int64_t version = 0;

	s->quat = (struct quat_rule){ .order = "xyzw", .origin = "layout", .where = s->data->path };
	if (!is_isaac(s))
		return;
	if (!rc_h5_attr_int(s->t, s->t->root, "format_version", &version))
		rc_h5_attr_int(s->t, s->data, "format_version", &version);
	if (version < 1)
		s->quat.order = "wxyz";
}

/* Whether any episode has this below it. */
static const struct rc_h5_node *in_first_episode(const struct source *s, const char *path)
{
	for (size_t i = 0; i < s->data->n_children; i++)
		if (is_episode(s->data->children[i]))
			return rc_h5_find(s->t, s->data->children[i], path);
	return NULL;
}

/* Conventions that no attribute of an array states. */
static void fill_ledger(struct source *s)
{
	const struct rc_h5_node *image = in_first_episode(s, "obs/agentview_rgb");
	char *flip = NULL;

	rc_h5_attr_string(s->t, s->data, "macros_image_convention", &flip);
	if (image && (!flip || strcmp(flip, "opengl") == 0))
		rc_ixb_convention(s->b, "image_rows", "bottom first",
				  flip ? "attribute" : "layout", image->path);
	else if (flip)
		rc_ixb_convention(s->b, "image_rows",
				  strcmp(flip, "opengl") == 0 ? "bottom first" : "top first",
				  "attribute", s->data->path);
	free(flip);
	if (image)
		rc_ixb_convention(s->b, "gripper_action", "-1 open, 1 closed", "layout",
				  s->data->path);
	if (in_first_episode(s, "obs/ee_ori"))
		rc_ixb_convention(s->b, "rotation", "axis-angle", "layout",
				  in_first_episode(s, "obs/ee_ori")->path);
}

static void find_rate(struct source *s)
{
	static const char *const in_kwargs[] = { "env_kwargs", "control_freq", NULL };
	char *info;

	if (s->env_args && describe_json_number(s->env_args, in_kwargs, &s->hz)) {
		s->hz_origin = "env_args control_freq";
		return;
	}
	if (!rc_h5_attr_string(s->t, s->data, "env_info", &info))
		return;
	if (describe_json_number(info, in_kwargs + 1, &s->hz))
		s->hz_origin = "env_info control_freq";
	free(info);
}

static void find_language(struct source *s)
{
	static const char *const keys[] = { "language_instruction", NULL };
	static const char *const in_args[][4] = {
		{ "language_instruction" },
		{ "env_kwargs", "language_instruction" },
		{ "env_kwargs", "ep_meta", "lang" },
	};
	char *info;

	if (describe_attr_any(s->t, s->data, keys, &s->language))
		return;
	if (rc_h5_attr_string(s->t, s->data, "problem_info", &info)) {
		if (!describe_json_string(info, keys, &s->language))
			s->language = NULL;
		free(info);
	}
	for (size_t i = 0; !s->language && s->env_args && i < RC_ARRAY_LEN(in_args); i++)
		if (!describe_json_string(s->env_args, in_args[i], &s->language))
			s->language = NULL;
}

/* --- one episode ------------------------------------------------------------------------------ */

static uint32_t language_of(struct source *s, const struct rc_h5_node *demo)
{
	static const char *const own[] = { "language_instruction", "language", NULL };
	static const char *const lang[] = { "lang", NULL };
	char *meta, *text = NULL;
	uint32_t off;

	if (rc_h5_attr_string(s->t, demo, "ep_meta", &meta)) {
		if (!describe_json_string(meta, lang, &text))
			text = NULL;
		free(meta);
	}
	if (!text)
		describe_attr_any(s->t, demo, own, &text);
	off = rc_ixb_str(s->b, text ? text : s->language);
	free(text);
	return off;
}

static uint32_t model_of(struct source *s, const struct rc_h5_node *demo)
{
	char *text;
	uint32_t off = 0;

	if (!rc_h5_attr_string(s->t, demo, "model_file", &text))
		return 0;
	s->model_bytes += strlen(text);
	if (s->model_bytes <= MAX_MODEL_TEXT) {
		off = rc_ixb_str(s->b, text);
	} else if (!s->told_models) {
		s->told_models = true;
		rc_ixb_note(s->b, RC_NOTE_WARNING, "model_file_left_out", s->data->path,
			    "the model_file texts are more than %d MiB; from '%s' on they are left "
			    "out", MAX_MODEL_TEXT >> 20, demo->path);
	}
	free(text);
	return off;
}

static void begin_episode(struct source *s, const struct rc_h5_node *demo)
{
	struct rc_index_episode e = { .success = -1, .sim = UINT32_MAX };
	int64_t success;

	e.key = rc_ixb_str(s->b, demo->path + 1);
	e.language = language_of(s, demo);
	e.env_args = rc_ixb_str(s->b, s->env_args);
	e.model_file = model_of(s, demo);
	if (rc_h5_attr_int(s->t, demo, "success", &success))
		e.success = success != 0;
	rc_ixb_episode(s->b, &e);
}

static const struct {
	const char *path, *name;
	enum rc_role role;
} top_roles[] = {
	{ "actions", "actions", RC_ROLE_ACTION }, { "action", "actions", RC_ROLE_ACTION },
	{ "rewards", "rewards", RC_ROLE_REWARD }, { "reward", "rewards", RC_ROLE_REWARD },
	{ "dones", "dones", RC_ROLE_DONE },       { "done", "dones", RC_ROLE_DONE },
	{ "states", "states", RC_ROLE_STATE },
};

static struct candidate *candidate_at(struct draft *d, const char *rel)
{
	for (size_t i = 0; i < d->n; i++)
		if (!d->c[i].dropped && strcmp(d->c[i].rel, rel) == 0)
			return &d->c[i];
	return NULL;
}

static bool role_taken(const struct draft *d, enum rc_role role)
{
	for (size_t i = 0; i < d->n; i++)
		if (!d->c[i].dropped && d->c[i].role == role)
			return true;
	return false;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The short name of obs/x is x, unless the episode itself has an x, as Isaac Lab's actions. */
static int name_observations(struct draft *d, struct rc_err *err)
{
	const char **taken = NULL;
	size_t n = 0;
	int rc = rc_new_array(&taken, d->n, sizeof *taken, err);

	for (size_t i = 0; rc == 0 && i < d->n; i++)
		if (d->c[i].dropped)
			continue;
		else if (d->c[i].name)
			taken[n++] = d->c[i].name;
		else if (strncmp(d->c[i].rel, "obs/", 4) != 0)
			taken[n++] = d->c[i].rel;
	if (rc == 0)
		qsort(taken, n, sizeof *taken, by_text);
	for (size_t i = 0; rc == 0 && i < d->n; i++) {
		struct candidate *c = &d->c[i];
		const char *name = c->rel;
		if (c->dropped || c->name)
			continue;
		if (strncmp(c->rel, "next_obs/", 9) == 0)
			c->role = RC_ROLE_NEXT_OBS;
		/* the same action in other forms: an observation of it would leak the answer */
		if (strncmp(c->rel, "actions_", 8) == 0 || strncmp(c->rel, "action_dict/", 12) == 0)
			c->role = RC_ROLE_ACTION;
		if (strncmp(c->rel, "obs/", 4) == 0) {
			name += 4;
			if (bsearch(&name, taken, n, sizeof *taken, by_text))
				name = c->rel;
		}
		rc = describe_name(c, name, err);
	}
	free(taken);
	return rc;
}

static int give_roles(struct draft *d, struct rc_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < RC_ARRAY_LEN(top_roles); i++) {
		struct candidate *c = candidate_at(d, top_roles[i].path);
		if (!c || role_taken(d, top_roles[i].role))
			continue;
		c->role = top_roles[i].role;
		rc = describe_name(c, top_roles[i].name, err);
	}
	if (rc == 0)
		rc = name_observations(d, err);
	return rc ? rc : describe_unique_names(d, err);
}

static uint64_t length_of(struct draft *d)
{
	const struct candidate *actions = candidate_at(d, "actions");

	if (!actions)
		actions = candidate_at(d, "action");
	return actions ? actions->node->dataset->dims[0] : describe_common_length(d);
}

/* Stamps in the episode itself come first, then those this program writes, then a rate. */
static void give_clocks(struct source *s, struct draft *d, uint64_t length)
{
	const struct rc_h5_node *times = rc_h5_find(s->t, NULL, "/robocache/time");
	struct rc_h5_node *own = rc_h5_child(times, describe_basename(d->root->path));
	struct rc_stream_clock k = describe_clock_none(), rate = k;

	if (own && own->usable && own->dataset->rank == 1 && own->dataset->dtype == RC_I64 &&
	    own->dataset->dims[0] == length && length > 0)
		describe_stamps(d, own, "ns", &k);
	if (s->hz_origin)
		rate = describe_clock_nominal(d, s->hz, s->hz_origin);
	for (size_t i = 0; i < d->n; i++) {
		if (d->c[i].clock.kind == RC_CLOCK_MEASURED)
			continue;
		d->c[i].clock = k.kind == RC_CLOCK_MEASURED &&
				d->c[i].node->dataset->dims[0] == length ? k : rate;
	}
}

static int describe_episode(struct source *s, const struct rc_h5_node *demo, struct rc_err *err)
{
	struct draft d = { .t = s->t, .b = s->b, .root = demo, .quat = &s->quat };
	uint64_t length;
	int rc;

	begin_episode(s, demo);
	rc = describe_collect(&d, demo, err);
	if (rc)
		goto done;
	describe_find_clocks(&d);
	length = length_of(&d);
	describe_check_lengths(&d, length);
	rc = give_roles(&d, err);
	if (rc)
		goto done;
	describe_check_count(&d, "num_samples");
	give_clocks(s, &d, length);
	describe_emit(&d);
done:
	describe_release(&d);
	return rc;
}

static int describe(const struct rc_h5_tree *t, struct rc_index_builder *b, struct rc_err *err)
{
	struct source s = { .t = t, .b = b, .data = rc_h5_child(t->root, "data") };
	size_t n = 0;
	int rc = 0;

	if (!s.data || !s.data->is_group)
		return rc_fail(err, RC_E_FORMAT, "no_episodes",
			       "it has no group 'data', where robomimic keeps episodes");
	if (s.data->problem_code)
		rc_ixb_note(b, RC_NOTE_WARNING, s.data->problem_code, s.data->path,
			    "group 'data' is incomplete: %s",
			    s.data->problem ? s.data->problem : "damaged");
	rc_h5_attr_string(t, s.data, "env_args", &s.env_args);
	quaternion_rule(&s);
	fill_ledger(&s);
	find_rate(&s);
	find_language(&s);
	for (size_t i = 0; rc == 0 && i < s.data->n_children; i++) {
		const struct rc_h5_node *c = s.data->children[i];
		if (is_episode(c)) {
			rc = describe_episode(&s, c, err);
			n++;
		} else if (describe_has_array(c)) {
			rc_ixb_note(b, RC_NOTE_INFO, "ignored_object", c->path,
				    "'%s' is not named like an episode", c->path);
		}
	}
	if (rc == 0 && n == 0)
		rc = rc_fail(err, RC_E_FORMAT, "no_episodes",
			     "its group 'data' holds no groups like demo_0");
	free(s.env_args);
	free(s.language);
	return rc;
}

const struct rc_layout rc_layout_robomimic = {
	.name = "robomimic",
	.summary = "many episodes in /data/demo_N: robomimic, LIBERO, RoboCasa, Isaac Lab",
	.probe = probe,
	.describe = describe,
};
