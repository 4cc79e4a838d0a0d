/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The error value.  The caller owns the struct rc_err and passes it last; whoever first knows the
 * cause fills it with rc_fail() and returns the code; everybody above returns that code untouched.
 * Only the boundaries file, episode and stream add a "while ..." prefix.  An error never prints.
 *
 * Every function that takes `struct rc_err *err` returns 0 or one of the negative codes below.
 * err may be NULL where the caller does not want the text.
 */
#ifndef RC_ERR_H
#define RC_ERR_H

#include "base/compat.h"

#include <stdbool.h>

enum rc_code {
	RC_OK = 0,
	RC_E_USAGE = -1,       /* what the user asked for cannot be right; nothing was done */
	RC_E_NOMEM = -2,
	RC_E_INPUT = -3,       /* an input cannot be read: missing, permission, I/O, truncated */
	RC_E_FORMAT = -4,      /* an input was read and is wrong, damaged or of no known layout */
	RC_E_UNSUPPORTED = -5, /* valid, but not something this build can do */
	RC_E_READER = -6,      /* the reader process died, hung or broke its limits on this input */
	RC_E_OUTPUT = -7,      /* the output cannot be written */
	RC_E_MISMATCH = -8,    /* two things that must agree do not (manifest and file, ...) */
	RC_E_INTERRUPTED = -9, /* a signal asked the run to stop */
	RC_E_DEVICE = -10,     /* the compute device failed */
	RC_E_BUG = -11,        /* an invariant of this program does not hold */
	RC_E_HOST = -12,       /* this machine fails: no process, no descriptor */
	RC_E_STOPPED = -13     /* ended early as asked (time, too many bad inputs); can go on */
};

/* True for failures that are no input's fault: they end a run instead of skipping an episode. */
static inline bool rc_is_fatal(int code)
{
	return code == RC_E_NOMEM || code == RC_E_INTERRUPTED || code == RC_E_DEVICE ||
	       code == RC_E_BUG || code == RC_E_HOST || code == RC_E_STOPPED;
}

enum { RC_ERR_REASON_LEN = 32, RC_ERR_MSG_LEN = 768 };

struct rc_err {
	int code;
	char reason[RC_ERR_REASON_LEN]; /* stable snake_case word for reports: "not_hdf5" */
	char msg[RC_ERR_MSG_LEN];       /* one sentence: lower case, subject quoted, no full stop */
};

/* Fills *err and returns code, so that `return rc_fail(...)` reads well. */
int rc_fail(struct rc_err *err, int code, const char *reason, const char *fmt, ...)
	RC_PRINTF(4, 5);

/* As rc_fail(), with ": " and the text of errno `sys` behind the message. */
int rc_fail_errno(struct rc_err *err, int code, const char *reason, int sys, const char *fmt, ...)
	RC_PRINTF(5, 6);

/* Puts "while <text>: " in front of a filled error and returns its code.  err is not NULL here:
 * without it the code is lost and RC_E_BUG comes back. */
int rc_err_while(struct rc_err *err, const char *fmt, ...) RC_PRINTF(2, 3);

/* Out of memory, with the size that was asked for. */
int rc_fail_nomem(struct rc_err *err, size_t bytes);

#endif
