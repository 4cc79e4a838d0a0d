/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "bench_batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kernels/shared_math.h"
#include "tile.h"

enum { SPAN_NS = 1000000000 };

static uint64_t next(uint64_t *state) /* splitmix64 */
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint32_t up_to(uint64_t *state, uint32_t most)
{
	return 1 + (uint32_t)(next(state) % most);
}

/* --- shapes ----------------------------------------------------------------------------------- */

static struct rc_bench_shape shape_of(const struct rc_bench_preset *p, uint64_t *state)
{
	struct rc_bench_shape s = {.ticks = p->ticks, .n_streams = p->n_streams};

	if (!p->ticks)
		s.ticks = up_to(state, p->stream[0].rows);
	for (uint32_t i = 0; i < p->n_streams; i++) {
		s.rows[i] = p->ticks ? p->stream[i].rows : up_to(state, p->stream[i].rows);
		s.width[i] = p->ticks ? p->stream[i].width : up_to(state, p->stream[i].width);
	}
	return s;
}

static uint32_t row_width(const struct rc_bench_shape *s)
{
	uint32_t w = 0;

	for (uint32_t i = 0; i < s->n_streams; i++)
		w += s->width[i];
	return w;
}

static void add_size(const struct rc_bench_preset *p, const struct rc_bench_shape *s,
		     struct rc_lane_size *z)
{
	const size_t src = rc_dtype_size(p->src), dst = rc_dtype_size(p->dst);

	z->in_bytes += rc_aligned(s->ticks * sizeof(int64_t));
	for (uint32_t i = 0; i < s->n_streams; i++) {
		z->in_bytes += rc_aligned(s->rows[i] * sizeof(int64_t));
		z->in_bytes += rc_aligned((size_t)s->rows[i] * s->width[i] * src);
	}
	z->out_bytes += rc_aligned((size_t)s->ticks * row_width(s) * dst);
	z->n_jobs += s->n_streams;
}

int rc_bench_make(const struct rc_bench_preset *p, struct rc_bench_made *m_out, struct rc_err *err)
{
	struct rc_bench_made m = {.preset = p};
	uint64_t state = 1;
	int rc = rc_new_array(&m.episode, p->episodes, sizeof *m.episode, err);

	for (uint32_t i = 0; i < p->episodes && !rc; i++) {
		m.episode[i] = shape_of(p, &state);
		add_size(p, &m.episode[i], &m.size);
	}
	*m_out = m;
	return rc;
}

void rc_bench_made_release(struct rc_bench_made *m)
{
	free(m->episode);
}

/* --- values ----------------------------------------------------------------------------------- */

/* n stamps over SPAN_NS; jitter: each off by up to 5 % of the interval. */
static void fill_clock(int64_t *t, uint32_t n, bool jitter, uint64_t *state)
{
	const int64_t step = SPAN_NS / n, most = step / 20;

	for (uint32_t k = 0; k < n; k++) {
		t[k] = (int64_t)((double)SPAN_NS * k / n);
		if (jitter && most)
			t[k] += (int64_t)(next(state) % (uint64_t)(2 * most)) - most;
	}
}

/* Values in -1 ... 1, none of them special: 24 random bits at a time. */
static void fill_values(char *p, size_t n, enum rc_dtype t, uint64_t *state)
{
	for (size_t i = 0; i < n; i++) {
		float v = (float)(next(state) >> 40) * 0x1p-23f - 1.0f;

		if (t == RC_F32) {
			memcpy(p + 4 * i, &v, sizeof v);
		} else {
			uint16_t h = rc_f32_to_bf16(v);
			memcpy(p + 2 * i, &h, sizeof h);
		}
	}
}

/* What is being filled. */
struct fill {
	const struct rc_bench_preset *p;
	struct rc_lane *lane;
	size_t in, out, n_jobs;
	uint64_t state;
};

static void fill_stream(struct fill *f, const struct rc_bench_shape *s, uint32_t i,
			struct rc_job *job)
{
	char *in = f->lane->in;
	const size_t n = (size_t)s->rows[i] * s->width[i];

	job->src_t = f->in;
	job->src = f->in + rc_aligned(s->rows[i] * sizeof(int64_t));
	job->n_src = s->rows[i];
	job->width = s->width[i];
	fill_clock((int64_t *)(in + job->src_t), s->rows[i], true, &f->state);
	fill_values(in + job->src, n, f->p->src, &f->state);
	f->in = job->src + rc_aligned(n * rc_dtype_size(f->p->src));
	f->lane->jobs[f->n_jobs++] = *job;
	job->dst += s->width[i] * rc_dtype_size(f->p->dst);
}

static void fill_episode(struct fill *f, const struct rc_bench_shape *s)
{
	const size_t dst = rc_dtype_size(f->p->dst);
	struct rc_job job = {
		.ticks = f->in,
		.dst = f->out,
		.n_ticks = s->ticks,
		.dst_stride = row_width(s),
		.src_dtype = (uint8_t)f->p->src,
		.dst_dtype = (uint8_t)f->p->dst,
		.method = RC_METHOD_LINEAR,
		.quat_first = -1,
	};

	fill_clock((int64_t *)((char *)f->lane->in + f->in), s->ticks, false, &f->state);
	f->in += rc_aligned(s->ticks * sizeof(int64_t));
	for (uint32_t i = 0; i < s->n_streams; i++)
		fill_stream(f, s, i, &job);
	f->out += rc_aligned((size_t)s->ticks * row_width(s) * dst);
}

void rc_bench_fill(const struct rc_bench_made *m, struct rc_lane *lane, struct rc_batch *b_out)
{
	struct fill f = {.p = m->preset, .lane = lane, .state = 2};

	memset(lane->in, 0, m->size.in_bytes);
	memset(lane->out, 0, m->size.out_bytes);
	for (uint32_t i = 0; i < m->preset->episodes; i++)
		fill_episode(&f, &m->episode[i]);
	*b_out = (struct rc_batch){.in = lane->in,
				   .out = lane->out,
				   .in_bytes = f.in,
				   .out_bytes = f.out,
				   .jobs = lane->jobs,
				   .n_jobs = f.n_jobs};
}

/* --- what must be moved ----------------------------------------------------------------------- */

static uint64_t touched_rows(const struct rc_batch *b, const struct rc_job *j)
{
	const int64_t *t = (const int64_t *)((const char *)b->in + j->src_t);
	const int64_t *ticks = (const int64_t *)((const char *)b->in + j->ticks);
	int64_t next_row = 0; /* rows below are counted */
	uint64_t n = 0;

	for (uint32_t k = 0; k < j->n_ticks; k++) {
		const int64_t i = rc_last_not_after(t, j->n_src, ticks[k]);
		const struct rc_tap p = rc_tap_linear(t, j->n_src, i, ticks[k]);
		int64_t lo = p.near < p.far ? p.near : p.far, hi = p.near > p.far ? p.near : p.far;

		lo = lo > next_row ? lo : next_row;
		if (hi >= lo) {
			n += (uint64_t)(hi - lo + 1);
			next_row = hi + 1;
		}
	}
	return n;
}

void rc_bench_compulsory(const struct rc_batch *b, uint64_t *in_out, uint64_t *out_out)
{
	*in_out = *out_out = 0;
	for (size_t i = 0; i < b->n_jobs; i++) {
		const struct rc_job *j = &b->jobs[i];

		*in_out +=
			touched_rows(b, j) * j->width * rc_dtype_size((enum rc_dtype)j->src_dtype);
		*out_out += (uint64_t)j->n_ticks * j->width *
			    rc_dtype_size((enum rc_dtype)j->dst_dtype);
	}
}
