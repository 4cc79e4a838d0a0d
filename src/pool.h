/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of the episodes of a run, within a ceiling: of those that are prepared or in work, of
 * those that are done with and keep theirs for the next ones, and what preparing takes for a while.
 * An episode that alone is larger still has its turn, when no other one is in work.
 *
 * The caller holds a lock around every call.
 */
#ifndef RC_POOL_H
#define RC_POOL_H

#include "work.h"

struct rc_pool {
	struct rc_work *works;            /* n */
	size_t n;
	struct rc_work *idle, **idle_end; /* those without an episode, the longest idle first */
	size_t n_busy;
	uint64_t limit, idle_bytes, busy_bytes, scratch_bytes;
};

int rc_pool_open(struct rc_pool *p, size_t n, uint64_t limit, struct rc_err *err);
void rc_pool_close(struct rc_pool *p);

/* About what preparing an episode takes: its clocks, its ticks, and the longest clock once more
 * while it is measured. */
uint64_t rc_pool_guess(const struct rc_index *ix, const struct rc_plan_episode *e);
/* Whether an episode that will take so many bytes may begin now. */
bool rc_pool_has_room(const struct rc_pool *p, uint64_t bytes);
/* Memory for it; there must have been room. */
struct rc_work *rc_pool_take(struct rc_pool *p, uint64_t bytes);
/* It has been prepared and takes what it takes.  The scratch that this took stays with its worker,
 * of which *counted is counted, or goes where there is no room for it. */
void rc_pool_settle(struct rc_pool *p, struct rc_work *w, struct rc_scratch *scratch,
		    uint64_t *counted);
/* The episode is done with. */
void rc_pool_give(struct rc_pool *p, struct rc_work *w);

#endif
