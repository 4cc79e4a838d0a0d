/* SPDX-License-Identifier: Apache-2.0 */
/* Reader processes: what they give back. */
#include "base/compat.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reader_made.h"

TestSuite(reader, .init = make_dir, .fini = remove_dir, .timeout = 120);

/* --- scanning ------------------------------------------------------------------------------- */

Test(reader, scan_gives_the_index)
{
	struct rc_readers *p = start(0, 0);
	struct rc_reader *r = reader_of(p);
	struct rc_index *ix;
	struct stat st;

	make_file(in_dir("a.h5"), 3);
	ix = scan(r, in_dir("a.h5"));
	cr_assert_eq(ix->n_episodes, 3);
	cr_assert_eq(stat(in_dir("a.h5"), &st), 0);
	cr_assert_eq(ix->file_bytes, (uint64_t)st.st_size);
	cr_assert_eq(ix->mtime_ns,
		     (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec);
	cr_assert_str_eq(ix->path, in_dir("a.h5"));
	rc_index_free(ix);
	rc_reader_free(r);
	rc_reader_free(NULL);
	rc_readers_stop(p);
	rc_readers_stop(NULL);
	/* No process of ours is left behind. */
	cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1);
	cr_assert_eq(errno, ECHILD);
}

/* The index comes in parts when the shared block is smaller. */
Test(reader, index_larger_than_the_shared_block)
{
	struct rc_readers *p = start(4096, 0), *q = start(0, 0);
	struct rc_reader *r = reader_of(p), *s = reader_of(q);
	struct rc_index *a, *b;

	make_file(in_dir("a.h5"), 40);
	a = scan(r, in_dir("a.h5"));
	b = scan(s, in_dir("a.h5"));
	cr_assert_eq(a->n_episodes, 40);
	cr_assert_eq(a->n_string_bytes, b->n_string_bytes);
	cr_assert_eq(memcmp(a->strings, b->strings, a->n_string_bytes), 0);
	rc_index_free(a);
	rc_index_free(b);
	rc_reader_free(r);
	rc_reader_free(s);
	rc_readers_stop(p);
	rc_readers_stop(q);
}

static void put_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	cr_assert(f);
	fputs(text, f);
	fclose(f);
}

Test(reader, what_is_not_a_file_or_not_hdf5)
{
	struct rc_readers *p = start(0, 0);
	struct rc_reader *r = reader_of(p);
	char target[128];

	expect_scan(r, in_dir("none.h5"), RC_E_INPUT, "missing");
	expect_scan(r, dir, RC_E_INPUT, "not_a_file");
	cr_assert_eq(mkfifo(in_dir("pipe.h5"), 0600), 0);
	expect_scan(r, in_dir("pipe.h5"), RC_E_INPUT, "not_a_file");
	expect_scan(r, "/dev/zero", RC_E_INPUT, "not_a_file");
	put_text(in_dir("empty.h5"), "");
	expect_scan(r, in_dir("empty.h5"), RC_E_FORMAT, "not_hdf5");
	put_text(in_dir("text.h5"), "this is not what it says\n");
	expect_scan(r, in_dir("text.h5"), RC_E_FORMAT, "not_hdf5");
	cr_expect(strstr(err.msg, "text.h5"), "%s", err.msg);
	cr_assert_eq(symlink("loop.h5", in_dir("loop.h5")), 0);
	expect_scan(r, in_dir("loop.h5"), RC_E_INPUT, "unreadable");
	/* People link data sets into place. */
	make_file(in_dir("a.h5"), 1);
	snprintf(target, sizeof target, "%s/a.h5", dir);
	cr_assert_eq(symlink(target, in_dir("link.h5")), 0);
	rc_index_free(scan(r, in_dir("link.h5")));
	rc_reader_free(r);
	rc_readers_stop(p);
}

Test(reader, more_files_than_it_keeps_open)
{
	struct rc_readers *p = start(0, 0);
	struct rc_reader *r = reader_of(p);
	struct rc_index *ix[2 * RC_READER_SLOTS];
	struct rc_stored_chunk c;
	uint64_t id = 3;
	char name[32];
	size_t n;

	for (int i = 0; i < 2 * RC_READER_SLOTS; i++) {
		snprintf(name, sizeof name, "f%d.h5", i);
		make_file(in_dir(name), i + 1);
		ix[i] = scan(r, in_dir(name));
		cr_assert_eq(ix[i]->n_episodes, (uint32_t)i + 1);
	}
	for (int k = 0; k < 100; k++) {
		const struct rc_index *x = ix[k * 7 % (2 * RC_READER_SLOTS)];
		uint32_t d = dataset_at(x, "/data/demo_0/obs/a");
		cr_assert_eq(rc_reader_chunks(r, x, d, &id, 1, &c, &n, &err), 0, "%s", err.msg);
		cr_assert_eq(((const int64_t *)c.bytes)[0], value_at(12, 0));
	}
	for (int i = 0; i < 2 * RC_READER_SLOTS; i++)
		rc_index_free(ix[i]);
	rc_reader_free(r);
	rc_readers_stop(p);
}

/* --- chunks and rows ------------------------------------------------------------------------ */

/* A chunk has 4 x 6 x 8 = 192 bytes: `shared` decides how many come at a time. */
static void check_chunks(uint64_t shared, size_t n_want)
{
	struct rc_readers *p = start(shared, 0);
	struct rc_reader *r = reader_of(p);
	struct rc_stored_chunk c[ROWS / 4];
	uint64_t ids[ROWS / 4];
	struct rc_index *ix;
	uint32_t d;
	size_t n = 0;

	make_file(in_dir("a.h5"), 1);
	ix = scan(r, in_dir("a.h5"));
	d = dataset_at(ix, "/data/demo_0/obs/a");
	for (uint64_t i = 0; i < ROWS / 4; i++)
		ids[i] = ROWS / 4 - 1 - i;
	cr_assert_eq(rc_reader_chunks(r, ix, d, ids, ROWS / 4, c, &n, &err), 0, "%s", err.msg);
	cr_assert_eq(n, n_want);
	for (size_t i = 0; i < n; i++) {
		cr_assert_eq(c[i].n, 192);
		cr_assert_eq(c[i].mask, 0);
		for (uint64_t k = 0; k < 4 * COLS; k++)
			cr_assert_eq(((const int64_t *)c[i].bytes)[k],
				     value_at(ids[i] * 4 + k / COLS, k % COLS));
	}
	rc_index_free(ix);
	rc_reader_free(r);
	rc_readers_stop(p);
}

Test(reader, chunks_that_all_fit)
{
	check_chunks(0, ROWS / 4);
}

Test(reader, chunks_that_fit_in_part)
{
	check_chunks(4 * 192 + 100, 4);
}

/* The block grows until one chunk fits: twice 100 bytes. */
Test(reader, chunk_larger_than_the_shared_block)
{
	check_chunks(100, 1);
}

Test(reader, missing_chunks_and_bad_requests)
{
	struct rc_readers *p = start(0, 0);
	struct rc_reader *r = reader_of(p);
	struct rc_stored_chunk c[4];
	uint64_t ids[4] = { 0, 1, 2, 3 }, outside = ROWS / 4;
	struct rc_index *ix;
	uint32_t d, scaled;
	size_t n;

	make_file(in_dir("a.h5"), 1);
	ix = scan(r, in_dir("a.h5"));
	d = dataset_at(ix, "/data/demo_0/obs/holes");
	scaled = dataset_at(ix, "/data/demo_0/obs/scaled");
	cr_assert_eq(rc_reader_chunks(r, ix, d, ids, 3, c, &n, &err), 0, "%s", err.msg);
	cr_assert_eq(rc_reader_chunks(r, ix, d, ids, 4, c, &n, &err), RC_E_FORMAT);
	cr_assert_str_eq(err.reason, "missing_chunk");
	cr_assert(strstr(err.msg, "/data/demo_0/obs/holes"), "%s", err.msg);
	cr_assert_lt(rc_reader_chunks(r, ix, d, &outside, 1, c, &n, &err), 0);
	cr_assert_eq(rc_reader_chunks(r, ix, scaled, ids, 1, c, &n, &err), RC_E_BUG);
	cr_assert_eq(rc_reader_chunks(r, ix, d, ids, 0, c, &n, &err), RC_E_BUG);
	/* It still works. */
	cr_assert_eq(rc_reader_chunks(r, ix, d, ids, 3, c, &n, &err), 0, "%s", err.msg);
	rc_index_free(ix);
	rc_reader_free(r);
	rc_readers_stop(p);
}

static void check_rows(uint64_t shared)
{
	struct rc_readers *p = start(shared, 0);
	struct rc_reader *r = reader_of(p);
	struct rc_index *ix;
	int32_t v[ROWS * COLS];
	uint32_t d;

	make_file(in_dir("a.h5"), 1);
	ix = scan(r, in_dir("a.h5"));
	d = dataset_at(ix, "/data/demo_0/obs/scaled");
	cr_assert_eq(ix->datasets[d].storage, RC_STORE_READER);
	cr_assert_eq(rc_reader_rows(r, ix, d, 3, 30, v, 30 * COLS * 4, &err), 0, "%s", err.msg);
	for (uint64_t i = 0; i < 30 * COLS; i++)
		cr_assert_eq(v[i], value_at(3 + i / COLS, i % COLS));
	cr_assert_eq(rc_reader_rows(r, ix, d, ROWS, 0, v, 0, &err), 0);
	cr_assert_eq(rc_reader_rows(r, ix, d, 11, 30, v, 30 * COLS * 4, &err), RC_E_BUG);
	cr_assert_eq(rc_reader_rows(r, ix, d, 0, 30, v, 30 * COLS * 4 - 1, &err), RC_E_BUG);
	rc_index_free(ix);
	rc_reader_free(r);
	rc_readers_stop(p);
}

Test(reader, rows_at_once)
{
	check_rows(0);
}

Test(reader, rows_in_parts)
{
	check_rows(100); /* four rows a time */
}

Test(reader, row_larger_than_the_shared_block)
{
	check_rows(10);
}

Test(reader, file_that_changed_since_the_scan)
{
	struct rc_readers *p = start(0, 0);
	struct rc_reader *r = reader_of(p), *other = reader_of(p);
	const struct timespec then[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct rc_stored_chunk c;
	uint64_t id = 0;
	struct rc_index *ix;
	uint32_t d;
	size_t n;

	make_file(in_dir("a.h5"), 1);
	ix = scan(r, in_dir("a.h5"));
	d = dataset_at(ix, "/data/demo_0/obs/a");
	cr_assert_eq(rc_reader_chunks(r, ix, d, &id, 1, &c, &n, &err), 0, "%s", err.msg);
	cr_assert_eq(utimensat(AT_FDCWD, in_dir("a.h5"), then, 0), 0);
	for (int i = 0; i < 2; i++) {
		struct rc_reader *x = i ? other : r;
		cr_assert_eq(rc_reader_chunks(x, ix, d, &id, 1, &c, &n, &err), RC_E_INPUT);
		cr_assert_str_eq(err.reason, "input_changed");
	}
	rc_index_free(ix);
	/* A new scan takes the file as it is now. */
	ix = scan(r, in_dir("a.h5"));
	cr_assert_eq(rc_reader_chunks(r, ix, d, &id, 1, &c, &n, &err), 0, "%s", err.msg);
	rc_index_free(ix);
	rc_reader_free(r);
	rc_reader_free(other);
	rc_readers_stop(p);
}

/* libhdf5 must not answer from what it remembers of the file as it was, under either name. */
Test(reader, file_rewritten_in_place)
{
	struct rc_readers *p = start(0, 0);
	struct rc_reader *r = reader_of(p);

	make_file(in_dir("a.h5"), 1);
	cr_assert_eq(symlink("a.h5", in_dir("b.h5")), 0);
	for (int i = 1; i < 6; i++) {
		struct rc_index *a, *b;
		make_file(in_dir("a.h5"), i);
		a = scan(r, in_dir("a.h5"));
		b = scan(r, in_dir("b.h5"));
		cr_assert_eq(a->n_episodes, (uint32_t)i);
		cr_assert_eq(b->n_episodes, (uint32_t)i);
		rc_index_free(a);
		rc_index_free(b);
	}
	rc_reader_free(r);
	rc_readers_stop(p);
}
