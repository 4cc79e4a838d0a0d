/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last steps of a shard, beside the work on the next ones: a closed file is read back for its
 * digest, synced and renamed by a thread of its own.  A few may be under way; they are taken in
 * the order in which they were given.  All calls come from one thread.  A run that is to stop does
 * not wait for a digest.
 */
#ifndef RC_COMMIT_H
#define RC_COMMIT_H

#include <pthread.h>

#include "base/digest.h"
#include "base/outfile.h"

enum { RC_MAX_COMMITS = 4 };

struct rc_commits;

struct rc_commit {
	size_t tag;           /* of the caller */
	/* results */
	int rc;               /* not 0: `err` says why */
	bool named;           /* the file has its final name, even if `done` failed after that */
	struct rc_err err;
	struct rc_digest digest; /* of the file under its final name */
	uint64_t bytes;
	struct rc_digest unpacked_digest; /* packed: of what is in it */
	uint64_t unpacked_bytes;
	int64_t busy_ns;
	/* private */
	struct rc_outfile file;
	struct rc_commits *q;
	pthread_t thread;
	bool threaded;
};

struct rc_commits {
	struct rc_commit c[RC_MAX_COMMITS];
	unsigned first, n; /* those under way, in a ring */
	bool pack;         /* set once: files get their names with ".zst" behind them, in zstd */
	/* called for each when it has its name, in its thread; may be NULL */
	int (*done)(void *arg, const struct rc_commit *c, struct rc_err *err);
	void *arg;
};

/* Makes the name of a file into the one that it will have. */
void rc_commit_name(bool pack, char *name, size_t cap);
/* Takes over *file, whose bytes are complete.  There must be room: n < RC_MAX_COMMITS. */
void rc_commits_begin(struct rc_commits *q, struct rc_outfile *file, size_t tag);
/* Waits for the oldest; its results are valid until the next begin.  NULL: none is under way. */
const struct rc_commit *rc_commits_end(struct rc_commits *q);

#endif
