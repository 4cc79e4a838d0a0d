/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/outfile.h"

/* Every test works in a directory of its own, which must be empty again when it ends. */
static char dir[] = "/tmp/rc-outfile-XXXXXX";
static struct rc_err e;

/* In the place of the C library's: what the disk says to syncs before the last. */
static atomic_int n_data_syncs, data_sync_errno;

int fdatasync(int fd)
{
	atomic_fetch_add(&n_data_syncs, 1);
	errno = data_sync_errno;
	return errno ? -1 : (int)syscall(SYS_fdatasync, fd);
}

static void enter(void)
{
	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(chdir(dir), 0);
}

static void leave(void)
{
	cr_assert_eq(chdir("/"), 0);
	cr_assert_eq(rmdir(dir), 0, "something was left behind in %s", dir);
}

static int n_entries(void)
{
	DIR *d = opendir(".");
	int n = -2;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void expect_content(const char *path, const char *content)
{
	struct rc_buf b;

	rc_buf_init(&b);
	cr_assert_eq(rc_buf_read_file(&b, path, 1 << 20, &e), 0, "%s", e.msg);
	cr_assert_str_eq(b.p, content);
	rc_buf_release(&b);
}

Test(outfile, open_commit, .init = enter, .fini = leave)
{
	struct rc_outfile f;
	struct stat st;
	FILE *out;

	umask(027);
	cr_assert_eq(rc_outfile_open(&f, "a.h5", &e), 0, "%s", e.msg);
	cr_assert_str_eq(f.path, "a.h5");
	cr_assert_eq(strncmp(f.tmp_path, ".a.h5.tmp-", 10), 0, "%s", f.tmp_path);
	cr_assert_eq(stat(f.tmp_path, &st), 0);
	cr_assert_eq(st.st_size, 0);
	cr_assert_eq(st.st_mode & 07777, 0640);
	cr_assert_neq(access("a.h5", F_OK), 0);
	out = fopen(f.tmp_path, "w");
	fputs("data", out);
	fclose(out);
	cr_assert_eq(rc_outfile_commit(&f, &e), 0, "%s", e.msg);
	cr_assert_null(f.path);
	cr_assert_null(f.tmp_path);
	expect_content("a.h5", "data");
	cr_assert_eq(n_entries(), 1);
	rc_outfile_abandon(&f);
	expect_content("a.h5", "data");
	unlink("a.h5");
}

Test(outfile, abandon, .init = enter, .fini = leave)
{
	struct rc_outfile f = {0};

	rc_outfile_abandon(&f);
	cr_assert_eq(rc_outfile_put("a", "old", 3, &e), 0);
	cr_assert_eq(rc_outfile_open(&f, "a", &e), 0);
	cr_assert_eq(n_entries(), 2);
	rc_outfile_abandon(&f);
	rc_outfile_abandon(&f);
	cr_assert_eq(n_entries(), 1);
	expect_content("a", "old");
	unlink("a");
}

Test(outfile, put, .init = enter, .fini = leave)
{
	char path[128], name[256];

	cr_assert_eq(rc_outfile_put("a", "one", 3, &e), 0);
	cr_assert_eq(rc_outfile_put("a", "", 0, &e), 0, "replaces");
	expect_content("a", "");
	snprintf(path, sizeof path, "%s/a", dir);
	cr_assert_eq(rc_outfile_put(path, "two", 3, &e), 0, "absolute");
	expect_content("a", "two");
	unlink("a");
	memset(name, 'n', 255);
	name[255] = 0;
	cr_assert_eq(rc_outfile_put(name, "x", 1, &e), 0, "the longest name: %s", e.msg);
	expect_content(name, "x");
	unlink(name);
	cr_assert_eq(n_entries(), 0);
}

Test(outfile, many_at_once, .init = enter, .fini = leave)
{
	struct rc_outfile f[20];
	char left[64];
	int i;

	/* A killed run left a file under the name that comes next: neither used nor removed. */
	cr_assert_eq(rc_outfile_open(&f[0], "same", &e), 0);
	snprintf(left, sizeof left, ".same.tmp-%ld-1", (long)getpid());
	cr_assert_eq(rc_outfile_put(left, "left", 4, &e), 0);
	for (i = 1; i < 20; i++)
		cr_assert_eq(rc_outfile_open(&f[i], "same", &e), 0, "%s", e.msg);
	cr_assert_eq(n_entries(), 21);
	for (i = 0; i < 20; i++)
		rc_outfile_abandon(&f[i]);
	expect_content(left, "left");
	unlink(left);
}

Test(outfile, bad_targets, .init = enter, .fini = leave)
{
	struct rc_outfile f;

	cr_assert_eq(rc_outfile_open(&f, "", &e), RC_E_OUTPUT);
	cr_assert_eq(rc_outfile_open(&f, "a/", &e), RC_E_OUTPUT);
	cr_assert_eq(rc_outfile_open(&f, ".", &e), RC_E_OUTPUT);
	cr_assert_eq(rc_outfile_open(&f, "/dev/null", &e), RC_E_OUTPUT);
	cr_assert_str_eq(e.msg, "output '/dev/null' exists and is not a regular file; "
				"choose another name");
	cr_assert_eq(access("/dev/null", W_OK), 0);
	cr_assert_eq(rc_outfile_open(&f, "none/a", &e), RC_E_OUTPUT);
	cr_assert_str_eq(e.msg, "cannot create 'none/a': No such file or directory; "
				"check the directory part of the path");
	cr_assert_null(f.path);
	cr_assert_eq(rc_outfile_put("none/a", "x", 1, NULL), RC_E_OUTPUT);
	cr_assert_eq(mkdir("d", 0777), 0);
	cr_assert_eq(rc_outfile_open(&f, "d", &e), RC_E_OUTPUT);
	rmdir("d");
}

Test(outfile, directory_vanishes, .init = enter, .fini = leave)
{
	struct rc_outfile f;

	cr_assert_eq(mkdir("d", 0777), 0);
	cr_assert_eq(rc_outfile_open(&f, "d/a", &e), 0);
	cr_assert_eq(unlink(f.tmp_path), 0);
	cr_assert_eq(rmdir("d"), 0);
	cr_assert_eq(rc_outfile_commit(&f, &e), RC_E_OUTPUT);
	cr_assert_not_null(strstr(e.msg, "'d/a'"), "%s", e.msg);
	cr_assert_null(f.tmp_path);
}

Test(outfile, target_becomes_a_directory, .init = enter, .fini = leave)
{
	struct rc_outfile f;

	cr_assert_eq(rc_outfile_open(&f, "a", &e), 0);
	cr_assert_eq(mkdir("a", 0777), 0);
	cr_assert_eq(rc_outfile_commit(&f, &e), RC_E_OUTPUT);
	cr_assert_eq(n_entries(), 1, "the temporary file is gone");
	rmdir("a");
}

Test(outfile, write_failure, .init = enter, .fini = leave)
{
	struct rlimit small = {.rlim_cur = 1000, .rlim_max = RLIM_INFINITY};
	char block[4096] = "";

	cr_assert_eq(rc_outfile_put("a", "old", 3, &e), 0);
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	cr_assert_eq(rc_outfile_put("a", block, sizeof block, &e), RC_E_OUTPUT);
	cr_assert_str_eq(e.msg, "cannot write 'a': File too large; raise the limit of file sizes "
				"(ulimit -f), or choose an output directory whose file system has "
				"large files");
	expect_content("a", "old");
	cr_assert_eq(n_entries(), 1);
	unlink("a");
}

/* Bytes that a thread of f has synced. */
static void write_some(struct rc_outfile *f, const char *text)
{
	int before = n_data_syncs;
	FILE *out = fopen(f->tmp_path, "a");

	fputs(text, out);
	fclose(out);
	rc_outfile_start_sync(f);
	for (int i = 0; i < 5000 && n_data_syncs == before; i++)
		usleep(1000);
	cr_assert_gt(n_data_syncs, before, "nothing was synced");
}

Test(outfile, early_syncs, .init = enter, .fini = leave)
{
	struct rc_outfile f;

	cr_assert_eq(rc_outfile_open(&f, "a", &e), 0, "%s", e.msg);
	for (int i = 0; i < 3; i++)
		write_some(&f, "data");
	cr_assert_eq(rc_outfile_commit(&f, &e), 0, "%s", e.msg);
	expect_content("a", "datadatadata");
	unlink("a");

	cr_assert_eq(rc_outfile_open(&f, "a", &e), 0, "%s", e.msg);
	write_some(&f, "data");
	rc_outfile_abandon(&f);
	cr_assert_eq(n_entries(), 0);
}

/* The last sync succeeds: the system has told of the loss already. */
Test(outfile, early_sync_fails, .init = enter, .fini = leave)
{
	struct rc_outfile f;

	cr_assert_eq(rc_outfile_open(&f, "a", &e), 0, "%s", e.msg);
	data_sync_errno = EIO;
	write_some(&f, "data");
	data_sync_errno = 0;
	write_some(&f, "data");
	cr_assert_eq(rc_outfile_commit(&f, &e), RC_E_OUTPUT);
	cr_assert_str_eq(e.msg, "cannot write 'a': Input/output error");
	cr_assert_eq(n_entries(), 0);
}

Test(outfile, mkdirs, .init = enter, .fini = leave)
{
	cr_assert_eq(rc_mkdirs("a/b/c", &e), 0, "%s", e.msg);
	cr_assert_eq(rc_mkdirs("a/b/c", &e), 0);
	cr_assert_eq(rc_mkdirs("a//b/./d///", &e), 0, "%s", e.msg);
	cr_assert_eq(rc_mkdirs("./e/", &e), 0);
	cr_assert_eq(rc_mkdirs("/", &e), 0);
	cr_assert_eq(rc_mkdirs(dir, &e), 0);
	cr_assert_eq(rc_mkdirs("", &e), RC_E_OUTPUT);
	cr_assert_eq(rc_outfile_put("a/f", "x", 1, &e), 0);
	cr_assert_eq(rc_mkdirs("a/f", &e), RC_E_OUTPUT);
	cr_assert_eq(rc_mkdirs("a/f/g", &e), RC_E_OUTPUT);
	cr_assert_str_eq(e.msg, "cannot make directory 'a/f/g': 'a/f' exists and is not a "
				"directory; choose another output directory");
	cr_assert_eq(rmdir("a/b/c") | rmdir("a/b/d") | rmdir("a/b") | unlink("a/f") | rmdir("a") |
			     rmdir("e"),
		     0);
}
