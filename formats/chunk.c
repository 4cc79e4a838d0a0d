/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "formats/chunk.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "formats/chunk_private.h"
#include "formats/codec.h"
#include "formats/linked.h"
#include "formats/protocol.h"

/*
 * Runs with holes of less than HOLE_BYTES between them are read in one go of at most BRIDGE_BYTES,
 * holes and all: asking again costs more than that much of copying.
 */
enum { MAX_READ = 1 << 30, HOLE_BYTES = 16 << 10, BRIDGE_BYTES = 256 << 10 };

int rc_input_new(struct rc_readers *pool, struct rc_input **in_out, struct rc_err *err)
{
	struct rc_input *in = NULL;
	int rc = rc_new(&in, err);

	if (rc)
		return rc;
	for (int i = 0; i < CHUNK_MAX_FILES; i++)
		in->files[i].fd = -1;
	rc = rc_reader_new(pool, &in->reader, err);
	if (!rc)
		rc = rc_codec_ctx_new(&in->codec, err);
	if (rc) {
		rc_input_free(in);
		return rc;
	}
	*in_out = in;
	return 0;
}

static void close_file(struct chunk_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	f->used = 0;
}

void rc_input_free(struct rc_input *in)
{
	if (!in)
		return;
	for (int i = 0; i < CHUNK_MAX_FILES; i++) {
		close_file(&in->files[i]);
		free(in->files[i].path);
	}
	if (in->reader)
		rc_reader_add_codecs(in->reader, in->codecs);
	rc_reader_free(in->reader);
	rc_codec_ctx_free(in->codec);
	free(in->chunk.p);
	free(in->bridge.p);
	free(in->window.room.p);
	free(in->places.p);
	free(in);
}

struct rc_reader *rc_input_reader(struct rc_input *in)
{
	return in->reader;
}

void rc_input_counters(const struct rc_input *in, struct rc_input_counters *c_out)
{
	*c_out = in->counters;
}

static void count_decoded(struct rc_input *in, const struct rc_dataset *d, uint64_t n_in,
			  uint64_t n_out)
{
	struct rc_codec_count *c = &in->codecs[rc_dataset_codec(d)];

	c->decoded_chunks++;
	c->decoded_in_bytes += n_in;
	c->decoded_out_bytes += n_out;
}

/* --- contiguous ----------------------------------------------------------------------------- */

/* linked: which of the files of the index, counted from 1; 0 for the input itself. */
static int need_fd(struct rc_input *in, const struct rc_index *ix, uint32_t linked,
		   const struct rc_index_file *of, int *fd_out, struct rc_err *err)
{
	struct chunk_file *f, *fresh = in->files, *end = in->files + CHUNK_MAX_FILES;
	size_t n_path = strlen(of->path) + 1;
	struct stat st;
	int rc = 0;

	for (f = in->files; f < end; f++) {
		if (f->fd >= 0 && !strcmp(f->path, of->path)) {
			/* an unpacked file may have gone and come back since */
			if (!rc_input_same(f->fd, of->path, of->bytes, of->mtime_ns, NULL))
				break;
			close_file(f);
		}
		if (f->used < fresh->used)
			fresh = f;
	}
	if (f == end) {
		f = fresh;
		close_file(f);
		rc = rc_grow_array(&f->path, &f->cap_path, n_path, 1, err);
		if (!rc) {
			memcpy(f->path, of->path, n_path);
			rc = linked ? rc_linked_reopen(ix, linked - 1, &f->fd, &st, err)
				    : rc_input_open(rc_reader_pool(in->reader), of->path, &f->fd,
						    &st, err);
		}
		if (!rc)
			rc = rc_input_same(f->fd, of->path, of->bytes, of->mtime_ns, err);
	}
	if (rc) {
		close_file(f);
		return rc;
	}
	f->used = ++in->n_uses;
	*fd_out = f->fd;
	return 0;
}

int chunk_need_fd(struct rc_input *in, const struct rc_index *ix, const struct rc_dataset *d,
		  int *fd_out, struct rc_err *err)
{
	struct rc_index_file of = {ix->path, ix->file_bytes, ix->mtime_ns};
	int rc = d->linked ? rc_index_file(ix, d->linked, &of, err) : 0;

	if (rc)
		return rc;
	rc = need_fd(in, ix, d->linked, &of, fd_out, err);
	if (d->linked)
		free(of.path);
	return rc;
}

int chunk_read_at(int fd, const char *path, uint64_t at, void *dst, uint64_t n,
		  struct rc_err *err)
{
	char *p = dst;

	while (n) {
		ssize_t got = pread(fd, p, n < MAX_READ ? (size_t)n : MAX_READ, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return rc_fail_errno(err, RC_E_INPUT, "unreadable", errno,
					     "cannot read '%s'", path);
		if (!got)
			return rc_fail(err, RC_E_INPUT, "truncated",
				       "'%s' ends at byte %llu, in the middle of its data", path,
				       (unsigned long long)at);
		p += got;
		at += (uint64_t)got;
		n -= (uint64_t)got;
	}
	return 0;
}

/* A dataset whose rows have an order but no chunks, and how to read some of them. */
struct row_source {
	const struct rc_index *ix;
	uint32_t i_dataset;
	uint64_t row_bytes;
	int fd;
	int (*read)(struct rc_input *in, const struct row_source *s, const struct rc_row_run *run,
		    char *dst, struct rc_err *err);
};

/* How many of the runs, from the first, are worth one read; *all_out: that read. */
static size_t bridged(const struct rc_row_run *runs, size_t n_runs, uint64_t row_bytes,
		      struct rc_row_run *all_out)
{
	uint64_t first = runs[0].row0, end = first + runs[0].n;
	size_t n = 1;

	for (; n < n_runs; n++) {
		uint64_t to = runs[n].row0 + runs[n].n;

		if (runs[n].row0 - end > HOLE_BYTES / row_bytes ||
		    to - first > BRIDGE_BYTES / row_bytes)
			break;
		end = to;
	}
	*all_out = (struct rc_row_run){ first, end - first };
	return n;
}

static int read_runs(struct rc_input *in, const struct row_source *s,
		     const struct rc_row_run *runs, size_t n_runs, char *dst, struct rc_err *err)
{
	int rc = n_runs > 1 ? rc_scratch_need(&in->bridge, BRIDGE_BYTES, err) : 0;

	while (!rc && n_runs) {
		struct rc_row_run all;
		size_t n = bridged(runs, n_runs, s->row_bytes, &all);

		rc = s->read(in, s, &all, n == 1 ? dst : in->bridge.p, err);
		for (size_t i = 0; !rc && i < n; i++) {
			uint64_t at = (runs[i].row0 - all.row0) * s->row_bytes;
			uint64_t bytes = runs[i].n * s->row_bytes;

			if (n > 1)
				memcpy(dst, (char *)in->bridge.p + at, bytes);
			dst += bytes;
		}
		runs += n;
		n_runs -= n;
	}
	return rc;
}

static int read_in_file(struct rc_input *in, const struct row_source *s,
			const struct rc_row_run *run, char *dst, struct rc_err *err)
{
	uint64_t address = s->ix->datasets[s->i_dataset].address;

	in->counters.read_bytes += run->n * s->row_bytes;
	in->counters.reads++;
	return chunk_read_at(s->fd, s->ix->path, address + run->row0 * s->row_bytes, dst,
		       run->n * s->row_bytes, err);
}

static int read_contiguous(struct rc_input *in, const struct rc_index *ix, uint32_t i_dataset,
			   const struct rc_row_run *runs, size_t n_runs, char *dst,
			   size_t dst_bytes, struct rc_err *err)
{
	const struct rc_dataset *d = &ix->datasets[i_dataset];
	struct row_source s = { .ix = ix, .i_dataset = i_dataset,
				.row_bytes = rc_dataset_row_bytes(d), .read = read_in_file };
	int64_t t0 = rc_now_ns();
	int rc;

	if (d->address == RC_NO_ADDRESS)
		return rc_fail(err, RC_E_FORMAT, "missing_data",
			       "'%s': the values of '%s' were never written", ix->path,
			       rc_index_str(ix, d->path));
	rc = chunk_need_fd(in, ix, d, &s.fd, err);
	if (!rc)
		rc = read_runs(in, &s, runs, n_runs, dst, err);
	if (!rc)
		count_decoded(in, d, dst_bytes, dst_bytes);
	if (!rc && d->big_endian)
		chunk_swap(dst, dst_bytes, rc_dtype_size((enum rc_dtype)d->dtype));
	in->counters.read_ns += rc_now_ns() - t0;
	return rc;
}

/* --- chunked -------------------------------------------------------------------------------- */

/* One call of rc_input_rows() on a chunked dataset.  Chunks come in ascending order, so the runs
 * before the one in hand are done. */
struct gather {
	const struct rc_index *ix;
	const struct rc_dataset *d;
	struct chunk_grid grid;
	uint64_t row_bytes;
	uint32_t i_dataset;
	/* rows of chunks of which other requests want the rest, or UINT64_MAX */
	uint64_t head, tail;
	const struct rc_row_run *runs;
	size_t n_runs, i_run;
	char *dst; /* of the first row of runs[i_run] */
};

/* Requests follow each other through a dataset, so chunks across their edges are used twice. */
static void find_edges(struct gather *g)
{
	uint64_t rows = g->d->chunk[0], first = g->runs[0].row0;
	const struct rc_row_run *last = &g->runs[g->n_runs - 1];
	uint64_t end = last->row0 + last->n;

	g->head = first % rows ? first / rows : UINT64_MAX;
	g->tail = end % rows && end < g->d->dims[0] ? end / rows : UINT64_MAX;
}

static bool on_edge(const struct gather *g, uint64_t id)
{
	uint64_t row = id / g->grid.per_row;

	return row == g->head || row == g->tail;
}

static struct chunk_key key_of(const struct gather *g, uint64_t id)
{
	return (struct chunk_key){g->ix->serial, g->i_dataset, id};
}

static int decode(struct rc_input *in, const struct gather *g, uint64_t id,
		  const struct rc_stored_chunk *c, void *dst, struct rc_err *err)
{
	const struct rc_dataset *d = g->d;
	int rc = rc_chunk_decode(in->codec, d, c->mask, c->bytes, c->n, dst, g->grid.bytes, err);

	if (rc)
		return rc_fail(err, rc, err ? err->reason : NULL, "'%s': row %llu of '%s': %s",
			       g->ix->path,
			       (unsigned long long)(id / g->grid.per_row * d->chunk[0]),
			       rc_index_str(g->ix, d->path), err ? err->msg : "");
	if (d->big_endian)
		chunk_swap(dst, g->grid.bytes, rc_dtype_size((enum rc_dtype)d->dtype));
	return 0;
}

/* Goes to the run that the chunk's first wanted row is in; where that row's bytes go. */
static const struct rc_row_run *find_run(struct gather *g, uint64_t first)
{
	while (g->runs[g->i_run].row0 + g->runs[g->i_run].n <= first)
		g->dst += g->runs[g->i_run++].n * g->row_bytes;
	return &g->runs[g->i_run];
}

/* Copies the wanted rows of the decoded chunk in in->chunk. */
static void scatter(struct rc_input *in, struct gather *g, uint64_t id)
{
	uint64_t first = id / g->grid.per_row * g->d->chunk[0], end = first + g->d->chunk[0];
	char *dst;

	find_run(g, first);
	dst = g->dst;
	for (size_t i = g->i_run; i < g->n_runs && g->runs[i].row0 < end; i++) {
		uint64_t from = g->runs[i].row0 > first ? g->runs[i].row0 : first;
		uint64_t to = g->runs[i].row0 + g->runs[i].n;
		if (to > end)
			to = end;
		if (to > from)
			chunk_scatter(g->d, &g->grid, id, in->chunk.p, from, to - from,
				      dst + (from - g->runs[i].row0) * g->row_bytes);
		dst += g->runs[i].n * g->row_bytes;
	}
}

/* Takes one chunk apart: straight into dst where its bytes are just rows that are all wanted. */
static int place_chunk(struct rc_input *in, struct gather *g, uint64_t id,
		       const struct rc_stored_chunk *c, struct rc_err *err)
{
	uint64_t first = id / g->grid.per_row * g->d->chunk[0], end = first + g->d->chunk[0];
	const struct rc_row_run *run = find_run(g, first);
	struct chunk_key key = key_of(g, id);
	int rc;

	if (g->grid.whole_rows && run->row0 <= first && run->row0 + run->n >= end)
		return decode(in, g, id, c, g->dst + (first - run->row0) * g->row_bytes, err);
	in->holds = (struct chunk_key){0};
	rc = rc_scratch_need(&in->chunk, g->grid.bytes, err);
	if (!rc)
		rc = decode(in, g, id, c, in->chunk.p, err);
	if (rc)
		return rc;
	in->holds = key;
	if (on_edge(g, id))
		chunk_cache_put(rc_reader_cache(in->reader), &key, in->chunk.p, g->grid.bytes);
	scatter(in, g, id);
	return 0;
}

/* The chunk before, of which more is wanted: larger ones than the cache takes are read so. */
static bool is_held(const struct rc_input *in, const struct gather *g, uint64_t id)
{
	struct chunk_key key = key_of(g, id);

	return in->holds.index == key.index && in->holds.dataset == key.dataset &&
	       in->holds.id == key.id;
}

static bool is_cached(struct rc_input *in, const struct gather *g, uint64_t id)
{
	struct chunk_key key = key_of(g, id);

	return is_held(in, g, id) || chunk_cache_has(rc_reader_cache(in->reader), &key);
}

static int place_cached(struct rc_input *in, struct gather *g, uint64_t id, bool *hit_out,
			struct rc_err *err)
{
	struct chunk_key key = key_of(g, id);
	int rc;

	*hit_out = is_held(in, g, id);
	if (*hit_out) {
		scatter(in, g, id);
		return 0;
	}
	in->holds = (struct chunk_key){0};
	rc = rc_scratch_need(&in->chunk, g->grid.bytes, err);
	*hit_out = !rc && chunk_cache_get(rc_reader_cache(in->reader), &key, 0, in->chunk.p,
					  g->grid.bytes);
	if (*hit_out) {
		in->holds = key;
		scatter(in, g, id);
	}
	return rc;
}

/* Gets and places the chunks of one batch. */
static int place_batch(struct rc_input *in, struct gather *g, const uint64_t *ids, size_t n,
		       struct rc_err *err)
{
	struct rc_stored_chunk chunks[RC_MAX_IDS];
	struct rc_input_counters *k = &in->counters;
	size_t n_done;
	int rc = 0;

	while (!rc && n) {
		int64_t t0 = rc_now_ns(), t1;
		rc = chunk_fetch(in, g->ix, g->i_dataset, ids, n, chunks, &n_done, err);
		t1 = rc_now_ns();
		k->read_ns += t1 - t0;
		if (rc)
			return rc;
		for (size_t i = 0; !rc && i < n_done; i++) {
			rc = place_chunk(in, g, ids[i], &chunks[i], err);
			k->read_bytes += chunks[i].n;
			k->decoded_bytes += g->grid.bytes;
			k->chunks++;
			count_decoded(in, g->d, chunks[i].n, g->grid.bytes);
		}
		k->decode_ns += rc_now_ns() - t1;
		ids += n_done;
		n -= n_done;
	}
	return rc;
}

static int read_chunked(struct rc_input *in, const struct rc_index *ix, uint32_t i_dataset,
			const struct rc_row_run *runs, size_t n_runs, char *dst,
			struct rc_err *err)
{
	const struct rc_dataset *d = &ix->datasets[i_dataset];
	struct gather g = {
		.ix = ix,
		.d = d,
		.i_dataset = i_dataset,
		.row_bytes = rc_dataset_row_bytes(d),
		.runs = runs,
		.n_runs = n_runs,
		.dst = dst,
	};
	uint64_t ids[RC_MAX_IDS];
	struct chunk_walk w;
	bool more = true, hit;
	int rc = 0;

	chunk_grid_of(d, &g.grid);
	if (g.grid.bytes > RC_SHARED_MAX)
		return rc_fail(err, RC_E_UNSUPPORTED, "chunk_too_large",
			       "'%s': a chunk of '%s' has %llu bytes, more than the %d that are "
			       "read at once; h5repack -l CHUNK=... makes a copy with smaller ones",
			       ix->path, rc_index_str(ix, d->path),
			       (unsigned long long)g.grid.bytes, RC_SHARED_MAX);
	find_edges(&g);
	chunk_walk_begin(&w, d, runs, n_runs);
	while (more && !rc) {
		size_t n = 0;
		bool cached = false;
		while (n < RC_MAX_IDS && !cached && more) {
			more = chunk_walk_next(&w, d, &g.grid, &ids[n]);
			cached = more && on_edge(&g, ids[n]) && is_cached(in, &g, ids[n]);
			n += more;
		}
		rc = place_batch(in, &g, ids, n - cached, err);
		if (rc || !cached)
			continue;
		rc = place_cached(in, &g, ids[n - 1], &hit, err);
		if (!rc && !hit) /* it had to make room meanwhile */
			rc = place_batch(in, &g, &ids[n - 1], 1, err);
	}
	return rc;
}

bool rc_dataset_row_chunks(const struct rc_dataset *d)
{
	if (d->storage != RC_STORE_CHUNKED || d->big_endian || d->chunk[0] != 1)
		return false;
	for (uint32_t i = 1; i < d->rank; i++)
		if (d->chunk[i] != d->dims[i])
			return false;
	return true;
}

int rc_input_stored_row(struct rc_input *in, const struct rc_index *ix, uint32_t i_dataset,
			uint64_t row, struct rc_stored_chunk *chunk_out, struct rc_err *err)
{
	int64_t t0 = rc_now_ns();
	struct rc_codec_count *count;
	size_t n_done;
	int rc;

	if (!rc_dataset_row_chunks(&ix->datasets[i_dataset]) ||
	    row >= ix->datasets[i_dataset].dims[0])
		return rc_fail(err, RC_E_BUG, "bad_rows", "row %llu is not a chunk",
			       (unsigned long long)row);
	rc = chunk_fetch(in, ix, i_dataset, &row, 1, chunk_out, &n_done, err);
	in->counters.read_ns += rc_now_ns() - t0;
	if (rc)
		return rc;
	in->counters.read_bytes += chunk_out->n;
	in->counters.chunks++;
	count = &in->codecs[rc_dataset_codec(&ix->datasets[i_dataset])];
	count->copied_chunks++;
	count->copied_bytes += chunk_out->n;
	return 0;
}

/* --- all storage ---------------------------------------------------------------------------- */

static int read_by_reader(struct rc_input *in, const struct row_source *s,
			  const struct rc_row_run *run, char *dst, struct rc_err *err)
{
	in->counters.decoded_bytes += run->n * s->row_bytes;
	count_decoded(in, &s->ix->datasets[s->i_dataset], run->n * s->row_bytes,
		      run->n * s->row_bytes);
	return rc_reader_rows(in->reader, s->ix, s->i_dataset, run->row0, run->n, dst,
			      run->n * s->row_bytes, err);
}

static int read_decoded(struct rc_input *in, const struct rc_index *ix, uint32_t i_dataset,
			const struct rc_row_run *runs, size_t n_runs, char *dst,
			struct rc_err *err)
{
	struct row_source s = { .ix = ix, .i_dataset = i_dataset, .read = read_by_reader,
				.row_bytes = rc_dataset_row_bytes(&ix->datasets[i_dataset]) };
	int64_t t0 = rc_now_ns();
	int rc = read_runs(in, &s, runs, n_runs, dst, err);

	in->counters.read_ns += rc_now_ns() - t0;
	return rc;
}

static int check_runs(const struct rc_index *ix, const struct rc_dataset *d,
		      const struct rc_row_run *runs, size_t n_runs, size_t dst_bytes,
		      struct rc_err *err)
{
	uint64_t n = 0, end = 0;

	for (size_t i = 0; i < n_runs; i++) {
		if (runs[i].row0 < end || runs[i].row0 > d->dims[0] ||
		    runs[i].n > d->dims[0] - runs[i].row0)
			return rc_fail(err, RC_E_BUG, "bad_rows",
				       "rows of '%s' that are out of order or outside",
				       rc_index_str(ix, d->path));
		end = runs[i].row0 + runs[i].n;
		n += runs[i].n;
	}
	if (n * rc_dataset_row_bytes(d) != dst_bytes)
		return rc_fail(err, RC_E_BUG, "bad_rows", "room of the wrong size for '%s'",
			       rc_index_str(ix, d->path));
	return 0;
}

/* The enum may hold any byte in a damaged or careless file. */
static void make_bools(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = p[i] != 0;
}

int rc_input_rows(struct rc_input *in, const struct rc_index *ix, uint32_t i_dataset,
		  const struct rc_row_run *runs, size_t n_runs, void *dst, size_t dst_bytes,
		  struct rc_err *err)
{
	const struct rc_dataset *d = &ix->datasets[i_dataset];
	int rc = check_runs(ix, d, runs, n_runs, dst_bytes, err);

	if (rc || !dst_bytes)
		return rc;
	switch (d->storage) {
	case RC_STORE_CONTIGUOUS:
		rc = read_contiguous(in, ix, i_dataset, runs, n_runs, dst, dst_bytes, err);
		break;
	case RC_STORE_CHUNKED:
		rc = read_chunked(in, ix, i_dataset, runs, n_runs, dst, err);
		break;
	default:
		rc = read_decoded(in, ix, i_dataset, runs, n_runs, dst, err);
	}
	if (!rc && d->dtype == RC_BOOL)
		make_bools(dst, dst_bytes);
	return rc;
}
