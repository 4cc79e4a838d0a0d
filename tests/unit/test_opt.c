/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include "base/num.h"
#include "base/opt.h"

struct values {
	bool help, force, dry_run;
	int verbose, device;
	int64_t threads, seed, gap;
	uint64_t memory;
	const char *output;
	struct rc_opt_list fuse, latency;
	struct rc_rate rate;
	bool null, dump;
};

#define AT(member) offsetof(struct values, member)

static const struct rc_opt rows[] = {
	{.name = "output",
	 .letter = 'o',
	 .type = RC_OPT_STRING,
	 .offset = AT(output),
	 .arg = "PATH",
	 .group = "Output",
	 .help = "where the shards go",
	 .no_env = true},
	{.name = "force",
	 .letter = 'f',
	 .type = RC_OPT_FLAG,
	 .offset = AT(force),
	 .group = "Output",
	 .help = "replace what is there"},
	{.name = "rate",
	 .letter = 'r',
	 .type = RC_OPT_RATE,
	 .offset = AT(rate),
	 .arg = "HZ",
	 .group = "Time",
	 .help = "ticks a second"},
	{.name = "max-gap",
	 .type = RC_OPT_DURATION,
	 .offset = AT(gap),
	 .arg = "TIME",
	 .dflt = "50ms",
	 .group = "Time",
	 .help = "the longest time between two samples that is still bridged, which is a long "
		 "help text that needs more than one line"},
	{.name = "latency",
	 .type = RC_OPT_LIST,
	 .offset = AT(latency),
	 .arg = "STREAM=MS",
	 .group = "Time",
	 .help = "shift a clock"},
	{.name = "fuse",
	 .type = RC_OPT_LIST,
	 .offset = AT(fuse),
	 .arg = "NAME=STREAM,…",
	 .dflt = "a=b;c=d",
	 .group = "Time",
	 .help = "join streams"},
	{.name = "device",
	 .type = RC_OPT_CHOICE,
	 .offset = AT(device),
	 .dflt = "cpu",
	 .choices = "auto|cpu|cuda",
	 .group = "Running",
	 .help = "where to compute"},
	{.name = "threads",
	 .letter = 'j',
	 .type = RC_OPT_INT,
	 .offset = AT(threads),
	 .arg = "N",
	 .dflt = "4",
	 .lo = 0,
	 .hi = 1024,
	 .group = "Running",
	 .help = "workers"},
	{.name = "seed",
	 .type = RC_OPT_INT,
	 .offset = AT(seed),
	 .arg = "N",
	 .group = "Running",
	 .help = "any number"},
	{.name = "memory",
	 .letter = 'M',
	 .type = RC_OPT_SIZE,
	 .offset = AT(memory),
	 .arg = "SIZE",
	 .group = "Running",
	 .help = "budget"},
	{.name = "null",
	 .letter = '0',
	 .type = RC_OPT_FLAG,
	 .offset = AT(null),
	 .group = "Running",
	 .help = "names end with NUL"},
	{.name = "verbose",
	 .letter = 'v',
	 .type = RC_OPT_COUNT,
	 .offset = AT(verbose),
	 .group = "Running",
	 .help = "say more"},
	{.name = "dry-run",
	 .letter = 'n',
	 .type = RC_OPT_FLAG,
	 .offset = AT(dry_run),
	 .group = "Running",
	 .help = "write nothing"},
	{.name = "help",
	 .letter = 'h',
	 .type = RC_OPT_FLAG,
	 .offset = AT(help),
	 .no_env = true,
	 .group = "Running",
	 .help = "show this"},
	{.name = "dump-options", .type = RC_OPT_FLAG, .offset = AT(dump), .hidden = true},
};

static struct values v;
static struct rc_opts o;
static struct rc_err e;

static int parse_argv(char **argv)
{
	int argc = 0, rc;

	while (argv[argc])
		argc++;
	o = (struct rc_opts){
		.command = "convert", .rows = rows, .n_rows = RC_ARRAY_LEN(rows), .values = &v};
	memset(&v, 0xa5, sizeof v); /* parsing must set everything */
	rc = rc_opts_parse(&o, argc, argv, &e);
	return rc;
}

#define PARSE(...) parse_argv((char *[]){"convert", __VA_ARGS__, NULL})
#define TAKE(...) cr_assert_eq(PARSE(__VA_ARGS__), 0, "%s", e.msg)
#define REFUSE(message, ...)                                        \
	do {                                                        \
		cr_expect_eq(PARSE(__VA_ARGS__), RC_E_USAGE);       \
		cr_expect_str_eq(e.msg, message, "got: %s", e.msg); \
		cr_expect_null(o.source, "released");               \
	} while (0)

static const char *text_of(const char *name)
{
	static struct rc_buf b;
	size_t i;

	if (!b.p)
		rc_buf_init(&b);
	rc_buf_clear(&b);
	for (i = 0; i < o.n_rows; i++)
		if (!strcmp(rows[i].name, name))
			rc_opts_value_text(&o, i, &b);
	return b.p;
}

Test(opt, defaults)
{
	TAKE("in");
	cr_assert_not(v.force || v.help || v.dry_run || v.null || v.dump);
	cr_assert_null(v.output);
	cr_assert_eq(v.verbose, 0);
	cr_assert_eq(v.threads, 4);
	cr_assert_eq(v.seed, 0);
	cr_assert_eq(v.gap, 50000000);
	cr_assert_eq(v.memory, 0);
	cr_assert_eq(v.device, 1);
	cr_assert_eq(v.rate.num, 0);
	cr_assert_eq(v.latency.n, 0);
	cr_assert_eq(v.fuse.n, 2);
	cr_assert_str_eq(v.fuse.items[1], "c=d");
	cr_assert_eq(o.n_operands, 1);
	cr_assert_eq(rc_opts_source(&o, "threads"), RC_OPT_DEFAULT);
	rc_opts_release(&o);
	rc_opts_release(&o);
	cr_assert_eq(parse_argv((char *[]){"convert", NULL}), 0);
	rc_opts_release(&o);
	cr_assert_eq(parse_argv((char *[]){NULL}), 0, "not even a command word");
	cr_assert_eq(o.n_operands, 0);
	rc_opts_release(&o);
}

Test(opt, every_type)
{
	TAKE("-o", "out", "--force", "-r29.97", "--max-gap=-0.2s", "--latency", "cam=-5",
	     "--latency=arm=3", "--fuse", "x=y", "--device", "cuda", "-j", "8", "--seed=-9",
	     "-M1.5GiB", "-vvn", "-v");
	cr_assert_str_eq(v.output, "out");
	cr_assert(v.force && v.dry_run);
	cr_assert(v.rate.num == 2997 && v.rate.den == 100);
	cr_assert_eq(v.gap, -200000000);
	cr_assert_eq(v.latency.n, 2);
	cr_assert_str_eq(v.latency.items[0], "cam=-5");
	cr_assert_str_eq(v.latency.items[1], "arm=3");
	cr_assert_eq(v.fuse.n, 1, "a default list is replaced");
	cr_assert_eq(v.device, 2);
	cr_assert_eq(v.threads, 8);
	cr_assert_eq(v.seed, -9);
	cr_assert_eq(v.memory, 1610612736);
	cr_assert_eq(v.verbose, 3);
	cr_assert_eq(rc_opts_source(&o, "rate"), RC_OPT_USER);
	cr_assert_eq(rc_opts_source(&o, "null"), RC_OPT_DEFAULT);
	rc_opts_release(&o);
}

Test(opt, operands)
{
	static const char *const expected[] = {"a", "-", "b",  "-5",      "-.5",
					       "",  "c", "-x", "--force", "-7"};
	char *argv[] = {"convert", "a",  "-",  "-f", "b",  "-5", "-j",      "2",  "-.5",
			"",        "-r", "30", "c",  "--", "-x", "--force", "-7", NULL};
	char *before[RC_ARRAY_LEN(argv)];
	size_t i;

	memcpy(before, argv, sizeof argv);
	setenv("POSIXLY_CORRECT", "1", 1); /* must not matter */
	cr_assert_eq(parse_argv(argv), 0, "%s", e.msg);
	cr_assert_eq(o.n_operands, (int)RC_ARRAY_LEN(expected));
	for (i = 0; i < RC_ARRAY_LEN(expected); i++)
		cr_assert_str_eq(o.operands[i], expected[i]);
	cr_assert_eq(memcmp(before, argv, sizeof argv), 0, "argv stays as it is");
	cr_assert(v.force && v.threads == 2);
	rc_opts_release(&o);
	TAKE("-5", "-0", "-v", "--", "--");
	cr_assert_eq(o.n_operands, 2);
	cr_assert_str_eq(o.operands[0], "-5", "a number first of all");
	cr_assert_str_eq(o.operands[1], "--");
	cr_assert(v.null, "-0 is an option's letter");
	rc_opts_release(&o);
	TAKE("--");
	cr_assert_eq(o.n_operands, 0);
	rc_opts_release(&o);
}

Test(opt, clusters_and_last_wins)
{
	TAKE("-vfn0j3", "-j", "5", "--max-gap", "-5", "-o", "--", "-o-", "x");
	cr_assert(v.force && v.dry_run && v.null && v.verbose == 1);
	cr_assert_eq(v.threads, 5);
	cr_assert_eq(v.gap, -5000000);
	cr_assert_str_eq(v.output, "-");
	cr_assert_eq(o.n_operands, 1);
	rc_opts_release(&o);
	TAKE("--thr", "6", "--dry");
	cr_assert_eq(v.threads, 6, "unique abbreviations");
	cr_assert(v.dry_run);
	rc_opts_release(&o);
	TAKE("--dump-options");
	cr_assert(v.dump, "hidden options work");
	rc_opts_release(&o);
}

Test(opt, refuses)
{
	REFUSE("unknown option '--ratee'; did you mean '--rate'?", "--ratee", "3");
	REFUSE("unknown option '--rtae'; did you mean '--rate'?", "--rtae=3");
	REFUSE("unknown option '--frobnicate'; see 'robocache convert --help'", "--frobnicate");
	REFUSE("unknown option '-x'; see 'robocache convert --help'", "-x");
	REFUSE("unknown option '-x'; see 'robocache convert --help'", "a", "-vx", "b");
	REFUSE("unknown option '-device'; did you mean '--device'?", "-device", "cpu");
	REFUSE("unknown option '-\xc3\xa9'; see 'robocache convert --help'", "-\xc3\xa9");
	REFUSE("unknown option '--dump-optionz'; see 'robocache convert --help'", "--dump-optionz");
	REFUSE("option '--m' is ambiguous; it could be '--max-gap', '--memory'; write the whole "
	       "name",
	       "--m=3");
	REFUSE("option '--rate' needs a value: '--rate=HZ'", "--rate");
	REFUSE("option '--rate' needs a value: '--rate=HZ'", "in", "-vr");
	REFUSE("option '--device' needs a value: one of auto|cpu|cuda", "--device");
	REFUSE("option '--force' takes no value", "--force=yes");
	REFUSE("option '--verbose' takes no value", "--verb=2");
	REFUSE("--threads: '1025' is out of range; expected a whole number from 0 to 1024",
	       "-j1025");
	REFUSE("--threads: '-1' is out of range; expected a whole number from 0 to 1024", "-j",
	       "-1");
	REFUSE("--threads: '' is not a whole number; expected a whole number from 0 to 1024",
	       "--threads=");
	REFUSE("--device: 'cud' is not one of auto, cpu, cuda; did you mean 'cuda'?",
	       "--device=cud");
	REFUSE("--device: '' is not one of auto, cpu, cuda", "--device=");
	REFUSE("--device: 'cpu|cuda' is not one of auto, cpu, cuda", "--device=cpu|cuda");
	REFUSE("--memory: '-5' is not a size; expected a size such as 512M, 4GiB, 100KB or a "
	       "number "
	       "of bytes",
	       "-M", "-5");
	/* Refusals leave nothing behind in getopt. */
	TAKE("-vv", "a");
	cr_assert_eq(v.verbose, 2);
	rc_opts_release(&o);
}

Test(opt, hidden_abbreviation)
{
	REFUSE("option '--d' is ambiguous; it could be '--device', '--dry-run'; write the whole "
	       "name",
	       "--d");
}

Test(opt, program_itself)
{
	char *argv[] = {"robocache", "--nope", NULL};

	o = (struct rc_opts){.rows = rows, .n_rows = RC_ARRAY_LEN(rows), .values = &v};
	cr_assert_eq(rc_opts_parse(&o, 2, argv, &e), RC_E_USAGE);
	cr_assert_str_eq(e.msg, "unknown option '--nope'; see 'robocache --help'");
	o = (struct rc_opts){.values = &v};
	cr_assert_eq(rc_opts_parse(&o, 1, argv, &e), 0, "no rows");
	rc_opts_release(&o);
	cr_assert_eq(rc_opts_parse(&o, 2, argv, &e), RC_E_USAGE);
}

Test(opt, environment)
{
	setenv("ROBOCACHE_MAX_GAP", "7", 1);
	setenv("ROBOCACHE_THREADS", "9", 1);
	setenv("ROBOCACHE_FORCE", "yes", 1);
	setenv("ROBOCACHE_VERBOSE", "2", 1);
	setenv("ROBOCACHE_LATENCY", "cam=5;;arm=-1,2;", 1);
	setenv("ROBOCACHE_FUSE", "x=1;y=2", 1);
	setenv("ROBOCACHE_DEVICE", "", 1);
	setenv("ROBOCACHE_OUTPUT", "never", 1);
	setenv("ROBOCACHE_DUMP_OPTIONS", "1", 1);
	TAKE("-j3", "-v", "--fuse", "z=3");
	cr_assert_eq(v.gap, 7000000);
	cr_assert_eq(v.threads, 3, "option over environment");
	cr_assert(v.force);
	cr_assert_eq(v.verbose, 1, "not added");
	cr_assert_eq(v.latency.n, 2);
	cr_assert_str_eq(v.latency.items[0], "cam=5");
	cr_assert_str_eq(v.latency.items[1], "arm=-1,2");
	cr_assert_eq(v.fuse.n, 1);
	cr_assert_str_eq(v.fuse.items[0], "z=3");
	cr_assert_eq(v.device, 1, "empty is unset");
	cr_assert_null(v.output, "no_env");
	cr_assert_not(v.dump, "hidden");
	cr_assert_eq(rc_opts_source(&o, "max-gap"), RC_OPT_ENV);
	cr_assert_eq(rc_opts_source(&o, "latency"), RC_OPT_ENV);
	cr_assert_eq(rc_opts_source(&o, "fuse"), RC_OPT_USER);
	cr_assert_eq(rc_opts_source(&o, "device"), RC_OPT_DEFAULT);
	rc_opts_release(&o);
}

Test(opt, bad_environment)
{
	setenv("ROBOCACHE_MAX_GAP", "soon", 1);
	REFUSE("environment variable ROBOCACHE_MAX_GAP: 'soon' is not a duration; expected a "
	       "duration with its unit, such as 50ms, 0.2s, 3us or 5m",
	       "in");
	TAKE("--max-gap=1");
	rc_opts_release(&o);
	TAKE("-h");
	cr_assert(v.help, "help works whatever the environment is");
	rc_opts_release(&o);
	unsetenv("ROBOCACHE_MAX_GAP");
	setenv("ROBOCACHE_FORCE", "maybe", 1);
	REFUSE("environment variable ROBOCACHE_FORCE: 'maybe' is neither true nor false; use 1 or "
	       "0",
	       "in");
}

Test(opt, recipe)
{
	char rate[] = "30";

	setenv("ROBOCACHE_MAX_GAP", "7ms", 1);
	TAKE("-j3");
	cr_assert_eq(rc_opts_set_recipe(&o, "rate", rate, &e), 0);
	cr_assert_eq(rc_opts_set_recipe(&o, "threads", "1", &e), 0);
	cr_assert_eq(rc_opts_set_recipe(&o, "max-gap", "1", &e), 0);
	cr_assert_eq(rc_opts_set_recipe(&o, "output", rate, &e), 0);
	cr_assert_eq(rc_opts_set_recipe(&o, "fuse", "p=q", &e), 0);
	cr_assert_eq(rc_opts_set_recipe(&o, "fuse", "r=s;t", &e), 0);
	cr_assert_eq(rc_opts_set_recipe(&o, "force", "true", &e), 0);
	memset(rate, '9', 2);
	cr_assert_eq(v.rate.num, 30);
	cr_assert_eq(v.threads, 3, "option over recipe");
	cr_assert_eq(v.gap, 7000000, "environment over recipe");
	cr_assert_str_eq(v.output, "30", "copied");
	cr_assert_eq(v.fuse.n, 2, "appended to each other, not to the default");
	cr_assert_str_eq(v.fuse.items[0], "p=q");
	cr_assert_str_eq(v.fuse.items[1], "r=s;t", "not split");
	cr_assert(v.force);
	cr_assert_eq(rc_opts_source(&o, "rate"), RC_OPT_RECIPE);
	cr_assert_eq(rc_opts_source(&o, "threads"), RC_OPT_USER);
	cr_assert_eq(rc_opts_set_recipe(&o, "seed", "x", &e), RC_E_USAGE);
	cr_assert_str_eq(e.msg, "'seed' in the recipe: 'x' is not a whole number; expected a whole "
				"number");
	cr_assert_eq(rc_opts_set_recipe(&o, "sead", "1", &e), RC_E_USAGE);
	cr_assert_str_eq(rc_opt_source_name(RC_OPT_RECIPE), "recipe");
	rc_opts_release(&o);
}

Test(opt, values_as_text)
{
	TAKE("-o", "x", "-r", "30000/1001", "-vv", "--latency=a=1", "--latency=b=2", "-M", "4K");
	cr_assert_str_eq(text_of("output"), "x");
	cr_assert_str_eq(text_of("rate"), "30000/1001");
	cr_assert_str_eq(text_of("verbose"), "2");
	cr_assert_str_eq(text_of("force"), "false");
	cr_assert_str_eq(text_of("latency"), "a=1\nb=2");
	cr_assert_str_eq(text_of("memory"), "4096");
	cr_assert_str_eq(text_of("device"), "cpu");
	cr_assert_str_eq(text_of("max-gap"), "50ms");
	cr_assert_str_eq(text_of("threads"), "4");
	cr_assert_str_eq(text_of("seed"), "", "never given");
	v.seed = 5;
	cr_assert_str_eq(text_of("seed"), "5", "but found out later");
	rc_opts_release(&o);
	TAKE("-r29.97", "--max-gap", "120s", "--seed=0", "--device=cuda");
	cr_assert_str_eq(text_of("rate"), "29.97");
	cr_assert_str_eq(text_of("max-gap"), "2m");
	cr_assert_str_eq(text_of("seed"), "0");
	cr_assert_str_eq(text_of("device"), "cuda");
	cr_assert_str_eq(text_of("output"), "");
	cr_assert_str_eq(text_of("memory"), "");
	rc_opts_release(&o);
	TAKE("-r0.5", "--max-gap", "-1500us");
	cr_assert_str_eq(text_of("rate"), "0.5");
	cr_assert_str_eq(text_of("max-gap"), "-1500us");
	rc_opts_release(&o);
	TAKE("-r20", "--max-gap", "0");
	cr_assert_str_eq(text_of("rate"), "20");
	cr_assert_str_eq(text_of("max-gap"), "0ms");
	rc_opts_release(&o);
	TAKE("in");
	cr_assert_str_eq(text_of("rate"), "");
	rc_opts_release(&o);
}

Test(opt, help)
{
	struct rc_buf b;

	rc_buf_init(&b);
	rc_opts_help(rows, RC_ARRAY_LEN(rows), &b);
	cr_assert_str_eq(
		b.p,
		"Output:\n"
		"  -o, --output=PATH       where the shards go\n"
		"  -f, --force             replace what is there\n"
		"\n"
		"Time:\n"
		"  -r, --rate=HZ           ticks a second\n"
		"      --max-gap=TIME      the longest time between two samples that is still\n"
		"                          bridged, which is a long help text that needs more\n"
		"                          than one line (default: 50ms)\n"
		"      --latency=STREAM=MS\n"
		"                          shift a clock (repeatable)\n"
		"      --fuse=NAME=STREAM,…\n"
		"                          join streams (repeatable; default: a=b;c=d)\n"
		"\n"
		"Running:\n"
		"      --device=auto|cpu|cuda\n"
		"                          where to compute (default: cpu)\n"
		"  -j, --threads=N         workers (default: 4)\n"
		"      --seed=N            any number\n"
		"  -M, --memory=SIZE       budget\n"
		"  -0, --null              names end with NUL\n"
		"  -v, --verbose           say more (repeatable)\n"
		"  -n, --dry-run           write nothing\n"
		"  -h, --help              show this\n");
	rc_buf_release(&b);
}

Test(opt, help_names_choices)
{
	const struct rc_opt row = {.name = "x",
				   .type = RC_OPT_CHOICE,
				   .arg = "WHERE",
				   .dflt = "a",
				   .choices = "a|b|c",
				   .help = "choose"};
	struct rc_buf b;

	rc_buf_init(&b);
	rc_opts_help(&row, 1, &b);
	cr_assert_str_eq(b.p, "Options:\n"
			      "      --x=WHERE           choose (one of a, b, c; default: a)\n");
	rc_buf_release(&b);
}

Test(opt, dump)
{
	struct rc_buf b;

	rc_buf_init(&b);
	rc_opts_dump(rows + 6, 3, &b);
	rc_opts_dump(rows + 13, 2, &b);
	cr_assert_str_eq(b.p, "device\t\tauto|cpu|cuda\tcpu\tauto|cpu|cuda\twhere to compute\n"
			      "threads\tj\tN\t4\t\tworkers\n"
			      "seed\t\tN\t\t\tany number\n"
			      "help\th\t\t\t\tshow this\n");
	rc_buf_release(&b);
}

Test(opt, amounts)
{
	static struct rc_amount amount;
	static const struct rc_opt row = {.name = "memory", .type = RC_OPT_AMOUNT, .arg = "SIZE",
					  .dflt = "25%", .group = "Run", .help = "budget"};
	static const char *const texts[][2] = {{NULL, "25%"}, {"3K", "3072"}, {"7%", "7%"},
					       {"0", "0"}};

	for (size_t i = 0; i < RC_ARRAY_LEN(texts); i++) {
		struct rc_opts opts = {.rows = &row, .n_rows = 1, .values = &amount};
		char *argv[] = {"x", "--memory", (char *)(uintptr_t)texts[i][0], NULL};
		struct rc_buf b;

		rc_buf_init(&b);
		cr_assert_eq(rc_opts_parse(&opts, texts[i][0] ? 3 : 1, argv, &e), 0, "%s", e.msg);
		rc_opts_value_text(&opts, 0, &b);
		cr_assert_str_eq(b.p, texts[i][1]);
		rc_buf_release(&b);
		rc_opts_release(&opts);
	}
}
