/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes: texts to rules, files to options, and who wins. */
#include "base/compat.h"

#include <criterion/criterion.h>
#include <unistd.h>

#include "base/names.h"
#include "recipe.h"

#define AT(field) offsetof(struct rc_settings, field)

/* Rows like those of `convert`, one of each type. */
static const struct rc_opt rows[] = {
	{.name = "output", .letter = 'o', .type = RC_OPT_STRING, .offset = AT(output), .no_env = true},
	{.name = "compression", .type = RC_OPT_STRING, .offset = AT(compression), .dflt = "keep"},
	{.name = "shard-size", .type = RC_OPT_SIZE, .offset = AT(shard_size), .dflt = "4GiB"},
	{.name = "split", .type = RC_OPT_STRING, .offset = AT(split)},
	{.name = "seed", .type = RC_OPT_INT, .offset = AT(seed), .dflt = "0", .hi = INT64_MAX},
	{.name = "rate", .letter = 'r', .type = RC_OPT_RATE, .offset = AT(rate)},
	{.name = "source-rate", .type = RC_OPT_LIST, .offset = AT(source_rate)},
	{.name = "reference", .type = RC_OPT_STRING, .offset = AT(reference)},
	{.name = "timeline", .type = RC_OPT_CHOICE, .offset = AT(timeline), .dflt = "auto",
	 .choices = RC_TIMELINE_CHOICES},
	{.name = "method", .letter = 'm', .type = RC_OPT_LIST, .offset = AT(method)},
	{.name = "fuse", .type = RC_OPT_LIST, .offset = AT(fuse)},
	{.name = "keep-members", .type = RC_OPT_FLAG, .offset = AT(keep_members)},
	{.name = "keep", .type = RC_OPT_LIST, .offset = AT(keep)},
	{.name = "drop", .type = RC_OPT_LIST, .offset = AT(drop)},
	{.name = "rename", .type = RC_OPT_LIST, .offset = AT(rename)},
	{.name = "dtype", .type = RC_OPT_LIST, .offset = AT(dtype)},
	{.name = "max-gap", .type = RC_OPT_DURATION, .offset = AT(max_gap_ns)},
	{.name = "gap-policy", .type = RC_OPT_CHOICE, .offset = AT(gap_policy), .dflt = "flag",
	 .choices = RC_GAP_CHOICES},
	{.name = "latency", .type = RC_OPT_LIST, .offset = AT(latency)},
	{.name = "threads", .letter = 'j', .type = RC_OPT_INT, .offset = AT(threads), .dflt = "0",
	 .hi = 1024},
	{.name = "dump-options", .type = RC_OPT_FLAG, .offset = AT(dump_options), .hidden = true},
};

/* One command line with its recipe, as the command goes about it. */
struct job {
	struct rc_settings set;
	struct rc_opts opts;
	struct rc_json *json;
	struct rc_recipe recipe;
	struct rc_err err;
	bool parsed, compiled;
};

static void job_release(struct job *j)
{
	if (j->compiled)
		rc_recipe_release(&j->recipe);
	rc_json_free(j->json);
	if (j->parsed)
		rc_opts_release(&j->opts);
}

/* Options end with NULL. */
static int parse(struct job *j, const char *const *args)
{
	char *argv[32] = {(char *)"convert"};
	int argc = 1, rc;

	memset(j, 0, sizeof *j);
	for (; args[argc - 1]; argc++)
		argv[argc] = (char *)args[argc - 1];
	j->opts = (struct rc_opts){.command = "convert", .rows = rows,
				   .n_rows = RC_ARRAY_LEN(rows), .values = &j->set};
	rc = rc_opts_parse(&j->opts, argc, argv, &j->err);
	j->parsed = !rc;
	return rc;
}

static int compile(struct job *j)
{
	int rc = rc_recipe_compile(&j->set, &j->recipe, &j->err);

	j->compiled = !rc;
	return rc;
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void good(struct job *j, const char *const *args)
{
	cr_assert_eq(parse(j, args), 0, "%s", j->err.msg);
	cr_assert_eq(compile(j), 0, "%s", j->err.msg);
}

/* The command line parses, and the recipe is refused with words of this in the message. */
static void refused(const char *const *args, const char *words)
{
	struct job j;

	cr_assert_eq(parse(&j, args), 0, "%s", j.err.msg);
	cr_assert_eq(compile(&j), RC_E_USAGE, "%s: accepted", words);
	cr_expect_neq(strstr(j.err.msg, words), NULL, "'%s' is not in: %s", words, j.err.msg);
	job_release(&j);
}

/* Parses args, then loads the recipe text from a file. */
static int load_text(struct job *j, const char *const *args, const char *text)
{
	char path[] = "/tmp/rc-recipe-XXXXXX";
	int fd = mkstemp(path), rc;
	size_t n = strlen(text);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, n), (ssize_t)n);
	close(fd);
	cr_assert_eq(parse(j, args), 0, "%s", j->err.msg);
	rc = rc_recipe_load(path, &j->opts, &j->json, &j->err);
	unlink(path);
	return rc;
}

static void loaded(struct job *j, const char *const *args, const char *text)
{
	cr_assert_eq(load_text(j, args, text), 0, "%s", j->err.msg);
}

static void not_loaded(const char *text, const char *words)
{
	struct job j;

	cr_assert_eq(load_text(&j, ARGS(NULL), text), RC_E_USAGE, "accepted: %s", text);
	cr_expect_neq(strstr(j.err.msg, words), NULL, "'%s' is not in: %s", words, j.err.msg);
	job_release(&j);
}

/* --- rules ------------------------------------------------------------------------------------ */

Test(rules, the_last_match_wins_and_is_marked)
{
	struct rc_rule r[] = {{.pattern = "*"}, {.pattern = "cam_*"}, {.pattern = "joint"}};
	struct rc_rules rules = {r, 3};

	cr_expect_eq(rc_rules_match(&rules, "cam_top"), &r[1]);
	cr_expect(r[0].used && r[1].used && !r[2].used);
	cr_expect_eq(rc_rules_match(&rules, "gripper"), &r[0]);
	cr_expect_eq(rc_rules_match(&rules, "joint"), &r[2]);
	rules.n = 0;
	cr_expect_eq(rc_rules_match(&rules, "joint"), NULL);
	cr_expect_null(rc_rules_match(&rules, "joint"));
}

Test(rules, values_of_every_kind)
{
	struct job j;

	good(&j, ARGS("-r", "20", "-m", "nearest", "-m", "joint:linear", "--dtype", "f16",
		      "--dtype", "a:b:keep", "--latency", "cam_*=35", "--latency", "x=-1.5s",
		      "--source-rate", "30000/1001", "--source-rate", "cam:29.97"));
	cr_assert_eq(j.recipe.method.n, 2);
	cr_expect(j.recipe.method.r[0].is_default && !j.recipe.method.r[1].is_default);
	cr_expect_str_eq(j.recipe.method.r[0].pattern, "*");
	cr_expect_eq(j.recipe.method.r[0].number, RC_METHOD_NEAREST);
	cr_expect_str_eq(j.recipe.method.r[1].pattern, "joint");
	cr_expect_eq(j.recipe.method.r[1].number, RC_METHOD_LINEAR);
	cr_expect_eq(j.recipe.dtype.r[0].number, RC_F16);
	cr_expect_str_eq(j.recipe.dtype.r[1].pattern, "a:b");
	cr_expect_eq(j.recipe.dtype.r[1].number, RC_DTYPE_KEEP);
	cr_expect_eq(j.recipe.latency.r[0].ns, 35000000);
	cr_expect_eq(j.recipe.latency.r[1].ns, -1500000000);
	cr_expect_eq(j.recipe.source_rate.r[0].rate.num, 30000);
	cr_expect_eq(j.recipe.source_rate.r[0].rate.den, 1001);
	cr_expect_eq(j.recipe.source_rate.r[1].rate.num, 2997);
	job_release(&j);
}

Test(rules, lists_of_names_are_cut_at_commas)
{
	struct job j;

	good(&j, ARGS("--keep", "a,b/*", "--keep", "c", "--drop", "b/x"));
	cr_assert_eq(j.recipe.keep.n, 3);
	cr_expect_str_eq(j.recipe.keep.r[0].pattern, "a");
	cr_expect_str_eq(j.recipe.keep.r[1].pattern, "b/*");
	cr_expect_str_eq(j.recipe.keep.r[2].pattern, "c");
	cr_expect_eq(j.recipe.drop.n, 1);
	job_release(&j);
	refused(ARGS("--keep", "a,,b"), "empty stream name in --keep 'a,,b'");
	refused(ARGS("--drop", ""), "empty stream name in --drop ''");
	refused(ARGS("--drop", "a,"), "--drop 'a,'");
}

Test(rules, fuse_groups)
{
	struct job j;

	good(&j, ARGS("--fuse", "state=joint_*,gripper", "--fuse", "eef=pose"));
	cr_assert_eq(j.recipe.n_groups, 2);
	cr_expect_str_eq(j.recipe.groups[0].name, "state");
	cr_assert_eq(j.recipe.groups[0].n_members, 2);
	cr_expect_str_eq(j.recipe.groups[0].members[0], "joint_*");
	cr_expect_str_eq(j.recipe.groups[0].members[1], "gripper");
	cr_expect_str_eq(j.recipe.groups[1].members[0], "pose");
	job_release(&j);
	refused(ARGS("--fuse", "state"), "'state' is not NAME=STREAM");
	refused(ARGS("--fuse", "=a,b"), "NAME=STREAM");
	refused(ARGS("--fuse", "state="), "NAME=STREAM");
	refused(ARGS("--fuse", "state=a,,b"), "empty stream name");
	refused(ARGS("--fuse", "s=a", "--fuse", "s=b"), "two --fuse groups are named 's'");
}

Test(rules, renames_are_of_one_stream)
{
	struct job j;

	good(&j, ARGS("--rename", "qpos=joint_pos"));
	cr_expect_str_eq(j.recipe.rename.r[0].pattern, "qpos");
	cr_expect_str_eq(j.recipe.rename.r[0].value, "joint_pos");
	job_release(&j);
	refused(ARGS("--rename", "qpos"), "is not OLD=NEW");
	refused(ARGS("--rename", "=x"), "is not OLD=NEW");
	refused(ARGS("--rename", "x="), "is not OLD=NEW");
	refused(ARGS("--rename", "cam_*=x"), "must be one stream, not a pattern");
}

Test(rules, bad_values_name_the_option_and_the_value)
{
	refused(ARGS("-r", "20", "-m", "liner"), "did you mean linear");
	refused(ARGS("-r", "20", "-m", "cam:cubic"), "unknown method 'cubic' in --method cam:cubic");
	refused(ARGS("-r", "20", "-m", ""), "unknown method ''");
	refused(ARGS("--dtype", "cam:u8"), "'u8' in --dtype cam:u8 is not f32");
	refused(ARGS("--dtype", "f128"), "'f128'");
	refused(ARGS("-r", "20", "--latency", "35"), "names no stream");
	refused(ARGS("-r", "20", "--latency", "cam=soon"), "soon");
	refused(ARGS("--source-rate", "cam:0"), "--source-rate");
}

/* --- settings --------------------------------------------------------------------------------- */

Test(settings, contradictions)
{
	refused(ARGS("--timeline", "reference", "-r", "20"), "needs --reference STREAM");
	refused(ARGS("--timeline", "union", "--reference", "cam", "-r", "20"),
		"--reference 'cam' contradicts --timeline union");
	refused(ARGS("--timeline", "intersection", "--reference", "cam", "-r", "20"),
		"contradicts --timeline intersection");
	refused(ARGS("--timeline", "union"), "--timeline union needs --rate");
	refused(ARGS("-r", "20", "--gap-policy", "drop"), "--gap-policy needs --max-gap");
	refused(ARGS("-r", "20", "--max-gap", "-5ms"), "negative");
}

/* Without ticks of their own, rows are copied as they are. */
Test(settings, what_only_ticks_need)
{
	struct job j;

	refused(ARGS("-m", "linear"), "--method has no meaning");
	refused(ARGS("--latency", "cam=3"), "--latency has no meaning");
	refused(ARGS("--max-gap", "100ms"), "--max-gap has no meaning");
	good(&j, ARGS("--reference", "cam", "-m", "linear", "--latency", "cam=3", "--max-gap", "1s"));
	job_release(&j);
}

Test(settings, what_goes_together)
{
	struct job j;

	good(&j, ARGS("-r", "20", "--timeline", "union", "--max-gap", "100ms", "--gap-policy",
		      "drop"));
	cr_expect_eq(j.set.max_gap_ns, 100000000);
	job_release(&j);
	good(&j, ARGS("--reference", "cam", "--timeline", "reference"));
	job_release(&j);
	good(&j, ARGS(NULL));
	cr_expect_eq(j.recipe.compression_mode, RC_COMPRESS_KEEP);
	cr_expect_eq(j.recipe.n_splits, 0);
	job_release(&j);
}

Test(settings, splits)
{
	struct job j;

	good(&j, ARGS("--split", "train:0.8,valid:0.1,test:0.1"));
	cr_assert_eq(j.recipe.n_splits, 3);
	cr_expect_str_eq(j.recipe.splits[0].name, "train");
	cr_expect_float_eq(j.recipe.splits[0].share, 0.8, 0);
	cr_expect_str_eq(j.recipe.splits[2].name, "test");
	job_release(&j);
	good(&j, ARGS("--split", "all:1"));
	job_release(&j);
	good(&j, ARGS("--split", "a:0.333333,b:0.333333,c:0.333334"));
	job_release(&j);
	refused(ARGS("--split", "train:0.9"), "add up to 0.9, not 1");
	refused(ARGS("--split", "train"), "is not NAME:SHARE");
	refused(ARGS("--split", ":1"), "is not NAME:SHARE");
	refused(ARGS("--split", "a:0.5,:0.5"), "is not NAME:SHARE");
	refused(ARGS("--split", "a:0.5,a:0.5"), "names 'a' twice");
	refused(ARGS("--split", "a:1.5,b:-0.5"), "not between 0 and 1");
	refused(ARGS("--split", "a:nan,b:1"), "--split");
	refused(ARGS("--split", "a:x,b:1"), "--split");
	refused(ARGS("--split", ""), "is not NAME:SHARE");
}

Test(settings, compression)
{
	static const struct {
		const char *text;
		enum rc_compression_mode mode;
		enum rc_codec codec;
		int level;
	} ok[] = {
		{"keep", RC_COMPRESS_KEEP, RC_CODEC_NONE, 0}, {"none", RC_COMPRESS_AS, RC_CODEC_NONE, 0},
		{"gzip", RC_COMPRESS_AS, RC_CODEC_GZIP, 4},   {"gzip:1", RC_COMPRESS_AS, RC_CODEC_GZIP, 1},
		{"gzip:9", RC_COMPRESS_AS, RC_CODEC_GZIP, 9}, {"zstd", RC_COMPRESS_AS, RC_CODEC_ZSTD, 3},
		{"zstd:19", RC_COMPRESS_AS, RC_CODEC_ZSTD, 19},
	};
	static const char *const bad[] = {"",       "lz4",     "gzip:",   "gzip:0", "gzip:99",
					  "zstd:x", "zstd:20", "none:1",  "keep:1", "gzi",
					  "gzipp",  "zstd:-1", "zstd:3 ", "GZIP"};
	enum rc_compression_mode mode;
	struct rc_encoding e;
	struct rc_err err;

	for (size_t i = 0; i < RC_ARRAY_LEN(ok); i++) {
		cr_assert_eq(rc_parse_compression(ok[i].text, &mode, &e, &err), 0, "%s: %s",
			     ok[i].text, err.msg);
		cr_expect_eq(mode, ok[i].mode, "%s", ok[i].text);
		if (mode == RC_COMPRESS_KEEP)
			continue;
		cr_expect_eq(e.codec, ok[i].codec, "%s", ok[i].text);
		cr_expect_eq(e.level, ok[i].level, "%s", ok[i].text);
	}
	for (size_t i = 0; i < RC_ARRAY_LEN(bad); i++) {
		cr_expect_eq(rc_parse_compression(bad[i], &mode, &e, &err), RC_E_USAGE, "'%s'",
			     bad[i]);
		cr_expect_neq(strstr(err.msg, "--compression"), NULL, "%s", err.msg);
	}
}

/* --- what matched nothing --------------------------------------------------------------------- */

static const char *const seen[] = {"actions", "gripper", "joint_pos"};

static int check_used(struct job *j)
{
	return rc_recipe_check_used(&j->recipe, seen, RC_ARRAY_LEN(seen), &j->err);
}

Test(unused, the_first_is_named_with_its_nearest)
{
	struct job j;

	good(&j, ARGS("--drop", "jont_pos"));
	cr_expect_eq(check_used(&j), RC_E_USAGE);
	cr_expect_neq(strstr(j.err.msg, "'jont_pos' in --drop"), NULL, "%s", j.err.msg);
	cr_expect_neq(strstr(j.err.msg, "did you mean 'joint_pos'?"), NULL, "%s", j.err.msg);
	job_release(&j);
	good(&j, ARGS("-r", "20", "--latency", "quite_another=3"));
	cr_expect_eq(check_used(&j), RC_E_USAGE);
	cr_expect_neq(strstr(j.err.msg, "the streams are actions, gripper, joint_pos"), NULL, "%s",
		      j.err.msg);
	job_release(&j);
}

Test(unused, rules_for_all_streams_need_not_match)
{
	struct job j;

	good(&j, ARGS("-r", "20", "-m", "nearest", "--dtype", "f32", "--source-rate", "20"));
	cr_expect_eq(check_used(&j), 0, "%s", j.err.msg);
	job_release(&j);
	good(&j, ARGS("--fuse", "state=joint_pos,grip"));
	j.recipe.groups[0].used[0] = true;
	cr_expect_eq(check_used(&j), RC_E_USAGE);
	cr_expect_neq(strstr(j.err.msg, "'grip' in --fuse"), NULL, "%s", j.err.msg);
	j.recipe.groups[0].used[1] = true;
	cr_expect_eq(check_used(&j), 0);
	job_release(&j);
}

Test(unused, many_long_names_fit_the_message)
{
	static char names[200][64];
	const char *list[200];
	struct job j;

	for (int i = 0; i < 200; i++) {
		snprintf(names[i], sizeof names[i], "stream_%03d_with_a_name_that_goes_on_and_on", i);
		list[i] = names[i];
	}
	good(&j, ARGS("--drop", "zzz"));
	cr_expect_eq(rc_recipe_check_used(&j.recipe, list, 200, &j.err), RC_E_USAGE);
	cr_expect_lt(strlen(j.err.msg), 700);
	job_release(&j);
}

/* --- recipe files ----------------------------------------------------------------------------- */

Test(file, every_kind_of_value)
{
	struct job j;

	loaded(&j, ARGS(NULL),
	       "{\"rate\": 29.97, \"keep_members\": true, \"seed\": 7, \"max_gap\": \"0.2s\",\n"
	       " \"timeline\": \"union\", \"shard_size\": \"1MiB\", \"compression\": \"zstd:5\",\n"
	       " \"reference\": \"cam\"}");
	cr_expect_eq(j.set.rate.num, 2997);
	cr_expect_eq(j.set.rate.den, 100);
	cr_expect(j.set.keep_members);
	cr_expect_eq(j.set.seed, 7);
	cr_expect_eq(j.set.max_gap_ns, 200000000);
	cr_expect_eq(j.set.timeline, RC_TIMELINE_UNION);
	cr_expect_eq(j.set.shard_size, 1 << 20);
	cr_expect_str_eq(j.set.compression, "zstd:5");
	cr_expect_str_eq(j.set.reference, "cam");
	cr_expect_eq(rc_opts_source(&j.opts, "rate"), RC_OPT_RECIPE);
	cr_expect_eq(rc_opts_source(&j.opts, "gap-policy"), RC_OPT_DEFAULT);
	job_release(&j);
}

static void list_is(const struct rc_opt_list *l, const char *const *want, size_t n)
{
	cr_assert_eq(l->n, n, "%zu items, not %zu", l->n, n);
	for (size_t i = 0; i < n; i++)
		cr_expect_str_eq(l->items[i], want[i]);
}
#define LIST_IS(list, ...)                                                                         \
	list_is(&(list), (const char *const[]){__VA_ARGS__},                                       \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

Test(file, objects_and_arrays_become_list_items)
{
	struct job j;

	loaded(&j, ARGS("-r", "20"),
	       "{\"method\": {\"*\": \"nearest\", \"joint\": \"linear\"},\n"
	       " \"fuse\": {\"state\": [\"joint\", \"grip*\"], \"eef\": \"pose\"},\n"
	       " \"latency\": {\"cam\": 35, \"cam2\": 12.5}, \"rename\": {\"a\": \"b\"},\n"
	       " \"source_rate\": [\"cam:30\", 50], \"drop\": [\"x\", \"y\"], \"keep\": \"a,b\",\n"
	       " \"split\": {\"train\": 0.9, \"valid\": 0.1}, \"dtype\": \"f32\"}");
	LIST_IS(j.set.method, "*:nearest", "joint:linear");
	LIST_IS(j.set.fuse, "state=joint,grip*", "eef=pose");
	LIST_IS(j.set.latency, "cam=35", "cam2=12.5");
	LIST_IS(j.set.rename, "a=b");
	LIST_IS(j.set.source_rate, "cam:30", "50");
	LIST_IS(j.set.drop, "x", "y");
	LIST_IS(j.set.keep, "a,b");
	LIST_IS(j.set.dtype, "f32");
	cr_expect_str_eq(j.set.split, "train:0.9,valid:0.1");
	cr_expect_eq(compile(&j), 0, "%s", j.err.msg);
	job_release(&j);
}

Test(file, an_array_is_one_text_for_a_single_option)
{
	struct job j;

	loaded(&j, ARGS(NULL), "{\"split\": [\"a:0.5\", \"b:0.5\"]}");
	cr_expect_str_eq(j.set.split, "a:0.5,b:0.5");
	job_release(&j);
}

Test(file, keys_may_have_dashes)
{
	struct job j;

	loaded(&j, ARGS(NULL), "{\"max-gap\": 100, \"gap_policy\": \"drop\"}");
	cr_expect_eq(j.set.max_gap_ns, 100000000);
	cr_expect_eq(j.set.gap_policy, RC_GAP_DROP);
	job_release(&j);
}

Test(file, what_is_refused)
{
	not_loaded("{\"methid\": \"linear\"}", "unknown recipe key 'methid'; did you mean 'method'?");
	not_loaded("{\"max_gab\": 1}", "did you mean 'max_gap'?");
	not_loaded("{\"completely_else\": 1}", "unknown recipe key 'completely_else'");
	not_loaded("{\"dump_options\": true}", "unknown recipe key");
	not_loaded("{\"\": true}", "unknown recipe key ''");
	not_loaded("{\"output\": \"x\"}", "give it as option --output");
	not_loaded("{\"threads\": 3}", "describes one run");
	not_loaded("{\"rate\": null}", "needs a string, a number or true/false");
	not_loaded("{\"rate\": \"fast\"}", "fast");
	not_loaded("{\"rate\": {\"a\": 1}}", "does not take an object");
	not_loaded("{\"drop\": {\"a\": 1}}", "does not take an object");
	not_loaded("{\"drop\": [[\"a\"]]}", "'drop'");
	not_loaded("{\"method\": {\"a\": {}}}", "'method'");
	not_loaded("{\"seed\": 1.5}", "seed");
	not_loaded("{\"timeline\": \"unoin\"}", "did you mean 'union'?");
	not_loaded("[1, 2]", "is not a JSON object");
	not_loaded("\"rate\"", "is not a JSON object");
	not_loaded("{\"rate\": 20, \"rate\": 30}", "'rate' twice");
}

Test(file, a_key_spelled_both_ways_is_twice)
{
	not_loaded("{\"max_gap\": 100, \"max-gap\": 200}", "max");
}

Test(file, bad_json_says_where)
{
	struct job j;
	int rc = load_text(&j, ARGS(NULL), "{\n  \"rate\": 20,\n  \"drop\": [\"a\" \"b\"]\n}\n");

	cr_expect_eq(rc, RC_E_USAGE, "code %d", rc);
	cr_expect_neq(strstr(j.err.msg, "line 3"), NULL, "%s", j.err.msg);
	cr_expect_neq(strstr(j.err.msg, "column"), NULL, "%s", j.err.msg);
	job_release(&j);
}

Test(file, one_that_is_not_there)
{
	struct job j;

	cr_assert_eq(parse(&j, ARGS(NULL)), 0);
	cr_expect_eq(rc_recipe_load("/nowhere/recipe.json", &j.opts, &j.json, &j.err), RC_E_USAGE);
	cr_expect_neq(strstr(j.err.msg, "'/nowhere/recipe.json'"), NULL, "%s", j.err.msg);
	job_release(&j);
	cr_assert_eq(parse(&j, ARGS(NULL)), 0);
	cr_expect_eq(rc_recipe_load("/tmp", &j.opts, &j.json, &j.err), RC_E_USAGE);
	job_release(&j);
}

Test(file, an_empty_object_changes_nothing)
{
	struct job j;

	loaded(&j, ARGS("-r", "20"), " {} ");
	cr_expect_eq(j.set.rate.num, 20);
	job_release(&j);
}

/* --- precedence ------------------------------------------------------------------------------- */

Test(precedence, option_beats_environment_beats_recipe_beats_default)
{
	const char *recipe = "{\"rate\": 30, \"compression\": \"gzip\", \"seed\": 3, \"drop\": [\"r\"]}";
	struct job j;

	setenv("ROBOCACHE_RATE", "25", 1);
	setenv("ROBOCACHE_SEED", "2", 1);
	setenv("ROBOCACHE_DROP", "e1;e2", 1);
	loaded(&j, ARGS("-r", "20"), recipe);
	cr_expect_eq(j.set.rate.num, 20);
	cr_expect_eq(rc_opts_source(&j.opts, "rate"), RC_OPT_USER);
	cr_expect_eq(j.set.seed, 2);
	cr_expect_eq(rc_opts_source(&j.opts, "seed"), RC_OPT_ENV);
	LIST_IS(j.set.drop, "e1", "e2");
	cr_expect_str_eq(j.set.compression, "gzip");
	cr_expect_eq(rc_opts_source(&j.opts, "compression"), RC_OPT_RECIPE);
	cr_expect_eq(j.set.shard_size, UINT64_C(4) << 30);
	cr_expect_eq(rc_opts_source(&j.opts, "shard-size"), RC_OPT_DEFAULT);
	job_release(&j);
	loaded(&j, ARGS("--drop", "o1", "--drop", "o2"), recipe);
	LIST_IS(j.set.drop, "o1", "o2");
	cr_expect_eq(j.set.rate.num, 25);
	job_release(&j);
}

/* --- canonical text --------------------------------------------------------------------------- */

static char *canonical(struct job *j)
{
	struct rc_buf b;

	rc_buf_init(&b);
	cr_assert_eq(rc_recipe_json(&j->opts, &b, &j->err), 0, "%s", j->err.msg);
	return b.p;
}

/* One line, wherever the values came from and whatever describes only this run. */
Test(canonical, does_not_depend_on_where_values_come_from)
{
	struct job a, b;
	char *x, *y;

	loaded(&a, ARGS("-r", "20.0", "--max-gap", "0.1s", "-j", "3", "-o", "here", "-m",
			"cam:nearest", "-m", "joint:linear"),
	       "{}");
	loaded(&b, ARGS("-o", "there", "-j", "8"),
	       "{\"method\": {\"cam\": \"nearest\", \"joint\": \"linear\"}, \"max_gap\": 100, "
	       "\"rate\": \"20\"}");
	x = canonical(&a);
	y = canonical(&b);
	cr_expect_str_eq(x, y);
	cr_expect_eq(strstr(x, "here"), NULL, "%s", x);
	cr_expect_eq(strstr(x, "threads"), NULL, "%s", x);
	cr_expect_eq(strchr(x, '\n'), NULL, "%s", x);
	free(x);
	free(y);
	job_release(&a);
	job_release(&b);
}

Test(canonical, tells_recipes_apart)
{
	static const char *const other[] = {"-r20", "-r30", "--seed=1", "--drop=a", "--keep=a",
					    "--timeline=union", "--compression=none",
					    "--keep-members", "--split=a:1"};
	char *texts[RC_ARRAY_LEN(other)];
	struct job j;

	for (size_t i = 0; i < RC_ARRAY_LEN(other); i++) {
		cr_assert_eq(parse(&j, ARGS(other[i])), 0, "%s", j.err.msg);
		texts[i] = canonical(&j);
		for (size_t k = 0; k < i; k++)
			cr_expect_str_neq(texts[i], texts[k], "%s and %s", other[i], other[k]);
		job_release(&j);
	}
	for (size_t i = 0; i < RC_ARRAY_LEN(other); i++)
		free(texts[i]);
}

/* Fed back as a recipe, it gives itself. */
Test(canonical, is_a_recipe)
{
	struct job a, b;
	char *x, *y;

	loaded(&a, ARGS("-r", "30000/1001", "--fuse", "s=a,b", "--drop", "x,y", "--latency", "c=5",
			"--max-gap", "100", "--split", "t:0.9,v:0.1", "--dtype", "f32"),
	       "{}");
	x = canonical(&a);
	loaded(&b, ARGS(NULL), x);
	y = canonical(&b);
	cr_expect_str_eq(x, y);
	free(x);
	free(y);
	job_release(&a);
	job_release(&b);
}
