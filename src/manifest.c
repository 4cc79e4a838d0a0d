/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "manifest.h"

#include "base/mem.h"

enum { MAX_MANIFEST_BYTES = 1 << 30 };

/* The digest of the text with zeros in its place; the last field. */
static const char self_zeros[] = "00000000000000000000000000000000";
_Static_assert(sizeof self_zeros == RC_DIGEST_HEX, "as long as a digest");

/* Where in the text the digest is, or NULL. */
static char *find_self(const struct rc_buf *text)
{
	static const char key[] = "\"self_xxh3_128\": \"";
	char *last = NULL, *at = text->p;

	while ((at = strstr(at, key)))
		last = at += sizeof key - 1;
	return last && strlen(last) >= RC_DIGEST_HEX - 1 ? last : NULL;
}

static void sign(struct rc_buf *text)
{
	char hex[RC_DIGEST_HEX];
	char *at = find_self(text);

	rc_digest_hex(rc_digest_of(text->p, text->len), hex);
	memcpy(at, hex, RC_DIGEST_HEX - 1);
}

/* The text is as it was written; leaves zeros in it. */
static bool is_signed(struct rc_buf *text)
{
	char *at = find_self(text);
	struct rc_digest d;
	char hex[RC_DIGEST_HEX];

	if (!at)
		return false;
	snprintf(hex, sizeof hex, "%s", at);
	memcpy(at, self_zeros, RC_DIGEST_HEX - 1);
	return rc_digest_parse(hex, &d) && rc_digest_same(d, rc_digest_of(text->p, text->len));
}

/* The list of one shard's episodes. */
struct shard_list {
	const struct rc_writer *w;
	const struct rc_plan_shard *shard;
};

static bool episode_json(const void *arg, size_t i, struct rc_json *o)
{
	const struct shard_list *l = arg;
	size_t at = l->w->plan->order[l->shard->first + i];
	const struct rc_plan_episode *e = &l->w->plan->episodes[at];
	const struct rc_episode_result *r = &l->w->episodes[at];

	if (r->outcome != RC_OUTCOME_OK)
		return false;
	rc_json_add_string(o, "name", r->name);
	rc_json_add_string(o, "id", e->id);
	rc_json_add_uint(o, "ticks", r->n_ticks);
	if (e->split)
		rc_json_add_string(o, "split", e->split);
	return true;
}

static bool shard_json(const void *arg, size_t s, struct rc_json *o)
{
	const struct shard_list *l = (const struct shard_list *)arg + s;
	const struct rc_shard_result *r = &l->w->shards[s];
	char hex[RC_DIGEST_HEX];

	if (!r->committed)
		return false;
	rc_json_add_string(o, "path", r->name);
	rc_json_add_uint(o, "bytes", r->bytes);
	rc_digest_hex(r->digest, hex);
	rc_json_add_string(o, "xxh3_128", hex);
	if (r->unpacked_bytes) {
		rc_json_add_uint(o, "unpacked_bytes", r->unpacked_bytes);
		rc_digest_hex(r->unpacked_digest, hex);
		rc_json_add_string(o, "unpacked_xxh3_128", hex);
	}
	rc_digest_hex(r->content, hex);
	rc_json_add_string(o, "content_xxh3_128", hex);
	rc_json_add_list(o, "episodes", l->shard->n, episode_json, l);
	return true;
}

static bool skipped_json(const void *arg, size_t i, struct rc_json *o)
{
	const struct rc_writer *w = arg;

	if (w->episodes[i].outcome != RC_OUTCOME_SKIPPED)
		return false;
	rc_json_add_string(o, "id", w->plan->episodes[i].id);
	rc_json_add_string(o, "reason", w->episodes[i].err->reason);
	return true;
}

static int recipe_object(struct rc_json *root, const char *recipe_json, struct rc_err *err)
{
	struct rc_json *recipe = NULL, *o = rc_json_add_object(root, "recipe");
	int rc = rc_json_parse(recipe_json, strlen(recipe_json), "recipe", &recipe, err);

	for (const struct rc_json *c = rc ? NULL : rc_json_child(recipe); c; c = rc_json_next(c))
		rc_json_add_string(o, rc_json_key(c), rc_json_string(c));
	rc_json_free(recipe);
	return rc;
}

static int manifest_text(const struct rc_writer *w, const char *recipe_json, struct rc_buf *text,
			 struct rc_err *err)
{
	struct rc_json *root = NULL;
	struct shard_list *lists;
	size_t n = w->plan->n_shards;
	int rc = rc_new_array(&lists, n, sizeof *lists, err);

	if (rc)
		return rc;
	for (size_t s = 0; s < n; s++)
		lists[s] = (struct shard_list){w, &w->plan->shards[s]};
	root = rc_json_new_object();
	rc_json_add_string(root, "schema", RC_MANIFEST_SCHEMA);
	rc_json_add_string(root, "version", w->info.version);
	rc_json_add_string(root, "layout", w->plan->layout->name);
	rc_json_add_uint(root, "episodes", w->n_ok);
	rc_json_add_uint(root, "ticks", w->written_ticks);
	rc_json_add_uint(root, "bytes", w->written_bytes);
	rc = recipe_object(root, recipe_json, err);
	rc_json_add_list(root, "shards", n, shard_json, lists);
	rc_json_add_list(root, "skipped", w->plan->n_episodes, skipped_json, w);
	rc_json_add_string(root, "self_xxh3_128", self_zeros);
	if (!rc)
		rc = rc_json_text(root, true, text, err);
	if (!rc)
		sign(text);
	rc_json_free(root);
	free(lists);
	return rc;
}

/* One that is right already keeps its time of change. */
static bool is_there(const char *path, const struct rc_buf *text)
{
	struct rc_buf old;
	bool same;

	rc_buf_init(&old);
	same = !rc_buf_read_file(&old, path, text->len, NULL) && old.len == text->len &&
	       memcmp(old.p, text->p, old.len) == 0;
	rc_buf_release(&old);
	return same;
}

int rc_manifest_write(const char *dir, const struct rc_writer *w, const char *recipe_json,
		      struct rc_err *err)
{
	struct rc_buf text;
	char *path = NULL;
	int rc;

	rc_buf_init(&text);
	rc = manifest_text(w, recipe_json, &text, err);
	if (!rc)
		rc = rc_sprintf(&path, err, "%s/" RC_MANIFEST_NAME, dir);
	if (!rc && !is_there(path, &text))
		rc = rc_outfile_put(path, text.p, text.len, err);
	free(path);
	rc_buf_release(&text);
	return rc;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool safe_path(const char *p)
{
	if (!*p || *p == '/')
		return false;
	for (const char *c = p; *c;) {
		size_t n = strcspn(c, "/");
		if (n == 2 && c[0] == '.' && c[1] == '.')
			return false;
		c += n + (c[n] == '/');
	}
	return true;
}

static int read_shard(const struct rc_json *j, size_t i, struct rc_manifest_shard *s,
		      struct rc_err *err)
{
	int64_t bytes = -1;

	s->path = rc_json_string(rc_json_get(j, "path"));
	s->digest = rc_json_string(rc_json_get(j, "xxh3_128"));
	s->unpacked_digest = rc_json_string(rc_json_get(j, "unpacked_xxh3_128"));
	for (const struct rc_json *c = rc_json_child(rc_json_get(j, "episodes")); c;
	     c = rc_json_next(c))
		s->n_episodes++;
	if (!s->path || !s->digest || !rc_json_int(rc_json_get(j, "bytes"), &bytes) || bytes < 0 ||
	    strlen(s->digest) != RC_DIGEST_HEX - 1)
		return rc_fail(err, RC_E_FORMAT, "bad_manifest",
			       "shard %zu of the manifest lacks path, bytes or xxh3_128", i);
	if (!safe_path(s->path))
		return rc_fail(err, RC_E_FORMAT, "bad_manifest",
			       "the manifest names '%s', which is outside its directory", s->path);
	s->bytes = (uint64_t)bytes;
	return 0;
}

static int read_shards(struct rc_manifest *m, const char *path, struct rc_err *err)
{
	const struct rc_json *list = rc_json_get(m->root, "shards");
	const char *schema = rc_json_string(rc_json_get(m->root, "schema"));
	size_t n = 0;
	int rc;

	if (!schema || strcmp(schema, RC_MANIFEST_SCHEMA) != 0)
		return rc_fail(err, RC_E_FORMAT, "bad_manifest",
			       "'%s' is not a manifest of schema " RC_MANIFEST_SCHEMA, path);
	if (!rc_json_is_array(list))
		return rc_fail(err, RC_E_FORMAT, "bad_manifest", "'%s' has no list of shards",
			       path);
	for (const struct rc_json *c = rc_json_child(list); c; c = rc_json_next(c))
		n++;
	rc = rc_new_array(&m->shards, n, sizeof *m->shards, err);
	for (const struct rc_json *c = rc_json_child(list); c && !rc; c = rc_json_next(c)) {
		rc = read_shard(c, m->n_shards, &m->shards[m->n_shards], err);
		m->n_shards++;
	}
	return rc;
}

int rc_manifest_read(const char *dir, struct rc_manifest *m_out, struct rc_err *err)
{
	struct rc_manifest m = {0};
	struct rc_buf text;
	char *path;
	int rc = rc_sprintf(&path, err, "%s/" RC_MANIFEST_NAME, dir);

	if (rc)
		return rc;
	rc_buf_init(&text);
	rc = rc_buf_read_file(&text, path, MAX_MANIFEST_BYTES, err);
	if (!rc) {
		rc = rc_json_parse(text.p, text.len, path, &m.root, err);
		if (rc) { /* the parser calls it the user's mistake; here it is a damaged file */
			rc = RC_E_FORMAT;
			if (err)
				err->code = rc;
		}
	}
	if (!rc)
		rc = read_shards(&m, path, err);
	m.as_written = is_signed(&text);
	free(path);
	rc_buf_release(&text);
	if (rc)
		rc_manifest_release(&m);
	else
		*m_out = m;
	return rc;
}

void rc_manifest_release(struct rc_manifest *m)
{
	rc_json_free(m->root);
	free(m->shards);
	*m = (struct rc_manifest){0};
}
