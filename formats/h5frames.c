/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoded pictures as rows of a dataset, in the reader process.  Files have them as uint8 of one
 * length, padded; as strings of one length; or as sequences of bytes, each with a descriptor that
 * tells its length, so that the longest is known without reading any.
 */
#include "formats/h5private.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "formats/frames.h"

enum {
	MIN_FRAME_BYTES = 64,      /* shorter rows are not looked at: no picture is */
	MAX_FRAME_BYTES = 64 << 20,
	MAX_LOOKS = 16,            /* frames of a dataset whose first bytes are read in a scan */
	MAX_PADDING = 16,          /* padded rows may take that many times the bytes in the file, */
	FREE_PADDING = 64 << 20    /* or that much more */
};

/* --- elements as rows of bytes ---------------------------------------------------------------- */

static bool is_byte(hid_t type)
{
	hid_t base = H5Tget_super(type);
	bool yes = base >= 0 && H5Tget_class(base) == H5T_INTEGER && H5Tget_size(base) == 1;

	if (base >= 0)
		H5Tclose(base);
	return yes;
}

size_t h5_bytes_of(struct rc_h5_node *n, hid_t type)
{
	enum { MIN_TEXT = 64 /* of which there are pictures */, DESCRIPTOR = 16 };
	H5T_class_t cls = n->dataset->rank == 1 ? H5Tget_class(type) : H5T_NO_CLASS;

	if (cls == H5T_STRING && H5Tis_variable_str(type) == 0 && H5Tget_size(type) >= MIN_TEXT) {
		n->rows = RC_H5_TEXT;
		return H5Tget_size(type);
	}
	if (cls != H5T_VLEN || !is_byte(type))
		return 0;
	n->rows = RC_H5_SEQUENCES;
	return DESCRIPTOR;
}

void h5_make_rows(struct rc_h5_node *n, size_t bytes)
{
	struct rc_dataset *d = n->dataset;

	d->rank = 2;
	d->dims[1] = bytes;
	if (d->chunk[0])
		d->chunk[1] = bytes;
	if (!n->usable)
		n->rows = RC_H5_NUMBERS; /* not readable as bytes either */
}

/* --- the file --------------------------------------------------------------------------------- */

static bool read_at(const struct rc_h5_tree *t, uint64_t at, uint64_t n, void *dst)
{
	void *fd = NULL;
	uint64_t end;

	if (!rc_add(at, n, &end) || end > t->file_bytes ||
	    H5Fget_vfd_handle(t->here, H5P_DEFAULT, &fd) < 0 || !fd)
		return false;
	for (uint64_t done = 0; done < n;) {
		ssize_t got = pread(*(int *)fd, (char *)dst + done, n - done, (off_t)(at + done));
		if (got <= 0)
			return false;
		done += (uint64_t)got;
	}
	return true;
}

static uint64_t little_endian(const uint8_t *p, int n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

/* --- rows of one length ----------------------------------------------------------------------- */

/* The bytes of rows as the file has them: of sequences the descriptors. */
static int stored_rows(const struct rc_h5_tree *t, const struct rc_h5_node *n, uint64_t row0,
		       uint64_t n_rows, void *dst, struct rc_err *err)
{
	struct rc_h5_node rows = *n;
	size_t bytes = (size_t)(n_rows * n->dataset->dims[1]);

	rows.usable = true;
	if (n->dataset->storage == RC_STORE_CONTIGUOUS) {
		if (read_at(t, n->address + row0 * n->dataset->dims[1], bytes, dst))
			return 0;
		return rc_fail(err, RC_E_FORMAT, "unreadable", "cannot read rows of '%s'", n->path);
	}
	if (n->rows != RC_H5_NUMBERS && n->dataset->storage != RC_STORE_CHUNKED)
		return rc_fail(err, RC_E_UNSUPPORTED, "unreadable",
			       "rows of '%s' are stored in a way that is not read", n->path);
	return rc_h5_rows_native(t, &rows, row0, n_rows, dst, bytes, err);
}

/* --- sequences -------------------------------------------------------------------------------- */

/*
 * libhdf5 copies what the heap has, however much that is, to where it made room for what the
 * descriptor said.  So the heap is read here: a collection is a head, "GCOL" and its size, and
 * objects, each with its number, its size and its bytes, padded to 8.
 */
enum { HEAP_HEAD = 16, HEAP_ALIGN = 8 };

struct descriptor {
	uint64_t n, heap; /* bytes, and where the collection is */
	uint32_t object;
};

static void take_descriptor(const struct rc_h5_tree *t, const uint8_t *p, struct descriptor *d)
{
	d->n = little_endian(p, 4);
	d->heap = little_endian(p + 4, 8);
	d->object = (uint32_t)little_endian(p + 12, 4);
	if (!rc_add(d->heap, t->user_block, &d->heap))
		d->heap = UINT64_MAX;
}

/* Where the first n bytes of an object are. */
static bool find_object(const struct rc_h5_tree *t, const struct descriptor *d, uint64_t *at_out)
{
	uint64_t at = d->heap, end, n;
	uint8_t head[HEAP_HEAD];

	if (!read_at(t, at, sizeof head, head) || memcmp(head, "GCOL\1", 5) ||
	    !rc_add(at, little_endian(head + 8, 8), &end) || end > t->file_bytes)
		return false;
	for (at += HEAP_HEAD; at < end && end - at >= HEAP_HEAD; at += HEAP_HEAD + n) {
		uint32_t number;

		if (!read_at(t, at, sizeof head, head))
			return false;
		number = (uint32_t)little_endian(head, 2);
		n = little_endian(head + 8, 8);
		if (!number || n > end - at - HEAP_HEAD) /* number 0 is the free rest */
			return false;
		*at_out = at + HEAP_HEAD;
		if (number == d->object)
			return n >= d->n;
		n += (HEAP_ALIGN - n % HEAP_ALIGN) % HEAP_ALIGN;
	}
	return false;
}

static int sequence_row(const struct rc_h5_tree *t, const struct rc_h5_node *n, uint64_t row,
			const struct descriptor *d, size_t row_bytes, char *dst,
			struct rc_err *err)
{
	uint64_t at;

	if (d->n > row_bytes)
		return rc_fail(err, RC_E_INPUT, "input_changed",
			       "frame %llu of '%s' is longer than all were in the scan",
			       (unsigned long long)row, n->path);
	if (d->n && (!find_object(t, d, &at) || !read_at(t, at, d->n, dst)))
		return rc_fail(err, RC_E_FORMAT, "unreadable",
			       "frame %llu of '%s' is not where its descriptor says: the file is "
			       "damaged", (unsigned long long)row, n->path);
	memset(dst + d->n, 0, row_bytes - d->n);
	return 0;
}

static int sequence_rows(const struct rc_h5_tree *t, const struct rc_h5_node *n, uint64_t row0,
			 uint64_t n_rows, size_t row_bytes, char *dst, struct rc_err *err)
{
	uint8_t *stored = NULL;
	size_t each = (size_t)n->dataset->dims[1];
	int rc = rc_new_array(&stored, n_rows, each, err);

	if (!rc)
		rc = stored_rows(t, n, row0, n_rows, stored, err);
	for (uint64_t i = 0; !rc && i < n_rows; i++) {
		struct descriptor d;

		take_descriptor(t, stored + i * each, &d);
		rc = sequence_row(t, n, row0 + i, &d, row_bytes, dst + i * row_bytes, err);
	}
	free(stored);
	return rc;
}

int h5_frame_rows(const struct rc_h5_tree *t, const struct rc_h5_node *n, uint64_t row0,
		  uint64_t n_rows, size_t row_bytes, void *dst, struct rc_err *err)
{
	if (n->rows == RC_H5_SEQUENCES)
		return sequence_rows(t, n, row0, n_rows, row_bytes, dst, err);
	if (n->dataset->rank != 2 || n->dataset->dtype != RC_U8 ||
	    n->dataset->dims[1] != row_bytes)
		return rc_fail(err, RC_E_INPUT, "input_changed",
			       "the shape of '%s' changed since the scan", n->path);
	return stored_rows(t, n, row0, n_rows, dst, err);
}

/* --- recognising ------------------------------------------------------------------------------ */

/* What is known of the rows of one dataset so far. */
struct look {
	const struct rc_h5_tree *t;
	struct rc_h5_node *n;
	uint32_t *lengths;   /* of sequences, else NULL */
	uint64_t n_rows, row_bytes, total_bytes;
	uint8_t *row;
	struct rc_frames head; /* of the first picture that was seen */
	uint64_t seen[MAX_LOOKS];
	size_t n_seen;
	uint64_t i_picture, i_other; /* UINT64_MAX: none seen */
	enum rc_frame_codec other;
	struct rc_err err;   /* why a row could not be read */
};

static bool addresses_of_8(const struct rc_h5_tree *t)
{
	size_t addr = 0, size = 0;
	hid_t p = H5Fget_create_plist(t->here);
	bool ok = p >= 0 && H5Pget_sizes(p, &addr, &size) >= 0 && addr == 8;

	if (p >= 0)
		H5Pclose(p);
	return ok;
}

/* From the descriptors.  False: they cannot be read. */
static bool take_lengths(struct look *k)
{
	enum { AT_ONCE = 1024 };
	size_t each = (size_t)k->n->dataset->dims[1];
	uint8_t *stored = NULL;
	bool ok = addresses_of_8(k->t) &&
		  !rc_new_array(&k->lengths, k->n_rows, sizeof *k->lengths, NULL) &&
		  !rc_new_array(&stored, AT_ONCE, each, NULL);

	for (uint64_t at = 0; ok && at < k->n_rows; at += AT_ONCE) {
		uint64_t n = k->n_rows - at < AT_ONCE ? k->n_rows - at : AT_ONCE;

		ok = !stored_rows(k->t, k->n, at, n, stored, NULL);
		for (uint64_t i = 0; ok && i < n; i++) {
			struct descriptor d;
			take_descriptor(k->t, stored + i * each, &d);
			k->lengths[at + i] = (uint32_t)d.n;
			k->total_bytes += d.n;
			if (d.n > k->row_bytes)
				k->row_bytes = d.n;
		}
	}
	free(stored);
	return ok;
}

static bool all_zero(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && !memcmp(p, p + 1, n - 1));
}

/* Reads one row and sorts it in; empty ones, as of a camera that had not begun, say nothing. */
static bool look_at(struct look *k, uint64_t i)
{
	enum rc_frame_codec codec;

	for (size_t s = 0; s < k->n_seen; s++)
		if (k->seen[s] == i)
			return true;
	if (k->n_seen == MAX_LOOKS || (k->lengths && !k->lengths[i]))
		return true;
	k->seen[k->n_seen++] = i;
	if (h5_frame_rows(k->t, k->n, i, 1, (size_t)k->row_bytes, k->row, &k->err))
		return false;
	codec = frames_sniff(k->row, (size_t)k->row_bytes);
	if (codec != RC_FRAME_RAW && k->i_picture == UINT64_MAX) {
		k->i_picture = i;
		if (!frames_head(k->row, (size_t)k->row_bytes, &k->head))
			k->head = (struct rc_frames){ .codec = codec };
	} else if (codec != k->head.codec && k->i_other == UINT64_MAX &&
		   !all_zero(k->row, (size_t)k->row_bytes)) {
		k->i_other = i;
		k->other = codec;
	}
	return true;
}

/* Both ends, the middle, the longest and the shortest; and rows as long as raw pixels would be. */
static bool look_around(struct look *k)
{
	uint64_t longest = 0, shortest = 0, pixels;

	if (!look_at(k, 0))
		return false;
	/* most rows of bytes are something else; sequences may be mixed */
	if (!k->lengths && k->i_other == 0)
		return true;
	if (!look_at(k, k->n_rows / 2) || !look_at(k, k->n_rows - 1))
		return false;
	if (!k->lengths || k->i_picture == UINT64_MAX)
		return true;
	for (uint64_t i = 0; i < k->n_rows; i++) {
		if (k->lengths[i] > k->lengths[longest])
			longest = i;
		if (k->lengths[i] && (!k->lengths[shortest] ||
				      k->lengths[i] < k->lengths[shortest]))
			shortest = i;
	}
	pixels = (uint64_t)k->head.height * k->head.width * k->head.depth;
	for (uint64_t i = 0; pixels && i < k->n_rows; i++)
		if ((k->lengths[i] == pixels || k->lengths[i] == pixels * 3) && !look_at(k, i))
			return false;
	return look_at(k, longest) && look_at(k, shortest);
}

static void say_mixed(struct look *k)
{
	h5_problem(k->n, "mixed_frames", "frame %llu is %s and frame %llu is %s",
		   (unsigned long long)k->i_picture, rc_frame_codec_name(k->head.codec),
		   (unsigned long long)k->i_other,
		   k->other == RC_FRAME_RAW ? "no encoded picture" : rc_frame_codec_name(k->other));
}

static void forget_problem(struct rc_h5_node *n)
{
	free((char *)n->problem);
	n->problem = n->problem_code = NULL;
}

/* The node becomes rows of encoded bytes. */
static int take_as_frames(struct rc_h5_tree *t, struct look *k, struct rc_err *err)
{
	struct rc_h5_node *n = k->n;
	struct rc_dataset d = *n->dataset;
	uint32_t i;
	int rc;

	d.frames = k->head;
	d.frames.max_bytes = k->row_bytes;
	if (k->lengths) { /* filters and chunks are those of the descriptors */
		d.storage = RC_STORE_READER;
		d.dims[1] = k->row_bytes;
		d.n_filters = 0;
		memset(d.filters, 0, sizeof d.filters);
		memset(d.chunk, 0, sizeof d.chunk);
		n->address = RC_NO_ADDRESS;
		n->stored_bytes = k->total_bytes;
	}
	rc = rc_forms_add(&t->forms, &d, &i, err);
	if (rc)
		return rc;
	n->dataset = t->forms.p[i];
	forget_problem(n);
	n->usable = true;
	return 0;
}

static bool padding_is_sane(const struct look *k)
{
	uint64_t padded;

	return rc_mul(k->n_rows, k->row_bytes, &padded) &&
	       (padded <= FREE_PADDING || padded / MAX_PADDING <= k->total_bytes);
}

int h5_find_frames(struct rc_h5_tree *t, struct rc_h5_node *n, struct rc_err *err)
{
	const struct rc_dataset *d = n->dataset;
	struct look k = { .t = t, .n = n, .i_picture = UINT64_MAX, .i_other = UINT64_MAX };
	int rc = 0;

	if (d->rank != 2 || d->dtype != RC_U8 || d->dims[0] == 0 ||
	    (n->rows == RC_H5_NUMBERS && !n->usable))
		return 0;
	k.n_rows = d->dims[0];
	if (n->rows == RC_H5_SEQUENCES && !take_lengths(&k))
		goto done;
	if (k.total_bytes > t->file_bytes) {
		forget_problem(n);
		h5_problem(n, "beyond_file", "its sequences claim more bytes than the file has");
		goto done;
	}
	if (n->rows != RC_H5_SEQUENCES) {
		k.row_bytes = d->dims[1];
		k.total_bytes = n->stored_bytes;
	}
	if (k.row_bytes < MIN_FRAME_BYTES || k.row_bytes > MAX_FRAME_BYTES ||
	    rc_new_array(&k.row, k.row_bytes, 1, NULL))
		goto done;
	if (!look_around(&k)) {
		if (k.lengths) {
			forget_problem(n);
			h5_problem(n, "unreadable", "%s", k.err.msg);
		}
		goto done;
	}
	if (k.i_picture == UINT64_MAX)
		goto done;
	if (k.i_other != UINT64_MAX) {
		forget_problem(n);
		say_mixed(&k);
	} else if (k.lengths && !padding_is_sane(&k)) {
		forget_problem(n);
		h5_problem(n, "uneven_frames", "its frames have %llu bytes in all, but one has "
			   "%llu, to which the others would be padded",
			   (unsigned long long)k.total_bytes, (unsigned long long)k.row_bytes);
	} else {
		rc = take_as_frames(t, &k, err);
	}
done:
	H5Eclear2(H5E_DEFAULT);
	free(k.lengths);
	free(k.row);
	return rc;
}
