/* SPDX-License-Identifier: Apache-2.0 */
/* Building an index, in a reader process.  Records are brought into the one form that
 * rc_index_open() takes: what a record does not use is zero. */
#include "formats/index.h"

#include <stdarg.h>

#include "base/mem.h"
#include "formats/forms.h"
#include "formats/index_private.h"

enum { MAX_POOL_BYTES = 512 << 20, FIRST_SLOTS = 256 };

/* A dataset until the block is made. */
struct kept {
	uint32_t path, form; /* position in forms */
	uint32_t linked;
	uint64_t address, stored_bytes;
};

struct rc_index_builder {
	struct rc_index_header head;
	struct rc_forms forms;
	struct kept *datasets;
	struct rc_stream *streams;
	struct rc_index_episode *episodes;
	struct rc_note *notes;
	struct rc_index_convention *conventions;
	struct rc_linked *linked;
	size_t cap_linked;
	size_t cap_datasets, cap_streams, cap_episodes, cap_notes, cap_conventions;
	struct rc_buf pool;
	uint32_t *slots;       /* hash table of pool offsets, 0 = free; n_slots is a power of two */
	size_t n_slots, n_used;
	struct rc_stream spare_stream;   /* what an amendment goes to after a failure */
	int rc;                /* the first failure, told by rc_index_builder_end() */
	struct rc_err err;
};

int rc_index_builder_new(struct rc_index_builder **b_out, struct rc_err *err)
{
	struct rc_index_builder *b = NULL;
	int rc = rc_new(&b, err);

	if (!rc)
		rc = rc_new_array(&b->slots, FIRST_SLOTS, sizeof *b->slots, err);
	if (rc) {
		free(b);
		return rc;
	}
	b->n_slots = FIRST_SLOTS;
	rc_buf_init(&b->pool);
	rc_buf_add(&b->pool, "", 1);
	*b_out = b;
	return 0;
}

void rc_index_builder_free(struct rc_index_builder *b)
{
	if (!b)
		return;
	rc_forms_release(&b->forms);
	free(b->datasets);
	free(b->streams);
	free(b->episodes);
	free(b->notes);
	free(b->conventions);
	free(b->linked);
	free(b->slots);
	rc_buf_release(&b->pool);
	free(b);
}

/* FNV-1a */
static uint64_t hash_string(const char *s)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ull;
	return h;
}

/* The slot that holds s, or the free one where it belongs. */
static size_t find_slot(const struct rc_index_builder *b, const char *s)
{
	size_t mask = b->n_slots - 1;
	size_t i = (size_t)hash_string(s) & mask;

	while (b->slots[i] && strcmp(b->pool.p + b->slots[i], s))
		i = (i + 1) & mask;
	return i;
}

static int double_slots(struct rc_index_builder *b)
{
	uint32_t *old = b->slots;
	size_t n_old = b->n_slots;
	uint32_t *slots;
	int rc = rc_new_array(&slots, n_old * 2, sizeof *slots, &b->err);

	if (rc)
		return rc;
	b->slots = slots;
	b->n_slots = n_old * 2;
	for (size_t i = 0; i < n_old; i++)
		if (old[i])
			slots[find_slot(b, b->pool.p + old[i])] = old[i];
	free(old);
	return 0;
}

uint32_t rc_ixb_str(struct rc_index_builder *b, const char *s)
{
	size_t i, n;

	if (b->rc || !s || !*s)
		return 0;
	i = find_slot(b, s);
	if (b->slots[i])
		return b->slots[i];
	if (b->n_used * 2 >= b->n_slots) {
		b->rc = double_slots(b);
		if (b->rc)
			return 0;
		i = find_slot(b, s);
	}
	n = strlen(s) + 1;
	if (n > MAX_POOL_BYTES || b->pool.len + n > MAX_POOL_BYTES) {
		b->rc = rc_fail(&b->err, RC_E_UNSUPPORTED, "too_much_text",
				"the names and texts of the file need more than %d MiB",
				MAX_POOL_BYTES >> 20);
		return 0;
	}
	b->slots[i] = (uint32_t)b->pool.len;
	b->n_used++;
	rc_buf_add(&b->pool, s, n);
	b->rc = rc_buf_check(&b->pool, &b->err);
	return b->rc ? 0 : b->slots[i];
}

/* Room for one more record of an array; counts stay below UINT32_MAX. */
static bool room(struct rc_index_builder *b, void *array, size_t *cap, uint32_t n, size_t size)
{
	if (!b->rc && n == UINT32_MAX - 1)
		b->rc = rc_fail(&b->err, RC_E_UNSUPPORTED, "too_many_objects",
				"the file has more than %u objects of one kind", n);
	if (!b->rc)
		b->rc = rc_grow_array(array, cap, (size_t)n + 1, size, &b->err);
	return !b->rc;
}

static void normalise_filter(struct rc_filter *f)
{
	for (uint32_t i = f->n_values; i < RC_MAX_FILTER_VALUES; i++)
		f->values[i] = 0;
}

static void normalise_dataset(struct rc_dataset *d)
{
	for (uint32_t i = 0; i < RC_MAX_RANK; i++) {
		if (i >= d->rank)
			d->dims[i] = 0;
		if (i >= d->rank || d->storage != RC_STORE_CHUNKED)
			d->chunk[i] = 0;
	}
	for (uint32_t i = 0; i < RC_MAX_FILTERS; i++) {
		if (i >= d->n_filters)
			memset(&d->filters[i], 0, sizeof d->filters[i]);
		normalise_filter(&d->filters[i]);
	}
	if (d->storage != RC_STORE_CONTIGUOUS)
		d->address = RC_NO_ADDRESS;
	if (d->storage == RC_STORE_READER)
		d->big_endian = 0;
}

uint32_t rc_ixb_dataset(struct rc_index_builder *b, const struct rc_dataset *d)
{
	uint32_t i = b->head.n_datasets;

	struct rc_dataset own = *d;
	struct kept *k;

	if (!room(b, &b->datasets, &b->cap_datasets, i, sizeof *b->datasets))
		return 0;
	normalise_dataset(&own);
	k = &b->datasets[i];
	*k = (struct kept){ own.path, 0, own.linked, own.address, own.stored_bytes };
	b->rc = rc_forms_add(&b->forms, &own, &k->form, &b->err);
	if (b->rc)
		return 0;
	b->head.n_datasets++;
	return i;
}

uint32_t rc_ixb_episode(struct rc_index_builder *b, const struct rc_index_episode *e)
{
	uint32_t i = b->head.n_episodes;

	if (!room(b, &b->episodes, &b->cap_episodes, i, sizeof *e))
		return 0;
	b->episodes[i] = *e;
	b->episodes[i].first_stream = b->head.n_streams;
	b->episodes[i].n_streams = 0;
	b->head.n_episodes++;
	return i;
}

uint32_t rc_ixb_stream(struct rc_index_builder *b, const struct rc_stream *s)
{
	uint32_t i = b->head.n_streams;

	if (!b->rc && !b->head.n_episodes)
		b->rc = rc_fail(&b->err, RC_E_BUG, "stream_before_episode",
				"a layout added a stream before any episode");
	if (!room(b, &b->streams, &b->cap_streams, i, sizeof *s))
		return 0;
	b->streams[i] = *s;
	b->head.n_streams++;
	b->episodes[b->head.n_episodes - 1].n_streams++;
	return i;
}

/* The episode begun last if `where` is inside it, else the file. */
static uint32_t episode_of(const struct rc_index_builder *b, const char *where)
{
	const char *key;
	size_t n;

	if (!b->head.n_episodes)
		return UINT32_MAX;
	key = b->pool.p + b->episodes[b->head.n_episodes - 1].key;
	key += *key == '/';
	where += *where == '/';
	n = strlen(key);
	if (n && (strncmp(where, key, n) || (where[n] && where[n] != '/')))
		return UINT32_MAX;
	return b->head.n_episodes - 1;
}

bool rc_ixb_noted(struct rc_index_builder *b, const char *code, const char *where)
{
	uint32_t c = rc_ixb_str(b, code), w = rc_ixb_str(b, where);

	for (uint32_t i = 0; i < b->head.n_notes; i++)
		if (b->notes[i].where == w && b->notes[i].code == c)
			return true;
	return false;
}

void rc_ixb_note(struct rc_index_builder *b, enum rc_severity sev, const char *code,
		 const char *where, const char *fmt, ...)
{
	struct rc_note note = {.severity = sev};
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	note.code = rc_ixb_str(b, code);
	note.where = rc_ixb_str(b, where);
	note.message = rc_ixb_str(b, text);
	note.episode = episode_of(b, where ? where : "");
	if (!room(b, &b->notes, &b->cap_notes, b->head.n_notes, sizeof note))
		return;
	b->notes[b->head.n_notes++] = note;
}

void rc_ixb_convention(struct rc_index_builder *b, const char *key, const char *value,
		       const char *origin, const char *where)
{
	struct rc_index_convention v = {
		.key = rc_ixb_str(b, key),
		.value = rc_ixb_str(b, value),
		.origin = rc_ixb_str(b, origin),
		.where = rc_ixb_str(b, where),
	};

	if (!room(b, &b->conventions, &b->cap_conventions, b->head.n_conventions, sizeof v))
		return;
	b->conventions[b->head.n_conventions++] = v;
}

void rc_ixb_linked(struct rc_index_builder *b, const char *path, uint64_t bytes, int64_t mtime_ns)
{
	struct rc_linked l = {rc_ixb_str(b, path), 0, bytes, mtime_ns};

	if (room(b, &b->linked, &b->cap_linked, b->head.n_linked, sizeof l))
		b->linked[b->head.n_linked++] = l;
}

void rc_ixb_layout(struct rc_index_builder *b, const char *name, uint32_t score,
		   const char *reason, uint32_t user_block)
{
	b->head.layout = rc_ixb_str(b, name);
	b->head.layout_score = score;
	b->head.layout_reason = rc_ixb_str(b, reason);
	b->head.user_block = user_block;
}

struct rc_stream *rc_ixb_stream_at(struct rc_index_builder *b, uint32_t i)
{
	return i < b->head.n_streams ? &b->streams[i] : &b->spare_stream;
}

const char *rc_ixb_str_at(const struct rc_index_builder *b, uint32_t off)
{
	return off < b->pool.len ? b->pool.p + off : "";
}

/* Streams are amended until the end, so their form is settled here. */
static void normalise_stream(struct rc_stream *s)
{
	s->pad = 0;
	if (s->clock.kind != RC_CLOCK_NOMINAL)
		s->clock.anchored = 0;
	s->clock.pad = 0;
	if (s->clock.kind != RC_CLOCK_MEASURED) {
		s->clock.dataset = RC_NO_DATASET;
		s->clock.rows = 0;
	}
}

static char *append_datasets(char *p, const struct rc_index_builder *b)
{
	for (uint32_t i = 0; i < b->head.n_datasets; i++) {
		const struct kept *k = &b->datasets[i];
		struct rc_dataset d = *b->forms.p[k->form];

		d.path = k->path;
		d.linked = k->linked;
		d.address = k->address;
		d.stored_bytes = k->stored_bytes;
		memcpy(p, &d, sizeof d);
		p += sizeof d;
	}
	return p;
}

static char *append(char *p, const void *records, size_t n, size_t size)
{
	if (n)
		memcpy(p, records, n * size);
	return p + n * size;
}

int rc_index_builder_end(struct rc_index_builder *b, void **block_out, size_t *n_out,
			 struct rc_err *err)
{
	struct rc_index_header *h = &b->head;
	char *block, *p;
	int rc;

	if (b->rc) {
		if (err)
			*err = b->err;
		return b->rc;
	}
	for (uint32_t i = 0; i < h->n_streams; i++)
		normalise_stream(&b->streams[i]);
	h->magic = RC_INDEX_MAGIC;
	h->n_string_bytes = (uint32_t)b->pool.len;
	h->n_bytes = sizeof *h + (uint64_t)h->n_datasets * sizeof(struct rc_dataset) +
		     (uint64_t)h->n_streams * sizeof *b->streams +
		     (uint64_t)h->n_linked * sizeof *b->linked +
		     (uint64_t)h->n_episodes * sizeof *b->episodes +
		     (uint64_t)h->n_notes * sizeof *b->notes +
		     (uint64_t)h->n_conventions * sizeof *b->conventions + h->n_string_bytes;
	rc = rc_new_array(&block, h->n_bytes, 1, err);
	if (rc)
		return rc;
	p = append(block, h, 1, sizeof *h);
	p = append_datasets(p, b);
	p = append(p, b->streams, h->n_streams, sizeof *b->streams);
	p = append(p, b->linked, h->n_linked, sizeof *b->linked);
	p = append(p, b->episodes, h->n_episodes, sizeof *b->episodes);
	p = append(p, b->notes, h->n_notes, sizeof *b->notes);
	p = append(p, b->conventions, h->n_conventions, sizeof *b->conventions);
	append(p, b->pool.p, h->n_string_bytes, 1);
	*block_out = block;
	*n_out = h->n_bytes;
	return 0;
}
