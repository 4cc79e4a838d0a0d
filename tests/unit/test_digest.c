/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include <unistd.h>

#include "base/compat.h"
#include "base/digest.h"

static void expect_hex(struct rc_digest d, const char *hex)
{
	char got[RC_DIGEST_HEX];

	rc_digest_hex(d, got);
	cr_assert_str_eq(got, hex);
}

/* Expected values: Python's xxhash 4.1.0, which brings its own copy of the algorithm. */
Test(digest, known_values)
{
	expect_hex(rc_digest_of("", 0), "99aa06d3014798d86001c324468d497f");
	expect_hex(rc_digest_of(NULL, 0), "99aa06d3014798d86001c324468d497f");
	expect_hex(rc_digest_of("a", 1), "a96faf705af16834e6c632b61e964e1f");
	expect_hex(rc_digest_of("robocache", 9), "ab6fd4fbe90a274c27803dada272a7ce");
	cr_assert_eq(rc_hash64("", 0, 0), 0x2d06800538d394c2);
	cr_assert_eq(rc_hash64("demo_0", 6, 7), 0x4cdf4cd75d207203);
}

Test(digest, leading_zeros_stay)
{
	expect_hex((struct rc_digest){.hi = 1, .lo = 0xabc}, "00000000000000010000000000000abc");
}

Test(digest, pieces_equal_whole)
{
	static char bytes[100000];
	struct rc_hasher *h = NULL;
	struct rc_digest whole, d;
	size_t i, step, n;

	for (i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * i >> 3);
	whole = rc_digest_of(bytes, sizeof bytes);
	cr_assert_eq(rc_hasher_new(&h, NULL), 0);
	for (step = 1; step < 70000; step = step * 7 + 1) {
		rc_hasher_reset(h);
		for (i = 0; i < sizeof bytes; i += n) {
			n = step < sizeof bytes - i ? step : sizeof bytes - i;
			rc_hasher_add(h, bytes + i, n);
			rc_hasher_add(h, NULL, 0);
		}
		d = rc_hasher_end(h);
		cr_assert(d.hi == whole.hi && d.lo == whole.lo, "step %zu", step);
		d = rc_hasher_end(h);
		cr_assert(d.hi == whole.hi && d.lo == whole.lo, "asked again");
	}
	rc_hasher_free(h);
	rc_hasher_free(NULL);
}

Test(digest, file)
{
	static char bytes[(1 << 20) + 17];
	char path[] = "/tmp/rc-digest-XXXXXX";
	struct rc_digest d = {0, 0}, whole;
	struct rc_err e = {0};
	uint64_t n = 99;
	size_t i;
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	cr_assert_eq(rc_digest_file(path, NULL, &d, &n, &e), 0);
	cr_assert_eq(n, 0);
	expect_hex(d, "99aa06d3014798d86001c324468d497f");
	for (i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 31 >> 2);
	cr_assert_eq(write(fd, bytes, sizeof bytes), (ssize_t)sizeof bytes);
	close(fd);
	cr_assert_eq(rc_digest_file(path, NULL, &d, &n, &e), 0);
	whole = rc_digest_of(bytes, sizeof bytes);
	cr_assert_eq(n, sizeof bytes);
	cr_assert(d.hi == whole.hi && d.lo == whole.lo);
	unlink(path);
	cr_assert_eq(rc_digest_file(path, NULL, &d, &n, &e), RC_E_INPUT);
	cr_assert_not_null(strstr(e.msg, path));
	cr_assert_eq(n, sizeof bytes, "untouched");
	cr_assert_eq(rc_digest_file("/", NULL, &d, &n, &e), RC_E_INPUT);
}
