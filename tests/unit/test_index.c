/* SPDX-License-Identifier: Apache-2.0 */
/* The index block: what the builder makes opens; what was changed is refused or harmless. */
#include "base/compat.h"

#include <criterion/criterion.h>
#include <malloc.h>

#include "base/mem.h"
#include "formats/codec.h"
#include "formats/index_private.h"

#define FILE_BYTES 100000

static struct rc_dataset plain(struct rc_index_builder *b, const char *path, uint64_t rows,
			       uint64_t cols)
{
	struct rc_dataset d = {
		.path = rc_ixb_str(b, path),
		.dtype = RC_F32,
		.storage = RC_STORE_CONTIGUOUS,
		.rank = cols ? 2 : 1,
		.dims = { rows, cols },
		.address = 4096,
	};

	d.stored_bytes = rows * (cols ? cols : 1) * 4;
	return d;
}

static struct rc_dataset chunked(struct rc_index_builder *b, const char *path)
{
	struct rc_dataset d = {
		.path = rc_ixb_str(b, path),
		.dtype = RC_U8,
		.storage = RC_STORE_CHUNKED,
		.rank = 4,
		.n_filters = 2,
		.dims = { 50, 12, 16, 3 },
		.chunk = { 1, 12, 16, 3 },
		.address = 77, /* of no meaning here: must come out as none */
		.stored_bytes = 5000,
		.filters = { { .id = RC_FILTER_SHUFFLE, .n_values = 1, .values = { 1 } },
			     { .id = RC_FILTER_ZSTD, .n_values = 1, .values = { 3 } } },
	};

	d.chunk[7] = 9; /* past the rank */
	return d;
}

static struct rc_dataset stamps(struct rc_index_builder *b, const char *path)
{
	struct rc_dataset d = plain(b, path, 50, 0);

	d.dtype = RC_I64;
	d.storage = RC_STORE_READER;
	d.big_endian = 1; /* decoded by libhdf5: no longer true */
	return d;
}

static void add_stream(struct rc_index_builder *b, const char *name, uint32_t dataset,
		       enum rc_kind kind, uint32_t clock)
{
	struct rc_stream s = {
		.name = rc_ixb_str(b, name),
		.dataset = dataset,
		.kind = kind,
		.role = RC_ROLE_OBS,
		.n_rows = 50,
		.unit = rc_ixb_str(b, "rad"),
		.clock = { .kind = RC_CLOCK_NONE, .rate_den = 1 },
	};

	if (clock != RC_NO_DATASET)
		s.clock = (struct rc_stream_clock){
			.kind = RC_CLOCK_MEASURED,
			.dataset = clock,
			.unit_num = 1,
			.unit_den = 1,
			.unit_name = rc_ixb_str(b, "ns"),
			.unit_origin = rc_ixb_str(b, "attribute"),
			.rate_den = 1,
			.first_ns = 1700000000000000000,
			.last_ns = 1700000001000000000,
		};
	if (kind == RC_KIND_QUAT)
		s.quat_order = rc_ixb_str(b, "xyzw");
	rc_ixb_stream(b, &s);
}

/* Two episodes with all kinds of records. */
static struct rc_index_builder *filled(void)
{
	struct rc_index_builder *b;
	struct rc_index_episode e = { .success = 1, .sim = UINT32_MAX };
	struct rc_dataset d[4];
	uint32_t i_d[4];
	struct rc_stream *nominal;

	cr_assert_eq(rc_index_builder_new(&b, NULL), 0);
	rc_ixb_layout(b, "generic", 60, "two groups", 512);
	rc_ixb_linked(b, "eps/other.h5", 5000, 7);
	d[0] = plain(b, "/data/demo_0/joint", 50, 7);
	d[1] = plain(b, "/data/demo_0/quat", 50, 4);
	d[2] = chunked(b, "/data/demo_0/cam");
	d[3] = stamps(b, "/data/demo_0/time");
	for (int i = 0; i < 4; i++)
		i_d[i] = rc_ixb_dataset(b, &d[i]);
	e.key = rc_ixb_str(b, "data/demo_0");
	e.language = rc_ixb_str(b, "pick up the cube");
	rc_ixb_note(b, RC_NOTE_INFO, "file_note", "/data", "before any episode");
	cr_assert_eq(rc_ixb_episode(b, &e), 0);
	add_stream(b, "joint", i_d[0], RC_KIND_LOWDIM, i_d[3]);
	add_stream(b, "quat", i_d[1], RC_KIND_QUAT, i_d[3]);
	add_stream(b, "images/cam", i_d[2], RC_KIND_IMAGE, RC_NO_DATASET);
	rc_ixb_note(b, RC_NOTE_WARNING, "constant_stream", "/data/demo_0/x", "%d row", 1);
	rc_ixb_note(b, RC_NOTE_ERROR, "other", "/data/demo_01", "not of demo_0");
	e.key = rc_ixb_str(b, "data/demo_1");
	cr_assert_eq(rc_ixb_episode(b, &e), 1);
	add_stream(b, "joint", i_d[0], RC_KIND_LOWDIM, RC_NO_DATASET);
	nominal = rc_ixb_stream_at(b, 3);
	nominal->clock.kind = RC_CLOCK_NOMINAL;
	nominal->clock.rate_num = 20;
	nominal->clock.rate_den = 1;
	nominal->clock.anchored = 1;
	nominal->clock.first_ns = 500000000;
	rc_ixb_convention(b, "quaternion_order", "xyzw", "layout", "/data");
	return b;
}

static void *block_of(size_t *n_out)
{
	struct rc_index_builder *b = filled();
	void *block = NULL;
	struct rc_err err;

	cr_assert_eq(rc_index_builder_end(b, &block, n_out, &err), 0, "%s", err.msg);
	rc_index_builder_free(b);
	return block;
}

/* Reads everything an index refers to, as the run would. */
static uint64_t touch(const struct rc_index *ix)
{
	uint64_t sum = strlen(rc_index_str(ix, ix->layout));

	for (uint32_t i = 0; i < ix->n_datasets; i++)
		sum += strlen(rc_index_str(ix, ix->datasets[i].path)) +
		       rc_dataset_row_bytes(&ix->datasets[i]);
	for (uint32_t i = 0; i < ix->n_streams; i++) {
		const struct rc_stream *s = &ix->streams[i];
		sum += strlen(rc_index_str(ix, s->name)) + ix->datasets[s->dataset].dims[0];
		sum += strlen(rc_kind_name((enum rc_kind)s->kind));
		if (s->clock.kind == RC_CLOCK_MEASURED)
			sum += ix->datasets[s->clock.dataset].dims[0];
	}
	for (uint32_t i = 0; i < ix->n_episodes; i++) {
		const struct rc_index_episode *e = &ix->episodes[i];
		sum += strlen(rc_index_str(ix, e->key)) + strlen(rc_index_str(ix, e->language));
		for (uint32_t k = 0; k < e->n_streams; k++)
			sum += ix->streams[e->first_stream + k].n_rows;
	}
	for (uint32_t i = 0; i < ix->n_notes; i++) {
		sum += strlen(rc_index_str(ix, ix->notes[i].message));
		if (ix->notes[i].episode != UINT32_MAX)
			sum += ix->episodes[ix->notes[i].episode].n_streams;
	}
	for (uint32_t i = 0; i < ix->n_conventions; i++)
		sum += strlen(rc_index_str(ix, ix->conventions[i].where));
	return sum;
}

Test(index, what_the_builder_makes_opens)
{
	struct rc_index *ix = NULL;
	struct rc_err err;
	size_t n;
	void *block = block_of(&n);

	cr_assert_eq(rc_index_open(block, n, "a.h5", FILE_BYTES, &ix, &err), 0, "%s", err.msg);
	cr_assert_str_eq(ix->path, "a.h5");
	cr_assert_str_eq(rc_index_str(ix, ix->layout), "generic");
	cr_assert_eq(ix->layout_score, 60);
	cr_assert_eq(ix->user_block, 512);
	cr_assert_eq(ix->n_datasets, 4);
	cr_assert_eq(ix->n_streams, 4);
	cr_assert_eq(ix->n_episodes, 2);
	cr_assert_eq(ix->episodes[0].n_streams, 3);
	cr_assert_eq(ix->episodes[1].first_stream, 3);
	cr_assert_eq(ix->streams[3].clock.rate_num, 20);
	cr_assert_eq(ix->streams[2].clock.dataset, RC_NO_DATASET);
	cr_assert_eq(ix->datasets[2].address, RC_NO_ADDRESS);
	cr_assert_eq(ix->datasets[2].chunk[7], 0);
	cr_assert_eq(ix->datasets[3].big_endian, 0);
	cr_assert_eq(rc_dataset_row_bytes(&ix->datasets[0]), 28);
	cr_assert_eq(rc_dataset_row_elements(&ix->datasets[2]), 12 * 16 * 3);
	cr_assert_gt(touch(ix), 0);
	rc_index_free(ix);
	rc_index_free(NULL);
}

Test(index, notes_belong_to_the_episode_they_are_in)
{
	struct rc_index *ix = NULL;
	size_t n;
	void *block = block_of(&n);

	cr_assert_eq(rc_index_open(block, n, "a.h5", FILE_BYTES, &ix, NULL), 0);
	cr_assert_eq(ix->n_notes, 3);
	cr_assert_eq(ix->notes[0].episode, UINT32_MAX);
	cr_assert_eq(ix->notes[1].episode, 0);
	cr_assert_str_eq(rc_index_str(ix, ix->notes[1].message), "1 row");
	cr_assert_eq(ix->notes[2].episode, UINT32_MAX);
	rc_index_free(ix);
}

Test(index, equal_strings_are_shared)
{
	struct rc_index_builder *b;
	char text[32];
	uint32_t first;

	cr_assert_eq(rc_index_builder_new(&b, NULL), 0);
	cr_assert_eq(rc_ixb_str(b, ""), 0);
	cr_assert_eq(rc_ixb_str(b, NULL), 0);
	first = rc_ixb_str(b, "s0");
	for (int i = 0; i < 5000; i++) {
		snprintf(text, sizeof text, "s%d", i);
		uint32_t off = rc_ixb_str(b, text);
		cr_assert_str_eq(rc_ixb_str_at(b, off), text);
		cr_assert_eq(rc_ixb_str(b, text), off);
	}
	cr_assert_eq(rc_ixb_str(b, "s0"), first);
	rc_index_builder_free(b);
}

/* Bytes that the heap lent to a builder for n datasets of two forms. */
static size_t bytes_of_datasets(uint32_t n)
{
	struct rc_index_builder *b;
	struct mallinfo2 before = mallinfo2(), after;

	cr_assert_eq(rc_index_builder_new(&b, NULL), 0);
	for (uint32_t i = 0; i < n; i++) {
		struct rc_dataset d = i % 2 ? chunked(b, "/d") : plain(b, "/d", 50, 7);

		d.stored_bytes = i;
		cr_assert_eq(rc_ixb_dataset(b, &d), i);
	}
	after = mallinfo2();
	rc_index_builder_free(b);
	return after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
}

/* A reader process must hold the datasets of a hundred thousand episodes. */
Test(index, a_dataset_more_costs_little)
{
	enum { N = 1 << 14, MOST = 64 };
	size_t some = bytes_of_datasets(N), twice = bytes_of_datasets(2 * N);

	cr_expect_leq(twice - some, (size_t)N * MOST, "%zu bytes a dataset", (twice - some) / N);
}

Test(index, a_stream_before_any_episode_sticks)
{
	struct rc_index_builder *b;
	struct rc_stream s = { 0 };
	struct rc_err err;
	void *block = NULL;
	size_t n;

	cr_assert_eq(rc_index_builder_new(&b, NULL), 0);
	rc_ixb_stream(b, &s);
	rc_ixb_stream_at(b, 0)->n_rows = 1; /* must not crash */
	cr_assert_eq(rc_index_builder_end(b, &block, &n, &err), RC_E_BUG);
	cr_assert_null(block);
	rc_index_builder_free(b);
}

/* --- corruption ----------------------------------------------------------------------------- */

/* Opens a changed copy; true when it was refused with the right reason. */
static bool refused(const void *block, size_t n, uint64_t file_bytes)
{
	struct rc_index *ix = NULL;
	struct rc_err err = { 0 };
	void *copy = malloc(n ? n : 1);
	int rc;

	memcpy(copy, block, n);
	rc = rc_index_open(copy, n, "a.h5", file_bytes, &ix, &err);
	if (!rc) {
		touch(ix);
		rc_index_free(ix);
		return false;
	}
	cr_assert_eq(rc, RC_E_READER, "%s", err.msg);
	cr_assert_str_eq(err.reason, "bad_index");
	return true;
}

/* Every word takes many values: nothing may crash, most must be refused. */
Test(index, every_word_changed)
{
	static const uint32_t values[] = { 0,  1,  2,   3,     4,          7,          8,
					   9,  12, 50,  51,    255,        65536,      0x7fffffff,
					   1u << 31,   UINT32_MAX, UINT32_MAX - 1 };
	size_t n, n_refused = 0, n_tried = 0;
	char *block = block_of(&n);

	for (size_t at = 0; at + 4 <= n; at += 4) {
		uint32_t old, now;
		memcpy(&old, block + at, 4);
		for (size_t i = 0; i < RC_ARRAY_LEN(values) + 32; i++) {
			now = i < RC_ARRAY_LEN(values)
				      ? values[i]
				      : old ^ 1u << (i - RC_ARRAY_LEN(values));
			memcpy(block + at, &now, 4);
			n_tried += now != old;
			n_refused += now != old && refused(block, n, FILE_BYTES);
		}
		memcpy(block + at, &old, 4);
	}
	cr_assert(!refused(block, n, FILE_BYTES));
	cr_assert_gt(n_refused, n_tried / 2, "%zu of %zu", n_refused, n_tried);
	free(block);
}

Test(index, every_length)
{
	size_t n;
	char *block = block_of(&n);

	for (size_t k = 0; k < n; k++)
		cr_assert(refused(block, k, FILE_BYTES), "%zu bytes", k);
	free(block);
}

/* Applies one change and expects it to be refused. */
struct parts {
	struct rc_index_header *h;
	struct rc_dataset *d;
	struct rc_stream *s;
	struct rc_linked *l;
	struct rc_index_episode *e;
	struct rc_note *n;
	struct rc_index_convention *c;
};
static struct parts parts_of(void *block)
{
	struct parts p = { .h = block };

	p.d = (struct rc_dataset *)(p.h + 1);
	p.s = (struct rc_stream *)(p.d + p.h->n_datasets);
	p.l = (struct rc_linked *)(p.s + p.h->n_streams);
	p.e = (struct rc_index_episode *)(p.l + p.h->n_linked);
	p.n = (struct rc_note *)(p.e + p.h->n_episodes);
	p.c = (struct rc_index_convention *)(p.n + p.h->n_notes);
	return p;
}

#define REFUSED(change)                                                                            \
	do {                                                                                       \
		size_t n_;                                                                         \
		void *block_ = block_of(&n_);                                                      \
		struct parts p = parts_of(block_);                                                 \
		change;                                                                            \
		cr_expect(refused(block_, n_, FILE_BYTES), "%s", #change);                         \
		free(block_);                                                                      \
	} while (0)

Test(index, header_fields)
{
	REFUSED(p.h->magic++);
	REFUSED(p.h->n_bytes--);
	REFUSED(p.h->layout = 0);
	REFUSED(p.h->layout++);
	REFUSED(p.h->layout_score = 101);
	REFUSED(p.h->user_block = FILE_BYTES);
	REFUSED(p.h->n_datasets++);
	REFUSED((p.h->n_notes -= 4, p.h->n_conventions += 5));
	REFUSED(p.h->n_string_bytes = 0);
	REFUSED(p.h->n_linked++);
}

Test(index, linked_fields)
{
	REFUSED(p.l[0].path = 0);
	REFUSED(p.l[0].path = p.h->n_string_bytes);
	REFUSED(p.l[0].pad = 1);
}

Test(index, dataset_fields)
{
	REFUSED(p.d[0].path = 0);
	REFUSED(p.d[0].path = p.h->n_string_bytes);
	REFUSED(p.d[0].path = p.s[0].name);
	REFUSED(p.d[0].dtype = RC_DTYPE_COUNT);
	REFUSED(p.d[0].dtype = RC_F64);
	REFUSED(p.d[0].storage = 3);
	REFUSED(p.d[0].big_endian = 2);
	REFUSED(p.d[3].big_endian = 1);
	REFUSED(p.d[0].rank = 0);
	REFUSED(p.d[0].rank = RC_MAX_RANK + 1);
	REFUSED(p.d[0].rank = 1);
	REFUSED(p.d[0].dims[0]++);
	REFUSED(p.d[0].dims[1] = UINT64_MAX / 2);
	REFUSED((p.d[3].dims[0] = UINT64_MAX));
	REFUSED(p.d[0].dims[5] = 1);
	REFUSED(p.d[0].chunk[0] = 1);
	REFUSED(p.d[2].chunk[0] = 0);
	REFUSED(p.d[2].chunk[1] = UINT64_C(1) << 33);
	REFUSED(p.d[2].chunk[4] = 1);
	REFUSED(p.d[0].time_last = 1);
	REFUSED(p.d[2].time_last = 2);
	REFUSED(p.d[2].linked = 2);
	REFUSED(p.d[2].linked = RC_LINKED_MANY);
	REFUSED(p.d[0].linked = 1); /* whose end the block is behind */
	REFUSED(p.d[2].address = 0);
	REFUSED(p.d[0].address = FILE_BYTES);
	REFUSED(p.d[0].address = FILE_BYTES - 1399);
	REFUSED(p.d[0].address = UINT64_MAX - 1);
	REFUSED(p.d[0].stored_bytes++);
	REFUSED(p.d[0].n_filters = 1);
	REFUSED(p.d[2].n_filters = RC_MAX_FILTERS + 1);
	REFUSED(p.d[2].filters[0].id = 0);
	REFUSED(p.d[2].filters[1].id = 32008);
	REFUSED(p.d[2].filters[1].n_values = RC_MAX_FILTER_VALUES + 1);
	REFUSED(p.d[2].filters[1].values[1] = 1);
	REFUSED(p.d[2].filters[2].id = RC_FILTER_DEFLATE);
	REFUSED(p.d[0].frames.height = 1);
	REFUSED(p.d[0].frames.max_bytes = 1);
	REFUSED(p.d[0].frames.codec = RC_FRAME_CODECS);
	REFUSED(p.d[0].frames.codec = RC_FRAME_JPEG); /* of numbers */
}

/* Dataset 0, which has streams 0 and 3, as rows of 40 bytes that are pictures. */
static void make_encoded(const struct parts *p)
{
	struct rc_dataset *d = &p->d[0];

	d->dtype = RC_U8;
	d->rank = 2;
	d->dims[1] = 40;
	d->storage = RC_STORE_READER;
	d->address = RC_NO_ADDRESS;
	d->frames = (struct rc_frames){ RC_FRAME_PNG, RC_ORDER_ENCODED, 20, 30, 3, 1, 40 };
	p->s[0].kind = p->s[3].kind = RC_KIND_ENCODED;
}

#define ENCODED(change) REFUSED(make_encoded(&p); change)

Test(index, encoded_frames)
{
	struct rc_index *ix = NULL;
	struct rc_err err;
	size_t n;
	void *block = block_of(&n);
	struct parts good = parts_of(block);

	make_encoded(&good);
	cr_assert_eq(rc_index_open(block, n, "a.h5", FILE_BYTES, &ix, &err), 0, "%s", err.msg);
	rc_index_decode(ix, RC_ORDER_ENCODED);
	cr_expect_eq(ix->datasets[0].rank, 2);
	rc_index_decode(ix, RC_ORDER_BGR);
	if (rc_frames_decodable(&ix->datasets[0].frames)) {
		cr_expect_eq(ix->datasets[0].rank, 4);
		cr_expect_eq(rc_dataset_row_bytes(&ix->datasets[0]), 20 * 30 * 3);
		cr_expect_eq(ix->streams[3].kind, RC_KIND_IMAGE);
		cr_expect_eq(ix->streams[1].kind, RC_KIND_QUAT);
	}
	rc_index_free(ix);
	ENCODED(p.d[0].frames.order = RC_ORDER_RGB);
	ENCODED(p.d[0].frames.width = 0);
	ENCODED(p.d[0].frames.channels = 5);
	ENCODED(p.d[0].frames.depth = 3);
	ENCODED(p.d[0].frames.height = 0);
	ENCODED(p.d[0].frames.max_bytes = 39);
	ENCODED(p.d[0].dtype = RC_U16);
	ENCODED(p.d[0].frames = (struct rc_frames){ 0 });
	ENCODED(p.s[0].kind = RC_KIND_LOWDIM);
}

Test(index, stream_fields)
{
	REFUSED(p.s[0].name = 0);
	REFUSED(p.s[0].name = p.s[1].name);
	REFUSED(p.s[0].name = p.d[0].path);
	REFUSED(p.s[0].dataset = p.h->n_datasets);
	REFUSED(p.s[0].kind = RC_KIND_COUNT);
	REFUSED(p.s[0].kind = RC_KIND_QUAT);
	REFUSED(p.s[0].kind = RC_KIND_IMAGE);
	REFUSED(p.s[1].kind = RC_KIND_POSE);
	REFUSED(p.s[0].role = RC_ROLE_COUNT);
	REFUSED(p.s[0].row0 = 1);
	REFUSED(p.s[0].row0 = UINT64_MAX - 10);
	REFUSED(p.s[0].n_rows = 51);
	REFUSED(p.s[1].quat_order = p.s[0].unit);
	REFUSED(p.s[0].quat_origin = 3);
	REFUSED(p.s[0].unit = p.h->n_string_bytes - 1);
	REFUSED(p.s[0].pad = 1);
}

Test(index, clock_fields)
{
	REFUSED(p.s[0].clock.anchored = 1);
	REFUSED(p.s[0].clock.rows = p.h->n_datasets + 1);
	REFUSED(p.s[0].clock.rows = 1);
	REFUSED(p.s[0].clock.pad = 1);
	REFUSED(p.s[3].clock.rows = 4);
	REFUSED(p.s[3].clock.anchored = 2);
	REFUSED(p.s[3].clock.first_ns = INT64_C(1) << 62);
	REFUSED(p.s[3].clock.rate_den = INT64_C(1) << 30);
	REFUSED(p.s[0].clock.kind = 3);
	REFUSED(p.s[0].clock.kind = RC_CLOCK_NONE);
	REFUSED(p.s[0].clock.dataset = RC_NO_DATASET);
	REFUSED(p.s[0].clock.dataset = 0);
	REFUSED(p.d[3].dtype = RC_BOOL);
	REFUSED(p.d[3].dims[0] = 49);
	REFUSED(p.s[0].n_rows--);
	REFUSED(p.s[0].clock.unit_num = 0);
	REFUSED(p.s[0].clock.unit_den = -1);
	REFUSED(p.s[0].clock.unit_name = UINT32_MAX);
	REFUSED(p.s[0].clock.first_ns = INT64_MIN);
	REFUSED(p.s[0].clock.last_ns = INT64_MAX);
	REFUSED(p.s[3].clock.dataset = 3);
	REFUSED(p.s[3].clock.rate_num = 0);
	REFUSED(p.s[3].clock.rate_den = 0);
	REFUSED(p.s[3].clock.rate_num = 2000000000);
	REFUSED(p.s[3].clock.rate_den = INT64_MAX);
}

Test(index, other_fields)
{
	REFUSED(p.e[0].key = 0);
	REFUSED(p.e[1].key = p.e[0].key);
	REFUSED(p.e[0].first_stream = 1);
	REFUSED(p.e[0].n_streams = 2);
	REFUSED(p.e[1].n_streams = 0);
	REFUSED(p.e[1].n_streams = UINT32_MAX);
	REFUSED(p.e[0].success = 2);
	REFUSED(p.e[0].success = -2);
	REFUSED(p.e[0].sim = 2);
	REFUSED(p.e[0].language = p.h->n_string_bytes);
	REFUSED(p.n[0].severity = 3);
	REFUSED(p.n[0].code = 0);
	REFUSED(p.n[0].episode = 2);
	REFUSED(p.c[0].key = 0);
	REFUSED(p.c[0].where = p.h->n_string_bytes);
}

Test(index, a_block_that_would_end_behind_the_file)
{
	size_t n;
	void *block = block_of(&n);

	cr_assert(!refused(block, n, 4096 + 1400));
	cr_assert(refused(block, n, 4096 + 1399));
	free(block);
}
