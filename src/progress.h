/* SPDX-License-Identifier: Apache-2.0 */
/* How far the run is, on standard error: a bar that redraws itself on a terminal, or a plain line
 * a minute.  Silent with -q.  Called from the writing thread only. */
#ifndef RC_PROGRESS_H
#define RC_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

enum rc_progress_mode { RC_PROGRESS_AUTO, RC_PROGRESS_BAR, RC_PROGRESS_PLAIN, RC_PROGRESS_NONE };

struct rc_progress {
	enum rc_progress_mode mode; /* BAR, PLAIN or NONE after init */
	int64_t started_ns, last_ns;
	uint64_t total;             /* planned ticks */
	bool drawn;
};

/* AUTO is BAR when standard error is a terminal that can move its cursor, else PLAIN. */
void rc_progress_init(struct rc_progress *p, enum rc_progress_mode mode, uint64_t total_ticks);
void rc_progress_update(struct rc_progress *p, uint64_t done_ticks, uint64_t n_episodes,
			uint64_t bytes);
/* Clears the bar. */
void rc_progress_end(struct rc_progress *p);

#endif
