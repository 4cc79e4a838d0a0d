/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/names.h"
#include "cmd.h"
#include "kernels/kernels.h"
#include "version.h"

static const struct {
	const char *name, *summary;
	rc_command run;
} commands[] = {
#define RC_COMMAND(name, summary) {#name, summary, cmd_##name},
#include "commands.def"
#undef RC_COMMAND
};

/* A program started with a standard descriptor closed would otherwise write its messages into
 * the first file it opens. */
static int fill_standard_fds(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
		    open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) != fd)
			return -1;
	return 0;
}

static int print_usage(void)
{
	struct rc_buf b;
	bool ok;

	rc_buf_init(&b);
	rc_buf_puts(&b, "usage: robocache COMMAND [OPTION]... [INPUT]...\n\n"
			"Rebuilds robot-learning datasets.  For example:\n\n"
			"  robocache convert raw/ -o train/ --rate 20 --fuse "
			"state=joint_pos,gripper\n\nCommands:\n");
	for (size_t i = 0; i < RC_ARRAY_LEN(commands); i++)
		rc_buf_printf(&b, "  %-10s %s\n", commands[i].name, commands[i].summary);
	rc_buf_puts(&b, "\n'robocache COMMAND --help' lists the options of a command; "
			"'robocache --version' what\nthis program was built with.  Exit status: 0 "
			"done, 1 failed, 2 usage, 3 done with\nsome data skipped, 4 stopped early, "
			"74 output cannot be written, 128+N ended by\nsignal N.\n");
	ok = rc_cmd_print(&b);
	rc_buf_release(&b);
	return ok ? 0 : 1;
}

static int print_version(void)
{
	struct rc_buf b;
	bool ok;

	rc_buf_init(&b);
	rc_version_text(&b);
	ok = rc_cmd_print(&b);
	rc_buf_release(&b);
	return ok ? 0 : 1;
}

static int unknown(const char *word)
{
	const char *names[RC_ARRAY_LEN(commands)], *near;

	for (size_t i = 0; i < RC_ARRAY_LEN(commands); i++)
		names[i] = commands[i].name;
	near = rc_nearest_name(word, names, RC_ARRAY_LEN(commands));
	if (near)
		rc_log(RC_LOG_ERROR, "unknown command '%s'; did you mean '%s'?", word, near);
	else
		rc_log(RC_LOG_ERROR, "unknown command '%s'; 'robocache --help' lists the commands",
		       word);
	return 2;
}

static bool is(const char *word, const char *a, const char *b)
{
	return !strcmp(word, a) || !strcmp(word, b);
}

int main(int argc, char **argv)
{
	char *help_argv[] = {NULL, (char *)"--help", NULL};
	const char *word;
	int rest = 1;

	if (fill_standard_fds())
		return 1;
	if (argc < 2) {
		print_usage();
		return 2;
	}
	word = argv[1];
	if (is(word, "--version", "-V"))
		return print_version();
	if (is(word, "--help", "-h") || (!strcmp(word, "help") && argc == 2))
		return print_usage();
	if (!strcmp(word, "help")) {
		word = argv[2];
		help_argv[0] = argv[2];
		rest = 0;
	}
	for (size_t i = 0; i < RC_ARRAY_LEN(commands); i++)
		if (!strcmp(word, commands[i].name))
			return rest ? commands[i].run(argc - 1, argv + 1)
				    : commands[i].run(2, help_argv);
	return unknown(word);
}
