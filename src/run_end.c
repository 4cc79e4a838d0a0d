/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a run: its status, the report, the quarantine, and what the user is told. */
#include "base/compat.h"

#include "run_private.h"

#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "map.h"
#include "report.h"
#include "signals.h"

static size_t n_committed(const struct rc_run *r)
{
	size_t n = 0;

	for (size_t i = 0; r->planned && i < r->plan.n_shards; i++)
		n += r->writer.shards[i].committed;
	return n;
}

/* A GPU that failed under way, or is gone in the next attempt: not one that never was there. */
static bool retries(const struct rc_run *r)
{
	return r->set->on_gpu_error == RC_GPU_ERROR_RETRY &&
	       (r->retry.n || r->stats.device_err.code);
}

static void judge(struct rc_run *r, int rc)
{
	bool partial = r->scan.n_failed || (r->planned && r->writer.n_skipped) ||
		       rc_problems_any(&r->problems, RC_NOTE_ERROR);

	r->again = false;
	if (rc == RC_E_INTERRUPTED && rc_stop_signal()) {
		r->status = "interrupted";
		r->exit_code = 128 + rc_stop_signal();
	} else if (rc == RC_E_INTERRUPTED || rc == RC_E_STOPPED) {
		r->status = "stopped";
		r->exit_code = RC_EXIT_STOPPED;
	} else if (rc == RC_E_DEVICE && retries(r)) {
		r->status = "stopped";
		r->exit_code = RC_EXIT_RETRY;
		r->again = r->retry.n == 0 || n_committed(r) > r->resume.n_shards;
	} else if (rc) {
		r->status = "failed";
		r->exit_code = rc_exit_of(rc);
	} else {
		r->status = partial ? "partial" : "ok";
		r->exit_code = partial ? RC_EXIT_PARTIAL : RC_EXIT_OK;
	}
}

/* What stopped the run, and how to go on. */
static void explain(struct rc_run *r, int rc)
{
	struct rc_err *e = &r->err;
	size_t len;

	if (rc == RC_E_INTERRUPTED)
		rc_fail(e, rc, "interrupted", "%s", rc_stop_text());
	if (r->again)
		snprintf(r->retry.reason, sizeof r->retry.reason, "%s", e->msg);
	len = strlen(e->msg);
	if (rc && !r->again && rc != RC_E_USAGE && r->journal.path)
		snprintf(e->msg + len, sizeof e->msg - len,
			 "; %zu of %zu shards are done, and the same command with --resume goes on",
			 n_committed(r), r->plan.n_shards);
}

static void summarise(const struct rc_run *r, const char *report, struct rc_buf *out)
{
	const struct rc_writer *w = &r->writer;
	size_t shards = n_committed(r);
	char size[32];

	rc_format_bytes(size, sizeof size, w->written_bytes);
	rc_buf_printf(out, "%llu episode%s, %llu steps -> %zu shard%s, %s ",
		      (unsigned long long)w->n_ok, rc_plural(w->n_ok),
		      (unsigned long long)w->written_ticks, shards, rc_plural(shards), size);
	if (r->pipe)
		rc_buf_puts(out, "before packing\n");
	else
		rc_buf_printf(out, "in '%s'\n", r->set->output);
	if (r->resume.open)
		rc_buf_printf(out, "done before: %llu episode%s in %zu shard%s\n",
			      (unsigned long long)r->resume.n_episodes,
			      rc_plural(r->resume.n_episodes), r->resume.n_shards,
			      rc_plural(r->resume.n_shards));
	if (w->n_skipped || r->scan.n_failed)
		rc_buf_printf(out, "skipped: %llu episode%s, %zu file%s%s\n",
			      (unsigned long long)w->n_skipped, rc_plural(w->n_skipped),
			      r->scan.n_failed, rc_plural(r->scan.n_failed),
			      report ? "; reasons in the report" : "");
	if (report)
		rc_buf_printf(out, "report: %s\n", report);
}

/* A run that never got past its arguments leaves no report behind; any other does, above all one
 * in which nothing could be converted.  A stream has no place for it. */
static bool wants_report(const struct rc_run *r, int rc)
{
	return rc != RC_E_USAGE && !r->set->dry_run && r->scan.n && (!r->pipe || r->set->report);
}

static bool same_file(const char *a, const char *b)
{
	struct rc_file_id x = rc_file_id(a);

	return x.ino && !rc_file_id_cmp(x, rc_file_id(b));
}

static int write_report(struct rc_run *r, struct rc_buf *out, struct rc_err *err)
{
	char *report;
	int rc;

	if (r->set->report) {
		rc = rc_strdup(&report, r->set->report, err);
	} else {
		/* one that was there and was removed is not wanted any more */
		rc = r->announced ? 0 : rc_mkdirs(r->set->output, err);
		if (!rc)
			rc = rc_sprintf(&report, err, "%s/" RC_REPORT_NAME, r->set->output);
	}
	if (rc)
		return rc;
	if (strcmp(report, "-") != 0 &&
	    (r->exit_code == RC_EXIT_OK || r->exit_code == RC_EXIT_PARTIAL))
		summarise(r, report, out);
	rc = rc_report_write(r, report, out, err);
	if (!rc && r->announced && !same_file(r->announced, report)) {
		if (r->exit_code == RC_EXIT_OK || r->exit_code == RC_EXIT_PARTIAL)
			unlink(r->announced); /* the account is where it was asked for */
		else /* shards without a manifest: the report says whose they are */
			rc = rc_report_write(r, r->announced, NULL, err);
	}
	free(report);
	return rc;
}

static int write_quarantine(const struct rc_run *r, struct rc_err *err)
{
	char room[RC_READING_ROOM];
	const struct rc_quarantine q = {
		.scan = &r->scan,
		.writer = r->planned ? &r->writer : NULL,
		.known = &r->known,
		.version = r->version,
		.layout_in = rc_reading_name(rc_run_reads_as(r), r->set->allow_external, room),
	};

	return r->writing ? rc_quarantine_write(&q, r->set->output, err) : 0;
}

void rc_run_end(struct rc_run *r, int rc, struct rc_buf *out)
{
	struct rc_err late = {0};

	judge(r, rc);
	explain(r, rc);
	if (wants_report(r, rc)) {
		rc = write_quarantine(r, &late);
		if (rc && !r->err.code) {
			r->err = late;
			judge(r, rc);
		}
		rc = write_report(r, out, &late);
		if (rc && !r->err.code) {
			r->err = late;
			r->exit_code = rc_exit_of(rc);
		}
	} else if (r->pipe && !rc && !r->set->dry_run) {
		summarise(r, NULL, out);
	}
}
