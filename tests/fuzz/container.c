/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacking: zstd, tar, and tar in zstd, as it comes out of a pipe. */
#include "base/compat.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include "formats/container.h"
#include "tests/fuzz/fuzz.h"

enum { MOST = 64 << 20 }; /* of one member: what a bomb holds is bounded elsewhere */

static int take(void *arg, const struct rc_member *m, struct rc_err *err)
{
	static char buf[64 << 10];
	size_t n = 1, all = 0;
	int rc = 0;

	(void)arg;
	while (m->bytes && !rc && n && all < MOST) {
		rc = rc_bytes_read(m->bytes, buf, sizeof buf, &n, err);
		FUZZ_CHECK(rc || n <= sizeof buf);
		all += rc ? 0 : n;
	}
	FUZZ_CHECK(m->bytes || m->why);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct rc_unwrap u = {.member = take};
	struct rc_bytes *b = NULL;
	struct rc_err err;
	uint64_t counted = 0;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0 && write(fd, p, n) == (ssize_t)n && lseek(fd, 0, SEEK_SET) == 0);
	FUZZ_CHECK(rc_bytes_of_fd(fd, "fuzz", &counted, NULL, &b, &err) == 0);
	rc_unwrap(b, &u, &err);
	rc_bytes_close(b);
	close(fd);
	return 0;
}

static void put_octal(char *dst, int width, unsigned v)
{
	dst[--width] = '\0';
	while (width > 0) {
		dst[--width] = (char)('0' + v % 8);
		v /= 8;
	}
}

/* A tar of two members, 512 bytes each. */
static size_t make_tar(char *tar)
{
	static const char *const names[] = {"a.h5", "dir/b.hdf5"};
	size_t at = 0;

	memset(tar, 0, 6 * 512);
	for (int i = 0; i < 2; i++, at += 1024) {
		char *h = tar + at;
		unsigned sum = 0;

		snprintf(h, 100, "%s", names[i]);
		put_octal(h + 100, 8, 0644);
		put_octal(h + 124, 12, 512);
		put_octal(h + 136, 12, 0);
		memset(h + 148, ' ', 8);
		h[156] = '0';
		memcpy(h + 257, "ustar\0" "00", 8);
		for (int k = 0; k < 512; k++)
			sum += (unsigned char)h[k];
		put_octal(h + 148, 7, sum);
		memcpy(h + 512, "\x89HDF\r\n\x1a\n", 8);
	}
	return at + 1024;
}

void fuzz_seeds(void (*put)(const char *name, const void *p, size_t n))
{
	static char tar[6 * 512], packed[8192];
	size_t n = make_tar(tar), k;

	put("tar", tar, n);
	k = ZSTD_compress(packed, sizeof packed, tar, n, 3);
	put("tar-zst", packed, k);
	k = ZSTD_compress(packed, sizeof packed, tar + 512, 512, 3);
	put("h5-zst", packed, k);
	memcpy(packed + k, "\x50\x2a\x4d\x18\x04\0\0\0abcd", 12);
	memcpy(packed + k + 12, packed, k);
	put("two-frames", packed, 2 * k + 12);
	put("h5", tar + 512, 512);
}
