/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "cmd.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "machine.h"
#include "run.h"
#include "scratch.h"
#include "signals.h"
#include "survey.h"
#include "verify.h"

enum { MAX_LIST_BYTES = 256 << 20 };

struct options {
	const char *files_from;
	bool null_separated;
	const char *scratch_dir;
	bool json;
	bool deep, strict;
	int64_t threads;
	int sandbox;
	int quiet, verbose;
	bool help, dump_options;
};

#define AT(field) offsetof(struct options, field)

static const struct rc_opt rows[] = {
	{.name = "files-from", .type = RC_OPT_STRING, .offset = AT(files_from), .arg = "FILE",
	 .group = "Input", .no_env = true,
	 .help = "read names of datasets from FILE, one a line; - is standard input"},
	{.name = "null", .letter = '0', .type = RC_OPT_FLAG, .offset = AT(null_separated),
	 .group = "Input", .no_env = true,
	 .help = "names in --files-from end with NUL, as find -print0 writes them"},
	{.name = "scratch-dir", .type = RC_OPT_STRING, .offset = AT(scratch_dir), .arg = "DIR",
	 .group = "Input",
	 .help = "where what is unpacked lies if memory is short; else TMPDIR or /var/tmp"},

	{.name = "json", .type = RC_OPT_FLAG, .offset = AT(json), .group = "Output",
	 .no_env = true, .help = "print one JSON object"},

	{.name = "deep", .type = RC_OPT_FLAG, .offset = AT(deep), .group = "Run",
	 .help = "decode every value, look for NaN and for clocks that go back"},
	{.name = "strict", .type = RC_OPT_FLAG, .offset = AT(strict), .group = "Run",
	 .help = "warnings, such as NaN in the data, count as damage"},
	{.name = "threads", .letter = 'j', .type = RC_OPT_INT, .offset = AT(threads), .arg = "N",
	 .dflt = "0", .lo = 0, .hi = 1024, .group = "Run",
	 .help = "worker threads; 0 for every CPU this process may use"},
	RC_CMD_SANDBOX_ROW(AT(sandbox)),
	{.name = "quiet", .letter = 'q', .type = RC_OPT_COUNT, .offset = AT(quiet),
	 .group = "Run", .no_env = true, .help = "print problems only; twice: nothing but the "
						 "exit status"},
	{.name = "verbose", .letter = 'v', .type = RC_OPT_COUNT, .offset = AT(verbose),
	 .group = "Run", .no_env = true, .help = "print a line for every shard"},
	{.name = "help", .letter = 'h', .type = RC_OPT_FLAG, .offset = AT(help), .group = "Run",
	 .no_env = true, .help = "show this help"},
	{.name = "dump-options", .type = RC_OPT_FLAG, .offset = AT(dump_options), .hidden = true,
	 .help = "the rows of this table, for the checks of the documentation"},
};

static const char usage[] =
	"usage: robocache verify [OPTION]... DIR|MANIFEST...\n\n"
	"Checks datasets that robocache convert wrote against their manifest.json: every\n"
	"shard there, its size and digest right, no shard that does not belong.\n";

static const char examples[] =
	"\nExamples:\n"
	"  robocache verify train/\n"
	"  robocache verify --deep --json train/ valid/ | jq .status\n"
	"\nExit status: 0 all is well, 1 a dataset could not be checked, 2 usage, 3 something is\n"
	"damaged, missing or does not belong, 128+N ended by signal N.\n";

/* --- which datasets --------------------------------------------------------------------------- */

struct names {
	struct rc_buf text;    /* of --files-from */
	const char **name;
	size_t n, cap;
};

static int add_name(struct names *ns, const char *name, struct rc_err *err)
{
	int rc = rc_grow_array(&ns->name, &ns->cap, ns->n + 1, sizeof *ns->name, err);

	if (!rc)
		ns->name[ns->n++] = name;
	return rc;
}

static int add_list(struct names *ns, const struct options *set, struct rc_err *err)
{
	char sep = set->null_separated ? '\0' : '\n';
	int rc = rc_buf_read_file(&ns->text, set->files_from, MAX_LIST_BYTES, err);

	for (size_t at = 0; !rc && at < ns->text.len;) {
		char *line = ns->text.p + at;
		char *end = memchr(line, sep, ns->text.len - at);
		size_t len = end ? (size_t)(end - line) : ns->text.len - at;

		line[len] = '\0';
		at += len + 1;
		if (sep == '\n' && len && line[len - 1] == '\r')
			line[--len] = '\0';
		if (len)
			rc = add_name(ns, line, err);
	}
	return rc;
}

static int collect(struct names *ns, const struct rc_opts *opts, const struct options *set,
		   struct rc_err *err)
{
	int rc = 0;

	for (int i = 0; i < opts->n_operands && !rc; i++)
		rc = add_name(ns, opts->operands[i], err);
	if (!rc && set->files_from)
		rc = add_list(ns, set, err);
	if (!rc && ns->n == 0)
		rc = rc_fail(err, RC_E_USAGE, "option",
			     "no dataset; name the directory that robocache convert wrote");
	return rc;
}

/* --- text ------------------------------------------------------------------------------------- */

/* prefix: the dataset's directory and '/', or "" where there is only one. */
static void put_finding(struct rc_buf *b, const char *prefix, const char *path,
			const struct rc_finding *f)
{
	rc_buf_puts(b, f->severity == RC_NOTE_ERROR ? "DAMAGED " : "warning ");
	rc_buf_put_clean(b, prefix);
	rc_buf_put_clean(b, path);
	rc_buf_puts(b, ": ");
	if (*f->where && strcmp(f->where, path) != 0) {
		rc_buf_puts(b, "'");
		rc_buf_put_clean(b, f->where);
		rc_buf_puts(b, "': ");
	}
	rc_buf_put_clean(b, f->message);
	rc_buf_printf(b, " [%s", f->code);
	if (f->count > 1)
		rc_buf_printf(b, ", %llu times", (unsigned long long)f->count);
	rc_buf_puts(b, "]\n");
}

static void put_shard(struct rc_buf *b, const char *prefix, const struct rc_verified_shard *s,
		      bool verbose)
{
	for (size_t i = 0; i < s->findings.n; i++)
		put_finding(b, prefix, s->expected->path, &s->findings.f[i]);
	if (s->findings.lost)
		rc_buf_printf(b, "DAMAGED %s%s: out of memory while its problems were listed\n",
			      prefix, s->expected->path);
	if (verbose && s->findings.n_errors == 0) {
		rc_buf_puts(b, "ok ");
		rc_buf_put_clean(b, prefix);
		rc_buf_put_clean(b, s->expected->path);
		rc_buf_puts(b, "\n");
	}
}

static int put_text(struct rc_buf *b, const struct rc_verified *v, bool several,
		    const struct options *set, struct rc_err *err)
{
	size_t n = strlen(v->dir);
	char *prefix = NULL;
	int rc = several ? rc_sprintf(&prefix, err, "%s%s", v->dir,
				      n && v->dir[n - 1] == '/' ? "" : "/")
			 : rc_strdup(&prefix, "", err);

	if (rc || set->quiet > 1)
		goto done;
	for (size_t i = 0; i < v->findings.n; i++)
		put_finding(b, prefix, v->findings.f[i].where, &v->findings.f[i]);
	for (size_t i = 0; i < v->manifest.n_shards; i++)
		put_shard(b, prefix, &v->shards[i], set->verbose > 0);
done:
	free(prefix);
	return rc;
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void findings_json(struct rc_json *o, const struct rc_findings *fs)
{
	struct rc_json *list = rc_json_add_array(o, "problems");

	for (size_t i = 0; i < fs->n; i++) {
		const struct rc_finding *f = &fs->f[i];
		struct rc_json *j = rc_json_add_object(list, NULL);

		rc_json_add_string(j, "severity", rc_severity_name(f->severity));
		rc_json_add_string(j, "code", f->code);
		rc_json_add_string(j, "where", f->where);
		rc_json_add_string(j, "message", f->message);
		rc_json_add_uint(j, "count", f->count);
	}
}

static void shard_json(struct rc_json *list, const struct rc_verified_shard *s, bool deep)
{
	struct rc_json *o = rc_json_add_object(list, NULL);

	rc_json_add_string(o, "path", s->expected->path);
	rc_json_add_string(o, "status", s->missing ? "missing"
					: s->findings.n_errors ? "damaged" : "ok");
	rc_json_add_uint(o, "bytes", s->expected->bytes);
	rc_json_add_string(o, "xxh3_128", s->expected->digest);
	rc_json_add_uint(o, "episodes", s->expected->n_episodes);
	if (deep) {
		rc_json_add_uint(o, "datasets", s->n_datasets);
		rc_json_add_uint(o, "decoded_bytes", s->decoded_bytes);
	}
	findings_json(o, &s->findings);
}

static void dataset_json(struct rc_json *list, const struct rc_verified *v, const char *status,
			 bool deep)
{
	struct rc_json *o = rc_json_add_object(list, NULL), *shards, *extra;

	rc_json_add_string(o, "directory", v->dir);
	rc_json_add_string(o, "status", status);
	shards = rc_json_add_array(o, "shards");
	for (size_t i = 0; i < v->manifest.n_shards; i++)
		shard_json(shards, &v->shards[i], deep);
	extra = rc_json_add_array(o, "extra");
	for (size_t i = 0; i < v->n_extra; i++)
		rc_json_add_string(extra, NULL, v->extra[i]);
	findings_json(o, &v->findings);
}

static void unchecked_json(struct rc_json *list, const char *name, const struct rc_err *err)
{
	struct rc_json *o = rc_json_add_object(list, NULL);

	rc_json_add_string(o, "directory", name);
	rc_json_add_string(o, "status", "not_checked");
	rc_json_add_string(o, "reason", err->reason);
	rc_json_add_string(o, "message", err->msg);
}

/* --- the command ------------------------------------------------------------------------------ */

/* All datasets of one command. */
struct total {
	size_t n_ok, n_damaged, n_missing, n_extra, n_warnings;
	size_t n_bad;       /* datasets with something wrong */
	size_t n_unchecked; /* that could not be checked */
};

static bool is_bad(const struct rc_verified *v, bool strict)
{
	return v->n_damaged || v->findings.n_errors || (strict && v->n_warnings);
}

static void add_total(struct total *t, const struct rc_verified *v, bool strict)
{
	t->n_ok += v->n_ok;
	t->n_damaged += v->n_damaged;
	t->n_missing += v->n_missing;
	t->n_extra += v->n_extra;
	t->n_warnings += v->n_warnings;
	t->n_bad += is_bad(v, strict);
}

static int status_of(const struct total *t)
{
	if (t->n_bad)
		return RC_EXIT_PARTIAL;
	return t->n_unchecked ? RC_EXIT_FAILED : RC_EXIT_OK;
}

static void put_total(struct rc_buf *b, const struct total *t)
{
	rc_buf_printf(b, "%zu shard%s ok, %zu damaged", t->n_ok, t->n_ok == 1 ? "" : "s",
		      t->n_damaged);
	if (t->n_missing)
		rc_buf_printf(b, " (%zu missing)", t->n_missing);
	if (t->n_extra)
		rc_buf_printf(b, ", %zu extra", t->n_extra);
	if (t->n_warnings)
		rc_buf_printf(b, ", %zu warning%s", t->n_warnings, t->n_warnings == 1 ? "" : "s");
	if (t->n_unchecked)
		rc_buf_printf(b, ", %zu dataset%s not checked", t->n_unchecked,
			      t->n_unchecked == 1 ? "" : "s");
	rc_buf_puts(b, "\n");
}

/* One dataset into text or JSON; only what ends the command is returned. */
static int verify_one(const struct rc_verify_options *opt, const char *name, bool several,
		      const struct options *set, struct total *t, struct rc_buf *b,
		      struct rc_json *list, struct rc_err *err)
{
	struct rc_verified v = {0};
	int rc = rc_verify_dataset(opt, name, &v, err);

	if (rc == RC_E_USAGE || rc == RC_E_NOMEM || rc == RC_E_INTERRUPTED)
		return rc;
	if (rc) {
		t->n_unchecked++;
		rc_log(RC_LOG_ERROR, "%s", err->msg);
		unchecked_json(list, name, err);
		*err = (struct rc_err){0};
		return 0;
	}
	add_total(t, &v, set->strict);
	if (list)
		dataset_json(list, &v, is_bad(&v, set->strict) ? "damaged" : "ok", set->deep);
	else
		rc = put_text(b, &v, several, set, err);
	rc_verified_release(&v);
	return rc;
}

static int end_json(struct rc_json *root, const struct total *t, struct rc_buf *b,
		    struct rc_err *err)
{
	struct rc_json *o = rc_json_add_object(root, "summary");

	rc_json_add_string(root, "status",
			   t->n_bad ? "damaged" : t->n_unchecked ? "not_checked" : "ok");
	rc_json_add_uint(o, "shards_ok", t->n_ok);
	rc_json_add_uint(o, "shards_damaged", t->n_damaged);
	rc_json_add_uint(o, "shards_missing", t->n_missing);
	rc_json_add_uint(o, "shards_extra", t->n_extra);
	rc_json_add_uint(o, "warnings", t->n_warnings);
	rc_json_add_uint(o, "datasets_not_checked", t->n_unchecked);
	return rc_json_text(root, true, b, err);
}

static int verify(struct rc_readers *readers, const struct names *ns, const struct options *set,
		  int *status_out, struct rc_err *err)
{
	struct rc_verify_options opt = {
		.readers = readers,
		.n_threads = set->threads ? (int)set->threads : rc_allowed_cpus(),
		.deep = set->deep,
		.scratch_dir = set->scratch_dir,
	};
	struct rc_json *root = set->json ? rc_json_new_object() : NULL, *list = NULL;
	struct total t = {0};
	struct rc_buf b;
	int rc = 0;

	rc_buf_init(&b);
	if (root) {
		rc_json_add_string(root, "schema", "robocache-verify-1");
		rc_json_add_bool(root, "deep", set->deep);
		list = rc_json_add_array(root, "datasets");
	}
	for (size_t i = 0; i < ns->n && !rc; i++)
		rc = verify_one(&opt, ns->name[i], ns->n > 1, set, &t, &b, list, err);
	if (!rc && root)
		rc = end_json(root, &t, &b, err);
	else if (!rc && !set->quiet && t.n_unchecked < ns->n)
		put_total(&b, &t);
	if (!rc)
		rc = rc_buf_check(&b, err);
	*status_out = status_of(&t);
	if (!rc && !rc_cmd_print(&b) && *status_out == RC_EXIT_OK)
		*status_out = RC_EXIT_FAILED;
	rc_json_free(root);
	rc_buf_release(&b);
	return rc;
}

int cmd_verify(int argc, char **argv)
{
	struct options set = {0};
	struct rc_opts opts = {.command = "verify", .rows = rows, .n_rows = RC_ARRAY_LEN(rows),
			       .values = &set};
	const struct rc_common common = {usage, examples, &set.help, &set.dump_options, &set.quiet,
					 &set.verbose};
	struct rc_readers *readers = NULL;
	struct names names = {0};
	struct rc_err err = {0};
	char *scratch_dir = NULL;
	int status, rc;

	rc_buf_init(&names.text);
	if (!rc_cmd_start(&opts, argc, argv, &common, &status))
		goto done;
	rc = collect(&names, &opts, &set, &err);
	if (!rc)
		rc = rc_cmd_readers(set.sandbox, &readers, &err);
	if (!rc)
		rc = rc_scratch_dir(set.scratch_dir, NULL, &scratch_dir, &err);
	set.scratch_dir = scratch_dir;
	if (!rc)
		rc = rc_cmd_confine(set.sandbox, scratch_dir, NULL, &err);
	if (!rc)
		rc = verify(readers, &names, &set, &status, &err);
	if (rc) {
		rc_log(RC_LOG_ERROR, "%s", err.msg);
		status = rc_exit_of(rc);
	}
	rc_readers_stop(readers);
done:
	free(scratch_dir);
	free(names.name);
	rc_buf_release(&names.text);
	rc_opts_release(&opts);
	rc_signals_reraise(status);
	return status;
}
