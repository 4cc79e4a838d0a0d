/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the values of an output stream tell on their way to the writer: NaN and infinities, a stream
 * that never moves, an observation that is the action.  Images are not looked at.  The worker that
 * emits a tile looks at it; findings are made when the episode is written, in plan order.
 */
#ifndef RC_LINT_H
#define RC_LINT_H

#include "plan.h"
#include "tile.h"

/* One tile. */
struct rc_lint {
	uint64_t n_bad; /* rows with a value that is not finite */
	uint64_t first; /* hash of the first row */
	uint64_t sum;   /* of hashes of rows and their numbers, where another stream may be equal */
	bool moves;     /* some row differs from the first */
};

struct rc_work;

/* Looks at the rows of tile t, n_rows from row0 of the episode on. */
void rc_lint_tile(const struct rc_work *w, const struct rc_tile *t, const void *rows);
/* Findings of a whole episode. */
void rc_lint_episode(const struct rc_work *w, struct rc_problems *problems);

#endif
