/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"
#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

/* What an empty buf points to; never written, so threads may share it. */
static char nothing[1];

void rc_buf_init(struct rc_buf *b)
{
	*b = (struct rc_buf){.p = nothing};
}

void rc_buf_release(struct rc_buf *b)
{
	if (b->cap)
		free(b->p);
	rc_buf_init(b);
}

void rc_buf_clear(struct rc_buf *b)
{
	b->len = 0;
	if (b->cap)
		b->p[0] = 0;
}

/* Room for n bytes more and the NUL. */
static bool make_room(struct rc_buf *b, size_t n)
{
	size_t need, cap = b->cap < 64 ? 64 : b->cap;
	char *p;

	if (b->failed)
		return false;
	if (n > PTRDIFF_MAX - b->len - 1) {
		b->failed = true;
		return false;
	}
	need = b->len + n + 1;
	if (need <= b->cap)
		return true;
	while (cap < need)
		cap = cap > PTRDIFF_MAX / 2 ? PTRDIFF_MAX : cap * 2;
	p = realloc(b->cap ? b->p : NULL, cap);
	if (!p) {
		b->failed = true;
		return false;
	}
	p[b->len] = 0;
	b->p = p;
	b->cap = cap;
	return true;
}

void rc_buf_add(struct rc_buf *b, const void *bytes, size_t n)
{
	if (!n || !make_room(b, n))
		return;
	memcpy(b->p + b->len, bytes, n);
	b->len += n;
	b->p[b->len] = 0;
}

void rc_buf_puts(struct rc_buf *b, const char *s)
{
	rc_buf_add(b, s, strlen(s));
}

void rc_buf_printf(struct rc_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		b->failed = true;
	if (n <= 0 || !make_room(b, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(b->p + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

int rc_buf_check(const struct rc_buf *b, struct rc_err *err)
{
	return b->failed ? rc_fail_nomem(err, b->len + 1) : 0;
}

static int read_all(struct rc_buf *b, int fd, const char *path, size_t max, struct rc_err *err)
{
	size_t total = 0;
	ssize_t n;

	do {
		/* One byte over the limit is how too much is seen. */
		size_t ask = max - total < 65536 ? max - total + 1 : 65536;

		if (!make_room(b, ask))
			return rc_buf_check(b, err);
		do
			n = read(fd, b->p + b->len, ask);
		while (n < 0 && errno == EINTR);
		if (n < 0) {
			b->p[b->len] = 0;
			return rc_fail_errno(err, RC_E_INPUT, "read_failed", errno,
					     "cannot read '%s'", path);
		}
		total += (size_t)n;
		b->len += (size_t)n;
		b->p[b->len] = 0;
		if (total > max)
			return rc_fail(err, RC_E_INPUT, "too_large",
				       "'%s' is larger than the %zu bytes allowed for it", path,
				       max);
	} while (n > 0);
	return 0;
}

int rc_buf_read_file(struct rc_buf *b, const char *path, size_t max, struct rc_err *err)
{
	bool is_stdin = !strcmp(path, "-");
	size_t start = b->len;
	int rc, fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return rc_fail_errno(err, RC_E_INPUT, "open_failed", errno, "cannot open '%s'",
				     path);
	rc = read_all(b, fd, is_stdin ? "standard input" : path, max, err);
	if (rc && b->cap) {
		b->len = start;
		b->p[start] = 0;
	}
	if (!is_stdin)
		close(fd);
	return rc;
}

/* The first n bytes of s. */
void rc_buf_add_clean(struct rc_buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i], next = (unsigned char)s[i + 1];
		/* C0, DEL, and C1 as UTF-8 */
		bool c1 = c == 0xc2 && next >= 0x80 && next < 0xa0;

		rc_buf_add(b, c < 0x20 || c == 0x7f || c1 ? "?" : s + i, 1);
		i += c1;
	}
}

void rc_buf_put_clean(struct rc_buf *b, const char *s)
{
	rc_buf_add_clean(b, s, strlen(s));
}
