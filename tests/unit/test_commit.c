/* SPDX-License-Identifier: Apache-2.0 */
/* Finished files on their way to their names: order, results, failures. */
#include "base/compat.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "commit.h"

static char dir[] = "commit-XXXXXX";

static void make_dir(void)
{
	cr_assert(mkdtemp(dir));
}

static void remove_dir(void)
{
	char path[64];

	for (int i = 0; i < 8; i++) {
		snprintf(path, sizeof path, "%s/f%d", dir, i);
		unlink(path);
	}
	cr_assert_eq(rmdir(dir), 0, "something was left behind");
}

TestSuite(commit, .init = make_dir, .fini = remove_dir);

static void make_file(struct rc_outfile *f, int i, size_t n)
{
	char path[64];
	FILE *out;

	snprintf(path, sizeof path, "%s/f%d", dir, i);
	cr_assert_eq(rc_outfile_open(f, path, NULL), 0);
	out = fopen(f->tmp_path, "w");
	for (size_t k = 0; k < n; k++)
		putc('a' + i, out);
	cr_assert_eq(fclose(out), 0);
}

Test(commit, results_come_in_the_order_of_the_files)
{
	struct rc_commits q = {0};
	const struct rc_commit *c;
	struct rc_outfile f;
	char want[1000], path[64];

	for (int i = 0; i < 8; i++) {
		make_file(&f, i, (size_t)(1000 - i));
		if (q.n == RC_MAX_COMMITS) {
			c = rc_commits_end(&q);
			cr_assert_eq(c->tag, (size_t)(i - RC_MAX_COMMITS));
		}
		rc_commits_begin(&q, &f, (size_t)i);
		cr_assert_null(f.tmp_path, "the file was taken over");
	}
	for (int i = 8 - RC_MAX_COMMITS; i < 8; i++) {
		struct rc_digest d;

		c = rc_commits_end(&q);
		cr_assert_eq(c->tag, (size_t)i);
		cr_assert_eq(c->rc, 0, "%s", c->err.msg);
		cr_assert_eq(c->bytes, (uint64_t)(1000 - i));
		memset(want, 'a' + i, sizeof want);
		d = rc_digest_of(want, (size_t)(1000 - i));
		cr_assert(d.hi == c->digest.hi && d.lo == c->digest.lo);
		snprintf(path, sizeof path, "%s/f%d", dir, i);
		cr_assert_eq(access(path, R_OK), 0);
	}
	cr_assert_null(rc_commits_end(&q));
}

Test(commit, a_file_that_vanished_is_an_error_of_the_output)
{
	struct rc_commits q = {0};
	const struct rc_commit *c;
	struct rc_outfile f;

	make_file(&f, 0, 10);
	unlink(f.tmp_path);
	rc_commits_begin(&q, &f, 7);
	c = rc_commits_end(&q);
	cr_assert_eq(c->tag, 7);
	cr_assert_eq(c->rc, RC_E_OUTPUT);
	cr_assert_eq(c->err.code, RC_E_OUTPUT);
}

struct seen {
	int n, named;
};

static int note(void *arg, const struct rc_commit *c, struct rc_err *err)
{
	struct seen *s = arg;
	char path[64];

	snprintf(path, sizeof path, "%s/f%zu", dir, c->tag);
	s->n++;
	s->named += access(path, F_OK) == 0 && c->bytes == 10;
	return c->tag == 1 ? rc_fail(err, RC_E_OUTPUT, "no_space", "the journal is full") : 0;
}

/* Whoever is told of a file finds it under its name; its failure leaves it there. */
Test(commit, is_told_when_there_is_a_name)
{
	struct seen seen = {0};
	struct rc_commits q = {.done = note, .arg = &seen};
	const struct rc_commit *c;
	struct rc_outfile f;

	for (int i = 0; i < 3; i++) {
		make_file(&f, i, 10);
		rc_commits_begin(&q, &f, (size_t)i);
		c = rc_commits_end(&q);
		cr_assert(c->named);
		cr_assert_eq(c->rc, i == 1 ? RC_E_OUTPUT : 0);
		cr_assert(i != 1 || strstr(c->err.msg, "journal"));
	}
	cr_assert_eq(seen.n, 3);
	cr_assert_eq(seen.named, 3);
	make_file(&f, 3, 10);
	unlink(f.tmp_path);
	rc_commits_begin(&q, &f, 3);
	c = rc_commits_end(&q);
	cr_assert(!c->named && c->rc == RC_E_OUTPUT);
	cr_assert_eq(seen.n, 3, "there was nothing to tell");
}
