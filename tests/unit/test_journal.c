/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plan_made.h"

#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"
#include "quarantine.h"
#include "resume.h"

static char dir[] = "/tmp/rc-journal-XXXXXX";

/* A run of three files with an episode each, a shard an episode. */
struct made_run {
	struct job job;
	struct rc_digest *indexes;
	struct rc_journal_facts facts;
	struct rc_writer writer;
	struct rc_journal journal;
	struct rc_err err;
};

static const char recipe[] = "{\"rate\":\"20\",\"shard_episodes\":\"1\"}";

static void plan_run(struct made_run *r)
{
	const struct rc_shard_info info = {.version = "1.2.3", .recipe_json = recipe};

	*r = (struct made_run){0};
	start(&r->job);
	r->job.set.shard_episodes = 1;
	ADD(&r->job, "raw/a.h5", 1, STEPS(10));
	ADD(&r->job, "raw/b.h5", 1, STEPS(20));
	ADD(&r->job, "raw/c.h5", 1, STEPS(30));
	good(&r->job);
	cr_assert_eq(rc_journal_indexes(&r->job.scan, &r->indexes, &r->err), 0);
	r->facts = (struct rc_journal_facts){.plan = &r->job.plan, .indexes = r->indexes,
					     .recipe_json = recipe, .version = "1.2.3",
					     .container = "h5"};
	cr_assert_eq(rc_writer_init(&r->writer, &r->job.plan, &r->job.set, &info, &r->err), 0);
}

static void end_run(struct made_run *r)
{
	rc_journal_close(&r->journal);
	rc_writer_release(&r->writer);
	free(r->indexes);
	end(&r->job);
}

static void begin_journal(struct made_run *r)
{
	struct rc_buf none;

	rc_buf_init(&none);
	cr_assert_eq(rc_journal_begin(&r->journal, dir, &r->facts, &none, &r->err), 0, "%s",
		     r->err.msg);
	rc_buf_release(&none);
}

/* Shard i with its episode, as a file of its own name. */
static void commit(struct made_run *r, size_t i)
{
	struct rc_shard_result *s = &r->writer.shards[i];
	struct rc_episode_result *e = &r->writer.episodes[r->job.plan.order[i]];
	char path[256];
	FILE *f;

	*s = (struct rc_shard_result){.committed = true, .n_episodes = 1,
				      .content = {.hi = i, .lo = 7}};
	snprintf(s->name, sizeof s->name, "shard-%05zu.h5", i);
	*e = (struct rc_episode_result){.outcome = RC_OUTCOME_OK, .n_ticks = 10 * (i + 1),
					.n_invalid = i, .duration_ns = -5, .shard = i};
	snprintf(e->name, sizeof e->name, "demo_0");
	snprintf(path, sizeof path, "%s/%s", dir, s->name);
	f = fopen(path, "w");
	fprintf(f, "the bytes of shard %zu", i);
	fclose(f);
	cr_assert_eq(rc_digest_file(path, NULL, &s->digest, &s->bytes, &r->err), 0);
	cr_assert_eq(rc_journal_shard(&r->journal, &r->writer, i, &r->writer.shards[i],
				      &r->err), 0, "%s", r->err.msg);
}

static void skip(struct made_run *r, size_t i)
{
	static const struct rc_err why = {RC_E_FORMAT, "bad_chunk", "a 'chunk' is \"bad\""};
	struct rc_episode_result *e = &r->writer.episodes[r->job.plan.order[i]];

	*e = (struct rc_episode_result){.outcome = RC_OUTCOME_SKIPPED, .err = &why};
	cr_assert_eq(rc_journal_shard(&r->journal, &r->writer, i, &r->writer.shards[i],
				      &r->err), 0, "%s", r->err.msg);
}

static void text_of(struct rc_buf *b)
{
	char path[256];

	rc_buf_init(b);
	snprintf(path, sizeof path, "%s/" RC_JOURNAL_NAME, dir);
	cr_assert_eq(rc_buf_read_file(b, path, 1 << 20, NULL), 0);
}

static void put_text(const char *p, size_t n)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof path, "%s/" RC_JOURNAL_NAME, dir);
	f = fopen(path, "w");
	cr_assert_eq(fwrite(p, 1, n, f), n);
	fclose(f);
}

static void enter(void)
{
	cr_assert_not_null(mkdtemp(dir));
}

static void leave(void)
{
	char command[300];

	snprintf(command, sizeof command, "rm -r '%s'", dir);
	cr_assert_eq(system(command), 0);
}

Test(journal, none, .init = enter, .fini = leave)
{
	struct rc_past p;
	struct rc_err e = {0};

	cr_assert_eq(rc_past_read(dir, &p, &e), RC_E_INPUT);
	cr_assert_str_eq(e.reason, "missing");
}

Test(journal, goes_on, .init = enter, .fini = leave)
{
	struct made_run r;
	struct rc_resume rs = {0};
	struct rc_resume_ask ask;
	struct rc_readers *readers;

	/* before there is anything to fork */
	cr_assert_eq(rc_readers_start(NULL, &readers, NULL), 0);
	plan_run(&r);
	begin_journal(&r);
	commit(&r, 0);
	skip(&r, 1);
	end_run(&r);
	plan_run(&r);
	cr_assert_eq(rc_resume_read(&rs, dir, false, &r.err), 0, "%s", r.err.msg);
	cr_assert(rs.open);
	cr_assert_eq(rs.past.n_inputs, 3);
	cr_assert_str_eq(rs.past.inputs[1].label, "raw/b.h5");
	cr_assert_eq(rc_resume_check(&rs, &r.facts, false, false, &r.err), 0, "%s", r.err.msg);
	ask = (struct rc_resume_ask){.dir = dir, .facts = r.facts, .readers = readers,
				     .n_threads = 2};
	cr_assert_eq(rc_resume_adopt(&rs, &ask, &r.writer, &r.err), 0, "%s", r.err.msg);
	cr_assert_eq(rs.n_shards, 1);
	cr_assert(r.writer.shards[0].committed && r.writer.shards[0].adopted);
	cr_assert_str_eq(r.writer.shards[0].name, "shard-00000.h5");
	cr_assert_eq(r.writer.shards[0].content.lo, 7);
	cr_assert_eq(r.writer.episodes[0].n_ticks, 10);
	cr_assert_eq(r.writer.episodes[0].duration_ns, -5);
	cr_assert_str_eq(r.writer.episodes[0].name, "demo_0");
	cr_assert(!r.writer.shards[1].committed && r.writer.shards[1].adopted);
	cr_assert_eq(r.writer.episodes[1].outcome, RC_OUTCOME_SKIPPED);
	cr_assert_str_eq(r.writer.episodes[1].err->msg, "a 'chunk' is \"bad\"");
	cr_assert_eq(r.writer.n_ok, 1);
	cr_assert_eq(r.writer.n_skipped, 1);
	cr_assert_eq(rs.todo.n_order, 1);
	cr_assert_eq(rs.todo.order[0], 2);
	rc_resume_release(&rs);
	end_run(&r);
	rc_readers_stop(readers);
}

/* Every prefix is a run that was cut there; every flipped bit is seen. */
Test(journal, damage, .init = enter, .fini = leave)
{
	struct made_run r;
	struct rc_buf whole;
	struct rc_past p;
	size_t head;

	plan_run(&r);
	begin_journal(&r);
	text_of(&whole);
	head = whole.len;
	rc_buf_release(&whole);
	commit(&r, 0);
	commit(&r, 1);
	text_of(&whole);
	for (size_t n = 0; n < whole.len; n++) {
		int rc;

		put_text(whole.p, n);
		rc = rc_past_read(dir, &p, &r.err);
		if (n < head) {
			cr_assert_eq(rc, RC_E_FORMAT, "%zu of %zu bytes of the head", n, head);
			continue;
		}
		cr_assert_eq(rc, 0, "%zu bytes: %s", n, r.err.msg);
		cr_assert_leq(p.n_lines, 1);
		rc_past_release(&p);
	}
	for (size_t i = 0; i < whole.len; i++) {
		int rc;

		whole.p[i] ^= (char)(1 << i % 8);
		put_text(whole.p, whole.len);
		rc = rc_past_read(dir, &p, &r.err);
		/* without the last line's end it looks cut */
		cr_assert(i + 1 == whole.len ? !rc && p.n_lines == 1 : rc == RC_E_FORMAT,
			  "a bit of byte %zu", i);
		if (!rc)
			rc_past_release(&p);
		whole.p[i] ^= (char)(1 << i % 8);
	}
	rc_buf_release(&whole);
	end_run(&r);
}

/* A line that is made again counts more than the one before. */
Test(journal, last_line_counts, .init = enter, .fini = leave)
{
	struct made_run r;
	struct rc_past p;
	struct rc_json *line;

	plan_run(&r);
	begin_journal(&r);
	skip(&r, 2);
	commit(&r, 0);
	commit(&r, 2);
	cr_assert_eq(rc_past_read(dir, &p, &r.err), 0, "%s", r.err.msg);
	cr_assert_eq(p.n_lines, 2);
	line = rc_past_shard(&p, 2);
	cr_assert_str_eq(rc_json_string(rc_json_get(line, "path")), "shard-00002.h5");
	rc_json_free(line);
	cr_assert_null(rc_past_shard(&p, 1));
	cr_assert_null(rc_past_shard(&p, 99));
	rc_past_release(&p);
	end_run(&r);
}

static void refused_by(struct made_run *r, const char *words)
{
	struct rc_resume rs = {0};

	r->err = (struct rc_err){0};
	cr_assert_eq(rc_resume_read(&rs, dir, false, &r->err), 0, "%s", r->err.msg);
	cr_assert_eq(rc_resume_check(&rs, &r->facts, false, false, &r->err), RC_E_USAGE);
	cr_assert_not_null(strstr(r->err.msg, words), "'%s' is not in: %s", words, r->err.msg);
	rc_resume_release(&rs);
}

Test(journal, refuses_by_name, .init = enter, .fini = leave)
{
	struct made_run r;

	plan_run(&r);
	begin_journal(&r);
	r.facts.version = "1.2.4";
	refused_by(&r, "1.2.3");
	r.facts.version = "1.2.3";
	r.facts.recipe_json = "{\"rate\":\"30\",\"shard_episodes\":\"1\"}";
	refused_by(&r, "begun with --rate 20, and this one has --rate 30");
	r.facts.recipe_json = "{\"rate\":\"20\",\"shard_episodes\":\"1\",\"fuse\":\"a=b\\nc=d\"}";
	refused_by(&r, "begun with no --fuse, and this one has --fuse a=b c=d");
	r.facts.recipe_json = recipe;
	r.job.files[1].index->file_bytes++;
	refused_by(&r, "'raw/b.h5' has another size");
	r.job.files[1].index->file_bytes--;
	r.job.files[2].index->mtime_ns++;
	refused_by(&r, "'raw/c.h5' was written to");
	r.job.files[2].index->mtime_ns--;
	r.indexes[0].lo++;
	refused_by(&r, "'raw/a.h5' holds something else");
	r.indexes[0].lo--;
	r.job.files[0].label = "raw/z.h5";
	refused_by(&r, "'raw/z.h5' is new");
	r.job.files[0].label = "raw/b.h5";
	r.job.files[1].label = "raw/a.h5";
	refused_by(&r, "another order; the first that differs is 'raw/b.h5'");
	end_run(&r);
}

Test(journal, max_bad)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t most; /* of 40 */
	} cases[] = {{"0", 0, 0}, {"3", 0, 3}, {"10%", 0, 4}, {"0%", 0, 0}, {"100%", 0, 40},
		     {"", RC_E_USAGE, 0}, {"%", RC_E_USAGE, 0}, {"-1", RC_E_USAGE, 0},
		     {"101%", RC_E_USAGE, 0}, {"5 %", RC_E_USAGE, 0},
		     {"11111111111111111111111111111111111111%", RC_E_USAGE, 0}};
	struct rc_bad_limit l;
	struct rc_err e;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cr_assert_eq(rc_bad_limit_parse(cases[i].text, &l, &e), cases[i].rc, "'%s'",
			     cases[i].text);
		if (cases[i].rc)
			continue;
		l.n_all = 40;
		cr_assert_eq(rc_bad_limit_check(&l, cases[i].most, &e), 0, "'%s'", cases[i].text);
		cr_assert_eq(rc_bad_limit_check(&l, cases[i].most + 1, &e), RC_E_STOPPED);
	}
	cr_assert_eq(rc_bad_limit_parse(NULL, &l, &e), 0);
	cr_assert_eq(rc_bad_limit_check(&l, UINT64_MAX, &e), 0);
	cr_assert_eq(rc_bad_limit_check(NULL, 1, &e), 0);
}
