/* SPDX-License-Identifier: Apache-2.0 */
/* Reader processes that die, hang or lie, and whose fault it is. */
#include "base/compat.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader_made.h"

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

TestSuite(reader_faults, .init = make_dir, .fini = remove_dir, .timeout = 120);

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

Test(reader_faults, crash)
{
	check_misbehaviour("crash", 0, "reader_crash", "SIGSEGV");
}

Test(reader_faults, hang)
{
	check_misbehaviour("hang", 2000000000, "reader_timeout", "in time");
}

Test(reader_faults, lie)
{
	check_misbehaviour("lie", 0, "reader_protocol", "makes no sense");
}

Test(reader_faults, memory)
{
	if (NO_MEMORY_LIMIT) {
		remove_dir(); /* skipping leaves out .fini */
		cr_skip_test("a sanitizer needs all address space");
	}
	check_misbehaviour("memory", 0, "reader_memory", "512");
}

/* What an input did to the process is not charged to the next one. */
Test(reader_faults, sick_of_another_file)
{
	struct rc_readers *p = start(0, 0);
	struct rc_reader *r = reader_of(p);
	struct rc_index *ix;

	make_file(in_dir("a.h5"), 2);
	make_file(in_dir("b.h5"), 3);
	rc_index_free(scan(r, in_dir("a.h5")));
	cr_assert_eq(rc_reader_misbehave(r, "sicken", &err), 0);
	ix = scan(r, in_dir("b.h5"));
	cr_assert_eq(ix->n_episodes, 3);
	rc_index_free(ix);
	/* alone it is charged */
	reader_end_process(r);
	cr_assert_eq(rc_reader_misbehave(r, "sicken", &err), 0);
	cr_assert_eq(rc_reader_scan(r, in_dir("b.h5"), NULL, &ix, &err), RC_E_READER);
	cr_assert_str_eq(err.reason, "reader_crash");
	rc_reader_free(r);
	rc_readers_stop(p);
}

/* Its root group is damaged. */
static void make_bad_file(const char *path)
{
	unsigned char junk[64];
	int fd;

	make_file(path, 2);
	memset(junk, 0xff, sizeof junk);
	fd = open(path, O_WRONLY);
	cr_assert_eq(pwrite(fd, junk, sizeof junk, 96), sizeof junk);
	close(fd);
}

Test(reader_faults, damage_ends_the_process)
{
	struct rc_readers *p = start(0, 0);
	struct rc_reader *r = reader_of(p);
	struct rc_index *ix;

	make_file(in_dir("a.h5"), 2);
	make_bad_file(in_dir("bad.h5"));
	rc_index_free(scan(r, in_dir("a.h5")));
	cr_assert_neq(r->sock, -1);
	cr_assert_eq(rc_reader_scan(r, in_dir("bad.h5"), NULL, &ix, &err), RC_E_FORMAT);
	cr_assert_eq(r->sock, -1);
	rc_index_free(scan(r, in_dir("a.h5")));
	rc_reader_free(r);
	rc_readers_stop(p);
}

Test(reader_faults, unknown_misbehaviour)
{
	struct rc_readers *p = start(0, 0);
	struct rc_reader *r = reader_of(p);

	cr_assert_eq(rc_reader_misbehave(r, "dance", &err), RC_E_READER);
	rc_reader_free(r);
	rc_readers_stop(p);
}

Test(reader_faults, spawner_that_is_gone)
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
Test(reader_faults, signals_of_the_terminal_are_ignored)
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

Test(reader_faults, many_in_threads)
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
