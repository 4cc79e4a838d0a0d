/* SPDX-License-Identifier: Apache-2.0 */
/* From operands, directories and lists to files: order, labels, each once. */
#include "base/compat.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inputs.h"

/* Every test runs in a directory of its own, which is removed afterwards. */
static char home[] = "/tmp/rc-inputs-XXXXXX";

static void enter(void)
{
	cr_assert_neq(mkdtemp(home), NULL);
	cr_assert_eq(chdir(home), 0);
}

static void leave(void)
{
	char command[64];

	cr_assert_eq(chdir("/"), 0);
	snprintf(command, sizeof command, "rm -rf %s", home);
	cr_assert_eq(system(command), 0);
}

TestSuite(inputs, .init = enter, .fini = leave);

static void put(const char *path, const char *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);

	cr_assert_geq(fd, 0, "%s", path);
	cr_assert_eq(write(fd, bytes, n), (ssize_t)n);
	close(fd);
}

static void touch(const char *path)
{
	put(path, "x", 1);
}

#define OPERANDS(...)                             \
	.operands = (char *const[]){__VA_ARGS__}, \
	.n_operands = sizeof((char *const[]){__VA_ARGS__}) / sizeof(char *)

/* Collects and compares the labels with `want`, joined by '|'. */
static void labels_are(const struct rc_input_options *opt, const char *want)
{
	struct rc_inputs in;
	struct rc_err err = {0};
	struct stat st;
	char got[4096] = "";
	size_t n = 0;

	cr_assert_eq(rc_inputs_collect(opt, &in, &err), 0, "%s", err.msg);
	for (size_t i = 0; i < in.n; i++) {
		n += (size_t)snprintf(got + n, sizeof got - n, "%s%s", i ? "|" : "",
				      in.files[i].label);
		cr_expect_eq(stat(in.files[i].path, &st), 0, "'%s' cannot be opened",
			     in.files[i].path);
	}
	cr_expect_str_eq(got, want);
	rc_inputs_release(&in);
	rc_inputs_release(&in);
}

static void refused(const struct rc_input_options *opt, const char *words)
{
	struct rc_inputs in = {0};
	struct rc_err err = {0};

	cr_assert_eq(rc_inputs_collect(opt, &in, &err), RC_E_USAGE, "code %d: %s", err.code,
		     err.msg);
	cr_expect_neq(strstr(err.msg, words), NULL, "'%s' is not in: %s", words, err.msg);
	cr_expect_eq(in.files, NULL);
}

Test(inputs, natural_order_below_a_directory)
{
	mkdir("raw", 0777);
	mkdir("raw/day10", 0777);
	mkdir("raw/day2", 0777);
	touch("raw/ep_10.h5");
	touch("raw/ep_9.hdf5");
	touch("raw/ep_1.H5");
	touch("raw/day10/a.h5");
	touch("raw/day2/b.HDF5");
	touch("raw/notes.txt");
	touch("raw/ep_3.h5.bak");
	touch("raw/h5");
	touch("raw/.hidden.h5");
	mkdir("raw/.cache", 0777);
	touch("raw/.cache/c.h5");
	labels_are(&(struct rc_input_options){OPERANDS((char *)"raw")},
		   "raw/day2/b.HDF5|raw/day10/a.h5|raw/ep_1.H5|raw/ep_9.hdf5|raw/ep_10.h5");
}

Test(inputs, labels_do_not_depend_on_how_a_directory_is_named)
{
	char absolute[64], up[64];

	mkdir("raw", 0777);
	mkdir("raw/sub", 0777);
	touch("raw/sub/a.h5");
	snprintf(absolute, sizeof absolute, "%s/raw", home);
	snprintf(up, sizeof up, "../%s/raw", home + strlen("/tmp/"));
	const char *names[] = {"raw",       "raw/",  "./raw",  "./raw/",
			       "././raw//", "raw//", absolute, up};
	for (size_t i = 0; i < RC_ARRAY_LEN(names); i++)
		labels_are(&(struct rc_input_options){OPERANDS((char *)names[i])}, "raw/sub/a.h5");
	labels_are(&(struct rc_input_options){OPERANDS((char *)".")}, "raw/sub/a.h5");
	labels_are(&(struct rc_input_options){OPERANDS((char *)"./")}, "raw/sub/a.h5");
	labels_are(&(struct rc_input_options){OPERANDS((char *)"raw/.")}, "sub/a.h5");
	cr_assert_eq(chdir("raw"), 0);
	labels_are(&(struct rc_input_options){OPERANDS((char *)"..")}, "raw/sub/a.h5");
	cr_assert_eq(chdir("sub"), 0);
	labels_are(&(struct rc_input_options){OPERANDS((char *)"../..")}, "raw/sub/a.h5");
}

Test(inputs, operands_keep_their_order_whatever_their_suffix)
{
	char absolute[64];

	mkdir("d", 0777);
	touch("z.bin");
	touch("a.h5");
	touch("d/x.h5");
	snprintf(absolute, sizeof absolute, "%s/d/x.h5", home);
	labels_are(&(struct rc_input_options){OPERANDS((char *)"z.bin", absolute, (char *)"a.h5")},
		   "z.bin|x.h5|a.h5");
}

Test(inputs, a_file_named_twice_is_read_once)
{
	char absolute[64];

	mkdir("raw", 0777);
	touch("raw/a.h5");
	touch("raw/b.h5");
	snprintf(absolute, sizeof absolute, "%s/raw/a.h5", home);
	cr_assert_eq(symlink("b.h5", "raw/c.h5"), 0);
	labels_are(&(struct rc_input_options){OPERANDS((char *)"raw/b.h5", (char *)"raw", absolute,
						       (char *)"./raw/b.h5")},
		   "b.h5|raw/a.h5");
}

Test(inputs, links)
{
	mkdir("raw", 0777);
	mkdir("else", 0777);
	touch("else/t.h5");
	cr_assert_eq(symlink("../else/t.h5", "raw/link.h5"), 0);
	cr_assert_eq(symlink("../else", "raw/dirlink"), 0);
	cr_assert_eq(symlink("../else", "raw/dirlink.h5"), 0);
	labels_are(&(struct rc_input_options){OPERANDS((char *)"raw")}, "raw/link.h5");
	labels_are(&(struct rc_input_options){OPERANDS((char *)"raw/dirlink")}, "dirlink/t.h5");
}

/* Of a directory they are listed, so that the scan can say what is wrong. */
Test(inputs, links_to_nowhere)
{
	struct rc_inputs in;
	struct rc_err err = {0};

	mkdir("raw", 0777);
	cr_assert_eq(symlink("nowhere.h5", "raw/dangling.h5"), 0);
	cr_assert_eq(symlink("loop.h5", "raw/loop.h5"), 0);
	cr_assert_eq(rc_inputs_collect(&(struct rc_input_options){OPERANDS((char *)"raw")}, &in,
				       &err), 0);
	cr_assert_eq(in.n, 2);
	cr_assert_str_eq(in.files[0].label, "raw/dangling.h5");
	cr_assert_str_eq(in.files[1].label, "raw/loop.h5");
	rc_inputs_release(&in);
	refused(&(struct rc_input_options){OPERANDS((char *)"raw/dangling.h5")},
		"cannot open input 'raw/dangling.h5'");
}

Test(inputs, what_is_no_file_is_left_out_of_directories)
{
	mkdir("raw", 0777);
	mkdir("raw/dir.h5", 0777);
	touch("raw/dir.h5/in.h5");
	cr_assert_eq(mkfifo("raw/pipe.h5", 0666), 0);
	labels_are(&(struct rc_input_options){OPERANDS((char *)"raw")}, "raw/dir.h5/in.h5");
}

Test(inputs, odd_names)
{
	mkdir("raw", 0777);
	touch("raw/a b.h5");
	touch("raw/-x.h5");
	touch("raw/new\nline.h5");
	touch("raw/\xc3\xa9t\xc3\xa9.h5");
	touch("raw/\xff.h5");
	labels_are(&(struct rc_input_options){OPERANDS((char *)"raw")},
		   "raw/-x.h5|raw/a b.h5|raw/new\nline.h5|raw/\xc3\xa9t\xc3\xa9.h5|raw/\\xff.h5");
	/* labels that come to be paths too */
	mkdir("other", 0777);
	touch("other/\xff.h5");
	touch("other/\xfe.h5");
	labels_are(&(struct rc_input_options){OPERANDS((char *)"other/\xff.h5",
						       (char *)"other/\xfe.h5",
						       (char *)"raw/\xff.h5")},
		   "other/\\xff.h5|\\xfe.h5|raw/\\xff.h5");
	labels_are(&(struct rc_input_options){OPERANDS((char *)"raw/new\nline.h5")},
		   "new\nline.h5");
	cr_assert_eq(chdir("raw"), 0);
	labels_are(&(struct rc_input_options){OPERANDS((char *)"-x.h5")}, "-x.h5");
}

Test(inputs, the_output_directory_is_not_walked)
{
	mkdir("raw", 0777);
	mkdir("raw/out", 0777);
	touch("raw/a.h5");
	touch("raw/out/shard-00000.h5");
	labels_are(&(struct rc_input_options){OPERANDS((char *)"raw"), .exclude_dir = "./raw//out"},
		   "raw/a.h5");
	labels_are(&(struct rc_input_options){OPERANDS((char *)"raw"), .exclude_dir = "not/there"},
		   "raw/a.h5|raw/out/shard-00000.h5");
}

Test(inputs, nothing_to_read)
{
	mkdir("empty", 0777);
	mkdir("other", 0777);
	touch("other/a.txt");
	refused(&(struct rc_input_options){OPERANDS((char *)"empty")},
		"no *.h5, *.hdf5 or *.tar file in directory 'empty'");
	refused(&(struct rc_input_options){OPERANDS((char *)"other")}, "'other'");
	refused(&(struct rc_input_options){OPERANDS((char *)"nowhere")},
		"cannot open input 'nowhere'");
	refused(&(struct rc_input_options){OPERANDS((char *)"")}, "''");
	refused(&(struct rc_input_options){0}, "no input");
}

Test(inputs, too_deep_a_tree_ends)
{
	char path[1024] = "d";
	size_t n = 1;

	for (int i = 0; i < 70; i++) {
		cr_assert_eq(mkdir(path, 0777), 0);
		n += (size_t)snprintf(path + n, sizeof path - n, "/d");
	}
	refused(&(struct rc_input_options){OPERANDS((char *)"d")}, "levels deep");
}

/* --- lists ------------------------------------------------------------------------------------ */

#define LIST(bytes) put("list", bytes, sizeof(bytes) - 1)

Test(inputs, lists_of_lines)
{
	touch("a.h5");
	touch("b c.h5");
	mkdir("d", 0777);
	touch("d/x.h5");
	LIST("b c.h5\n\na.h5\nd");
	labels_are(&(struct rc_input_options){.files_from = "list"}, "b c.h5|a.h5|d/x.h5");
	LIST("b c.h5\r\na.h5\r\n\r\n");
	labels_are(&(struct rc_input_options){.files_from = "list"}, "b c.h5|a.h5");
	LIST("a.h5\n");
	labels_are(&(struct rc_input_options){OPERANDS((char *)"d"), .files_from = "list"},
		   "d/x.h5|a.h5");
}

Test(inputs, lists_with_nul)
{
	touch("new\nline.h5");
	touch("a.h5");
	touch("cr\r");
	LIST("new\nline.h5\0a.h5\0");
	labels_are(&(struct rc_input_options){.files_from = "list", .null_separated = true},
		   "new\nline.h5|a.h5");
	LIST("\0cr\r\0\0a.h5");
	labels_are(&(struct rc_input_options){.files_from = "list", .null_separated = true},
		   "cr\r|a.h5");
}

Test(inputs, bad_lists)
{
	refused(&(struct rc_input_options){.files_from = "nowhere"}, "nowhere");
	LIST("a.h5\n");
	refused(&(struct rc_input_options){.files_from = "list"}, "cannot open input 'a.h5'");
	refused(&(struct rc_input_options){.files_from = "list"}, "list 'list'");
	LIST("");
	refused(&(struct rc_input_options){.files_from = "list"}, "no input");
	LIST("\n\n");
	refused(&(struct rc_input_options){.files_from = "list"}, "no input");
}

Test(inputs, a_list_on_standard_input)
{
	int fd;

	touch("a.h5");
	LIST("a.h5\n");
	fd = open("list", O_RDONLY);
	cr_assert_geq(fd, 0);
	cr_assert_eq(dup2(fd, 0), 0);
	labels_are(&(struct rc_input_options){.files_from = "-"}, "a.h5");
	close(fd);
}

Test(inputs, many_files)
{
	char name[32];
	struct rc_inputs in;

	mkdir("raw", 0777);
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof name, "raw/ep_%d.h5", i * 7 % 500);
		touch(name);
	}
	cr_assert_eq(rc_inputs_collect(
			     &(struct rc_input_options){OPERANDS((char *)"raw", (char *)"raw")},
			     &in, NULL),
		     0);
	cr_assert_eq(in.n, 500);
	for (size_t i = 0; i < in.n; i++) {
		snprintf(name, sizeof name, "raw/ep_%zu.h5", i);
		cr_assert_str_eq(in.files[i].label, name);
	}
	rc_inputs_release(&in);
}
