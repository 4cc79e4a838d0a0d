/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "run.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "machine.h"
#include "manifest.h"
#include "report.h"
#include "signals.h"

int rc_exit_of(int code)
{
	if (code == 0)
		return RC_EXIT_OK;
	if (code == RC_E_USAGE)
		return RC_EXIT_USAGE;
	return code == RC_E_OUTPUT ? RC_EXIT_OUTPUT : RC_EXIT_FAILED;
}

/* --- the steps -------------------------------------------------------------------------------- */

static int collect_inputs(struct rc_run *r, char *const *operands, int n, struct rc_err *err)
{
	struct rc_input_options opt = {
		.operands = operands,
		.n_operands = n,
		.files_from = r->set->files_from,
		.null_separated = r->set->null_separated,
		.exclude_dir = r->set->output,
	};
	int rc;

	if (n == 0 && !r->set->files_from)
		return rc_fail(err, RC_E_USAGE, "input",
			       "no input; name HDF5 files or directories, or --files-from FILE "
			       "(see robocache convert --help)");
	rc = rc_inputs_collect(&opt, &r->inputs, err);
	return rc ? rc : rc_outdir_check_inputs(&r->outdir, &r->inputs, err);
}

static void warn_about(const struct rc_problems *ps)
{
	for (size_t i = 0; i < ps->n; i++) {
		const struct rc_problem *p = &ps->p[i];

		if (p->severity == RC_NOTE_INFO)
			continue;
		if (p->count > 1)
			rc_log(RC_LOG_WARN, "%s [%s, %llu times]", p->message, p->code,
			       (unsigned long long)p->count);
		else
			rc_log(RC_LOG_WARN, "%s [%s]", p->message, p->code);
	}
}

static int scan(struct rc_run *r, struct rc_err *err)
{
	int64_t t0 = rc_now_ns();
	const struct rc_scan_ask ask = {
		.readers = r->readers,
		.inputs = &r->inputs,
		.layout = r->set->map ? r->set->map : r->set->layout_in,
		.index_file = r->set->index,
		.keep_index = r->set->dry_run,
		.n_threads = r->n_threads,
	};
	int rc = rc_scan_run(&ask, &r->scan, err);

	r->scan_ns = rc_now_ns() - t0;
	if (rc)
		return rc;
	for (size_t i = 0; i < r->scan.n; i++) {
		const struct rc_scanned *f = &r->scan.files[i];
		if (f->index)
			continue;
		if (f->err.code == RC_E_USAGE || rc_is_fatal(f->err.code)) {
			/* --layout-in names no layout, or this machine fails */
			*err = f->err;
			return f->err.code;
		}
		rc_problems_add(&r->problems, RC_NOTE_ERROR, f->err.reason, f->label,
				"skipped: %s", f->err.msg);
		if (r->set->strict) {
			*err = f->err;
			return rc_err_while(err, "scanning '%s' (--strict)", f->path);
		}
	}
	if (r->scan.n_failed < r->scan.n)
		return 0;
	warn_about(&r->problems);
	return rc_fail(err, RC_E_FORMAT, "no_input",
			       "no input file could be read (%zu given)", r->scan.n);
}

static int plan(struct rc_run *r, struct rc_err *err)
{
	struct rc_shard_info info = {.version = r->version, .recipe_json = r->recipe_json.p};
	int rc = rc_plan_make(&r->scan, &r->recipe, &r->problems, &r->plan, err);

	if (rc)
		return rc;
	rc = rc_writer_init(&r->writer, &r->plan, r->set, &info, err);
	if (rc)
		return rc;
	r->quality.problems = &r->problems;
	r->writer.quality = &r->quality;
	r->planned = true;
	warn_about(&r->problems);
	for (size_t i = 0; i < r->plan.n_episodes; i++) {
		const struct rc_plan_episode *e = &r->plan.episodes[i];
		if (!e->err)
			continue;
		rc_log(RC_LOG_WARN, "skipped '%s': %s", e->id, e->err->msg);
		if (r->set->strict) {
			*err = *e->err;
			return rc_err_while(err, "planning '%s' (--strict)", e->id);
		}
	}
	if (r->plan.n_order == 0)
		return rc_fail(err, RC_E_FORMAT, "no_episodes",
			       "no episode can be converted (%zu input files)", r->scan.n);
	return 0;
}

/* A plan of copies needs no device. */
static bool computes(const struct rc_plan *p)
{
	for (size_t i = 0; i < p->n_order; i++) {
		const struct rc_plan_episode *e = &p->episodes[p->order[i]];

		for (size_t k = 0; k < e->n_streams; k++)
			if (!e->streams[k].copies)
				return true;
	}
	return false;
}

/* What was named is opened before anything is done, so that its lack is known at once; what `auto`
 * comes to depends on the plan. */
static int open_devices(struct rc_run *r, bool planned, struct rc_err *err)
{
	struct rc_device_choice c;
	int rc = rc_device_parse(r->set->device, &c, err);

	if (rc || r->set->dry_run || planned != (c.mode == RC_DEVICE_AUTO))
		return rc;
	return rc_devices_open(&r->devices, &c, rc_simd_name(r->set->simd),
			       !planned || computes(&r->plan), err);
}

/* A device without room for the smallest slots is as good as none. */
static int divide_memory(struct rc_run *r, const struct rc_budget_ask *ask, struct rc_err *err)
{
	struct rc_err why = {0};
	int rc = rc_budget_make(ask, &r->budget, &why);

	if (rc == RC_E_DEVICE && rc_devices_may_fall_back(&r->devices)) {
		rc_devices_fall_back(&r->devices, &why);
		rc = rc_budget_make(ask, &r->budget, &why);
	}
	if (rc && err)
		*err = why;
	return rc;
}

static void show_progress(void *arg, const struct rc_writer *w)
{
	struct rc_run *r = arg;

	rc_progress_update(&r->progress, w->written_ticks, w->n_ok, w->write.bytes);
}

/* A report that says "running" stands in the output until the run ends: it marks the directory as
 * ours if the process is killed, and tells a monitor that it was. */
static int announce(struct rc_run *r, struct rc_err *err)
{
	char *path;
	int rc = rc_sprintf(&path, err, "%s/report.json", r->set->output);

	r->status = "running";
	if (!rc)
		rc = rc_report_write(r, path, NULL, err);
	if (rc)
		free(path);
	else
		r->announced = path;
	return rc;
}

static int convert(struct rc_run *r, struct rc_err *err)
{
	struct rc_budget_ask ask = {
		.plan = &r->plan,
		.devices = &r->devices,
		.memory = r->set->memory,
		.device_memory = r->set->device_memory,
		.shared_bytes = rc_readers_shared_bytes(r->readers),
		.n_workers = r->n_threads,
	};
	struct rc_pipeline_options opt = {
		.ask = &ask,
		.budget = &r->budget,
		.devices = &r->devices,
		.tick = show_progress,
		.tick_arg = r,
	};
	uint64_t ticks = 0;
	int rc = open_devices(r, true, err);

	if (!rc)
		rc = divide_memory(r, &ask, err);
	if (!rc)
		rc = rc_outdir_begin(&r->outdir, err);
	if (!rc)
		rc = announce(r, err);
	if (rc)
		return rc;
	rc_shard_init();
	for (size_t i = 0; i < r->plan.n_order; i++)
		ticks += r->plan.episodes[r->plan.order[i]].est_ticks;
	rc_progress_init(&r->progress, (enum rc_progress_mode)r->set->progress, ticks);
	rc = rc_pipeline_run(&r->plan, r->readers, &opt, &r->writer, &r->stats, err);
	rc_progress_end(&r->progress);
	rc_writer_abandon(&r->writer);
	if (!rc && r->writer.n_ok == 0)
		return rc_fail(err, RC_E_FORMAT, "no_episodes", "every episode was skipped");
	if (!rc)
		rc = rc_manifest_write(r->set->output, &r->writer, r->recipe_json.p, err);
	if (!rc)
		rc_outdir_finish(&r->outdir, &r->writer);
	return rc;
}

static int run(struct rc_run *r, char *const *operands, int n_operands, struct rc_buf *out,
	       struct rc_err *err)
{
	int rc;

	if (!r->set->output)
		return rc_fail(err, RC_E_USAGE, "output",
			       "--output DIR is missing: where the converted shards go");
	rc = rc_recipe_compile(r->set, &r->recipe, err);
	if (!rc)
		rc = rc_recipe_json(r->opts, &r->recipe_json, err);
	if (!rc)
		rc = rc_outdir_check(&r->outdir, r->set->output, r->set->force, err);
	if (!rc)
		rc = open_devices(r, false, err);
	if (!rc)
		rc = collect_inputs(r, operands, n_operands, err);
	if (!rc)
		rc = scan(r, err);
	if (!rc)
		rc = plan(r, err);
	if (rc)
		return rc;
	if (r->set->dry_run) {
		rc_plan_print(&r->plan, &r->recipe, out);
		return 0;
	}
	return convert(r, err);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void judge(struct rc_run *r, int rc)
{
	bool partial = r->scan.n_failed || (r->planned && r->writer.n_skipped) ||
		       rc_problems_any(&r->problems, RC_NOTE_ERROR);

	if (rc == RC_E_INTERRUPTED) {
		r->status = "interrupted";
		r->exit_code = 128 + rc_stop_signal();
	} else if (rc) {
		r->status = "failed";
		r->exit_code = rc_exit_of(rc);
	} else {
		r->status = partial ? "partial" : "ok";
		r->exit_code = partial ? RC_EXIT_PARTIAL : RC_EXIT_OK;
	}
}

static void summarise(const struct rc_run *r, const char *report, struct rc_buf *out)
{
	const struct rc_writer *w = &r->writer;
	char size[32];
	size_t shards = 0;

	for (size_t i = 0; i < r->plan.n_shards; i++)
		shards += w->shards[i].committed;
	rc_format_bytes(size, sizeof size, w->written_bytes);
	rc_buf_printf(out, "%llu episode%s, %llu steps -> %zu shard%s, %s in '%s'\n",
		      (unsigned long long)w->n_ok, rc_plural(w->n_ok),
		      (unsigned long long)w->written_ticks, shards, rc_plural(shards), size,
		      r->set->output);
	if (w->n_skipped || r->scan.n_failed)
		rc_buf_printf(out, "skipped: %llu episode%s, %zu file%s; reasons in the report\n",
			      (unsigned long long)w->n_skipped, rc_plural(w->n_skipped),
			      r->scan.n_failed, rc_plural(r->scan.n_failed));
	rc_buf_printf(out, "report: %s\n", report);
}

/* A run that never got past its arguments leaves no report behind; any other does, above all one
 * in which nothing could be converted. */
static bool wants_report(const struct rc_run *r, int rc)
{
	return rc != RC_E_USAGE && !r->set->dry_run && r->scan.n;
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int write_report(struct rc_run *r, struct rc_buf *out, struct rc_err *err)
{
	char *report;
	int rc;

	if (r->set->report) {
		rc = rc_strdup(&report, r->set->report, err);
	} else {
		rc = rc_mkdirs(r->set->output, err);
		if (!rc)
			rc = rc_sprintf(&report, err, "%s/report.json", r->set->output);
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

int rc_run_convert(struct rc_run *r, char *const *operands, int n_operands, struct rc_buf *out)
{
	struct rc_err late = {0};
	int rc;

	r->started_wall_ns = rc_wall_ns();
	r->started_ns = rc_now_ns();
	rc_mem_return_large();
	r->outdir.lock = -1;
	rc_problems_init(&r->problems);
	rc_buf_init(&r->recipe_json);
	r->n_threads = r->set->threads ? (int)r->set->threads : rc_allowed_cpus();
	rc = run(r, operands, n_operands, out, &r->err);
	judge(r, rc);
	if (wants_report(r, rc)) {
		rc = write_report(r, out, &late);
		if (rc && !r->err.code) {
			r->err = late;
			r->exit_code = rc_exit_of(rc);
		}
	}
	return r->exit_code;
}

void rc_run_release(struct rc_run *r)
{
	if (r->planned)
		rc_writer_release(&r->writer);
	rc_pipeline_stats_release(&r->stats);
	free(r->announced);
	rc_outdir_release(&r->outdir);
	rc_plan_release(&r->plan);
	rc_scan_release(&r->scan);
	rc_inputs_release(&r->inputs);
	rc_recipe_release(&r->recipe);
	rc_problems_release(&r->problems);
	rc_quality_release(&r->quality);
	rc_buf_release(&r->recipe_json);
	rc_devices_close(&r->devices);
}
