/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"
#include "base/opt.h"

#include <ctype.h>
#include <getopt.h>
#include <strings.h>

#include "base/mem.h"
#include "base/names.h"
#include "base/num.h"

enum {
	LONG_BASE = 256, /* getopt's value of row i is LONG_BASE + i */
	MAX_CHOICES = 32,
	WHAT_LEN = 96
};

static const int64_t NS_PER_MS = 1000000;

const char *rc_opt_source_name(enum rc_opt_source s)
{
	static const char *const names[] = {
		[RC_OPT_DEFAULT] = "default",
		[RC_OPT_RECIPE] = "recipe",
		[RC_OPT_ENV] = "environment",
		[RC_OPT_USER] = "option",
	};

	return (size_t)s < RC_ARRAY_LEN(names) ? names[s] : "unknown";
}

static bool takes_value(const struct rc_opt *row)
{
	return row->type != RC_OPT_FLAG && row->type != RC_OPT_COUNT;
}

static void *field(const struct rc_opts *o, size_t i)
{
	return (char *)o->values + o->rows[i].offset;
}

/* o->n_rows when there is none. */
static size_t find_row(const struct rc_opts *o, const char *name)
{
	size_t i;

	for (i = 0; i < o->n_rows; i++)
		if (!strcmp(o->rows[i].name, name))
			break;
	return i;
}

/* A copy that lives as long as o. */
static int keep_copy(struct rc_opts *o, const char *text, char **copy_out, struct rc_err *err)
{
	int rc = rc_grow_array(&o->owned, &o->cap_owned, o->n_owned + 1, sizeof *o->owned, err);

	if (!rc)
		rc = rc_strdup(&o->owned[o->n_owned], text, err);
	if (!rc)
		*copy_out = o->owned[o->n_owned++];
	return rc;
}

/* Setting values. */

static int set_flag(bool *v, const char *text, const char *what, struct rc_err *err)
{
	static const char *const words[] = {"0", "1", "false", "true", "no", "yes", "off", "on"};
	size_t i;

	for (i = 0; i < RC_ARRAY_LEN(words); i++) {
		if (!strcasecmp(text, words[i])) {
			*v = i & 1;
			return 0;
		}
	}
	return rc_fail(err, RC_E_USAGE, "bad_value",
		       "%s: '%.200s' is neither true nor false; use 1 or 0", what, text);
}

static int set_count(int *v, const char *text, const char *what, struct rc_err *err)
{
	int64_t n;
	int rc = rc_parse_int(text, what, 0, 100, &n, err);

	if (!rc)
		*v = (int)n;
	return rc;
}

static int fail_choice(char **words, size_t n, const char *text, const char *what,
		       struct rc_err *err)
{
	const char *near = rc_nearest_name(text, (const char *const *)words, n);
	char list[256] = "";
	size_t i, used = 0;

	for (i = 0; i < n && used < sizeof list; i++)
		used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
					 words[i]);
	return rc_fail(err, RC_E_USAGE, "bad_value", "%s: '%.100s' is not one of %s%s%s%s", what,
		       text, list, near ? "; did you mean '" : "", near ? near : "",
		       near ? "'?" : "");
}

static int set_choice(int *v, const char *choices, const char *text, const char *what,
		      struct rc_err *err)
{
	char *words[MAX_CHOICES], *copy = NULL, *p;
	size_t i, n = 0;
	int rc = rc_strdup(&copy, choices, err);

	if (rc)
		return rc;
	for (p = copy; p && n < MAX_CHOICES; n++)
		words[n] = strsep(&p, "|");
	for (i = 0; i < n; i++)
		if (!strcmp(words[i], text))
			break;
	if (i < n)
		*v = (int)i;
	else
		rc = fail_choice(words, n, text, what, err);
	free(copy);
	return rc;
}

static int append(struct rc_opt_list *list, const char *item, struct rc_err *err)
{
	int rc = rc_grow_array(&list->items, &list->cap, list->n + 1, sizeof *list->items, err);

	if (!rc)
		list->items[list->n++] = item;
	return rc;
}

static int append_split(struct rc_opts *o, struct rc_opt_list *list, const char *text,
			struct rc_err *err)
{
	char *copy = NULL, *item;
	int rc = keep_copy(o, text, &copy, err);

	while (!rc && copy) {
		item = strsep(&copy, ";");
		if (*item)
			rc = append(list, item, err);
	}
	return rc;
}

static int set_list(struct rc_opts *o, size_t i, const char *text, enum rc_opt_source source,
		    struct rc_err *err)
{
	struct rc_opt_list *list = field(o, i);

	if (source > o->source[i])
		list->n = 0;
	if (source == RC_OPT_ENV || source == RC_OPT_DEFAULT)
		return append_split(o, list, text, err);
	return append(list, text, err);
}

static void name_subject(char what[WHAT_LEN], const char *name, enum rc_opt_source source)
{
	char *p = what;

	if (source == RC_OPT_RECIPE) {
		snprintf(what, WHAT_LEN, "'%s' in the recipe", name);
	} else if (source == RC_OPT_ENV) {
		p += snprintf(what, WHAT_LEN, "environment variable ");
		snprintf(p, WHAT_LEN - (size_t)(p - what), "ROBOCACHE_%s", name);
		for (; *p; p++)
			*p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
	} else {
		snprintf(what, WHAT_LEN, "--%s", name);
	}
}

/* text lives as long as o. */
static int set_value(struct rc_opts *o, size_t i, const char *text, enum rc_opt_source source,
		     struct rc_err *err)
{
	const struct rc_opt *row = &o->rows[i];
	bool any = row->lo == 0 && row->hi == 0;
	char what[WHAT_LEN];
	void *v = field(o, i);
	int rc = 0;

	name_subject(what, row->name, source);
	switch (row->type) {
	case RC_OPT_FLAG:
		rc = set_flag(v, text, what, err);
		break;
	case RC_OPT_COUNT:
		rc = set_count(v, text, what, err);
		break;
	case RC_OPT_INT:
		rc = rc_parse_int(text, what, any ? INT64_MIN : row->lo,
				  any ? INT64_MAX : row->hi, v, err);
		break;
	case RC_OPT_STRING:
		*(const char **)v = text;
		break;
	case RC_OPT_LIST:
		rc = set_list(o, i, text, source, err);
		break;
	case RC_OPT_CHOICE:
		rc = set_choice(v, row->choices, text, what, err);
		break;
	case RC_OPT_RATE:
		rc = rc_parse_rate(text, what, v, err);
		break;
	case RC_OPT_SIZE:
		rc = rc_parse_size(text, what, v, err);
		break;
	case RC_OPT_AMOUNT:
		rc = rc_parse_amount(text, what, v, err);
		break;
	case RC_OPT_DURATION:
		rc = rc_parse_duration(text, what, NS_PER_MS, v, err);
		break;
	}
	if (!rc)
		o->source[i] = source;
	return rc;
}

static size_t value_size(enum rc_opt_type type)
{
	switch (type) {
	case RC_OPT_FLAG:
		return sizeof(bool);
	case RC_OPT_COUNT:
	case RC_OPT_CHOICE:
		return sizeof(int);
	case RC_OPT_STRING:
		return sizeof(const char *);
	case RC_OPT_LIST:
		return sizeof(struct rc_opt_list);
	case RC_OPT_RATE:
		return sizeof(struct rc_rate);
	case RC_OPT_AMOUNT:
		return sizeof(struct rc_amount);
	case RC_OPT_INT:
	case RC_OPT_SIZE:
	case RC_OPT_DURATION:
		break;
	}
	return sizeof(int64_t);
}

static void clear_values(struct rc_opts *o)
{
	size_t i;

	for (i = 0; i < o->n_rows; i++)
		memset(field(o, i), 0, value_size(o->rows[i].type));
}

static int set_defaults(struct rc_opts *o, struct rc_err *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < o->n_rows && !rc; i++)
		if (o->rows[i].dflt)
			rc = set_value(o, i, o->rows[i].dflt, RC_OPT_DEFAULT, err);
	return rc;
}

static bool was_given(const struct rc_opts *o, const char *name)
{
	size_t i = find_row(o, name);

	return i < o->n_rows && o->source[i] == RC_OPT_USER;
}

static int read_environment(struct rc_opts *o, struct rc_err *err)
{
	char what[WHAT_LEN];
	const char *text;
	size_t i;
	int rc = 0;

	if (was_given(o, "help") || was_given(o, "version"))
		return 0; /* whoever asks for help may be looking for what is wrong */
	for (i = 0; i < o->n_rows && !rc; i++) {
		const struct rc_opt *row = &o->rows[i];

		if (row->hidden || row->no_env || o->source[i] == RC_OPT_USER)
			continue;
		name_subject(what, row->name, RC_OPT_ENV);
		text = getenv(strrchr(what, ' ') + 1);
		if (text && *text)
			rc = set_value(o, i, text, RC_OPT_ENV, err);
	}
	return rc;
}

/* The command line. */

/* word is what a long name is compared with; shown is printed when none is near. */
static int fail_unknown(const struct rc_opts *o, const char *dashes, const char *word,
			const char *shown, struct rc_err *err)
{
	const char **names = NULL, *near = NULL;
	size_t i, n = 0;

	if (rc_new_array(&names, o->n_rows, sizeof *names, NULL) == 0) {
		for (i = 0; i < o->n_rows; i++)
			if (!o->rows[i].hidden)
				names[n++] = o->rows[i].name;
		near = *word ? rc_nearest_name(word, names, n) : NULL;
	}
	free(names);
	if (near)
		return rc_fail(err, RC_E_USAGE, "unknown_option",
			       "unknown option '%s%s'; did you mean '--%s'?", dashes, word, near);
	return rc_fail(err, RC_E_USAGE, "unknown_option",
		       "unknown option '%.100s'; see 'robocache%s%s --help'", shown,
		       o->command ? " " : "", o->command ? o->command : "");
}

/* word is what stands between "--" and "=". */
static int fail_long(const struct rc_opts *o, const char *word, struct rc_err *err)
{
	char list[512] = "", shown[132];
	size_t i, used = 0, n = 0, n_word = strlen(word);

	snprintf(shown, sizeof shown, "--%s", word);
	for (i = 0; i < o->n_rows && used < sizeof list; i++) {
		if (strncmp(o->rows[i].name, word, n_word) != 0 || o->rows[i].hidden)
			continue;
		used += (size_t)snprintf(list + used, sizeof list - used, "%s'--%s'",
					 n ? ", " : "", o->rows[i].name);
		n++;
	}
	if (n == 0)
		return fail_unknown(o, "--", word, shown, err);
	return rc_fail(err, RC_E_USAGE, "ambiguous_option",
		       "option '%s' is ambiguous; it could be %s; write the whole name", shown,
		       list);
}

static int fail_missing(const struct rc_opt *row, struct rc_err *err)
{
	if (row->type == RC_OPT_CHOICE)
		return rc_fail(err, RC_E_USAGE, "missing_value",
			       "option '--%s' needs a value: one of %s", row->name, row->choices);
	return rc_fail(err, RC_E_USAGE, "missing_value", "option '--%s' needs a value: '--%s=%s'",
		       row->name, row->name, row->arg ? row->arg : "VALUE");
}

/* The row of what getopt returned, by long or short name; o->n_rows for none. */
static size_t row_of(const struct rc_opts *o, int c)
{
	size_t i;

	if (c >= LONG_BASE)
		return (size_t)(c - LONG_BASE);
	for (i = 0; i < o->n_rows; i++)
		if (c && o->rows[i].letter == c)
			break;
	return i;
}

/* Says what getopt did not like about the argument `arg`: c is ':' or '?'. */
static int fail_argument(const struct rc_opts *o, int c, const char *arg, struct rc_err *err)
{
	char word[128], shown[3] = {'-', (char)optopt, 0};
	size_t i = row_of(o, optopt);
	bool is_long = arg[0] == '-' && arg[1] == '-';

	snprintf(word, sizeof word, "%s", arg + (is_long ? 2 : 1));
	word[strcspn(word, "=")] = 0;
	if (c == ':' && i < o->n_rows)
		return fail_missing(&o->rows[i], err);
	if (is_long && i < o->n_rows)
		return rc_fail(err, RC_E_USAGE, "unexpected_value",
			       "option '--%s' takes no value", o->rows[i].name);
	if (is_long)
		return fail_long(o, word, err);
	/* "-output" is a long name with one dash too few; "-x" is like no long name. */
	if (!word[1])
		word[0] = 0;
	return fail_unknown(o, "-", word, isgraph(optopt) ? shown : arg, err);
}

static int apply(struct rc_opts *o, size_t i, const char *text, struct rc_err *err)
{
	const struct rc_opt *row = &o->rows[i];

	if (takes_value(row))
		return set_value(o, i, text, RC_OPT_USER, err);
	if (row->type == RC_OPT_FLAG) {
		*(bool *)field(o, i) = true;
	} else {
		int *count = field(o, i);

		*count = o->source[i] == RC_OPT_USER ? *count + 1 : 1;
	}
	o->source[i] = RC_OPT_USER;
	return 0;
}

/* getopt's two lists, made from the rows. */
struct getopt_lists {
	struct option *longs;
	struct rc_buf shorts;
};

static int make_lists(const struct rc_opts *o, struct getopt_lists *g, struct rc_err *err)
{
	size_t i;
	int rc = rc_new_array(&g->longs, o->n_rows + 1, sizeof *g->longs, err);

	if (rc)
		return rc;
	/* '-' reports operands in order and leaves argv alone; ':' prints nothing. */
	rc_buf_puts(&g->shorts, "-:");
	for (i = 0; i < o->n_rows; i++) {
		const struct rc_opt *row = &o->rows[i];

		g->longs[i] = (struct option){
			.name = row->name,
			.has_arg = takes_value(row) ? required_argument : no_argument,
			.val = LONG_BASE + (int)i,
		};
		if (row->letter)
			rc_buf_printf(&g->shorts, "%c%s", row->letter, takes_value(row) ? ":" : "");
	}
	return rc_buf_check(&g->shorts, err);
}

/* "-5" and "-.5", unless the digit is an option's letter. */
static bool is_negative_number(const struct rc_opts *o, const char *arg)
{
	const char *p = arg + 1;

	if (arg[0] != '-')
		return false;
	p += *p == '.';
	return isdigit((unsigned char)*p) && row_of(o, arg[1]) == o->n_rows;
}

static int walk_arguments(struct rc_opts *o, int argc, char **argv, const struct getopt_lists *g,
			  struct rc_err *err)
{
	char *nobody[] = {argv[0], NULL};
	bool between = true; /* not inside a cluster such as -vq */
	int c, at, rc = 0;

	opterr = 0;
	optind = 0; /* makes getopt forget an earlier command line */
	getopt_long(1, nobody, g->shorts.p, g->longs, NULL);
	optind = 1;
	while (!rc) {
		at = optind;
		if (between && at < argc && is_negative_number(o, argv[at])) {
			o->operands[o->n_operands++] = argv[optind++];
			continue;
		}
		c = getopt_long(argc, argv, g->shorts.p, g->longs, NULL);
		if (c == -1)
			break;
		between = optind != at;
		if (c == 1)
			o->operands[o->n_operands++] = optarg;
		else if (c == '?' || c == ':')
			rc = fail_argument(o, c, argv[at], err);
		else
			rc = apply(o, row_of(o, c), optarg, err);
	}
	while (!rc && optind < argc) /* behind "--" */
		o->operands[o->n_operands++] = argv[optind++];
	return rc;
}

int rc_opts_parse(struct rc_opts *o, int argc, char **argv, struct rc_err *err)
{
	struct getopt_lists g = {0};
	int rc;

	o->source = NULL;
	o->operands = NULL;
	o->owned = NULL;
	o->n_owned = o->cap_owned = 0;
	o->n_operands = 0;
	rc_buf_init(&g.shorts);
	clear_values(o);
	rc = rc_new_array(&o->source, o->n_rows, sizeof *o->source, err);
	if (!rc)
		rc = rc_new_array(&o->operands, (size_t)argc + 1, sizeof *o->operands, err);
	if (!rc)
		rc = make_lists(o, &g, err);
	if (!rc)
		rc = set_defaults(o, err);
	/* What the user typed goes first, so that a variable it overrides is not even looked at. */
	if (!rc && argc > 0)
		rc = walk_arguments(o, argc, argv, &g, err);
	if (!rc)
		rc = read_environment(o, err);
	rc_buf_release(&g.shorts);
	free(g.longs);
	if (rc)
		rc_opts_release(o);
	return rc;
}

void rc_opts_release(struct rc_opts *o)
{
	size_t i;

	for (i = 0; o->source && i < o->n_rows; i++) {
		if (o->rows[i].type == RC_OPT_LIST) {
			struct rc_opt_list *list = field(o, i);

			free(list->items);
			*list = (struct rc_opt_list){0};
		}
	}
	for (i = 0; i < o->n_owned; i++)
		free(o->owned[i]);
	free(o->owned);
	free(o->source);
	free(o->operands);
	o->owned = o->operands = NULL;
	o->source = NULL;
	o->n_owned = o->cap_owned = 0;
	o->n_operands = 0;
}

int rc_opts_set_recipe(struct rc_opts *o, const char *name, const char *value, struct rc_err *err)
{
	size_t i = find_row(o, name);
	char *copy = NULL;
	int rc;

	if (i == o->n_rows)
		return rc_fail(err, RC_E_USAGE, "unknown_key",
			       "'%.100s' in the recipe is no option", name);
	if (o->source[i] > RC_OPT_RECIPE)
		return 0;
	rc = keep_copy(o, value, &copy, err);
	return rc ? rc : set_value(o, i, copy, RC_OPT_RECIPE, err);
}

enum rc_opt_source rc_opts_source(const struct rc_opts *o, const char *name)
{
	size_t i = find_row(o, name);

	return i < o->n_rows ? o->source[i] : RC_OPT_DEFAULT;
}
