/* SPDX-License-Identifier: Apache-2.0 */
/* The reader process: rows that are encoded pictures, padded to one length or decoded. */
#include "base/compat.h"

#include "formats/serve_private.h"

#include "base/mem.h"
#include "formats/h5private.h"

enum { BATCH_BYTES = 4 << 20 };

/* The dataset as the file has it, looked at once. */
static int need_node(struct server *s, struct open_dataset *d, struct rc_err *err)
{
	struct rc_h5_node *n = NULL;
	int rc = d->node ? 0 : rc_new(&n, err);

	if (rc || d->node)
		return rc;
	n->path = d->path;
	rc = h5_classify(s->files[d->slot].tree, n, d->id, err);
	/* why it is no array of numbers, which is known */
	free((char *)n->problem);
	n->problem = n->problem_code = NULL;
	if (rc)
		free(n);
	else
		d->node = n;
	return rc;
}

static int say_where(uint64_t row, const char *path, struct rc_err *err)
{
	struct rc_err why = *err;

	return rc_fail(err, why.code, why.reason, "frame %llu of '%s': %s",
		       (unsigned long long)row, path, why.msg);
}

/* The scan looked at some frames only. */
static int check_codec(const struct rc_frames *f, const unsigned char *row, struct rc_err *err)
{
	bool empty = !row[0] && !memcmp(row, row + 1, f->max_bytes - 1);

	if (empty || frames_sniff(row, f->max_bytes) == f->codec)
		return 0;
	return rc_fail(err, RC_E_FORMAT, "mixed_frames",
		       "it is no %s as others are; leave the stream out with --drop",
		       rc_frame_codec_name(f->codec));
}

static int decode_batch(struct server *s, const struct open_dataset *d, uint64_t row0,
			uint64_t n, unsigned char *dst, struct rc_err *err)
{
	const struct rc_frames *f = &s->q->frames;
	size_t pixels = (size_t)f->height * f->width * f->channels * f->depth;
	int rc = rc_scratch_need(&s->encoded, n * f->max_bytes, err);

	if (!rc)
		rc = h5_frame_rows(s->files[d->slot].tree, d->node, row0, n, f->max_bytes,
				   s->encoded.p, err);
	for (uint64_t i = 0; !rc && i < n; i++) {
		rc = frames_decode(&s->decoder, f, (char *)s->encoded.p + i * f->max_bytes,
				   f->max_bytes, dst + i * pixels, err);
		if (rc)
			rc = say_where(row0 + i, d->path, err);
	}
	return rc;
}

static int copy_batch(struct server *s, const struct open_dataset *d, uint64_t row0, uint64_t n,
		      unsigned char *dst, struct rc_err *err)
{
	const struct rc_frames *f = &s->q->frames;
	int rc = h5_frame_rows(s->files[d->slot].tree, d->node, row0, n, f->max_bytes, dst, err);

	for (uint64_t i = 0; !rc && i < n; i++) {
		rc = check_codec(f, dst + i * f->max_bytes, err);
		if (rc)
			rc = say_where(row0 + i, d->path, err);
	}
	return rc;
}

int serve_frames(struct server *s, struct open_dataset *d, size_t row_bytes, struct rc_err *err)
{
	const struct rc_request *q = s->q;
	uint64_t most = BATCH_BYTES / q->frames.max_bytes;
	unsigned char *dst = s->shared;
	struct rc_h5_tree *t = s->files[d->slot].tree;
	struct h5_here before;
	int rc;

	if (!h5_enter(t, d->id, &before))
		return rc_h5_fail(err, RC_E_FORMAT, "unreadable", "cannot read '%s'", d->path);
	rc = need_node(s, d, err);
	for (uint64_t at = 0, n; !rc && at < q->n_rows; at += n, dst += n * row_bytes) {
		n = q->n_rows - at;
		if (n > most)
			n = most ? most : 1;
		if (q->frames.order == RC_ORDER_ENCODED)
			rc = copy_batch(s, d, q->row0 + at, n, dst, err);
		else
			rc = decode_batch(s, d, q->row0 + at, n, dst, err);
	}
	h5_leave(t, &before);
	return rc;
}
