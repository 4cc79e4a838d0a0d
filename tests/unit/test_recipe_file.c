/* SPDX-License-Identifier: Apache-2.0 */
/* Recipe files: JSON to options, who wins, and back to canonical JSON. */
#include "base/compat.h"

#include <unistd.h>

#include "recipe_job.h"

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
#define LIST_IS(list, ...)                                   \
	list_is(&(list), (const char *const[]){__VA_ARGS__}, \
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
	not_loaded("{\"methid\": \"linear\"}",
		   "unknown recipe key 'methid'; did you mean 'method'?");
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
	const char *recipe =
		"{\"rate\": 30, \"compression\": \"gzip\", \"seed\": 3, \"drop\": [\"r\"]}";
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

	loaded(&a,
	       ARGS("-r", "20.0", "--max-gap", "0.1s", "-j", "3", "-o", "here", "-m", "cam:nearest",
		    "-m", "joint:linear"),
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
	static const char *const other[] = {"-r20",
					    "-r30",
					    "--seed=1",
					    "--drop=a",
					    "--keep=a",
					    "--timeline=union",
					    "--compression=none",
					    "--keep-members",
					    "--split=a:1"};
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

	loaded(&a,
	       ARGS("-r", "30000/1001", "--fuse", "s=a,b", "--drop", "x,y", "--latency", "c=5",
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
