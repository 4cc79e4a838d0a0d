/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "resume.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "each.h"
#include "signals.h"

int rc_resume_read(struct rc_resume *rs, const char *dir, bool force, struct rc_err *err)
{
	struct rc_err why = {0};
	int rc = rc_past_read(dir, &rs->past, &why);

	rs->dir = dir;
	rs->open = !rc;
	if (!rc || (rc == RC_E_INPUT && !strcmp(why.reason, "missing")))
		return 0;
	if (rc != RC_E_NOMEM && force) {
		rc_log(RC_LOG_WARN, "%s", why.msg);
		return 0;
	}
	if (err)
		*err = why;
	if (rc == RC_E_NOMEM)
		return rc;
	if (err)
		err->code = RC_E_USAGE;
	return RC_E_USAGE;
}

int rc_resume_known(const struct rc_resume *rs, struct rc_known *k, struct rc_err *err)
{
	int rc = 0;

	for (size_t i = 0; rs->open && i < rs->past.n_inputs && !rc; i++) {
		const struct rc_past_input *in = &rs->past.inputs[i];
		struct rc_known_input known = {
			.label = in->label,
			.reason = in->reason,
			.message = in->message,
			.bytes = in->bytes,
			.mtime_ns = in->mtime_ns,
		};

		if (in->reason)
			rc = rc_known_add(k, &known, err);
	}
	return rc;
}

/* --- is it the same run? ---------------------------------------------------------------------- */

/* "--shard-size 4GiB", or "no --split". */
static void option_text(const char *key, const char *value, char *dst, size_t cap)
{
	size_t n = (size_t)snprintf(dst, cap, value ? "--" : "no --");

	for (; *key && n + 1 < cap; key++)
		dst[n++] = *key == '_' ? '-' : *key;
	dst[n < cap ? n : cap - 1] = '\0';
	if (!value || n + 2 >= cap)
		return;
	dst[n++] = ' ';
	for (; *value && n + 1 < cap; value++)
		dst[n++] = *value == '\n' ? ' ' : *value;
	dst[n] = '\0';
}

static bool same_value(const struct rc_json *a, const struct rc_json *b, const char *key,
		       struct rc_err *why)
{
	const char *x = rc_json_string(rc_json_get(a, key));
	const char *y = rc_json_string(rc_json_get(b, key));
	char was[200], is[200];

	if (x && y ? !strcmp(x, y) : !x && !y)
		return true;
	option_text(key, x, was, sizeof was);
	option_text(key, y, is, sizeof is);
	rc_fail(why, RC_E_USAGE, "resume", "its run was begun with %s, and this one has %s",
		was, is);
	return false;
}

/* False: *why says which option differs. */
static bool same_recipe(const char *before, const char *now, struct rc_err *why)
{
	struct rc_json *a = NULL, *b = NULL;
	bool same = !strcmp(before, now);

	if (same)
		return true;
	same = !rc_json_parse(before, strlen(before), "recipe", &a, why) &&
	       !rc_json_parse(now, strlen(now), "recipe", &b, why);
	for (const struct rc_json *c = rc_json_child(b); c && same; c = rc_json_next(c))
		same = same_value(a, b, rc_json_key(c), why);
	for (const struct rc_json *c = rc_json_child(a); c && same; c = rc_json_next(c))
		same = same_value(a, b, rc_json_key(c), why);
	rc_json_free(a);
	rc_json_free(b);
	return same;
}

static bool same_program(const struct rc_json *head, const char *version, struct rc_err *why)
{
	const char *by = rc_json_string(rc_json_get(head, "version"));
	const char *with = rc_json_string(rc_json_get(head, "libraries"));
	struct rc_buf libraries;
	bool same = !strcmp(by, version);

	if (!same) {
		rc_fail(why, RC_E_USAGE, "resume",
			"its run was begun by robocache %s, this is %s", by, version);
		return false;
	}
	rc_buf_init(&libraries);
	rc_codec_versions(&libraries);
	same = !libraries.failed && !strcmp(with, libraries.p);
	if (!same)
		rc_fail(why, RC_E_USAGE, "resume",
			"its run was begun with %s, this program has %s", with,
			libraries.failed ? "others" : libraries.p);
	rc_buf_release(&libraries);
	return same;
}

static int by_label(const void *a, const void *b)
{
	const struct rc_past_input *const *x = a, *const *y = b;

	return strcmp((*x)->label, (*y)->label);
}

/* What of one file is not as it was, or NULL. */
static const char *file_change(const struct rc_past_input *was, const struct rc_scanned *f,
			       const struct rc_digest *index, bool retry)
{
	uint64_t bytes = f->index ? f->index->file_bytes : f->bytes;
	int64_t mtime_ns = f->index ? f->index->mtime_ns : f->mtime_ns;

	if (bytes != was->bytes)
		return "has another size now";
	if (mtime_ns != was->mtime_ns)
		return "was written to since then";
	if (!f->index != (was->reason != NULL))
		return !f->index ? "cannot be read any more"
		       : retry	 ? NULL
				 : "could not be read then, and can be now";
	if (!rc_digest_same(was->content, f->content))
		return "holds something else now";
	return f->index && !rc_digest_same(was->index, *index) ? "holds something else now" : NULL;
}

/* An input of one run that the other has not; both lists sorted.  The number of it, or SIZE_MAX. */
static size_t find_alone(struct rc_past_input *const *a, size_t n, struct rc_past_input *const *b,
			 size_t m)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		while (k < m && strcmp(b[k]->label, a[i]->label) < 0)
			k++;
		if (k == m || strcmp(b[k]->label, a[i]->label) != 0)
			return i;
	}
	return SIZE_MAX;
}

static int compare_lists(const struct rc_past *past, const struct rc_scan *scan, bool *same_out,
			 struct rc_err *why)
{
	struct rc_past_input **was = NULL, **is = NULL, *now = NULL;
	size_t n = past->n_inputs, m = scan->n, at;
	int rc = rc_new_array(&was, n, sizeof *was, why);

	if (!rc)
		rc = rc_new_array(&is, m, sizeof *is, why);
	if (!rc)
		rc = rc_new_array(&now, m, sizeof *now, why);
	if (rc)
		goto done;
	for (size_t i = 0; i < n; i++)
		was[i] = &past->inputs[i];
	for (size_t i = 0; i < m; i++) {
		now[i].label = (char *)scan->files[i].label;
		is[i] = &now[i];
	}
	qsort(was, n, sizeof *was, by_label);
	qsort(is, m, sizeof *is, by_label);
	at = find_alone(is, m, was, n);
	*same_out = false;
	if (at != SIZE_MAX) {
		rc_fail(why, RC_E_USAGE, "resume", "input '%s' is new", is[at]->label);
		goto done;
	}
	at = find_alone(was, n, is, m);
	*same_out = at == SIZE_MAX;
	if (at != SIZE_MAX)
		rc_fail(why, RC_E_USAGE, "resume", "input '%s' is not given any more",
			was[at]->label);
done:
	free(was);
	free(is);
	free(now);
	return rc;
}

/* *same_out false: *why says which input differs, and how. */
static int compare_inputs(const struct rc_past *past, const struct rc_journal_facts *f, bool retry,
			  bool *same_out, struct rc_err *why)
{
	const struct rc_scan *scan = f->plan->scan;
	int rc = compare_lists(past, scan, same_out, why);

	for (size_t i = 0; i < scan->n && *same_out && !rc; i++) {
		const struct rc_past_input *was = &past->inputs[i];
		const struct rc_scanned *is = &scan->files[i];
		const char *change;

		if (strcmp(was->label, is->label) != 0) {
			rc_fail(why, RC_E_USAGE, "resume",
				"its inputs came in another order; the first that differs is '%s'",
				is->label);
			*same_out = false;
			break;
		}
		change = file_change(was, is, &f->indexes[i], retry);
		if (change && is->err.code && !is->known)
			rc_fail(why, RC_E_USAGE, "resume", "input '%s' %s: %s", is->label, change,
				is->err.msg);
		else if (change)
			rc_fail(why, RC_E_USAGE, "resume", "input '%s' %s", is->label, change);
		*same_out = !change;
	}
	return rc;
}

static bool same_container(const struct rc_json *head, const char *now, struct rc_err *why)
{
	const char *before = rc_json_string(rc_json_get(head, "container"));

	if (before && !strcmp(before, now))
		return true;
	rc_fail(why, RC_E_USAGE, "resume", "its run had --container %s, now it is %s",
		before ? before : "unknown", now);
	return false;
}

static int refuse(const struct rc_resume *rs, const struct rc_err *why, struct rc_err *err)
{
	return rc_fail(err, RC_E_USAGE, "resume",
		       "cannot resume '%s': %s; give the inputs and options of that run, or add "
		       "--force to make what is not the same anew", rs->dir, why->msg);
}

int rc_resume_check(struct rc_resume *rs, const struct rc_journal_facts *f, bool force, bool retry,
		    struct rc_err *err)
{
	const struct rc_json *head = rs->past.head;
	struct rc_err why = {0};
	bool same;
	int rc;

	if (!rs->open)
		return 0;
	if (!same_program(head, f->version, &why) ||
	    !same_recipe(rc_json_string(rc_json_get(head, "recipe_json")), f->recipe_json, &why) ||
	    !same_container(head, f->container, &why)) {
		if (!force)
			return refuse(rs, &why, err);
		rc_log(RC_LOG_INFO, "'%s' is made anew: %s", rs->dir, why.msg);
		rs->open = false;
		return 0;
	}
	rc = compare_inputs(&rs->past, f, retry, &same, &why);
	if (rc) {
		if (err)
			*err = why;
		return rc;
	}
	if (!same && !force)
		return refuse(rs, &why, err);
	rs->other = !same;
	if (!same)
		rc_log(RC_LOG_INFO, "%s; shards of '%s' that are the same are kept", why.msg,
		       rs->dir);
	return 0;
}

/* --- which shards are right? ------------------------------------------------------------------ */

enum state { UNKNOWN, SKIPPED, LISTED, MISSING, DAMAGED, RIGHT };

struct candidate {
	enum state state;
	char name[64];
	uint64_t bytes;
	struct rc_digest digest;
};

struct check {
	const char *dir;
	struct candidate *c; /* of all shards of the plan */
};

static void check_one(void *arg, struct rc_input *in, size_t i)
{
	struct check *k = arg;
	struct candidate *c = &k->c[i];
	struct rc_digest digest;
	struct stat st;
	uint64_t bytes;
	char *path;

	(void)in;
	if (c->state != LISTED || rc_sprintf(&path, NULL, "%s/%s", k->dir, c->name))
		return;
	if (stat(path, &st) != 0)
		c->state = errno == ENOENT ? MISSING : DAMAGED;
	else if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != c->bytes ||
		 rc_digest_file(path, rc_stop_asked, &digest, &bytes, NULL))
		c->state = DAMAGED;
	else
		c->state = rc_digest_same(digest, c->digest) ? RIGHT : DAMAGED;
	free(path);
}

static bool has_skipped(const struct rc_json *line)
{
	for (const struct rc_json *e = rc_json_child(rc_json_get(line, "episodes")); e;
	     e = rc_json_next(e))
		if (rc_json_string(rc_json_get(e, "reason")))
			return true;
	return false;
}

/* What the journal says of a shard; UNKNOWN when it is to be made. */
static void list_one(const struct rc_resume_ask *ask, const struct rc_json *line, size_t i,
		     struct rc_hasher *hash, struct candidate *c)
{
	const char *name = rc_json_string(rc_json_get(line, "path"));
	struct rc_digest key;
	int64_t bytes = -1;

	if (!line || !rc_digest_parse(rc_json_string(rc_json_get(line, "key")), &key) ||
	    !rc_digest_same(key, rc_journal_shard_key(&ask->facts, i, hash)) ||
	    (ask->retry && has_skipped(line)))
		return;
	if (!name) {
		c->state = SKIPPED;
		return;
	}
	if (strlen(name) >= sizeof c->name || !rc_json_int(rc_json_get(line, "bytes"), &bytes) ||
	    bytes < 0 ||
	    !rc_digest_parse(rc_json_string(rc_json_get(line, "xxh3_128")), &c->digest))
		return;
	snprintf(c->name, sizeof c->name, "%s", name);
	c->bytes = (uint64_t)bytes;
	c->state = LISTED;
}

/* Files that are numbered without holes can stay only as far as all before them are known. */
static int list_all(const struct rc_resume *rs, const struct rc_resume_ask *ask,
		    struct candidate *c, struct rc_err *err)
{
	const struct rc_plan *plan = ask->facts.plan;
	struct rc_hasher *hash = NULL;
	size_t n_files = 0;
	int rc = rc_hasher_new(&hash, err);

	for (size_t i = 0; i < plan->n_shards && !rc; i++) {
		struct rc_json *line = rc_past_shard(&rs->past, i);
		bool dense = plan->layout->one_episode_per_shard;
		char name[sizeof c->name];

		list_one(ask, line, i, hash, &c[i]);
		rc_json_free(line);
		plan->layout->file_name(dense ? n_files : i, name, sizeof name);
		rc_commit_name(!strcmp(ask->facts.container, "h5.zst"), name, sizeof name);
		if (c[i].state == LISTED && strcmp(name, c[i].name) != 0)
			c[i].state = UNKNOWN;
		if (c[i].state == UNKNOWN && dense)
			break;
		n_files += c[i].state == LISTED;
	}
	rc_hasher_free(hash);
	return rc;
}

/* --- adopting --------------------------------------------------------------------------------- */

static int adopt_episode(const struct rc_json *e, size_t i_shard, size_t at, struct rc_writer *w,
			 struct rc_err *err)
{
	struct rc_episode_result *r = &w->episodes[at];
	const char *name = rc_json_string(rc_json_get(e, "name"));
	const char *reason = rc_json_string(rc_json_get(e, "reason"));
	const char *message = rc_json_string(rc_json_get(e, "message"));
	struct rc_err why = {0};
	int64_t ticks = 0, invalid = 0;

	if (reason) {
		rc_fail(&why, RC_E_FORMAT, reason, "%s", message ? message : "");
		r->outcome = RC_OUTCOME_SKIPPED;
		w->n_skipped++;
		return rc_writer_keep_err(w, &why, &r->err, err);
	}
	rc_json_int(rc_json_get(e, "ticks"), &ticks);
	rc_json_int(rc_json_get(e, "invalid"), &invalid);
	rc_json_ns(rc_json_get(e, "duration_ns"), &r->duration_ns);
	snprintf(r->name, sizeof r->name, "%s", name ? name : "");
	r->outcome = RC_OUTCOME_OK;
	r->n_ticks = (uint64_t)ticks;
	r->n_invalid = (uint64_t)invalid;
	r->shard = i_shard;
	w->shards[i_shard].n_episodes++;
	w->written_ticks += r->n_ticks;
	w->n_ok++;
	return 0;
}

static int adopt(struct rc_resume *rs, size_t i, const struct candidate *c, struct rc_writer *w,
		 struct rc_err *err)
{
	const struct rc_plan_shard *s = &w->plan->shards[i];
	struct rc_shard_result *r = &w->shards[i];
	struct rc_json *line = rc_past_shard(&rs->past, i);
	const struct rc_json *e = rc_json_child(rc_json_get(line, "episodes"));
	uint64_t ticks = w->written_ticks;
	int64_t unpacked;
	int rc = line ? 0 : rc_fail_nomem(err, 1);

	r->adopted = true;
	r->committed = c->state == RIGHT;
	for (size_t k = 0; k < s->n && !rc && e; k++, e = rc_json_next(e))
		rc = adopt_episode(e, i, w->plan->order[s->first + k], w, err);
	rc_past_copy(&rs->past, i, &rs->lines);
	if (r->committed) {
		snprintf(r->name, sizeof r->name, "%s", c->name);
		r->bytes = c->bytes;
		r->digest = c->digest;
		rc_digest_parse(rc_json_string(rc_json_get(line, "content_xxh3_128")),
				&r->content);
		if (rc_json_int(rc_json_get(line, "unpacked_bytes"), &unpacked) && unpacked > 0)
			r->unpacked_bytes = (uint64_t)unpacked;
		rc_digest_parse(rc_json_string(rc_json_get(line, "unpacked_xxh3_128")),
				&r->unpacked_digest);
		w->written_bytes += r->bytes;
		rs->n_shards++;
		rs->n_bytes += r->bytes;
	}
	rs->n_episodes += r->n_episodes;
	rs->n_ticks += w->written_ticks - ticks;
	rc_json_free(line);
	return rc;
}

static int adopt_all(struct rc_resume *rs, const struct rc_resume_ask *ask,
		     const struct candidate *c, struct rc_writer *w, struct rc_err *err)
{
	int rc = 0;

	for (size_t i = 0; i < w->plan->n_shards && !rc; i++) {
		switch (c[i].state) {
		case RIGHT:
		case SKIPPED:
			rc = adopt(rs, i, &c[i], w, err);
			break;
		case MISSING:
			rs->n_missing++;
			rc_log(RC_LOG_WARN, "'%s/%s' is missing and is made again", ask->dir,
			       c[i].name);
			break;
		case DAMAGED:
			rs->n_damaged++;
			rc_log(RC_LOG_WARN, "'%s/%s' is damaged and is made again", ask->dir,
			       c[i].name);
			break;
		case LISTED:
		case UNKNOWN:
			break;
		}
	}
	return rc;
}

/* The plan without the shards that are done. */
static int leave_todo(struct rc_resume *rs, const struct rc_writer *w, struct rc_err *err)
{
	const struct rc_plan *p = w->plan;
	size_t n = 0;
	int rc = rc_new_array(&rs->order, p->n_order, sizeof *rs->order, err);

	for (size_t i = 0; i < p->n_order && !rc; i++)
		if (!w->shards[p->episodes[p->order[i]].shard].adopted)
			rs->order[n++] = p->order[i];
	rs->todo = *p;
	rs->todo.order = rs->order;
	rs->todo.n_order = n;
	return rc;
}

int rc_resume_adopt(struct rc_resume *rs, const struct rc_resume_ask *ask, struct rc_writer *w,
		    struct rc_err *err)
{
	struct check k = {.dir = ask->dir};
	struct rc_each each = {.readers = ask->readers, .n_threads = ask->n_threads,
			       .n = w->plan->n_shards, .piece = check_one, .arg = &k};
	int rc = 0;

	rc_buf_init(&rs->lines);
	if (rs->open) {
		rc = rc_new_array(&k.c, w->plan->n_shards, sizeof *k.c, err);
		if (!rc)
			rc = list_all(rs, ask, k.c, err);
		if (!rc)
			rc = rc_each_run(&each, err);
		if (!rc)
			rc = adopt_all(rs, ask, k.c, w, err);
	}
	if (!rc)
		rc = leave_todo(rs, w, err);
	free(k.c);
	return rc;
}

void rc_resume_release(struct rc_resume *rs)
{
	if (rs->past.path)
		rc_past_release(&rs->past);
	rc_buf_release(&rs->lines);
	free(rs->order);
	*rs = (struct rc_resume){0};
}
