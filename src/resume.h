/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going on where an earlier run into the same directory stopped.  What it did is in its journal; a
 * shard counts as done when it was made from the same recipe, the same files and the same episodes,
 * and still has the size and the digest that the journal says.  Those are adopted: the writer has
 * their results as if this run had made them, and the pipeline gets the episodes of the others.
 */
#ifndef RC_RESUME_H
#define RC_RESUME_H

#include "journal.h"
#include "quarantine.h"

struct rc_resume {
	bool open;               /* there is a run to go on with */
	bool other;              /* --force: its inputs differ, shards may still be the same */
	const char *dir;         /* borrowed */
	struct rc_past past;
	/* what was adopted */
	size_t n_shards, n_missing, n_damaged;
	uint64_t n_episodes, n_ticks, n_bytes;
	struct rc_buf lines;     /* of the journal */
	/* what is left */
	size_t *order;
	struct rc_plan todo;     /* borrows all but `order` from the plan */
};

/* Reads dir's journal.  Without one nothing is open.  RC_E_USAGE for a damaged one, which with
 * force is left alone with a warning. */
int rc_resume_read(struct rc_resume *rs, const char *dir, bool force, struct rc_err *err);
/* What the earlier run found unreadable is not opened again: the plan is to be the same. */
int rc_resume_known(const struct rc_resume *rs, struct rc_known *k, struct rc_err *err);
/* RC_E_USAGE names the option or the input that is not what it was.  With force, another recipe
 * closes rs, and other inputs are no hindrance; retry: neither are those that can be read now. */
int rc_resume_check(struct rc_resume *rs, const struct rc_journal_facts *f, bool force, bool retry,
		    struct rc_err *err);

struct rc_resume_ask {
	const char *dir;
	struct rc_journal_facts facts;
	struct rc_readers *readers;
	int n_threads;
	bool retry; /* make shards anew whose episodes were skipped */
};
/* Looks at every shard and adopts into w; fills todo, also when nothing is open. */
int rc_resume_adopt(struct rc_resume *rs, const struct rc_resume_ask *ask, struct rc_writer *w,
		    struct rc_err *err);
void rc_resume_release(struct rc_resume *rs);

#endif
