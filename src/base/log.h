/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Levelled lines on standard error, each written with one write(2), so that lines of several
 * threads do not mix.  With progress.c the only writer of standard error.
 */
#ifndef RC_LOG_H
#define RC_LOG_H

#include "base/compat.h"

enum rc_log_level { RC_LOG_ERROR, RC_LOG_WARN, RC_LOG_INFO, RC_LOG_DEBUG };

/* Default RC_LOG_INFO; -q lowers it, -v raises it.  Set before threads start. */
void rc_log_set_level(int level);
int rc_log_level(void);

/* "robocache: error: <text>"; info lines carry no level word.  No trailing newline in fmt. */
void rc_log(enum rc_log_level level, const char *fmt, ...) RC_PRINTF(2, 3);

/* Called before a line is written, to let a progress bar clear its own line; NULL for none. */
void rc_log_set_before(void (*before)(void));

#endif
