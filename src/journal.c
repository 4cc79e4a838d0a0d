/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* --- facts ------------------------------------------------------------------------------------ */

int rc_journal_indexes(const struct rc_scan *scan, struct rc_digest **d_out, struct rc_err *err)
{
	struct rc_digest *d;
	int rc = rc_new_array(&d, scan->n, sizeof *d, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < scan->n; i++)
		if (scan->files[i].index)
			d[i] = rc_digest_of(scan->files[i].index->block,
					    scan->files[i].index->block_bytes);
	*d_out = d;
	return 0;
}

struct rc_digest rc_journal_shard_key(const struct rc_journal_facts *f, size_t i_shard,
				      struct rc_hasher *scratch)
{
	const struct rc_plan_shard *s = &f->plan->shards[i_shard];

	rc_hasher_reset(scratch);
	for (size_t i = 0; i < s->n; i++) {
		const struct rc_plan_episode *e = &f->plan->episodes[f->plan->order[s->first + i]];
		const struct rc_index *ix = rc_plan_index(f->plan, e);
		const char *split = e->split ? e->split : "";

		rc_hasher_add(scratch, e->id, strlen(e->id) + 1);
		rc_hasher_add(scratch, split, strlen(split) + 1);
		rc_hasher_add(scratch, &ix->file_bytes, sizeof ix->file_bytes);
		rc_hasher_add(scratch, &ix->mtime_ns, sizeof ix->mtime_ns);
		rc_hasher_add(scratch, &f->indexes[e->i_file], sizeof *f->indexes);
		rc_hasher_add(scratch, &f->plan->scan->files[e->i_file].content,
			      sizeof(struct rc_digest));
	}
	return rc_hasher_end(scratch);
}

static void add_digest(struct rc_json *o, const char *key, struct rc_digest d)
{
	char hex[RC_DIGEST_HEX];

	rc_digest_hex(d, hex);
	rc_json_add_string(o, key, hex);
}

static int head_line(const struct rc_journal_facts *f, struct rc_hasher *hash, struct rc_buf *b,
		     struct rc_err *err)
{
	struct rc_json *root = rc_json_new_object();
	struct rc_buf libraries;
	struct rc_digest *keys = NULL;
	int rc = rc_new_array(&keys, f->plan->n_shards, sizeof *keys, err);

	rc_buf_init(&libraries);
	if (rc)
		goto done;
	for (size_t s = 0; s < f->plan->n_shards; s++)
		keys[s] = rc_journal_shard_key(f, s, hash);
	rc_codec_versions(&libraries);
	rc_json_add_string(root, "schema", RC_JOURNAL_SCHEMA);
	rc_json_add_string(root, "version", f->version);
	rc_json_add_string(root, "libraries", libraries.p);
	rc_json_add_string(root, "layout", f->plan->layout->name);
	rc_json_add_string(root, "recipe_json", f->recipe_json);
	rc_json_add_string(root, "container", f->container);
	rc_json_add_uint(root, "inputs", f->plan->scan->n);
	rc_json_add_uint(root, "shards", f->plan->n_shards);
	add_digest(root, "plan", rc_digest_of(keys, f->plan->n_shards * sizeof *keys));
	rc = rc_line_put(root, b, err);
done:
	rc_json_free(root);
	rc_buf_release(&libraries);
	free(keys);
	return rc;
}

static int input_line(const struct rc_journal_facts *f, size_t i, struct rc_buf *b,
		      struct rc_err *err)
{
	const struct rc_scanned *s = &f->plan->scan->files[i];
	struct rc_json *o = rc_json_new_object();
	int rc;

	rc_json_add_string(o, "input", s->label);
	rc_json_add_string(o, "path", s->path);
	rc_json_add_uint(o, "bytes", s->index ? s->index->file_bytes : s->bytes);
	rc_json_add_ns(o, "mtime_ns", s->index ? s->index->mtime_ns : s->mtime_ns);
	if (s->piped)
		add_digest(o, "xxh3_128", s->content);
	if (s->index) {
		add_digest(o, "index", f->indexes[i]);
	} else {
		rc_json_add_string(o, "reason", s->err.reason);
		rc_json_add_string(o, "message", s->err.msg);
	}
	rc = rc_line_put(o, b, err);
	rc_json_free(o);
	return rc;
}

/* --- writing ---------------------------------------------------------------------------------- */

int rc_journal_replaces(const char *shard, struct rc_buf *b, struct rc_err *err)
{
	struct rc_json *o = rc_json_new_object();
	int rc;

	rc_json_add_string(o, "replaces", shard);
	rc = rc_line_put(o, b, err);
	rc_json_free(o);
	return rc;
}

int rc_journal_begin(struct rc_journal *j, const char *dir, const struct rc_journal_facts *f,
		     const struct rc_buf *more, struct rc_err *err)
{
	struct rc_buf text;
	int rc;

	*j = (struct rc_journal){.facts = *f, .fd = -1};
	rc_buf_init(&text);
	rc = rc_hasher_new(&j->hash, err);
	if (rc)
		return rc;
	pthread_mutex_init(&j->lock, NULL);
	rc = head_line(f, j->hash, &text, err);
	for (size_t i = 0; i < f->plan->scan->n && !rc; i++)
		rc = input_line(f, i, &text, err);
	rc_buf_add(&text, more->p, more->len);
	if (!rc)
		rc = rc_buf_check(&text, err);
	if (!rc)
		rc = rc_sprintf(&j->path, err, "%s/" RC_JOURNAL_NAME, dir);
	if (!rc)
		rc = rc_outfile_put(j->path, text.p, text.len, err);
	if (!rc) {
		j->fd = open(j->path, O_WRONLY | O_APPEND | O_CLOEXEC);
		if (j->fd < 0)
			rc = rc_outfile_fail(err, errno, "write", j->path);
	}
	rc_buf_release(&text);
	if (rc)
		rc_journal_close(j);
	return rc;
}

void rc_journal_close(struct rc_journal *j)
{
	if (!j->hash)
		return;
	if (j->fd >= 0)
		close(j->fd);
	rc_hasher_free(j->hash);
	pthread_mutex_destroy(&j->lock);
	free(j->path);
	*j = (struct rc_journal){.fd = -1};
}

struct shard_list {
	const struct rc_writer *w;
	const struct rc_plan_shard *shard;
};

static bool episode_json(const void *arg, size_t i, struct rc_json *o)
{
	const struct shard_list *l = arg;
	size_t at = l->w->plan->order[l->shard->first + i];
	const struct rc_episode_result *r = &l->w->episodes[at];

	rc_json_add_string(o, "id", l->w->plan->episodes[at].id);
	if (r->outcome == RC_OUTCOME_OK) {
		rc_json_add_string(o, "name", r->name);
		rc_json_add_uint(o, "ticks", r->n_ticks);
		rc_json_add_uint(o, "invalid", r->n_invalid);
		rc_json_add_ns(o, "duration_ns", r->duration_ns);
	} else {
		rc_json_add_string(o, "reason", r->err->reason);
		rc_json_add_string(o, "message", r->err->msg);
	}
	return true;
}

static int shard_line(struct rc_journal *j, const struct shard_list *list,
		      const struct rc_shard_result *r, struct rc_buf *b, struct rc_err *err)
{
	size_t i = (size_t)(list->shard - list->w->plan->shards);
	struct rc_json *o = rc_json_new_object();
	int rc;

	rc_json_add_uint(o, "shard", i);
	add_digest(o, "key", rc_journal_shard_key(&j->facts, i, j->hash));
	rc_json_add_string(o, "path", r->committed ? r->name : NULL);
	if (r->committed) {
		rc_json_add_uint(o, "bytes", r->bytes);
		add_digest(o, "xxh3_128", r->digest);
		add_digest(o, "content_xxh3_128", r->content);
	}
	if (r->committed && r->unpacked_bytes) {
		rc_json_add_uint(o, "unpacked_bytes", r->unpacked_bytes);
		add_digest(o, "unpacked_xxh3_128", r->unpacked_digest);
	}
	rc_json_add_list(o, "episodes", list->shard->n, episode_json, list);
	rc = rc_line_put(o, b, err);
	rc_json_free(o);
	return rc;
}

static int append(struct rc_journal *j, const struct rc_buf *line, struct rc_err *err)
{
	int sys = rc_write_all(j->fd, line->p, line->len);

	if (!sys)
		sys = rc_sync_fd(j->fd);
	j->broken = sys != 0;
	return sys ? rc_outfile_fail(err, sys, "write", j->path) : 0;
}

int rc_journal_shard(struct rc_journal *j, const struct rc_writer *w, size_t i_shard,
		     const struct rc_shard_result *r, struct rc_err *err)
{
	const struct shard_list list = {w, &w->plan->shards[i_shard]};
	struct rc_buf line;
	int rc = 0;

	if (!j)
		return 0;
	rc_buf_init(&line);
	pthread_mutex_lock(&j->lock);
	if (!j->broken)
		rc = shard_line(j, &list, r, &line, err);
	if (!rc && !j->broken)
		rc = append(j, &line, err);
	pthread_mutex_unlock(&j->lock);
	rc_buf_release(&line);
	return rc;
}

/* --- lines ------------------------------------------------------------------------------------ */

#define CHECK ",\"check\":\""
enum { CHECK_TAIL = sizeof CHECK - 1 + 16 + 2 }; /* with the digits and "} behind it */

int rc_line_put(const struct rc_json *o, struct rc_buf *b, struct rc_err *err)
{
	size_t at = b->len;
	int rc = rc_json_text(o, false, b, err);

	if (rc)
		return rc;
	b->len -= 2; /* "}\n" */
	rc_buf_printf(b, CHECK "%016" PRIx64 "\"}\n", rc_hash64(b->p + at, b->len - at, 0));
	return rc_buf_check(b, err);
}

static bool check_line(const char *line, size_t n)
{
	char tail[CHECK_TAIL + 1];

	if (n <= CHECK_TAIL)
		return false;
	snprintf(tail, sizeof tail, CHECK "%016" PRIx64 "\"}", rc_hash64(line, n - CHECK_TAIL, 0));
	return memcmp(line + n - CHECK_TAIL, tail, CHECK_TAIL) == 0;
}

struct rc_json *rc_line_take(const struct rc_buf *text, size_t *at, bool *whole_out)
{
	const char *line = text->p + *at;
	const char *end = memchr(line, '\n', text->len - *at);
	size_t n = end ? (size_t)(end - line) : 0;
	struct rc_json *o = NULL;

	*whole_out = *at == text->len;
	if (!end || !check_line(line, n) || rc_json_parse(line, n, "line", &o, NULL))
		return NULL;
	*at += n + 1;
	*whole_out = true;
	return o;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool take_uint(const struct rc_json *o, const char *key, uint64_t *v_out)
{
	int64_t v;

	if (!rc_json_int(rc_json_get(o, key), &v) || v < 0)
		return false;
	*v_out = (uint64_t)v;
	return true;
}

/* False: something that this program does not write. */
static int take_input(struct rc_past *p, const struct rc_json *o, bool *good_out,
		      struct rc_err *err)
{
	const char *reason = rc_json_string(rc_json_get(o, "reason"));
	const char *message = rc_json_string(rc_json_get(o, "message"));
	const char *content = rc_json_string(rc_json_get(o, "xxh3_128"));
	struct rc_past_input in = {0}, *to;
	int rc;

	*good_out = (!content || rc_digest_parse(content, &in.content)) &&
		    take_uint(o, "bytes", &in.bytes) &&
		    rc_json_ns(rc_json_get(o, "mtime_ns"), &in.mtime_ns) &&
		    (reason ? message != NULL
			    : rc_digest_parse(rc_json_string(rc_json_get(o, "index")), &in.index));
	if (!*good_out)
		return 0;
	rc = rc_grow_array(&p->inputs, &p->cap_inputs, p->n_inputs + 1, sizeof *p->inputs, err);
	if (rc)
		return rc;
	to = &p->inputs[p->n_inputs++];
	*to = in;
	rc = rc_strdup(&to->label, rc_json_string(rc_json_get(o, "input")), err);
	if (!rc && reason)
		rc = rc_strdup(&to->reason, reason, err);
	if (!rc && reason)
		rc = rc_strdup(&to->message, message, err);
	return rc;
}

static int take_shard(struct rc_past *p, const struct rc_json *o, size_t at, bool *good_out,
		      struct rc_err *err)
{
	uint64_t shard;
	int rc;

	*good_out = take_uint(o, "shard", &shard);
	if (!*good_out)
		return 0;
	rc = rc_grow_array(&p->lines, &p->cap_lines, p->n_lines + 1, sizeof *p->lines, err);
	if (!rc)
		p->lines[p->n_lines++] = (struct rc_past_line){shard, at};
	return rc;
}

static int take_old(struct rc_past *p, const char *name, struct rc_err *err)
{
	int rc = rc_grow_array(&p->old, &p->cap_old, p->n_old + 1, sizeof *p->old, err);

	if (!rc)
		rc = rc_strdup(&p->old[p->n_old], name, err);
	if (!rc)
		p->n_old++;
	return rc;
}

static bool take_head(struct rc_past *p, struct rc_json *o)
{
	const char *schema = rc_json_string(rc_json_get(o, "schema"));

	p->head = o;
	return schema && !strcmp(schema, RC_JOURNAL_SCHEMA) &&
	       rc_json_string(rc_json_get(o, "version")) &&
	       rc_json_string(rc_json_get(o, "libraries")) &&
	       rc_json_string(rc_json_get(o, "recipe_json"));
}

static int by_shard(const void *a, const void *b)
{
	const struct rc_past_line *x = a, *y = b;

	if (x->shard != y->shard)
		return x->shard < y->shard ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* The last line of each shard, in the order of shards. */
static void sort_lines(struct rc_past *p)
{
	size_t kept = 0;

	if (p->n_lines)
		qsort(p->lines, p->n_lines, sizeof *p->lines, by_shard);
	for (size_t i = 0; i < p->n_lines; i++)
		if (i + 1 == p->n_lines || p->lines[i + 1].shard != p->lines[i].shard)
			p->lines[kept++] = p->lines[i];
	p->n_lines = kept;
}

static int read_lines(struct rc_past *p, struct rc_err *err)
{
	bool whole = true, good = true;
	size_t at = 0, line = 0;
	uint64_t n_inputs = 0;
	int rc = 0;

	while (!rc && good && at < p->text.len) {
		size_t start = at;
		struct rc_json *o = rc_line_take(&p->text, &at, &whole);

		if (!o)
			break;
		line++;
		if (!p->head) {
			good = take_head(p, o); /* p has it */
			continue;
		}
		if (rc_json_string(rc_json_get(o, "input")))
			rc = take_input(p, o, &good, err);
		else if (rc_json_string(rc_json_get(o, "replaces")))
			rc = take_old(p, rc_json_string(rc_json_get(o, "replaces")), err);
		else
			rc = take_shard(p, o, start, &good, err);
		rc_json_free(o);
	}
	if (rc)
		return rc;
	/* a line that a crash cut has no end, and nothing behind it */
	if (good && !whole && !memchr(p->text.p + at, '\n', p->text.len - at))
		whole = true;
	if (good && whole && p->head && take_uint(p->head, "inputs", &n_inputs) &&
	    n_inputs == p->n_inputs) {
		sort_lines(p);
		return 0;
	}
	return rc_fail(err, RC_E_FORMAT, "bad_journal",
		       "'%s' is damaged in line %zu, so it cannot be trusted; give --force to "
		       "start anew", p->path, good ? line + 1 : line);
}

int rc_past_read(const char *dir, struct rc_past *p, struct rc_err *err)
{
	enum { MAX_BYTES = 1 << 30 };
	struct stat st;
	int rc;

	*p = (struct rc_past){0};
	rc_buf_init(&p->text);
	rc = rc_sprintf(&p->path, err, "%s/" RC_JOURNAL_NAME, dir);
	if (!rc && stat(p->path, &st) != 0)
		rc = rc_fail_errno(err, RC_E_INPUT, errno == ENOENT ? "missing" : "unreadable",
				   errno, "cannot open '%s'", p->path);
	if (!rc && !S_ISREG(st.st_mode))
		rc = rc_fail(err, RC_E_INPUT, "not_a_file", "'%s' is not a file", p->path);
	if (!rc)
		rc = rc_buf_read_file(&p->text, p->path, MAX_BYTES, err);
	if (!rc)
		rc = read_lines(p, err);
	if (rc)
		rc_past_release(p);
	return rc;
}

void rc_past_release(struct rc_past *p)
{
	for (size_t i = 0; i < p->n_inputs; i++) {
		free(p->inputs[i].label);
		free(p->inputs[i].reason);
		free(p->inputs[i].message);
	}
	for (size_t i = 0; i < p->n_old; i++)
		free(p->old[i]);
	free(p->inputs);
	free(p->lines);
	free(p->old);
	free(p->path);
	rc_json_free(p->head);
	rc_buf_release(&p->text);
	*p = (struct rc_past){0};
}

static const struct rc_past_line *find_line(const struct rc_past *p, size_t i_shard)
{
	size_t lo = 0, hi = p->n_lines;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (p->lines[mid].shard < i_shard)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < p->n_lines && p->lines[lo].shard == i_shard ? &p->lines[lo] : NULL;
}

struct rc_json *rc_past_shard(const struct rc_past *p, size_t i_shard)
{
	const struct rc_past_line *l = find_line(p, i_shard);
	size_t at = l ? l->at : 0;
	bool whole;

	return l ? rc_line_take(&p->text, &at, &whole) : NULL;
}

void rc_past_copy(const struct rc_past *p, size_t i_shard, struct rc_buf *b)
{
	const char *line = p->text.p + find_line(p, i_shard)->at;
	const char *end = memchr(line, '\n', p->text.len - (size_t)(line - p->text.p));

	rc_buf_add(b, line, (size_t)(end - line) + 1);
}
