/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks of one episode: read, measured, and repaired where that was asked for. */
#ifndef RC_TRACK_H
#define RC_TRACK_H

#include "plan.h"
#include "repair.h"
#include "timeline.h"

/* The clock of one source of one output stream. */
struct rc_track {
	int64_t *t;          /* n samples, ns since the origin, latency taken off; NULL for steps */
	uint64_t n;
	bool shared;         /* t belongs to an earlier track */
	bool in_order;       /* t never decreases */
	struct rc_clock_quality clock; /* as it was before the */
	struct rc_repaired repaired;   /* repair */
	struct rc_align_quality align;
};

struct rc_work;
struct rc_work_ask;

/* Track of source i_source of output stream i_stream. */
const struct rc_track *rc_work_track(const struct rc_work *w, size_t i_stream, size_t i_source);

/* Whether two sources of an episode have their samples at the same times. */
bool rc_same_clock(const struct rc_index *ix, const struct rc_plan_episode *e,
		   const struct rc_plan_source *a, const struct rc_plan_source *b);

/* Fills *tr, whose stamps lie in the arena of w, and are absolute. */
int rc_track_read(const struct rc_work_ask *ask, struct rc_work *w,
		  const struct rc_plan_source *src, struct rc_track *tr, struct rc_err *err);
/* RC_E_FORMAT for a clock that ticks cannot meet: without rows, or out of order. */
int rc_track_check(const struct rc_track *tr, const char *name, struct rc_err *err);
/* All tracks of w, equal ones once; checked unless the episode is converted step for step. */
int rc_tracks_load(const struct rc_work_ask *ask, struct rc_work *w, struct rc_err *err);

#endif
