/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "report.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/outfile.h"
#include "machine.h"

enum { MAX_FINDINGS = 20 }; /* of an input */

static double seconds(int64_t ns)
{
	return (double)ns / 1e9;
}

static double per_second(uint64_t n, double s)
{
	return s > 0 ? (double)n / s : 0;
}

static void tool_json(const struct rc_run *r, struct rc_json *root)
{
	struct rc_json *o = rc_json_add_object(root, "tool");

	rc_json_add_string(o, "name", "robocache");
	rc_json_add_string(o, "version", r->version);
}

static void options_json(const struct rc_run *r, struct rc_json *run)
{
	struct rc_json *list = rc_json_add_array(run, "options");
	struct rc_buf value;

	rc_buf_init(&value);
	for (size_t i = 0; i < r->opts->n_rows; i++) {
		const struct rc_opt *row = &r->opts->rows[i];
		struct rc_json *o;

		if (row->hidden)
			continue;
		rc_buf_clear(&value);
		rc_opts_value_text(r->opts, i, &value);
		o = rc_json_add_object(list, NULL);
		rc_json_add_string(o, "name", row->name);
		rc_json_add_string(o, "value", value.p);
		rc_json_add_string(o, "source", rc_opt_source_name(r->opts->source[i]));
	}
	rc_buf_release(&value);
}

static void run_json(const struct rc_run *r, struct rc_json *root)
{
	struct rc_json *o = rc_json_add_object(root, "run"), *command;
	int64_t now = rc_now_ns();
	struct rusage self;
	char utc[32], cwd[4096];

	getrusage(RUSAGE_SELF, &self);
	command = rc_json_add_array(o, "command");
	for (int i = 0; i < r->argc; i++)
		rc_json_add_string(command, NULL, r->argv[i]);
	rc_json_add_string(o, "cwd", getcwd(cwd, sizeof cwd));
	rc_json_add_string(o, "status", r->status);
	if (!strcmp(r->status, "running"))
		rc_json_add_null(o, "exit_code");
	else
		rc_json_add_int(o, "exit_code", r->exit_code);
	rc_json_add_string(o, "error", r->err.code ? r->err.msg : NULL);
	rc_format_utc(utc, r->started_wall_ns);
	rc_json_add_string(o, "started_at", utc);
	rc_format_utc(utc, r->started_wall_ns + (now - r->started_ns));
	rc_json_add_string(o, "ended_at", utc);
	rc_json_add_double(o, "wall_s", seconds(now - r->started_ns));
	rc_json_add_double(o, "cpu_user_s",
			   (double)self.ru_utime.tv_sec + (double)self.ru_utime.tv_usec / 1e6);
	rc_json_add_double(o, "cpu_sys_s",
			   (double)self.ru_stime.tv_sec + (double)self.ru_stime.tv_usec / 1e6);
	rc_json_add_int(o, "max_rss_bytes", (int64_t)self.ru_maxrss * 1024);
	rc_json_add_uint(o, "budget_bytes", r->budget.bytes);
	rc_json_add_int(o, "threads", r->n_threads);
	options_json(r, o);
}

static void host_json(struct rc_json *root)
{
	struct rc_json *o = rc_json_add_object(root, "host");
	const char *job = getenv("SLURM_JOB_ID"), *task = getenv("SLURM_ARRAY_TASK_ID");
	struct utsname u;

	if (uname(&u) == 0) {
		char os[2 * sizeof u.sysname + 2];
		snprintf(os, sizeof os, "%s %s", u.sysname, u.release);
		rc_json_add_string(o, "hostname", u.nodename);
		rc_json_add_string(o, "os", os);
		rc_json_add_string(o, "machine", u.machine);
	}
	rc_json_add_int(o, "cpus_allowed", rc_allowed_cpus());
	if (job)
		rc_json_add_string(o, "slurm_job_id", job);
	if (task)
		rc_json_add_string(o, "slurm_array_task_id", task);
}

static void device_json(const struct rc_run *r, struct rc_json *root)
{
	struct rc_json *o = rc_json_add_object(root, "device");

	const struct rc_devices *d = &r->devices;
	struct rc_json *names;

	rc_json_add_string(o, "kind", d->n ? d->backend->name : NULL);
	rc_json_add_string(o, "name", d->n ? d->backend->describe(d->dev[0]) : NULL);
	rc_json_add_uint(o, "count", d->n);
	names = rc_json_add_array(o, "names");
	for (size_t i = 0; i < d->n; i++)
		rc_json_add_string(names, NULL, d->backend->describe(d->dev[i]));
	rc_json_add_uint(o, "memory_bytes", r->budget.device_used);
	rc_json_add_string(o, "fallback_reason", *d->fallback ? d->fallback : NULL);
	rc_json_add_uint(o, "recomputed_batches", r->stats.n_recomputed);
	rc_json_add_string(o, "error",
			   r->stats.device_err.code ? r->stats.device_err.msg : NULL);
	rc_json_add_uint(o, "retries", (uint64_t)r->retry.n);
	rc_json_add_string(o, "retry_reason", *r->retry.reason ? r->retry.reason : NULL);
}

static void given_up_json(struct rc_json *o, const char *name, const struct rc_sandbox *s)
{
	struct rc_json *list = rc_json_add_array(o, name);

	if (s->files)
		rc_json_add_string(list, NULL, "files");
	if (s->calls)
		rc_json_add_string(list, NULL, "calls");
}

static void sandbox_json(const struct rc_run *r, struct rc_json *root)
{
	static const char *const modes[] = {"auto", "off", "require"};
	struct rc_json *o = rc_json_add_object(root, "sandbox");
	const struct rc_sandbox *readers = rc_readers_sandbox(r->readers);
	int sys = readers->files_errno ? readers->files_errno : readers->calls_errno;

	rc_json_add_string(o, "mode", modes[r->set->sandbox]);
	rc_json_add_int(o, "landlock_abi", rc_sandbox_landlock_abi());
	given_up_json(o, "readers", readers);
	given_up_json(o, "run", &r->sandbox);
	rc_json_add_string(o, "reason", RC_SANITIZED ? "a build for sanitizers"
				      : sys	     ? strerror(sys)
						     : NULL);
}

static void input_totals(const struct rc_run *r, uint64_t *bytes, uint64_t *episodes,
			 uint64_t *samples)
{
	for (size_t i = 0; i < r->scan.n; i++) {
		const struct rc_index *ix = r->scan.files[i].index;
		if (!ix)
			continue;
		*bytes += ix->file_bytes;
		*episodes += ix->n_episodes;
		for (uint32_t k = 0; k < ix->n_streams; k++)
			*samples += ix->streams[k].n_rows;
	}
}

static uint64_t n_known(const struct rc_run *r)
{
	uint64_t n = 0;

	for (size_t i = 0; i < r->scan.n; i++)
		n += r->scan.files[i].known;
	return n;
}

static void summary_json(const struct rc_run *r, struct rc_json *root)
{
	struct rc_json *o = rc_json_add_object(root, "summary"), *b, *t;
	uint64_t bytes = 0, episodes = 0, samples = 0, shards = 0;
	double s = seconds(rc_now_ns() - r->started_ns);
	const struct rc_writer *w = &r->writer;

	input_totals(r, &bytes, &episodes, &samples);
	for (size_t i = 0; r->planned && i < r->plan.n_shards; i++)
		shards += w->shards[i].committed;
	b = rc_json_add_object(o, "before");
	rc_json_add_uint(b, "files", r->inputs.n);
	rc_json_add_uint(b, "files_from_index", r->scan.n_reused);
	rc_json_add_uint(b, "episodes", episodes);
	rc_json_add_uint(b, "samples", samples);
	rc_json_add_uint(b, "bytes", bytes);
	b = rc_json_add_object(o, "after");
	rc_json_add_uint(b, "shards", shards);
	rc_json_add_uint(b, "episodes", r->planned ? w->n_ok : 0);
	rc_json_add_uint(b, "ticks", r->planned ? w->written_ticks : 0);
	rc_json_add_uint(b, "bytes", r->planned ? w->written_bytes : 0);
	b = rc_json_add_object(o, "done_before");
	rc_json_add_uint(b, "shards", r->resume.n_shards);
	rc_json_add_uint(b, "episodes", r->resume.n_episodes);
	rc_json_add_uint(b, "ticks", r->resume.n_ticks);
	rc_json_add_uint(b, "bytes", r->resume.n_bytes);
	rc_json_add_uint(o, "skipped_episodes", r->planned ? w->n_skipped : 0);
	rc_json_add_uint(o, "skipped_files", r->scan.n_failed);
	rc_json_add_uint(o, "unopened_files", n_known(r));
	t = rc_json_add_object(o, "throughput");
	rc_json_add_double(t, "episodes_per_s",
			   per_second(r->planned ? w->n_ok - r->resume.n_episodes : 0, s));
	rc_json_add_double(t, "read_bytes_per_s", per_second(r->stats.read.bytes, s));
	rc_json_add_double(t, "write_bytes_per_s",
			   per_second(r->planned ? w->written_bytes - r->resume.n_bytes : 0, s));
}

static void stage_json(struct rc_json *list, const char *name, const struct rc_stage_time *t,
		       int64_t wait_in_ns)
{
	struct rc_json *o = rc_json_add_object(list, NULL);

	rc_json_add_string(o, "name", name);
	rc_json_add_double(o, "busy_s", seconds(t->busy_ns));
	if (wait_in_ns >= 0)
		rc_json_add_double(o, "wait_s", seconds(wait_in_ns));
	rc_json_add_uint(o, "items", t->items);
	rc_json_add_uint(o, "bytes", t->bytes);
}

static void worker_json(struct rc_json *list, int i, const struct rc_worker_time *t)
{
	struct rc_json *o = rc_json_add_object(list, NULL);
	int64_t wait = t->work_wait_ns + t->device_wait_ns;
	char name[32];

	snprintf(name, sizeof name, "worker %d", i);
	rc_json_add_string(o, "name", name);
	rc_json_add_double(o, "busy_s", seconds(t->life_ns - wait));
	rc_json_add_double(o, "wait_s", seconds(wait));
	rc_json_add_double(o, "prepare_s", seconds(t->prepare_ns));
	rc_json_add_double(o, "read_s", seconds(t->read_ns));
	rc_json_add_double(o, "decode_s", seconds(t->decode_ns));
	rc_json_add_double(o, "encode_s", seconds(t->encode_ns));
	rc_json_add_uint(o, "batches", t->n_batches);
}

static void threads_json(const struct rc_run *r, struct rc_json *pipeline)
{
	struct rc_json *list = rc_json_add_array(pipeline, "threads"), *o;

	for (int i = 0; i < r->stats.n_workers; i++)
		worker_json(list, i, &r->stats.workers[i]);
	o = rc_json_add_object(list, NULL);
	rc_json_add_string(o, "name", "writer");
	rc_json_add_double(o, "busy_s", seconds(r->writer.write.busy_ns));
	rc_json_add_double(o, "wait_s", seconds(r->stats.writer_wait_ns +
						r->writer.commit_wait_ns));
}

static void stages_json(const struct rc_run *r, struct rc_json *root)
{
	struct rc_json *list = rc_json_add_array(root, "stages"), *o;
	const struct rc_pipeline_stats *st = &r->stats;
	const struct {
		const char *name;
		struct rc_stage_time t;
		int64_t wait_ns;
	} rows[] = {
		{"scan", {r->scan.busy_ns, r->scan.n, 0}, -1},
		{"prepare", {st->all.prepare_ns, st->all.n_prepared, 0}, -1},
		{"read", st->read, -1},
		{"decode", st->decode, -1},
		{"upload", st->upload, -1},
		{"compute", st->compute, -1},
		{"download", st->download, -1},
		{"encode", st->encode, -1},
		{"write", r->writer.write, st->writer_wait_ns},
		{"commit", r->writer.commit, -1},
	};
	enum { WRITE = RC_ARRAY_LEN(rows) - 2, COMMIT };
	double wall = seconds(rc_now_ns() - r->started_ns), most = -1;
	const char *bottleneck = NULL;

	for (size_t i = 0; i < RC_ARRAY_LEN(rows); i++) {
		double share = seconds(rows[i].t.busy_ns);

		if (i < WRITE && st->n_workers) /* of the workers, who share them */
			share /= st->n_workers;
		if (i == COMMIT) /* beside all others, as long as nobody waits for it */
			share = seconds(r->writer.commit_wait_ns);
		stage_json(list, rows[i].name, &rows[i].t, rows[i].wait_ns);
		if (share > most) {
			most = share;
			bottleneck = rows[i].name;
		}
	}
	o = rc_json_add_object(root, "pipeline");
	rc_json_add_int(o, "workers", st->n_workers);
	rc_json_add_int(o, "slots", st->n_slots);
	rc_json_add_uint(o, "slot_bytes", r->budget.slot_bytes);
	rc_json_add_uint(o, "batches", st->n_batches);
	if (st->steady)
		rc_json_add_uint(o, "late_allocations", st->late_allocs);
	else
		rc_json_add_null(o, "late_allocations");
	if (st->steady)
		rc_json_add_uint(o, "late_writer_allocations", st->late_writer_allocs);
	else
		rc_json_add_null(o, "late_writer_allocations");
	rc_json_add_uint(o, "larger_chunks", st->n_grown);
	rc_json_add_double(o, "worker_wait_s", seconds(st->all.work_wait_ns));
	rc_json_add_double(o, "device_wait_s", seconds(st->all.device_wait_ns));
	rc_json_add_double(o, "writer_wait_s", seconds(st->writer_wait_ns));
	rc_json_add_double(o, "commit_wait_s", seconds(r->writer.commit_wait_ns));
	rc_json_add_string(o, "bottleneck", bottleneck);
	rc_json_add_double(o, "bottleneck_share", wall > 0 ? most / wall : 0);
	threads_json(r, o);
}

/* Codecs that were not met are left out. */
static void codecs_json(const struct rc_run *r, struct rc_json *root)
{
	struct rc_json *list = rc_json_add_array(root, "codecs");
	struct rc_codec_count in[RC_N_CODECS] = {0};

	if (r->readers)
		rc_readers_codecs(r->readers, in);
	for (int i = 0; i < RC_N_CODECS; i++) {
		const struct rc_encode_count *out = &r->writer.encoded[i];
		struct rc_json *o;

		if (!in[i].decoded_chunks && !in[i].copied_chunks && !out->chunks)
			continue;
		o = rc_json_add_object(list, NULL);
		rc_json_add_string(o, "name", rc_codec_name((enum rc_codec)i));
		rc_json_add_uint(o, "decoded_chunks", in[i].decoded_chunks);
		rc_json_add_uint(o, "decoded_in_bytes", in[i].decoded_in_bytes);
		rc_json_add_uint(o, "decoded_out_bytes", in[i].decoded_out_bytes);
		rc_json_add_uint(o, "encoded_chunks", out->chunks);
		rc_json_add_uint(o, "encoded_in_bytes", out->in_bytes);
		rc_json_add_uint(o, "encoded_out_bytes", out->out_bytes);
		rc_json_add_uint(o, "copied_chunks", in[i].copied_chunks);
		rc_json_add_uint(o, "copied_bytes", in[i].copied_bytes);
	}
}

static void add_convention(struct rc_json *list, const char *key, const char *value,
			   const char *origin, const char *where)
{
	struct rc_json *o = rc_json_add_object(list, NULL);

	rc_json_add_string(o, "key", key);
	rc_json_add_string(o, "value", value);
	rc_json_add_string(o, "origin", origin);
	rc_json_add_string(o, "where", where);
}

/* The first dataset whose colours --decode gave an order. */
static void channel_order_json(const struct rc_run *r, struct rc_json *list)
{
	for (size_t i = 0; i < r->scan.n; i++) {
		const struct rc_index *ix = r->scan.files[i].index;

		for (uint32_t k = 0; ix && k < ix->n_datasets; k++) {
			const struct rc_dataset *d = &ix->datasets[k];

			if (d->frames.order == RC_ORDER_ENCODED || d->frames.channels < 3)
				continue;
			add_convention(list, "channel_order",
				       d->frames.order == RC_ORDER_BGR ? "bgr" : "rgb",
				       d->frames.order == RC_ORDER_ASSUMED ? "assumed" : "option",
				       rc_index_str(ix, d->path));
			return;
		}
	}
}

/* A convention of one file, with the index its strings lie in. */
struct convention {
	const struct rc_index *ix;
	const struct rc_index_convention *c;
};

static bool same_convention(const struct convention *a, const struct convention *b)
{
	return !strcmp(rc_index_str(a->ix, a->c->key), rc_index_str(b->ix, b->c->key)) &&
	       !strcmp(rc_index_str(a->ix, a->c->value), rc_index_str(b->ix, b->c->value)) &&
	       !strcmp(rc_index_str(a->ix, a->c->origin), rc_index_str(b->ix, b->c->origin)) &&
	       !strcmp(rc_index_str(a->ix, a->c->where), rc_index_str(b->ix, b->c->where));
}

/* What the user said; of a key that was said for all streams, what the files say does not count. */
static void said_json(const struct rc_run *r, struct rc_json *list)
{
	for (size_t i = 0; i < r->recipe.convention.n; i++) {
		const struct rc_rule *rule = &r->recipe.convention.r[i];

		add_convention(list, rc_convention_name((enum rc_convention)rule->number),
			       rule->value, "option", rule->pattern);
	}
}

/* The ledger of the dataset: files that agree share a line. */
static void conventions_json(const struct rc_run *r, struct rc_json *root)
{
	struct rc_json *list = rc_json_add_array(root, "conventions");
	struct convention seen[64];
	size_t n = 0;

	said_json(r, list);
	for (size_t i = 0; i < r->scan.n; i++) {
		const struct rc_index *ix = r->scan.files[i].index;

		for (uint32_t k = 0; ix && k < ix->n_conventions; k++) {
			struct convention c = {ix, &ix->conventions[k]};
			size_t at = 0;

			while (at < n && !same_convention(&seen[at], &c))
				at++;
			if (at < n || n == RC_ARRAY_LEN(seen) ||
			    rc_convention_of_all(&r->recipe.convention,
						 rc_index_str(ix, c.c->key)))
				continue;
			seen[n++] = c;
			add_convention(list, rc_index_str(ix, c.c->key),
				       rc_index_str(ix, c.c->value), rc_index_str(ix, c.c->origin),
				       rc_index_str(ix, c.c->where));
		}
	}
	channel_order_json(r, list);
}

static bool episode_json(const void *arg, size_t i, struct rc_json *o)
{
	const struct rc_run *r = arg;
	const struct rc_episode_result *e = &r->writer.episodes[i];
	const struct rc_plan_episode *p = &r->plan.episodes[i];
	bool ok = e->outcome == RC_OUTCOME_OK;

	rc_json_add_string(o, "id", p->id);
	rc_json_add_string(o, "source", r->scan.files[p->i_file].path);
	rc_json_add_string(o, "status",
			   ok ? "ok" : e->outcome == RC_OUTCOME_SKIPPED ? "skipped" : "not_done");
	if (p->split)
		rc_json_add_string(o, "split", p->split);
	if (ok) {
		rc_json_add_string(o, "shard", r->writer.shards[e->shard].name);
		rc_json_add_string(o, "name", e->name);
		rc_json_add_uint(o, "ticks", e->n_ticks);
		rc_json_add_uint(o, "invalid", e->n_invalid);
		rc_json_add_double(o, "duration_s", seconds(e->duration_ns));
	} else if (e->outcome == RC_OUTCOME_SKIPPED) {
		rc_json_add_string(o, "reason", e->err->reason);
		rc_json_add_string(o, "message", e->err->msg);
	}
	return true;
}

static bool shard_json(const void *arg, size_t i, struct rc_json *o)
{
	const struct rc_run *r = arg;
	const struct rc_shard_result *s = &r->writer.shards[i];
	char hex[RC_DIGEST_HEX];

	if (!s->committed)
		return false;
	rc_json_add_string(o, "path", s->name);
	rc_json_add_uint(o, "bytes", s->bytes);
	rc_json_add_uint(o, "episodes", s->n_episodes);
	rc_json_add_uint(o, "recomputed_batches", s->n_recomputed);
	rc_digest_hex(s->digest, hex);
	rc_json_add_string(o, "xxh3_128", hex);
	if (s->unpacked_bytes) {
		rc_json_add_uint(o, "unpacked_bytes", s->unpacked_bytes);
		rc_digest_hex(s->unpacked_digest, hex);
		rc_json_add_string(o, "unpacked_xxh3_128", hex);
	}
	rc_digest_hex(s->content, hex);
	rc_json_add_string(o, "content_xxh3_128", hex);
	return true;
}

/* Which inputs the findings under `problems` are about, where each is told once for all. */
static void findings_json(const struct rc_index *ix, struct rc_json *o)
{
	struct rc_json *list = rc_json_add_array(o, "findings");
	size_t n = 0;

	for (uint32_t i = 0; i < ix->n_notes && n < MAX_FINDINGS; i++) {
		const struct rc_note *note = &ix->notes[i];
		struct rc_json *one;

		if (note->severity == RC_NOTE_INFO)
			continue;
		one = rc_json_add_object(list, NULL);
		rc_json_add_string(one, "code", rc_index_str(ix, note->code));
		rc_json_add_string(one, "where", rc_index_str(ix, note->where));
		n++;
	}
}

static bool input_json(const void *arg, size_t i, struct rc_json *o)
{
	const struct rc_run *r = arg;
	const struct rc_scanned *f = &r->scan.files[i];
	char utc[32];

	rc_json_add_string(o, "path", f->path);
	rc_json_add_string(o, "status", f->index ? "ok" : "skipped");
	if (!f->index) {
		rc_json_add_string(o, "reason", f->err.reason);
		rc_json_add_string(o, "message", f->err.msg);
		rc_json_add_bool(o, "opened", !f->known);
		return true;
	}
	rc_json_add_uint(o, "bytes", f->index->file_bytes);
	rc_format_utc(utc, f->index->mtime_ns);
	rc_json_add_string(o, "mtime", utc);
	rc_json_add_string(o, "layout", rc_index_str(f->index, f->index->layout));
	rc_json_add_string(o, "layout_reason", rc_index_str(f->index, f->index->layout_reason));
	rc_json_add_uint(o, "episodes", f->index->n_episodes);
	findings_json(f->index, o);
	return true;
}

int rc_report_text(struct rc_run *r, struct rc_buf *b, struct rc_err *err)
{
	struct rc_json *root = rc_json_new_object();
	int rc;

	rc_json_add_string(root, "schema", RC_REPORT_SCHEMA);
	rc_json_add_string(root, "schema_version", "1.0");
	tool_json(r, root);
	run_json(r, root);
	host_json(root);
	device_json(r, root);
	sandbox_json(r, root);
	summary_json(r, root);
	stages_json(r, root);
	codecs_json(r, root);
	rc_quality_json(&r->quality, root, "streams");
	conventions_json(r, root);
	rc_json_add_list(root, "episodes", r->planned ? r->plan.n_episodes : 0, episode_json, r);
	rc_json_add_list(root, "shards", r->planned ? r->plan.n_shards : 0, shard_json, r);
	rc_json_add_list(root, "inputs", r->scan.n, input_json, r);
	rc_problems_sort(&r->problems);
	rc_problems_json(&r->problems, root, "problems");
	rc = rc_json_text(root, true, b, err);
	rc_json_free(root);
	return rc;
}

int rc_report_write(struct rc_run *r, const char *path, struct rc_buf *out, struct rc_err *err)
{
	struct rc_buf text;
	int rc;

	if (!strcmp(path, "-"))
		return rc_report_text(r, out, err);
	rc_buf_init(&text);
	rc = rc_report_text(r, &text, err);
	if (!rc)
		rc = rc_outfile_put(path, text.p, text.len, err);
	rc_buf_release(&text);
	return rc;
}
