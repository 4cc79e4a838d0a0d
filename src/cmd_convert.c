/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "cmd.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "map.h"
#include "run.h"
#include "signals.h"
#include "version.h"

#define AT(field) offsetof(struct rc_settings, field)

static const struct rc_opt rows[] = {
	{.name = "output", .letter = 'o', .type = RC_OPT_STRING, .offset = AT(output),
	 .arg = "DIR", .group = "Input and output", .no_env = true,
	 .help = "directory for the shards, manifest.json and report.json; - is standard output"},
	{.name = "files-from", .type = RC_OPT_STRING, .offset = AT(files_from), .arg = "FILE",
	 .group = "Input and output", .no_env = true,
	 .help = "read names of inputs from FILE, one a line; - is standard input"},
	{.name = "null", .letter = '0', .type = RC_OPT_FLAG, .offset = AT(null_separated),
	 .group = "Input and output", .no_env = true,
	 .help = "names in --files-from end with NUL, as find -print0 writes them"},
	{.name = "layout-in", .type = RC_OPT_STRING, .offset = AT(layout_in), .arg = "NAME",
	 .group = "Input and output",
	 .help = "read inputs as this layout instead of guessing; robocache layouts lists them"},
	{.name = "map", .type = RC_OPT_STRING, .offset = AT(map), .arg = "FILE",
	 .group = "Input and output",
	 .help = "read inputs as this JSON map of paths to streams and clocks says"},
	{.name = "allow-external", .type = RC_OPT_FLAG, .offset = AT(allow_external),
	 .group = "Input and output",
	 .help = "follow links, virtual datasets and external storage to other files of the "
		 "input directory"},
	{.name = "index", .type = RC_OPT_STRING, .offset = AT(index), .arg = "FILE",
	 .group = "Input and output", .no_env = true,
	 .help = "keep what the scan finds in FILE, and open only files that are new or changed"},
	{.name = "scratch-dir", .type = RC_OPT_STRING, .offset = AT(scratch_dir), .arg = "DIR",
	 .group = "Input and output",
	 .help = "where what is unpacked lies if memory is short; else TMPDIR or the output "
		 "directory"},
	{.name = "layout", .type = RC_OPT_STRING, .offset = AT(layout_out), .arg = "NAME",
	 .dflt = "robomimic", .group = "Input and output",
	 .help = "output layout: robomimic, act for one ALOHA file an episode, or keep for the "
		 "source's own paths"},
	{.name = "compression", .type = RC_OPT_STRING, .offset = AT(compression), .arg = "CODEC",
	 .dflt = "keep", .group = "Input and output",
	 .help = "keep each stream's own kind, or none, gzip[:LEVEL], zstd[:LEVEL]; for one "
		 "kind: images=CODEC,low-dim=CODEC"},
	{.name = "container", .type = RC_OPT_CHOICE, .offset = AT(container), .arg = "FORM",
	 .dflt = "h5", .choices = RC_CONTAINER_CHOICES, .group = "Input and output",
	 .help = "shards as they are, or each packed as shard-00000.h5.zst"},
	{.name = "shard-size", .type = RC_OPT_SIZE, .offset = AT(shard_size), .arg = "SIZE",
	 .dflt = "4GiB", .group = "Input and output",
	 .help = "start a new shard before this size, uncompressed; 0 for no limit"},
	{.name = "shard-episodes", .type = RC_OPT_INT, .offset = AT(shard_episodes), .arg = "N",
	 .dflt = "0", .lo = 0, .hi = INT32_MAX, .group = "Input and output",
	 .help = "at most N episodes in a shard; 0 for no limit"},
	{.name = "split", .type = RC_OPT_STRING, .offset = AT(split), .arg = "NAME:SHARE,...",
	 .group = "Input and output",
	 .help = "divide the episodes at random, for example train:0.9,valid:0.1"},
	{.name = "seed", .type = RC_OPT_INT, .offset = AT(seed), .arg = "N", .dflt = "0",
	 .lo = 0, .hi = INT64_MAX, .group = "Input and output", .help = "seed of --split"},
	{.name = "force", .letter = 'f', .type = RC_OPT_FLAG, .offset = AT(force),
	 .group = "Input and output", .no_env = true,
	 .help = "replace the dataset that is in the output directory"},
	{.name = "resume", .type = RC_OPT_FLAG, .offset = AT(resume),
	 .group = "Input and output", .no_env = true,
	 .help = "go on with the run that was interrupted, or make what is missing or damaged"},
	{.name = "dry-run", .letter = 'n', .type = RC_OPT_FLAG, .offset = AT(dry_run),
	 .group = "Input and output", .no_env = true,
	 .help = "print what would be done and write nothing"},
	{.name = "report", .type = RC_OPT_STRING, .offset = AT(report), .arg = "FILE",
	 .group = "Input and output", .no_env = true,
	 .help = "write the report there instead of DIR/report.json; - is standard output"},

	{.name = "recipe", .letter = 'c', .type = RC_OPT_STRING, .offset = AT(recipe),
	 .arg = "FILE", .group = "Recipe", .no_env = true,
	 .help = "JSON file with the options below and above; - is standard input"},
	{.name = "rate", .letter = 'r', .type = RC_OPT_RATE, .offset = AT(rate), .arg = "HZ",
	 .group = "Recipe", .help = "put all streams on a timeline of this rate: 20, 29.97, "
				    "30000/1001"},
	{.name = "source-rate", .type = RC_OPT_LIST, .offset = AT(source_rate),
	 .arg = "[STREAM:]HZ", .group = "Recipe",
	 .help = "rate at which streams without a clock were recorded"},
	{.name = "reference", .type = RC_OPT_STRING, .offset = AT(reference), .arg = "STREAM",
	 .group = "Recipe",
	 .help = "use this stream's span, or without --rate its own stamps, as the timeline"},
	{.name = "timeline", .type = RC_OPT_CHOICE, .offset = AT(timeline), .arg = "HOW",
	 .dflt = "auto", .choices = RC_TIMELINE_CHOICES, .group = "Recipe",
	 .help = "span of the timeline where streams start and end at different times"},
	{.name = "method", .letter = 'm', .type = RC_OPT_LIST, .offset = AT(method),
	 .arg = "[STREAM:]NAME", .group = "Recipe",
	 .help = "how values at ticks are made: linear, slerp, nearest, previous, "
		 "mean, max, min"},
	{.name = "fuse", .type = RC_OPT_LIST, .offset = AT(fuse), .arg = "NAME=STREAM,...",
	 .group = "Recipe", .help = "concatenate streams into one tensor"},
	{.name = "keep-members", .type = RC_OPT_FLAG, .offset = AT(keep_members),
	 .group = "Recipe", .help = "also write the streams of a fuse group by themselves"},
	{.name = "keep", .type = RC_OPT_LIST, .offset = AT(keep), .arg = "STREAM,...",
	 .group = "Recipe", .help = "convert only these streams"},
	{.name = "drop", .type = RC_OPT_LIST, .offset = AT(drop), .arg = "STREAM,...",
	 .group = "Recipe", .help = "leave these streams out"},
	{.name = "rename", .type = RC_OPT_LIST, .offset = AT(rename), .arg = "OLD=NEW",
	 .group = "Recipe", .help = "give a stream another name in the output"},
	{.name = "dtype", .type = RC_OPT_LIST, .offset = AT(dtype), .arg = "[STREAM:]TYPE",
	 .group = "Recipe", .help = "element type in the output: f32, f64, f16, bf16, keep"},
	{.name = "convert", .type = RC_OPT_LIST, .offset = AT(convert),
	 .arg = "[STREAM:]STEP", .group = "Recipe",
	 .help = "quaternions to xyzw, wxyz, matrix, 6d-rows, 6d-columns, axis-angle, "
		 "euler-xyz or euler-XYZ; images by flip-rows, swap-channels"},
	{.name = "convention", .type = RC_OPT_LIST, .offset = AT(convention),
	 .arg = "[STREAM:]KEY=VALUE", .group = "Recipe",
	 .help = "what the inputs do not say: quaternion_order=wxyz"},
	{.name = "decode", .type = RC_OPT_FLAG, .offset = AT(decode), .group = "Recipe",
	 .help = "make pixels of JPEG and PNG frames, which are else copied as they are"},
	{.name = "channel-order", .type = RC_OPT_CHOICE, .offset = AT(channel_order),
	 .arg = "ORDER", .dflt = "auto", .choices = RC_CHANNEL_CHOICES, .group = "Recipe",
	 .help = "with --decode: bgr where red and blue were exchanged before encoding"},
	{.name = "max-gap", .type = RC_OPT_DURATION, .offset = AT(max_gap_ns), .arg = "TIME",
	 .group = "Recipe",
	 .help = "ticks between samples farther apart than this are invalid: 200ms, 1s"},
	{.name = "gap-policy", .type = RC_OPT_CHOICE, .offset = AT(gap_policy), .arg = "WHAT",
	 .dflt = "flag", .choices = RC_GAP_CHOICES, .group = "Recipe",
	 .help = "flag invalid ticks in the output, or drop the episode"},
	{.name = "latency", .type = RC_OPT_LIST, .offset = AT(latency), .arg = "STREAM=MS",
	 .group = "Recipe", .help = "the stream's stamps are late by this: cam_front=35"},
	{.name = "clock-repair", .type = RC_OPT_LIST, .offset = AT(clock_repair),
	 .arg = "[STREAM:]HOW", .group = "Recipe",
	 .help = "spread runs of equal stamps, restamp a few out of order, spread+restamp, none"},

	{.name = "threads", .letter = 'j', .type = RC_OPT_INT, .offset = AT(threads), .arg = "N",
	 .dflt = "0", .lo = 0, .hi = 1024, .group = "Run",
	 .help = "worker threads; 0 for every CPU this process may use"},
	{.name = "memory", .type = RC_OPT_AMOUNT, .offset = AT(memory), .arg = "SIZE",
	 .dflt = "25%", .group = "Run",
	 .help = "ceiling of the buffers, or N% of what this process may use"},
	{.name = "device", .type = RC_OPT_STRING, .offset = AT(device), .arg = "WHAT",
	 .dflt = "auto", .group = "Run",
	 .help = "where to compute: " RC_DEVICE_FORMS},
	{.name = "on-gpu-error", .type = RC_OPT_CHOICE, .offset = AT(on_gpu_error),
	 .arg = "WHAT", .dflt = "auto", .choices = RC_GPU_ERROR_CHOICES, .group = "Run",
	 .help = "when a GPU fails: start again and go on, go on with the CPU, or stop"},
	{.name = "device-memory", .type = RC_OPT_AMOUNT, .offset = AT(device_memory),
	 .arg = "SIZE", .dflt = "50%", .group = "Run",
	 .help = "ceiling of the memory taken on each GPU, or N% of what is free there"},
	{.name = "simd", .type = RC_OPT_CHOICE, .offset = AT(simd), .arg = "ISA", .dflt = "auto",
	 .choices = RC_SIMD_CHOICES, .group = "Run",
	 .help = "instruction set of the CPU kernels; the output is the same for all"},
	RC_CMD_SANDBOX_ROW(AT(sandbox)),
	{.name = "strict", .type = RC_OPT_FLAG, .offset = AT(strict), .group = "Run",
	 .help = "stop at the first input or episode that cannot be converted"},
	{.name = "max-bad", .type = RC_OPT_STRING, .offset = AT(max_bad), .arg = "N|N%",
	 .group = "Run",
	 .help = "stop when more inputs and episodes than this cannot be converted"},
	{.name = "retry-quarantined", .type = RC_OPT_FLAG, .offset = AT(retry_quarantined),
	 .group = "Run", .no_env = true,
	 .help = "open inputs again that the last run found bad and that did not change"},
	{.name = "time-limit", .type = RC_OPT_DURATION, .offset = AT(time_limit_ns),
	 .arg = "TIME", .group = "Run",
	 .help = "stop after this time, to be resumed: 90m, 2h"},
	{.name = "progress", .type = RC_OPT_CHOICE, .offset = AT(progress), .arg = "HOW",
	 .dflt = "auto", .choices = RC_PROGRESS_CHOICES, .group = "Run",
	 .help = "a bar on terminals, plain for a line a minute"},
	{.name = "quiet", .letter = 'q', .type = RC_OPT_COUNT, .offset = AT(quiet),
	 .group = "Run", .no_env = true,
	 .help = "no summary and progress; twice: no warnings either"},
	{.name = "verbose", .letter = 'v', .type = RC_OPT_COUNT, .offset = AT(verbose),
	 .group = "Run", .no_env = true, .help = "say more"},
	{.name = "help", .letter = 'h', .type = RC_OPT_FLAG, .offset = AT(help), .group = "Run",
	 .no_env = true, .help = "show this help"},
	{.name = "dump-options", .type = RC_OPT_FLAG, .offset = AT(dump_options), .hidden = true,
	 .help = "the rows of this table, for the checks of the documentation"},
};

static const char usage[] =
	"usage: robocache convert [OPTION]... -o DIR INPUT...\n\n"
	"Reads robot episodes from HDF5 files and directories of them, puts every stream on\n"
	"one timeline, fuses streams, and writes shards, manifest.json and report.json.\n";

static const char examples[] =
	"\nExamples:\n"
	"  robocache convert raw/ -o train/ --rate 20 --fuse state=joint_pos,gripper,eef_pose\n"
	"  robocache convert demo.hdf5 -o out/ --source-rate 20 --rate 10 --dtype f32\n"
	"  robocache convert raw/ -o out/ -c recipe.json --dry-run\n"
	"\nExit status: 0 done, 1 failed, 2 usage, 3 done but some data was skipped, 4 stopped\n"
	"early, 74 output cannot be written, 75 the GPU failed twice, 128+N ended by signal N.\n";

/* A summary that must not mix with the data. */
static void tell_lines(const struct rc_buf *out)
{
	for (const char *line = out->p; line && *line;) {
		size_t n = strcspn(line, "\n");

		rc_log(RC_LOG_INFO, "%.*s", (int)n, line);
		line += n + (line[n] == '\n');
	}
}

/* Shards for standard output are made in a directory of their own, which becomes the output. */
static int open_pipe(struct rc_outpipe *p, struct rc_run *run, struct rc_settings *set,
		     struct rc_err *err)
{
	char *scratch;
	int rc;

	if (set->report && !strcmp(set->report, "-"))
		return rc_fail(err, RC_E_USAGE, "output",
			       "--output and --report cannot both be standard output; name a file "
			       "for the report");
	if (set->resume)
		return rc_fail(err, RC_E_USAGE, "output",
			       "--resume has no meaning with --output -: of a stream that broke "
			       "off nothing can be used again");
	if (set->container != RC_CONTAINER_OUT_H5)
		return rc_fail(err, RC_E_USAGE, "output",
			       "--container has no meaning with --output -, which is in zstd "
			       "anyway; leave it out");
	if (!set->dry_run && isatty(STDOUT_FILENO))
		return rc_fail(err, RC_E_USAGE, "output",
			       "--output - is standard output, which is a terminal here; send it "
			       "into a file or another program");
	rc = rc_scratch_dir(set->scratch_dir, NULL, &scratch, err);
	if (rc)
		return rc;
	rc = rc_outpipe_open(p, STDOUT_FILENO, scratch, err);
	free(scratch);
	set->output = p->dir;
	run->pipe = p;
	return rc;
}

/* Standard output is written last, so that a run whose reader went away has done its work. */
static int finish(struct rc_run *run, const struct rc_buf *out)
{
	const struct rc_settings *set = run->set;
	bool results = set->dry_run || (set->report && !strcmp(set->report, "-"));
	int status = run->exit_code;

	if (run->again)
		rc_log(RC_LOG_WARN, "%s; starting again (--on-gpu-error retry)", run->err.msg);
	else if (run->err.code && rc_stop_signal() != SIGPIPE)
		rc_log(RC_LOG_ERROR, "%s", run->err.msg);
	if (run->pipe && !set->dry_run)
		tell_lines(out);
	else if ((results || !set->quiet) && !rc_cmd_print(out) && status == RC_EXIT_OK)
		status = RC_EXIT_FAILED;
	return status;
}

/* "train/" is "train": it goes into messages and in front of "/report.json". */
static void trim_slashes(char *dir)
{
	for (size_t n = dir ? strlen(dir) : 0; n > 1 && dir[n - 1] == '/'; n--)
		dir[n - 1] = '\0';
}

/* Of --time-limit, which is for all attempts together. */
static int64_t time_left(const struct rc_settings *set, const struct rc_retry *retry)
{
	int64_t left = set->time_limit_ns - (rc_now_ns() - retry->started_ns);

	if (set->time_limit_ns <= 0)
		return set->time_limit_ns;
	return left > 0 ? left : 1;
}

int cmd_convert(int argc, char **argv)
{
	struct rc_settings set = {0};
	struct rc_opts opts = {.command = "convert", .rows = rows, .n_rows = RC_ARRAY_LEN(rows),
			       .values = &set};
	const struct rc_common common = {usage, examples, &set.help, &set.dump_options, &set.quiet,
					 &set.verbose};
	struct rc_run run = {.opts = &opts, .set = &set, .argc = argc, .argv = argv,
			     .version = RC_VERSION};
	struct rc_outpipe pipe = {.fd = -1};
	struct rc_json *recipe = NULL;
	struct rc_err err = {0};
	struct rc_buf out, map;
	int status;

	rc_buf_init(&out);
	rc_buf_init(&map);
	rc_retry_read(&run.retry);
	if (!rc_cmd_start(&opts, argc, argv, &common, &status))
		goto done;
	trim_slashes((char *)set.output);
	if (!rc_cmd_one_stdin(&opts, set.files_from, set.recipe)) {
		status = RC_EXIT_USAGE;
		goto done;
	}
	run.map_file = set.map;
	if ((set.recipe && rc_recipe_load(set.recipe, &opts, &recipe, &err)) ||
	    rc_map_load(&set.map, set.layout_in, &map, &err) ||
	    (set.output && !strcmp(set.output, "-") && open_pipe(&pipe, &run, &set, &err)) ||
	    rc_cmd_readers(set.sandbox, &run.readers, &err)) {
		rc_log(RC_LOG_ERROR, "%s", err.msg);
		status = rc_exit_of(err.code);
		goto done;
	}
	rc_signals_stop_early(time_left(&set, &run.retry));
	rc_run_convert(&run, opts.operands, opts.n_operands, &out);
	status = finish(&run, &out);
	rc_run_release(&run);
	rc_readers_stop(run.readers);
	if (run.again && rc_retry_start(&run.retry, argv, argc, set.resume, &err))
		rc_log(RC_LOG_ERROR, "%s", err.msg);
done:
	rc_outpipe_release(&pipe);
	rc_json_free(recipe);
	rc_opts_release(&opts);
	rc_buf_release(&out);
	rc_buf_release(&map);
	rc_signals_reraise(status);
	return status;
}
