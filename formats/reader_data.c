/* SPDX-License-Identifier: Apache-2.0 */
/* The reader process: places, stored bytes and decoded rows of a dataset. */
#include "base/compat.h"

#include "formats/serve_private.h"

#include "base/mem.h"
#include "formats/h5private.h"

/* Decoded chunks are cached by libhdf5 for datasets that it decodes, so few of those stay open. */
enum { MAX_ROW_DATASETS = 4, ROW_CACHE_BYTES = 32 << 20 };

/* --- datasets ------------------------------------------------------------------------------- */

void serve_close_dataset(struct open_dataset *d)
{
	if (!d->path)
		return;
	h5_parts_close(d->parts);
	H5Dclose(d->id);
	free(d->node);
	free(d->path);
	memset(d, 0, sizeof *d);
}

static hid_t access_list(bool for_rows, bool links)
{
	hid_t p = H5Pcreate(H5P_DATASET_ACCESS);

	if (p < 0)
		return p;
	h5_set_links(p, links);
	H5Pset_chunk_cache(p, 521, for_rows ? ROW_CACHE_BYTES : 0, H5D_CHUNK_CACHE_W0_DEFAULT);
	return p;
}

/* The bytes of strings are a second axis, as in the scan. */
static int add_bytes(struct open_dataset *d)
{
	hid_t type = H5Dget_type(d->id);
	size_t n = type >= 0 && H5Tget_class(type) == H5T_STRING ? H5Tget_size(type) : 0;

	if (type >= 0)
		H5Tclose(type);
	if (!n || d->rank != 1)
		return type < 0 ? -1 : 0;
	d->rank = 2;
	d->dims[1] = n;
	d->chunk[1] = d->chunked ? n : 0;
	return 0;
}

static int describe(struct open_dataset *d, const struct rc_h5_tree *t, const char *path,
		    struct rc_err *err)
{
	hid_t plist = H5Dget_create_plist(d->id), space = -1;
	int rc = 0, rank = -1;

	if (plist < 0) {
		rc = rc_h5_fail(err, RC_E_FORMAT, "unreadable", "'%s' cannot be read", path);
		goto done;
	}
	if (h5_is_composed(plist))
		rc = h5_parts_open(t, d->id, &d->parts, err);
	if (rc)
		goto done;
	space = H5Dget_space(d->id);
	if (space >= 0)
		rank = H5Sget_simple_extent_ndims(space);
	if (rank < 1 || rank > RC_MAX_RANK ||
	    H5Sget_simple_extent_dims(space, d->dims, NULL) != rank) {
		rc = rc_h5_fail(err, RC_E_FORMAT, "unreadable", "the shape of '%s' cannot be read",
				path);
		goto done;
	}
	d->rank = (uint32_t)rank;
	d->chunked = H5Pget_layout(plist) == H5D_CHUNKED;
	if ((d->chunked && H5Pget_chunk(plist, rank, d->chunk) != rank) || add_bytes(d))
		rc = rc_h5_fail(err, RC_E_FORMAT, "unreadable",
				"the chunks or the type of '%s' cannot be read", path);
done:
	if (space >= 0)
		H5Sclose(space);
	if (plist >= 0)
		H5Pclose(plist);
	return rc;
}

/* The axes of an array in each record come behind those of the dataset. */
static bool add_member(struct open_dataset *d, const char *member)
{
	uint32_t rank = d->rank;

	if (!d->for_rows || !h5_member_dims(d->id, member, &d->rank, d->dims))
		return false;
	for (uint32_t i = rank; i < d->rank; i++)
		d->chunk[i] = d->chunked ? d->dims[i] : 0;
	return true;
}

static int open_dataset(struct open_dataset *d, const struct open_file *f, const char *path,
			struct rc_err *err)
{
	hid_t access = access_list(d->for_rows, f->tree->links);
	const char *member = NULL;
	int rc;

	d->id = access < 0 ? -1 : h5_open_values(f->tree->file, path, access, &member);
	if (access >= 0)
		H5Pclose(access);
	if (d->id < 0)
		return rc_h5_fail(err, RC_E_FORMAT, "unreadable", "cannot open '%s'", path);
	rc = describe(d, f->tree, path, err);
	if (!rc && member && !add_member(d, member))
		rc = rc_h5_fail(err, RC_E_FORMAT, "unreadable", "cannot open '%s'", path);
	if (!rc)
		rc = rc_strdup(&d->path, path, err);
	if (rc) {
		h5_parts_close(d->parts);
		H5Dclose(d->id);
	} else if (member) {
		d->member = d->path + (member - path);
	}
	return rc;
}

/* A free place, or that of the dataset not used for longest. */
static struct open_dataset *make_place(struct server *s, bool for_rows)
{
	struct open_dataset *oldest = NULL, *oldest_rows = NULL, *d;
	int n_rows = 0;

	for (d = s->datasets; d < s->datasets + MAX_DATASETS; d++) {
		if (!oldest || d->used < oldest->used)
			oldest = d;
		if (d->path && d->for_rows && (!oldest_rows || d->used < oldest_rows->used))
			oldest_rows = d;
		n_rows += d->path && d->for_rows;
	}
	d = for_rows && n_rows >= MAX_ROW_DATASETS ? oldest_rows : oldest;
	serve_close_dataset(d);
	return d;
}

/* Of encoded frames the run has the shape of what it asks for; each frame is looked at. */
static bool same_shape(const struct open_dataset *d, const struct rc_request *q)
{
	if (d->for_rows && q->frames.codec != RC_FRAME_RAW)
		return d->dims[0] == q->dims[0];
	if (d->for_rows && q->time_last)
		return d->rank == 2 && q->rank == 2 && !d->member && d->dims[0] == q->dims[1] &&
		       d->dims[1] == q->dims[0];
	return d->rank == q->rank && !memcmp(d->dims, q->dims, q->rank * sizeof *q->dims) &&
	       (d->for_rows ||
		(d->chunked && !memcmp(d->chunk, q->chunk, q->rank * sizeof *q->chunk)));
}

/* The dataset of the request, which must still have the shape that the run checked. */
static int need_dataset(struct server *s, struct open_dataset **d_out, struct rc_err *err)
{
	const struct rc_request *q = s->q;
	bool for_rows = q->op == RC_OP_ROWS;
	struct open_dataset *d, *end = s->datasets + MAX_DATASETS;
	struct open_file *f;
	int rc = serve_need_file(s, false, &f, err);

	if (rc)
		return rc;
	for (d = s->datasets; d < end; d++)
		if (d->path && d->slot == q->slot && d->for_rows == for_rows &&
		    !strcmp(d->path, s->text))
			break;
	if (d == end) {
		d = make_place(s, for_rows);
		d->slot = q->slot;
		d->for_rows = for_rows;
		rc = open_dataset(d, f, s->text, err);
		if (rc) {
			memset(d, 0, sizeof *d);
			return rc;
		}
	}
	d->used = ++s->n_uses;
	if (!same_shape(d, q))
		return rc_fail(err, RC_E_INPUT, "input_changed",
			       "the shape of '%s' changed since the scan", s->text);
	*d_out = d;
	return 0;
}

/* --- requests ------------------------------------------------------------------------------- */

static uint64_t chunks_along(const struct open_dataset *d, uint32_t axis)
{
	return d->dims[axis] / d->chunk[axis] + (d->dims[axis] % d->chunk[axis] != 0);
}

/* The element offset of chunk `id` of the grid, last axis fastest. */
static bool chunk_offset(const struct open_dataset *d, uint64_t id, hsize_t *offset)
{
	for (uint32_t i = d->rank; i-- > 0;) {
		uint64_t n = chunks_along(d, i);
		if (!n)
			return false;
		offset[i] = id % n * d->chunk[i];
		id /= n;
	}
	return id == 0;
}

/* Zero bytes mean that the chunk does not exist: never read as fill values, since a damaged index
 * of chunks looks the same. */
static int stored_size(const struct open_dataset *d, const hsize_t *offset, hsize_t *n_out,
		       struct rc_err *err)
{
	if (H5Dget_chunk_storage_size(d->id, offset, n_out) < 0 || !*n_out) {
		H5Eclear2(H5E_DEFAULT);
		return rc_fail(err, RC_E_FORMAT, "missing_chunk",
			       "the chunk at row %llu of '%s' was never written, or its entry is "
			       "damaged; if fill values are right there, h5repack -f GZIP=1 makes "
			       "a copy that holds them, and --drop leaves the stream out",
			       (unsigned long long)offset[0], d->path);
	}
	return 0;
}

int serve_chunks(struct server *s, struct rc_err *err)
{
	struct rc_reply *a = s->a;
	hsize_t offset[RC_MAX_RANK], n;
	struct open_dataset *d;
	size_t at = 0;
	int rc = need_dataset(s, &d, err);

	for (uint32_t i = 0; !rc && i < s->q->n_ids; i++) {
		struct rc_reply_chunk *c = &a->u.chunks[i];
		if (!chunk_offset(d, s->ids[i], offset))
			return rc_fail(err, RC_E_BUG, "bad_chunk_id", "no such chunk in '%s'",
				       d->path);
		rc = stored_size(d, offset, &n, err);
		if (rc)
			break;
		if (n > s->shared_bytes - at) {
			a->need = i ? 0 : n;
			break;
		}
		if (H5Dread_chunk(d->id, H5P_DEFAULT, offset, &c->mask, s->shared + at) < 0)
			return rc_h5_fail(err, RC_E_FORMAT, "unreadable",
					  "cannot read the chunk at row %llu of '%s'",
					  (unsigned long long)offset[0], d->path);
		c->offset = at;
		c->n = (uint32_t)n;
		a->n_chunks = i + 1;
		at += (n + RC_SHARED_ALIGN - 1) / RC_SHARED_ALIGN * RC_SHARED_ALIGN;
		if (at > s->shared_bytes)
			at = s->shared_bytes;
	}
	return rc;
}

/* Addresses count from the HDF5 signature: files with something in front of it are left to the
 * library. */
static bool find_places(struct rc_h5_tree *t, const char *path, const struct rc_request *q,
			struct rc_place *p, uint64_t n)
{
	hid_t dset = H5Oopen(t->file, path, t->lapl);
	struct h5_here before;
	const struct h5_lent *l;
	H5O_info_t info;
	bool found = false;

	if (dset < 0)
		return false;
	if (h5_enter(t, dset, &before)) {
		l = h5_lent_of(t->here);
		found = l && !t->user_block && H5Oget_info2(dset, &info, H5O_INFO_BASIC) >= 0 &&
			h5_chunk_places(l->fd, t->file_bytes, info.addr, q, p, n);
		h5_leave(t, &before);
	}
	H5Oclose(dset);
	return found;
}

int serve_places(struct server *s, struct rc_err *err)
{
	const struct rc_request *q = s->q;
	uint64_t n = 1, bytes;
	struct open_file *f;
	int rc = serve_need_file(s, false, &f, err);

	if (rc)
		return rc;
	for (uint32_t i = 0; i < q->rank; i++)
		if (!q->chunk[i] || !rc_mul(n, q->dims[i] / q->chunk[i] +
						       (q->dims[i] % q->chunk[i] != 0), &n))
			n = UINT64_MAX;
	bytes = n * sizeof(struct rc_place);
	if (n > RC_MAX_PLACES || bytes > s->shared_bytes)
		return 0;
	memset(s->shared, 0, bytes);
	if (find_places(f->tree, s->text, q, (struct rc_place *)s->shared, n))
		s->a->n = bytes;
	H5Eclear2(H5E_DEFAULT); /* the request for the chunk itself tells what is wrong */
	return 0;
}

/* libhdf5 would give fill values for chunks that do not exist. */
static int check_written(const struct open_dataset *d, const struct rc_request *q,
			 struct rc_err *err)
{
	uint32_t axis = q->time_last ? 1 : 0;
	hsize_t offset[RC_MAX_RANK], n;
	uint64_t first, last, total = 1;
	int rc = 0;

	if (!d->chunked)
		return 0;
	for (uint32_t i = 0; i < d->rank; i++)
		total *= chunks_along(d, i);
	first = q->row0 / d->chunk[axis] * d->chunk[axis];
	last = q->row0 + q->n_rows;
	/* along axis 0 the ids follow each other, along axis 1 they lie all over the grid */
	for (uint64_t id = axis ? 0 : first / d->chunk[0] * (total / chunks_along(d, 0));
	     !rc && id < total && chunk_offset(d, id, offset); id++) {
		if (!axis && offset[0] >= last)
			break;
		if (offset[axis] >= first && offset[axis] < last)
			rc = stored_size(d, offset, &n, err);
	}
	return rc;
}

static int read_rows(const struct server *s, const struct open_dataset *d, struct rc_err *err)
{
	const struct h5_rows rows = {
		.dset = d->id, .member = d->member, .dtype = (enum rc_dtype)s->q->dtype,
		.time_last = s->q->time_last, .row0 = s->q->row0, .n_rows = s->q->n_rows,
	};

	if (h5_read_rows(&rows, s->shared))
		return 0;
	return rc_h5_fail(err, RC_E_FORMAT, "unreadable", "cannot read rows %llu to %llu of '%s'",
			  (unsigned long long)s->q->row0,
			  (unsigned long long)(s->q->row0 + s->q->n_rows - 1), d->path);
}

int serve_rows(struct server *s, struct rc_err *err)
{
	const struct rc_request *q = s->q;
	uint64_t row = rc_dtype_size((enum rc_dtype)q->dtype), bytes;
	struct open_dataset *d;
	int rc = need_dataset(s, &d, err);

	if (rc)
		return rc;
	if (!q->n_rows || q->row0 > q->dims[0] || q->n_rows > q->dims[0] - q->row0)
		return rc_fail(err, RC_E_BUG, "bad_rows", "no such rows in '%s'", d->path);
	for (uint32_t i = 1; i < q->rank; i++)
		if (!rc_mul(row, q->dims[i], &row))
			row = UINT64_MAX;
	if (!rc_mul(row, q->n_rows, &bytes))
		bytes = UINT64_MAX;
	if (bytes > s->shared_bytes) {
		s->a->need = bytes;
		return 0;
	}
	rc = check_written(d, q, err);
	if (rc)
		return rc;
	if (q->frames.codec != RC_FRAME_RAW)
		rc = serve_frames(s, d, (size_t)row, err);
	else if (d->parts && !d->member && !q->time_last)
		rc = h5_parts_read(d->parts, s->files[d->slot].tree, (enum rc_dtype)q->dtype,
				   q->row0, q->n_rows, s->shared, err);
	else if (d->parts)
		rc = rc_fail(err, RC_E_BUG, "bad_rows", "'%s' is read as it is", d->path);
	else
		rc = read_rows(s, d, err);
	s->a->n = bytes;
	return rc;
}
