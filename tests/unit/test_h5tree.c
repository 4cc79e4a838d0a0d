/* SPDX-License-Identifier: Apache-2.0 */
/* Storage kinds, files that are refused, and no crash on any file at hand. */
#include "base/compat.h"

#include <dirent.h>
#include <math.h>

#include "scan_file.h"

/* --- storage ---------------------------------------------------------------------------------- */

Test(storage, what_can_be_read)
{
	static const struct {
		const char *name;
		enum rc_dtype dtype;
		bool big;
		enum rc_storage storage;
	} expected[] = {
		{ "le_float16", RC_F16, false, RC_STORE_CONTIGUOUS },
		{ "le_float64", RC_F64, false, RC_STORE_CONTIGUOUS },
		{ "le_int8", RC_I8, false, RC_STORE_CONTIGUOUS },
		{ "le_uint64", RC_U64, false, RC_STORE_CONTIGUOUS },
		{ "le_bool", RC_BOOL, false, RC_STORE_CONTIGUOUS },
		{ "be_float16", RC_F16, true, RC_STORE_CONTIGUOUS },
		{ "be_float32", RC_F32, true, RC_STORE_CONTIGUOUS },
		{ "be_int16", RC_I16, true, RC_STORE_CONTIGUOUS },
		{ "be_uint64", RC_U64, true, RC_STORE_CONTIGUOUS },
		{ "color", RC_U16, false, RC_STORE_CONTIGUOUS },
		{ "compact", RC_F32, false, RC_STORE_READER },
		{ "scaleoffset", RC_I32, false, RC_STORE_READER },
		{ "bfloat16", RC_BF16, false, RC_STORE_CONTIGUOUS },
		{ "bits12", RC_I16, false, RC_STORE_READER },
	};
	struct rc_index *ix = scan("odd-storage.h5", NULL);

	for (size_t i = 0; i < RC_ARRAY_LEN(expected); i++) {
		const struct rc_dataset *d = data_of(ix, expected[i].name);
		cr_assert_eq(d->dtype, expected[i].dtype, "%s", expected[i].name);
		cr_assert_eq(d->big_endian, expected[i].big, "%s", expected[i].name);
		cr_assert_eq(d->storage, expected[i].storage, "%s", expected[i].name);
	}
	cr_assert_not_null(find(ix, 0, "second_name"));
	rc_index_free(ix);
}

Test(storage, what_cannot_says_why)
{
	static const char *const expected[][2] = {
		{ "compound", "/table/inner" },    { "variable_length", "/ragged" },
		{ "rank", "/rank9" },              { "never_written", "/never" },
		{ "never_written", "/huge" },      { "external", "/external" },
		{ "virtual", "/virtual" },         { "unknown_filter", "/twice" },
		{ "not_a_stream", "scalar" },      { "not_a_stream", "words" },
		{ "links_not_followed", "2 soft" }, { "external_links", "1 link" },
	};
	struct rc_index *ix = scan("odd-storage.h5", NULL);

	for (size_t i = 0; i < RC_ARRAY_LEN(expected); i++)
		cr_assert_not_null(note(ix, expected[i][0], expected[i][1]), "%s %s",
				   expected[i][0], expected[i][1]);
	rc_index_free(ix);
}

Test(storage, addresses_count_from_the_start_of_the_file)
{
	static const char *const names[] = { "good-user-block-512.h5", "good-user-block-4096.h5" };
	static const uint32_t blocks[] = { 512, 4096 };

	for (size_t i = 0; i < 2; i++) {
		struct rc_index *ix = scan(names[i], NULL);
		float v[2];
		int fd = open(ix->path, O_RDONLY);

		cr_assert_eq(ix->user_block, blocks[i]);
		cr_assert_eq(pread(fd, v, sizeof v, (off_t)data_of(ix, "actions")->address),
			     (ssize_t)sizeof v);
		cr_assert(v[0] == 1234.5f && v[1] == 1235.5f);
		close(fd);
		rc_index_free(ix);
	}
}

Test(storage, members_of_records)
{
	struct rc_index *ix = scan("odd-storage.h5", NULL);
	const struct rc_dataset *x = data_of(ix, "x"), *pair = data_of(ix, "pair");

	cr_assert_str_eq(str(ix, x->path), "/table/x");
	cr_assert_eq(x->storage, RC_STORE_READER);
	cr_assert_eq(x->dtype, RC_F32);
	cr_assert_eq(data_of(ix, "y")->dtype, RC_I32);
	cr_assert(pair->rank == 3 && pair->dims[0] == 12 && pair->dims[1] == 2 &&
		  pair->dims[2] == 3);
	rc_index_free(ix);
}

/* Values through each way of reading a few rows. */
Test(storage, rows)
{
	static const char *const names[] = { "/le_float32", "/be_float16", "/be_int16", "/compact",
					     "/scaleoffset", "/bfloat16", "/le_uint8" };
	struct rc_h5_tree *t = NULL;
	struct rc_err err = { 0 };
	char path[4096];
	struct stat st;
	double v[4];
	int fd;

	made("odd-storage.h5", path, sizeof path);
	fd = open(path, O_RDONLY);
	cr_assert_eq(fstat(fd, &st), 0);
	rc_h5_init();
	cr_assert_eq(rc_h5_tree_open(fd, (uint64_t)st.st_size, NULL, &t, &err), 0, "%s", err.msg);
	for (size_t i = 0; i < RC_ARRAY_LEN(names); i++) {
		const struct rc_h5_node *n = rc_h5_find(t, NULL, names[i]);
		cr_assert_not_null(n, "%s", names[i]);
		cr_assert_eq(rc_h5_rows_double(t, n, 3, 2, v, 4, &err), 0, "%s", err.msg);
		for (int k = 0; k < 4; k++)
			cr_assert_eq(v[k], 6.0 + k, "%s[%d] is %g", names[i], k, v[k]);
		cr_assert_neq(rc_h5_rows_double(t, n, 11, 2, v, 4, NULL), 0);
	}
	rc_h5_tree_close(t);
	close(fd);
}

Test(storage, rows_of_chunks)
{
	struct rc_h5_tree *t = NULL;
	struct rc_err err = { 0 };
	char path[4096];
	struct stat st;
	double v[40 * 3], stamp[90];
	int fd;

	made("good-filtered-clock.h5", path, sizeof path);
	fd = open(path, O_RDONLY);
	cr_assert_eq(fstat(fd, &st), 0);
	rc_h5_init();
	cr_assert_eq(rc_h5_tree_open(fd, (uint64_t)st.st_size, NULL, &t, &err), 0, "%s", err.msg);
	/* chunks of 16 x 2 in 90 x 3: rows that begin and end inside chunks, a cut last column */
	cr_assert_eq(rc_h5_rows_double(t, rc_h5_find(t, NULL, "imu/accel"), 13, 40, v, 120, &err),
		     0, "%s", err.msg);
	for (int i = 0; i < 120; i++)
		cr_assert_eq(v[i], 39.0 + i, "%d: %g", i, v[i]);
	cr_assert_eq(rc_h5_rows_double(t, rc_h5_find(t, NULL, "imu/ts"), 0, 90, stamp, 90, &err),
		     0, "%s", err.msg);
	for (int i = 0; i < 90; i++)
		cr_assert_eq(stamp[i], 123456.0 + 5000 * i);
	rc_h5_tree_close(t);
	close(fd);
}

Test(storage, native_types_are_what_they_say)
{
	static const unsigned short halves[] = { 0x3c00, 0xc000, 0x7bff, 0x0001 };
	double v[4] = { 0 };
	hid_t half, native;

	rc_h5_init();
	for (int t = 0; t < RC_DTYPE_COUNT; t++) {
		native = rc_h5_type((enum rc_dtype)t);
		cr_assert_eq(H5Tget_size(native), rc_dtype_size((enum rc_dtype)t), "%d", t);
		H5Tclose(native);
	}
	half = rc_h5_type(RC_F16);
	memcpy(v, halves, sizeof halves);
	cr_assert(H5Tconvert(half, H5T_NATIVE_DOUBLE, 4, v, NULL, H5P_DEFAULT) >= 0);
	cr_assert(v[0] == 1 && v[1] == -2 && v[2] == 65504 && v[3] == ldexp(1, -24));
	H5Tclose(half);
}

/* --- refusals --------------------------------------------------------------------------------- */

Test(refused, with_the_reason)
{
	refused("bad-no-demos.h5", NULL, RC_E_FORMAT, "unknown_layout", "'data' (group)");
	refused("bad-single-array.h5", NULL, RC_E_FORMAT, "unknown_layout", "--layout-in generic");
	refused("bad-compound-only.h5", NULL, RC_E_FORMAT, "unknown_layout", "records (t, x)");
	refused("bad-nothing.h5", NULL, RC_E_FORMAT, "unknown_layout", "nothing");
	refused("odd-time-last.h5", NULL, RC_E_FORMAT, "unknown_layout", "transposed");
	refused("bad-truncated.h5", NULL, RC_E_INPUT, "truncated", "shorter");
	refused("bad-empty.h5", NULL, RC_E_FORMAT, "not_hdf5", "empty");
	refused("bad-text.h5", NULL, RC_E_FORMAT, "not_hdf5", "no signature");
	refused("bad-lfs.h5", NULL, RC_E_FORMAT, "not_hdf5", "git lfs pull");
	refused("bad-zstd.h5", NULL, RC_E_FORMAT, "not_hdf5", "zstd -d");
	refused("bad-head-only.h5", NULL, RC_E_FORMAT, "damaged", "libhdf5");
	refused("bad-left-open.h5", NULL, RC_E_INPUT, "open_for_write", "h5clear");
}

Test(refused, unless_asked_for)
{
	struct rc_index *ix = scan("bad-single-array.h5", "generic");

	is_layout(ix, "generic", 1);
	cr_assert_not_null(strstr(str(ix, ix->layout_reason), "asked for"));
	cr_assert_eq(need(ix, 0, "tracks")->n_rows, 100);
	rc_index_free(ix);
	refused("bad-single-array.h5", "robomimic", RC_E_FORMAT, "no_episodes", "'data'");
	refused("bad-single-array.h5", "genric", RC_E_USAGE, "unknown_layout",
		"did you mean 'generic'");
}

/* --- every layout, every file ----------------------------------------------------------------- */

static void in_child(const char *path, const char *wanted)
{
	struct rc_index *ix = NULL;
	struct rc_err err = { 0 };
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(60);
		int rc = scan_path(path, wanted, &ix, &err);
		_exit(rc == 0 || (*err.reason && *err.msg && err.code != RC_E_BUG &&
				  err.code != RC_E_READER) ? 0 : 1);
	}
	cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
	cr_assert_eq(status, 0, "'%s' as %s ends with status %#x", path,
		     wanted ? wanted : "probed", (unsigned)status);
}

static size_t all_in(const char *dir)
{
	struct dirent *e;
	size_t n = 0;
	DIR *d = opendir(dir);

	for (; d && (e = readdir(d));) {
		char path[8192];
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		in_child(path, NULL);
		for (size_t i = 0; i < rc_n_layouts; i++)
			in_child(path, rc_layouts[i]->name);
		n++;
	}
	if (d)
		closedir(d);
	return n;
}

Test(every_file, of_ours, .timeout = 300)
{
	char path[4096];

	made("", path, sizeof path);
	cr_assert_geq(all_in(path), 30);
}

Test(every_file, of_the_corpora, .timeout = 600)
{
	static const char *const names[] = { "filters", "hdfgroup", "jhdf", "pyfive", "pytables" };
	char folder[64], path[4096];

	for (size_t i = 0; i < RC_ARRAY_LEN(names); i++) {
		snprintf(folder, sizeof folder, "hdf5-corpus-%s", names[i]);
		recorded(folder, path, sizeof path);
		cr_assert_geq(all_in(path), 8);
	}
}

/* --- large groups ----------------------------------------------------------------------------- */

enum { N_MEMBERS = 2000, NAME_LEN = 3000 };

/* A group whose names take 6 MB, more than the cache of metadata has at first. */
static int file_of_long_names(char *path)
{
	char name[NAME_LEN + 1];
	int fd = mkstemp(path);
	hid_t file;

	rc_h5_init();
	cr_assert_geq(fd, 0);
	file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
	for (int i = 0; i < N_MEMBERS; i++) {
		snprintf(name, sizeof name, "%04d%0*d", i, NAME_LEN - 4, 0);
		cr_assert_geq(H5Gclose(H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT,
						  H5P_DEFAULT)), 0);
	}
	cr_assert_geq(H5Fclose(file), 0);
	return fd;
}

/* What this process has read until now. */
static unsigned long long bytes_read(void)
{
	FILE *f = fopen("/proc/self/io", "re");
	unsigned long long n = 0;

	if (!f || fscanf(f, "rchar: %llu", &n) != 1)
		cr_skip_test("no /proc/self/io here");
	fclose(f);
	return n;
}

/* Reading the names again for each member would take 12 GB. */
Test(large_group, its_names_are_read_once)
{
	char path[] = "/tmp/robocache-names-XXXXXX";
	int rc, fd = file_of_long_names(path);
	unsigned long long before = bytes_read(), n;
	struct rc_h5_tree *t = NULL;
	struct rc_err err;
	struct stat st;

	cr_assert_eq(fstat(fd, &st), 0);
	rc = rc_h5_tree_open(fd, (uint64_t)st.st_size, NULL, &t, &err);
	unlink(path);
	cr_assert_eq(rc, 0, "%s", err.msg);
	n = bytes_read() - before;
	cr_expect_eq(t->root->n_children, N_MEMBERS);
	cr_expect_lt(n, 4 * (unsigned long long)st.st_size, "%llu bytes of %lld", n,
		     (long long)st.st_size);
	rc_h5_tree_close(t);
	close(fd);
}
