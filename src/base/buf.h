/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growable byte string.  An initialised buf is never without a terminating NUL.  The first
 * failed allocation sticks: later calls do nothing, and rc_buf_check() tells it at the end.
 */
#ifndef RC_BUF_H
#define RC_BUF_H

#include <stdbool.h>

#include "base/err.h"

struct rc_buf {
	char *p;
	size_t len, cap;
	bool failed;
};

void rc_buf_init(struct rc_buf *b);
void rc_buf_release(struct rc_buf *b);
void rc_buf_clear(struct rc_buf *b);
void rc_buf_add(struct rc_buf *b, const void *bytes, size_t n);
void rc_buf_puts(struct rc_buf *b, const char *s);
void rc_buf_printf(struct rc_buf *b, const char *fmt, ...) RC_PRINTF(2, 3);
/* Text from a file, with what could steer a terminal replaced by '?'. */
void rc_buf_add_clean(struct rc_buf *b, const char *s, size_t n);
void rc_buf_put_clean(struct rc_buf *b, const char *s);
int rc_buf_check(const struct rc_buf *b, struct rc_err *err);
/* Appends a whole file or, for path "-", standard input; more than max bytes is an error, and on
 * an error *b is as before. */
int rc_buf_read_file(struct rc_buf *b, const char *path, size_t max, struct rc_err *err);

#endif
