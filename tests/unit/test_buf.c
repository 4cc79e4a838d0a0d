/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "base/buf.h"

Test(buf, grows)
{
	struct rc_buf b;
	int i;

	rc_buf_init(&b);
	cr_assert_str_eq(b.p, "");
	rc_buf_clear(&b);
	for (i = 0; i < 1000; i++)
		rc_buf_printf(&b, "%03d,", i);
	rc_buf_puts(&b, "");
	cr_assert_eq(b.len, 4000);
	cr_assert_eq(b.p[4000], 0);
	cr_assert_eq(memcmp(b.p + 3996, "999,", 4), 0);
	cr_assert_eq(rc_buf_check(&b, NULL), 0);
	rc_buf_clear(&b);
	cr_assert_str_eq(b.p, "");
	rc_buf_add(&b, "a\0b", 3);
	cr_assert_eq(b.len, 3);
	rc_buf_release(&b);
	rc_buf_release(&b);
	cr_assert_str_eq(b.p, "");
}

Test(buf, failure_sticks)
{
	struct rc_err e = {0};
	struct rc_buf b;

	rc_buf_init(&b);
	rc_buf_puts(&b, "kept");
	rc_buf_add(&b, "x", PTRDIFF_MAX - 2);
	rc_buf_puts(&b, "more");
	rc_buf_printf(&b, "%d", 1);
	cr_assert_str_eq(b.p, "kept");
	cr_assert_eq(rc_buf_check(&b, &e), RC_E_NOMEM);
	rc_buf_release(&b);
	rc_buf_puts(&b, "new");
	cr_assert_eq(rc_buf_check(&b, &e), 0);
	rc_buf_release(&b);
}

static void write_file(const char *path, size_t n)
{
	FILE *f = fopen(path, "w");
	size_t i;

	cr_assert_not_null(f);
	for (i = 0; i < n; i++)
		fputc('a' + (int)(i % 26), f);
	cr_assert_eq(fclose(f), 0);
}

Test(buf, reads_files)
{
	static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 300000};
	char dir[] = "/tmp/rc-buf-XXXXXX", path[64];
	struct rc_err e = {0};
	struct rc_buf b;
	size_t i;

	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/file", dir);
	rc_buf_init(&b);
	for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		size_t n = sizes[i];

		write_file(path, n);
		rc_buf_clear(&b);
		rc_buf_puts(&b, ">");
		cr_assert_eq(rc_buf_read_file(&b, path, n, &e), 0, "%zu: %s", n, e.msg);
		cr_assert_eq(b.len, n + 1);
		cr_assert_eq(b.p[b.len], 0);
		cr_assert(n == 0 || b.p[n] == 'a' + (char)((n - 1) % 26));
		if (n == 0)
			continue;
		cr_assert_eq(rc_buf_read_file(&b, path, n - 1, &e), RC_E_INPUT);
		cr_assert_str_eq(e.reason, "too_large");
		cr_assert_eq(b.len, n + 1, "as before");
		cr_assert_eq(b.p[b.len], 0);
	}
	cr_assert_eq(rc_buf_read_file(&b, dir, 100, &e), RC_E_INPUT);
	cr_assert_not_null(strstr(e.msg, "Is a directory"), "%s", e.msg);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(rc_buf_read_file(&b, path, 100, &e), RC_E_INPUT);
	cr_assert_not_null(strstr(e.msg, path));
	cr_assert_not_null(strstr(e.msg, "No such file"));
	rc_buf_release(&b);
	rmdir(dir);
}

Test(buf, reads_standard_input)
{
	struct rc_buf b;
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(write(ends[1], "{}\n", 3), 3);
	close(ends[1]);
	cr_assert_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	rc_buf_init(&b);
	cr_assert_eq(rc_buf_read_file(&b, "-", SIZE_MAX, NULL), 0);
	cr_assert_str_eq(b.p, "{}\n");
	rc_buf_release(&b);
}
