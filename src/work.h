/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One episode on its way through the run: its clocks in memory, its ticks, the description its
 * writer needs, and the list of tiles it is cut into.  Made by a worker thread, read-only after
 * that.  When the episode is written or dropped the memory goes to another one.
 */
#ifndef RC_WORK_H
#define RC_WORK_H

#include <stdatomic.h>

#include "base/mem.h"
#include "formats/chunk.h"
#include "lint.h"
#include "plan.h"
#include "tile.h"
#include "track.h"

struct rc_work {
	const struct rc_plan_episode *plan;
	const struct rc_index *ix;
	size_t i_order;          /* position in the plan's order */
	struct rc_err err;       /* code != 0: preparing failed, there are no tiles */
	int64_t *ticks;          /* n_ticks; NULL when the episode has step indices only */
	uint64_t n_ticks;
	/* where a tick before the first and one after the last would be; INT64_MIN, and the last
	 * tick, where nothing says how far apart they are */
	int64_t tick_before, tick_after;
	int64_t origin_ns;       /* absolute time of tick value 0 */
	struct rc_track *tracks; /* one per source, streams in order, their sources in order */
	size_t n_tracks;
	struct rc_out_stream *out;
	uint8_t **valid;         /* per output stream, or NULL where all ticks are valid */
	uint64_t n_invalid;
	struct rc_out_episode episode;
	struct rc_tile *tiles;
	struct rc_lint *lints;   /* one a tile, by the worker that emits it */
	size_t n_tiles;
	struct rc_arena arena;   /* holds all of the arrays above */
	struct rc_work *next;    /* of those that wait for an episode */
	uint64_t counted;        /* of the pool's memory, while it has an episode */
	_Atomic(const struct rc_tile *) first_bad; /* least tile that failed; past the end: none */
};

/* The time that an output stream is taken at for a tick.  An episode whose last sample comes after
 * its last tick would lose the flag that it is done: of such streams the last tick reaches it,
 * where another tick would have come after it.  An episode that was cut is not done. */
static inline int64_t rc_tick_of(const struct rc_work *w, size_t i_stream, uint64_t i_tick)
{
	const struct rc_track *tr;
	int64_t tick = w->ticks[i_tick], end;

	if (!w->plan->streams[i_stream].takes_end || i_tick + 1 < w->n_ticks)
		return tick;
	tr = rc_work_track(w, i_stream, 0);
	end = tr->t[tr->n - 1];
	return end > tick && end < w->tick_after ? end : tick;
}

struct rc_budget;

/* What an episode is prepared from. */
struct rc_work_ask {
	const struct rc_plan *plan;
	size_t i_order;
	const struct rc_settings *set;
	const struct rc_budget *budget; /* no tile is larger than a slot */
	struct rc_input *input;
	struct rc_scratch *scratch;
};

/* Reads clocks, builds ticks, checks gaps, cuts tiles, into a w that is {0} or was reset, from a
 * file that was claimed (formats/reader.h) until the last tile is read.  A failure of this episode
 * is left in w->err; returns non-zero only for what ends the run. */
int rc_work_prepare(struct rc_work *w, const struct rc_work_ask *ask, struct rc_err *err);
/* Makes w ready for another episode; keeps its memory, and what is counted of it. */
void rc_work_reset(struct rc_work *w);
void rc_work_release(struct rc_work *w);

#endif
