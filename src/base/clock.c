/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"
#include "base/clock.h"

#include <sys/stat.h>
#include <time.h>

static const int64_t NS_PER_S = 1000000000;

static int64_t read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t rc_now_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t rc_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t rc_mtime_ns(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

void rc_format_utc(char dst[32], int64_t wall_ns)
{
	int64_t ns = wall_ns % NS_PER_S;
	time_t s = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;
	size_t n;

	if (ns < 0) {
		ns += NS_PER_S;
		s--;
	}
	gmtime_r(&s, &tm);
	n = strftime(dst, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(dst + n, 32 - n, ".%03dZ", (int)(ns / 1000000));
}
