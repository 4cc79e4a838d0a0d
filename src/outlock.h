/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run at a time in an output directory.  The lock is on a file in it, which network file
 * systems know as well, and holds the host and process that have it.  It goes away with its
 * holder, however that ends; a file that a killed run left means nothing.
 */
#ifndef RC_OUTLOCK_H
#define RC_OUTLOCK_H

#include <stdbool.h>

#include "base/err.h"

#define RC_LOCK_NAME ".robocache.lock"

struct rc_outlock {
	char *path; /* NULL: not taken */
	int fd;
	bool sure;  /* false where the file system has no locks: others may be here as well */
};

/* RC_E_USAGE "output_busy" names the host and process that has it. */
int rc_outlock_take(struct rc_outlock *l, const char *dir, struct rc_err *err);
/* Removes the file and lets go; a zeroed lock is fine. */
void rc_outlock_drop(struct rc_outlock *l);

#endif
