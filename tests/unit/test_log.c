/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/log.h"

/* Standard error goes into a file, which read_back() gives. */
static FILE *catcher;
static char caught[1 << 20];

static void catch_errors(void)
{
	catcher = tmpfile();
	cr_assert_not_null(catcher);
	cr_assert_eq(dup2(fileno(catcher), STDERR_FILENO), STDERR_FILENO);
}

static const char *read_back(void)
{
	size_t n;

	rewind(catcher);
	n = fread(caught, 1, sizeof caught - 1, catcher);
	caught[n] = 0;
	return caught;
}

Test(log, levels, .init = catch_errors)
{
	cr_assert_eq(rc_log_level(), RC_LOG_INFO);
	rc_log(RC_LOG_ERROR, "'%s' is wrong", "a");
	rc_log(RC_LOG_WARN, "w");
	rc_log(RC_LOG_INFO, "i");
	rc_log(RC_LOG_DEBUG, "hidden");
	rc_log_set_level(RC_LOG_ERROR);
	rc_log(RC_LOG_WARN, "hidden");
	rc_log_set_level(RC_LOG_DEBUG);
	rc_log(RC_LOG_DEBUG, "d");
	cr_assert_str_eq(read_back(), "robocache: error: 'a' is wrong\n"
				      "robocache: warning: w\n"
				      "robocache: i\n"
				      "robocache: debug: d\n");
}

Test(log, one_line_each, .init = catch_errors)
{
	static const char first[] = "robocache: a?b?c\td ?1m ??2m \xc3\x9b \xe9 \xe6\x97\xa5\n";

	errno = EBUSY;
	rc_log(RC_LOG_INFO, "a\nb\033c\td \x9b" "1m \xc2\x9b" "2m \xc3\x9b \xe9 \xe6\x97\xa5");
	cr_assert_eq(errno, EBUSY);
	rc_log(RC_LOG_INFO, "%*d", 9000, 1);
	read_back();
	cr_assert_eq(strncmp(caught, first, strlen(first)), 0);
	cr_assert_eq(strlen(caught + strlen(first)), 4096);
	cr_assert_str_eq(caught + strlen(caught) - 4, "...\n");
}

static int n_before;

static void count_before(void)
{
	n_before++;
}

Test(log, hook, .init = catch_errors)
{
	rc_log_set_before(count_before);
	rc_log(RC_LOG_INFO, "x");
	rc_log(RC_LOG_DEBUG, "not written");
	cr_assert_eq(n_before, 1);
	rc_log_set_before(NULL);
	rc_log(RC_LOG_INFO, "x");
	cr_assert_eq(n_before, 1);
}

static void *write_many(void *arg)
{
	int i;

	for (i = 0; i < 1000; i++)
		rc_log(RC_LOG_INFO, "%s", (const char *)arg);
	return NULL;
}

Test(log, threads_do_not_mix, .init = catch_errors)
{
	static char texts[4][101];
	pthread_t t[4];
	char *line, *next;
	int i, n = 0;

	/* O_APPEND, as a terminal or pipe behaves. */
	cr_assert_eq(fcntl(STDERR_FILENO, F_SETFL, O_APPEND), 0);
	for (i = 0; i < 4; i++) {
		memset(texts[i], 'a' + i, 100);
		cr_assert_eq(pthread_create(&t[i], NULL, write_many, texts[i]), 0);
	}
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	read_back();
	for (line = caught; *line; line = next + 1, n++) {
		next = strchr(line, '\n');
		cr_assert_eq(next - line, 111);
		cr_assert_eq(strspn(line + 11, (char[]){line[11], 0}), 100);
	}
	cr_assert_eq(n, 4000);
}
