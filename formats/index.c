/* SPDX-License-Identifier: Apache-2.0 */
/* Opening an index.  Whatever passes here is used without further checks, so every number, string
 * and reference is looked at, and everything the builder normalises must be in its one form. */
#include "formats/index.h"

#include <stdatomic.h>

#include "base/mem.h"
#include "formats/codec.h"
#include "formats/index_private.h"

/* Stamps stay inside +-2^62 ns, so that a difference of two fits in int64. */
#define MAX_NS (INT64_C(1) << 62)
#define MAX_RATE_TERM INT64_C(1000000000000000000)
/* HDF5 keeps the size of a chunk in 32 bits. */
#define MAX_CHUNK_BYTES UINT32_MAX

uint64_t rc_dataset_row_elements(const struct rc_dataset *d)
{
	uint64_t n = 1;

	for (uint32_t i = 1; i < d->rank; i++)
		n *= d->dims[i];
	return n;
}

uint64_t rc_dataset_row_bytes(const struct rc_dataset *d)
{
	return rc_dataset_row_elements(d) * rc_dtype_size((enum rc_dtype)d->dtype);
}

uint64_t rc_dataset_chunk_bytes(const struct rc_dataset *d)
{
	uint64_t bytes = rc_dtype_size((enum rc_dtype)d->dtype);

	for (uint32_t i = 0; i < d->rank; i++)
		bytes *= d->chunk[i];
	return d->storage == RC_STORE_CHUNKED ? bytes : 0;
}

/* What a check needs to say where it failed. */
struct checker {
	const struct rc_index *ix;
	struct rc_err *err;
};

static int bad(const struct checker *c, const char *what, uint64_t i) __attribute__((cold));
static int bad(const struct checker *c, const char *what, uint64_t i)
{
	return rc_fail(c->err, RC_E_READER, "bad_index",
		       "the index that a reader made of '%s' is inconsistent (%s, record %llu); "
		       "the file may be built to mislead",
		       c->ix->path, what, (unsigned long long)i);
}

/* Offsets point at the first byte of a string of the pool, whose last byte is NUL. */
static bool str_ok(const struct rc_index *ix, uint32_t off)
{
	return off < ix->n_string_bytes && (!off || !ix->strings[off - 1]);
}

static bool name_ok(const struct rc_index *ix, uint32_t off)
{
	return str_ok(ix, off) && ix->strings[off];
}

static int check_filters(const struct checker *c, const struct rc_dataset *d, uint32_t i)
{
	if (d->n_filters > RC_MAX_FILTERS)
		return bad(c, "number of filters", i);
	for (uint32_t k = 0; k < RC_MAX_FILTERS; k++) {
		const struct rc_filter *f = &d->filters[k];
		if (f->n_values > RC_MAX_FILTER_VALUES)
			return bad(c, "number of filter values", i);
		if (k >= d->n_filters ? f->id || f->flags || f->n_values : f->id <= 0)
			return bad(c, "filter", i);
		if (k < d->n_filters && d->storage == RC_STORE_CHUNKED &&
		    !rc_filter_decodable(f->id))
			return bad(c, "filter that cannot be undone here", i);
		for (uint32_t v = f->n_values; v < RC_MAX_FILTER_VALUES; v++)
			if (f->values[v])
				return bad(c, "filter value", i);
	}
	return 0;
}

static int check_chunk(const struct checker *c, const struct rc_dataset *d, uint32_t i)
{
	uint64_t bytes = rc_dtype_size((enum rc_dtype)d->dtype);

	for (uint32_t k = 0; k < RC_MAX_RANK; k++) {
		if (d->storage != RC_STORE_CHUNKED || k >= d->rank) {
			if (d->chunk[k])
				return bad(c, "chunk extent where there is none", i);
			continue;
		}
		if (!d->chunk[k] || !rc_mul(bytes, d->chunk[k], &bytes) || bytes > MAX_CHUNK_BYTES)
			return bad(c, "chunk extent", i);
	}
	return 0;
}

uint64_t rc_index_file_bytes(const struct rc_index *ix, const struct rc_dataset *d)
{
	return d->linked && d->linked <= ix->n_linked ? ix->linked[d->linked - 1].bytes
						     : ix->file_bytes;
}

static int check_storage(const struct checker *c, const struct rc_dataset *d, uint32_t i,
			 uint64_t bytes)
{
	uint64_t end;

	if (d->linked == RC_LINKED_MANY ? d->storage != RC_STORE_READER
					: d->linked > c->ix->n_linked)
		return bad(c, "file of a dataset", i);
	if (d->storage != RC_STORE_CONTIGUOUS)
		return d->address == RC_NO_ADDRESS ? 0 : bad(c, "address without a block", i);
	if (d->n_filters)
		return bad(c, "filters of a contiguous dataset", i);
	if (d->address == RC_NO_ADDRESS || !bytes)
		return 0;
	if (d->stored_bytes != bytes)
		return bad(c, "size of a contiguous dataset", i);
	if (!rc_add(d->address, bytes, &end) || end > rc_index_file_bytes(c->ix, d))
		return bad(c, "block behind the end of the file", i);
	return 0;
}

/* The extent of the grid and of the values must stay countable in int64. */
static int check_dims(const struct checker *c, const struct rc_dataset *d, uint32_t i,
		      uint64_t *bytes_out)
{
	uint64_t bytes = rc_dtype_size((enum rc_dtype)d->dtype);
	bool empty = false;

	for (uint32_t k = 0; k < RC_MAX_RANK; k++) {
		if (k >= d->rank) {
			if (d->dims[k])
				return bad(c, "dimension past the rank", i);
			continue;
		}
		/* A zero must not hide the overflow of the others: row sizes leave one out. */
		empty |= !d->dims[k];
		if (d->dims[k] && (!rc_mul(bytes, d->dims[k], &bytes) || bytes > INT64_MAX))
			return bad(c, "dimensions", i);
	}
	*bytes_out = empty ? 0 : bytes;
	return 0;
}

static int check_dataset(const struct checker *c, uint32_t i)
{
	const struct rc_dataset *d = &c->ix->datasets[i];
	uint64_t bytes = 0;
	int rc;

	if (!name_ok(c->ix, d->path) || c->ix->strings[d->path] != '/')
		return bad(c, "dataset path", i);
	if (d->dtype >= RC_DTYPE_COUNT || d->storage > RC_STORE_READER)
		return bad(c, "dataset type or storage", i);
	if (d->big_endian > 1 || (d->big_endian && d->storage == RC_STORE_READER))
		return bad(c, "byte order", i);
	if (d->rank < 1 || d->rank > RC_MAX_RANK)
		return bad(c, "rank", i);
	if (d->time_last > 1 ||
	    (d->time_last && (d->rank != 2 || d->storage != RC_STORE_READER)))
		return bad(c, "order of axes", i);
	rc = check_dims(c, d, i, &bytes);
	if (!rc)
		rc = check_chunk(c, d, i);
	if (!rc)
		rc = check_filters(c, d, i);
	if (!rc && !index_frames_ok(d))
		rc = bad(c, "encoded frames", i);
	return rc ? rc : check_storage(c, d, i, bytes);
}

static bool ns_ok(int64_t ns)
{
	return ns >= -MAX_NS && ns <= MAX_NS;
}

/* 1e-6 .. 1e9 Hz, which is what rc_parse_rate() takes. */
static bool rate_ok(int64_t num, int64_t den)
{
	__extension__ typedef __int128 wide;

	return num > 0 && den > 0 && num <= MAX_RATE_TERM && den <= MAX_RATE_TERM &&
	       (wide)num * 1000000 >= den && num <= (wide)den * 1000000000;
}

static int check_measured(const struct checker *c, const struct rc_stream *s, uint32_t i)
{
	const struct rc_stream_clock *k = &s->clock;
	const struct rc_dataset *d;

	if (k->dataset >= c->ix->n_datasets)
		return bad(c, "clock dataset", i);
	d = &c->ix->datasets[k->dataset];
	if (d->rank != 1 || d->dtype == RC_BOOL)
		return bad(c, "shape of the clock", i);
	if (k->rows) {
		if (k->rows > c->ix->n_datasets)
			return bad(c, "rows of the clock", i);
		d = &c->ix->datasets[k->rows - 1];
		if (d->rank != 1 || d->dtype == RC_BOOL || rc_dtype_is_float(d->dtype))
			return bad(c, "rows of the clock", i);
	}
	if (d->dims[0] != c->ix->datasets[s->dataset].dims[0])
		return bad(c, "shape of the clock", i);
	/* whoever reads the stamps makes room for the stream's rows: both must be all there are */
	if (s->row0 || s->n_rows != d->dims[0])
		return bad(c, "rows of a stream with a clock", i);
	if (k->unit_num <= 0 || k->unit_den <= 0)
		return bad(c, "clock unit", i);
	return 0;
}

/* Row 0 is at first_ns and the last row no later than the stamps of other clocks may be. */
static bool anchor_ok(const struct rc_stream *s)
{
	__extension__ typedef __int128 wide;
	const struct rc_stream_clock *k = &s->clock;
	wide ns = s->n_rows ? (wide)(s->n_rows - 1) : 0;

	return !__builtin_mul_overflow(ns, (wide)k->rate_den * 1000000000, &ns) &&
	       k->first_ns + ns / k->rate_num <= MAX_NS;
}

static int check_nominal(const struct checker *c, const struct rc_stream *s, uint32_t i)
{
	if (!rate_ok(s->clock.rate_num, s->clock.rate_den))
		return bad(c, "nominal rate", i);
	return !s->clock.anchored || anchor_ok(s) ? 0 : bad(c, "span of a nominal clock", i);
}

static int check_clock(const struct checker *c, const struct rc_stream *s, uint32_t i)
{
	const struct rc_stream_clock *k = &s->clock;

	if (!str_ok(c->ix, k->unit_name) || !str_ok(c->ix, k->unit_origin) ||
	    !str_ok(c->ix, k->rate_origin) || k->anchored > 1 || k->pad)
		return bad(c, "clock text", i);
	if (!ns_ok(k->first_ns) || !ns_ok(k->last_ns))
		return bad(c, "range of the clock", i);
	if (k->rows && k->kind != RC_CLOCK_MEASURED)
		return bad(c, "rows of an unmeasured stream", i);
	if (k->anchored && k->kind != RC_CLOCK_NOMINAL)
		return bad(c, "origin of the clock", i);
	if (k->kind == RC_CLOCK_MEASURED ? false : k->dataset != RC_NO_DATASET)
		return bad(c, "clock dataset of an unmeasured stream", i);
	switch (k->kind) {
	case RC_CLOCK_NONE:
		return 0;
	case RC_CLOCK_MEASURED:
		return check_measured(c, s, i);
	case RC_CLOCK_NOMINAL:
		return check_nominal(c, s, i);
	default:
		return bad(c, "kind of clock", i);
	}
}

/* Kernels address the columns of quaternions and poses, and writers the axes of frames. */
static bool shape_fits_kind(const struct rc_dataset *d, uint32_t kind)
{
	switch (kind) {
	case RC_KIND_LOWDIM:
		return d->frames.codec == RC_FRAME_RAW;
	case RC_KIND_QUAT:
		return d->rank == 2 && d->dims[1] == 4;
	case RC_KIND_POSE:
		return d->rank == 2 && d->dims[1] == 7;
	case RC_KIND_QUATS:
		return d->rank == 3 && d->dims[2] == 4;
	case RC_KIND_IMAGE:
		return d->rank == 3 || d->rank == 4;
	case RC_KIND_ENCODED:
		return d->frames.codec != RC_FRAME_RAW;
	default:
		return false;
	}
}

static bool quat_order_ok(const char *s)
{
	return !*s || !strcmp(s, "xyzw") || !strcmp(s, "wxyz");
}

static int check_stream(const struct checker *c, uint32_t i)
{
	const struct rc_index *ix = c->ix;
	const struct rc_stream *s = &ix->streams[i];
	const struct rc_dataset *d;

	if (!name_ok(ix, s->name) || ix->strings[s->name] == '/')
		return bad(c, "stream name", i);
	if (s->dataset >= ix->n_datasets)
		return bad(c, "dataset of a stream", i);
	d = &ix->datasets[s->dataset];
	if (s->kind >= RC_KIND_COUNT || s->role >= RC_ROLE_COUNT)
		return bad(c, "kind or role of a stream", i);
	if (!shape_fits_kind(d, s->kind))
		return bad(c, "shape of a stream", i);
	if (s->row0 > d->dims[0] || s->n_rows > d->dims[0] - s->row0)
		return bad(c, "rows of a stream", i);
	if (!str_ok(ix, s->quat_order) || !quat_order_ok(ix->strings + s->quat_order) ||
	    !str_ok(ix, s->quat_origin) || !str_ok(ix, s->unit) || s->pad)
		return bad(c, "stream text", i);
	return check_clock(c, s, i);
}

static int by_string(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* names is scratch for n strings. */
static bool unique(const char **names, size_t n)
{
	qsort(names, n, sizeof *names, by_string);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(names[i - 1], names[i]))
			return false;
	return true;
}

static int check_episode(const struct checker *c, uint32_t i, const char **names)
{
	const struct rc_index *ix = c->ix;
	const struct rc_index_episode *e = &ix->episodes[i];
	uint64_t first = i ? (uint64_t)e[-1].first_stream + e[-1].n_streams : 0;

	if (!name_ok(ix, e->key) || !str_ok(ix, e->language) || !str_ok(ix, e->env_args) ||
	    !str_ok(ix, e->model_file))
		return bad(c, "episode text", i);
	if (e->success < -1 || e->success > 1 || (e->sim > 1 && e->sim != UINT32_MAX))
		return bad(c, "episode flags", i);
	if (e->first_stream != first || e->n_streams > ix->n_streams - first)
		return bad(c, "streams of an episode", i);
	for (uint32_t k = 0; k < e->n_streams; k++)
		names[k] = ix->strings + ix->streams[first + k].name;
	return unique(names, e->n_streams) ? 0 : bad(c, "stream name that comes twice", i);
}

static int check_episodes(const struct checker *c)
{
	const struct rc_index *ix = c->ix;
	size_t n = ix->n_episodes > ix->n_streams ? ix->n_episodes : ix->n_streams;
	uint64_t end = 0;
	const char **names;
	int rc = rc_new_array(&names, n, sizeof *names, c->err);

	if (rc)
		return rc;
	for (uint32_t i = 0; !rc && i < ix->n_episodes; i++) {
		rc = check_episode(c, i, names);
		end = (uint64_t)ix->episodes[i].first_stream + ix->episodes[i].n_streams;
	}
	if (!rc && end != ix->n_streams)
		rc = bad(c, "streams without an episode", end);
	for (uint32_t i = 0; !rc && i < ix->n_episodes; i++)
		names[i] = ix->strings + ix->episodes[i].key;
	if (!rc && !unique(names, ix->n_episodes))
		rc = bad(c, "episode that comes twice", 0);
	free(names);
	return rc;
}

static int check_note(const struct checker *c, uint32_t i)
{
	const struct rc_index *ix = c->ix;
	const struct rc_note *n = &ix->notes[i];

	if (n->severity > RC_NOTE_ERROR || !name_ok(ix, n->code) || !str_ok(ix, n->where) ||
	    !str_ok(ix, n->message))
		return bad(c, "note", i);
	if (n->episode >= ix->n_episodes && n->episode != UINT32_MAX)
		return bad(c, "episode of a note", i);
	return 0;
}

static int check_convention(const struct checker *c, uint32_t i)
{
	const struct rc_index *ix = c->ix;
	const struct rc_index_convention *v = &ix->conventions[i];

	if (!name_ok(ix, v->key) || !str_ok(ix, v->value) || !str_ok(ix, v->origin) ||
	    !str_ok(ix, v->where))
		return bad(c, "convention", i);
	return 0;
}

/* Sets the arrays of ix from the header; all sizes must add up to n exactly. */
static int lay_out(const struct checker *c, struct rc_index *ix, size_t n)
{
	const struct rc_index_header *h = ix->block;
	const char *p = ix->block;
	uint64_t at[8];

	if (n < sizeof *h || h->magic != RC_INDEX_MAGIC || h->n_bytes != n)
		return bad(c, "header", 0);
	/* Counts are 32 bits and records below 1 KiB: no sum can overflow. */
	at[0] = sizeof *h;
	at[1] = at[0] + (uint64_t)h->n_datasets * sizeof *ix->datasets;
	at[2] = at[1] + (uint64_t)h->n_streams * sizeof *ix->streams;
	at[3] = at[2] + (uint64_t)h->n_linked * sizeof *ix->linked;
	at[4] = at[3] + (uint64_t)h->n_episodes * sizeof *ix->episodes;
	at[5] = at[4] + (uint64_t)h->n_notes * sizeof *ix->notes;
	at[6] = at[5] + (uint64_t)h->n_conventions * sizeof *ix->conventions;
	at[7] = at[6] + h->n_string_bytes;
	if (at[7] != n || !h->n_string_bytes || p[at[6]] || p[n - 1])
		return bad(c, "sizes", 0);
	ix->datasets = (const void *)(p + at[0]);
	ix->streams = (const void *)(p + at[1]);
	ix->linked = (const void *)(p + at[2]);
	ix->episodes = (const void *)(p + at[3]);
	ix->notes = (const void *)(p + at[4]);
	ix->conventions = (const void *)(p + at[5]);
	ix->strings = p + at[6];
	ix->n_datasets = h->n_datasets;
	ix->n_streams = h->n_streams;
	ix->n_episodes = h->n_episodes;
	ix->n_notes = h->n_notes;
	ix->n_conventions = h->n_conventions;
	ix->n_linked = h->n_linked;
	ix->n_string_bytes = h->n_string_bytes;
	ix->layout = h->layout;
	ix->layout_reason = h->layout_reason;
	ix->layout_score = h->layout_score;
	ix->user_block = h->user_block;
	return 0;
}

static int check_records(const struct checker *c)
{
	const struct rc_index *ix = c->ix;
	int rc = 0;

	if (!name_ok(ix, ix->layout) || !str_ok(ix, ix->layout_reason) || ix->layout_score > 100)
		return bad(c, "layout", 0);
	if (ix->user_block && ix->user_block >= ix->file_bytes)
		return bad(c, "user block", 0);
	for (uint32_t i = 0; !rc && i < ix->n_linked; i++)
		rc = name_ok(ix, ix->linked[i].path) && !ix->linked[i].pad ? 0
									 : bad(c, "linked file", i);
	for (uint32_t i = 0; !rc && i < ix->n_datasets; i++)
		rc = check_dataset(c, i);
	for (uint32_t i = 0; !rc && i < ix->n_streams; i++)
		rc = check_stream(c, i);
	if (!rc)
		rc = check_episodes(c);
	for (uint32_t i = 0; !rc && i < ix->n_notes; i++)
		rc = check_note(c, i);
	for (uint32_t i = 0; !rc && i < ix->n_conventions; i++)
		rc = check_convention(c, i);
	return rc;
}

int rc_index_open(void *block, size_t n, const char *path, uint64_t file_bytes,
		  struct rc_index **ix_out, struct rc_err *err)
{
	static atomic_uint_fast64_t serial;
	struct rc_index *ix = NULL;
	int rc = rc_new(&ix, err);
	struct checker c = {.ix = ix, .err = err};

	if (rc) {
		free(block);
		return rc;
	}
	ix->block = block;
	ix->block_bytes = n;
	ix->file_bytes = file_bytes;
	ix->serial = atomic_fetch_add(&serial, 1) + 1;
	rc = rc_strdup(&ix->path, path, err);
	if (!rc)
		rc = lay_out(&c, ix, n);
	if (!rc)
		rc = check_records(&c);
	if (rc)
		goto done;
	*ix_out = ix;
	ix = NULL;
done:
	rc_index_free(ix);
	return rc;
}

void rc_index_free(struct rc_index *ix)
{
	if (!ix)
		return;
	free(ix->path);
	free(ix->root);
	free(ix->block);
	free(ix);
}

int rc_index_file(const struct rc_index *ix, uint32_t position, struct rc_index_file *f_out,
		  struct rc_err *err)
{
	const struct rc_linked *l;

	if (!position) {
		f_out->bytes = ix->file_bytes;
		f_out->mtime_ns = ix->mtime_ns;
		return rc_strdup(&f_out->path, ix->path, err);
	}
	if (position > ix->n_linked || !ix->root)
		return rc_fail(err, RC_E_BUG, "no_file", "no linked file %u of '%s'", position,
			       ix->path);
	l = &ix->linked[position - 1];
	f_out->bytes = l->bytes;
	f_out->mtime_ns = l->mtime_ns;
	return rc_sprintf(&f_out->path, err, "%s/%s", ix->root, rc_index_str(ix, l->path));
}
