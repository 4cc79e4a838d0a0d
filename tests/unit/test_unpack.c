/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacked files: where they lie, when they go and come back, who waits for whom. */
#include "base/compat.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "formats/pack.h"
#include "formats/unpack_private.h"

enum { KIB = 1024, BYTES = 200 * KIB };

static char home[] = "/tmp/rc-unpack-XXXXXX";

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

TestSuite(unpack, .init = enter, .fini = leave);

/* What the file `seed` holds at `at`: nothing that compresses well. */
static unsigned char value(int seed, size_t at)
{
	return (unsigned char)((at * 2654435761u >> 13) ^ (unsigned)seed * 37u);
}

static void make(const char *path, int seed, int size_known)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	unsigned char *p = malloc(BYTES), *z = malloc(ZSTD_compressBound(BYTES));
	size_t n;
	FILE *f = fopen(path, "w");

	for (size_t i = 0; i < BYTES; i++)
		p[i] = value(seed, i);
	ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, size_known);
	n = ZSTD_compress2(c, z, ZSTD_compressBound(BYTES), p, BYTES);
	ZSTD_freeCCtx(c);
	cr_assert_eq(fwrite(z, 1, n, f), n);
	cr_assert_eq(fclose(f), 0);
	free(p);
	free(z);
}

/* Room for so much in memory and in scratch. */
static struct rc_unpacked *open_store(uint64_t memory, uint64_t scratch)
{
	const struct rc_unpack_options opt = {.memory_bytes = memory, .scratch_dir = "."};
	struct rc_unpacked *u;

	cr_assert_eq(rc_unpacked_new(&opt, &u, NULL), 0);
	cr_assert(rc_unpacked_empty(u));
	u->scratch_known = true;
	u->space[IN_SCRATCH].most = scratch;
	return u;
}

static void add(struct rc_unpacked *u, int i)
{
	char path[16];

	snprintf(path, sizeof path, "%d.h5.zst", i);
	make(path, i, 1);
	cr_assert_eq(rc_unpacked_add_file(u, path, NULL), 0);
}

static int hold(struct rc_unpacked *u, const char *path, struct rc_err *err)
{
	int rc;

	rc_unpacked_claim(u, path);
	rc = rc_unpacked_ready(u, path, false, err);
	if (rc)
		rc_unpacked_release(u, path);
	return rc;
}

static int open_one(struct rc_unpacked *u, const char *path)
{
	bool is = false;
	int fd = -1;

	cr_assert_eq(rc_unpacked_open(u, path, &fd, &is, NULL), 0);
	cr_assert(is);
	return fd;
}

static void holds_values(int fd, int seed)
{
	static unsigned char p[BYTES + 1];

	cr_assert_eq(pread(fd, p, sizeof p, 0), BYTES);
	for (size_t i = 0; i < BYTES; i++)
		cr_assert_eq(p[i], value(seed, i), "byte %zu", i);
}

static int64_t time_of(int fd)
{
	struct stat st;

	cr_assert_eq(fstat(fd, &st), 0);
	return st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

Test(unpack, in_memory_and_read_only)
{
	struct rc_unpacked *u = open_store(BYTES, 0);
	struct stat st;
	int fd;

	add(u, 1);
	cr_assert_eq(hold(u, "1.h5.zst", NULL), 0);
	fd = open_one(u, "1.h5.zst");
	holds_values(fd, 1);
	cr_assert_eq(u->space[IN_MEMORY].used, BYTES);
	cr_assert_eq(stat("1.h5.zst", &st), 0);
	cr_assert_eq(time_of(fd), st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec);
	cr_assert_lt(write(fd, "x", 1), 0, "inputs are never written to");
	close(fd);
	rc_unpacked_free(u);
}

Test(unpack, what_memory_does_not_hold_goes_to_scratch)
{
	struct rc_unpacked *u = open_store(BYTES - 1, BYTES);
	int fd;

	add(u, 1);
	cr_assert_eq(hold(u, "1.h5.zst", NULL), 0);
	fd = open_one(u, "1.h5.zst");
	holds_values(fd, 1);
	cr_assert_eq(u->space[IN_MEMORY].used, 0);
	cr_assert_eq(u->space[IN_SCRATCH].used, BYTES);
	cr_assert_eq(system("test \"$(ls -A)\" = 1.h5.zst"), 0, "scratch files have no names");
	close(fd);
	rc_unpacked_free(u);
}

/* Without its size a file begins in memory and moves when that ends. */
Test(unpack, moves_when_memory_ends)
{
	struct rc_unpacked *u = open_store(BYTES - 1, BYTES);
	int fd;

	add(u, 1);
	make("1.h5.zst", 1, 0);
	cr_assert_eq(hold(u, "1.h5.zst", NULL), 0);
	fd = open_one(u, "1.h5.zst");
	holds_values(fd, 1);
	cr_assert_eq(u->space[IN_MEMORY].used, 0);
	cr_assert_eq(u->space[IN_SCRATCH].used, BYTES);
	close(fd);
	rc_unpacked_free(u);
}

Test(unpack, goes_for_others_and_comes_back_the_same)
{
	struct rc_unpacked *u = open_store(2 * BYTES, 0);
	int64_t before;
	int old, fd;

	for (int i = 0; i < 3; i++)
		add(u, i);
	cr_assert_eq(hold(u, "0.h5.zst", NULL), 0);
	old = open_one(u, "0.h5.zst");
	before = time_of(old);
	rc_unpacked_release(u, "0.h5.zst");
	holds_values(old, 0); /* nobody needed the room yet */
	cr_assert_eq(hold(u, "1.h5.zst", NULL), 0);
	cr_assert_eq(hold(u, "2.h5.zst", NULL), 0);
	cr_assert_leq(u->space[IN_MEMORY].used, 2 * BYTES);
	cr_assert_eq(lseek(old, 0, SEEK_END), 0, "its memory is free whoever has it open");
	rc_unpacked_release(u, "1.h5.zst");
	cr_assert_eq(hold(u, "0.h5.zst", NULL), 0);
	fd = open_one(u, "0.h5.zst");
	holds_values(fd, 0);
	cr_assert_eq(time_of(fd), before);
	fd = open_one(u, "2.h5.zst");
	holds_values(fd, 2); /* it was held all the time */
	rc_unpacked_free(u);
}

Test(unpack, a_container_that_changed_has_another_time)
{
	struct rc_unpacked *u = open_store(BYTES, 0);
	int64_t before;

	add(u, 0);
	add(u, 1);
	cr_assert_eq(hold(u, "0.h5.zst", NULL), 0);
	before = time_of(open_one(u, "0.h5.zst"));
	rc_unpacked_release(u, "0.h5.zst");
	cr_assert_eq(hold(u, "1.h5.zst", NULL), 0);
	rc_unpacked_release(u, "1.h5.zst");
	cr_assert_eq(system("touch -d '2001-02-03 04:05:06' 0.h5.zst"), 0);
	cr_assert_eq(hold(u, "0.h5.zst", NULL), 0);
	cr_assert_neq(time_of(open_one(u, "0.h5.zst")), before);
	rc_unpacked_free(u);
}

Test(unpack, no_room_is_nobodys_fault_and_gives_all_back)
{
	struct rc_unpacked *u = open_store(BYTES / 2, BYTES / 2 + KIB);
	struct rc_err err = {0};

	add(u, 0);
	cr_assert_eq(hold(u, "0.h5.zst", &err), RC_E_HOST);
	cr_assert_str_eq(err.reason, "no_scratch");
	cr_assert(strstr(err.msg, "--scratch-dir"), "%s", err.msg);
	cr_assert_eq(u->space[IN_MEMORY].used, 0);
	cr_assert_eq(u->space[IN_SCRATCH].used, 0);
	cr_assert_eq(u->n_active, 0);
	rc_unpacked_free(u);
}

Test(unpack, room_is_asked_for_before_it_is_taken)
{
	struct rc_unpacked *u = open_store(BYTES, 2 * BYTES);

	for (int i = 0; i < 4; i++)
		add(u, i);
	for (int i = 0; i < 4; i++) { /* as a scan does, after which the sizes are known */
		char path[16];

		snprintf(path, sizeof path, "%d.h5.zst", i);
		cr_assert_eq(hold(u, path, NULL), 0);
		rc_unpacked_release(u, path);
	}
	cr_assert(rc_unpacked_has_room(u, "0.h5.zst"));
	rc_unpacked_claim(u, "0.h5.zst");
	cr_assert(rc_unpacked_has_room(u, "1.h5.zst"), "where two fit");
	rc_unpacked_claim(u, "1.h5.zst");
	cr_assert(rc_unpacked_has_room(u, "1.h5.zst"), "it is claimed already");
	cr_assert_not(rc_unpacked_has_room(u, "2.h5.zst"));
	cr_assert(rc_unpacked_has_room(u, "3.h5.zst"), "it is still there");
	cr_assert(rc_unpacked_has_room(u, "of-somebody.h5"));
	rc_unpacked_release(u, "0.h5.zst");
	rc_unpacked_release(u, "1.h5.zst");
	cr_assert(rc_unpacked_has_room(u, "2.h5.zst"), "nothing is claimed");
	rc_unpacked_free(u);
}

struct crowd {
	struct rc_unpacked *u;
	int seed;
};

static void *visit(void *arg)
{
	const struct crowd *c = arg;
	char path[16];

	for (int round = 0; round < 20; round++) {
		int i = (c->seed + round) % 5, fd;

		snprintf(path, sizeof path, "%d.h5.zst", i);
		rc_unpacked_claim(c->u, path);
		cr_assert_eq(rc_unpacked_ready(c->u, path, true, NULL), 0);
		fd = open_one(c->u, path);
		holds_values(fd, i);
		close(fd);
		rc_unpacked_release(c->u, path);
	}
	return NULL;
}

/* Five threads, room for one file and a half: whoever finds none waits, and all get theirs. */
Test(unpack, a_crowd_in_little_room, .timeout = 60)
{
	struct rc_unpacked *u = open_store(BYTES / 2, BYTES);
	struct crowd c[5];
	pthread_t t[5];

	for (int i = 0; i < 5; i++)
		add(u, i);
	for (int i = 0; i < 5; i++) {
		c[i] = (struct crowd){u, i};
		cr_assert_eq(pthread_create(&t[i], NULL, visit, &c[i]), 0);
	}
	for (int i = 0; i < 5; i++)
		pthread_join(t[i], NULL);
	cr_assert_eq(u->n_active, 0);
	cr_assert_eq(u->due, 0);
	rc_unpacked_free(u);
}

static int count_members(void *arg, const char *name, const char *member, struct rc_err *err)
{
	int *n = arg;

	(void)err;
	cr_assert_eq(strcmp(name + strlen(name) - strlen(member), member), 0);
	cr_assert_neq(access(name, F_OK), 0, "no file has the name");
	++*n;
	return 0;
}

static int keep_bytes(void *arg, const void *bytes, size_t n, struct rc_err *err)
{
	(void)err;
	return fwrite(bytes, 1, n, arg) == n ? 0 : RC_E_OUTPUT;
}

Test(unpack, members_stay_and_have_names_of_their_own)
{
	struct rc_unpacked *u = open_store(BYTES, 3 * BYTES);
	FILE *f = fopen("a.tar.zst", "w");
	struct rc_packer *p;
	int n = 0;

	if (!rc_has_tar())
		cr_skip_test("built without libarchive");
	cr_assert_eq(rc_packer_new(&(struct rc_pack_sink){keep_bytes, f}, true, &p, NULL), 0);
	add(u, 7);
	for (int i = 0; i < 3; i++) {
		char name[16];

		snprintf(name, sizeof name, "%d.h5", 9 + i);
		cr_assert_eq(rc_packer_add(p, name, "7.h5.zst", NULL), 0);
	}
	cr_assert_eq(rc_packer_end(p, NULL), 0);
	rc_packer_free(p);
	fclose(f);
	make("a.tar.zst:9.h5", 1, 1); /* somebody's, of all names */
	cr_assert_eq(rc_unpacked_add_all(u, "a.tar.zst", count_members, &n, NULL), 0);
	cr_assert_eq(n, 3);
	rc_unpacked_claim(u, "a.tar.zst:10.h5");
	rc_unpacked_release(u, "a.tar.zst:10.h5");
	cr_assert_eq(hold(u, "7.h5.zst", NULL), 0);
	holds_values(open_one(u, "a.tar.zst:10.h5"), 7);
	holds_values(open_one(u, "a.tar.zst:2:9.h5"), 7);
	rc_unpacked_free(u);
}
