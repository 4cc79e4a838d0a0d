/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of datasets of every storage, chunk shape and filter, against values computed here. */
#include "base/compat.h"

#include <criterion/criterion.h>
#include <hdf5.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "formats/chunk.h"
#include "formats/codec.h"
#include "formats/h5util.h"
#include "formats/stamp.h"

static char dir[] = "/tmp/test-chunk-XXXXXX";
static char path[64];
static struct rc_err err;
static struct rc_readers *pool;
static struct rc_input *in;

static void begin(void)
{
	const struct rc_reader_limits limits = { .shared_bytes = 20000 };

	cr_assert(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/a.h5", dir);
	cr_assert_eq(rc_readers_start(&limits, &pool, &err), 0, "%s", err.msg);
	cr_assert_eq(rc_input_new(pool, &in, &err), 0, "%s", err.msg);
}

static void end(void)
{
	rc_input_free(in);
	rc_input_free(NULL);
	rc_readers_stop(pool);
	unlink(path);
	rmdir(dir);
}

TestSuite(chunk, .init = begin, .fini = end, .timeout = 120);

/* --- files ---------------------------------------------------------------------------------- */

enum { GZIP = 1, SHUFFLE = 2, FLETCHER = 4, ZSTD = 8, SCALE = 16 };

struct shape {
	enum rc_dtype dtype;
	bool big;
	unsigned filters;
	uint32_t rank;
	uint64_t dims[4], chunk[4]; /* chunk 0: contiguous */
};

static uint64_t n_elements(const struct shape *s)
{
	uint64_t n = 1;

	for (uint32_t i = 0; i < s->rank; i++)
		n *= s->dims[i];
	return n;
}

/* Native values that differ from element to element and repeat enough to be compressible. */
static unsigned char *values_of(const struct shape *s)
{
	size_t size = rc_dtype_size(s->dtype), n = n_elements(s);
	unsigned char *v = malloc(n * size + 1);

	for (uint64_t i = 0; i < n; i++) {
		uint64_t x = i * 0x9e3779b97f4a7c15u >> 40;
		double f = (double)(x % 1000) / 8;
		float g = (float)f;
		if (s->dtype == RC_F64)
			memcpy(v + i * 8, &f, 8);
		else if (s->dtype == RC_F32)
			memcpy(v + i * 4, &g, 4);
		else if (s->dtype == RC_BOOL)
			v[i] = x & 1;
		else if (s->filters & SCALE)
			memcpy(v + i * size, &(uint64_t){ x % 100 }, size);
		else
			memcpy(v + i * size, &x, size);
	}
	return v;
}

static hid_t stored_type(const struct shape *s)
{
	hid_t t = rc_h5_type(s->dtype);

	if (s->big)
		H5Tset_order(t, H5T_ORDER_BE);
	return t;
}

static hid_t plist_of(const struct shape *s)
{
	hid_t p = H5Pcreate(H5P_DATASET_CREATE);

	if (s->chunk[0])
		H5Pset_chunk(p, (int)s->rank, (const hsize_t *)s->chunk);
	if (s->filters & SHUFFLE)
		H5Pset_shuffle(p);
	if (s->filters & GZIP)
		H5Pset_deflate(p, 4);
	if (s->filters & FLETCHER)
		H5Pset_fletcher32(p);
	if (s->filters & SCALE)
		H5Pset_scaleoffset(p, H5Z_SO_INT, 0);
	return p;
}

static void add_filters(struct rc_dataset *d, const struct shape *s)
{
	struct rc_filter *f = d->filters;
	uint32_t size = (uint32_t)rc_dtype_size(s->dtype);

	if (s->filters & SHUFFLE)
		*f++ = (struct rc_filter){ RC_FILTER_SHUFFLE, 1, 1, { size } };
	if (s->filters & GZIP)
		*f++ = (struct rc_filter){ RC_FILTER_DEFLATE, 1, 1, { 4 } };
	if (s->filters & ZSTD)
		*f++ = (struct rc_filter){ RC_FILTER_ZSTD, 1, 1, { 3 } };
	if (s->filters & FLETCHER)
		*f++ = (struct rc_filter){ .id = RC_FILTER_FLETCHER32 };
	d->n_filters = (uint32_t)(f - d->filters);
}

/* The index of one dataset, made by hand, so that nothing depends on a layout. */
static struct rc_index *index_of(const struct shape *s, uint64_t address,
				 const struct rc_stream *stream)
{
	struct rc_dataset d = { .dtype = s->dtype, .big_endian = s->big, .rank = s->rank,
				.address = address };
	struct rc_index_episode e = { .sim = UINT32_MAX };
	struct rc_index_builder *b;
	struct rc_index *ix = NULL;
	struct stat st;
	void *block;
	size_t n;

	cr_assert_eq(rc_index_builder_new(&b, NULL), 0);
	rc_ixb_layout(b, "generic", 1, "", 0);
	d.path = rc_ixb_str(b, "/x");
	d.storage = s->filters & SCALE ? RC_STORE_READER
		    : s->chunk[0]      ? RC_STORE_CHUNKED
				       : RC_STORE_CONTIGUOUS;
	d.stored_bytes = n_elements(s) * rc_dtype_size(s->dtype);
	memcpy(d.dims, s->dims, sizeof s->dims);
	memcpy(d.chunk, s->chunk, sizeof s->chunk);
	add_filters(&d, s);
	rc_ixb_dataset(b, &d);
	e.key = rc_ixb_str(b, "/");
	rc_ixb_episode(b, &e);
	if (stream) {
		struct rc_stream t = *stream;
		t.name = rc_ixb_str(b, "x");
		rc_ixb_stream(b, &t);
	}
	cr_assert_eq(rc_index_builder_end(b, &block, &n, &err), 0, "%s", err.msg);
	rc_index_builder_free(b);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(rc_index_open(block, n, path, (uint64_t)st.st_size, &ix, &err), 0, "%s",
		     err.msg);
	ix->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	return ix;
}

/* Writes dataset /x with libhdf5; the address of a contiguous one. */
static uint64_t write_file(const struct shape *s, const void *values)
{
	static const hsize_t endless[4] = { H5S_UNLIMITED, H5S_UNLIMITED, H5S_UNLIMITED,
					    H5S_UNLIMITED };
	hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
	hid_t space = H5Screate_simple((int)s->rank, (const hsize_t *)s->dims,
				       s->chunk[0] ? endless : NULL);
	hid_t type = stored_type(s), memory = rc_h5_type(s->dtype), plist = plist_of(s);
	hid_t set = H5Dcreate2(file, "x", type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
	uint64_t address;

	cr_assert_geq(set, 0);
	if (values)
		cr_assert_geq(H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), 0);
	address = H5Dget_offset(set);
	H5Dclose(set);
	H5Pclose(plist);
	H5Tclose(memory);
	H5Tclose(type);
	H5Sclose(space);
	H5Fclose(file);
	return address;
}

/* --- comparing ------------------------------------------------------------------------------ */

static void check_runs(const struct rc_index *ix, const unsigned char *want,
		       const struct rc_row_run *runs, size_t n_runs)
{
	uint64_t row_bytes = rc_dataset_row_bytes(ix->datasets), n = 0;
	unsigned char *got, *p;

	for (size_t i = 0; i < n_runs; i++)
		n += runs[i].n;
	p = got = malloc(n * row_bytes + 1);
	memset(got, 0xa5, n * row_bytes);
	cr_assert_eq(rc_input_rows(in, ix, 0, runs, n_runs, got, n * row_bytes, &err), 0, "%s",
		     err.msg);
	for (size_t i = 0; i < n_runs; i++) {
		cr_assert_eq(memcmp(p, want + runs[i].row0 * row_bytes, runs[i].n * row_bytes), 0,
			     "run %zu: %llu rows from %llu", i, (unsigned long long)runs[i].n,
			     (unsigned long long)runs[i].row0);
		p += runs[i].n * row_bytes;
	}
	free(got);
}

/* All rows, each row, every third one, runs of all kinds, an empty one among them. */
static void check_all_runs(const struct rc_index *ix, const unsigned char *want)
{
	uint64_t rows = ix->datasets->dims[0], at = 0;
	struct rc_row_run *runs = calloc(rows + 2, sizeof *runs);
	size_t n = 0;

	runs[0] = (struct rc_row_run){ 0, rows };
	check_runs(ix, want, runs, 1);
	for (uint64_t i = 0; i < rows; i++) {
		runs[0] = (struct rc_row_run){ i, 1 };
		check_runs(ix, want, runs, 1);
	}
	for (uint64_t i = 0; i < rows; i += 3)
		runs[n++] = (struct rc_row_run){ i, 1 };
	check_runs(ix, want, runs, n);
	for (n = 0; at < rows; n++) {
		uint64_t len = n * 5 % 4;
		at += n * 3 % 5;
		if (at > rows)
			at = rows;
		if (len > rows - at)
			len = rows - at;
		runs[n] = (struct rc_row_run){ at, len };
		at += len;
	}
	check_runs(ix, want, runs, n);
	check_runs(ix, want, NULL, 0);
	free(runs);
}

static void check_shape(const struct shape *s)
{
	unsigned char *v = values_of(s);
	uint64_t address = write_file(s, v);
	struct rc_index *ix = index_of(s, address, NULL);

	check_all_runs(ix, v);
	rc_index_free(ix);
	free(v);
}

#define SHAPE(...)                                                                                 \
	do {                                                                                       \
		const struct shape s_ = { __VA_ARGS__ };                                           \
		check_shape(&s_);                                                                  \
	} while (0)

Test(chunk, contiguous)
{
	SHAPE(RC_F32, false, 0, 2, { 41, 7 }, { 0 });
	SHAPE(RC_F64, true, 0, 2, { 41, 7 }, { 0 });
	SHAPE(RC_I16, true, 0, 1, { 100 }, { 0 });
	SHAPE(RC_U8, true, 0, 3, { 9, 5, 4 }, { 0 });
	SHAPE(RC_U64, true, 0, 4, { 9, 2, 2, 3 }, { 0 });
	SHAPE(RC_BOOL, false, 0, 1, { 33 }, { 0 });
	/* holes that are read along, more of them than one read takes, and holes that are not */
	SHAPE(RC_F64, true, 0, 2, { 200, 700 }, { 0 });
	SHAPE(RC_F32, false, 0, 2, { 40, 6000 }, { 0 });
}

Test(chunk, chunks_of_whole_rows)
{
	SHAPE(RC_F32, false, 0, 2, { 41, 7 }, { 8, 7 });
	SHAPE(RC_F32, false, GZIP | SHUFFLE, 2, { 41, 7 }, { 8, 7 });
	SHAPE(RC_F64, true, GZIP | SHUFFLE | FLETCHER, 2, { 41, 7 }, { 10, 7 });
	SHAPE(RC_U8, false, GZIP, 4, { 20, 12, 10, 3 }, { 1, 12, 10, 3 });
	SHAPE(RC_I32, true, FLETCHER, 1, { 1000 }, { 64 });
	SHAPE(RC_BOOL, false, GZIP, 1, { 70 }, { 16 });
}

Test(chunk, chunks_larger_than_the_extent)
{
	SHAPE(RC_F32, false, GZIP, 1, { 10 }, { 64 });
	SHAPE(RC_I64, true, SHUFFLE | GZIP, 2, { 10, 3 }, { 16, 3 });
}

/* As h5py's automatic chunks do: every axis is split, edges stick out. */
Test(chunk, chunks_of_parts_of_rows)
{
	SHAPE(RC_F32, false, 0, 2, { 41, 7 }, { 8, 3 });
	SHAPE(RC_F32, false, GZIP | SHUFFLE | FLETCHER, 2, { 41, 64 }, { 11, 10 });
	SHAPE(RC_I16, true, GZIP | SHUFFLE, 3, { 17, 9, 8 }, { 5, 4, 8 });
	SHAPE(RC_U8, false, GZIP, 4, { 13, 24, 20, 3 }, { 4, 10, 7, 1 });
	SHAPE(RC_U8, false, 0, 4, { 13, 24, 20, 3 }, { 3, 24, 7, 3 });
	SHAPE(RC_U8, false, 0, 4, { 13, 24, 20, 3 }, { 1, 7, 20, 3 });
	SHAPE(RC_U16, true, FLETCHER, 4, { 6, 5, 4, 3 }, { 4, 2, 3, 2 });
	SHAPE(RC_F64, false, 0, 2, { 9, 300 }, { 2, 1 }); /* more chunks than one request takes */
}

/* One chunk is larger than the shared block, which has 20 000 bytes. */
Test(chunk, chunk_of_the_whole_dataset)
{
	SHAPE(RC_F64, false, 0, 2, { 500, 20 }, { 500, 20 });
	SHAPE(RC_F64, true, GZIP, 2, { 500, 20 }, { 500, 20 });
}

Test(chunk, decoded_by_the_reader)
{
	SHAPE(RC_I32, false, SCALE, 2, { 41, 7 }, { 8, 3 });
	SHAPE(RC_U16, false, SCALE, 2, { 2000, 9 }, { 100, 9 }); /* more than the shared block */
}

Test(chunk, nothing_to_read)
{
	const struct shape s = { RC_F32, false, 0, 2, { 5, 0 }, { 0 } };
	struct rc_row_run all = { 0, 5 };
	struct rc_index *ix;
	char none;

	write_file(&(struct shape){ RC_F32, false, 0, 2, { 5, 1 }, { 0 } }, NULL);
	ix = index_of(&s, RC_NO_ADDRESS, NULL);
	cr_assert_eq(rc_input_rows(in, ix, 0, &all, 1, &none, 0, &err), 0, "%s", err.msg);
	rc_index_free(ix);
}

/* --- failures ------------------------------------------------------------------------------- */

Test(chunk, values_never_written)
{
	const struct shape flat = { RC_F32, false, 0, 1, { 50 }, { 0 } };
	const struct shape chunky = { RC_F32, false, 0, 1, { 50 }, { 10 } };
	struct rc_row_run all = { 0, 50 };
	struct rc_index *ix;
	float v[50];

	write_file(&flat, NULL);
	ix = index_of(&flat, RC_NO_ADDRESS, NULL);
	cr_assert_eq(rc_input_rows(in, ix, 0, &all, 1, v, sizeof v, &err), RC_E_FORMAT);
	cr_assert_str_eq(err.reason, "missing_data");
	rc_index_free(ix);
	write_file(&chunky, NULL);
	ix = index_of(&chunky, RC_NO_ADDRESS, NULL);
	cr_assert_eq(rc_input_rows(in, ix, 0, &all, 1, v, sizeof v, &err), RC_E_FORMAT);
	cr_assert_str_eq(err.reason, "missing_chunk");
	rc_index_free(ix);
}

Test(chunk, runs_that_cannot_be)
{
	const struct shape s = { RC_F32, false, 0, 1, { 50 }, { 10 } };
	static const struct rc_row_run bad[][2] = {
		{ { 0, 3 }, { 2, 1 } },           { { 5, 1 }, { 0, 3 } },
		{ { 0, 2 }, { 49, 2 } },          { { 0, 3 }, { 51, 1 } },
		{ { 0, 1 }, { 3, UINT64_MAX } },  { { 0, 1 }, { 3, 4 } },
	};
	unsigned char *v = values_of(&s);
	struct rc_index *ix;
	float got[4];

	write_file(&s, v);
	ix = index_of(&s, RC_NO_ADDRESS, NULL);
	for (size_t i = 0; i < RC_ARRAY_LEN(bad); i++)
		cr_assert_eq(rc_input_rows(in, ix, 0, bad[i], 2, got, sizeof got, &err), RC_E_BUG,
			     "case %zu", i);
	rc_index_free(ix);
	free(v);
}

Test(chunk, file_that_changed)
{
	const struct shape s = { RC_F32, false, 0, 1, { 50 }, { 0 } };
	struct rc_row_run all = { 0, 50 };
	unsigned char *v = values_of(&s);
	struct rc_index *ix;
	float got[50];

	ix = index_of(&s, write_file(&s, v), NULL);
	cr_assert_eq(rc_input_rows(in, ix, 0, &all, 1, got, sizeof got, &err), 0, "%s", err.msg);
	ix->mtime_ns++;
	cr_assert_eq(rc_input_rows(in, ix, 0, &all, 1, got, sizeof got, &err), RC_E_INPUT);
	cr_assert_str_eq(err.reason, "input_changed");
	ix->mtime_ns--;
	cr_assert_eq(truncate(path, (off_t)ix->file_bytes - 1), 0);
	cr_assert_eq(rc_input_rows(in, ix, 0, &all, 1, got, sizeof got, &err), RC_E_INPUT);
	cr_assert_str_eq(err.reason, "input_changed");
	rc_index_free(ix);
	free(v);
}

/* --- rows copied as they are stored --------------------------------------------------------- */

/* Frames of 8x6, one zstd chunk each, made by this program's encoder; frame 3 is damaged. */
static void write_frames(const struct shape *s, const unsigned char *v)
{
	const struct rc_encoding e = { RC_CODEC_ZSTD, 3, false, RC_VALUES_ANY };
	unsigned level = 3;
	hid_t file, space, plist = H5Pcreate(H5P_DATASET_CREATE), set;
	struct rc_codec_ctx *c;
	unsigned char coded[200];

	cr_assert_eq(rc_codec_ctx_new(&c, NULL), 0);
	file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
	space = H5Screate_simple(3, (const hsize_t *)s->dims, NULL);
	H5Pset_chunk(plist, 3, (const hsize_t *)s->chunk);
	H5Pset_filter(plist, RC_FILTER_ZSTD, H5Z_FLAG_OPTIONAL, 1, &level);
	set = H5Dcreate2(file, "x", H5T_NATIVE_UINT8, space, H5P_DEFAULT, plist, H5P_DEFAULT);
	for (hsize_t i = 0; i < s->dims[0]; i++) {
		hsize_t at[3] = { i };
		size_t n;
		cr_assert_eq(rc_chunk_encode(c, &e, 1, v + i * 48, 48, coded, sizeof coded, &n,
					     &err), 0);
		if (i == 3)
			coded[0] ^= 0xff;
		cr_assert_geq(H5Dwrite_chunk(set, H5P_DEFAULT, 0, at, n, coded), 0);
	}
	H5Dclose(set);
	H5Pclose(plist);
	H5Sclose(space);
	H5Fclose(file);
	rc_codec_ctx_free(c);
}

Test(chunk, stored_rows_and_damage)
{
	const struct shape s = { RC_U8, false, ZSTD, 3, { 6, 8, 6 }, { 1, 8, 6 } };
	struct rc_row_run runs[2] = { { 1, 2 }, { 4, 2 } }, damaged = { 3, 1 };
	unsigned char *v = values_of(&s), got[48];
	struct rc_stored_chunk c;
	struct rc_input_counters k;
	struct rc_index *ix;
	struct rc_codec_ctx *ctx;

	write_frames(&s, v);
	ix = index_of(&s, RC_NO_ADDRESS, NULL);
	cr_assert(rc_dataset_row_chunks(ix->datasets));
	check_runs(ix, v, runs, 2);
	rc_input_counters(in, &k);
	cr_assert_eq(k.chunks, 4);
	cr_assert_eq(k.decoded_bytes, 4 * 48);
	cr_assert_gt(k.read_bytes, 0);
	cr_assert_eq(rc_codec_ctx_new(&ctx, NULL), 0);
	cr_assert_eq(rc_input_stored_row(in, ix, 0, 5, &c, &err), 0, "%s", err.msg);
	cr_assert_eq(rc_chunk_decode(ctx, ix->datasets, c.mask, c.bytes, c.n, got, 48, &err), 0);
	cr_assert_eq(memcmp(got, v + 5 * 48, 48), 0);
	cr_assert_eq(rc_input_rows(in, ix, 0, &damaged, 1, got, 48, &err), RC_E_FORMAT);
	cr_assert_str_eq(err.reason, "bad_chunk");
	cr_assert(strstr(err.msg, "row 3 of '/x'"), "%s", err.msg);
	cr_assert_eq(rc_input_stored_row(in, ix, 0, 6, &c, &err), RC_E_BUG);
	rc_codec_ctx_free(ctx);
	rc_index_free(ix);
	free(v);
}

Test(chunk, which_datasets_have_row_chunks)
{
	struct rc_dataset d = { .dtype = RC_U8, .storage = RC_STORE_CHUNKED, .rank = 3,
				.dims = { 5, 4, 3 }, .chunk = { 1, 4, 3 } };

	cr_assert(rc_dataset_row_chunks(&d));
	d.chunk[0] = 2;
	cr_assert(!rc_dataset_row_chunks(&d));
	d.chunk[0] = 1;
	d.chunk[2] = 2;
	cr_assert(!rc_dataset_row_chunks(&d));
	d.chunk[2] = 3;
	d.big_endian = 1;
	cr_assert(!rc_dataset_row_chunks(&d));
	d.big_endian = 0;
	d.storage = RC_STORE_CONTIGUOUS;
	cr_assert(!rc_dataset_row_chunks(&d));
}

/* --- clocks --------------------------------------------------------------------------------- */

static void check_clock(const struct shape *s)
{
	const struct rc_stream stream = {
		.n_rows = s->dims[0],
		.clock = { .kind = RC_CLOCK_MEASURED, .unit_num = 1000, .unit_den = 1 },
	};
	size_t n = s->dims[0], size = rc_dtype_size(s->dtype);
	unsigned char *v = values_of(s);
	int64_t *t = malloc(n * sizeof *t), want;
	struct rc_index *ix;

	ix = index_of(s, write_file(s, v), &stream);
	cr_assert_eq(rc_input_clock(in, ix, ix->streams, t, &err), 0, "%s", err.msg);
	for (size_t i = 0; i < n; i++) {
		cr_assert(rc_stamp_ns(s->dtype, v + i * size, 1000, 1, &want));
		cr_assert_eq(t[i], want, "stamp %zu", i);
	}
	rc_index_free(ix);
	free(t);
	free(v);
}

Test(chunk, clocks_of_every_type)
{
	static const enum rc_dtype types[] = { RC_F32, RC_F64, RC_I8,  RC_I16, RC_I32,
					       RC_I64, RC_U8,  RC_U16, RC_U32, RC_U64 };

	for (size_t i = 0; i < RC_ARRAY_LEN(types); i++) {
		check_clock(&(struct shape){ types[i], false, 0, 1, { 333 }, { 0 } });
		check_clock(&(struct shape){ types[i], true, GZIP, 1, { 333 }, { 50 } });
	}
}

Test(chunk, clock_with_nan)
{
	const struct shape s = { RC_F64, false, 0, 1, { 3 }, { 0 } };
	const double v[3] = { 1.0, NAN, 3.0 };
	struct rc_stream stream = {
		.n_rows = 3,
		.clock = { .kind = RC_CLOCK_MEASURED, .unit_num = 1000000000, .unit_den = 1 },
	};
	struct rc_index *ix = index_of(&s, write_file(&s, v), &stream);
	int64_t t[3];

	cr_assert_eq(rc_input_clock(in, ix, ix->streams, t, &err), RC_E_FORMAT);
	cr_assert_str_eq(err.reason, "bad_clock");
	rc_index_free(ix);
}
