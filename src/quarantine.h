/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data that cannot be converted: the list of it in the output directory, what the next run knows
 * from the list, and how much of it is too much.
 *
 * quarantine.ndjson has a line for each input and each episode that was left out.  A run into the
 * same directory does not open an input of the list again whose size and time of change are what
 * they were, when the reason lies in its bytes: the same program finds the same in it.  So the
 * output stays a function of inputs and recipe.  What may pass (a file system that failed or
 * hung, a reader that was killed) is tried again every time, and so are episodes.
 */
#ifndef RC_QUARANTINE_H
#define RC_QUARANTINE_H

#include "writer.h"

#define RC_QUARANTINE_NAME "quarantine.ndjson"
#define RC_QUARANTINE_SCHEMA "robocache-quarantine-1"

/* An input that is known to fail. */
struct rc_known_input {
	char *label, *reason, *message;
	uint64_t bytes;
	int64_t mtime_ns;
	bool has_digest;
	struct rc_digest digest; /* of its bytes */
};
struct rc_known {
	struct rc_known_input *in;
	size_t n, cap;
};

/* Adds those of dir's list that need not be opened; version, and layout_in as rc_reading_name() has
 * it, of this run.  A list
 * that is not there, damaged or of another version adds nothing. */
int rc_known_read(struct rc_known *k, const char *dir, const char *version, const char *layout_in,
		  struct rc_err *err);
/* Copies `in`. */
int rc_known_add(struct rc_known *k, const struct rc_known_input *in, struct rc_err *err);
/* Call when all are added. */
void rc_known_sort(struct rc_known *k);
/* Gives f its error when it is known and still the file that it was, which of standard input nobody
 * can say. */
void rc_known_find(const struct rc_known *k, struct rc_scanned *f);
void rc_known_release(struct rc_known *k);

/* What the list is made from; borrowed. */
struct rc_quarantine {
	const struct rc_scan *scan;
	const struct rc_writer *writer; /* NULL: there is no plan yet */
	const struct rc_known *known;   /* whose digests are at hand */
	const char *version, *layout_in; /* as for rc_known_read() */
};
/* Writes dir's list, or removes it when nothing is left out. */
int rc_quarantine_write(const struct rc_quarantine *q, const char *dir, struct rc_err *err);

/* --max-bad */
struct rc_bad_limit {
	bool set, percent;
	int64_t most;
	uint64_t n_files; /* inputs that failed */
	uint64_t n_all;   /* those, and all episodes of the others: what percent are of */
};
int rc_bad_limit_parse(const char *text, struct rc_bad_limit *l, struct rc_err *err);
/* RC_E_STOPPED when there are more; l may be NULL. */
int rc_bad_limit_check(const struct rc_bad_limit *l, uint64_t n_episodes, struct rc_err *err);

#endif
