/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datasets whose values lie elsewhere: virtual ones, made of boxes of other datasets, and those in
 * external files (h5raw.c).  libhdf5 gives fill values for what it does not find, so they are put
 * together here, and what is missing is an error.
 */
#include "base/compat.h"

#include "formats/h5private.h"

#include "base/mem.h"

enum {
	MAX_PARTS = 65536,
	MAX_PAIRS = 64 << 20, /* of parts, that are looked at for overlaps */
	MAX_NESTED = 4,       /* virtual datasets of virtual datasets */
	MAX_NAME = 4096
};

/* A box of the dataset, and where it is. */
struct part {
	char *file;    /* NULL: the file of the dataset itself */
	char *dataset;
	hsize_t start[RC_MAX_RANK], count[RC_MAX_RANK];
	uint32_t rank; /* of the source */
	hsize_t from[RC_MAX_RANK], extent[RC_MAX_RANK]; /* the box of the source */
	bool all;      /* it is all of the source, which tells the shape */
};

struct h5_parts {
	hid_t dset;    /* borrowed: it names the files */
	uint32_t rank;
	hsize_t dims[RC_MAX_RANK];
	struct part *p;
	size_t n;
	bool links;    /* some are in other files, or lead on to others */
	struct h5_raw *raw; /* its values are in external files: nothing of what follows */
	/* the source that was read last */
	const struct part *open;
	struct rc_h5_tree source; /* its file; file is -1 for none */
	struct h5_here named;     /* the file that was named: a link in it may lead to the source */
	struct rc_h5_node node;   /* and itself */
	struct rc_scratch room;
};

/* --- the source of a part --------------------------------------------------------------------- */

static void close_source(struct h5_parts *s)
{
	if (s->source.file >= 0) {
		h5_leave(&s->source, &s->named);
		H5Fclose(s->source.file);
	}
	rc_forms_release(&s->source.forms);
	free((char *)s->node.problem);
	s->source = (struct rc_h5_tree){ .file = -1, .here = -1, .lapl = -1 };
	s->node = (struct rc_h5_node){ 0 };
	s->open = NULL;
}

static int no_source(const struct part *p, const char *why, struct rc_err *err)
{
	return rc_fail(err, RC_E_FORMAT, "broken_link", "'%s' of %s%s%s: %s",
		       p->dataset ? p->dataset : "the values", p->file ? "'" : "",
		       p->file ? p->file : "the same file", p->file ? "'" : "", why);
}

/* Values follow each other alike in both when the axes do that have more than one. */
static bool same_box(const struct part *p, uint32_t rank)
{
	uint32_t a = 0, b = 0;

	for (;; a++, b++) {
		while (a < rank && p->count[a] == 1)
			a++;
		while (b < p->rank && p->extent[b] == 1)
			b++;
		if (a == rank || b == p->rank)
			return a == rank && b == p->rank;
		if (p->count[a] != p->extent[b])
			return false;
	}
}

/* Elements of a box that lies inside of what can be counted. */
static uint64_t elements_of(const hsize_t *extent, uint32_t rank)
{
	uint64_t n = 1;

	for (uint32_t i = 0; i < rank; i++)
		n *= extent[i];
	return n;
}

/* Whether the source has the box that the part is made of. */
static int fit_source(const struct h5_parts *s, struct part *p, struct rc_err *err)
{
	const struct rc_dataset *d = s->node.dataset;
	bool fits = p->all || d->rank == p->rank;

	for (uint32_t i = 0; i < d->rank && fits; i++) {
		if (p->all) {
			p->from[i] = 0;
			p->extent[i] = d->dims[i];
		}
		fits = p->from[i] <= d->dims[i] && p->extent[i] <= d->dims[i] - p->from[i];
	}
	p->rank = d->rank;
	if (fits && same_box(p, s->rank))
		return 0;
	if (fits && elements_of(p->count, s->rank) == elements_of(p->extent, p->rank))
		return no_source(p, "it is mapped to a box of another shape, which is not read; "
				    "h5repack makes a copy that holds the values", err);
	return no_source(p, "it has not the shape that it had when it was mapped", err);
}

/* Its description is good for as long as the source is open. */
static int open_source(struct h5_parts *s, struct part *p, const struct rc_h5_tree *t,
		       struct rc_err *err)
{
	const struct h5_lent *lent;
	H5I_type_t type = H5I_BADID;
	hid_t dset;
	int rc;

	if (s->open && !strcmp(s->open->dataset, p->dataset) &&
	    (s->open->file == p->file ||
	     (s->open->file && p->file && !strcmp(s->open->file, p->file))))
		return fit_source(s, p, err);
	close_source(s);
	h5_forget_refusal();
	s->source.file = p->file ? h5_open_named(s->dset, p->file) : H5Iget_file_id(s->dset);
	lent = s->source.file < 0 ? NULL : h5_lent_of(s->source.file);
	if (!lent)
		return no_source(p, *h5_refusal() ? h5_refusal() : "it cannot be opened", err);
	s->source.here = s->named.file = s->source.file;
	s->source.lapl = t->lapl;
	s->source.links = t->links;
	s->source.codec = t->codec;
	s->source.file_bytes = lent->bytes;
	s->source.linked = lent->position;
	s->source.nested = t->nested + 1;
	s->source.user_block = h5_user_block(s->source.file);
	s->node.path = p->dataset;
	dset = H5Oopen(s->source.file, p->dataset, t->lapl);
	if (dset >= 0 && h5_enter(&s->source, dset, &s->named))
		type = H5Iget_type(dset);
	rc = type == H5I_DATASET ? h5_classify(&s->source, &s->node, dset, err)
				 : no_source(p, "there is no such dataset", err);
	if (dset >= 0)
		H5Oclose(dset);
	H5Eclear2(H5E_DEFAULT);
	if (rc == 0 && !s->node.usable)
		rc = no_source(p, s->node.problem, err);
	if (rc)
		return rc;
	s->links |= s->source.linked != t->linked || s->node.linked == RC_LINKED_MANY;
	s->open = p;
	return fit_source(s, p, err);
}

/* --- virtual datasets ------------------------------------------------------------------------- */

/* What is selected, if it is one box. */
static bool box_of(hid_t space, uint32_t *rank, hsize_t *start, hsize_t *count)
{
	bool all = H5Sget_select_type(space) == H5S_SEL_ALL;
	hsize_t end[H5S_MAX_RANK], first[H5S_MAX_RANK] = { 0 };
	int n = H5Sget_simple_extent_dims(space, end, NULL);
	uint64_t volume = 1;

	if (n < 1 || n > RC_MAX_RANK || (!all && H5Sget_select_bounds(space, first, end) < 0))
		return false;
	for (int i = 0; i < n; i++) {
		start[i] = first[i];
		count[i] = end[i] - first[i] + !all;
		if (!rc_mul(volume, count[i], &volume))
			return false;
	}
	*rank = (uint32_t)n;
	return (uint64_t)H5Sget_select_npoints(space) == volume; /* there is nothing between */
}

static char *text_of(ssize_t (*get)(hid_t, size_t, char *, size_t), hid_t dcpl, size_t i)
{
	char text[MAX_NAME], *copy = NULL;
	ssize_t n = get(dcpl, i, text, sizeof text);

	if (n <= 0 || (size_t)n >= sizeof text || rc_strdup(&copy, text, NULL))
		return NULL;
	return copy;
}

static bool take_part(hid_t dcpl, size_t i, struct h5_parts *s, struct rc_err *err)
{
	hid_t to = H5Pget_virtual_vspace(dcpl, i), from = H5Pget_virtual_srcspace(dcpl, i);
	struct part *p = &s->p[s->n++];
	hsize_t dims[H5S_MAX_RANK];
	bool ok;

	p->file = text_of(H5Pget_virtual_filename, dcpl, i);
	p->dataset = text_of(H5Pget_virtual_dsetname, dcpl, i);
	/* of a source that is all wanted the file does not tell the shape */
	p->all = from >= 0 && H5Sget_select_type(from) == H5S_SEL_ALL;
	ok = to >= 0 && from >= 0 && p->file && p->dataset &&
	     box_of(to, &s->rank, p->start, p->count) &&
	     (p->all || box_of(from, &p->rank, p->from, p->extent)) &&
	     H5Sget_simple_extent_dims(to, dims, NULL) == (int)s->rank &&
	     !strstr(p->file, "%") && !strstr(p->dataset, "%");
	for (uint32_t k = 0; ok && k < s->rank; k++)
		s->dims[k] = dims[k];
	if (p->file && !strcmp(p->file, ".")) {
		free(p->file);
		p->file = NULL;
	}
	s->links |= p->file != NULL;
	if (to >= 0)
		H5Sclose(to);
	if (from >= 0)
		H5Sclose(from);
	if (!ok)
		rc_fail(err, RC_E_UNSUPPORTED, "virtual",
			"its part %zu is no box of another dataset, or there is no end to its "
			"parts; h5repack makes a copy that holds the values", i);
	H5Eclear2(H5E_DEFAULT);
	return ok;
}

static int by_first_row(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return x->start[0] < y->start[0] ? -1 : x->start[0] > y->start[0];
}

static bool overlap(const struct part *a, const struct part *b, uint32_t rank)
{
	for (uint32_t i = 0; i < rank; i++)
		if (a->start[i] >= b->start[i] + b->count[i] ||
		    b->start[i] >= a->start[i] + a->count[i])
			return false;
	return true;
}

/* Every value must come from one part: libhdf5 fills holes, and of two parts nobody knows which. */
static int check_cover(const struct h5_parts *s, struct rc_err *err)
{
	uint64_t all = 1, sum = 0, pairs = 0;

	for (uint32_t i = 0; i < s->rank; i++)
		if (!rc_mul(all, s->dims[i], &all))
			return rc_fail(err, RC_E_FORMAT, "unreadable", "its shape is too large");
	for (size_t i = 0; i < s->n; i++) {
		sum += elements_of(s->p[i].count, s->rank); /* at most `all`: they are inside */
		for (size_t k = i + 1; k < s->n &&
				       s->p[k].start[0] < s->p[i].start[0] + s->p[i].count[0]; k++)
			if (++pairs > MAX_PAIRS || overlap(&s->p[i], &s->p[k], s->rank))
				return rc_fail(err, RC_E_UNSUPPORTED, "virtual",
					       "its parts overlap; h5repack makes a copy that "
					       "holds the values");
	}
	if (sum == all)
		return 0;
	return rc_fail(err, RC_E_FORMAT, "missing_data", "its parts hold %llu of its %llu values",
		       (unsigned long long)sum, (unsigned long long)all);
}

static int take_virtual(hid_t dcpl, struct h5_parts *s, const struct rc_h5_tree *t,
			struct rc_err *err)
{
	size_t n = 0;
	int rc = 0;

	if (H5Pget_virtual_count(dcpl, &n) < 0 || !n || n > MAX_PARTS)
		return rc_fail(err, RC_E_UNSUPPORTED, "virtual", "it has %s",
			       n ? "too many parts" : "no parts");
	if (t->nested >= MAX_NESTED)
		return rc_fail(err, RC_E_UNSUPPORTED, "virtual",
			       "it is made of datasets that are virtual themselves, too deep");
	rc = rc_new_array(&s->p, n, sizeof *s->p, err);
	for (size_t i = 0; i < n && !rc; i++)
		rc = take_part(dcpl, i, s, err) ? 0 : RC_E_UNSUPPORTED;
	if (rc)
		return rc;
	qsort(s->p, s->n, sizeof *s->p, by_first_row);
	return check_cover(s, err);
}

/* Copies the box of a part, whose rows of the source are in s->room. */
static void place_box(const struct h5_parts *s, const struct part *p, const hsize_t *from,
		      const hsize_t *extent, const hsize_t *start, const hsize_t *count,
		      size_t size, char *dst)
{
	const struct rc_dataset *d = s->node.dataset;
	hsize_t at[RC_MAX_RANK] = { 0 }, i_src[RC_MAX_RANK];
	uint64_t n = elements_of(count, s->rank), run = 1, linear = 0, step;

	/* as many as follow each other in both */
	for (uint32_t a = s->rank, b = p->rank; a-- > 0 && b-- > 0 && count[a] == extent[b];) {
		run *= count[a];
		if (count[a] != s->dims[a] || extent[b] != d->dims[b])
			break;
	}
	for (; linear < n; linear += run) {
		uint64_t rest = linear, to = 0, src = 0;

		for (uint32_t i = s->rank; i-- > 0; rest /= count[i])
			at[i] = rest % count[i];
		rest = linear;
		for (uint32_t i = p->rank; i-- > 0; rest /= extent[i])
			i_src[i] = rest % extent[i];
		for (uint32_t i = 0; i < s->rank; i++)
			to = to * (i ? s->dims[i] : 1) + start[i] + at[i];
		for (uint32_t i = 0; i < p->rank; i++) {
			step = i ? d->dims[i] : 1;
			src = src * step + (i ? from[i] : 0) + i_src[i];
		}
		memcpy(dst + to * size, (char *)s->room.p + src * size, run * size);
	}
}

/* The rows [row0, row0 + n_rows) that part p has, into dst, where row row0 begins. */
static int read_part(struct h5_parts *s, struct part *p, const struct rc_h5_tree *t,
		     enum rc_dtype dtype, uint64_t row0, uint64_t n_rows, char *dst,
		     struct rc_err *err)
{
	hsize_t from[RC_MAX_RANK], extent[RC_MAX_RANK], start[RC_MAX_RANK], count[RC_MAX_RANK];
	uint64_t first = p->start[0] > row0 ? p->start[0] : row0;
	uint64_t end = p->start[0] + p->count[0], elements, bytes;
	size_t size = rc_dtype_size(dtype), own;
	uint32_t axis = 0;
	int rc = open_source(s, p, t, err);

	if (rc)
		return rc;
	if (end > row0 + n_rows)
		end = row0 + n_rows;
	memcpy(from, p->from, sizeof from);
	memcpy(extent, p->extent, sizeof extent);
	memcpy(start, p->start, sizeof start);
	memcpy(count, p->count, sizeof count);
	start[0] = first - row0;
	count[0] = end - first;
	if (p->count[0] > 1) { /* then these are the rows of the source's first axis that counts */
		while (extent[axis] == 1)
			axis++;
		from[axis] += first - p->start[0];
		extent[axis] = end - first;
	}
	own = rc_dtype_size((enum rc_dtype)s->node.dataset->dtype);
	elements = extent[0] * rc_dataset_row_elements(s->node.dataset);
	bytes = elements * own;
	rc = rc_scratch_need(&s->room, elements * (size > own ? size : own), err);
	if (!rc)
		rc = rc_h5_rows_native(&s->source, &s->node, from[0], extent[0], s->room.p, bytes,
				       err);
	if (!rc && s->node.dataset->dtype != dtype &&
	    !h5_convert(rc_h5_type((enum rc_dtype)s->node.dataset->dtype), dtype, elements,
			s->room.p))
		rc = rc_h5_fail(err, RC_E_FORMAT, "unreadable", "'%s' has another type",
				p->dataset);
	if (!rc)
		place_box(s, p, from, extent, start, count, size, dst);
	return rc;
}

/* --- both ------------------------------------------------------------------------------------- */

bool h5_is_composed(hid_t dcpl)
{
	return H5Pget_layout(dcpl) == H5D_VIRTUAL || H5Pget_external_count(dcpl) > 0;
}

void h5_parts_close(struct h5_parts *s)
{
	if (!s)
		return;
	close_source(s);
	for (size_t i = 0; i < s->n; i++) {
		free(s->p[i].file);
		free(s->p[i].dataset);
	}
	free(s->p);
	h5_raw_close(s->raw);
	free(s->room.p);
	free(s);
}

bool h5_parts_elsewhere(const struct h5_parts *s)
{
	return s->links;
}

int h5_parts_open(const struct rc_h5_tree *t, hid_t dset, struct h5_parts **s_out,
		  struct rc_err *err)
{
	hid_t dcpl = H5Dget_create_plist(dset), space = -1;
	int rc, rank = 0, n_files = dcpl < 0 ? 0 : H5Pget_external_count(dcpl);
	struct h5_parts *s = NULL;
	hsize_t dims[H5S_MAX_RANK];

	rc = rc_new(&s, err);
	if (rc)
		goto done;
	s->source.file = -1;
	s->dset = dset;
	s->links = n_files > 0;
	if (n_files)
		rc = h5_raw_open(dset, &s->raw, err);
	else
		rc = take_virtual(dcpl, s, t, err);
	if (!rc && s->links && !t->links)
		rc = rc_fail(err, RC_E_FORMAT, s->raw ? "external" : "virtual",
			     "its values are in other files; --allow-external reads those that "
			     "lie in the directory of the input, and h5repack makes a copy that "
			     "holds them");
	if (rc)
		goto done;
	/* asking a virtual dataset for its shape may open its sources: not before here */
	space = H5Dget_space(dset);
	rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
	if (rank < 1 || rank > RC_MAX_RANK || (!s->raw && rank != (int)s->rank) ||
	    H5Sget_simple_extent_dims(space, dims, NULL) != rank) {
		rc = rc_h5_fail(err, RC_E_FORMAT, "unreadable", "its shape cannot be read");
		goto done;
	}
	for (int i = 0; i < rank && !rc; i++)
		if (!s->raw && s->dims[i] != dims[i])
			rc = rc_fail(err, RC_E_FORMAT, "unreadable",
				     "its parts were mapped to another shape");
		else
			s->dims[i] = dims[i];
	s->rank = (uint32_t)rank;
	*s_out = s;
	s = NULL;
done:
	if (space >= 0)
		H5Sclose(space);
	if (dcpl >= 0)
		H5Pclose(dcpl);
	h5_parts_close(s);
	return rc;
}

int h5_parts_check(struct h5_parts *s, const struct rc_h5_tree *t, struct rc_err *err)
{
	int rc = s->raw ? h5_raw_check(s->raw, s->rank, s->dims, err) : 0;

	for (size_t i = 0; i < s->n && !rc; i++)
		rc = open_source(s, &s->p[i], t, err);
	return rc;
}

int h5_parts_read(struct h5_parts *s, const struct rc_h5_tree *t, enum rc_dtype dtype,
		  uint64_t row0, uint64_t n_rows, void *dst, struct rc_err *err)
{
	int rc = 0;

	if (s->raw)
		return h5_raw_rows(s->raw, dtype, s->rank, s->dims, row0, n_rows, dst, err);
	for (size_t i = 0; i < s->n && !rc; i++) {
		struct part *p = &s->p[i];

		if (p->start[0] >= row0 + n_rows)
			break;
		if (p->start[0] + p->count[0] > row0)
			rc = read_part(s, p, t, dtype, row0, n_rows, dst, err);
	}
	return rc;
}
