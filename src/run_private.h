/* SPDX-License-Identifier: Apache-2.0 */
/* What run.c (the steps) and run_end.c (the account of them) share. */
#ifndef RC_RUN_PRIVATE_H
#define RC_RUN_PRIVATE_H

#include "run.h"

/* After the steps, which came to rc: fills status, exit code and error of r, and writes what is to
 * be written; lines for the user go to out. */
void rc_run_end(struct rc_run *r, int rc, struct rc_buf *out);

/* The name of a layout or the text of a map by which inputs are read, or NULL. */
static inline const char *rc_run_reads_as(const struct rc_run *r)
{
	return r->set->map ? r->set->map : r->set->layout_in;
}

#endif
