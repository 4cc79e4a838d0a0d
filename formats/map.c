/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "formats/map.h"

#include "base/mem.h"
#include "base/names.h"
#include "formats/rules.h"

struct rc_map {
	const char *name; /* for messages */
	const char *episodes, *language, *success;
	struct quat_rule quat;
	struct stream_rule *streams;
	bool *used;
	struct layout_rules rules;
};

bool rc_map_is_text(const char *wanted)
{
	return *wanted == '{';
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Where in the map a value is, for messages. */
struct place {
	const char *map, *in; /* in: "" or "stream 3: " */
};

static int fail(const struct place *at, struct rc_err *err, const char *fmt, ...)
	RC_PRINTF(3, 4);
static int fail(const struct place *at, struct rc_err *err, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return rc_fail(err, RC_E_USAGE, "map", "map '%s': %s%s", at->map, at->in, text);
}

static int check_keys(const struct place *at, const struct rc_json *j, const char *const *keys,
		      size_t n, struct rc_err *err)
{
	for (const struct rc_json *c = rc_json_child(j); c; c = rc_json_next(c)) {
		const char *key = rc_json_key(c), *near;
		size_t i = 0;

		while (i < n && strcmp(keys[i], key) != 0)
			i++;
		near = i < n ? NULL : rc_nearest_name(key, keys, n);
		if (i == n)
			return fail(at, err, "unknown key '%s'%s%s%s", key,
				    near ? "; did you mean '" : "", near ? near : "",
				    near ? "'?" : "");
	}
	return 0;
}

/* A text that is not empty, or NULL where the key is not there. */
static int text_of(const struct place *at, const struct rc_json *j, const char *key,
		   const char **s_out, struct rc_err *err)
{
	const struct rc_json *v = rc_json_get(j, key);

	*s_out = rc_json_string(v);
	if (v && (!*s_out || !**s_out))
		return fail(at, err, "'%s' needs a text", key);
	return 0;
}

static int rate_of(const struct place *at, const struct rc_json *j, double *hz_out,
		   struct rc_err *err)
{
	const struct rc_json *v = rc_json_get(j, "rate");

	*hz_out = 0;
	if (v && (!rc_json_number(v, hz_out) || !(*hz_out >= 1e-3 && *hz_out <= 1e6)))
		return fail(at, err, "'rate' needs a number of Hz from 0.001 to 1000000");
	return 0;
}

static int order_of(const struct place *at, const struct rc_json *j, const char **order_out,
		    struct rc_err *err)
{
	int rc = text_of(at, j, "quaternion_order", order_out, err);

	if (rc == 0 && *order_out && strcmp(*order_out, "xyzw") != 0 &&
	    strcmp(*order_out, "wxyz") != 0)
		return fail(at, err, "'quaternion_order' is '%s'; it can be xyzw or wxyz",
			    *order_out);
	return rc;
}

static int check_pattern(const struct place *at, const char *key, const char *pattern,
			 struct rc_err *err)
{
	if (*pattern == '/')
		return fail(at, err, "'%s' begins with '/'; it counts from the %s", key,
			    strcmp(key, "episodes") == 0 ? "top of the file anyway" : "episode");
	if (rule_stars(pattern) > RULE_MAX_STARS)
		return fail(at, err, "'%s' has more than %d stars", key, RULE_MAX_STARS);
	return 0;
}

static int check_text(const struct place *at, const char *key, const char *text, size_t stars,
		      struct rc_err *err)
{
	if (text && rule_highest(text) > stars)
		return fail(at, err, "'%s' has $%zu, but 'path' has %zu star%s", key,
			    rule_highest(text), stars, stars == 1 ? "" : "s");
	return 0;
}

static int role_of(const struct place *at, const char *name, enum rc_role *role_out,
		   struct rc_err *err)
{
	const char *names[RC_ROLE_COUNT], *near;

	if (!name || rc_role_parse(name, role_out))
		return 0;
	for (int i = 0; i < RC_ROLE_COUNT; i++)
		names[i] = rc_role_name((enum rc_role)i);
	near = rc_nearest_name(name, names, RC_ROLE_COUNT);
	return fail(at, err, "there is no role '%s'%s%s%s", name, near ? "; did you mean '" : "",
		    near ? near : "", near ? "'?" : "");
}

static int check_kind(const struct place *at, const char *name, struct rc_err *err)
{
	for (int i = 0; name && i < RC_KIND_COUNT; i++) /* frames are found, not named */
		if (i != RC_KIND_ENCODED && strcmp(name, rc_kind_name((enum rc_kind)i)) == 0)
			return 0;
	return name ? fail(at, err, "there is no kind '%s'; there are lowdim, quaternion, pose, "
				    "quaternion_list and image", name)
		    : 0;
}

static int read_texts(const struct place *at, const struct rc_json *j, struct stream_rule *r,
		      const char **role, struct rc_err *err)
{
	const struct {
		const char *key, **to;
	} texts[] = {
		{ "path", &r->path }, { "name", &r->name }, { "role", role }, { "kind", &r->kind },
		{ "clock", &r->clock }, { "unit", &r->unit },
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < RC_ARRAY_LEN(texts); i++)
		rc = text_of(at, j, texts[i].key, texts[i].to, err);
	return rc;
}

static int check_rule(const struct place *at, struct stream_rule *r, struct rc_err *err)
{
	size_t stars = rule_stars(r->path);
	int rc = check_pattern(at, "path", r->path, err);

	if (rc == 0)
		rc = check_text(at, "name", r->name, stars, err);
	if (rc == 0)
		rc = check_text(at, "clock", r->clock, stars, err);
	if (rc == 0)
		rc = check_kind(at, r->kind, err);
	if (rc == 0 && r->unit && !describe_unit(r->unit))
		return fail(at, err, "there is no unit '%s'; there are ns, us, ms and s", r->unit);
	if (rc == 0 && r->unit && !r->clock)
		return fail(at, err, "'unit' without 'clock'");
	if (rc == 0 && r->clock && r->hz > 0)
		return fail(at, err, "both 'clock' and 'rate'");
	return rc;
}

static int read_rule(const struct place *at, const struct rc_json *j, struct stream_rule *r,
		     struct rc_err *err)
{
	static const char *const keys[] = { "path", "name", "role", "kind", "clock", "unit",
					    "rate", "quaternion_order", "skip" };
	const struct rc_json *skip = rc_json_get(j, "skip");
	const char *role = NULL;
	int rc;

	if (!rc_json_is_object(j))
		return fail(at, err, "it is not an object");
	rc = check_keys(at, j, keys, RC_ARRAY_LEN(keys), err);
	if (rc == 0)
		rc = read_texts(at, j, r, &role, err);
	if (rc == 0 && !r->path)
		return fail(at, err, "it has no 'path'");
	if (rc == 0 && skip && !rc_json_bool(skip, &r->skip))
		return fail(at, err, "'skip' needs true or false");
	if (rc == 0)
		rc = rate_of(at, j, &r->hz, err);
	if (rc == 0)
		rc = order_of(at, j, &r->order, err);
	if (rc == 0)
		rc = role_of(at, role, &r->role, err);
	return rc ? rc : check_rule(at, r, err);
}

static int read_streams(struct rc_map *m, const struct rc_json *list, struct rc_err *err)
{
	struct place at = { m->name, "" };
	size_t n = 0;
	int rc;

	if (!rc_json_is_array(list) || !rc_json_child(list))
		return fail(&at, err, "'streams' needs an array of at least one object");
	for (const struct rc_json *c = rc_json_child(list); c; c = rc_json_next(c))
		n++;
	rc = rc_new_array(&m->streams, n, sizeof *m->streams, err);
	if (rc == 0)
		rc = rc_new_array(&m->used, n, sizeof *m->used, err);
	for (const struct rc_json *c = rc_json_child(list); rc == 0 && c; c = rc_json_next(c)) {
		char in[40];
		snprintf(in, sizeof in, "stream %zu: ", m->rules.n_streams + 1);
		at.in = in;
		rc = read_rule(&at, c, &m->streams[m->rules.n_streams], err);
		m->rules.n_streams += rc == 0;
	}
	m->rules.streams = m->streams;
	return rc;
}

static int read_map(struct rc_map *m, const struct rc_json *root, struct rc_err *err)
{
	static const char *const keys[] = { "episodes", "streams", "language", "success",
					    "quaternion_order", "rate" };
	const struct place at = { m->name, "" };
	const char *order;
	int rc;

	if (!rc_json_is_object(root))
		return fail(&at, err, "it is not a JSON object");
	rc = check_keys(&at, root, keys, RC_ARRAY_LEN(keys), err);
	if (rc == 0)
		rc = text_of(&at, root, "episodes", &m->episodes, err);
	if (rc == 0 && m->episodes)
		rc = check_pattern(&at, "episodes", m->episodes, err);
	if (rc == 0)
		rc = text_of(&at, root, "language", &m->language, err);
	if (rc == 0)
		rc = text_of(&at, root, "success", &m->success, err);
	if (rc == 0)
		rc = order_of(&at, root, &order, err);
	if (rc == 0)
		rc = rate_of(&at, root, &m->rules.hz, err);
	if (rc)
		return rc;
	m->quat = (struct quat_rule){ .order = order ? order : "xyzw",
				      .origin = order ? "map" : "assumed" };
	return read_streams(m, rc_json_get(root, "streams"), err);
}

int rc_map_new(const struct rc_json *root, const char *name, struct rc_map **map_out,
	       struct rc_err *err)
{
	struct rc_map *m = NULL;
	int rc = rc_new(&m, err);

	if (rc)
		return rc;
	m->name = name;
	m->rules.origin = m->rules.rate_origin = "map";
	m->rules.only = m->rules.by_user = true;
	rc = read_map(m, root, err);
	m->rules.used = m->used;
	if (rc) {
		rc_map_free(m);
		return rc;
	}
	*map_out = m;
	return 0;
}

void rc_map_free(struct rc_map *m)
{
	if (!m)
		return;
	free(m->streams);
	free(m->used);
	free(m);
}

/* --- describing a file ------------------------------------------------------------------------ */

/* "@name" is an attribute of the episode or else of the file, others are datasets of one value. */
static void give_language(const struct rc_map *m, struct draft *d, struct rc_index_episode *e)
{
	char *text = NULL;

	if (!m->language)
		return;
	if (*m->language == '@')
		(void)(rc_h5_attr_string(d->t, d->root, m->language + 1, &text) ||
		       rc_h5_attr_string(d->t, d->t->root, m->language + 1, &text));
	else
		rc_h5_scalar_text(d->t, rc_h5_find(d->t, d->root, m->language), &text);
	e->language = rc_ixb_str(d->b, text);
	free(text);
}

static void give_success(const struct rc_map *m, struct draft *d, struct rc_index_episode *e)
{
	int64_t flag;
	double v;

	if (!m->success)
		return;
	if (*m->success == '@') {
		if (rc_h5_attr_int(d->t, d->root, m->success + 1, &flag) ||
		    rc_h5_attr_int(d->t, d->t->root, m->success + 1, &flag))
			e->success = flag != 0;
	} else if (rc_h5_scalar_double(d->t, rc_h5_find(d->t, d->root, m->success), &v)) {
		e->success = v != 0;
	}
}

static int describe_one(struct rc_map *m, const struct rc_h5_tree *t, struct rc_index_builder *b,
			const struct rc_h5_node *root, struct rc_err *err)
{
	static const char *const none[] = { NULL };
	struct draft d = { .t = t, .b = b, .root = root, .quat = &m->quat };
	struct rc_index_episode e = describe_begin(&d, none);
	int rc;

	give_language(m, &d, &e);
	e.success = -1;
	give_success(m, &d, &e);
	rc_ixb_episode(b, &e);
	rc = describe_collect(&d, root, err);
	if (rc == 0)
		rc = describe_by_rules(&d, &m->rules, err);
	describe_release(&d);
	return rc;
}

/* Groups that match, in natural order; what lies inside an episode is no other one. */
static int describe_groups(struct rc_map *m, const struct rc_h5_tree *t,
			   struct rc_index_builder *b, const struct rc_h5_node *at, size_t *n,
			   struct rc_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < at->n_children; i++) {
		const struct rc_h5_node *c = at->children[i];
		struct rule_match match = { .n = 0 };

		if (!c->is_group)
			continue;
		if (rule_match(m->episodes, c->path + 1, &match)) {
			rc = describe_one(m, t, b, c, err);
			++*n;
		} else {
			rc = describe_groups(m, t, b, c, n, err);
		}
	}
	return rc;
}

static void tell_unused(const struct rc_map *m, struct rc_index_builder *b)
{
	for (size_t i = 0; i < m->rules.n_streams; i++)
		if (!m->used[i])
			rc_ixb_note(b, RC_NOTE_WARNING, "map_unused", "/",
				    "nothing matches '%s', stream %zu of the map",
				    m->streams[i].path, i + 1);
}

static int describe(struct rc_map *m, const struct rc_h5_tree *t, struct rc_index_builder *b,
		    struct rc_err *err)
{
	size_t n = 0;
	int rc;

	if (!m->episodes)
		rc = describe_one(m, t, b, t->root, err);
	else
		rc = describe_groups(m, t, b, t->root, &n, err);
	if (rc == 0 && m->episodes && n == 0)
		return rc_fail(err, RC_E_FORMAT, "no_episodes",
			       "no group of it matches '%s', the episodes of the map", m->episodes);
	if (rc == 0)
		tell_unused(m, b);
	return rc;
}

int rc_map_scan(const char *text, const struct rc_h5_tree *t, struct rc_index_builder *b,
		struct rc_err *err)
{
	struct rc_json *root = NULL;
	struct rc_map *m = NULL;
	int rc = rc_json_parse(text, strlen(text), "map", &root, err);

	if (rc == 0)
		rc = rc_map_new(root, "map", &m, err);
	if (rc == 0) {
		rc_ixb_layout(b, "map", 100, "a map was given", t->user_block);
		rc = describe(m, t, b, err);
	}
	rc_map_free(m);
	rc_json_free(root);
	return rc;
}
