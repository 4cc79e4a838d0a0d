/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "reduce.h"

#include <math.h>

#include "kernels/shared_math.h"
#include "tile.h"
#include "work.h"

enum {
	SLICE_BYTES = 256 << 10, /* read at a time */
	WIDE_BYTES = 8 << 20,    /* the same, of chunks side by side */
};

enum rc_dtype rc_reduced_dtype(enum rc_method m, enum rc_dtype source)
{
	return m == RC_METHOD_MEAN ? RC_F64 : source;
}

/* Of chunks that lie side by side and are long, every slice decodes as many as there are in a row,
 * all over again, so few slices it must be. */
static uint64_t slice_rows(const struct rc_dataset *d)
{
	uint64_t row = rc_dataset_row_bytes(d), bytes = SLICE_BYTES;
	bool beside = false;

	for (uint32_t i = 1; d->storage == RC_STORE_CHUNKED && i < d->rank; i++)
		beside |= d->chunk[i] < d->dims[i];
	if (beside && d->chunk[0] > SLICE_BYTES / (row ? row : 1))
		bytes = WIDE_BYTES;
	if (beside && row && d->chunk[0] < bytes / row)
		return d->chunk[0];
	return row < bytes && row ? bytes / row : 1;
}

static uint64_t reduced_bytes(const struct rc_plan_source *src, const struct rc_dataset *d)
{
	return src->width * rc_dtype_size(rc_reduced_dtype(src->method, (enum rc_dtype)d->dtype));
}

uint64_t rc_reduce_bytes(const struct rc_plan_source *src, const struct rc_dataset *d,
			 uint64_t n_ticks)
{
	return rc_aligned(n_ticks * reduced_bytes(src, d)) +
	       rc_aligned(slice_rows(d) * rc_dataset_row_bytes(d));
}

/* --- windows ---------------------------------------------------------------------------------- */

/* Rows [from, to) of tick k; never empty. */
static void window_of(const struct rc_work *w, size_t i_stream, const struct rc_track *tr,
		      uint64_t k, uint64_t *from_out, uint64_t *to_out)
{
	int64_t n = (int64_t)tr->n, tick = rc_tick_of(w, i_stream, k), before;
	uint64_t from, to;

	/* the stamps of a reference may repeat: equal ticks have one window, that of the first */
	if (k && w->ticks[k - 1] == tick)
		k = (uint64_t)(rc_last_not_after(w->ticks, (int64_t)k, tick - 1) + 1);
	before = k ? w->ticks[k - 1] : w->tick_before;
	from = (uint64_t)(rc_last_not_after(tr->t, n, before) + 1);
	to = (uint64_t)(rc_last_not_after(tr->t, n, tick) + 1);
	if (from >= to) {
		to = to ? to : 1;
		from = to - 1;
	}
	*from_out = from;
	*to_out = to;
}

/* --- values ----------------------------------------------------------------------------------- */

/* A row, as element type T, whose values GET makes numbers of. */
#define ADD(T, GET)                                                                                \
	do {                                                                                       \
		const T *v = row;                                                                  \
		for (uint32_t i = 0; i < width; i++)                                               \
			sum[i] += (double)GET(v[i]);                                               \
	} while (0)

/* Unless ODD (a NaN), the one that is MORE than what is there. */
#define PICK(T, GET, ODD)                                                                          \
	do {                                                                                       \
		const T *v = row;                                                                  \
		T *a = best;                                                                       \
		for (uint32_t i = 0; i < width; i++)                                               \
			if (max ? GET(v[i]) > GET(a[i]) || ODD(GET(v[i]))                          \
				: GET(v[i]) < GET(a[i]) || ODD(GET(v[i])))                         \
				a[i] = v[i];                                                       \
	} while (0)
#define SAME(x) (x)
#define NEVER(x) false

static void add(enum rc_dtype t, double *sum, const void *row, uint32_t width)
{
	switch (t) {
	case RC_F16: ADD(uint16_t, rc_f16_to_f32); return;
	case RC_BF16: ADD(uint16_t, rc_bf16_to_f32); return;
	case RC_F32: ADD(float, SAME); return;
	case RC_F64: ADD(double, SAME); return;
	case RC_I8: ADD(int8_t, SAME); return;
	case RC_I16: ADD(int16_t, SAME); return;
	case RC_I32: ADD(int32_t, SAME); return;
	case RC_I64: ADD(int64_t, SAME); return;
	case RC_BOOL:
	case RC_U8: ADD(uint8_t, SAME); return;
	case RC_U16: ADD(uint16_t, SAME); return;
	case RC_U32: ADD(uint32_t, SAME); return;
	case RC_U64: ADD(uint64_t, SAME); return;
	case RC_DTYPE_COUNT: return;
	}
}

static void pick(enum rc_dtype t, bool max, void *best, const void *row, uint32_t width)
{
	switch (t) {
	case RC_F16: PICK(uint16_t, rc_f16_to_f32, isnan); return;
	case RC_BF16: PICK(uint16_t, rc_bf16_to_f32, isnan); return;
	case RC_F32: PICK(float, SAME, isnan); return;
	case RC_F64: PICK(double, SAME, isnan); return;
	case RC_I8: PICK(int8_t, SAME, NEVER); return;
	case RC_I16: PICK(int16_t, SAME, NEVER); return;
	case RC_I32: PICK(int32_t, SAME, NEVER); return;
	case RC_I64: PICK(int64_t, SAME, NEVER); return;
	case RC_BOOL:
	case RC_U8: PICK(uint8_t, SAME, NEVER); return;
	case RC_U16: PICK(uint16_t, SAME, NEVER); return;
	case RC_U32: PICK(uint32_t, SAME, NEVER); return;
	case RC_U64: PICK(uint64_t, SAME, NEVER); return;
	case RC_DTYPE_COUNT: return;
	}
}

/* --- rows ------------------------------------------------------------------------------------- */

/* Rows of the source that are in memory. */
struct slice {
	const struct rc_work *w;
	const struct rc_stream *s;
	struct rc_input *input;
	char *p;
	uint64_t row_bytes, most, first, n; /* most: rows that there is room for */
};

/* Row i, read with those behind it that are wanted too, up to `end`. */
static int row_at(struct slice *c, uint64_t i, uint64_t end, const char **row_out,
		  struct rc_err *err)
{
	int rc = 0;

	if (i < c->first || i >= c->first + c->n) {
		struct rc_row_run run = {c->s->row0 + i, c->most};

		if (run.n > end - i)
			run.n = end - i;
		c->first = i;
		c->n = run.n;
		rc = rc_input_rows(c->input, c->w->ix, c->s->dataset, &run, 1, c->p,
				   run.n * c->row_bytes, err);
	}
	*row_out = c->p + (i - c->first) * c->row_bytes;
	return rc;
}

static int reduce_window(struct slice *c, const struct rc_plan_source *src, enum rc_dtype t,
			 const uint64_t rows[2], uint64_t end, void *out, struct rc_err *err)
{
	const char *row;
	int rc = 0;

	for (uint32_t i = 0; src->method == RC_METHOD_MEAN && i < src->width; i++)
		((double *)out)[i] = -0.0; /* to which even -0 adds as itself */
	for (uint64_t i = rows[0]; i < rows[1]; i++) {
		rc = row_at(c, i, end, &row, err);
		if (rc)
			return rc;
		if (src->method == RC_METHOD_MEAN)
			add(t, out, row, src->width);
		else if (i == rows[0])
			memcpy(out, row, c->row_bytes);
		else
			pick(t, src->method == RC_METHOD_MAX, out, row, src->width);
	}
	for (uint32_t i = 0; src->method == RC_METHOD_MEAN && i < src->width; i++)
		((double *)out)[i] /= (double)(rows[1] - rows[0]);
	return 0;
}

int rc_reduce_read(const struct rc_work *w, const struct rc_tile *t, size_t k,
		   struct rc_input *input, void *place, struct rc_err *err)
{
	const struct rc_plan_source *src = &w->plan->streams[t->stream].sources[k];
	const struct rc_track *tr = rc_work_track(w, t->stream, k);
	const struct rc_stream *s = rc_plan_input(w->ix, w->plan, src);
	const struct rc_dataset *d = &w->ix->datasets[s->dataset];
	uint64_t out_bytes = reduced_bytes(src, d), rows[2], end, ignored;
	struct slice c = {.w = w, .s = s, .input = input, .row_bytes = rc_dataset_row_bytes(d),
			  .most = slice_rows(d)};
	int rc = 0;

	c.p = (char *)place + rc_aligned(t->n_rows * out_bytes);
	window_of(w, t->stream, tr, t->row0 + t->n_rows - 1, &ignored, &end);
	for (uint64_t i = 0; i < t->n_rows && !rc; i++) {
		const uint64_t tick = t->row0 + i;
		char *out = (char *)place + i * out_bytes;

		if (i && rc_tick_of(w, t->stream, tick) == w->ticks[tick - 1]) {
			memcpy(out, out - out_bytes, out_bytes);
			continue;
		}
		window_of(w, t->stream, tr, tick, &rows[0], &rows[1]);
		rc = reduce_window(&c, src, (enum rc_dtype)d->dtype, rows, end, out, err);
	}
	return rc;
}
