/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>

/* A file name may hold terminal escapes or newlines; a message is one harmless line. */
static void make_printable(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

static void mark_cut(char *msg, size_t cap, int len)
{
	if (len >= (int)cap && cap > 4)
		memcpy(msg + cap - 4, "...", 4);
}

/* The text is made aside, because an argument may be err->msg itself. */
static int fill(struct rc_err *err, int code, const char *reason, const char *msg)
{
	char tmp[RC_ERR_REASON_LEN];

	snprintf(tmp, sizeof tmp, "%s", reason ? reason : "");
	memcpy(err->reason, tmp, sizeof tmp);
	snprintf(err->msg, sizeof err->msg, "%s", msg);
	make_printable(err->msg);
	err->code = code;
	return code;
}

int rc_fail(struct rc_err *err, int code, const char *reason, const char *fmt, ...)
{
	char msg[RC_ERR_MSG_LEN];
	va_list ap;

	if (!err)
		return code;
	va_start(ap, fmt);
	mark_cut(msg, sizeof msg, vsnprintf(msg, sizeof msg, fmt, ap));
	va_end(ap);
	return fill(err, code, reason, msg);
}

int rc_fail_errno(struct rc_err *err, int code, const char *reason, int sys, const char *fmt, ...)
{
	char text[RC_ERR_MSG_LEN - 128], msg[RC_ERR_MSG_LEN];
	va_list ap;

	if (!err)
		return code;
	va_start(ap, fmt);
	mark_cut(text, sizeof text, vsnprintf(text, sizeof text, fmt, ap));
	va_end(ap);
	errno = sys; /* %m, unlike strerror(), is safe in threads */
	snprintf(msg, sizeof msg, "%s: %m", text);
	return fill(err, code, reason, msg);
}

int rc_err_while(struct rc_err *err, const char *fmt, ...)
{
	char where[RC_ERR_MSG_LEN / 2], msg[RC_ERR_MSG_LEN];
	va_list ap;

	if (!err)
		return RC_E_BUG;
	va_start(ap, fmt);
	mark_cut(where, sizeof where, vsnprintf(where, sizeof where, fmt, ap));
	va_end(ap);
	mark_cut(msg, sizeof msg, snprintf(msg, sizeof msg, "while %s: %s", where, err->msg));
	return fill(err, err->code, err->reason, msg);
}

int rc_fail_nomem(struct rc_err *err, size_t bytes)
{
	return rc_fail(err, RC_E_NOMEM, "out_of_memory",
		       "out of memory: %zu bytes could not be had; free some or ask for less",
		       bytes);
}
