/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "cmd.h"

#include "base/json.h"
#include "base/log.h"
#include "formats/layouts.h"
#include "run.h"

struct options {
	bool json;
	int quiet, verbose;
	bool help, dump_options;
};

#define AT(field) offsetof(struct options, field)

static const struct rc_opt rows[] = {
	{.name = "json", .type = RC_OPT_FLAG, .offset = AT(json),
	 .help = "print the list as JSON"},
	{.name = "quiet", .letter = 'q', .type = RC_OPT_COUNT, .offset = AT(quiet),
	 .no_env = true, .help = "no notes; twice: no warnings either"},
	{.name = "verbose", .letter = 'v', .type = RC_OPT_COUNT, .offset = AT(verbose),
	 .no_env = true, .help = "say more"},
	{.name = "help", .letter = 'h', .type = RC_OPT_FLAG, .offset = AT(help), .no_env = true,
	 .help = "show this help"},
	{.name = "dump-options", .type = RC_OPT_FLAG, .offset = AT(dump_options), .hidden = true,
	 .help = "the rows of this table, for the checks of the documentation"},
};

static const char usage[] =
	"usage: robocache layouts [OPTION]...\n\n"
	"Lists the layouts of inputs that are recognised, in the order in which equal scores are\n"
	"decided.  robocache-layouts(7) says more of each.\n";

static const char examples[] =
	"\nExamples:\n"
	"  robocache layouts\n"
	"  robocache layouts --json | jq -r '.layouts[].name'\n"
	"  robocache convert --layout-in aloha raw -o train\n";

static void put_text(struct rc_buf *b)
{
	for (size_t i = 0; i < rc_layout_count(); i++)
		rc_buf_printf(b, "%-11s %s\n", rc_layout_name(i), rc_layout_summary(i));
}

static int put_json(struct rc_buf *b, struct rc_err *err)
{
	struct rc_json *root = rc_json_new_object(), *list;
	int rc;

	rc_json_add_string(root, "schema", "robocache-layouts-1");
	list = rc_json_add_array(root, "layouts");
	for (size_t i = 0; i < rc_layout_count(); i++) {
		struct rc_json *o = rc_json_add_object(list, NULL);
		rc_json_add_string(o, "name", rc_layout_name(i));
		rc_json_add_string(o, "recognises", rc_layout_summary(i));
	}
	rc = rc_json_text(root, true, b, err);
	rc_json_free(root);
	return rc;
}

static int list_layouts(const struct rc_opts *opts, const struct options *set, struct rc_err *err)
{
	struct rc_buf b;
	int rc = 0;

	if (opts->n_operands)
		return rc_fail(err, RC_E_USAGE, "usage", "layouts takes no operand '%s'",
			       opts->operands[0]);
	rc_buf_init(&b);
	if (set->json)
		rc = put_json(&b, err);
	else
		put_text(&b);
	if (!rc)
		rc = rc_buf_check(&b, err);
	if (!rc && !rc_cmd_print(&b))
		rc = RC_E_OUTPUT;
	rc_buf_release(&b);
	return rc;
}

int cmd_layouts(int argc, char **argv)
{
	struct options set = {0};
	struct rc_opts opts = {.command = "layouts", .rows = rows, .n_rows = RC_ARRAY_LEN(rows),
			       .values = &set};
	const struct rc_common common = {usage, examples, &set.help, &set.dump_options, &set.quiet,
					 &set.verbose};
	struct rc_err err = {0};
	int status, rc;

	if (rc_cmd_start(&opts, argc, argv, &common, &status)) {
		rc = list_layouts(&opts, &set, &err);
		if (err.code)
			rc_log(RC_LOG_ERROR, "%s", err.msg);
		status = rc == RC_E_OUTPUT ? RC_EXIT_FAILED : rc_exit_of(rc);
	}
	rc_opts_release(&opts);
	return status;
}
