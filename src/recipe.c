/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "recipe.h"

#include "base/mem.h"
#include "base/names.h"
#include "repair.h"
#include "turn.h"

/* --- from texts to rules ---------------------------------------------------------------------- */

static int own(struct rc_recipe *r, const char *s, size_t n, char **out, struct rc_err *err)
{
	int rc = rc_grow_array(&r->owned, &r->cap_owned, r->n_owned + 1, sizeof *r->owned, err);
	if (rc)
		return rc;
	rc = rc_sprintf(out, err, "%.*s", (int)n, s);
	if (!rc)
		r->owned[r->n_owned++] = *out;
	return rc;
}

static int new_rules(struct rc_rules *rules, size_t n, struct rc_err *err)
{
	rules->n = 0;
	return rc_new_array(&rules->r, n, sizeof *rules->r, err);
}

/* Splits "[STREAM<sep>]VALUE" at the last separator; value points into text. */
static int split_rule(struct rc_recipe *r, const char *text, char sep, struct rc_rule *rule,
		      struct rc_err *err)
{
	const char *cut = strrchr(text, sep);
	char *pattern;

	rule->text = text;
	if (!cut) {
		rule->pattern = "*";
		rule->is_default = true;
		rule->value = text;
		return 0;
	}
	int rc = own(r, text, (size_t)(cut - text), &pattern, err);
	if (rc)
		return rc;
	rule->pattern = pattern;
	rule->value = cut + 1;
	return 0;
}

typedef int (*rule_value)(struct rc_rule *rule, struct rc_err *err);

static int method_value(struct rc_rule *rule, struct rc_err *err)
{
	enum rc_method m;
	const char *names[RC_METHOD_COUNT];
	char list[96] = "";

	for (int i = 0; i < RC_METHOD_COUNT; i++) {
		size_t n = strlen(list);
		names[i] = rc_method_name((enum rc_method)i);
		snprintf(list + n, sizeof list - n, "%s%s",
			 !i ? "" : i + 1 < RC_METHOD_COUNT ? ", " : " and ", names[i]);
	}
	if (rc_method_parse(rule->value, &m)) {
		rule->number = m;
		return 0;
	}
	const char *near = rc_nearest_name(rule->value, names, RC_METHOD_COUNT);
	if (near)
		return rc_fail(err, RC_E_USAGE, "method",
			       "unknown method '%s' in --method %s; did you mean '%s'?",
			       rule->value, rule->text, near);
	return rc_fail(err, RC_E_USAGE, "method",
		       "unknown method '%s' in --method %s; the methods are %s", rule->value,
		       rule->text, list);
}

static int convert_value(struct rc_rule *rule, struct rc_err *err)
{
	if (rc_turn_parse(rule->value, &rule->number))
		return 0;
	return rc_fail(err, RC_E_USAGE, "convert",
		       "--convert %s: '%s' is not one of " RC_TURN_NAMES
		       ", or several joined by '+' of which one is for rotations", rule->text,
		       rule->value);
}

static const char *const convention_names[RC_CONVENTION_COUNT] = {
	[RC_CONVENTION_QUATERNION_ORDER] = "quaternion_order",
	[RC_CONVENTION_EULER_ANGLES] = "euler_angles",
	[RC_CONVENTION_ROTATION] = "rotation",
	[RC_CONVENTION_IMAGE_ROWS] = "image_rows",
	[RC_CONVENTION_GRIPPER_ACTION] = "gripper_action",
	[RC_CONVENTION_ACTION] = "action",
};

const char *rc_convention_name(enum rc_convention key)
{
	return convention_names[key];
}

/* KEY=VALUE. */
static int convention_value(struct rc_rule *rule, struct rc_err *err)
{
	size_t n = strcspn(rule->value, "=");
	int key = 0;

	while (key < RC_CONVENTION_COUNT && (strlen(convention_names[key]) != n ||
					     strncmp(convention_names[key], rule->value, n) != 0))
		key++;
	if (key == RC_CONVENTION_COUNT || !rule->value[n] || !rule->value[n + 1])
		return rc_fail(err, RC_E_USAGE, "convention",
			       "--convention %s is not [STREAM:]KEY=VALUE with one of the keys "
			       "quaternion_order, euler_angles, rotation, image_rows, "
			       "gripper_action and action", rule->text);
	rule->number = key;
	rule->value += n + 1;
	if (key == RC_CONVENTION_QUATERNION_ORDER && rc_quat_order(rule->value) == RC_QUAT_NONE)
		return rc_fail(err, RC_E_USAGE, "convention",
			       "--convention %s: a quaternion_order is xyzw or wxyz", rule->text);
	return 0;
}

static int dtype_value(struct rc_rule *rule, struct rc_err *err)
{
	enum rc_dtype t;

	if (!strcmp(rule->value, "keep")) {
		rule->number = RC_DTYPE_KEEP;
		return 0;
	}
	if (!rc_dtype_parse(rule->value, &t) || !rc_dtype_is_float(t))
		return rc_fail(err, RC_E_USAGE, "dtype",
			       "'%s' in --dtype %s is not f32, f64, f16, bf16 or keep", rule->value,
			       rule->text);
	rule->number = t;
	return 0;
}

#define MAX_LATENCY_NS (366 * 86400 * INT64_C(1000000000))

static int latency_value(struct rc_rule *rule, struct rc_err *err)
{
	if (rule->is_default)
		return rc_fail(err, RC_E_USAGE, "latency",
			       "--latency %s names no stream; write STREAM=MS, for example "
			       "'cam_front=35'",
			       rule->text);
	int rc = rc_parse_duration(rule->value, "--latency", 1000000, &rule->ns, err);
	if (!rc && (rule->ns > MAX_LATENCY_NS || rule->ns < -MAX_LATENCY_NS))
		rc = rc_fail(err, RC_E_USAGE, "latency", "--latency %s is more than a year",
			     rule->text);
	return rc;
}

static int repair_value(struct rc_rule *rule, struct rc_err *err)
{
	if (rc_repair_parse(rule->value, &rule->number))
		return 0;
	return rc_fail(err, RC_E_USAGE, "clock_repair",
		       "'%s' in --clock-repair %s is not spread, restamp, spread+restamp or none",
		       rule->value, rule->text);
}

static int source_rate_value(struct rc_rule *rule, struct rc_err *err)
{
	return rc_parse_rate(rule->value, "--source-rate", &rule->rate, err);
}

static int compile_rules(struct rc_recipe *r, const struct rc_opt_list *list, char sep,
			 rule_value value, struct rc_rules *out, struct rc_err *err)
{
	int rc = new_rules(out, list->n, err);

	for (size_t i = 0; i < list->n && !rc; i++) {
		struct rc_rule *rule = &out->r[out->n++];
		rc = split_rule(r, list->items[i], sep, rule, err);
		if (!rc)
			rc = value(rule, err);
	}
	return rc;
}

/* "a,b,c" items of several options become one rule each. */
static int compile_globs(struct rc_recipe *r, const struct rc_opt_list *list, const char *option,
			 struct rc_rules *out, struct rc_err *err)
{
	size_t n = 0;
	int rc;

	for (size_t i = 0; i < list->n; i++) {
		n++;
		for (const char *p = list->items[i]; *p; p++)
			n += *p == ',';
	}
	rc = new_rules(out, n, err);
	for (size_t i = 0; i < list->n && !rc; i++) {
		for (const char *p = list->items[i]; p && !rc;) {
			size_t len = strcspn(p, ",");
			char *pattern;

			if (!len)
				return rc_fail(err, RC_E_USAGE, "pattern",
					       "empty stream name in --%s '%s'", option,
					       list->items[i]);
			rc = own(r, p, len, &pattern, err);
			if (!rc)
				out->r[out->n++] = (struct rc_rule){.pattern = pattern,
								    .text = pattern};
			p = p[len] ? p + len + 1 : NULL;
		}
	}
	return rc;
}

enum { MAX_NAME = 200 };

/* A name that can be a path inside a shard. */
static int check_name(const char *name, const char *option, const char *text, struct rc_err *err)
{
	if (strlen(name) > MAX_NAME)
		return rc_fail(err, RC_E_USAGE, "name", "the name in --%s '%.40s...' is too long",
			       option, text);
	for (const char *p = name;; p++) {
		size_t n = strcspn(p, "/");

		if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return rc_fail(err, RC_E_USAGE, "name",
				       "'%s' in --%s '%s' cannot name a stream: names are words, "
				       "or words joined by single '/'",
				       name, option, text);
		p += n;
		if (!*p)
			return 0;
	}
}

static int compile_renames(struct rc_recipe *r, struct rc_err *err)
{
	const struct rc_opt_list *list = &r->set->rename;
	int rc = new_rules(&r->rename, list->n, err);

	for (size_t i = 0; i < list->n && !rc; i++) {
		struct rc_rule *rule = &r->rename.r[r->rename.n++];
		rc = split_rule(r, list->items[i], '=', rule, err);
		if (rc)
			break;
		if (rule->is_default || !*rule->pattern || !*rule->value)
			return rc_fail(err, RC_E_USAGE, "rename", "--rename '%s' is not OLD=NEW",
				       rule->text);
		if (rc_glob_is_pattern(rule->pattern))
			return rc_fail(err, RC_E_USAGE, "rename",
				       "--rename '%s': OLD must be one stream, not a pattern",
				       rule->text);
		rc = check_name(rule->value, "rename", rule->text, err);
	}
	return rc;
}

static int compile_group(struct rc_recipe *r, const char *text, struct rc_err *err)
{
	const char *cut = strchr(text, '=');
	struct rc_fuse_group *g = &r->groups[r->n_groups];
	size_t n = 1;
	char *name;
	int rc;

	if (!cut || cut == text || !cut[1])
		return rc_fail(err, RC_E_USAGE, "fuse",
			       "--fuse '%s' is not NAME=STREAM,STREAM,...", text);
	rc = own(r, text, (size_t)(cut - text), &name, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < r->n_groups; i++)
		if (!strcmp(r->groups[i].name, name))
			return rc_fail(err, RC_E_USAGE, "fuse",
				       "two --fuse groups are named '%s'", name);
	for (const char *p = cut + 1; *p; p++)
		n += *p == ',';
	g->name = name;
	rc = check_name(name, "fuse", text, err);
	if (!rc)
		rc = rc_new_array(&g->members, n, sizeof *g->members, err);
	if (!rc)
		rc = rc_new_array(&g->used, n, sizeof *g->used, err);
	r->n_groups++;
	for (const char *p = cut + 1; p && !rc;) {
		size_t len = strcspn(p, ",");
		if (!len)
			return rc_fail(err, RC_E_USAGE, "fuse", "empty stream name in --fuse '%s'",
				       text);
		rc = own(r, p, len, &g->members[g->n_members++], err);
		p = p[len] ? p + len + 1 : NULL;
	}
	return rc;
}

static int compile_splits(struct rc_recipe *r, struct rc_err *err)
{
	const char *text = r->set->split;
	double sum = 0;
	size_t n = 1;
	int rc;

	if (!text)
		return 0;
	for (const char *p = text; *p; p++)
		n += *p == ',';
	rc = rc_new_array(&r->splits, n, sizeof *r->splits, err);
	for (const char *p = text; p && !rc;) {
		struct rc_split *s = &r->splits[r->n_splits];
		size_t len = strcspn(p, ","), name = strcspn(p, ":");
		char *share;

		if (name == 0 || name >= len)
			return rc_fail(err, RC_E_USAGE, "split",
				       "--split '%s' is not NAME:SHARE,NAME:SHARE,... (for example "
				       "train:0.9,valid:0.1)",
				       text);
		rc = own(r, p, name, &s->name, err);
		if (!rc)
			rc = check_name(s->name, "split", text, err);
		if (!rc && strchr(s->name, '/'))
			rc = rc_fail(err, RC_E_USAGE, "name", "'%s' in --split '%s' has a '/'",
				     s->name, text);
		if (!rc)
			rc = own(r, p + name + 1, len - name - 1, &share, err);
		if (!rc)
			rc = rc_parse_double(share, "--split", &s->share, err);
		if (rc)
			return rc;
		if (!(s->share >= 0 && s->share <= 1))
			return rc_fail(err, RC_E_USAGE, "split",
				       "the share %s of '%s' in --split is not between 0 and 1",
				       share, s->name);
		for (size_t i = 0; i < r->n_splits; i++)
			if (!strcmp(r->splits[i].name, s->name))
				return rc_fail(err, RC_E_USAGE, "split",
					       "--split names '%s' twice", s->name);
		sum += s->share;
		r->n_splits++;
		p = p[len] ? p + len + 1 : NULL;
	}
	if (sum < 0.999999 || sum > 1.000001)
		return rc_fail(err, RC_E_USAGE, "split",
			       "the shares in --split '%s' add up to %g, not 1", text, sum);
	return rc;
}

/* Settings that contradict each other or cannot mean anything. */
static int check_decode(const struct rc_settings *s, struct rc_err *err)
{
	const struct rc_frames jpeg = {.codec = RC_FRAME_JPEG}, png = {.codec = RC_FRAME_PNG};

	if (!s->decode && s->channel_order != RC_CHANNELS_AUTO)
		return rc_fail(err, RC_E_USAGE, "decode",
			       "--channel-order has no meaning while frames stay encoded; add "
			       "--decode, or leave it out");
	if (s->decode && !rc_frames_decodable(&jpeg) && !rc_frames_decodable(&png))
		return rc_fail(err, RC_E_USAGE, "no_decoder",
			       "--decode: this build has neither libturbojpeg nor libpng; build "
			       "with one of them, or leave it out to copy frames encoded");
	return 0;
}

static int check_settings(const struct rc_settings *s, struct rc_err *err)
{
	int rc = check_decode(s, err);

	if (rc)
		return rc;
	if (s->timeline == RC_TIMELINE_REFERENCE && !s->reference)
		return rc_fail(err, RC_E_USAGE, "timeline",
			       "--timeline reference needs --reference STREAM");
	if (s->reference && s->timeline != RC_TIMELINE_AUTO &&
	    s->timeline != RC_TIMELINE_REFERENCE)
		return rc_fail(err, RC_E_USAGE, "timeline",
			       "--reference '%s' contradicts --timeline %s; leave one of them out",
			       s->reference,
			       s->timeline == RC_TIMELINE_UNION ? "union" : "intersection");
	if (s->timeline != RC_TIMELINE_AUTO && s->timeline != RC_TIMELINE_REFERENCE &&
	    s->rate.num == 0)
		return rc_fail(err, RC_E_USAGE, "timeline",
			       "--timeline %s needs --rate HZ for its ticks",
			       s->timeline == RC_TIMELINE_UNION ? "union" : "intersection");
	if (s->rate.num == 0 && !s->reference) {
		const char *idle = s->method.n	  ? "--method"
				   : s->latency.n ? "--latency"
				   : s->max_gap_ns ? "--max-gap" : NULL;
		if (idle)
			return rc_fail(err, RC_E_USAGE, "timeline",
				       "%s has no meaning when rows are copied step for step; add "
				       "--rate HZ or --reference STREAM, or leave it out",
				       idle);
	}
	if (s->gap_policy != RC_GAP_FLAG && s->max_gap_ns == 0)
		return rc_fail(err, RC_E_USAGE, "gap",
			       "--gap-policy needs --max-gap DURATION to know what a gap is");
	if (s->max_gap_ns < 0)
		return rc_fail(err, RC_E_USAGE, "gap", "--max-gap must not be negative");
	return 0;
}

int rc_recipe_compile(const struct rc_settings *set, struct rc_recipe *r_out, struct rc_err *err)
{
	struct rc_recipe r = {.set = set};
	int rc = check_settings(set, err);

	if (!rc)
		rc = compile_globs(&r, &set->keep, "keep", &r.keep, err);
	if (!rc)
		rc = compile_globs(&r, &set->drop, "drop", &r.drop, err);
	if (!rc)
		rc = compile_renames(&r, err);
	if (!rc)
		rc = compile_rules(&r, &set->method, ':', method_value, &r.method, err);
	if (!rc)
		rc = compile_rules(&r, &set->dtype, ':', dtype_value, &r.dtype, err);
	if (!rc)
		rc = compile_rules(&r, &set->latency, '=', latency_value, &r.latency, err);
	if (!rc)
		rc = compile_rules(&r, &set->source_rate, ':', source_rate_value, &r.source_rate,
				   err);
	if (!rc)
		rc = compile_rules(&r, &set->clock_repair, ':', repair_value, &r.clock_repair, err);
	if (!rc)
		rc = compile_rules(&r, &set->convert, ':', convert_value, &r.convert, err);
	if (!rc)
		rc = compile_rules(&r, &set->convention, ':', convention_value, &r.convention, err);
	if (!rc)
		rc = rc_new_array(&r.groups, set->fuse.n, sizeof *r.groups, err);
	for (size_t i = 0; i < set->fuse.n && !rc; i++)
		rc = compile_group(&r, set->fuse.items[i], err);
	if (!rc)
		rc = compile_splits(&r, err);
	if (!rc)
		rc = rc_parse_compression(set->compression, r.compression, err);
	if (rc)
		rc_recipe_release(&r);
	else
		*r_out = r;
	return rc;
}

void rc_recipe_release(struct rc_recipe *r)
{
	struct rc_rules *all[] = {&r->keep,  &r->drop,    &r->rename,     &r->method,
				  &r->dtype, &r->latency, &r->source_rate, &r->convert,
				  &r->convention, &r->clock_repair};

	for (size_t i = 0; i < RC_ARRAY_LEN(all); i++)
		free(all[i]->r);
	for (size_t i = 0; i < r->n_groups; i++) {
		free(r->groups[i].members);
		free(r->groups[i].used);
	}
	for (size_t i = 0; i < r->n_owned; i++)
		free(r->owned[i]);
	free(r->groups);
	free(r->splits);
	free(r->owned);
	*r = (struct rc_recipe){0};
}

/* --- matching --------------------------------------------------------------------------------- */

/* A rule that matched a stream is used. */
static bool matches(struct rc_rule *r, const char *a, const char *b)
{
	bool hit = rc_glob_match(r->pattern, a) || (b && rc_glob_match(r->pattern, b));

	r->used |= hit;
	return hit;
}

const struct rc_rule *rc_rules_match_either(struct rc_rules *rules, const char *a, const char *b)
{
	const struct rc_rule *hit = NULL;

	/* the last rule wins, whichever of the two names it matched */
	for (size_t i = 0; i < rules->n; i++) {
		if (matches(&rules->r[i], a, b))
			hit = &rules->r[i];
	}
	return hit;
}

const struct rc_rule *rc_rules_match(struct rc_rules *rules, const char *name)
{
	return rc_rules_match_either(rules, name, NULL);
}

const struct rc_rule *rc_convention_of(struct rc_rules *rules, enum rc_convention key,
				       const char *a, const char *b)
{
	const struct rc_rule *found = NULL;

	for (size_t i = 0; i < rules->n; i++)
		if (matches(&rules->r[i], a, b) && rules->r[i].number == (int)key)
			found = &rules->r[i];
	return found;
}

const char *rc_convention_of_all(const struct rc_rules *rules, const char *key)
{
	const char *found = NULL;

	for (size_t i = 0; i < rules->n; i++)
		if (!strcmp(rules->r[i].pattern, "*") &&
		    !strcmp(rc_convention_name((enum rc_convention)rules->r[i].number), key))
			found = rules->r[i].value;
	return found;
}

static int fail_unused(const char *option, const char *pattern, const char *const *names, size_t n,
		       struct rc_err *err)
{
	const char *near = rc_nearest_name(pattern, names, n);
	char list[256] = "";
	size_t len = 0;

	if (near)
		return rc_fail(err, RC_E_USAGE, "no_match",
			       "'%s' in --%s matches no stream; did you mean '%s'?", pattern,
			       option, near);
	for (size_t i = 0; i < n && len < sizeof list - 64; i++)
		len += (size_t)snprintf(list + len, sizeof list - len, "%s%.40s", i ? ", " : "",
					names[i]);
	return rc_fail(err, RC_E_USAGE, "no_match",
		       "'%s' in --%s matches no stream; the streams are %s", pattern, option, list);
}

int rc_recipe_check_used(const struct rc_recipe *r, const char *const *names, size_t n_names,
			 struct rc_err *err)
{
	const struct {
		const char *option;
		const struct rc_rules *rules;
	} all[] = {
		{"keep", &r->keep},     {"drop", &r->drop},       {"rename", &r->rename},
		{"method", &r->method}, {"dtype", &r->dtype},     {"latency", &r->latency},
		{"source-rate", &r->source_rate}, {"convert", &r->convert},
		{"convention", &r->convention}, {"clock-repair", &r->clock_repair},
	};

	for (size_t i = 0; i < RC_ARRAY_LEN(all); i++)
		for (size_t k = 0; k < all[i].rules->n; k++) {
			const struct rc_rule *rule = &all[i].rules->r[k];
			if (!rule->used && !rule->is_default)
				return fail_unused(all[i].option, rule->pattern, names, n_names,
						   err);
		}
	for (size_t i = 0; i < r->n_groups; i++)
		for (size_t k = 0; k < r->groups[i].n_members; k++)
			if (!r->groups[i].used[k])
				return fail_unused("fuse", r->groups[i].members[k], names, n_names,
						   err);
	return 0;
}
