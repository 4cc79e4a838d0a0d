/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "quarantine.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "journal.h"
#include "signals.h"

/* Reasons that lie in the machine or in the moment, not in the bytes of the input. */
static bool may_pass(const char *reason)
{
	static const char *const reasons[] = {
		"open_failed", "unreadable", "read_failed", "missing", "not_a_file",
		"input_changed", "open_for_write", "reader_killed", "reader_start", "reader_shared",
		"spawner_gone", "memory", "reader_timeout", "sandbox",
	};

	for (size_t i = 0; i < RC_ARRAY_LEN(reasons); i++)
		if (!strcmp(reason, reasons[i]))
			return true;
	return false;
}

/* --- what is known ---------------------------------------------------------------------------- */

int rc_known_add(struct rc_known *k, const struct rc_known_input *in, struct rc_err *err)
{
	struct rc_known_input *to;
	int rc = rc_grow_array(&k->in, &k->cap, k->n + 1, sizeof *k->in, err);

	if (rc)
		return rc;
	to = &k->in[k->n++];
	*to = *in;
	to->label = to->reason = to->message = NULL;
	rc = rc_strdup(&to->label, in->label, err);
	if (!rc)
		rc = rc_strdup(&to->reason, in->reason, err);
	return rc ? rc : rc_strdup(&to->message, in->message, err);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : !a && !b;
}

static int take_line(struct rc_known *k, const struct rc_json *o, const char *version,
		     const char *layout_in, struct rc_err *err)
{
	struct rc_known_input in = {
		.label = (char *)rc_json_string(rc_json_get(o, "input")),
		.reason = (char *)rc_json_string(rc_json_get(o, "code")),
		.message = (char *)rc_json_string(rc_json_get(o, "message")),
	};
	const char *by = rc_json_string(rc_json_get(o, "version"));
	int64_t bytes = -1;

	if (!in.label || !in.reason || !in.message || may_pass(in.reason) ||
	    rc_json_string(rc_json_get(o, "episode")) || !by || strcmp(by, version) != 0 ||
	    !same_text(rc_json_string(rc_json_get(o, "layout_in")), layout_in) ||
	    !rc_json_int(rc_json_get(o, "bytes"), &bytes) || bytes < 0 ||
	    !rc_json_ns(rc_json_get(o, "mtime_ns"), &in.mtime_ns))
		return 0;
	in.bytes = (uint64_t)bytes;
	in.has_digest = rc_digest_parse(rc_json_string(rc_json_get(o, "xxh3_128")), &in.digest);
	return rc_known_add(k, &in, err);
}

static int list_path(const char *dir, char **path_out, struct rc_err *err)
{
	return rc_sprintf(path_out, err, "%s/" RC_QUARANTINE_NAME, dir);
}

int rc_known_read(struct rc_known *k, const char *dir, const char *version, const char *layout_in,
		  struct rc_err *err)
{
	enum { MAX_BYTES = 1 << 30 };
	struct rc_buf text;
	struct rc_json *o;
	struct stat st;
	char *path;
	size_t at = 0;
	bool whole;
	int rc = list_path(dir, &path, err);

	if (rc)
		return rc;
	rc_buf_init(&text);
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    !rc_buf_read_file(&text, path, MAX_BYTES, NULL))
		while (!rc && at < text.len && (o = rc_line_take(&text, &at, &whole))) {
			rc = take_line(k, o, version, layout_in, err);
			rc_json_free(o);
		}
	rc_buf_release(&text);
	free(path);
	return rc;
}

static int by_file(const void *a, const void *b)
{
	const struct rc_known_input *x = a, *y = b;
	int c = strcmp(x->label, y->label);

	if (c)
		return c;
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? -1 : 1;
	return x->mtime_ns < y->mtime_ns ? -1 : x->mtime_ns > y->mtime_ns;
}

static void forget(struct rc_known_input *in)
{
	free(in->label);
	free(in->reason);
	free(in->message);
}

void rc_known_sort(struct rc_known *k)
{
	size_t kept = 0;

	if (k->n)
		qsort(k->in, k->n, sizeof *k->in, by_file);
	for (size_t i = 0; i < k->n; i++) {
		struct rc_known_input *last = kept ? &k->in[kept - 1] : NULL;

		if (!last || by_file(last, &k->in[i])) {
			k->in[kept++] = k->in[i];
			continue;
		}
		if (k->in[i].has_digest) {
			last->has_digest = true;
			last->digest = k->in[i].digest;
		}
		forget(&k->in[i]);
	}
	k->n = kept;
}

static const struct rc_known_input *find(const struct rc_known *k, const struct rc_scanned *f)
{
	struct rc_known_input key = {
		.label = (char *)f->label, .bytes = f->bytes, .mtime_ns = f->mtime_ns};

	return k->n ? bsearch(&key, k->in, k->n, sizeof *k->in, by_file) : NULL;
}

void rc_known_find(const struct rc_known *k, struct rc_scanned *f)
{
	const struct rc_known_input *in = f->piped ? NULL : find(k, f);

	if (!in)
		return;
	rc_fail(&f->err, RC_E_FORMAT, in->reason, "%s", in->message);
	f->known = true;
}

void rc_known_release(struct rc_known *k)
{
	for (size_t i = 0; i < k->n; i++)
		forget(&k->in[i]);
	free(k->in);
	*k = (struct rc_known){0};
}

/* --- the list --------------------------------------------------------------------------------- */

/* The bytes that are bad, for whoever looks for the same file elsewhere. */
static void add_digest(const struct rc_quarantine *q, const struct rc_scanned *f,
		       struct rc_json *o)
{
	const struct rc_known_input *in = f->known ? find(q->known, f) : NULL;
	struct rc_digest d;
	char hex[RC_DIGEST_HEX];
	uint64_t bytes;
	bool have = in && in->has_digest;

	if (have)
		d = in->digest;
	else if (!f->known && !f->piped) /* what is known stays closed */
		have = !may_pass(f->err.reason) && !rc_stop_asked() &&
		       !rc_digest_file(f->path, rc_stop_asked, &d, &bytes, NULL) &&
		       bytes == f->bytes;
	if (have)
		rc_digest_hex(d, hex);
	rc_json_add_string(o, "xxh3_128", have ? hex : NULL);
}

static struct rc_json *new_line(const struct rc_quarantine *q, const struct rc_scanned *f)
{
	struct rc_json *o = rc_json_new_object();

	rc_json_add_string(o, "schema", RC_QUARANTINE_SCHEMA);
	rc_json_add_string(o, "version", q->version);
	rc_json_add_string(o, "input", f->label);
	rc_json_add_string(o, "path", f->path);
	rc_json_add_string(o, "layout_in", q->layout_in);
	return o;
}

static int end_line(struct rc_json *o, const char *stage, const struct rc_err *why,
		    struct rc_buf *b, struct rc_err *err)
{
	int rc;

	rc_json_add_string(o, "stage", stage);
	rc_json_add_string(o, "code", why->reason);
	rc_json_add_string(o, "message", why->msg);
	rc = rc_line_put(o, b, err);
	rc_json_free(o);
	return rc;
}

static int put_input(const struct rc_quarantine *q, const struct rc_scanned *f, struct rc_buf *b,
		     struct rc_err *err)
{
	struct rc_json *o = new_line(q, f);

	rc_json_add_uint(o, "bytes", f->bytes);
	rc_json_add_ns(o, "mtime_ns", f->mtime_ns);
	add_digest(q, f, o);
	return end_line(o, "scan", &f->err, b, err);
}

static int put_episode(const struct rc_quarantine *q, size_t i, struct rc_buf *b,
		       struct rc_err *err)
{
	const struct rc_plan_episode *e = &q->writer->plan->episodes[i];
	const struct rc_scanned *f = &q->scan->files[e->i_file];
	struct rc_json *o = new_line(q, f);

	rc_json_add_string(o, "episode", e->id);
	rc_json_add_uint(o, "bytes", f->index->file_bytes);
	rc_json_add_ns(o, "mtime_ns", f->index->mtime_ns);
	return end_line(o, e->err ? "plan" : "convert", q->writer->episodes[i].err, b, err);
}

static int list_text(const struct rc_quarantine *q, struct rc_buf *b, struct rc_err *err)
{
	size_t n = q->writer ? q->writer->plan->n_episodes : 0;
	int rc = 0;

	for (size_t i = 0; i < q->scan->n && !rc; i++)
		if (!q->scan->files[i].index && q->scan->files[i].err.code)
			rc = put_input(q, &q->scan->files[i], b, err);
	for (size_t i = 0; i < n && !rc; i++)
		if (q->writer->episodes[i].outcome == RC_OUTCOME_SKIPPED)
			rc = put_episode(q, i, b, err);
	return rc;
}

int rc_quarantine_write(const struct rc_quarantine *q, const char *dir, struct rc_err *err)
{
	struct rc_buf text;
	char *path;
	int rc = list_path(dir, &path, err);

	if (rc)
		return rc;
	rc_buf_init(&text);
	rc = list_text(q, &text, err);
	if (!rc && text.len)
		rc = rc_outfile_put(path, text.p, text.len, err);
	else if (!rc && unlink(path) != 0 && errno != ENOENT)
		rc = rc_outfile_fail(err, errno, "remove", path);
	rc_buf_release(&text);
	free(path);
	return rc;
}

/* --- too much --------------------------------------------------------------------------------- */

int rc_bad_limit_parse(const char *text, struct rc_bad_limit *l, struct rc_err *err)
{
	char number[24];
	size_t n = text ? strlen(text) : 0;

	*l = (struct rc_bad_limit){.set = text != NULL};
	if (!text)
		return 0;
	l->percent = n && text[n - 1] == '%';
	if (n - l->percent >= sizeof number)
		n = sizeof number - 1 + l->percent; /* too long to be right; the message says it */
	snprintf(number, sizeof number, "%.*s", (int)(n - l->percent), text);
	return rc_parse_int(number, "--max-bad", 0, l->percent ? 100 : INT64_MAX, &l->most, err);
}

int rc_bad_limit_check(const struct rc_bad_limit *l, uint64_t n_episodes, struct rc_err *err)
{
	uint64_t n = l ? l->n_files + n_episodes : 0;

	if (!l || !l->set)
		return 0;
	if (l->percent ? (double)n * 100 <= (double)l->most * (double)l->n_all
		       : n <= (uint64_t)l->most)
		return 0;
	return rc_fail(err, RC_E_STOPPED, "max_bad",
		       "%llu of %llu inputs and episodes cannot be converted, more than --max-bad "
		       "%lld%s allows; see the report for the reasons",
		       (unsigned long long)n, (unsigned long long)l->n_all, (long long)l->most,
		       l->percent ? "%" : "");
}
