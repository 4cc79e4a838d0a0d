/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output directory: whether a run may use it, and what is left of the dataset that was there.
 * Nothing that this program did not write is ever replaced or removed: --force needs a
 * manifest.json or report.json of ours beside the shards, and only shards they name are removed.
 */
#ifndef RC_OUTDIR_H
#define RC_OUTDIR_H

#include "inputs.h"
#include "writer.h"

struct rc_outdir {
	const char *path; /* borrowed */
	bool force;
	int lock;         /* descriptor of the locked directory while a run writes, else -1 */
	char **old;       /* shards of the dataset that is there, by its manifest or report */
	size_t n_old, cap_old;
};

/* A name that `convert` gives to shards. */
bool rc_outdir_is_shard(const char *name);

/* May the directory be used?  RC_E_USAGE when it holds a dataset and there is no force, when its
 * shards are not ours, or when the path is no directory. */
int rc_outdir_check(struct rc_outdir *d, const char *path, bool force, struct rc_err *err);
/* RC_E_USAGE when an input is a file that the run would replace. */
int rc_outdir_check_inputs(const struct rc_outdir *d, const struct rc_inputs *in,
			   struct rc_err *err);
/* Makes the directory, locks it against other runs, and takes away the old manifest, which would
 * not be true any more.  RC_E_USAGE when another run has it. */
int rc_outdir_begin(struct rc_outdir *d, struct rc_err *err);
/* After success: removes the old shards that are not part of the new dataset and temporary files
 * of runs that are gone. */
void rc_outdir_finish(const struct rc_outdir *d, const struct rc_writer *w);
void rc_outdir_release(struct rc_outdir *d);

#endif
