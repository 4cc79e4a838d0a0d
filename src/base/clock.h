/* SPDX-License-Identifier: Apache-2.0 */
/* Wall and monotonic time of the run (never of data: data time is in base/episode.h). */
#ifndef RC_CLOCK_H
#define RC_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t rc_now_ns(void);        /* CLOCK_MONOTONIC */
int64_t rc_wall_ns(void);       /* CLOCK_REALTIME */
/* When a file was changed, as nanoseconds of CLOCK_REALTIME. */
struct stat;
int64_t rc_mtime_ns(const struct stat *st);
/* RFC 3339 in UTC with milliseconds: 2026-01-31T12:00:00.123Z */
void rc_format_utc(char dst[32], int64_t wall_ns);

#endif
