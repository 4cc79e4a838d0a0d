/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the layouts share: the datasets of one episode on their way to streams.  A layout opens a
 * draft on the group of an episode, collects, gives names, roles and clocks, and emits.  Everything
 * that does not become a stream ends in a note.
 */
#ifndef RC_DESCRIBE_H
#define RC_DESCRIBE_H

#include "formats/format.h"

/* One dataset with values. */
struct candidate {
	struct rc_h5_node *node;
	const char *rel;  /* path below the episode, inside node->path */
	char *name;       /* of the stream; owned, NULL until given */
	enum rc_role role;
	int kind;         /* enum rc_kind, or KIND_SEEN: what shape, name and first rows say */
	const char *order, *order_origin; /* of quaternions, where a rule says it; else NULL */
	bool dropped;     /* not a stream after all */
	struct rc_stream_clock clock;
};
enum { KIND_SEEN = -1 };

/* Names for a note, as many as fit. */
struct name_list {
	char text[600];
	size_t len, n;
};

/* How quaternions of one file are stored where no attribute `quaternion_order` of the dataset or a
 * group above it says so.  The ledger is written once per value and origin. */
struct quat_rule {
	const char *order, *origin, *where; /* where: NULL for the first dataset */
	unsigned told;
};

/* Clocks that were looked at, each once. */
struct seen_clocks {
	struct seen_clock *p;
	size_t n, cap;
};

/* One episode; release with describe_release(). */
struct draft {
	const struct rc_h5_tree *t;
	struct rc_index_builder *b; /* NULL: only looking, nothing is written down */
	const struct rc_h5_node *root;
	struct quat_rule *quat;
	struct candidate *c;
	size_t n, cap;
	struct name_list constant, empty, other, ignored;
	struct seen_clocks seen;
	void *state;  /* of the layout, for its callbacks */
	bool by_user; /* what rules say of units and orders beats attributes */
	unsigned n_warnings;
	char first_warning[400];
};

/* Every dataset below `group`, in natural order, as RC_ROLE_OBS without clock or name. */
int describe_collect(struct draft *d, const struct rc_h5_node *group, struct rc_err *err);
void describe_release(struct draft *d);
/* A warning about a dataset or group; beyond twenty an episode they are only counted. */
void describe_warn(struct draft *d, const char *code, const char *where, const char *fmt, ...)
	RC_PRINTF(4, 5);

int describe_name(struct candidate *c, const char *name, struct rc_err *err);
/* Candidates without a name get their path, those that share one too, then "#<position>". */
int describe_unique_names(struct draft *d, struct rc_err *err);
/* The most common number of rows, 0 without candidates; a tie goes to the larger. */
uint64_t describe_common_length(const struct draft *d);
/* Takes out arrays of one row beside an episode of T > 1, warns of other lengths. */
void describe_check_lengths(struct draft *d, uint64_t length);
/* Drops what this program keeps below /robocache of a file that is one episode.  Returns its ticks,
 * int64 ns, or NULL. */
struct rc_h5_node *describe_own_time(struct draft *d);
void describe_drop_constant(struct draft *d, struct candidate *c);
/* Adds the streams of the draft and the notes about the rest. */
void describe_emit(struct draft *d);
/* The same where many episodes lie end to end in the arrays: one episode a range, like *e but with
 * the keys episode_0, episode_1 ... */
struct row_range {
	uint64_t row0, n;
};
int describe_emit_ranges(struct draft *d, const struct row_range *ranges, size_t n,
			 const struct rc_index_episode *e, struct rc_err *err);

/* Reads a (D, T) candidate as (T, D), with a note that says what is as long as T; false: it cannot
 * be, and is dropped. */
bool describe_time_last(struct draft *d, struct candidate *c, const char *because);
/* The position of a node in the index, added when new. */
uint32_t describe_dataset(struct draft *d, struct rc_h5_node *n);
/* No clock; int64 ns stamps in a node; a rate (given as Hz). */
struct rc_stream_clock describe_clock_none(void);
struct rc_stream_clock describe_clock_nominal(struct draft *d, double hz, const char *origin);
/* n rows from first_ns to last_ns at equal distances, on the origin of the file's stamps. */
struct rc_stream_clock describe_clock_spread(struct draft *d, uint64_t n, int64_t first_ns,
					     int64_t last_ns, const char *origin);

/* "ignored_object": names that a layout knows not to be streams. */
void describe_ignore(struct draft *d, struct candidate *c);

/* A string or number inside JSON text, by keys from the outside in (NULL-terminated). */
bool describe_json_string(const char *text, const char *const *keys, char **s_out);
bool describe_json_number(const char *text, const char *const *keys, double *v_out);
/* The first of these string attributes (NULL-terminated list) that `n` has and is not empty. */
bool describe_attr_any(const struct rc_h5_tree *t, const struct rc_h5_node *n,
		       const char *const *names, char **s_out);
/* "demo_12" gives the length of "demo"; 0 unless the name is a word, then digits. */
size_t describe_numbered(const char *name);
/* The last component of a path. */
const char *describe_basename(const char *path);
/* Strings that hold part, ignoring case. */
bool describe_contains(const char *s, const char *part);

/* --- kinds (describe_kind.c) ------------------------------------------------------------------ */

/* What is in a candidate, with a note where its name says more than its values. */
enum rc_kind describe_kind(struct draft *d, const struct candidate *c);
/* Gives the quaternions of s their order, and the ledger where that comes from. */
void describe_quaternion_order(struct draft *d, const struct candidate *c, struct rc_stream *s);

/* --- clocks (clock_find.c, clock_unit.c) ------------------------------------------------------ */

/* Takes the clocks out of the candidates and gives the others the nearest one of their length.
 * Candidates with a clock already keep it.  Returns how many streams now have one. */
size_t describe_find_clocks(struct draft *d);

/* Unit and ends of a dataset of stamps; unit: "ns" "us" "ms" "s", or NULL to find it out.  False:
 * it is no clock (a step counter, or not readable), and a note says why.  Each dataset is looked
 * at once. */
bool describe_stamps(struct draft *d, struct rc_h5_node *n, const char *unit,
		     struct rc_stream_clock *k_out);
/* The stamps in k that the whole numbers of another dataset, rising, are the rows of.  False: they
 * cannot be, and *k is as it was. */
bool describe_stamps_of_rows(struct draft *d, struct rc_h5_node *rows, struct rc_h5_node *stamps,
			     struct rc_stream_clock *k);
/* "ns" "us" "ms" "s" in one of their spellings, or NULL. */
const char *describe_unit(const char *word);
/* Never decreases in its first rows and ends later than it begins. */
bool describe_rises(const struct draft *d, const struct rc_h5_node *n);
/* A group of clocks by its name: "timestamps", "time_ns". */
bool describe_clock_group(const struct rc_h5_node *n);
/* Length of a name without "_ns", "_us", "_ms", "_s" ... */
size_t describe_without_unit(const char *name);

#endif
