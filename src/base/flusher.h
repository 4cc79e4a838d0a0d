/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that brings a growing file to the disk while more is written to it, so that little is
 * left to wait for when it is complete.  Starting to write pages is not enough: what a disk has
 * taken into its own cache costs most of the time of the sync at the end.
 */
#ifndef RC_FLUSHER_H
#define RC_FLUSHER_H

struct rc_flusher;

/* NULL where the file cannot be opened or there is no room for a thread: slower, and as good. */
struct rc_flusher *rc_flusher_start(const char *path);
/* What the file holds by now is to go to the disk; does not wait. */
void rc_flusher_ask(struct rc_flusher *f);
/* Waits for the thread and frees f.  The errno of a sync that failed, or 0: the system tells of a
 * lost page once, so a later sync of the same file need not fail.  f may be NULL. */
int rc_flusher_end(struct rc_flusher *f);

#endif
