/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One `convert` from checked settings to exit status: scan, plan, pipeline, manifest, report.  The
 * struct holds all there is to tell about a run; report.c turns it into JSON.
 */
#ifndef RC_RUN_H
#define RC_RUN_H

#include "outdir.h"
#include "pipeline.h"
#include "progress.h"
#include "recipe.h"
#include "resume.h"
#include "retry.h"
#include "scratch.h"

/* Exit statuses, also in robocache(1). */
enum rc_exit {
	RC_EXIT_OK = 0,
	RC_EXIT_FAILED = 1,
	RC_EXIT_USAGE = 2,
	RC_EXIT_PARTIAL = 3,  /* done, but some data was skipped */
	RC_EXIT_STOPPED = 4,  /* ended early: time limit, too many bad inputs; can go on */
	RC_EXIT_OUTPUT = 74,  /* the output cannot be written */
	RC_EXIT_RETRY = 75    /* the GPU failed again: try elsewhere */
};
/* The status for an error that ended a run. */
int rc_exit_of(int code);

struct rc_run {
	/* what was asked; set by the command */
	const struct rc_opts *opts;
	const struct rc_settings *set;
	const char *map_file; /* of --map, as set->map is its text by now; or NULL */
	int argc;
	char **argv;
	const char *version;
	struct rc_retry retry;   /* which attempt this is */
	struct rc_outpipe *pipe; /* takes the output, from set->output; NULL: it stays there */
	/* what there is */
	struct rc_readers *readers;
	struct rc_recipe recipe;
	char *scratch_dir;
	struct rc_unpacked *unpacked; /* what containers among the inputs hold */
	struct rc_inputs inputs;
	struct rc_outdir outdir;
	struct rc_known known;
	struct rc_bad_limit bad_limit;
	struct rc_scan scan;
	struct rc_digest *indexes; /* of the scan */
	struct rc_plan plan;
	struct rc_resume resume;
	struct rc_journal journal;
	struct rc_problems problems;
	struct rc_quality quality;
	struct rc_writer writer;
	struct rc_pipeline_stats stats;
	struct rc_devices devices;
	struct rc_sandbox sandbox; /* of the run itself */
	struct rc_budget budget; /* once the devices are known */
	struct rc_progress progress;
	struct rc_buf recipe_json;
	int n_threads;
	int64_t started_wall_ns, started_ns, scan_ns;
	bool planned;         /* plan and writer are valid */
	bool writing;         /* the output directory is ours */
	char *announced;      /* path of the report that says "running", once it is there */
	/* what came of it */
	const char *status;   /* "running" "ok" "partial" "interrupted" "stopped" "failed" */
	int exit_code;
	bool again;           /* the GPU failed, and the run is to be started again */
	struct rc_err err;    /* why it ended early; code 0 otherwise */
};

/*
 * Runs it.  The reader processes must have been started before any thread.  Results for the user
 * go to *out (the plan with --dry-run, the summary otherwise); the caller prints it.  Returns the
 * exit status; r->err says what went wrong.
 */
int rc_run_convert(struct rc_run *r, char *const *operands, int n_operands, struct rc_buf *out);
void rc_run_release(struct rc_run *r);

#endif
