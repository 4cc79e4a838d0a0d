/* SPDX-License-Identifier: Apache-2.0 */
/* A few rows of a dataset, in the reader process: stamps and first rows for the layouts. */
#include "formats/h5private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "formats/chunk_private.h"
#include "formats/codec.h"

enum { MAX_CHUNK_BYTES = 64 << 20 };

struct region {
	uint64_t row0, n_rows;
	char *dst;
};

hid_t h5_open_dataset(const struct rc_h5_tree *t, const struct rc_h5_node *n, struct rc_err *err)
{
	const char *path = n->is_member ? n->parent->path : n->path;
	hid_t dset = H5Oopen(t->file, path, t->lapl);

	if (dset >= 0 && H5Iget_type(dset) == H5I_DATASET)
		return dset;
	if (dset >= 0)
		H5Oclose(dset);
	rc_h5_fail(err, RC_E_FORMAT, "damaged", "cannot open dataset '%s' again", path);
	return -1;
}

static uint64_t chunk_bytes(const struct rc_dataset *d)
{
	uint64_t bytes = rc_dtype_size(d->dtype);

	for (uint32_t i = 0; i < d->rank; i++)
		bytes *= d->chunk[i]; /* checked when the dataset was classified */
	return bytes;
}

/* --- through libhdf5 -------------------------------------------------------------------------- */

static int rows_of_parts(const struct rc_h5_tree *t, const struct rc_h5_node *n,
			 const struct region *r, struct rc_err *err)
{
	hid_t dset = h5_open_dataset(t, n, err);
	struct h5_parts *parts = NULL;
	int rc;

	if (dset < 0)
		return RC_E_FORMAT;
	rc = h5_parts_open(t, dset, &parts, err);
	if (rc == 0)
		rc = h5_parts_read(parts, t, n->dataset->dtype, r->row0, r->n_rows, r->dst, err);
	h5_parts_close(parts);
	H5Oclose(dset);
	return rc;
}

static int rows_by_library(const struct rc_h5_tree *t, const struct rc_h5_node *n,
			   const struct region *r, struct rc_err *err)
{
	struct h5_rows rows = {
		.dset = h5_open_dataset(t, n, err), .member = n->is_member ? n->name : NULL,
		.dtype = n->dataset->dtype, .time_last = n->dataset->time_last,
		.row0 = r->row0, .n_rows = r->n_rows,
	};
	int rc = 0;

	if (rows.dset < 0)
		return RC_E_FORMAT;
	if (!h5_read_rows(&rows, r->dst))
		rc = rc_h5_fail(err, RC_E_FORMAT, "unreadable", "cannot read rows of '%s'",
				n->path);
	H5Oclose(rows.dset);
	return rc;
}

/* --- chunk by chunk --------------------------------------------------------------------------- */

struct chunk_io {
	const struct rc_h5_tree *t;
	const struct rc_h5_node *n;
	hid_t dset;
	char *raw;               /* one decoded chunk */
	size_t raw_bytes;
	struct rc_scratch stored;
};

static int load_chunk(struct chunk_io *io, const uint64_t *at, struct rc_err *err)
{
	const char *path = io->n->path;
	hsize_t offset[RC_MAX_RANK], n = 0;
	uint32_t mask = 0;
	int rc;

	for (uint32_t i = 0; i < io->n->dataset->rank; i++)
		offset[i] = at[i];
	if (H5Dget_chunk_storage_size(io->dset, offset, &n) < 0)
		return rc_h5_fail(err, RC_E_FORMAT, "missing_chunk", "a chunk of '%s' is missing",
				  path);
	if (n == 0)
		return rc_fail(err, RC_E_FORMAT, "missing_chunk",
			       "a chunk of '%s' was never written", path);
	if (n > 2 * (hsize_t)MAX_CHUNK_BYTES)
		return rc_fail(err, RC_E_FORMAT, "chunk_too_large",
			       "a chunk of '%s' claims %llu bytes", path, (unsigned long long)n);
	rc = rc_scratch_need(&io->stored, n, err);
	if (rc)
		return rc;
	if (H5Dread_chunk(io->dset, H5P_DEFAULT, offset, &mask, io->stored.p) < 0)
		return rc_h5_fail(err, RC_E_FORMAT, "unreadable", "cannot read a chunk of '%s'",
				  path);
	return rc_chunk_decode(io->t->codec, io->n->dataset, mask, io->stored.p, n, io->raw,
			       io->raw_bytes, err);
}

/* Where chunk `id` of the grid begins, last axis fastest. */
static void chunk_place(const struct rc_dataset *d, uint64_t id, uint64_t *at)
{
	for (uint32_t i = d->rank; i-- > 0;) {
		uint64_t n = d->dims[i] / d->chunk[i] + (d->dims[i] % d->chunk[i] != 0);
		at[i] = id % n * d->chunk[i];
		id /= n;
	}
}

static int rows_by_chunk(const struct rc_h5_tree *t, const struct rc_h5_node *n,
			 const struct region *r, struct rc_err *err)
{
	const struct rc_dataset *d = n->dataset;
	struct rc_row_run run = { r->row0, r->n_rows };
	struct chunk_io io = { .t = t, .n = n };
	uint64_t at[RC_MAX_RANK], id;
	struct chunk_grid grid;
	struct chunk_walk walk;
	int rc;

	io.dset = h5_open_dataset(t, n, err);
	if (io.dset < 0)
		return RC_E_FORMAT;
	chunk_grid_of(d, &grid);
	io.raw_bytes = grid.bytes;
	rc = rc_new_array(&io.raw, io.raw_bytes, 1, err);
	chunk_walk_begin(&walk, d, &run, 1);
	while (rc == 0 && chunk_walk_next(&walk, d, &grid, &id)) {
		chunk_place(d, id, at);
		rc = load_chunk(&io, at, err);
		uint64_t first = at[0] > r->row0 ? at[0] : r->row0, end = r->row0 + r->n_rows;
		if (end - at[0] > d->chunk[0])
			end = at[0] + d->chunk[0];
		if (rc == 0)
			chunk_scatter(d, &grid, id, io.raw, first, end - first,
				      r->dst + (first - r->row0) * rc_dataset_row_bytes(d));
	}
	free(io.raw);
	free(io.stored.p);
	H5Oclose(io.dset);
	return rc;
}

/* --- values ----------------------------------------------------------------------------------- */

int rc_h5_rows_native(const struct rc_h5_tree *t, const struct rc_h5_node *n, uint64_t row0,
		      uint64_t n_rows, void *dst, size_t dst_bytes, struct rc_err *err)
{
	const struct rc_dataset *d = n->dataset;
	struct region r = { row0, n_rows, dst };
	uint64_t bytes = rc_dtype_size(d->dtype), end;
	int rc;

	if (n->is_group || !n->usable)
		return rc_fail(err, RC_E_FORMAT, "unreadable", "'%s' cannot be read: %s", n->path,
			       n->problem ? n->problem : "it is not a dataset of numbers");
	for (uint32_t i = 1; i < d->rank; i++)
		bytes *= d->dims[i]; /* the whole shape was checked for overflow */
	if (!rc_add(row0, n_rows, &end) || end > d->dims[0] || !rc_mul(bytes, n_rows, &bytes) ||
	    bytes != dst_bytes)
		return rc_fail(err, RC_E_BUG, "bad_rows", "rows %llu + %llu of '%s' do not fit",
			       (unsigned long long)row0, (unsigned long long)n_rows, n->path);
	if (bytes == 0)
		return 0;
	if (d->chunk[0] && chunk_bytes(d) > MAX_CHUNK_BYTES)
		return rc_fail(err, RC_E_UNSUPPORTED, "chunk_too_large",
			       "the chunks of '%s' are too large to look into", n->path);
	if (n->composed)
		return rows_of_parts(t, n, &r, err);
	if (d->storage != RC_STORE_CHUNKED)
		return rows_by_library(t, n, &r, err);
	rc = rows_by_chunk(t, n, &r, err);
	if (rc == 0 && d->big_endian)
		chunk_swap(dst, bytes, rc_dtype_size(d->dtype));
	return rc;
}

static double from_half(uint16_t h)
{
	int e = h >> 10 & 31;
	double frac = h & 1023, v;

	if (e == 31)
		v = frac > 0 ? (double)NAN : (double)INFINITY;
	else
		v = e ? ldexp(1024 + frac, e - 25) : ldexp(frac, -24);
	return h & 0x8000 ? -v : v;
}

static double from_bfloat(uint16_t h)
{
	uint32_t u = (uint32_t)h << 16;
	float v;

	memcpy(&v, &u, sizeof v);
	return (double)v;
}

#define WIDEN(type)                                                                                \
	do {                                                                                       \
		const type *s = src;                                                               \
		for (size_t i = 0; i < n; i++)                                                     \
			dst[i] = (double)s[i];                                                     \
	} while (0)

static void widen(enum rc_dtype t, const void *src, double *dst, size_t n)
{
	switch (t) {
	case RC_F16:
		for (size_t i = 0; i < n; i++)
			dst[i] = from_half(((const uint16_t *)src)[i]);
		break;
	case RC_BF16:
		for (size_t i = 0; i < n; i++)
			dst[i] = from_bfloat(((const uint16_t *)src)[i]);
		break;
	case RC_F32: WIDEN(float); break;
	case RC_F64: WIDEN(double); break;
	case RC_I8: WIDEN(int8_t); break;
	case RC_I16: WIDEN(int16_t); break;
	case RC_I32: WIDEN(int32_t); break;
	case RC_I64: WIDEN(int64_t); break;
	case RC_BOOL:
	case RC_U8: WIDEN(uint8_t); break;
	case RC_U16: WIDEN(uint16_t); break;
	case RC_U32: WIDEN(uint32_t); break;
	case RC_U64: WIDEN(uint64_t); break;
	case RC_DTYPE_COUNT: break;
	}
}

int rc_h5_rows_double(const struct rc_h5_tree *t, const struct rc_h5_node *n, uint64_t row0,
		      uint64_t n_rows, double *dst, size_t n_elements, struct rc_err *err)
{
	struct rc_scratch native = { 0 };
	size_t bytes;
	int rc;

	if (__builtin_mul_overflow(n_elements, rc_dtype_size(n->dataset->dtype), &bytes))
		return rc_fail(err, RC_E_BUG, "bad_rows", "too many rows of '%s'", n->path);
	rc = rc_scratch_need(&native, bytes, err);
	if (rc == 0)
		rc = rc_h5_rows_native(t, n, row0, n_rows, native.p, bytes, err);
	if (rc == 0)
		widen(n->dataset->dtype, native.p, dst, n_elements);
	free(native.p);
	return rc;
}
