/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder for a test, small files of demonstrations in it, and a reader that scans them; shared
 * by test_reader.c and test_reader_faults.c.  Use
 *
 *	TestSuite(name, .init = make_dir, .fini = remove_dir)
 */
#ifndef READER_MADE_H
#define READER_MADE_H

#include <criterion/criterion.h>
#include <hdf5.h>
#include <unistd.h>

#include "formats/reader_private.h"

enum { ROWS = 40, COLS = 6 };

static char dir[] = "/tmp/test-reader-XXXXXX";
static struct rc_err err;

static inline void make_dir(void)
{
	cr_assert(mkdtemp(dir));
}

static inline void remove_dir(void)
{
	char command[64];

	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	if (system(command))
		cr_log_warn("%s is left", dir);
}

static inline const char *in_dir(const char *name)
{
	static _Thread_local char path[128];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static inline int64_t value_at(uint64_t row, uint64_t col)
{
	return (int64_t)(row * 100 + col);
}

/* Chunks of 4 rows; the rows from `written` on do not exist. */
static inline void put_dataset(hid_t group, const char *name, hid_t stored, hsize_t written,
			       bool filter)
{
	hsize_t dims[2] = { ROWS, COLS }, chunk[2] = { 4, COLS }, count[2] = { written, COLS };
	hsize_t start[2] = { 0, 0 };
	hid_t space = H5Screate_simple(2, dims, NULL), memory = H5Screate_simple(2, count, NULL);
	hid_t plist = H5Pcreate(H5P_DATASET_CREATE), set;
	int64_t v[ROWS * COLS];

	for (uint64_t i = 0; i < ROWS * COLS; i++)
		v[i] = value_at(i / COLS, i % COLS);
	H5Pset_chunk(plist, 2, chunk);
	if (filter)
		H5Pset_scaleoffset(plist, H5Z_SO_INT, 0);
	set = H5Dcreate2(group, name, stored, space, H5P_DEFAULT, plist, H5P_DEFAULT);
	cr_assert_geq(set, 0);
	H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
	if (written)
		H5Dwrite(set, H5T_NATIVE_INT64, memory, space, H5P_DEFAULT, v);
	H5Dclose(set);
	H5Pclose(plist);
	H5Sclose(space);
	H5Sclose(memory);
}

/* data/demo_<i>/obs/{a,holes,scaled} and actions. */
static inline void make_file(const char *path, int n_demos)
{
	hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), data, demo, obs;
	char name[32];

	data = H5Gcreate2(file, "data", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	for (int i = 0; i < n_demos; i++) {
		snprintf(name, sizeof name, "demo_%d", i);
		demo = H5Gcreate2(data, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
		obs = H5Gcreate2(demo, "obs", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
		put_dataset(demo, "actions", H5T_STD_I32LE, ROWS, false);
		put_dataset(obs, "a", H5T_STD_I64LE, ROWS, false);
		put_dataset(obs, "holes", H5T_STD_I64LE, 12, false);
		put_dataset(obs, "scaled", H5T_STD_I32LE, ROWS, true);
		H5Gclose(obs);
		H5Gclose(demo);
	}
	H5Gclose(data);
	H5Fclose(file);
}

static inline struct rc_readers *start(uint64_t shared_bytes, int64_t timeout_ns)
{
	struct rc_reader_limits limits = {
		.memory_bytes = UINT64_C(512) << 20,
		.shared_bytes = shared_bytes,
		.timeout_ns = timeout_ns,
	};
	struct rc_readers *p = NULL;

	cr_assert_eq(rc_readers_start(&limits, &p, &err), 0, "%s", err.msg);
	return p;
}

static inline struct rc_reader *reader_of(struct rc_readers *p)
{
	struct rc_reader *r = NULL;

	cr_assert_eq(rc_reader_new(p, &r, &err), 0, "%s", err.msg);
	return r;
}

static inline struct rc_index *scan(struct rc_reader *r, const char *path)
{
	struct rc_index *ix = NULL;

	cr_assert_eq(rc_reader_scan(r, path, NULL, &ix, &err), 0, "%s", err.msg);
	return ix;
}

static inline uint32_t dataset_at(const struct rc_index *ix, const char *path)
{
	for (uint32_t i = 0; i < ix->n_datasets; i++)
		if (!strcmp(rc_index_str(ix, ix->datasets[i].path), path))
			return i;
	cr_assert_fail("no dataset '%s'", path);
	return 0;
}

static inline void expect_scan(struct rc_reader *r, const char *path, int code, const char *reason)
{
	struct rc_index *ix = NULL;

	cr_expect_eq(rc_reader_scan(r, path, NULL, &ix, &err), code, "%s: %s", path, err.msg);
	cr_expect_str_eq(err.reason, reason, "%s: %s", path, err.msg);
	cr_expect_null(ix);
}

#endif
