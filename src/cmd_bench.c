/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "cmd.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/names.h"
#include "bench.h"
#include "device.h"
#include "run.h"
#include "version.h"

struct options {
	const char *device;
	int simd;
	int64_t runs, depth;
	bool json, list;
	int quiet, verbose;
	bool help, dump_options;
};

#define AT(field) offsetof(struct options, field)

static const struct rc_opt rows[] = {
	{.name = "device", .type = RC_OPT_STRING, .offset = AT(device), .arg = "WHAT",
	 .dflt = "auto", .help = "what to measure: " RC_DEVICE_FORMS},
	{.name = "simd", .type = RC_OPT_CHOICE, .offset = AT(simd), .arg = "ISA", .dflt = "auto",
	 .choices = RC_SIMD_CHOICES, .help = "instruction set of the CPU kernels"},
	{.name = "runs", .letter = 'n', .type = RC_OPT_INT, .offset = AT(runs), .arg = "N",
	 .dflt = "20", .lo = 1, .hi = 100000, .help = "measured runs of each preset"},
	{.name = "depth", .type = RC_OPT_INT, .offset = AT(depth), .arg = "N", .dflt = "6",
	 .lo = 1, .hi = 16, .help = "lanes of the preset 'pipeline'"},
	{.name = "list", .type = RC_OPT_FLAG, .offset = AT(list), .help = "list the presets"},
	{.name = "json", .type = RC_OPT_FLAG, .offset = AT(json),
	 .help = "print the figures as JSON"},
	{.name = "quiet", .letter = 'q', .type = RC_OPT_COUNT, .offset = AT(quiet),
	 .no_env = true, .help = "no notes; twice: no warnings either"},
	{.name = "verbose", .letter = 'v', .type = RC_OPT_COUNT, .offset = AT(verbose),
	 .no_env = true, .help = "say more"},
	{.name = "help", .letter = 'h', .type = RC_OPT_FLAG, .offset = AT(help), .no_env = true,
	 .help = "show this help"},
	{.name = "dump-options", .type = RC_OPT_FLAG, .offset = AT(dump_options), .hidden = true,
	 .help = "the rows of this table, for the checks of the documentation"},
};

static const char usage[] =
	"usage: robocache bench [OPTION]... [PRESET]...\n\n"
	"Measures the kernels and the pipeline of this machine on synthetic data, after checking\n"
	"each result against the CPU kernels bit for bit.  Without PRESET: all of them.\n";

static const char examples[] =
	"\nExamples:\n"
	"  robocache bench\n"
	"  robocache bench --device cuda -n 50 train-fuse train-resample\n"
	"  robocache bench --json >figures.json\n";

/* --- what is printed -------------------------------------------------------------------------- */

static double giga(double per_second)
{
	return per_second / 1e9;
}

static double rate(const struct rc_bench_result *r)
{
	return (double)(r->in_bytes + r->out_bytes) / r->s.median;
}

static double link_rate(const struct rc_bench_result *r)
{
	return (double)r->link_bytes / r->s.median;
}

static double percent_of(double part, double whole)
{
	return whole > 0 ? 100.0 * part / whole : 0;
}

static void put_head(const struct rc_bench_ask *ask, struct rc_buf *b)
{
	rc_buf_printf(b, "%s: %s\n\n", ask->backend->name, ask->backend->describe(ask->device));
	rc_buf_printf(b, "%-19s %-18s %10s %21s %8s %6s\n", "PRESET", "TYPES", "MEDIAN ms",
		      "MIN-MAX", "GB/s", "OF COPY");
}

static void put_row(const struct rc_bench_preset *p, const struct rc_bench_result *r,
		    struct rc_buf *b)
{
	char types[48], range[48];

	snprintf(types, sizeof types, "%s-%s", rc_dtype_name(p->src), rc_dtype_name(p->dst));
	snprintf(range, sizeof range, "%.4f-%.4f", r->s.min * 1e3, r->s.max * 1e3);
	rc_buf_printf(b, "%-19s %-18s %10.4f %21s %8.1f %5.1f %%\n", p->name, types,
		      r->s.median * 1e3, range, giga(rate(r)), percent_of(rate(r), r->copy_rate));
	if (p->pipeline && r->link_rate > 0)
		rc_buf_printf(b,
			      "  moved %.1f GB/s of %.1f both ways (%.1f %%); busy: upload "
			      "%.0f %%, kernels %.0f %%, download %.0f %%, both ways at once "
			      "%.0f %%, all three %.0f %%\n",
			      giga(link_rate(r)), giga(r->link_rate),
			      percent_of(link_rate(r), r->link_rate), 100 * r->upload_share,
			      100 * r->kernels_share, 100 * r->download_share, 100 * r->both_share,
			      100 * r->three_share);
}

static void pipeline_json(const struct rc_bench_result *r, int depth, struct rc_json *o)
{
	rc_json_add_int(o, "depth", depth);
	rc_json_add_uint(o, "moved_bytes", r->link_bytes);
	rc_json_add_double(o, "moved_gb_per_s", giga(link_rate(r)));
	if (r->link_rate <= 0)
		return;
	rc_json_add_double(o, "link_gb_per_s", giga(r->link_rate));
	rc_json_add_double(o, "of_link", link_rate(r) / r->link_rate);
	rc_json_add_double(o, "upload_busy", r->upload_share);
	rc_json_add_double(o, "kernels_busy", r->kernels_share);
	rc_json_add_double(o, "download_busy", r->download_share);
	rc_json_add_double(o, "both_ways_busy", r->both_share);
	rc_json_add_double(o, "all_busy", r->three_share);
}

static void add_json(const struct rc_bench_preset *p, const struct rc_bench_result *r, int depth,
		     struct rc_json *list)
{
	struct rc_json *o = rc_json_add_object(list, NULL);

	rc_json_add_string(o, "preset", p->name);
	rc_json_add_string(o, "source_type", rc_dtype_name(p->src));
	rc_json_add_string(o, "destination_type", rc_dtype_name(p->dst));
	rc_json_add_uint(o, "jobs", r->n_jobs);
	rc_json_add_bool(o, "equals_cpu", true); /* or there would be no figures */
	rc_json_add_double(o, "median_ms", r->s.median * 1e3);
	rc_json_add_double(o, "min_ms", r->s.min * 1e3);
	rc_json_add_double(o, "max_ms", r->s.max * 1e3);
	rc_json_add_uint(o, "input_bytes", r->in_bytes);
	rc_json_add_uint(o, "output_bytes", r->out_bytes);
	rc_json_add_double(o, "gb_per_s", giga(rate(r)));
	rc_json_add_double(o, "copy_gb_per_s", giga(r->copy_rate));
	rc_json_add_double(o, "of_copy", rate(r) / r->copy_rate);
	if (p->pipeline)
		pipeline_json(r, depth, rc_json_add_object(o, "pipeline"));
}

static void put_list(struct rc_buf *b)
{
	for (size_t i = 0; i < rc_bench_n_presets; i++)
		rc_buf_printf(b, "%-19s %s\n", rc_bench_presets[i].name,
			      rc_bench_presets[i].summary);
}

/* --- the command ------------------------------------------------------------------------------ */

/* What one call measures: presets, and where the figures go. */
struct job {
	const struct rc_bench_preset **list;
	size_t n;
	struct rc_json *devices; /* NULL: text */
};

static int find_preset(const char *name, const struct rc_bench_preset **p_out, struct rc_err *err)
{
	const char **names, *near;
	int rc = rc_new_array(&names, rc_bench_n_presets, sizeof *names, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < rc_bench_n_presets; i++) {
		names[i] = rc_bench_presets[i].name;
		if (!strcmp(names[i], name))
			*p_out = &rc_bench_presets[i];
	}
	near = rc_nearest_name(name, names, rc_bench_n_presets);
	if (!*p_out && near)
		rc = rc_fail(err, RC_E_USAGE, "preset", "no preset '%s'; did you mean '%s'?", name,
			     near);
	else if (!*p_out)
		rc = rc_fail(err, RC_E_USAGE, "preset",
			     "no preset '%s'; robocache bench --list shows them", name);
	free(names);
	return rc;
}

static int choose(const struct rc_opts *opts, struct job *job, struct rc_err *err)
{
	int rc;

	job->n = opts->n_operands ? (size_t)opts->n_operands : rc_bench_n_presets;
	rc = rc_new_array(&job->list, job->n, sizeof *job->list, err);
	for (size_t i = 0; i < job->n && !rc; i++) {
		if (opts->n_operands)
			rc = find_preset(opts->operands[i], &job->list[i], err);
		else
			job->list[i] = &rc_bench_presets[i];
	}
	return rc;
}

static int measure_one(const struct rc_bench_preset *p, const struct rc_bench_ask *ask,
		       struct rc_json *figures, struct rc_buf *b, struct rc_err *err)
{
	struct rc_bench_result r;
	int rc = rc_bench_run(p, ask, &r, err);

	if (rc)
		return rc;
	if (figures) {
		add_json(p, &r, ask->depth, figures);
		return 0;
	}
	put_row(p, &r, b);
	if (!rc_cmd_print(b)) /* a row at a time: some take seconds */
		return RC_E_OUTPUT;
	rc_buf_clear(b);
	return 0;
}

static int measure_device(const struct rc_bench_ask *ask, const struct job *job, struct rc_buf *b,
			  struct rc_err *err)
{
	struct rc_json *figures = NULL;
	int rc = 0;

	if (job->devices) {
		struct rc_json *o = rc_json_add_object(job->devices, NULL);
		rc_json_add_string(o, "kind", ask->backend->name);
		rc_json_add_string(o, "name", ask->backend->describe(ask->device));
		figures = rc_json_add_array(o, "figures");
	} else {
		put_head(ask, b);
	}
	for (size_t i = 0; i < job->n && !rc; i++)
		rc = measure_one(job->list[i], ask, figures, b, err);
	return rc;
}

static int measure(const struct rc_devices *d, const struct options *set, struct job *job,
		   struct rc_err *err)
{
	struct rc_json *root = set->json ? rc_json_new_object() : NULL;
	struct rc_buf b;
	int rc = 0;

	rc_buf_init(&b);
	if (root) {
		rc_json_add_string(root, "schema", "robocache-bench-1");
		rc_json_add_string(root, "version", RC_VERSION);
		rc_json_add_int(root, "runs", set->runs);
		job->devices = rc_json_add_array(root, "devices");
	}
	for (size_t i = 0; i < d->n && !rc; i++) {
		const struct rc_bench_ask ask = {.backend = d->backend, .device = d->dev[i],
						 .cpu = d->cpu, .n_runs = (int)set->runs,
						 .depth = (int)set->depth};
		rc = measure_device(&ask, job, &b, err);
	}
	if (!rc && root)
		rc = rc_json_text(root, true, &b, err);
	if (!rc && root && !rc_cmd_print(&b))
		rc = RC_E_OUTPUT;
	rc_json_free(root);
	rc_buf_release(&b);
	return rc;
}

static int print_list(void)
{
	struct rc_buf b;
	bool ok;

	rc_buf_init(&b);
	put_list(&b);
	ok = rc_cmd_print(&b);
	rc_buf_release(&b);
	return ok ? RC_EXIT_OK : RC_EXIT_FAILED;
}

int cmd_bench(int argc, char **argv)
{
	struct options set = {0};
	struct rc_opts opts = {.command = "bench", .rows = rows, .n_rows = RC_ARRAY_LEN(rows),
			       .values = &set};
	const struct rc_common common = {usage, examples, &set.help, &set.dump_options, &set.quiet,
					 &set.verbose};
	struct rc_device_choice choice;
	struct rc_devices devices = {0};
	struct job job = {0};
	struct rc_err err = {0};
	int status, rc;

	if (!rc_cmd_start(&opts, argc, argv, &common, &status))
		goto done;
	if (set.list) {
		status = print_list();
		goto done;
	}
	/* no handlers: a signal ends it in the middle of a preset, and nothing is left behind */
	rc = rc_device_parse(set.device, &choice, &err);
	if (!rc)
		rc = choose(&opts, &job, &err);
	if (!rc)
		rc = rc_devices_open(&devices, &choice, rc_simd_name(set.simd), true, &err);
	if (!rc)
		rc = measure(&devices, &set, &job, &err);
	if (err.code)
		rc_log(RC_LOG_ERROR, "%s", err.msg);
	status = rc == RC_E_OUTPUT ? RC_EXIT_FAILED : rc_exit_of(rc);
	rc_devices_close(&devices);
done:
	free(job.list);
	rc_opts_release(&opts);
	return status;
}
