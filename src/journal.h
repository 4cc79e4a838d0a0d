/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal.ndjson: what a run was asked to do and what of it is done, so that another run can go on.
 *
 *	{"schema":"robocache-journal-1", ...}   once: version, recipe, layout, plan
 *	{"input":"raw/ep_3.h5", ...}            one for each input, in order
 *	{"replaces":"shard-00007.h5"}           one for each shard of the dataset that was there
 *	{"shard":3, ...}                        one when a shard has its final name, or when none of
 *	                                        its episodes could be converted; the last one counts
 *
 * The first three kinds appear together and whole, a shard is appended and synced after it was
 * renamed.  Every line ends with a digest of itself.  So the only legal damage is a last line
 * without its end: its shard is not done.
 */
#ifndef RC_JOURNAL_H
#define RC_JOURNAL_H

#include "base/json.h"
#include "writer.h"

#define RC_JOURNAL_NAME "journal.ndjson"
#define RC_JOURNAL_SCHEMA "robocache-journal-1"

/* What the lines of a run are made from; borrowed. */
struct rc_journal_facts {
	const struct rc_plan *plan;
	const struct rc_digest *indexes; /* of plan->scan->n inputs: rc_journal_indexes() */
	const char *recipe_json, *version;
	const char *container; /* of the shards: a value of --container */
};
/* Digests of the scanned indexes, to be freed; zero where the scan failed. */
int rc_journal_indexes(const struct rc_scan *scan, struct rc_digest **d_out, struct rc_err *err);
/* All that a shard is made from but the recipe: its episodes, and the files they are in. */
struct rc_digest rc_journal_shard_key(const struct rc_journal_facts *f, size_t i_shard,
				      struct rc_hasher *scratch);

/* --- writing ---------------------------------------------------------------------------------- */

struct rc_journal {
	struct rc_journal_facts facts;
	pthread_mutex_t lock; /* for all below */
	struct rc_hasher *hash;
	char *path;  /* NULL: nothing is written */
	int fd;
	bool broken; /* an append failed: the line may be half there */
};

/* The line of a shard that is to go when the run has come to its end. */
int rc_journal_replaces(const char *shard, struct rc_buf *b, struct rc_err *err);
/* A new journal in dir: the head, the inputs, and `more`: lines of shards that are replaced or done
 * already.  Takes the place of an old one. */
int rc_journal_begin(struct rc_journal *j, const char *dir, const struct rc_journal_facts *f,
		     const struct rc_buf *more, struct rc_err *err);
/* Appends shard i_shard of w, which came to *r: it is committed, or all of its episodes were
 * skipped.  Syncs.  From any thread; j may be NULL. */
int rc_journal_shard(struct rc_journal *j, const struct rc_writer *w, size_t i_shard,
		     const struct rc_shard_result *r, struct rc_err *err);
void rc_journal_close(struct rc_journal *j);

/* --- reading ---------------------------------------------------------------------------------- */

struct rc_past_input {
	char *label;
	uint64_t bytes;
	int64_t mtime_ns;
	struct rc_digest index;
	struct rc_digest content; /* of standard input, else zero */
	char *reason, *message; /* why it could not be read, or NULL */
};

/* Where the line of a shard is. */
struct rc_past_line {
	uint64_t shard;
	size_t at;
};

/* A journal that was read. */
struct rc_past {
	char *path;
	struct rc_buf text;
	struct rc_json *head;
	struct rc_past_input *inputs;
	size_t n_inputs, cap_inputs;
	struct rc_past_line *lines; /* of shards, by number; of several the last one counts */
	size_t n_lines, cap_lines;
	char **old;                 /* names that the run was to replace */
	size_t n_old, cap_old;
};

/* dir's journal.  RC_E_INPUT when there is none, RC_E_FORMAT when it is damaged. */
int rc_past_read(const char *dir, struct rc_past *p, struct rc_err *err);
void rc_past_release(struct rc_past *p);
/* The parsed line of a shard, to be freed; NULL when it is not done. */
struct rc_json *rc_past_shard(const struct rc_past *p, size_t i_shard);
/* The line itself, which must be there. */
void rc_past_copy(const struct rc_past *p, size_t i_shard, struct rc_buf *b);

/* --- lines, also of quarantine.ndjson --------------------------------------------------------- */

/* The object on one line, with its digest. */
int rc_line_put(const struct rc_json *o, struct rc_buf *b, struct rc_err *err);
/* Takes the line at *at of text and moves on; NULL at the end and where a line is not whole, which
 * *whole_out tells apart. */
struct rc_json *rc_line_take(const struct rc_buf *text, size_t *at, bool *whole_out);

#endif
