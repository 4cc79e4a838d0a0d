/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "run_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "confine.h"
#include "machine.h"
#include "map.h"
#include "manifest.h"
#include "report.h"
#include "signals.h"

int rc_exit_of(int code)
{
	if (code == 0)
		return RC_EXIT_OK;
	if (code == RC_E_USAGE)
		return RC_EXIT_USAGE;
	if (code == RC_E_STOPPED)
		return RC_EXIT_STOPPED;
	return code == RC_E_OUTPUT ? RC_EXIT_OUTPUT : RC_EXIT_FAILED;
}

/* --- the steps -------------------------------------------------------------------------------- */

/* Gives up what is not needed, as far as that is known by now: again when the inputs are, and when
 * the output directory is there. */
static int confine(struct rc_run *r, bool inputs_known, struct rc_err *err)
{
	const struct rc_settings *set = r->set;
	const char *written[] = {set->output, set->report, set->index, r->scratch_dir};
	const char *read[] = {set->recipe, r->map_file, set->files_from}; /* if started again */
	struct rc_device_choice c;
	struct rc_confine_ask ask = {
		.mode = (enum rc_sandbox_mode)set->sandbox,
		.written = written,
		.n_written = RC_ARRAY_LEN(written),
		.read = read,
		.n_read = RC_ARRAY_LEN(read),
		.inputs = inputs_known ? &r->inputs : NULL,
		.external = set->allow_external,
		.executes = set->on_gpu_error == RC_GPU_ERROR_RETRY,
	};
	int rc = rc_device_parse(set->device, &c, err);

	if (rc)
		return rc;
	ask.devices = c.mode != RC_DEVICE_CPU && rc_backend_find("cuda");
	return rc_confine(&ask, &r->sandbox, err);
}

static int prepare(struct rc_run *r, struct rc_err *err)
{
	int rc = rc_scratch_dir(r->set->scratch_dir, r->set->output, &r->scratch_dir, err);

	return rc ? rc : confine(r, false, err);
}

static bool is_stdin(const char *name)
{
	return name && !strcmp(name, "-");
}

/* What was read from a pipe or sent into one cannot be read or sent again. */
static int check_retry(const struct rc_run *r, struct rc_err *err)
{
	bool piped = is_stdin(r->set->files_from) || is_stdin(r->set->recipe) || r->pipe;
	struct rc_unpacked_id id;

	for (size_t i = 0; i < r->inputs.n && !piped; i++)
		piped = rc_unpacked_look(r->unpacked, r->inputs.files[i].path, &id) && id.piped;
	if (!piped || r->set->on_gpu_error != RC_GPU_ERROR_RETRY)
		return 0;
	return rc_fail(err, RC_E_USAGE, "option",
		       "--on-gpu-error retry starts the run again, which standard input or output "
		       "does not allow; name files and a directory, or use --on-gpu-error cpu");
}

static int collect_inputs(struct rc_run *r, char *const *operands, int n, struct rc_err *err)
{
	struct rc_input_options opt = {
		.operands = operands,
		.n_operands = n,
		.files_from = r->set->files_from,
		.null_separated = r->set->null_separated,
		.exclude_dir = r->set->output,
	};
	uint64_t memory = rc_amount_of(r->set->memory, rc_allowed_memory());
	int rc;

	if (n == 0 && !r->set->files_from)
		return rc_fail(err, RC_E_USAGE, "input",
			       "no input; name HDF5 files or directories, or --files-from FILE "
			       "(see robocache convert --help)");
	rc = rc_scratch_unpacked(r->scratch_dir, memory / RC_UNPACKED_PART, &r->unpacked, err);
	opt.unpacked = r->unpacked;
	if (!rc)
		rc = rc_inputs_collect(&opt, &r->inputs, err);
	if (!rc)
		rc_readers_use(r->readers, r->unpacked);
	if (!rc)
		rc = check_retry(r, err);
	if (!rc)
		rc = confine(r, true, err);
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

/* What need not be opened: what the last run into this directory found bad, and, to go on with it
 * and nothing else, all that it could not read. */
static int list_known(struct rc_run *r, struct rc_err *err)
{
	char room[RC_READING_ROOM];
	int rc = 0;

	if (!r->set->retry_quarantined)
		rc = rc_known_read(&r->known, r->set->output, r->version,
				   rc_reading_name(rc_run_reads_as(r), r->set->allow_external,
						   room), err);
	if (!rc && !r->set->retry_quarantined && !r->set->force)
		rc = rc_resume_known(&r->resume, &r->known, err);
	rc_known_sort(&r->known);
	return rc;
}

/* Counts what --max-bad is about, and what of it is bad by now. */
static int check_bad_files(struct rc_run *r, struct rc_err *err)
{
	struct rc_bad_limit *l = &r->bad_limit;
	size_t n_known = 0;

	l->n_files = r->scan.n_failed;
	l->n_all = r->scan.n_failed;
	for (size_t i = 0; i < r->scan.n; i++) {
		const struct rc_scanned *f = &r->scan.files[i];

		l->n_all += f->index ? f->index->n_episodes : 0;
		n_known += f->known;
	}
	if (n_known)
		rc_log(RC_LOG_INFO, "%zu input%s known to be bad %s not opened; "
		       "--retry-quarantined tries again", n_known, rc_plural(n_known),
		       n_known == 1 ? "was" : "were");
	return rc_bad_limit_check(l, 0, err);
}

static enum rc_frame_order decode_order(const struct rc_settings *set)
{
	static const enum rc_frame_order orders[] = {
		[RC_CHANNELS_AUTO] = RC_ORDER_ASSUMED,
		[RC_CHANNELS_RGB] = RC_ORDER_RGB,
		[RC_CHANNELS_BGR] = RC_ORDER_BGR,
	};

	return set->decode ? orders[set->channel_order] : RC_ORDER_ENCODED;
}

static int scan(struct rc_run *r, struct rc_err *err)
{
	int64_t t0 = rc_now_ns();
	const struct rc_scan_ask ask = {
		.readers = r->readers,
		.inputs = &r->inputs,
		.known = &r->known,
		.layout = rc_run_reads_as(r),
		.index_file = r->set->index,
		.keep_index = r->set->dry_run,
		.external = r->set->allow_external,
		.decode = decode_order(r->set),
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
	rc_scan_tell_twice(&r->scan, &r->problems);
	rc = check_bad_files(r, err);
	if (rc || r->scan.n_failed < r->scan.n)
		return rc;
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
	r->writer.bad_limit = &r->bad_limit;
	r->writer.pipe = r->pipe;
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
	rc = rc_bad_limit_check(&r->bad_limit, r->writer.n_skipped, err);
	if (!rc && r->plan.n_order == 0)
		rc = rc_fail(err, RC_E_FORMAT, "no_episodes",
			     "no episode can be converted (%zu input files)", r->scan.n);
	return rc;
}

/* --- going on --------------------------------------------------------------------------------- */

static int read_past(struct rc_run *r, struct rc_err *err)
{
	int rc = 0;

	if (!r->set->resume)
		return 0;
	rc = rc_outdir_lock(&r->outdir, err);
	return rc ? rc : rc_resume_read(&r->resume, r->set->output, r->set->force, err);
}

static struct rc_journal_facts journal_facts(const struct rc_run *r)
{
	return (struct rc_journal_facts){
		.plan = &r->plan,
		.indexes = r->indexes,
		.recipe_json = r->recipe_json.p,
		.version = r->version,
		.container = r->set->container == RC_CONTAINER_OUT_ZST ? "h5.zst" : "h5",
	};
}

/* What is left of the plan goes to r->resume.todo. */
static int adopt_past(struct rc_run *r, struct rc_err *err)
{
	struct rc_resume_ask ask = {
		.dir = r->set->output,
		.readers = r->readers,
		.n_threads = r->n_threads,
		.retry = r->set->retry_quarantined,
	};
	int rc = rc_journal_indexes(&r->scan, &r->indexes, err);

	ask.facts = journal_facts(r);
	if (!rc)
		rc = rc_resume_check(&r->resume, &ask.facts, r->set->force, ask.retry, err);
	return rc ? rc : rc_resume_adopt(&r->resume, &ask, &r->writer, err);
}

/* The plan as far as it is to be done. */
static const struct rc_plan *todo(const struct rc_run *r)
{
	return &r->resume.todo;
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
	c.on_error = (enum rc_gpu_error)r->set->on_gpu_error;
	return rc_devices_open(&r->devices, &c, rc_simd_name(r->set->simd),
			       !planned || computes(todo(r)), err);
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
	char *path = NULL;
	int rc = rc_sprintf(&path, err, "%s/" RC_REPORT_NAME, r->set->output);

	r->status = "running";
	if (!rc)
		rc = rc_report_write(r, path, NULL, err);
	if (rc)
		free(path);
	else
		r->announced = path;
	return rc;
}

/* The directory is ours from here on, and what was in it is not the dataset any more. */
static int take_output(struct rc_run *r, bool anything_to_do, struct rc_err *err)
{
	const struct rc_journal_facts facts = journal_facts(r);
	bool same = r->resume.open && !r->resume.other && !r->set->retry_quarantined;
	int rc = rc_outdir_begin(&r->outdir, err);

	if (!rc)
		rc = confine(r, true, err);
	r->writing = !rc;
	if (r->pipe) /* nothing stays there that could be gone on with */
		return rc ? rc : rc_outpipe_begin(r->pipe, r->plan.n_shards, err);
	if (!rc && anything_to_do)
		rc = rc_outdir_retract(&r->outdir, err);
	for (size_t i = 0; i < r->outdir.n_old && !rc; i++)
		rc = rc_journal_replaces(r->outdir.old[i], &r->resume.lines, err);
	if (!rc && (anything_to_do || !same))
		rc = rc_journal_begin(&r->journal, r->set->output, &facts, &r->resume.lines, err);
	if (!rc && anything_to_do)
		rc = announce(r, err);
	if (!rc)
		r->writer.journal = &r->journal;
	return rc;
}

static int run_pipeline(struct rc_run *r, struct rc_err *err)
{
	struct rc_budget_ask ask = {
		.plan = todo(r),
		.devices = &r->devices,
		.memory = r->set->memory,
		.device_memory = r->set->device_memory,
		.shared_bytes = rc_readers_shared_bytes(r->readers),
		.n_workers = r->n_threads,
		.unpacks = !rc_unpacked_empty(r->unpacked),
	};
	struct rc_pipeline_options opt = {
		.ask = &ask,
		.budget = &r->budget,
		.devices = &r->devices,
		.tick = show_progress,
		.tick_arg = r,
	};
	uint64_t ticks = r->resume.n_ticks;
	int rc = open_devices(r, true, err);

	if (!rc)
		rc = divide_memory(r, &ask, err);
	if (!rc)
		rc = take_output(r, true, err);
	if (rc)
		return rc;
	rc_shard_init();
	for (size_t i = 0; i < todo(r)->n_order; i++)
		ticks += r->plan.episodes[todo(r)->order[i]].est_ticks;
	rc_progress_init(&r->progress, (enum rc_progress_mode)r->set->progress, ticks);
	rc = rc_pipeline_run(todo(r), r->readers, &opt, &r->writer, &r->stats, err);
	rc_progress_end(&r->progress);
	rc_writer_abandon(&r->writer);
	return rc;
}

static int convert(struct rc_run *r, struct rc_err *err)
{
	int rc = todo(r)->n_order ? run_pipeline(r, err) : take_output(r, false, err);

	if (!rc && r->writer.n_ok == 0)
		return rc_fail(err, RC_E_FORMAT, "no_episodes", "every episode was skipped");
	if (!rc)
		rc = rc_manifest_write(r->set->output, &r->writer, r->recipe_json.p, err);
	if (!rc && r->pipe)
		rc = rc_outpipe_end(r->pipe, err);
	if (!rc)
		rc = rc_outdir_finish(&r->outdir, &r->writer, err);
	return rc;
}

static void print_plan(const struct rc_run *r, struct rc_buf *out)
{
	rc_plan_print(&r->plan, &r->recipe, out);
	if (r->resume.open)
		rc_buf_printf(out, "done already: %zu of %zu shards\n", r->resume.n_shards,
			      r->plan.n_shards);
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
		rc = rc_bad_limit_parse(r->set->max_bad, &r->bad_limit, err);
	if (!rc && r->set->time_limit_ns < 0)
		rc = rc_fail(err, RC_E_USAGE, "option", "--time-limit is negative");
	if (!rc)
		rc = rc_outdir_check(&r->outdir, r->set->output, err);
	if (!rc)
		rc = rc_outdir_check_report(&r->outdir, r->set->report, err);
	if (!rc)
		rc = read_past(r, err);
	if (!rc)
		rc = list_known(r, err);
	if (!rc)
		rc = prepare(r, err);
	if (!rc)
		rc = open_devices(r, false, err);
	if (!rc)
		rc = collect_inputs(r, operands, n_operands, err);
	if (!rc)
		rc = scan(r, err);
	if (!rc)
		rc = plan(r, err);
	if (!rc)
		rc = adopt_past(r, err);
	if (!rc && r->set->dry_run)
		print_plan(r, out);
	else if (!rc)
		rc = convert(r, err);
	return rc;
}

/* --- the whole ------------------------------------------------------------------------------- */

int rc_run_convert(struct rc_run *r, char *const *operands, int n_operands, struct rc_buf *out)
{
	int rc;

	r->started_wall_ns = rc_wall_ns();
	r->started_ns = rc_now_ns();
	rc_mem_return_large();
	r->outdir = (struct rc_outdir){.force = r->set->force, .resume = r->set->resume};
	r->journal.fd = -1;
	rc_problems_init(&r->problems);
	rc_buf_init(&r->recipe_json);
	r->n_threads = r->set->threads ? (int)r->set->threads : rc_allowed_cpus();
	rc = run(r, operands, n_operands, out, &r->err);
	rc_run_end(r, rc, out);
	return r->exit_code;
}

void rc_run_release(struct rc_run *r)
{
	if (r->planned)
		rc_writer_release(&r->writer);
	rc_pipeline_stats_release(&r->stats);
	rc_journal_close(&r->journal);
	rc_resume_release(&r->resume);
	rc_known_release(&r->known);
	free(r->indexes);
	free(r->announced);
	rc_outdir_release(&r->outdir);
	rc_plan_release(&r->plan);
	rc_scan_release(&r->scan);
	rc_inputs_release(&r->inputs);
	rc_readers_use(r->readers, NULL);
	rc_unpacked_free(r->unpacked);
	free(r->scratch_dir);
	rc_recipe_release(&r->recipe);
	rc_problems_release(&r->problems);
	rc_quality_release(&r->quality);
	rc_buf_release(&r->recipe_json);
	rc_devices_close(&r->devices);
}
