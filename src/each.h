/* SPDX-License-Identifier: Apache-2.0 */
/* Many independent pieces of reading, done by several threads, each with an input of its own. */
#ifndef RC_EACH_H
#define RC_EACH_H

#include "formats/chunk.h"

struct rc_each {
	struct rc_readers *readers;
	int n_threads;
	size_t n;
	/* Piece i.  Its outcome is its own affair; pieces are begun in order and end in any. */
	void (*piece)(void *arg, struct rc_input *in, size_t i);
	void *arg;
};

/* Fails only on out of memory, on failing threads or, with RC_E_INTERRUPTED, when a signal asked
 * to stop; pieces not begun by then are left out. */
int rc_each_run(const struct rc_each *e, struct rc_err *err);

#endif
