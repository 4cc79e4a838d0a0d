/* SPDX-License-Identifier: Apache-2.0 */
/* Values in external files of raw bytes, which libhdf5 would open by their names. */
#include "base/compat.h"

#include "formats/h5private.h"

#include <errno.h>
#include <unistd.h>

#include "base/mem.h"

enum { MAX_NAME = 4096 };

/* Bytes [offset, offset + bytes) of a file; all of them in a row are the values. */
struct segment {
	char *file;
	uint64_t offset, bytes;
};

struct h5_raw {
	hid_t dset; /* borrowed: it names the files */
	hid_t type;
	size_t size;
	struct segment *p;
	size_t n;
	struct rc_scratch room;
};

static int no_file(const struct segment *p, const char *why, struct rc_err *err)
{
	return rc_fail(err, RC_E_FORMAT, "broken_link", "external file '%s': %s", p->file, why);
}

static int read_raw_at(const struct h5_lent *l, const struct segment *p, uint64_t at, uint64_t n,
		       char *dst, struct rc_err *err)
{
	while (n) {
		ssize_t got = pread(l->fd, dst, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return rc_fail(err, RC_E_FORMAT, "unreadable", "cannot read '%s': %s",
				       p->file, got ? strerror(errno) : "it ends too early");
		dst += got;
		at += (uint64_t)got;
		n -= (uint64_t)got;
	}
	return 0;
}

static int lend_raw(const struct h5_raw *s, const struct segment *p, struct h5_lent *l,
		    struct rc_err *err)
{
	h5_forget_refusal();
	if (h5_lend_named(s->dset, p->file, l))
		return 0;
	return no_file(p, h5_refusal(), err);
}

/* Bytes [at, at + n) of all that the files hold. */
static int read_raw(const struct h5_raw *s, uint64_t at, uint64_t n, char *dst,
		    struct rc_err *err)
{
	uint64_t begin = 0;
	int rc = 0;

	for (size_t i = 0; i < s->n && n && !rc; begin += s->p[i++].bytes) {
		const struct segment *p = &s->p[i];
		uint64_t skip = at - begin, take;
		struct h5_lent l;

		if (at < begin || skip >= p->bytes)
			continue;
		take = p->bytes - skip < n ? p->bytes - skip : n;
		rc = lend_raw(s, p, &l, err);
		if (rc)
			break;
		rc = read_raw_at(&l, p, p->offset + skip, take, dst, err);
		close(l.fd);
		at += take;
		dst += take;
		n -= take;
	}
	return rc || !n ? rc : rc_fail(err, RC_E_FORMAT, "unreadable",
				       "the external files are too short");
}

bool h5_convert(hid_t from, enum rc_dtype dtype, size_t n, void *values)
{
	hid_t to = rc_h5_type(dtype);
	bool ok = from >= 0 && to >= 0 &&
		  H5Tconvert(from, to, n, values, NULL, H5P_DEFAULT) >= 0;

	if (from >= 0)
		H5Tclose(from);
	if (to >= 0)
		H5Tclose(to);
	return ok;
}

static uint64_t row_elements(uint32_t rank, const hsize_t *dims)
{
	uint64_t n = 1;

	for (uint32_t i = 1; i < rank; i++)
		n *= dims[i];
	return n;
}

int h5_raw_rows(struct h5_raw *s, enum rc_dtype dtype, uint32_t rank, const hsize_t *dims,
		uint64_t row0, uint64_t n_rows, void *dst, struct rc_err *err)
{
	uint64_t row = row_elements(rank, dims), own = rc_dtype_size(dtype);
	uint64_t larger = s->size > own ? s->size : own;
	int rc = rc_scratch_need(&s->room, n_rows * row * larger, err);

	if (!rc)
		rc = read_raw(s, row0 * row * s->size, n_rows * row * s->size, s->room.p, err);
	if (rc)
		return rc;
	if (!h5_convert(H5Tcopy(s->type), dtype, n_rows * row, s->room.p))
		return rc_h5_fail(err, RC_E_FORMAT, "unreadable", "the values have another type");
	memcpy(dst, s->room.p, n_rows * row * own);
	return 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

static int take_segment(hid_t dcpl, unsigned i, struct segment *p, struct rc_err *err)
{
	char name[MAX_NAME] = "";
	hsize_t bytes = 0;
	off_t offset = 0;

	if (H5Pget_external(dcpl, i, sizeof name - 1, name, &offset, &bytes) < 0 || !*name ||
	    offset < 0)
		return rc_h5_fail(err, RC_E_FORMAT, "unreadable", "its external files");
	p->offset = (uint64_t)offset;
	p->bytes = bytes == H5F_UNLIMITED ? UINT64_MAX / 2 : bytes;
	return rc_strdup(&p->file, name, err);
}

void h5_raw_close(struct h5_raw *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		free(s->p[i].file);
	if (s->type >= 0)
		H5Tclose(s->type);
	free(s->p);
	free(s->room.p);
	free(s);
}

int h5_raw_open(hid_t dset, struct h5_raw **s_out, struct rc_err *err)
{
	hid_t dcpl = H5Dget_create_plist(dset);
	int n = dcpl < 0 ? 0 : H5Pget_external_count(dcpl);
	struct h5_raw *s = NULL;
	int rc = rc_new(&s, err);

	if (rc)
		goto done;
	s->dset = dset;
	s->type = H5Dget_type(dset);
	s->size = s->type < 0 ? 0 : H5Tget_size(s->type);
	rc = n < 1 || !s->size ? rc_h5_fail(err, RC_E_FORMAT, "unreadable", "its external files")
			       : rc_new_array(&s->p, (size_t)n, sizeof *s->p, err);
	for (int i = 0; i < n && !rc; i++) {
		rc = take_segment(dcpl, (unsigned)i, &s->p[i], err);
		s->n += !rc;
	}
	if (rc)
		h5_raw_close(s);
	else
		*s_out = s;
done:
	if (dcpl >= 0)
		H5Pclose(dcpl);
	return rc;
}

/* Files may have no end that is told. */
int h5_raw_check(const struct h5_raw *s, uint32_t rank, const hsize_t *dims, struct rc_err *err)
{
	uint64_t left = s->size;
	int rc = 0;

	for (uint32_t i = 0; i < rank; i++)
		if (!rc_mul(left, dims[i], &left))
			left = UINT64_MAX;
	for (size_t i = 0; i < s->n && left && !rc; i++) {
		const struct segment *p = &s->p[i];
		struct h5_lent l;
		uint64_t take = left < p->bytes ? left : p->bytes;

		rc = lend_raw(s, p, &l, err);
		if (rc)
			break;
		close(l.fd);
		if (p->offset > l.bytes || take > l.bytes - p->offset)
			rc = no_file(p, "it is shorter than what it should hold", err);
		left -= take;
	}
	return rc || !left ? rc : rc_fail(err, RC_E_FORMAT, "beyond_file",
					  "its external files hold less than its shape needs");
}
