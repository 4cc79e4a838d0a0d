/* SPDX-License-Identifier: Apache-2.0 */
/* Files that inputs refer to: which names lead to which file, and which lead nowhere. */
#include "base/compat.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/linked.h"

static char home[] = "/tmp/rc-linked-XXXXXX";

static void put(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);

	cr_assert_geq(fd, 0, "%s", path);
	cr_assert_eq(write(fd, path, strlen(path)), (ssize_t)strlen(path));
	close(fd);
}

static void enter(void)
{
	cr_assert_neq(mkdtemp(home), NULL);
	cr_assert_eq(chdir(home), 0);
	cr_assert_eq(mkdir("top", 0777) | mkdir("top/a", 0777) | mkdir("top/a/b", 0777), 0);
	put("top/1");
	put("top/a/2");
	put("top/a/b/3");
	put("secret");
	cr_assert_eq(symlink("a/2", "top/in") | symlink("../secret", "top/out") |
		     symlink("b", "top/a/folder") | symlink("../..", "top/a/up"), 0);
	cr_assert_eq(mkfifo("top/fifo", 0666), 0);
}

static void leave(void)
{
	char command[64];

	cr_assert_eq(chdir("/"), 0);
	snprintf(command, sizeof command, "rm -rf %s", home);
	cr_assert_eq(system(command), 0);
}

TestSuite(linked, .init = enter, .fini = leave);

/* want: the path below root that comes out, or the reason why none does. */
static void leads_to(const char *root, const char *name, const char *want)
{
	struct rc_err err = {0};
	struct stat st;
	char *below = NULL;
	int fd = -1, rc = rc_linked_open(root, name, &below, &fd, &st, &err);

	if (rc) {
		cr_expect_str_eq(err.reason, want, "%s of %s: %s", name, root, err.msg);
		return;
	}
	cr_expect_str_eq(below, want, "%s of %s", name, root);
	cr_expect(S_ISREG(st.st_mode));
	free(below);
	close(fd);
}

Test(linked, names)
{
	leads_to("top", "1", "1");
	leads_to("top/", "./1", "1");
	leads_to("top", "a//b/./../2", "a/2");
	leads_to("top", "a/b/../../1", "1");
	leads_to("top/a", "b/3", "b/3");
	leads_to(".", "top/1", "top/1");
	leads_to("top", "in", "in");
	leads_to("top", "a/folder/3", "a/folder/3");
	leads_to("top", "", "outside");
	leads_to("top", ".", "outside");
	leads_to("top", "..", "outside");
	leads_to("top", "../secret", "outside");
	leads_to("top", "a/../../secret", "outside");
	leads_to("top", "../top/1", "outside");
	leads_to("top", "out", "outside");
	leads_to("top", "a/up/secret", "outside");
	leads_to("top/a", "../1", "outside");
	leads_to("top", "4", "missing");
	leads_to("top", "1/2", "unreadable");
	leads_to("top", "a", "not_a_file");
	leads_to("top", "fifo", "not_a_file");
	leads_to("nowhere", "1", "missing");
}

Test(linked, absolute_names)
{
	char real[PATH_MAX], name[PATH_MAX + 32], root[PATH_MAX + 32];

	cr_assert_neq(realpath(".", real), NULL);
	snprintf(root, sizeof root, "%s/top", real);
	snprintf(name, sizeof name, "%s/top/a/2", real);
	leads_to("top", name, "a/2");
	leads_to(root, name, "a/2");
	leads_to("/", name, name + 1);
	leads_to("top/a/b", name, "outside");
	snprintf(name, sizeof name, "%s/secret", real);
	leads_to("top", name, "outside");
	snprintf(name, sizeof name, "%s/topless", real);
	leads_to("top", name, "outside");
	leads_to("top", "/etc/passwd", "outside");
}

Test(linked, below)
{
	cr_expect_str_eq(rc_linked_below("raw", "raw/a/b.h5"), "a/b.h5");
	cr_expect_str_eq(rc_linked_below("raw/", "raw//b.h5"), "b.h5");
	cr_expect_str_eq(rc_linked_below("/", "/b.h5"), "b.h5");
	cr_expect_str_eq(rc_linked_below(".", "./b.h5"), "b.h5");
	cr_expect_str_eq(rc_linked_below(".", "b.h5"), "b.h5");
}

/* An index of top/1 with one file that it refers to, top/a/2 as it is now. */
static struct rc_index *index_of(int64_t later, uint64_t longer)
{
	struct rc_index_builder *b;
	struct rc_index *ix = NULL;
	struct rc_err err = {0};
	struct stat st;
	void *block;
	size_t n;

	cr_assert_eq(rc_index_builder_new(&b, NULL), 0);
	cr_assert_eq(stat("top/a/2", &st), 0);
	rc_ixb_layout(b, "generic", 1, "a test", 0);
	rc_ixb_linked(b, "a/2", (uint64_t)st.st_size + longer,
		      st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec + later);
	cr_assert_eq(rc_index_builder_end(b, &block, &n, &err), 0, "%s", err.msg);
	rc_index_builder_free(b);
	cr_assert_eq(rc_index_open(block, n, "top/1", 5, &ix, &err), 0, "%s", err.msg);
	ix->root = strdup("top");
	return ix;
}

Test(linked, only_what_the_scan_saw)
{
	struct rc_index *ix = index_of(0, 0);
	struct rc_err err = {0};
	char *below = NULL;
	struct stat st;
	bool refused;
	uint32_t hint = 7;
	int fd = -1;

	cr_expect_eq(rc_linked_known(ix, "a/b/../2", &hint, &below, &fd, &st,
				     &refused, &err), 0, "%s",
		     err.msg);
	cr_expect_str_eq(below, "a/2");
	cr_expect(!refused);
	free(below);
	close(fd);
	cr_expect_eq(rc_linked_same(ix, UINT32_MAX, &err), 0, "%s", err.msg);
	cr_expect_neq(rc_linked_known(ix, "a/b/3", &hint, &below, &fd, &st, &refused, &err), 0);
	cr_expect(refused, "it is there, but was not in the scan");
	cr_expect_neq(rc_linked_known(ix, "../secret", &hint, &below, &fd, &st, &refused, &err), 0);
	cr_expect(refused);
	cr_assert_eq(unlink("top/a/2"), 0);
	cr_expect_eq(rc_linked_known(ix, "a/2", &hint, &below, &fd, &st,
				     &refused, &err), RC_E_INPUT);
	cr_expect_str_eq(err.reason, "missing");
	cr_expect(!refused, "an error, as it is part of the input");
	cr_expect_eq(rc_linked_same(ix, UINT32_MAX, NULL), RC_E_INPUT);
	rc_index_free(ix);
}

Test(linked, changed)
{
	const struct { int64_t later; uint64_t longer; } c[] = {{1, 0}, {-1, 0}, {0, 1}};

	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct rc_index *ix = index_of(c[i].later, c[i].longer);
		struct rc_err err = {0};
		char *below = NULL;
		struct stat st;
		bool refused;
		uint32_t hint = 0;
		int fd = -1;

		cr_expect_eq(rc_linked_known(ix, "a/2", &hint, &below, &fd, &st, &refused, &err),
			     RC_E_INPUT);
		cr_expect_str_eq(err.reason, "input_changed");
		cr_expect(!refused);
		cr_expect_eq(rc_linked_same(ix, UINT32_MAX, NULL), RC_E_INPUT);
		rc_index_free(ix);
	}
}
