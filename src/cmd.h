/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands.  Each is one file and one row; dispatch, `robocache --help` and the completions walk
 * the rows.  Only here is standard output written and an exit status chosen.
 *
 * To add a command: src/cmd_x.c with `int cmd_x(int argc, char **argv)` and its option rows, a row
 * RC_COMMAND(x, "summary") in src/commands.def, the file in Makefile.am, man/robocache-x.1.
 * tests/check-registry.sh and tests/check-docs.sh complain until all four are there.
 */
#ifndef RC_CMD_H
#define RC_CMD_H

#include "base/opt.h"
#include "formats/reader.h"

/* argv[0] is the command word.  Returns the exit status. */
typedef int (*rc_command)(int argc, char **argv);

#define RC_COMMAND(name, summary) int cmd_##name(int argc, char **argv);
#include "commands.def"
#undef RC_COMMAND

/* What every command does with its options.  `flags` point into the command's struct. */
struct rc_common {
	const char *usage;    /* lines printed above the options in --help */
	const char *examples; /* printed below them */
	const bool *help, *dump;
	const int *quiet, *verbose;
};

/*
 * Parses, sets the log level, and serves --help and --dump-options.  Returns true when the command
 * should go on; otherwise *exit_out is its exit status.  Errors are printed.
 */
bool rc_cmd_start(struct rc_opts *o, int argc, char **argv, const struct rc_common *common,
		  int *exit_out);

/* Writes text to standard output; false (and an error line) when that fails.  A closed pipe is
 * quiet. */
bool rc_cmd_print(const struct rc_buf *b);

/* Standard input has one reader: an operand "-", --files-from or --recipe, which may be NULL.
 * False, and an error line, where there are several. */
bool rc_cmd_one_stdin(const struct rc_opts *o, const char *files_from, const char *recipe);

/* The row of --sandbox in a command's table; `at`: where an int takes enum rc_sandbox_mode. */
#define RC_CMD_SANDBOX_ROW(at)                                                                     \
	{.name = "sandbox", .type = RC_OPT_CHOICE, .offset = (at), .arg = "HOW", .dflt = "auto",   \
	 .choices = RC_SANDBOX_CHOICES, .group = "Run",                                            \
	 .help = "give up files and system calls that are not needed: if possible, never, or "     \
		 "else fail"}

/* Installs signal handling and starts the reader processes, --sandbox as it says; must run before
 * any thread exists. */
int rc_cmd_readers(int sandbox, struct rc_readers **readers_out, struct rc_err *err);
/* For commands that write nothing but unpacked inputs below scratch_dir, and index, which may be
 * NULL: gives up all else.  RC_E_HOST where that is required and not to be had. */
int rc_cmd_confine(int sandbox, const char *scratch_dir, const char *index, struct rc_err *err);

#endif
