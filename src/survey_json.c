/* SPDX-License-Identifier: Apache-2.0 */
/* The survey as JSON, for programs. */
#include "base/compat.h"

#include "survey.h"

#include "base/clock.h"
#include "formats/codec.h"

static double ms(int64_t ns)
{
	return (double)ns / 1e6;
}

static void text_or_null(struct rc_json *o, const char *key, const struct rc_index *ix,
			 uint32_t off)
{
	const char *s = rc_index_str(ix, off);

	rc_json_add_string(o, key, *s ? s : NULL);
}

static void measured_json(struct rc_json *o, const struct rc_index *ix,
			  const struct rc_stream_clock *c, const struct rc_survey_clock *m)
{
	const struct rc_clock_quality *q = &m->q;
	struct rc_json *iv;

	rc_json_add_string(o, "path", rc_index_str(ix, ix->datasets[c->dataset].path));
	if (c->rows)
		rc_json_add_string(o, "rows", rc_index_str(ix, ix->datasets[c->rows - 1].path));
	text_or_null(o, "unit", ix, c->unit_name);
	text_or_null(o, "unit_origin", ix, c->unit_origin);
	if (m->err) {
		rc_json_add_string(o, "error", m->err->msg);
		return;
	}
	if (q->rate_hz > 0)
		rc_json_add_double(o, "rate_hz", q->rate_hz);
	else
		rc_json_add_null(o, "rate_hz");
	iv = rc_json_add_object(o, "interval_ms");
	rc_json_add_double(iv, "p50", ms(q->p50_ns));
	rc_json_add_double(iv, "p99", ms(q->p99_ns));
	rc_json_add_double(iv, "max", ms(q->max_ns));
	rc_json_add_uint(o, "gaps", q->gaps);
	rc_json_add_uint(o, "duplicated", q->duplicates);
	rc_json_add_uint(o, "out_of_order", q->backwards);
	rc_json_add_ns(o, "first_ns", c->first_ns);
	rc_json_add_ns(o, "last_ns", c->last_ns);
}

static void clock_json(struct rc_json *stream, const struct rc_index *ix,
		       const struct rc_stream_clock *c, const struct rc_survey_clock *m)
{
	struct rc_json *o = rc_json_add_object(stream, "clock");

	rc_json_add_string(o, "kind", rc_clock_kind_name((enum rc_clock_kind)c->kind));
	if (c->kind == RC_CLOCK_MEASURED) {
		measured_json(o, ix, c, m);
	} else if (c->kind == RC_CLOCK_NOMINAL) {
		rc_json_add_double(o, "rate_hz", (double)c->rate_num / (double)c->rate_den);
		if (c->anchored)
			rc_json_add_ns(o, "first_ns", c->first_ns);
		text_or_null(o, "rate_origin", ix, c->rate_origin);
	}
}

static void storage_json(struct rc_json *o, const struct rc_dataset *d)
{
	static const char *const storage[] = {
		[RC_STORE_CONTIGUOUS] = "contiguous",
		[RC_STORE_CHUNKED] = "chunked",
		[RC_STORE_READER] = "other",
	};
	struct rc_json *list;
	char name[32];

	rc_json_add_string(o, "storage", storage[d->storage]);
	list = rc_json_add_array(o, "filters");
	for (uint32_t i = 0; i < d->n_filters; i++) {
		struct rc_json *f = rc_json_add_object(list, NULL);

		rc_filter_name(d->filters[i].id, name, sizeof name);
		rc_json_add_string(f, "name", name);
		rc_json_add_int(f, "id", d->filters[i].id);
	}
	list = rc_json_add_array(o, "chunk");
	for (uint32_t i = 0; d->storage == RC_STORE_CHUNKED && i < d->rank; i++)
		rc_json_add_uint(list, NULL, d->chunk[i]);
	/* of the dataset, which episodes may share */
	rc_json_add_uint(o, "stored_bytes", d->stored_bytes);
}

/* What the first of encoded frames says; its shape is empty where that is not understood. */
static void frames_json(struct rc_json *o, const struct rc_frames *f)
{
	struct rc_json *list;

	if (f->codec == RC_FRAME_RAW)
		return;
	rc_json_add_string(o, "encoding", rc_frame_codec_name(f->codec));
	list = rc_json_add_array(o, "frame_shape");
	if (!f->height)
		return;
	rc_json_add_uint(list, NULL, f->height);
	rc_json_add_uint(list, NULL, f->width);
	rc_json_add_uint(list, NULL, f->channels);
	rc_json_add_string(o, "frame_dtype", rc_dtype_name(f->depth == 2 ? RC_U16 : RC_U8));
}

static void stream_json(struct rc_json *list, const struct rc_survey_file *f, uint32_t i)
{
	const struct rc_index *ix = f->scanned->index;
	const struct rc_stream *s = &ix->streams[i];
	const struct rc_dataset *d = &ix->datasets[s->dataset];
	struct rc_json *o = rc_json_add_object(list, NULL), *shape;

	rc_json_add_string(o, "name", rc_index_str(ix, s->name));
	rc_json_add_string(o, "path", rc_index_str(ix, d->path));
	rc_json_add_string(o, "dtype", rc_dtype_name((enum rc_dtype)d->dtype));
	shape = rc_json_add_array(o, "shape");
	rc_json_add_uint(shape, NULL, s->n_rows);
	for (uint32_t k = 1; k < d->rank; k++)
		rc_json_add_uint(shape, NULL, d->dims[k]);
	rc_json_add_uint(o, "first_row", s->row0);
	rc_json_add_string(o, "kind", rc_kind_name((enum rc_kind)s->kind));
	rc_json_add_string(o, "role", rc_role_name((enum rc_role)s->role));
	text_or_null(o, "unit", ix, s->unit);
	text_or_null(o, "quaternion_order", ix, s->quat_order);
	text_or_null(o, "quaternion_origin", ix, s->quat_origin);
	clock_json(o, ix, &s->clock, &f->clocks[i]);
	storage_json(o, d);
	frames_json(o, &d->frames);
}

static void episode_json(struct rc_json *list, const struct rc_survey_file *f, uint32_t i)
{
	const struct rc_index *ix = f->scanned->index;
	const struct rc_index_episode *e = &ix->episodes[i];
	struct rc_json *o = rc_json_add_object(list, NULL), *streams;
	double duration = rc_survey_duration(ix, i);

	rc_json_add_string(o, "key", rc_index_str(ix, e->key));
	if (duration >= 0)
		rc_json_add_double(o, "duration_s", duration);
	else
		rc_json_add_null(o, "duration_s");
	text_or_null(o, "language", ix, e->language);
	if (e->success >= 0)
		rc_json_add_bool(o, "success", e->success > 0);
	else
		rc_json_add_null(o, "success");
	streams = rc_json_add_array(o, "streams");
	for (uint32_t k = 0; k < e->n_streams; k++)
		stream_json(streams, f, e->first_stream + k);
}

static void note_json(struct rc_json *list, const char *severity, const char *code,
		      const char *where, const char *message)
{
	struct rc_json *o = rc_json_add_object(list, NULL);

	rc_json_add_string(o, "severity", severity);
	rc_json_add_string(o, "code", code);
	rc_json_add_string(o, "where", where);
	rc_json_add_string(o, "message", message);
}

static void notes_json(struct rc_json *o, const struct rc_survey_file *f)
{
	const struct rc_index *ix = f->scanned->index;
	struct rc_json *list = rc_json_add_array(o, "notes");

	for (uint32_t i = 0; i < ix->n_notes; i++) {
		const struct rc_note *n = &ix->notes[i];

		note_json(list, rc_severity_name((enum rc_severity)n->severity),
			  rc_index_str(ix, n->code), rc_index_str(ix, n->where),
			  rc_index_str(ix, n->message));
	}
	for (uint32_t i = 0; i < ix->n_streams; i++) {
		const struct rc_err *e = f->clocks[i].err;

		if (e)
			note_json(list, rc_severity_name(RC_NOTE_WARNING), e->reason,
				  rc_index_str(ix, ix->datasets[ix->streams[i].dataset].path),
				  e->msg);
	}
}

static void conventions_json(struct rc_json *o, const struct rc_index *ix)
{
	struct rc_json *list = rc_json_add_array(o, "conventions");

	for (uint32_t i = 0; i < ix->n_conventions; i++) {
		const struct rc_index_convention *c = &ix->conventions[i];
		struct rc_json *j = rc_json_add_object(list, NULL);

		rc_json_add_string(j, "key", rc_index_str(ix, c->key));
		rc_json_add_string(j, "value", rc_index_str(ix, c->value));
		rc_json_add_string(j, "origin", rc_index_str(ix, c->origin));
		rc_json_add_string(j, "where", rc_index_str(ix, c->where));
	}
}

static const char *env_args(const struct rc_index *ix)
{
	for (uint32_t i = 0; i < ix->n_episodes; i++)
		if (*rc_index_str(ix, ix->episodes[i].env_args))
			return rc_index_str(ix, ix->episodes[i].env_args);
	return NULL;
}

struct rc_json *rc_survey_file_json(const struct rc_survey_file *f)
{
	const struct rc_index *ix = f->scanned->index;
	struct rc_json *o = rc_json_new_object(), *list;
	char utc[32];

	rc_json_add_string(o, "path", f->scanned->path);
	rc_json_add_string(o, "status", ix ? "ok" : "unreadable");
	if (!ix) {
		rc_json_add_string(o, "reason", f->scanned->err.reason);
		rc_json_add_string(o, "message", f->scanned->err.msg);
		return o;
	}
	rc_format_utc(utc, ix->mtime_ns);
	rc_json_add_uint(o, "bytes", ix->file_bytes);
	rc_json_add_string(o, "mtime", utc);
	rc_json_add_string(o, "layout", rc_index_str(ix, ix->layout));
	rc_json_add_uint(o, "layout_score", ix->layout_score);
	rc_json_add_string(o, "layout_reason", rc_index_str(ix, ix->layout_reason));
	rc_json_add_string(o, "env_args", env_args(ix));
	list = rc_json_add_array(o, "episodes");
	for (uint32_t i = 0; i < ix->n_episodes; i++)
		episode_json(list, f, i);
	conventions_json(o, ix);
	notes_json(o, f);
	return o;
}
