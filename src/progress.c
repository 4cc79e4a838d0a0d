/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "progress.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/num.h"

enum { PLAIN_EVERY_S = 60, LINE = 160 };

static struct rc_progress *shown; /* whose bar is on the terminal, for rc_log's lines */

static void put(const char *s, size_t n)
{
	/* progress that cannot be shown is no reason to stop a run */
	if (write(STDERR_FILENO, s, n) < 0)
		return;
}

static void clear_bar(void)
{
	static const char clear[] = "\r\033[K";

	if (shown && shown->drawn) {
		put(clear, sizeof clear - 1);
		shown->drawn = false;
	}
}

void rc_progress_init(struct rc_progress *p, enum rc_progress_mode mode, uint64_t total_ticks)
{
	const char *term = getenv("TERM");
	bool can_draw = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;

	*p = (struct rc_progress){.mode = mode, .total = total_ticks};
	if (mode == RC_PROGRESS_AUTO)
		p->mode = can_draw ? RC_PROGRESS_BAR : RC_PROGRESS_PLAIN;
	if (rc_log_level() < RC_LOG_INFO)
		p->mode = RC_PROGRESS_NONE;
	p->started_ns = p->last_ns = rc_now_ns();
	if (p->mode == RC_PROGRESS_BAR) {
		shown = p;
		rc_log_set_before(clear_bar);
	}
}

static int format_line(const struct rc_progress *p, char *line, uint64_t done, uint64_t n_episodes,
		       uint64_t bytes)
{
	double s = (double)(rc_now_ns() - p->started_ns) / 1e9;
	double share = p->total ? (double)done / (double)p->total : 0;
	char written[32];

	rc_format_bytes(written, sizeof written, bytes);
	if (share > 1)
		share = 1; /* the plan only estimated the ticks */
	if (share <= 0)
		return snprintf(line, LINE, "  0%%  %.0f s", s);
	return snprintf(line, LINE, "%3.0f%%  %llu episodes  %s  %.0f s, about %.0f s to go",
			share * 100, (unsigned long long)n_episodes, written, s, s / share - s);
}

void rc_progress_update(struct rc_progress *p, uint64_t done_ticks, uint64_t n_episodes,
			uint64_t bytes)
{
	char line[LINE];
	int64_t now = rc_now_ns();

	if (p->mode == RC_PROGRESS_NONE)
		return;
	if (p->mode == RC_PROGRESS_PLAIN) {
		if (now - p->last_ns < PLAIN_EVERY_S * 1000000000LL)
			return;
		p->last_ns = now;
		format_line(p, line, done_ticks, n_episodes, bytes);
		rc_log(RC_LOG_INFO, "%s", line);
		return;
	}
	put("\r\033[K", 4);
	put(line, (size_t)format_line(p, line, done_ticks, n_episodes, bytes));
	p->drawn = true;
}

void rc_progress_end(struct rc_progress *p)
{
	if (shown == p) {
		clear_bar();
		rc_log_set_before(NULL);
		shown = NULL;
	}
}
