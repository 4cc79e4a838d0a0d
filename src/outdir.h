/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output directory: whether a run may use it, and what is left of the dataset that was there.
 * Nothing that this program did not write is ever replaced or removed: --force needs a JSON file
 * of ours beside the shards, and only shards that one of them names are removed.
 */
#ifndef RC_OUTDIR_H
#define RC_OUTDIR_H

#include "inputs.h"
#include "outlock.h"
#include "writer.h"

#define RC_REPORT_NAME "report.json"

struct rc_outdir {
	const char *path; /* borrowed */
	bool force, resume;
	struct rc_outlock lock;
	char **old;       /* shards of the dataset that is there, sorted, each once */
	size_t n_old, cap_old;
};

/* A name that `convert` gives to shards. */
bool rc_outdir_is_shard(const char *name);

/* May the directory be used?  RC_E_USAGE when it holds a dataset and there is neither force nor
 * resume, when resume has no journal to go by, when its shards are not ours, or when the path is no
 * directory.  d begins as {.force, .resume}. */
int rc_outdir_check(struct rc_outdir *d, const char *path, struct rc_err *err);
/* Locks the directory, if it is there.  RC_E_USAGE when another run has it. */
int rc_outdir_lock(struct rc_outdir *d, struct rc_err *err);
/* RC_E_USAGE when an input is a file that the run would replace. */
int rc_outdir_check_inputs(const struct rc_outdir *d, const struct rc_inputs *in,
			   struct rc_err *err);
/* RC_E_USAGE when a report at `report` (NULL or "-": nowhere) would take the place of what is no
 * report, in the output or elsewhere, or when its directory is not there. */
int rc_outdir_check_report(const struct rc_outdir *d, const char *report, struct rc_err *err);
/* Makes the directory, locks it unless that was done, looks again, and removes temporary files of
 * runs that are gone. */
int rc_outdir_begin(struct rc_outdir *d, struct rc_err *err);
/* Takes away the old manifest, which will not be true any more. */
int rc_outdir_retract(const struct rc_outdir *d, struct rc_err *err);
/* After success: removes the old shards that are not part of the new dataset. */
int rc_outdir_finish(const struct rc_outdir *d, const struct rc_writer *w, struct rc_err *err);
void rc_outdir_release(struct rc_outdir *d);

#endif
