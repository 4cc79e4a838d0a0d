/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repair of clocks, where the user asks for it: stamps get new values, rows stay where they are.
 * Pure functions over int64 ns.
 */
#ifndef RC_REPAIR_H
#define RC_REPAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What --clock-repair names; joined by '+'. */
enum rc_repair {
	RC_REPAIR_SPREAD = 1,  /* runs of equal stamps, of clocks that tick slower than samples */
	RC_REPAIR_RESTAMP = 2, /* stamps out of order */
};
bool rc_repair_parse(const char *text, int *repairs_out);

struct rc_repaired {
	uint64_t rows;    /* whose stamp is another one now */
	int64_t worst_ns; /* the largest difference */
	uint64_t strays;  /* stamps out of order that were left, being too many */
};
enum { RC_REPAIR_SCRATCH = 3 };
/* Of a hundred rows at most one may be out of order, and of fewer one. */
#define RC_MAX_STRAYS(n) ((n) < 100 ? 1 : (n) / 100)

/*
 * RESTAMP keeps the longest subsequence of stamps that never decreases; a row that is not in it
 * gets its time from the line, over rows, between its neighbours that are, or at an end of the
 * episode, from the nearest one by the median interval.  With more of them than RC_MAX_STRAYS(n)
 * nothing is changed: that is no glitch but a clock that was set.
 *
 * SPREAD needs stamps in order.  k equal stamps v, followed by v', become v + i (v' - v) / k.
 * Where (v' - v) / k is more than 3 times the median of that over all runs there was a pause, and
 * the median takes its place, as it does in the last run.  The first run, which may have begun
 * anywhere between two ticks of the clock, ends at v' at the distance of the median.
 *
 * scratch holds RC_REPAIR_SCRATCH n elements.
 */
void rc_clock_repair(int64_t *t, size_t n, int repairs, int64_t *scratch, struct rc_repaired *r);

#endif
