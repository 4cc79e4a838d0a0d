/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes: texts to rules, and what contradicts itself or matches nothing. */
#include "base/compat.h"

#include "recipe_job.h"

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
	refused(ARGS("-r", "20", "-m", "liner"), "did you mean 'linear'");
	refused(ARGS("-r", "20", "-m", "cam:cubic"),
		"unknown method 'cubic' in --method cam:cubic");
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
	good(&j,
	     ARGS("--reference", "cam", "-m", "linear", "--latency", "cam=3", "--max-gap", "1s"));
	job_release(&j);
}

Test(settings, what_goes_together)
{
	struct job j;

	good(&j,
	     ARGS("-r", "20", "--timeline", "union", "--max-gap", "100ms", "--gap-policy", "drop"));
	cr_expect_eq(j.set.max_gap_ns, 100000000);
	job_release(&j);
	good(&j, ARGS("--reference", "cam", "--timeline", "reference"));
	job_release(&j);
	good(&j, ARGS(NULL));
	cr_expect(j.recipe.compression[RC_CLASS_IMAGES].keep);
	cr_expect(j.recipe.compression[RC_CLASS_LOW_DIM].keep);
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

/* What is expected of one kind; codec -1: keep. */
static void expect_class(const char *text, const struct rc_compression *c, int codec, int level)
{
	cr_expect_eq(c->keep, codec < 0, "%s", text);
	if (codec < 0)
		return;
	cr_expect_eq((int)c->encoding.codec, codec, "%s", text);
	cr_expect_eq(c->encoding.level, level, "%s", text);
	cr_expect(c->encoding.shuffle, "%s", text);
}

Test(settings, compression)
{
	enum { KEEP = -1, NONE = RC_CODEC_NONE, GZIP = RC_CODEC_GZIP, ZSTD = RC_CODEC_ZSTD };
	static const struct {
		const char *text;
		int images, images_level, low_dim, low_dim_level;
	} ok[] = {
		{"keep", KEEP, 0, KEEP, 0},
		{"none", NONE, 0, NONE, 0},
		{"gzip", GZIP, 4, GZIP, 4},
		{"gzip:1", GZIP, 1, GZIP, 1},
		{"gzip:12", GZIP, 12, GZIP, 12},
		{"zstd", ZSTD, 3, ZSTD, 3},
		{"zstd:19", ZSTD, 19, ZSTD, 19},
		{"zstd:-7", ZSTD, -7, ZSTD, -7},
		{"images=zstd:1,low-dim=none", ZSTD, 1, NONE, 0},
		{"low-dim=gzip", KEEP, 0, GZIP, 4},
		{"images=zstd:-1", ZSTD, -1, KEEP, 0},
		{"zstd:3,images=zstd:1", ZSTD, 1, ZSTD, 3},
		{"none,images=keep", KEEP, 0, NONE, 0},
	};
	static const char *const bad[] = {
		"",	   "lz4",      "gzip:",	    "gzip:0",	"gzip:99",  "zstd:x",
		"zstd:20", "zstd:0",   "zstd:-8",   "none:1",	"keep:1",   "gzi",
		"gzipp",   "gzip:-1",  "zstd:3 ",   "GZIP",	"images=",  "=zstd",
		"zstd,",   "zstd,gzip", ",zstd",    "images=zstd,gzip",
		"images=zstd,images=none", "images=low-dim=none", "cam=zstd"};
	struct rc_compression c[RC_CLASS_COUNT];
	struct rc_err err;

	for (size_t i = 0; i < RC_ARRAY_LEN(ok); i++) {
		cr_assert_eq(rc_parse_compression(ok[i].text, c, &err), 0, "%s: %s", ok[i].text,
			     err.msg);
		expect_class(ok[i].text, &c[RC_CLASS_IMAGES], ok[i].images, ok[i].images_level);
		expect_class(ok[i].text, &c[RC_CLASS_LOW_DIM], ok[i].low_dim,
			     ok[i].low_dim_level);
	}
	for (size_t i = 0; i < RC_ARRAY_LEN(bad); i++) {
		cr_expect_eq(rc_parse_compression(bad[i], c, &err), RC_E_USAGE, "'%s'", bad[i]);
		cr_expect_neq(strstr(err.msg, "--compression"), NULL, "%s", err.msg);
	}
	rc_parse_compression("image=none", c, &err);
	cr_expect_str_eq(err.msg, "'image' in --compression 'image=none' is no kind of stream; "
				  "did you mean 'images'?");
	rc_parse_compression("images=zstd:0", c, &err);
	cr_expect_str_eq(err.msg,
			 "the level in --compression is 0; zstd has -7 to -1 and 1 to 19");
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
		snprintf(names[i], sizeof names[i], "stream_%03d_with_a_name_that_goes_on_and_on",
			 i);
		list[i] = names[i];
	}
	good(&j, ARGS("--drop", "zzz"));
	cr_expect_eq(rc_recipe_check_used(&j.recipe, list, 200, &j.err), RC_E_USAGE);
	cr_expect_lt(strlen(j.err.msg), 700);
	job_release(&j);
}
