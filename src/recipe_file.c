/* SPDX-License-Identifier: Apache-2.0 */
/* Recipe files: JSON into options, and options back into canonical JSON. */
#include "base/compat.h"

#include "recipe.h"

#include "base/mem.h"
#include "base/names.h"

/* How a JSON object's key and value are joined to the text the option takes. */
static const struct {
	const char *option;
	char joint;
} object_keys[] = {
	{"method", ':'}, {"dtype", ':'}, {"source-rate", ':'}, {"latency", '='},
	{"rename", '='}, {"fuse", '='},  {"split", ':'},       {"compression", '='},
	{"convert", ':'},  {"convention", '='}, {"clock-repair", ':'},
};

/* Options that describe one run and not the dataset, so that a recipe must not set them. */
static const char *const run_only[] = {
	"recipe", "output", "files-from", "null", "index", "force", "dry-run", "report",
	"threads", "quiet", "verbose", "help", "version", "progress", "dump-options", "simd",
	"device", "strict", "memory", "device-memory", "scratch-dir", "container", "resume",
	"max-bad", "retry-quarantined", "time-limit", "on-gpu-error", "sandbox",
};

static bool is_run_only(const char *name)
{
	for (size_t i = 0; i < RC_ARRAY_LEN(run_only); i++)
		if (!strcmp(run_only[i], name))
			return true;
	return false;
}

static const struct rc_opt *find_row(const struct rc_opts *o, const char *name)
{
	for (size_t i = 0; i < o->n_rows; i++)
		if (!strcmp(o->rows[i].name, name))
			return &o->rows[i];
	return NULL;
}

static int fail_unknown_key(const struct rc_opts *o, const char *key, struct rc_err *err)
{
	const char *names[64];
	char copy[64][40];
	size_t n = 0;

	for (size_t i = 0; i < o->n_rows && n < RC_ARRAY_LEN(names); i++) {
		if (is_run_only(o->rows[i].name))
			continue;
		snprintf(copy[n], sizeof copy[n], "%s", o->rows[i].name);
		for (char *p = copy[n]; *p; p++)
			if (*p == '-')
				*p = '_';
		names[n] = copy[n];
		n++;
	}
	const char *near = rc_nearest_name(key, names, n);
	if (near)
		return rc_fail(err, RC_E_USAGE, "recipe",
			       "unknown recipe key '%s'; did you mean '%s'?", key, near);
	return rc_fail(err, RC_E_USAGE, "recipe",
		       "unknown recipe key '%s'; robocache-recipe(5) lists the keys", key);
}

/* A scalar as the text the option would take on the command line. */
static int scalar_text(const struct rc_json *j, const char *key, struct rc_buf *b,
		       struct rc_err *err)
{
	double v;
	int64_t i;
	bool flag;

	if (rc_json_string(j))
		rc_buf_puts(b, rc_json_string(j));
	else if (rc_json_bool(j, &flag))
		rc_buf_puts(b, flag ? "true" : "false");
	else if (rc_json_int(j, &i))
		rc_buf_printf(b, "%lld", (long long)i);
	else if (rc_json_number(j, &v))
		rc_buf_printf(b, "%.15g", v);
	else
		return rc_fail(err, RC_E_USAGE, "recipe",
			       "recipe key '%s' needs a string, a number or true/false", key);
	return rc_buf_check(b, err);
}

static int array_text(const struct rc_json *j, const char *key, struct rc_buf *b,
		      struct rc_err *err)
{
	for (const struct rc_json *c = rc_json_child(j); c; c = rc_json_next(c)) {
		if (c != rc_json_child(j))
			rc_buf_puts(b, ",");
		int rc = scalar_text(c, key, b, err);
		if (rc)
			return rc;
	}
	return rc_buf_check(b, err);
}

static char joint_of(const char *option)
{
	for (size_t i = 0; i < RC_ARRAY_LEN(object_keys); i++)
		if (!strcmp(object_keys[i].option, option))
			return object_keys[i].joint;
	return 0;
}

static int set_object(struct rc_opts *o, const char *name, const struct rc_json *j,
		      struct rc_buf *b, struct rc_err *err)
{
	const struct rc_opt *row = find_row(o, name);
	char joint = joint_of(name);
	bool is_map = strcmp(name, "map") == 0;
	bool one_text = row->type != RC_OPT_LIST;
	int rc = 0;

	if (is_map) {
		rc_buf_clear(b);
		rc = rc_json_text(j, false, b, err);
		return rc ? rc : rc_opts_set_recipe(o, name, b->p, err);
	}
	if (!joint)
		return rc_fail(err, RC_E_USAGE, "recipe", "recipe key '%s' does not take an object",
			       name);
	rc_buf_clear(b);
	for (const struct rc_json *c = rc_json_child(j); c && !rc; c = rc_json_next(c)) {
		if (!one_text)
			rc_buf_clear(b);
		else if (b->len)
			rc_buf_puts(b, ",");
		rc_buf_printf(b, "%s%c", rc_json_key(c), joint);
		rc = rc_json_is_array(c) ? array_text(c, name, b, err)
					 : scalar_text(c, name, b, err);
		if (!rc && !one_text)
			rc = rc_opts_set_recipe(o, name, b->p, err);
	}
	if (!rc && one_text)
		rc = rc_opts_set_recipe(o, name, b->p, err);
	return rc;
}

static int set_key(struct rc_opts *o, const struct rc_json *j, struct rc_buf *b, struct rc_err *err)
{
	char name[64];
	const char *key = rc_json_key(j);
	int rc = 0;

	snprintf(name, sizeof name, "%s", key);
	for (char *p = name; *p; p++)
		if (*p == '_')
			*p = '-';
	const struct rc_opt *row = find_row(o, name);
	if (!row || row->hidden)
		return fail_unknown_key(o, key, err);
	if (is_run_only(name))
		return rc_fail(err, RC_E_USAGE, "recipe",
			       "recipe key '%s' describes one run; give it as option --%s", key,
			       name);
	if (rc_json_is_object(j))
		return set_object(o, name, j, b, err);
	if (rc_json_is_array(j) && row->type == RC_OPT_LIST) {
		for (const struct rc_json *c = rc_json_child(j); c && !rc; c = rc_json_next(c)) {
			rc_buf_clear(b);
			rc = scalar_text(c, key, b, err);
			if (!rc)
				rc = rc_opts_set_recipe(o, name, b->p, err);
		}
		return rc;
	}
	rc_buf_clear(b);
	rc = rc_json_is_array(j) ? array_text(j, key, b, err) : scalar_text(j, key, b, err);
	return rc ? rc : rc_opts_set_recipe(o, name, b->p, err);
}

/* A recipe that cannot be read is a mistake in the command: nothing was done yet. */
static int usage_error(struct rc_err *err)
{
	if (err)
		err->code = RC_E_USAGE;
	return RC_E_USAGE;
}

static bool same_key(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !((*a == '-' || *a == '_') && (*b == '-' || *b == '_')))
			return false;
	return *a == *b;
}

/* "max_gap" and "max-gap" are one key. */
static int check_twice(const struct rc_json *root, struct rc_err *err)
{
	for (const struct rc_json *a = rc_json_child(root); a; a = rc_json_next(a))
		for (const struct rc_json *b = rc_json_next(a); b; b = rc_json_next(b))
			if (same_key(rc_json_key(a), rc_json_key(b)))
				return rc_fail(err, RC_E_USAGE, "recipe",
					       "keys '%s' and '%s' are the same option",
					       rc_json_key(a), rc_json_key(b));
	return 0;
}

int rc_recipe_load(const char *path, struct rc_opts *opts, struct rc_json **root_out,
		   struct rc_err *err)
{
	enum { MAX_RECIPE_BYTES = 4 << 20 };
	struct rc_json *root = NULL;
	struct rc_buf text, value;
	int rc;

	rc_buf_init(&text);
	rc_buf_init(&value);
	rc = rc_buf_read_file(&text, path, MAX_RECIPE_BYTES, err);
	if (rc) {
		rc = usage_error(err);
		goto done;
	}
	rc = rc_json_parse(text.p, text.len, strcmp(path, "-") ? path : "standard input",
			   &root, err);
	if (rc) {
		rc = usage_error(err);
		goto done;
	}
	if (!rc_json_is_object(root)) {
		rc = rc_fail(err, RC_E_USAGE, "recipe", "recipe '%s' is not a JSON object", path);
		goto done;
	}
	rc = check_twice(root, err);
	for (const struct rc_json *c = rc_json_child(root); c && !rc; c = rc_json_next(c))
		rc = set_key(opts, c, &value, err);
	if (rc)
		rc_err_while(err, "reading recipe '%s'", path);
	else {
		*root_out = root;
		root = NULL;
	}
done:
	rc_json_free(root);
	rc_buf_release(&text);
	rc_buf_release(&value);
	return rc;
}

int rc_recipe_json(const struct rc_opts *opts, struct rc_buf *b, struct rc_err *err)
{
	struct rc_json *root = rc_json_new_object();
	struct rc_buf text;
	int rc = 0;

	rc_buf_init(&text);
	for (size_t i = 0; i < opts->n_rows && !rc; i++) {
		const struct rc_opt *row = &opts->rows[i];
		char key[64];

		if (is_run_only(row->name) || row->hidden)
			continue;
		rc_buf_clear(&text);
		rc_opts_value_text(opts, i, &text);
		rc = rc_buf_check(&text, err);
		if (rc || !text.len)
			continue;
		snprintf(key, sizeof key, "%s", row->name);
		for (char *p = key; *p; p++)
			if (*p == '-')
				*p = '_';
		rc_json_add_string(root, key, text.p);
	}
	if (!rc)
		rc = rc_json_text(root, false, b, err);
	if (!rc && b->len && b->p[b->len - 1] == '\n')
		b->p[--b->len] = '\0';
	rc_json_free(root);
	rc_buf_release(&text);
	return rc;
}
