/* SPDX-License-Identifier: Apache-2.0 */
/* One command line with its recipe, as `convert` goes about it, for the tests of recipes. */
#ifndef RECIPE_JOB_H
#define RECIPE_JOB_H

#include <criterion/criterion.h>

#include "recipe.h"

#define AT(field) offsetof(struct rc_settings, field)

/* Rows like those of `convert`, one of each type. */
static const struct rc_opt rows[] = {
	{.name = "output",
	 .letter = 'o',
	 .type = RC_OPT_STRING,
	 .offset = AT(output),
	 .no_env = true},
	{.name = "compression", .type = RC_OPT_STRING, .offset = AT(compression), .dflt = "keep"},
	{.name = "shard-size", .type = RC_OPT_SIZE, .offset = AT(shard_size), .dflt = "4GiB"},
	{.name = "split", .type = RC_OPT_STRING, .offset = AT(split)},
	{.name = "seed", .type = RC_OPT_INT, .offset = AT(seed), .dflt = "0", .hi = INT64_MAX},
	{.name = "rate", .letter = 'r', .type = RC_OPT_RATE, .offset = AT(rate)},
	{.name = "source-rate", .type = RC_OPT_LIST, .offset = AT(source_rate)},
	{.name = "reference", .type = RC_OPT_STRING, .offset = AT(reference)},
	{.name = "timeline",
	 .type = RC_OPT_CHOICE,
	 .offset = AT(timeline),
	 .dflt = "auto",
	 .choices = RC_TIMELINE_CHOICES},
	{.name = "method", .letter = 'm', .type = RC_OPT_LIST, .offset = AT(method)},
	{.name = "fuse", .type = RC_OPT_LIST, .offset = AT(fuse)},
	{.name = "keep-members", .type = RC_OPT_FLAG, .offset = AT(keep_members)},
	{.name = "keep", .type = RC_OPT_LIST, .offset = AT(keep)},
	{.name = "drop", .type = RC_OPT_LIST, .offset = AT(drop)},
	{.name = "rename", .type = RC_OPT_LIST, .offset = AT(rename)},
	{.name = "dtype", .type = RC_OPT_LIST, .offset = AT(dtype)},
	{.name = "max-gap", .type = RC_OPT_DURATION, .offset = AT(max_gap_ns)},
	{.name = "gap-policy",
	 .type = RC_OPT_CHOICE,
	 .offset = AT(gap_policy),
	 .dflt = "flag",
	 .choices = RC_GAP_CHOICES},
	{.name = "latency", .type = RC_OPT_LIST, .offset = AT(latency)},
	{.name = "clock-repair", .type = RC_OPT_LIST, .offset = AT(clock_repair)},
	{.name = "threads",
	 .letter = 'j',
	 .type = RC_OPT_INT,
	 .offset = AT(threads),
	 .dflt = "0",
	 .hi = 1024},
	{.name = "dump-options", .type = RC_OPT_FLAG, .offset = AT(dump_options), .hidden = true},
};

/* One command line with its recipe, as the command goes about it. */
struct job {
	struct rc_settings set;
	struct rc_opts opts;
	struct rc_json *json;
	struct rc_recipe recipe;
	struct rc_err err;
	bool parsed, compiled;
};

static inline void job_release(struct job *j)
{
	if (j->compiled)
		rc_recipe_release(&j->recipe);
	rc_json_free(j->json);
	if (j->parsed)
		rc_opts_release(&j->opts);
}

/* Options end with NULL. */
static inline int parse(struct job *j, const char *const *args)
{
	char *argv[32] = {(char *)"convert"};
	int argc = 1, rc;

	memset(j, 0, sizeof *j);
	for (; args[argc - 1]; argc++)
		argv[argc] = (char *)args[argc - 1];
	j->opts = (struct rc_opts){.command = "convert",
				   .rows = rows,
				   .n_rows = RC_ARRAY_LEN(rows),
				   .values = &j->set};
	rc = rc_opts_parse(&j->opts, argc, argv, &j->err);
	j->parsed = !rc;
	return rc;
}

static inline int compile(struct job *j)
{
	int rc = rc_recipe_compile(&j->set, &j->recipe, &j->err);

	j->compiled = !rc;
	return rc;
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static inline void good(struct job *j, const char *const *args)
{
	cr_assert_eq(parse(j, args), 0, "%s", j->err.msg);
	cr_assert_eq(compile(j), 0, "%s", j->err.msg);
}

/* The command line parses, and the recipe is refused with words of this in the message. */
static inline void refused(const char *const *args, const char *words)
{
	struct job j;

	cr_assert_eq(parse(&j, args), 0, "%s", j.err.msg);
	cr_assert_eq(compile(&j), RC_E_USAGE, "%s: accepted", words);
	cr_expect_neq(strstr(j.err.msg, words), NULL, "'%s' is not in: %s", words, j.err.msg);
	job_release(&j);
}

#endif
