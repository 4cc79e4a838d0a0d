/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "cmd.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "machine.h"
#include "manifest.h"
#include "map.h"
#include "run.h"
#include "signals.h"
#include "survey.h"

struct options {
	const char *files_from;
	bool null_separated;
	const char *layout_in, *map;
	bool allow_external;
	const char *index;
	const char *scratch_dir;
	bool json, long_form;
	int64_t threads;
	int sandbox;
	int quiet, verbose;
	bool help, dump_options;
};

#define AT(field) offsetof(struct options, field)

static const struct rc_opt rows[] = {
	{.name = "files-from", .type = RC_OPT_STRING, .offset = AT(files_from), .arg = "FILE",
	 .group = "Input", .no_env = true,
	 .help = "read names of inputs from FILE, one a line; - is standard input"},
	{.name = "null", .letter = '0', .type = RC_OPT_FLAG, .offset = AT(null_separated),
	 .group = "Input", .no_env = true,
	 .help = "names in --files-from end with NUL, as find -print0 writes them"},
	{.name = "layout-in", .type = RC_OPT_STRING, .offset = AT(layout_in), .arg = "NAME",
	 .group = "Input",
	 .help = "read inputs as this layout instead of guessing; robocache layouts lists them"},
	{.name = "map", .type = RC_OPT_STRING, .offset = AT(map), .arg = "FILE",
	 .help = "read inputs as this JSON map of paths to streams and clocks says"},
	{.name = "allow-external", .type = RC_OPT_FLAG, .offset = AT(allow_external),
	 .group = "Input",
	 .help = "follow links, virtual datasets and external storage to other files of the "
		 "input directory"},
	{.name = "index", .type = RC_OPT_STRING, .offset = AT(index), .arg = "FILE",
	 .group = "Input", .no_env = true,
	 .help = "keep what the scan finds in FILE, and open only files that are new or changed"},
	{.name = "scratch-dir", .type = RC_OPT_STRING, .offset = AT(scratch_dir), .arg = "DIR",
	 .group = "Input",
	 .help = "where what is unpacked lies if memory is short; else TMPDIR or /var/tmp"},

	{.name = "json", .type = RC_OPT_FLAG, .offset = AT(json), .group = "Output",
	 .no_env = true, .help = "print one JSON object, a file a line"},
	{.name = "long", .letter = 'l', .type = RC_OPT_FLAG, .offset = AT(long_form),
	 .group = "Output", .no_env = true,
	 .help = "show every file and every episode by itself"},

	{.name = "threads", .letter = 'j', .type = RC_OPT_INT, .offset = AT(threads), .arg = "N",
	 .dflt = "0", .lo = 0, .hi = 1024, .group = "Run",
	 .help = "worker threads; 0 for every CPU this process may use"},
	RC_CMD_SANDBOX_ROW(AT(sandbox)),
	{.name = "quiet", .letter = 'q', .type = RC_OPT_COUNT, .offset = AT(quiet),
	 .group = "Run", .no_env = true, .help = "less on standard error; twice: only errors"},
	{.name = "verbose", .letter = 'v', .type = RC_OPT_COUNT, .offset = AT(verbose),
	 .group = "Run", .no_env = true, .help = "say more"},
	{.name = "help", .letter = 'h', .type = RC_OPT_FLAG, .offset = AT(help), .group = "Run",
	 .no_env = true, .help = "show this help"},
	{.name = "dump-options", .type = RC_OPT_FLAG, .offset = AT(dump_options), .hidden = true,
	 .help = "the rows of this table, for the checks of the documentation"},
};

static const char usage[] =
	"usage: robocache inspect [OPTION]... INPUT...\n\n"
	"Shows what HDF5 files and directories of them hold: episodes, streams, clocks and\n"
	"how good they are, storage, conventions.  Files with the same streams are shown as\n"
	"one.  Values other than clocks are not read.\n";

static const char examples[] =
	"\nExamples:\n"
	"  robocache inspect raw/\n"
	"  robocache inspect --long demo.hdf5 | less -S\n"
	"  robocache inspect --json raw/ | jq '.files[].episodes[].streams[].clock.rate_hz'\n"
	"\nExit status: 0 done, 1 nothing could be read, 2 usage, 3 some files could not be\n"
	"read, 128+N ended by signal N.\n";

/* --- datasets of our own ---------------------------------------------------------------------- */

/* A directory that was named and holds what `convert` wrote. */
struct own {
	const char *dir;
	struct rc_manifest manifest;
	bool has_report;
};

static bool look_for_own(const char *dir, struct own *own)
{
	struct rc_err err = {0};
	struct stat st;
	char *path;

	*own = (struct own){.dir = dir};
	if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode) ||
	    rc_manifest_read(dir, &own->manifest, &err))
		return false;
	if (rc_sprintf(&path, &err, "%s/report.json", dir) == 0) {
		own->has_report = stat(path, &st) == 0;
		free(path);
	}
	return true;
}

static void own_text(const struct own *o, struct rc_buf *b)
{
	uint64_t episodes = 0;

	for (size_t i = 0; i < o->manifest.n_shards; i++)
		episodes += o->manifest.shards[i].n_episodes;
	rc_buf_put_clean(b, o->dir);
	rc_buf_printf(b, ": a dataset made by robocache convert, %zu shard%s, %llu episode%s; "
			 "manifest.json%s\n\n",
		      o->manifest.n_shards, o->manifest.n_shards == 1 ? "" : "s",
		      (unsigned long long)episodes, episodes == 1 ? "" : "s",
		      o->has_report ? " and report.json tell how it was made" : " lists them");
}

static void own_json(const struct own *o, struct rc_json *list)
{
	struct rc_json *j = rc_json_add_object(list, NULL);
	uint64_t episodes = 0;

	for (size_t i = 0; i < o->manifest.n_shards; i++)
		episodes += o->manifest.shards[i].n_episodes;
	rc_json_add_string(j, "directory", o->dir);
	rc_json_add_string(j, "manifest", RC_MANIFEST_NAME);
	rc_json_add_string(j, "report", o->has_report ? "report.json" : NULL);
	rc_json_add_uint(j, "shards", o->manifest.n_shards);
	rc_json_add_uint(j, "episodes", episodes);
}

/* --- printing --------------------------------------------------------------------------------- */

/* Prints what is in *b and empties it. */
static int flush(struct rc_buf *b, struct rc_err *err)
{
	int rc = rc_buf_check(b, err);

	if (!rc && !rc_cmd_print(b))
		rc = RC_E_OUTPUT; /* said already, or nobody listens */
	rc_buf_clear(b);
	return rc;
}

static int print_text(const struct rc_survey *s, const struct rc_opts *opts,
		      const struct options *set, struct rc_err *err)
{
	struct rc_buf b;
	int rc = 0;

	rc_buf_init(&b);
	for (int i = 0; i < opts->n_operands; i++) {
		struct own own;

		if (look_for_own(opts->operands[i], &own))
			own_text(&own, &b);
		rc_manifest_release(&own.manifest);
	}
	for (size_t g = 0; g < s->n_groups && !rc; g++) {
		rc_buf_puts(&b, g ? "\n" : "");
		rc = rc_survey_group_text(s, g, set->long_form, &b, err);
		if (!rc)
			rc = flush(&b, err);
	}
	rc_buf_release(&b);
	return rc;
}

static int put_datasets(const struct rc_opts *opts, struct rc_buf *b, struct rc_err *err)
{
	struct rc_json *list = rc_json_new_array();
	int rc;

	for (int i = 0; i < opts->n_operands; i++) {
		struct own own;

		if (look_for_own(opts->operands[i], &own))
			own_json(&own, list);
		rc_manifest_release(&own.manifest);
	}
	rc = rc_json_text(list, false, b, err);
	rc_json_free(list);
	return rc;
}

/* One file at a time, so that ten thousand of them need no more memory than one. */
static int print_json(const struct rc_survey *s, const struct rc_opts *opts, struct rc_err *err)
{
	struct rc_buf b;
	int rc;

	rc_buf_init(&b);
	rc_buf_puts(&b, "{\"schema\":\"robocache-inspect-1\",\n\"datasets\":");
	rc = put_datasets(opts, &b, err);
	rc_buf_puts(&b, ",\"files\":[\n");
	for (size_t i = 0; i < s->n && !rc; i++) {
		struct rc_json *o = rc_survey_file_json(&s->files[i]);

		rc_buf_puts(&b, i ? "," : "");
		rc = rc_json_text(o, false, &b, err);
		rc_json_free(o);
		if (!rc)
			rc = flush(&b, err);
	}
	rc_buf_puts(&b, "]}\n");
	if (!rc)
		rc = flush(&b, err);
	rc_buf_release(&b);
	return rc;
}

/* --- the command ------------------------------------------------------------------------------ */

static int tell_unreadable(const struct rc_scan *scan, struct rc_err *err)
{
	for (size_t i = 0; i < scan->n; i++) {
		const struct rc_scanned *f = &scan->files[i];

		if (f->index)
			continue;
		if (f->err.code == RC_E_USAGE || rc_is_fatal(f->err.code)) {
			/* --layout-in names no layout, or this machine fails */
			*err = f->err;
			return f->err.code;
		}
		if (strstr(f->err.msg, f->path))
			rc_log(RC_LOG_WARN, "%s", f->err.msg);
		else
			rc_log(RC_LOG_WARN, "'%s': %s", f->path, f->err.msg);
	}
	return 0;
}

static int inspect(struct rc_readers *readers, const struct rc_inputs *inputs,
		   const struct rc_opts *opts, const struct options *set, struct rc_err *err)
{
	int n_threads = set->threads ? (int)set->threads : rc_allowed_cpus();
	struct rc_survey survey = {0};
	struct rc_scan scan = {0};
	const struct rc_scan_ask ask = {
		.readers = readers,
		.inputs = inputs,
		.layout = set->map ? set->map : set->layout_in,
		.index_file = set->index,
		.external = set->allow_external,
		.n_threads = n_threads,
	};
	int rc = rc_scan_run(&ask, &scan, err);

	if (!rc)
		rc = tell_unreadable(&scan, err);
	if (!rc)
		rc = rc_survey_run(readers, &scan, n_threads, &survey, err);
	if (!rc)
		rc = set->json ? print_json(&survey, opts, err)
			       : print_text(&survey, opts, set, err);
	if (!rc && scan.n_failed == scan.n)
		rc = rc_fail(err, RC_E_FORMAT, "no_input", "none of the %zu input file%s could be "
			     "read", scan.n, scan.n == 1 ? "" : "s");
	else if (!rc && scan.n_failed)
		rc_log(RC_LOG_WARN, "%zu of %zu files could not be read", scan.n_failed, scan.n);
	if (!rc && scan.n_failed)
		rc = RC_EXIT_PARTIAL;
	rc_survey_release(&survey);
	rc_scan_release(&scan);
	return rc;
}

/* From what inspect() gave, an error or a status, to the exit status. */
static int finish(int rc, const struct rc_err *err)
{
	if (rc >= 0)
		return rc;
	if (err->code)
		rc_log(RC_LOG_ERROR, "%s", err->msg);
	return rc == RC_E_OUTPUT ? RC_EXIT_FAILED : rc_exit_of(rc);
}

int cmd_inspect(int argc, char **argv)
{
	struct options set = {0};
	struct rc_opts opts = {.command = "inspect", .rows = rows, .n_rows = RC_ARRAY_LEN(rows),
			       .values = &set};
	const struct rc_common common = {usage, examples, &set.help, &set.dump_options, &set.quiet,
					 &set.verbose};
	struct rc_readers *readers = NULL;
	struct rc_unpacked *unpacked = NULL;
	struct rc_inputs inputs = {0};
	struct rc_err err = {0};
	char *scratch_dir = NULL;
	struct rc_buf map;
	int status, rc = 0;

	rc_buf_init(&map);
	if (!rc_cmd_start(&opts, argc, argv, &common, &status))
		goto done;
	if (opts.n_operands == 0 && !set.files_from)
		rc = rc_fail(&err, RC_E_USAGE, "option",
			     "no input; name HDF5 files or directories, or --files-from FILE");
	else if (!rc_cmd_one_stdin(&opts, set.files_from, NULL)) {
		status = RC_EXIT_USAGE;
		goto done;
	}
	if (!rc)
		rc = rc_map_load(&set.map, set.layout_in, &map, &err);
	if (!rc)
		rc = rc_cmd_readers(set.sandbox, &readers, &err);
	if (!rc)
		rc = rc_scratch_dir(set.scratch_dir, NULL, &scratch_dir, &err);
	if (!rc)
		rc = rc_cmd_confine(set.sandbox, scratch_dir, set.index, &err);
	if (!rc)
		rc = rc_scratch_unpacked(scratch_dir, 0, &unpacked, &err);
	if (!rc)
		rc = rc_inputs_collect(&(struct rc_input_options){
			.operands = opts.operands, .n_operands = opts.n_operands,
			.files_from = set.files_from, .null_separated = set.null_separated,
			.unpacked = unpacked,
		}, &inputs, &err);
	if (!rc)
		rc_readers_use(readers, unpacked);
	if (!rc)
		rc = inspect(readers, &inputs, &opts, &set, &err);
	status = finish(rc, &err);
	rc_readers_stop(readers);
done:
	rc_unpacked_free(unpacked);
	free(scratch_dir);
	rc_inputs_release(&inputs);
	rc_opts_release(&opts);
	rc_buf_release(&map);
	rc_signals_reraise(status);
	return status;
}
