/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/json_scan.h"

/* PIPE_BUF on Linux: up to here a write into a pipe is not torn either. */
enum { LINE_LEN = 4096 };

static int level = RC_LOG_INFO;
static void (*before_line)(void);

static const char *const level_words[] = {
	[RC_LOG_ERROR] = "error: ",
	[RC_LOG_WARN] = "warning: ",
	[RC_LOG_INFO] = "",
	[RC_LOG_DEBUG] = "debug: ",
};

void rc_log_set_level(int new_level)
{
	level = new_level;
}

int rc_log_level(void)
{
	return level;
}

void rc_log_set_before(void (*before)(void))
{
	before_line = before;
}

static void write_line(const char *line, size_t n)
{
	while (n > 0) {
		ssize_t done = write(STDERR_FILENO, line, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return; /* nowhere left to complain */
		line += done;
		n -= (size_t)done;
	}
}

/* Puts "..." at the end of what did not fit; the last byte is for the newline. */
static size_t end_line(char *line, size_t len)
{
	const unsigned char *p = (const unsigned char *)line;

	if (len > LINE_LEN - 1) {
		len = LINE_LEN - 1;
		memcpy(line + len - 3, "...", 3);
	}
	/* terminals take the bytes 0x80 to 0x9f for controls too, alone or as UTF-8 */
	for (size_t i = 0, n; i < len; i += n) {
		size_t whole = json_utf8_len(p + i, len - i);

		n = whole ? whole : 1;
		if ((p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f ||
		    (whole == 2 && p[i] == 0xc2 && p[i + 1] < 0xa0) ||
		    (!whole && p[i] < 0xa0))
			memset(line + i, '?', n);
	}
	line[len] = '\n';
	return len + 1;
}

void rc_log(enum rc_log_level at, const char *fmt, ...)
{
	char line[LINE_LEN];
	int saved = errno, head, text;
	va_list ap;

	if ((int)at > level)
		return;
	head = snprintf(line, sizeof line, "robocache: %s", level_words[at]);
	va_start(ap, fmt);
	errno = saved;
	text = vsnprintf(line + head, sizeof line - (size_t)head, fmt, ap);
	va_end(ap);
	if (text >= 0) {
		if (before_line)
			before_line();
		write_line(line, end_line(line, (size_t)head + (size_t)text));
	}
	errno = saved;
}
