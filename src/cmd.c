/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "cmd.h"

#include <errno.h>
#include <unistd.h>

#include "base/log.h"
#include "confine.h"
#include "signals.h"

bool rc_cmd_print(const struct rc_buf *b)
{
	for (size_t at = 0; at < b->len;) {
		ssize_t n = write(STDOUT_FILENO, b->p + at, b->len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			if (errno == EPIPE)
				rc_signals_pipe_broke();
			else
				rc_log(RC_LOG_ERROR, "cannot write to standard output: %s",
				       strerror(errno));
			return false;
		}
		at += (size_t)n;
	}
	return true;
}

static bool print_help(const struct rc_opts *o, const struct rc_common *common)
{
	struct rc_buf b;
	bool ok;

	rc_buf_init(&b);
	rc_buf_puts(&b, common->usage);
	rc_buf_puts(&b, "\n");
	rc_opts_help(o->rows, o->n_rows, &b);
	rc_buf_puts(&b, common->examples);
	ok = rc_cmd_print(&b);
	rc_buf_release(&b);
	return ok;
}

bool rc_cmd_start(struct rc_opts *o, int argc, char **argv, const struct rc_common *common,
		  int *exit_out)
{
	struct rc_err err = {0};
	struct rc_buf b;
	int level;

	*exit_out = 0;
	if (rc_opts_parse(o, argc, argv, &err)) {
		rc_log(RC_LOG_ERROR, "%s", err.msg);
		if (!strstr(err.msg, "--help"))
			rc_log(RC_LOG_ERROR, "see 'robocache %s --help'", o->command);
		*exit_out = 2;
		return false;
	}
	level = RC_LOG_INFO - *common->quiet + *common->verbose;
	rc_log_set_level(level < RC_LOG_ERROR ? RC_LOG_ERROR : level);
	if (*common->help) {
		*exit_out = print_help(o, common) ? 0 : 1;
		return false;
	}
	if (*common->dump) {
		rc_buf_init(&b);
		rc_opts_dump(o->rows, o->n_rows, &b);
		rc_cmd_print(&b);
		rc_buf_release(&b);
		return false;
	}
	return true;
}

bool rc_cmd_one_stdin(const struct rc_opts *o, const char *files_from, const char *recipe)
{
	int n = (files_from && !strcmp(files_from, "-")) + (recipe && !strcmp(recipe, "-"));
	bool operand = false;

	for (int i = 0; i < o->n_operands; i++)
		operand |= !strcmp(o->operands[i], "-");
	if (n + operand < 2)
		return true;
	rc_log(RC_LOG_ERROR, "only one of %s--files-from and --recipe can be standard input",
	       operand ? "the input '-', " : "");
	return false;
}

int rc_cmd_readers(int sandbox, struct rc_readers **readers_out, struct rc_err *err)
{
	struct rc_reader_limits limits = {
		.stop = rc_stop_asked,
		.sandbox = (enum rc_sandbox_mode)sandbox,
	};

	rc_signals_install();
	return rc_readers_start(&limits, readers_out, err);
}

int rc_cmd_confine(int sandbox, const char *scratch_dir, const char *index, struct rc_err *err)
{
	const char *written[] = {scratch_dir, index};
	const struct rc_confine_ask ask = {
		.mode = (enum rc_sandbox_mode)sandbox,
		.written = written,
		.n_written = RC_ARRAY_LEN(written),
	};
	struct rc_sandbox s = {0};

	return rc_confine(&ask, &s, err);
}
