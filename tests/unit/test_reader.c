/* SPDX-License-Identifier: Apache-2.0 */
/* Reader processes: what they give back, and what happens when they die, hang or lie. */
#include "base/compat.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "formats/reader_private.h"

#ifdef __has_feature
#define HAS_FEATURE(f) __has_feature(f)
#else
#define HAS_FEATURE(f) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
enum { NO_MEMORY_LIMIT = 1 };
#else
enum { NO_MEMORY_LIMIT = 0 };
#endif

enum { ROWS = 40, COLS = 6 };

static char dir[] = "/tmp/test-reader-XXXXXX";
static struct rc_err err;

static void make_dir(void)
{
	cr_assert(mkdtemp(dir));
}

static void remove_dir(void)
{
	char command[64];

	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	if (system(command))
		cr_log_warn("%s is left", dir);
}

TestSuite(reader, .init = make_dir, .fini = remove_dir, .timeout = 120);

static const char *in_dir(const char *name)
{
	static _Thread_local char path[128];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static int64_t value_at(uint64_t row, uint64_t col)
{
	return (int64_t)(row * 100 + col);
}

/* Chunks of 4 rows; the rows from `written` on do not exist. */
static void put_dataset(hid_t group, const char *name, hid_t stored, hsize_t written, bool filter)
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
static void make_file(const char *path, int n_demos)
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

static struct rc_readers *start(uint64_t shared_bytes, int64_t timeout_ns)
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

static struct rc_reader *reader_of(struct rc_readers *p)
{
	struct rc_reader *r = NULL;

	cr_assert_eq(rc_reader_new(p, &r, &err), 0, "%s", err.msg);
	return r;
}

static struct rc_index *scan(struct rc_reader *r, const char *path)
{
	struct rc_index *ix = NULL;

	cr_assert_eq(rc_reader_scan(r, path, NULL, &ix, &err), 0, "%s", err.msg);
	return ix;
}

static uint32_t dataset_at(const struct rc_index *ix, const char *path)
{
	for (uint32_t i = 0; i < ix->n_datasets; i++)
		if (!strcmp(rc_index_str(ix, ix->datasets[i].path), path))
			return i;
	cr_assert_fail("no dataset '%s'", path);
	return 0;
}

static void expect_scan(struct rc_reader *r, const char *path, int code, const char *reason)
{
	struct rc_index *ix = NULL;

	cr_expect_eq(rc_reader_scan(r, path, NULL, &ix, &err), code, "%s: %s", path, err.msg);
	cr_expect_str_eq(err.reason, reason, "%s: %s", path, err.msg);
	cr_expect_null(ix);
}

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

/* --- readers that fail ---------------------------------------------------------------------- */

static void check_misbehaviour(const char *how, int64_t timeout_ns, const char *reason,
			       const char *word)
{
	struct rc_readers *p = start(0, timeout_ns);
	struct rc_reader *r = reader_of(p);
	struct rc_stored_chunk c;
	uint64_t id = 1;
	struct rc_index *ix;
	size_t n;

	make_file(in_dir("a.h5"), 2);
	ix = scan(r, in_dir("a.h5"));
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(rc_reader_misbehave(r, how, &err), RC_E_READER, "%s", err.msg);
		cr_assert_str_eq(err.reason, reason, "%s", err.msg);
		cr_assert(strstr(err.msg, word), "%s", err.msg);
		/* The next request gets a fresh process, which is given the file again. */
		cr_assert_eq(rc_reader_chunks(r, ix, dataset_at(ix, "/data/demo_1/obs/a"), &id, 1,
					      &c, &n, &err), 0, "%s", err.msg);
		cr_assert_eq(((const int64_t *)c.bytes)[1], value_at(4, 1));
	}
	rc_index_free(ix);
	rc_reader_free(r);
	rc_readers_stop(p);
}

Test(reader, crash)
{
	check_misbehaviour("crash", 0, "reader_crash", "SIGSEGV");
}

Test(reader, hang)
{
	check_misbehaviour("hang", 2000000000, "reader_timeout", "in time");
}

Test(reader, lie)
{
	check_misbehaviour("lie", 0, "reader_protocol", "makes no sense");
}

Test(reader, memory)
{
	if (NO_MEMORY_LIMIT) {
		remove_dir(); /* skipping leaves out .fini */
		cr_skip_test("a sanitizer needs all address space");
	}
	check_misbehaviour("memory", 0, "reader_memory", "512");
}

Test(reader, unknown_misbehaviour)
{
	struct rc_readers *p = start(0, 0);
	struct rc_reader *r = reader_of(p);

	cr_assert_eq(rc_reader_misbehave(r, "dance", &err), RC_E_READER);
	rc_reader_free(r);
	rc_readers_stop(p);
}

Test(reader, spawner_that_is_gone)
{
	struct rc_readers *p = start(0, 0);
	struct rc_reader *r = reader_of(p), *other = reader_of(p);

	make_file(in_dir("a.h5"), 1);
	rc_index_free(scan(r, in_dir("a.h5")));
	kill(p->spawner.pid, SIGKILL);
	expect_scan(other, in_dir("a.h5"), RC_E_HOST, "spawner_gone");
	/* Its readers go with it. */
	cr_assert_eq(rc_reader_misbehave(r, "hang", &err), RC_E_HOST, "%s", err.msg);
	expect_scan(r, in_dir("a.h5"), RC_E_HOST, "spawner_gone");
	rc_reader_free(r);
	rc_reader_free(other);
	rc_readers_stop(p);
}

/* A Ctrl-C reaches the whole process group; only the run reacts. */
Test(reader, signals_of_the_terminal_are_ignored)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct rc_readers *p = start(0, 0);
	struct rc_reader *r = reader_of(p);

	make_file(in_dir("a.h5"), 1);
	rc_index_free(scan(r, in_dir("a.h5"))); /* the spawner is past its setting up */
	for (size_t i = 0; i < RC_ARRAY_LEN(signals); i++)
		kill(p->spawner.pid, signals[i]);
	rc_reader_free(r);
	r = reader_of(p);
	rc_index_free(scan(r, in_dir("a.h5")));
	rc_reader_free(r);
	rc_readers_stop(p);
}

/* --- threads -------------------------------------------------------------------------------- */

struct worker {
	pthread_t thread;
	struct rc_readers *pool;
	int number, n_bad;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	struct rc_reader *r = NULL;
	struct rc_index *ix = NULL;
	char path[128];

	snprintf(path, sizeof path, "%s/t%d.h5", dir, w->number % 3);
	w->n_bad += rc_reader_new(w->pool, &r, NULL) != 0;
	for (int i = 0; i < 10 && !w->n_bad; i++) {
		struct rc_stored_chunk c;
		uint64_t id = (uint64_t)(w->number + i) % (ROWS / 4);
		size_t n;
		if (w->number % 2)
			w->n_bad += rc_reader_misbehave(r, "crash", NULL) != RC_E_READER;
		rc_index_free(ix);
		ix = NULL;
		w->n_bad += rc_reader_scan(r, path, NULL, &ix, NULL) != 0;
		if (w->n_bad)
			break;
		w->n_bad += ix->n_episodes != (uint32_t)(w->number % 3) + 1;
		for (uint32_t d = 0; d < ix->n_datasets; d++) {
			if (strcmp(rc_index_str(ix, ix->datasets[d].path), "/data/demo_0/obs/a"))
				continue;
			w->n_bad += rc_reader_chunks(r, ix, d, &id, 1, &c, &n, NULL) != 0 ||
				    ((const int64_t *)c.bytes)[2] != value_at(id * 4, 2);
		}
	}
	rc_index_free(ix);
	rc_reader_free(r);
	return NULL;
}

Test(reader, many_in_threads)
{
	struct rc_readers *p = start(0, 0);
	struct worker w[8];
	char name[32];

	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof name, "t%d.h5", i);
		make_file(in_dir(name), i + 1);
	}
	for (int i = 0; i < 8; i++) {
		w[i] = (struct worker){ .pool = p, .number = i };
		cr_assert_eq(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(w[i].thread, NULL);
		cr_expect_eq(w[i].n_bad, 0, "thread %d", i);
	}
	rc_readers_stop(p);
}
