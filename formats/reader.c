/* SPDX-License-Identifier: Apache-2.0 */
/* The run's side of the reader processes: start, ask, watch, replace, and trust nothing. */
#include "base/compat.h"

#include "formats/reader_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "formats/chunk_cache.h"

#define DEFAULT_MEMORY (UINT64_C(1) << 30)
#define DEFAULT_SHARED (UINT64_C(16) << 20)
#define DEFAULT_CACHE (UINT64_C(4) << 20)
#define DEFAULT_TIMEOUT_NS INT64_C(60000000000)

int rc_readers_start(const struct rc_reader_limits *limits, struct rc_readers **p_out,
		     struct rc_err *err)
{
	struct rc_readers *p = NULL;
	struct rc_reader_limits *l;
	int rc = rc_new(&p, err);

	if (rc)
		return rc;
	l = &p->limits;
	if (limits)
		*l = *limits;
	if (!l->memory_bytes)
		l->memory_bytes = DEFAULT_MEMORY;
	if (!l->shared_bytes)
		l->shared_bytes = DEFAULT_SHARED;
	if (l->shared_bytes > RC_SHARED_MAX)
		l->shared_bytes = RC_SHARED_MAX;
	if (!l->cache_bytes)
		l->cache_bytes = DEFAULT_CACHE;
	if (!l->timeout_ns)
		l->timeout_ns = DEFAULT_TIMEOUT_NS;
	rc = rc_spawner_start(l, &p->spawner, err);
	if (rc) {
		free(p);
		return rc;
	}
	rc = chunk_cache_new(l->cache_bytes, &p->cache, err);
	if (rc) {
		rc_spawner_stop(&p->spawner);
		free(p);
		return rc;
	}
	pthread_mutex_init(&p->lock, NULL);
	*p_out = p;
	return 0;
}

void rc_readers_stop(struct rc_readers *p)
{
	if (!p)
		return;
	rc_spawner_stop(&p->spawner);
	pthread_mutex_destroy(&p->lock);
	chunk_cache_free(p->cache);
	free(p);
}

const struct rc_sandbox *rc_readers_sandbox(const struct rc_readers *p)
{
	return &p->spawner.sandbox;
}

uint64_t rc_readers_shared_bytes(const struct rc_readers *p)
{
	return p->limits.shared_bytes;
}

struct chunk_cache *rc_reader_cache(struct rc_reader *r)
{
	return r->pool->cache;
}

struct rc_readers *rc_reader_pool(struct rc_reader *r)
{
	return r->pool;
}

void rc_reader_add_codecs(struct rc_reader *r, const struct rc_codec_count *counts)
{
	pthread_mutex_lock(&r->pool->lock);
	for (int i = 0; i < RC_N_CODECS; i++) {
		struct rc_codec_count *c = &r->pool->codecs[i];
		c->decoded_chunks += counts[i].decoded_chunks;
		c->decoded_in_bytes += counts[i].decoded_in_bytes;
		c->decoded_out_bytes += counts[i].decoded_out_bytes;
		c->copied_chunks += counts[i].copied_chunks;
		c->copied_bytes += counts[i].copied_bytes;
	}
	pthread_mutex_unlock(&r->pool->lock);
}

void rc_readers_codecs(struct rc_readers *pool, struct rc_codec_count counts_out[RC_N_CODECS])
{
	pthread_mutex_lock(&pool->lock);
	memcpy(counts_out, pool->codecs, sizeof pool->codecs);
	pthread_mutex_unlock(&pool->lock);
}

int rc_reader_new(struct rc_readers *p, struct rc_reader **r_out, struct rc_err *err)
{
	struct rc_reader *r = NULL;
	int rc = rc_new(&r, err);

	if (rc)
		return rc;
	r->pool = p;
	r->sock = r->memfd = -1;
	for (int i = 0; i < RC_READER_SLOTS; i++)
		r->slots[i].fd = r->slots[i].beside = -1;
	*r_out = r;
	return 0;
}

static void free_slot(struct slot *s)
{
	if (s->fd >= 0)
		close(s->fd);
	if (s->beside >= 0)
		close(s->beside);
	free(s->path);
	free(s->root);
	*s = (struct slot){ .fd = -1, .beside = -1 };
}

void rc_reader_free(struct rc_reader *r)
{
	if (!r)
		return;
	reader_end_process(r);
	reader_free_shared(r);
	for (int i = 0; i < RC_READER_SLOTS; i++)
		free_slot(&r->slots[i]);
	free(r);
}

/* --- files ---------------------------------------------------------------------------------- */

static struct slot *find_slot(struct rc_reader *r, const char *path)
{
	for (struct slot *s = r->slots; s < r->slots + RC_READER_SLOTS; s++)
		if (s->path && !strcmp(s->path, path))
			return s;
	return NULL;
}

/* Opens a file, in place of the one not used for longest. */
static int new_slot(struct rc_reader *r, const char *path, const char *root, struct slot **s_out,
		    struct rc_err *err)
{
	struct slot *s = r->slots;
	struct stat st;
	int rc;

	for (int i = 1; i < RC_READER_SLOTS; i++)
		if (r->slots[i].used < s->used)
			s = &r->slots[i];
	free_slot(s);
	rc = rc_input_open(r->pool, path, &s->fd, &st, err);
	if (!rc)
		rc = rc_strdup(&s->path, path, err);
	if (!rc && root)
		rc = rc_strdup(&s->root, root, err);
	if (rc) {
		free_slot(s);
		return rc;
	}
	s->bytes = (uint64_t)st.st_size;
	s->mtime_ns = rc_mtime_ns(&st);
	s->used = ++r->n_uses;
	*s_out = s;
	return 0;
}

static int send_file(struct rc_reader *r, struct slot *s, struct rc_err *err)
{
	struct ask k = {
		.q.op = RC_OP_OPEN,
		.q.slot = (uint32_t)(s - r->slots),
		.q.bytes = s->bytes,
		.text = s->root ? rc_linked_below(s->root, s->path) : "",
		.fd = s->fd,
		.path = s->path,
	};
	int rc;

	r->n_files++;
	rc = reader_ask_process(r, &k, err);
	if (!rc && s->beside >= 0) {
		k.q.op = RC_OP_BESIDE;
		k.text = "";
		k.q.bytes = s->beside_id.bytes;
		k.fd = s->beside;
		rc = reader_ask_process(r, &k, err);
	}
	s->sent = !rc;
	return rc;
}

/* Asks with a process, a block and the file in place, growing the block when told to. */
static int ask_once(struct rc_reader *r, struct slot *s, struct ask *k, struct rc_err *err)
{
	k->fd = -1;
	k->path = s->path;
	k->file_bytes = s->bytes;
	k->root = s->root;
	k->q.slot = (uint32_t)(s - r->slots);
	if (strlen(k->text) >= RC_MAX_TEXT)
		return rc_fail(err, RC_E_UNSUPPORTED, "path_too_long",
			       "'%s': a name in it has more than %d bytes", k->path, RC_MAX_TEXT);
	for (;;) {
		int rc = reader_need_process(r, k->path, err);
		if (!rc && !s->sent)
			rc = send_file(r, s, err);
		if (!rc)
			rc = reader_ask_process(r, k, err);
		if (rc || !r->reply.need)
			return rc;
		if (r->reply.need <= r->shared_bytes)
			return reader_lose(r, k->path, EPROTO, err);
		rc = reader_grow_shared(r, k, r->reply.need, err);
		if (rc)
			return rc;
	}
}

/* A process that somebody killed says nothing about the file, and one that had other files may
 * suffer from one of those: a fresh one is asked again, once. */
static int ask_about(struct rc_reader *r, struct slot *s, struct ask *k, struct rc_err *err)
{
	struct rc_err why = {0};
	int rc;

	r->again = false;
	rc = ask_once(r, s, k, &why);
	if (rc && r->again)
		return ask_once(r, s, k, err);
	if (rc && err)
		*err = why;
	return rc;
}

/* --- the requests --------------------------------------------------------------------------- */

/* The index, part by part, into memory of the run's own: what is checked must not change. */
static int fetch_index(struct rc_reader *r, struct slot *s, void **block_out, size_t *n_out,
		       struct rc_err *err)
{
	struct ask k = { .q.op = RC_OP_INDEX, .text = "" };
	uint64_t total = r->reply.n, at = 0;
	unsigned char *block = NULL;
	int rc;

	if (!total || total > r->pool->limits.memory_bytes)
		return reader_lose(r, s->path, EPROTO, err);
	rc = rc_new_array(&block, total, 1, err);
	while (!rc) {
		size_t n = total - at < r->shared_bytes ? (size_t)(total - at) : r->shared_bytes;
		memcpy(block + at, r->shared, n);
		at += n;
		if (at == total)
			break;
		k.q.row0 = at;
		rc = ask_once(r, s, &k, err);
		if (!rc && r->reply.n != total)
			rc = reader_lose(r, s->path, EPROTO, err);
	}
	if (rc) {
		free(block);
		return rc;
	}
	*block_out = block;
	*n_out = total;
	return 0;
}

/* The index lies in the process that made it, so both requests go to the same one. */
static int scan_once(struct rc_reader *r, struct slot *s, const char *layout, void **block_out,
		     size_t *n_out, struct rc_err *err)
{
	struct ask k = { .q.op = RC_OP_SCAN, .text = layout };
	int rc;

	r->again = false;
	r->n_refused = 0;
	rc = ask_once(r, s, &k, err);
	return rc ? rc : fetch_index(r, s, block_out, n_out, err);
}

/* Whether libhdf5 failed on a part of it. */
static bool is_damaged(const struct rc_index *ix)
{
	for (uint32_t i = 0; i < ix->n_notes; i++)
		if (!strcmp(rc_index_str(ix, ix->notes[i].code), "unreadable"))
			return true;
	return false;
}

int rc_reader_scan(struct rc_reader *r, const char *path, const struct rc_scan_options *opt,
		   struct rc_index **ix_out, struct rc_err *err)
{
	const char *layout = opt && opt->layout ? opt->layout : "";
	struct rc_index *ix = NULL;
	struct rc_err why = {0};
	struct slot *s;
	void *block = NULL;
	size_t n = 0;
	int rc;

	/* A file seen before may be another one by now. */
	s = find_slot(r, path);
	if (s)
		free_slot(s);
	rc = new_slot(r, path, opt ? opt->root : NULL, &s, err);
	if (rc)
		return rc;
	s->beside = rc_sidecar_open(r->pool, path, &s->beside_id);
	rc = scan_once(r, s, layout, &block, &n, &why);
	if (rc && r->again)
		rc = scan_once(r, s, layout, &block, &n, &why);
	if (!rc)
		rc = rc_index_open(block, n, path, s->bytes, &ix, &why);
	if (!rc && s->root)
		rc = rc_strdup(&ix->root, s->root, &why);
	if (!rc)
		rc = rc_linked_same(ix, UINT32_MAX, &why);
	if (!rc)
		rc = rc_input_same(s->fd, path, s->bytes, s->mtime_ns, &why);
	if (!rc && s->beside >= 0)
		rc = rc_input_same(s->beside, path, s->beside_id.bytes, s->beside_id.mtime_ns,
				   &why);
	if (rc) {
		if (err)
			*err = why;
		rc_index_free(ix);
		return rc;
	}
	if (is_damaged(ix))
		reader_end_process(r);
	ix->mtime_ns = s->mtime_ns;
	ix->refused = r->n_refused;
	ix->beside_bytes = s->beside_id.bytes;
	ix->beside_mtime_ns = s->beside_id.mtime_ns;
	*ix_out = ix;
	return 0;
}

/* The slot of an index's file, which must be the file that was scanned: then, when the process got
 * to know it, and now. */
static int scanned_slot(struct rc_reader *r, const struct rc_index *ix, struct slot **s_out,
			struct rc_err *err)
{
	struct slot *s = find_slot(r, ix->path);
	int rc = 0;

	/* an unpacked file may have gone and come back since */
	if (s && (s->bytes != ix->file_bytes || s->mtime_ns != ix->mtime_ns ||
		  rc_input_same(s->fd, ix->path, ix->file_bytes, ix->mtime_ns, NULL))) {
		free_slot(s);
		s = NULL;
	}
	if (!s) {
		rc = new_slot(r, ix->path, ix->root, &s, err);
		if (!rc)
			rc = rc_input_same(s->fd, ix->path, ix->file_bytes, ix->mtime_ns, err);
	}
	if (rc)
		return rc;
	s->used = ++r->n_uses;
	*s_out = s;
	return 0;
}

static void describe(struct ask *k, const struct rc_index *ix, const struct rc_dataset *d)
{
	k->text = rc_index_str(ix, d->path);
	k->ix = ix;
	k->q.dtype = d->dtype;
	k->q.rank = d->rank;
	k->q.frames = d->frames;
	k->q.time_last = d->time_last;
	memcpy(k->q.dims, d->dims, sizeof k->q.dims);
	memcpy(k->q.chunk, d->chunk, sizeof k->q.chunk);
}

int rc_reader_places(struct rc_reader *r, const struct rc_index *ix, uint32_t i_dataset,
		     struct rc_place *p_out, size_t n, bool *known_out, struct rc_err *err)
{
	struct ask k = { .q.op = RC_OP_PLACES };
	struct slot *s = NULL;
	uint64_t bytes;
	int rc;

	describe(&k, ix, &ix->datasets[i_dataset]);
	rc = scanned_slot(r, ix, &s, err);
	if (!rc)
		rc = ask_about(r, s, &k, err);
	if (rc)
		return rc;
	*known_out = r->reply.n > 0;
	if (!*known_out)
		return 0;
	if (r->reply.n != n * sizeof *p_out || r->reply.n > r->shared_bytes)
		return reader_lose(r, ix->path, EPROTO, err);
	memcpy(p_out, r->shared, n * sizeof *p_out);
	bytes = rc_index_file_bytes(ix, &ix->datasets[i_dataset]);
	for (size_t i = 0; i < n; i++)
		if (p_out[i].address > bytes || p_out[i].n > bytes - p_out[i].address)
			return reader_lose(r, ix->path, EPROTO, err);
	return 0;
}

int rc_reader_chunks(struct rc_reader *r, const struct rc_index *ix, uint32_t i_dataset,
		     const uint64_t *ids, size_t n_ids, struct rc_stored_chunk *chunks_out,
		     size_t *n_done_out, struct rc_err *err)
{
	struct ask k = { .q.op = RC_OP_CHUNKS, .ids = ids };
	struct slot *s = NULL;
	int rc;

	if (!n_ids || i_dataset >= ix->n_datasets ||
	    ix->datasets[i_dataset].storage != RC_STORE_CHUNKED)
		return rc_fail(err, RC_E_BUG, "bad_chunks", "no chunks can be asked for");
	describe(&k, ix, &ix->datasets[i_dataset]);
	k.q.n_ids = n_ids < RC_MAX_IDS ? (uint32_t)n_ids : RC_MAX_IDS;
	rc = scanned_slot(r, ix, &s, err);
	if (!rc)
		rc = ask_about(r, s, &k, err);
	if (!rc && !r->reply.n_chunks)
		rc = reader_lose(r, ix->path, EPROTO, err);
	if (rc)
		return rc;
	for (uint32_t i = 0; i < r->reply.n_chunks; i++) {
		const struct rc_reply_chunk *c = &r->reply.u.chunks[i];
		chunks_out[i].bytes = r->shared + c->offset;
		chunks_out[i].n = c->n;
		chunks_out[i].mask = c->mask;
	}
	*n_done_out = r->reply.n_chunks;
	return 0;
}

int rc_reader_rows(struct rc_reader *r, const struct rc_index *ix, uint32_t i_dataset,
		   uint64_t row0, uint64_t n, void *dst, size_t dst_bytes, struct rc_err *err)
{
	struct ask k = { .q.op = RC_OP_ROWS };
	const struct rc_dataset *d = &ix->datasets[i_dataset];
	uint64_t row_bytes = rc_dataset_row_bytes(d), bytes;
	struct slot *s = NULL;
	unsigned char *out = dst;
	int rc;

	if (row0 > d->dims[0] || n > d->dims[0] - row0 || !rc_mul(n, row_bytes, &bytes) ||
	    bytes != dst_bytes)
		return rc_fail(err, RC_E_BUG, "bad_rows", "rows outside of '%s'",
			       rc_index_str(ix, d->path));
	if (!bytes)
		return 0;
	describe(&k, ix, d);
	rc = scanned_slot(r, ix, &s, err);
	while (!rc && n) {
		size_t room = r->shared_bytes ? r->shared_bytes : r->pool->limits.shared_bytes;
		uint64_t fit = room / row_bytes ? room / row_bytes : 1;
		k.q.row0 = row0;
		k.q.n_rows = n < fit ? n : fit;
		rc = ask_about(r, s, &k, err);
		if (!rc && r->reply.n != k.q.n_rows * row_bytes)
			rc = reader_lose(r, ix->path, EPROTO, err);
		if (rc)
			break;
		memcpy(out, r->shared, r->reply.n);
		out += r->reply.n;
		row0 += k.q.n_rows;
		n -= k.q.n_rows;
	}
	return rc;
}

int rc_reader_misbehave(struct rc_reader *r, const char *how, struct rc_err *err)
{
	struct ask k = { .q.op = RC_OP_MISBEHAVE, .text = how, .fd = -1, .path = "a test" };
	int rc = reader_need_process(r, k.path, err);

	return rc ? rc : reader_ask_process(r, &k, err);
}
