/* SPDX-License-Identifier: Apache-2.0 */
/* What is printed from the rows: values, --help, the dump. */
#include "base/compat.h"
#include "base/opt.h"

#include "base/num.h"

enum { HELP_COLUMN = 26, LAST_COLUMN = 79 };

static void add_rate(struct rc_rate r, struct rc_buf *b)
{
	const int64_t scale = 1000000000;
	char frac[16];
	size_t n;

	if (r.num == 0 || r.den == 0)
		return;
	if (r.den == 1) {
		rc_buf_printf(b, "%lld", (long long)r.num);
	} else if (scale % r.den) {
		rc_buf_printf(b, "%lld/%lld", (long long)r.num, (long long)r.den);
	} else {
		n = (size_t)snprintf(frac, sizeof frac, "%09lld",
				     (long long)(r.num % r.den * (scale / r.den)));
		while (frac[n - 1] == '0')
			n--;
		rc_buf_printf(b, "%lld.%.*s", (long long)(r.num / r.den), (int)n, frac);
	}
}

/* In the largest unit that divides it. */
static void add_duration(int64_t ns, struct rc_buf *b)
{
	static const struct {
		int64_t ns;
		const char *name;
	} units[] = {
		{3600000000000, "h"}, {60000000000, "m"}, {1000000000, "s"},
		{1000000, "ms"}, {1000, "us"}, {1, "ns"},
	};
	size_t i = 0;

	while (ns % units[i].ns)
		i++;
	rc_buf_printf(b, "%lld%s", (long long)(ns / units[i].ns), ns ? units[i].name : "ms");
}

static void add_amount(struct rc_amount a, bool unset, struct rc_buf *b)
{
	if (a.percent)
		rc_buf_printf(b, "%d%%", a.percent);
	else if (a.bytes || !unset)
		rc_buf_printf(b, "%llu", (unsigned long long)a.bytes);
}

static void add_choice(const char *choices, int i, struct rc_buf *b)
{
	for (; i > 0 && choices; i--) {
		choices = strchr(choices, '|');
		choices += choices != NULL;
	}
	if (choices)
		rc_buf_add(b, choices, strcspn(choices, "|"));
}

static void add_list(const struct rc_opt_list *list, struct rc_buf *b)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		rc_buf_printf(b, "%s%s", i ? "\n" : "", list->items[i]);
}

void rc_opts_value_text(const struct rc_opts *o, size_t i_row, struct rc_buf *b)
{
	const struct rc_opt *row = &o->rows[i_row];
	const void *v = (const char *)o->values + row->offset;
	/* A number that nobody gave is "none", not 0. */
	bool unset = o->source[i_row] == RC_OPT_DEFAULT && !row->dflt;
	const char *s;

	switch (row->type) {
	case RC_OPT_FLAG:
		rc_buf_puts(b, *(const bool *)v ? "true" : "false");
		break;
	case RC_OPT_COUNT:
		rc_buf_printf(b, "%d", *(const int *)v);
		break;
	case RC_OPT_INT:
		if (*(const int64_t *)v || !unset)
			rc_buf_printf(b, "%lld", (long long)*(const int64_t *)v);
		break;
	case RC_OPT_STRING:
		s = *(const char *const *)v;
		rc_buf_puts(b, s ? s : "");
		break;
	case RC_OPT_LIST:
		add_list(v, b);
		break;
	case RC_OPT_CHOICE:
		add_choice(row->choices, *(const int *)v, b);
		break;
	case RC_OPT_RATE:
		add_rate(*(const struct rc_rate *)v, b);
		break;
	case RC_OPT_SIZE:
		if (*(const uint64_t *)v || !unset)
			rc_buf_printf(b, "%llu", (unsigned long long)*(const uint64_t *)v);
		break;
	case RC_OPT_AMOUNT:
		add_amount(*(const struct rc_amount *)v, unset, b);
		break;
	case RC_OPT_DURATION:
		if (*(const int64_t *)v || !unset)
			add_duration(*(const int64_t *)v, b);
		break;
	}
}

static const char *shown_arg(const struct rc_opt *row)
{
	if (row->type == RC_OPT_FLAG || row->type == RC_OPT_COUNT)
		return "";
	if (row->arg)
		return row->arg;
	return row->type == RC_OPT_CHOICE ? row->choices : "VALUE";
}

/* Columns taken by n bytes of UTF-8 (of which none is a wide character). */
static int columns(const char *s, size_t n)
{
	int w = 0;

	for (; n > 0; n--, s++)
		w += ((unsigned char)*s & 0xc0) != 0x80;
	return w;
}

/* Adds the words of text; *at is the column reached. */
static void add_wrapped(struct rc_buf *b, const char *text, int *at)
{
	size_t n;
	int w;

	while (*text) {
		n = strcspn(text, " ");
		w = columns(text, n);
		if (*at > HELP_COLUMN && *at + 1 + w > LAST_COLUMN) {
			rc_buf_printf(b, "\n%*s", HELP_COLUMN, "");
			*at = HELP_COLUMN;
		} else if (*at > HELP_COLUMN) {
			rc_buf_puts(b, " ");
			++*at;
		}
		rc_buf_add(b, text, n);
		*at += w;
		text += n;
		text += strspn(text, " ");
	}
}

/* "(one of a, b, c; repeatable; default: x)", or nothing. */
static void add_remarks(const struct rc_opt *row, struct rc_buf *b)
{
	const char *sep = " (", *p;

	if (row->type == RC_OPT_CHOICE && row->arg && strcmp(row->arg, row->choices) != 0) {
		rc_buf_printf(b, "%sone of ", sep);
		for (p = row->choices; *p; p++)
			rc_buf_add(b, *p == '|' ? ", " : p, *p == '|' ? 2 : 1);
		sep = "; ";
	}
	if (row->type == RC_OPT_LIST || row->type == RC_OPT_COUNT) {
		rc_buf_printf(b, "%srepeatable", sep);
		sep = "; ";
	}
	if (row->dflt && row->type != RC_OPT_FLAG && row->type != RC_OPT_COUNT) {
		rc_buf_printf(b, "%sdefault: %s", sep, row->dflt);
		sep = "; ";
	}
	if (*sep == ';')
		rc_buf_puts(b, ")");
}

static void help_row(const struct rc_opt *row, struct rc_buf *b)
{
	const char *arg = shown_arg(row);
	struct rc_buf text;
	size_t start = b->len;
	int at;

	if (row->letter)
		rc_buf_printf(b, "  -%c, --%s", row->letter, row->name);
	else
		rc_buf_printf(b, "      --%s", row->name);
	rc_buf_printf(b, "%s%s", *arg ? "=" : "", arg);
	at = columns(b->p + start, b->len - start);
	if (at + 2 > HELP_COLUMN)
		rc_buf_printf(b, "\n%*s", HELP_COLUMN, "");
	else
		rc_buf_printf(b, "%*s", HELP_COLUMN - at, "");
	at = HELP_COLUMN;
	rc_buf_init(&text);
	rc_buf_puts(&text, row->help ? row->help : "");
	add_remarks(row, &text);
	add_wrapped(b, text.p, &at);
	b->failed = b->failed || text.failed;
	rc_buf_release(&text);
	rc_buf_puts(b, "\n");
}

void rc_opts_help(const struct rc_opt *rows, size_t n, struct rc_buf *b)
{
	const char *group = NULL, *heading;
	size_t i;

	for (i = 0; i < n; i++) {
		if (rows[i].hidden)
			continue;
		heading = rows[i].group ? rows[i].group : "Options";
		if (!group || strcmp(group, heading) != 0)
			rc_buf_printf(b, "%s%s:\n", group ? "\n" : "", heading);
		group = heading;
		help_row(&rows[i], b);
	}
}

void rc_opts_dump(const struct rc_opt *rows, size_t n, struct rc_buf *b)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const struct rc_opt *r = &rows[i];

		if (r->hidden)
			continue;
		rc_buf_puts(b, r->name);
		rc_buf_puts(b, "\t");
		if (r->letter)
			rc_buf_add(b, &r->letter, 1);
		rc_buf_printf(b, "\t%s\t%s\t%s\t%s\n", shown_arg(r), r->dflt ? r->dflt : "",
			      r->choices ? r->choices : "", r->help ? r->help : "");
	}
}
