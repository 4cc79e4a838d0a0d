/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What scanned files hold, for people and programs to look at: clocks measured, streams gathered
 * by name over many episodes.  Values other than clocks are never read.
 */
#ifndef RC_SURVEY_H
#define RC_SURVEY_H

#include "base/json.h"
#include "scan.h"
#include "timeline.h"

/* --- clocks, file by file --------------------------------------------------------------------- */

/* The stamps of one stream of one episode. */
struct rc_survey_clock {
	struct rc_clock_quality q; /* n is 0 where there are no stamps or they cannot be read */
	struct rc_err *err;        /* why they cannot be read; NULL otherwise */
};

struct rc_survey_file {
	const struct rc_scanned *scanned;
	struct rc_survey_clock *clocks; /* one a stream of the index; NULL when the scan failed */
	size_t group; /* files with the same layout and the same names of streams share one */
	uint64_t signature;
};

struct rc_survey {
	struct rc_survey_file *files; /* as in the scan */
	size_t n;
	size_t n_groups; /* numbered in the order of their first files */
};

/* Reads and measures every clock.  The scan is borrowed for the life of the survey.  Fails only
 * on out of memory, on failing threads or, with RC_E_INTERRUPTED, after a signal. */
int rc_survey_run(struct rc_readers *readers, const struct rc_scan *scan, int n_threads,
		  struct rc_survey *s_out, struct rc_err *err);
void rc_survey_release(struct rc_survey *s);

/* --- streams by name -------------------------------------------------------------------------- */

/* Different values of one fact, in the order of first sight, each with how often it was seen. */
struct rc_variant {
	char *key;  /* what makes it different */
	char *text; /* of the first one */
	uint64_t count;
};
struct rc_variants {
	struct rc_variant *v;
	size_t n, cap;
	uint64_t more; /* sightings beyond RC_MAX_VARIANTS different ones */
};
enum { RC_MAX_VARIANTS = 64 };

struct rc_survey_row {
	const char *name;            /* borrowed from an index */
	uint64_t n_episodes;
	uint64_t rows_min, rows_max;
	uint64_t chunk_min, chunk_max; /* rows of a chunk; 0 where none is chunked */
	double bytes;                /* stored, its share where episodes share a dataset */
	struct rc_variants type;     /* "float32 [7]" */
	struct rc_variants role;     /* "obs image" */
	struct rc_variants stored;   /* "contiguous" "shuffle+gzip" */
	struct rc_variants clock;    /* "stamps in ns (attribute)" "nominal (option)" "none" */
	double *rates;               /* of the n_timed episodes whose rate is known */
	double *p50s;                /* ns, of the n_measured ones */
	size_t n_timed, n_measured, cap_rates, cap_p50s;
	int64_t p99_ns, max_ns;      /* worst over episodes */
	uint64_t gaps, duplicates, backwards;
	uint64_t n_unreadable;       /* episodes whose stamps cannot be read */
};

struct rc_survey_table {
	struct rc_survey_row *rows;  /* in the order of first sight */
	size_t n_rows, cap_rows;
	size_t *slots, n_slots;      /* hash of names: position in rows + 1, or 0 */
	uint64_t n_files, n_episodes, file_bytes;
	double duration_min, duration_max, duration_sum; /* seconds */
	uint64_t n_with_duration;
	uint64_t n_judged, n_success; /* episodes that say whether they succeeded, and that did */
	struct rc_variants layout_reason, language, env, conventions;
	struct rc_variants notes;    /* by "warning length_mismatch" */
};

/* All episodes of a file, and what it says about itself. */
int rc_survey_add_file(struct rc_survey_table *t, const struct rc_survey_file *f,
		       struct rc_err *err);
/* One episode without the facts of its file. */
int rc_survey_add_episode(struct rc_survey_table *t, const struct rc_survey_file *f,
			  uint32_t i_episode, struct rc_err *err);
void rc_survey_table_release(struct rc_survey_table *t);

double rc_survey_median(double *v, size_t n);

/* --- output ----------------------------------------------------------------------------------- */

/* "float32 [7]", "shuffle+gzip": how one dataset is made, for a row or a line of text. */
void rc_survey_type_text(const struct rc_dataset *d, struct rc_buf *b);
void rc_survey_stored_text(const struct rc_dataset *d, struct rc_buf *b);
/* Seconds from the first sample to the last over the episode's timed streams; below 0: unknown. */
double rc_survey_duration(const struct rc_index *ix, uint32_t i_episode);

/* The two tables and the lines below them, indented. */
int rc_survey_table_text(struct rc_survey_table *t, struct rc_buf *b, struct rc_err *err);
/* One group of files with the same streams; `long_form` lists each file and episode by itself. */
int rc_survey_group_text(const struct rc_survey *s, size_t group, bool long_form,
			 struct rc_buf *b, struct rc_err *err);

/* One file as a JSON object. */
struct rc_json *rc_survey_file_json(const struct rc_survey_file *f);

#endif
