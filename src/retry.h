/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting a run again in place of one whose GPU failed: a context that met such an error is good
 * for nothing any more, and CUDA cannot be started twice in a process.  The same process image
 * is executed anew, with --resume, so its number and its parent stay what they were.  What the next
 * attempt must know goes through the environment variable ROBOCACHE_RETRY, which names the process
 * it is for.
 */
#ifndef RC_RETRY_H
#define RC_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct rc_retry {
	int n;                         /* attempts before this one; 0: this is the first */
	int64_t started_ns;            /* the first one, by rc_now_ns() */
	char reason[RC_ERR_MSG_LEN];   /* why the last one ended; "" */
};

/* What the attempt before left to this one; takes it out of the environment. */
void rc_retry_read(struct rc_retry *r_out);

/*
 * Executes the program again with the arguments of a command, argv[0] its name, and --resume unless
 * `resumes`.  r: this attempt, with the reason of its end.  Everything that must be flushed has
 * been; open files do not go along.  Returns only if it fails.
 */
int rc_retry_start(const struct rc_retry *r, char *const *argv, int argc, bool resumes,
		   struct rc_err *err);

#endif
