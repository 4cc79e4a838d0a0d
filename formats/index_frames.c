/* SPDX-License-Identifier: Apache-2.0 */
/* Datasets of encoded pictures: what their records must say, and what decoding makes of them. */
#include "base/compat.h"

#include "base/mem.h"
#include "formats/codec.h"
#include "formats/frames.h"
#include "formats/index_private.h"

const char *rc_frame_codec_name(uint32_t codec)
{
	static const char *const names[RC_FRAME_CODECS] = {
		[RC_FRAME_RAW] = "raw",
		[RC_FRAME_JPEG] = "jpeg",
		[RC_FRAME_PNG] = "png",
	};

	return codec < RC_FRAME_CODECS ? names[codec] : "unknown";
}

bool rc_frames_decodable(const struct rc_frames *f)
{
	return frames_decodable((enum rc_frame_codec)f->codec);
}

const char *rc_frames_library(const struct rc_frames *f)
{
	return frames_library((enum rc_frame_codec)f->codec);
}

/* The form of d with its pictures decoded; false where their head was not understood, or they
 * have more values than a dataset may. */
static bool decoded_form(struct rc_dataset *d, enum rc_frame_order order)
{
	const struct rc_frames *f = &d->frames;
	uint64_t bytes = f->depth;

	if (!f->height || !rc_mul(bytes, f->height, &bytes) || !rc_mul(bytes, f->width, &bytes) ||
	    !rc_mul(bytes, f->channels, &bytes) ||
	    (d->dims[0] && (!rc_mul(bytes, d->dims[0], &bytes) || bytes > INT64_MAX)))
		return false;
	d->frames.order = order;
	d->storage = RC_STORE_READER;
	d->dtype = f->depth == 2 ? RC_U16 : RC_U8;
	d->rank = f->channels == 1 ? 3 : 4;
	d->dims[1] = f->height;
	d->dims[2] = f->width;
	d->dims[3] = f->channels == 1 ? 0 : f->channels;
	d->address = RC_NO_ADDRESS;
	memset(d->chunk, 0, sizeof d->chunk);
	memset(d->filters, 0, sizeof d->filters);
	d->n_filters = 0; /* of the encoded bytes */
	return true;
}

void rc_index_decode(struct rc_index *ix, enum rc_frame_order order)
{
	struct rc_dataset *d = (struct rc_dataset *)((char *)ix->block +
						     sizeof(struct rc_index_header));
	struct rc_stream *s = (struct rc_stream *)(d + ix->n_datasets);

	if (order == RC_ORDER_ENCODED)
		return;
	for (uint32_t i = 0; i < ix->n_datasets; i++)
		if (d[i].frames.codec != RC_FRAME_RAW && rc_frames_decodable(&d[i].frames))
			decoded_form(&d[i], order);
	for (uint32_t i = 0; i < ix->n_streams; i++)
		if (d[s[i].dataset].frames.order != RC_ORDER_ENCODED)
			s[i].kind = RC_KIND_IMAGE;
}

static bool head_ok(const struct rc_frames *f)
{
	if (!f->height)
		return !f->width && !f->channels && !f->depth;
	return f->width && f->channels >= 1 && f->channels <= 4 && f->depth >= 1 && f->depth <= 2;
}

bool index_frames_ok(const struct rc_dataset *d)
{
	const struct rc_frames *f = &d->frames;

	if (f->codec == RC_FRAME_RAW)
		return !f->order && !f->height && !f->width && !f->channels && !f->depth &&
		       !f->max_bytes;
	/* readers do not decode before the run asks for it */
	return f->codec < RC_FRAME_CODECS && f->order == RC_ORDER_ENCODED && head_ok(f) &&
	       d->rank == 2 && d->dtype == RC_U8 && f->max_bytes && d->dims[1] == f->max_bytes;
}
