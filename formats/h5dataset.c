/* SPDX-License-Identifier: Apache-2.0 */
/* From an open dataset to struct rc_dataset, or to the reason why there is none. */
#include "formats/h5private.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "formats/codec.h"

static void damaged(struct rc_h5_node *n, const char *what)
{
	char cause[256];

	h5_cause(cause, sizeof cause);
	h5_problem(n, "unreadable", "%s cannot be read: %s", what, cause);
}

/* --- element types ---------------------------------------------------------------------------- */

static bool plain_order(hid_t type, size_t size, bool *big_out)
{
	H5T_order_t order = H5Tget_order(type);

	*big_out = order == H5T_ORDER_BE && size > 1;
	return size == 1 || order == H5T_ORDER_LE || order == H5T_ORDER_BE;
}

static bool int_element(struct rc_h5_node *n, hid_t type, struct element *e)
{
	static const enum rc_dtype with_sign[] = { RC_I8, RC_I16, RC_I32, RC_I64 };
	static const enum rc_dtype without[] = { RC_U8, RC_U16, RC_U32, RC_U64 };
	size_t size = H5Tget_size(type);
	H5T_sign_t sign = H5Tget_sign(type);
	int log2 = size <= 1 ? 0 : size <= 2 ? 1 : size <= 4 ? 2 : 3;

	if (size == 0 || size > 8 || (sign != H5T_SGN_NONE && sign != H5T_SGN_2)) {
		h5_problem(n, "not_numeric", "its integers have %zu bytes", size);
		return false;
	}
	e->dtype = sign == H5T_SGN_2 ? with_sign[log2] : without[log2];
	e->stored_size = size;
	e->exact = plain_order(type, size, &e->big_endian) && size == (size_t)1 << log2 &&
		   H5Tget_precision(type) == 8 * size && H5Tget_offset(type) == 0;
	return true;
}

struct ieee {
	enum rc_dtype dtype;
	size_t size, sign, exp, exp_bits, frac_bits, bias;
};
static const struct ieee ieee[] = {
	{ RC_F16, 2, 15, 10, 5, 10, 15 },
	{ RC_BF16, 2, 15, 7, 8, 7, 127 },
	{ RC_F32, 4, 31, 23, 8, 23, 127 },
	{ RC_F64, 8, 63, 52, 11, 52, 1023 },
};

static bool float_element(struct rc_h5_node *n, hid_t type, struct element *e)
{
	size_t spos, epos, esize, mpos, msize, size = H5Tget_size(type);

	if (H5Tget_fields(type, &spos, &epos, &esize, &mpos, &msize) < 0) {
		damaged(n, "its element type");
		return false;
	}
	e->stored_size = size;
	for (size_t i = 0; i < RC_ARRAY_LEN(ieee); i++) {
		const struct ieee *f = &ieee[i];
		if (size != f->size || spos != f->sign || epos != f->exp ||
		    esize != f->exp_bits || mpos != 0 || msize != f->frac_bits ||
		    H5Tget_ebias(type) != f->bias || H5Tget_offset(type) != 0 ||
		    H5Tget_norm(type) != H5T_NORM_IMPLIED ||
		    !plain_order(type, size, &e->big_endian))
			continue;
		e->dtype = f->dtype;
		e->exact = true;
		return true;
	}
	e->exact = false;
	e->dtype = esize <= 8 && msize <= 23 ? RC_F32 : RC_F64;
	if (size > 0 && esize <= 11 && msize <= 52)
		return true;
	h5_problem(n, "not_numeric", "its floats have %zu bytes with %zu bits of fraction", size,
		   msize);
	return false;
}

static bool enum_is(hid_t type, const char *name, signed char want)
{
	signed char v = -1;
	bool same;

	same = H5Tenum_valueof(type, name, &v) >= 0 && v == want;
	H5Eclear2(H5E_DEFAULT);
	return same;
}

static bool enum_element(struct rc_h5_node *n, hid_t type, struct element *e)
{
	hid_t base = H5Tget_super(type);
	bool ok = base >= 0 && int_element(n, base, e);

	if (ok && e->exact && e->stored_size == 1 && H5Tget_nmembers(type) == 2 &&
	    enum_is(type, "FALSE", 0) && enum_is(type, "TRUE", 1))
		e->dtype = RC_BOOL;
	if (base >= 0)
		H5Tclose(base);
	else
		damaged(n, "its element type");
	return ok;
}

static void compound_problem(struct rc_h5_node *n, hid_t type)
{
	char list[200] = "";
	int m = H5Tget_nmembers(type);
	size_t len = 0;

	for (int i = 0; i < m && len + 1 < sizeof list; i++) {
		char *name = H5Tget_member_name(type, (unsigned)i);
		int k = snprintf(list + len, sizeof list - len, "%s%s", i ? ", " : "",
				 name ? name : "?");
		H5free_memory(name);
		len += k > 0 ? (size_t)k : 0;
	}
	h5_problem(n, "compound", "its rows are records (%s), which this version does not read",
		   list);
}

bool h5_element_of(struct rc_h5_node *n, hid_t type, struct element *e)
{
	switch (H5Tget_class(type)) {
	case H5T_INTEGER: return int_element(n, type, e);
	case H5T_FLOAT: return float_element(n, type, e);
	case H5T_ENUM: return enum_element(n, type, e);
	case H5T_COMPOUND: compound_problem(n, type); return false;
	case H5T_STRING: h5_problem(n, "text", "it holds text"); return false;
	case H5T_VLEN:
		h5_problem(n, "variable_length", "its elements have no fixed length");
		return false;
	case H5T_REFERENCE: h5_problem(n, "not_numeric", "it holds references"); return false;
	case H5T_ARRAY: h5_problem(n, "not_numeric", "its elements are arrays"); return false;
	case H5T_BITFIELD: h5_problem(n, "not_numeric", "it holds bit fields"); return false;
	case H5T_OPAQUE: h5_problem(n, "not_numeric", "it holds opaque bytes"); return false;
	case H5T_TIME: h5_problem(n, "not_numeric", "it uses HDF5's own time type"); return false;
	default: damaged(n, "its element type"); return false;
	}
}

/* --- shape ------------------------------------------------------------------------------------ */

static bool shape_of(struct rc_h5_node *n, hid_t space)
{
	hsize_t dims[H5S_MAX_RANK];
	H5S_class_t cls = H5Sget_simple_extent_type(space);
	int rank = cls == H5S_SIMPLE ? H5Sget_simple_extent_ndims(space) : 0;

	if (cls == H5S_NO_CLASS || rank < 0 || rank > H5S_MAX_RANK) {
		damaged(n, "its shape");
		return false;
	}
	if (rank == 0) {
		h5_problem(n, "scalar", cls == H5S_NULL ? "it has no values" : "it is one value");
		return false;
	}
	if (rank > RC_MAX_RANK) {
		h5_problem(n, "rank", "it has %d axes; at most %d are read", rank, RC_MAX_RANK);
		return false;
	}
	if (H5Sget_simple_extent_dims(space, dims, NULL) != rank) {
		damaged(n, "its shape");
		return false;
	}
	n->dataset->rank = (uint32_t)rank;
	for (int i = 0; i < rank; i++)
		n->dataset->dims[i] = dims[i];
	return true;
}

/* Bytes of all elements as stored without filters. */
static bool raw_bytes(struct rc_h5_node *n, const struct element *e, uint64_t *bytes_out)
{
	uint64_t bytes = e->stored_size > 8 ? e->stored_size : 8; /* decoded ones are at most 8 */

	*bytes_out = e->stored_size;
	for (uint32_t i = 0; i < n->dataset->rank; i++)
		if (n->dataset->dims[i] == 0) {
			*bytes_out = 0;
			return true;
		}
	for (uint32_t i = 0; i < n->dataset->rank; i++) {
		if (!rc_mul(bytes, n->dataset->dims[i], &bytes)) {
			h5_problem(n, "unreadable", "its shape has more than 2^64 bytes");
			return false;
		}
		*bytes_out *= n->dataset->dims[i];
	}
	return true;
}

/* --- storage ---------------------------------------------------------------------------------- */

static void contiguous(const struct rc_h5_tree *t, struct rc_h5_node *n, hid_t dset,
		       uint64_t bytes, bool exact)
{
	struct rc_dataset *d = n->dataset;
	haddr_t at = H5Dget_offset(dset);
	uint64_t end;

	d->storage = exact ? RC_STORE_CONTIGUOUS : RC_STORE_READER;
	d->address = 0;
	if (bytes == 0)
		return;
	if (d->stored_bytes == 0 || at == HADDR_UNDEF)
		h5_problem(n, "never_written", "its values were never written");
	else if (d->stored_bytes != bytes)
		h5_problem(n, "unreadable", "its shape needs %llu bytes but %llu are stored",
			   (unsigned long long)bytes, (unsigned long long)d->stored_bytes);
	else if (!rc_add(at, bytes, &end) || end > t->file_bytes)
		h5_problem(n, "beyond_file", "its values lie beyond the end of the file");
	else
		d->address = at;
}

static const char *foreign_filter(int32_t id)
{
	switch (id) {
	case 305: return "305 (lzo)";
	case 307: return "307 (bzip2)";
	case 32001: return "32001 (blosc)";
	case 32003: return "32003 (snappy)";
	case 32004: return "32004 (lz4)";
	case 32008: return "32008 (bitshuffle)";
	case 32013: return "32013 (zfp)";
	case 32019: return "32019 (jpeg)";
	case 32026: return "32026 (blosc2)";
	default: return NULL;
	}
}

static bool native_filter(int32_t id)
{
	return id >= RC_FILTER_DEFLATE && id <= RC_FILTER_SCALEOFFSET && H5Zfilter_avail(id) > 0;
}

static void filter_problem(struct rc_h5_node *n, int32_t id)
{
	const char *known = foreign_filter(id);
	char name[48];

	rc_filter_name(id, name, sizeof name);
	if (known)
		snprintf(name, sizeof name, "filter %s", known);
	h5_problem(n, "unknown_filter",
		   "it is stored with %s, which this build cannot undo%s; h5repack -f GZIP=4, "
		   "where that filter is installed, makes a copy that it can", name,
		   id == RC_FILTER_BLOSC || id == RC_FILTER_LZ4 ? " (one with its library can)"
								: "");
}

static bool take_filter(struct rc_h5_node *n, hid_t dcpl, unsigned i)
{
	struct rc_filter *f = &n->dataset->filters[i];
	unsigned values[64] = { 0 }, flags = 0, config;
	size_t n_values = RC_ARRAY_LEN(values);
	H5Z_filter_t id = H5Pget_filter2(dcpl, i, &flags, &n_values, values, 0, NULL, &config);

	if (id < 0) {
		damaged(n, "its filters");
		return false;
	}
	f->id = id;
	f->flags = flags;
	f->n_values = n_values > RC_MAX_FILTER_VALUES ? RC_MAX_FILTER_VALUES : (uint32_t)n_values;
	for (uint32_t k = 0; k < f->n_values; k++)
		f->values[k] = values[k];
	return true;
}

/* One of each is what writers make; a pile of compressors is a decompression bomb.  N-bit and
 * scale-offset leave fewer bits of each number, which may be compressed then. */
static bool sane_pipeline(struct rc_h5_node *n)
{
	const struct rc_dataset *d = n->dataset;
	int compressors = 0, packers = 0, shuffles = 0, sums = 0;

	for (uint32_t i = 0; i < d->n_filters; i++)
		switch (d->filters[i].id) {
		case RC_FILTER_SHUFFLE: shuffles++; break;
		case RC_FILTER_FLETCHER32: sums++; break;
		case RC_FILTER_NBIT:
		case RC_FILTER_SCALEOFFSET: packers++; break;
		default: compressors++;
		}
	if (compressors <= 1 && packers <= 1 && shuffles <= 1 && sums <= 1)
		return true;
	h5_problem(n, "unknown_filter", "its chunks went through %u filters, two or more of one "
		   "kind; h5repack -f GZIP=4 makes a copy with one", d->n_filters);
	return false;
}

static void choose_decoder(struct rc_h5_node *n, bool exact)
{
	struct rc_dataset *d = n->dataset;
	bool native = true;

	for (uint32_t i = 0; i < d->n_filters; i++) {
		int32_t id = d->filters[i].id;
		if (!rc_filter_decodable(id))
			exact = false;
		if (!native_filter(id))
			native = false;
		if (!rc_filter_decodable(id) && !native_filter(id)) {
			filter_problem(n, id);
			return;
		}
	}
	if (!exact && !native)
		h5_problem(n, "unknown_filter",
			   "its element type needs libhdf5, which lacks one of its filters");
	d->storage = exact ? RC_STORE_CHUNKED : RC_STORE_READER;
}

static void chunked(const struct rc_h5_tree *t, struct rc_h5_node *n, hid_t dcpl, uint64_t bytes,
		    const struct element *e)
{
	struct rc_dataset *d = n->dataset;
	hsize_t chunk[H5S_MAX_RANK];
	uint64_t chunk_bytes = e->stored_size;
	int n_filters = H5Pget_nfilters(dcpl);

	if (H5Pget_chunk(dcpl, (int)d->rank, chunk) != (int)d->rank || n_filters < 0) {
		damaged(n, "its chunk shape");
		return;
	}
	for (uint32_t i = 0; i < d->rank; i++) {
		d->chunk[i] = chunk[i];
		if (chunk[i] == 0 || !rc_mul(chunk_bytes, chunk[i], &chunk_bytes) ||
		    chunk_bytes > UINT32_MAX) {
			h5_problem(n, "unreadable", "its chunk shape is damaged");
			return;
		}
	}
	if (n_filters > RC_MAX_FILTERS) {
		h5_problem(n, "unknown_filter", "its chunks went through %d filters; at most %d "
			   "are read", n_filters, RC_MAX_FILTERS);
		return;
	}
	d->n_filters = (uint32_t)n_filters;
	for (unsigned i = 0; i < d->n_filters; i++)
		if (!take_filter(n, dcpl, i))
			return;
	if (bytes > 0 && d->stored_bytes == 0)
		h5_problem(n, "never_written", "none of its chunks was ever written");
	else if (d->stored_bytes > t->file_bytes)
		h5_problem(n, "beyond_file", "its chunks claim more bytes than the file has");
	else if (sane_pipeline(n))
		choose_decoder(n, e->exact);
}

/* libhdf5 reads a chunk that was never written as fill values, which nobody measured. */
static void no_holes(struct rc_h5_node *n, hid_t dset)
{
	const struct rc_dataset *d = n->dataset;
	uint64_t all = 1;
	hid_t space = H5Dget_space(dset);
	hsize_t n_chunks = 0;

	for (uint32_t i = 0; i < d->rank; i++)
		all *= d->dims[i] / d->chunk[i] + (d->dims[i] % d->chunk[i] != 0);
	if (space < 0 || H5Dget_num_chunks(dset, space, &n_chunks) < 0)
		damaged(n, "its index of chunks");
	else if (n_chunks < all)
		h5_problem(n, "missing_chunk", "of its %llu chunks only %llu were ever written",
			   (unsigned long long)all, (unsigned long long)n_chunks);
	if (space >= 0)
		H5Sclose(space);
}

static void storage_of(const struct rc_h5_tree *t, struct rc_h5_node *n, hid_t dset, hid_t dcpl,
		       const struct element *e)
{
	struct rc_dataset *d = n->dataset;
	uint64_t bytes;

	if (!raw_bytes(n, e, &bytes))
		return;
	d->dtype = e->dtype;
	d->big_endian = e->exact && e->big_endian;
	d->address = RC_NO_ADDRESS;
	if (n->composed) {
		d->stored_bytes = bytes;
		d->storage = RC_STORE_READER;
		d->big_endian = 0;
		return;
	}
	d->stored_bytes = H5Dget_storage_size(dset);
	switch (H5Pget_layout(dcpl)) {
	case H5D_COMPACT:
		/* libhdf5 trusts this size when it copies */
		if (d->stored_bytes != bytes)
			h5_problem(n, "unreadable", "its shape does not fit its storage");
		d->storage = RC_STORE_READER;
		break;
	case H5D_CONTIGUOUS:
		contiguous(t, n, dset, bytes, e->exact);
		break;
	case H5D_CHUNKED:
		chunked(t, n, dcpl, bytes, e);
		if (n->usable && d->storage == RC_STORE_READER)
			no_holes(n, dset);
		break;
	default:
		damaged(n, "its storage layout");
	}
	if (d->storage == RC_STORE_READER)
		d->big_endian = 0;
}

/* Codes of problems outlive the error that has them. */
static const char *lasting(const char *reason)
{
	static const char *const codes[] = { "virtual", "external", "broken_link", "missing_data",
					     "beyond_file" };

	for (size_t i = 0; i < RC_ARRAY_LEN(codes); i++)
		if (!strcmp(reason, codes[i]))
			return codes[i];
	return "unreadable";
}

/* One whose values lie elsewhere is put together from its parts, all of which must be there. */
static bool compose(const struct rc_h5_tree *t, struct rc_h5_node *n, hid_t dset)
{
	struct h5_parts *parts = NULL;
	struct rc_err err = { 0 };
	int rc = h5_parts_open(t, dset, &parts, &err);

	n->composed = true;
	if (rc == 0)
		rc = h5_parts_check(parts, t, &err);
	if (rc)
		h5_problem(n, lasting(err.reason), "%s", err.msg);
	else
		n->linked = h5_parts_elsewhere(parts) ? RC_LINKED_MANY : t->linked;
	h5_parts_close(parts);
	return rc == 0;
}

/* The values of a member are as far apart as its records are long. */
static bool member_of(struct rc_h5_node *n, hid_t type, unsigned member, struct element *e)
{
	hid_t part = H5Tget_member_type(type, member), base = part;
	bool ok;

	if (part >= 0 && H5Tget_class(part) == H5T_ARRAY)
		base = H5Tget_super(part);
	if (base < 0)
		damaged(n, "its element type");
	ok = base >= 0 && h5_element_of(n, base, e);
	e->exact = e->big_endian = false;
	e->stored_size = H5Tget_size(type);
	if (base >= 0 && base != part)
		H5Tclose(base);
	if (part >= 0)
		H5Tclose(part);
	return ok;
}

/* member: of the records, or -1. */
static void describe(const struct rc_h5_tree *t, struct rc_h5_node *n, hid_t dset, int member)
{
	hid_t dcpl = H5Dget_create_plist(dset), space = -1, type = -1;
	struct element e = { 0 };
	size_t bytes;

	if (dcpl < 0) {
		damaged(n, "its description");
		goto done;
	}
	if (h5_is_composed(dcpl) && !compose(t, n, dset))
		goto done;
	space = H5Dget_space(dset);
	type = H5Dget_type(dset);
	if (space < 0 || type < 0) {
		damaged(n, "its description");
		goto done;
	}
	n->usable = true;
	if (!shape_of(n, space))
		goto done;
	bytes = member < 0 && !n->composed ? h5_bytes_of(n, type) : 0;
	if (bytes) {
		e = (struct element){ .dtype = RC_U8, .stored_size = bytes, .exact = true };
		storage_of(t, n, dset, dcpl, &e);
		h5_make_rows(n, bytes);
	}
	if ((member < 0 ? h5_element_of(n, type, &e)
			: member_of(n, type, (unsigned)member, &e)) && !bytes)
		storage_of(t, n, dset, dcpl, &e);
done:
	if (type >= 0)
		H5Tclose(type);
	if (space >= 0)
		H5Sclose(space);
	if (dcpl >= 0)
		H5Pclose(dcpl);
	H5Eclear2(H5E_DEFAULT);
}

/* A member that is an array has its axes behind those of the dataset, and is read by libhdf5. */
static void extend_member(struct rc_h5_node *n, hid_t dset)
{
	struct rc_dataset *d = n->dataset;
	hsize_t dims[RC_MAX_RANK];
	uint64_t bytes = 8;

	for (uint32_t i = 0; i < d->rank; i++)
		dims[i] = d->dims[i];
	if (!h5_member_dims(dset, n->name, &d->rank, dims))
		h5_problem(n, "rank", "it has more than %d axes", RC_MAX_RANK);
	for (uint32_t i = 0; i < d->rank; i++) {
		d->dims[i] = dims[i];
		if (dims[i] && !rc_mul(bytes, dims[i], &bytes))
			h5_problem(n, "unreadable", "its shape has more than 2^64 bytes");
	}
	memset(d->chunk, 0, sizeof d->chunk);
	d->storage = RC_STORE_READER;
	d->address = n->address = RC_NO_ADDRESS;
}

static int classify(struct rc_h5_tree *t, struct rc_h5_node *n, hid_t dset, int member,
		    struct rc_err *err)
{
	struct rc_dataset d = { 0 };
	uint32_t i;
	int rc;

	n->dataset = &d;
	describe(t, n, dset, member);
	if (member >= 0 && n->usable)
		extend_member(n, dset);
	n->dataset = NULL;
	n->address = d.address;
	n->stored_bytes = d.stored_bytes;
	rc = rc_forms_add(&t->forms, &d, &i, err);
	if (rc == 0)
		n->dataset = t->forms.p[i];
	return rc;
}

int h5_classify(struct rc_h5_tree *t, struct rc_h5_node *n, hid_t dset, struct rc_err *err)
{
	return classify(t, n, dset, -1, err);
}

int h5_classify_member(struct rc_h5_tree *t, struct rc_h5_node *n, hid_t dset, unsigned member,
		       struct rc_err *err)
{
	return classify(t, n, dset, (int)member, err);
}

bool rc_h5_transposable(const struct rc_h5_node *n)
{
	const struct rc_dataset *d = n->dataset;

	if (n->is_member || n->composed || d->rank != 2 || d->time_last || !n->usable)
		return false;
	for (uint32_t k = 0; k < d->n_filters; k++)
		if (!native_filter(d->filters[k].id))
			return false;
	return true;
}

bool rc_h5_time_last(const struct rc_h5_tree *t, struct rc_h5_node *n)
{
	struct rc_dataset d = *n->dataset;
	uint64_t rows = d.dims[1];
	uint32_t i;

	if (!rc_h5_transposable(n))
		return false;
	d.dims[1] = d.dims[0];
	d.dims[0] = rows;
	memset(d.chunk, 0, sizeof d.chunk);
	d.storage = RC_STORE_READER;
	d.big_endian = 0;
	d.time_last = 1;
	/* forms are kept for all users of the tree and change nothing in it */
	if (rc_forms_add((struct rc_forms *)&t->forms, &d, &i, NULL))
		return false;
	n->dataset = t->forms.p[i];
	n->address = RC_NO_ADDRESS;
	return true;
}
