/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options are rows.  One table per command says everything about each option: its names, type,
 * range, default, help, group and where the value lands.  Parsing, --help, shell completions and
 * the OPTIONS sections of the man pages all come from the rows (tests/check-docs.sh compares).
 *
 * Precedence: option > environment ROBOCACHE_<LONG_NAME> > recipe > default.  A value set from the
 * recipe therefore goes through rc_opts_set_recipe() after rc_opts_parse().
 *
 * To add an option: one row in the table of the command's file, one `.It` in its man page.
 */
#ifndef RC_OPT_H
#define RC_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum rc_opt_type {
	RC_OPT_FLAG,     /* bool; takes no value */
	RC_OPT_COUNT,    /* int, one more each time: -vv */
	RC_OPT_INT,      /* int64_t in [lo, hi] */
	RC_OPT_STRING,   /* const char * */
	RC_OPT_LIST,     /* struct rc_opt_list: repeatable, keeps the order */
	RC_OPT_CHOICE,   /* int: index into `choices` ("auto|cpu|cuda") */
	RC_OPT_RATE,     /* struct rc_rate */
	RC_OPT_SIZE,     /* uint64_t bytes */
	RC_OPT_AMOUNT,   /* struct rc_amount: bytes, or a part of what there is */
	RC_OPT_DURATION  /* int64_t ns; a bare number is in ms */
};

struct rc_opt_list {
	const char **items; /* borrowed strings, array owned by rc_opts */
	size_t n, cap;
};

enum rc_opt_source { RC_OPT_DEFAULT, RC_OPT_RECIPE, RC_OPT_ENV, RC_OPT_USER };
/* "default" "recipe" "environment" "option" */
const char *rc_opt_source_name(enum rc_opt_source s);

struct rc_opt {
	const char *name;    /* long name without dashes */
	char letter;         /* short name or 0 */
	enum rc_opt_type type;
	size_t offset;       /* of the value in the command's struct */
	const char *arg;     /* "HZ", shown in help; NULL for flags */
	const char *dflt;    /* text as the user would type it, or NULL for none/0 */
	int64_t lo, hi;      /* RC_OPT_INT only; both 0: any */
	const char *choices; /* RC_OPT_CHOICE only, joined by '|' */
	const char *group;   /* heading in --help; rows of one group stand together */
	const char *help;    /* one sentence, lower case, no full stop */
	bool hidden;         /* works, but neither help nor man page nor environment */
	bool no_env;         /* not settable by environment (paths of one run, -h, -V) */
};

/* Parsed state of one command line. */
struct rc_opts {
	const char *command;            /* "convert"; NULL for the program itself */
	const struct rc_opt *rows;
	size_t n_rows;
	void *values;                   /* the command's struct */
	enum rc_opt_source *source;     /* per row; owned */
	char **operands;                /* strings of argv, order kept; the array is owned */
	int n_operands;
	char **owned;                   /* texts of recipe and lists that had to be copied */
	size_t n_owned, cap_owned;
};

/*
 * Applies defaults, environment, then argv[1..] (argv[0] is the command word).  Operands and
 * options may mix; "--" ends options; "-" and negative numbers are operands.  An unknown option
 * names the nearest one.  RC_E_USAGE.  The caller sets command, rows, n_rows and values; every
 * value is written.  On failure o is already released.  argv stays as it is.
 *
 * The environment variable of a LIST row holds its items separated by ';', that of a FLAG row a
 * word such as 1, yes, true, 0, no or false.  An empty variable counts as unset, and all are left
 * alone where a FLAG row "help" or "version" was given.  Lists of a stronger source replace those
 * of a weaker one.  Not for use from several threads at once.
 */
int rc_opts_parse(struct rc_opts *o, int argc, char **argv, struct rc_err *err);
void rc_opts_release(struct rc_opts *o);
/* Sets a row from recipe text (copied) unless option or environment already did.  LIST rows
 * append. */
int rc_opts_set_recipe(struct rc_opts *o, const char *name, const char *value, struct rc_err *err);
enum rc_opt_source rc_opts_source(const struct rc_opts *o, const char *name);
/* The resolved value as text the option would accept (lists joined by newlines); "" for none. */
void rc_opts_value_text(const struct rc_opts *o, size_t i_row, struct rc_buf *b);

/* The options part of --help, wrapped at 79 columns: a heading per group, no hidden rows. */
void rc_opts_help(const struct rc_opt *rows, size_t n, struct rc_buf *b);
/* "name<TAB>letter<TAB>arg<TAB>default<TAB>choices<TAB>help" a row: what tests/check-docs.sh and
 * the completions read (hidden option --dump-options of every command).  Hidden rows are left out;
 * arg is empty for rows that take no value. */
void rc_opts_dump(const struct rc_opt *rows, size_t n, struct rc_buf *b);

#endif
