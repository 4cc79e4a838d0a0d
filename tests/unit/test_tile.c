/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows a tile takes, and that leaving out the others changes no bit of a result. */
#include "base/compat.h"

#include <criterion/criterion.h>

#include "kernels/kernels.h"
#include "work.h"

enum { MAX_ROWS = 4000, MAX_TICKS = 300, WIDTH = 5 };

static uint64_t rng_state = 7;

static uint64_t rng(uint64_t below)
{
	rng_state ^= rng_state >> 12;
	rng_state ^= rng_state << 25;
	rng_state ^= rng_state >> 27;
	return rng_state * 0x2545f4914f6cdd1du % below;
}

/* One stream of one source, as the plan and the reader would describe it. */
struct made {
	struct rc_dataset d;
	struct rc_stream s;
	struct rc_index ix;
	struct rc_plan_source src;
	struct rc_plan_stream ps;
	struct rc_index_episode ie;
	struct rc_plan_episode e;
	struct rc_out_stream out;
	struct rc_track track;
	struct rc_work w;
	int64_t t[MAX_ROWS], ticks[MAX_TICKS];
	float x[MAX_ROWS][WIDTH];
};

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void make(struct made *m, uint64_t n, uint64_t n_ticks)
{
	memset(m, 0, sizeof *m);
	m->d = (struct rc_dataset){.dtype = RC_F32, .rank = 2, .dims = {n, WIDTH}};
	m->s = (struct rc_stream){.n_rows = n};
	m->ix = (struct rc_index){.datasets = &m->d, .streams = &m->s,
				  .episodes = &m->ie};
	m->src = (struct rc_plan_source){.clock = RC_CLOCK_MEASURED, .width = WIDTH};
	m->ps = (struct rc_plan_stream){.dtype = RC_F32, .row_elements = WIDTH,
					.row_bytes = 4 * WIDTH, .sources = &m->src, .n_sources = 1};
	m->e = (struct rc_plan_episode){.streams = &m->ps, .n_streams = 1,
					.timing = RC_TIMING_RATE};
	m->track = (struct rc_track){.t = m->t, .n = n};
	m->w.plan = &m->e;
	m->w.ix = &m->ix;
	m->w.tracks = &m->track;
	m->w.out = &m->out;
	m->w.ticks = m->ticks;
	m->w.n_ticks = n_ticks;
	/* bursts, equal stamps and pauses */
	for (uint64_t i = 0, now = 1000; i < n; i++) {
		now += rng(4) ? rng(10) : rng(20) ? 0 : 5000;
		m->t[i] = (int64_t)now;
		for (int c = 0; c < WIDTH; c++)
			m->x[i][c] = (float)rng(1000) / 7;
	}
	for (uint64_t k = 0, now = 900; k < n_ticks; k++) {
		now += rng(2 * (uint64_t)(m->t[n - 1] + 200 - 900) / n_ticks + 1);
		m->ticks[k] = rng(4) ? (int64_t)now : m->t[rng(n)];
	}
	qsort(m->ticks, n_ticks, sizeof *m->ticks, by_time);
}

/* Rows as a set, by looking at every tick and every sample. */
static uint64_t touched(const struct made *m, const struct rc_tile *t, bool *rows)
{
	uint64_t n = m->track.n, count = 0;

	memset(rows, 0, MAX_ROWS);
	for (uint32_t k = 0; k < t->n_rows; k++) {
		uint64_t last = 0;

		while (last + 1 < n && m->t[last + 1] <= m->ticks[t->row0 + k])
			last++;
		rows[last] = true;
		if (last + 1 < n && m->t[0] <= m->ticks[t->row0 + k])
			rows[last + 1] = true;
	}
	for (uint64_t i = 0; i < n; i++)
		count += rows[i];
	return count;
}

/* The tile over these rows, computed on the processor. */
static void compute(const struct made *m, const struct rc_tile *t, const struct rc_row_run *runs,
		    size_t n_runs, float *out)
{
	static char in[MAX_ROWS * (8 + 4 * WIDTH) + MAX_TICKS * 8] __attribute__((aligned(64)));
	static float result[MAX_TICKS * WIDTH] __attribute__((aligned(64)));
	struct rc_job j = {.n_ticks = t->n_rows, .width = WIDTH, .dst_stride = WIDTH,
			   .src_dtype = RC_F32, .dst_dtype = RC_F32,
			   .method = (uint8_t)m->src.method, .quat_first = 1};
	struct rc_batch b = {in, result, sizeof in, sizeof result, &j, 1};
	struct rc_device *cpu = NULL;
	size_t at = t->n_rows * sizeof(int64_t);
	struct rc_err err = {0};

	memcpy(in, m->ticks + t->row0, at);
	j.src_t = at;
	for (size_t i = 0; i < n_runs; at += runs[i++].n * 8) {
		memcpy(in + at, m->t + runs[i].row0, runs[i].n * 8);
		j.n_src += (uint32_t)runs[i].n;
	}
	j.src = at;
	for (size_t i = 0; i < n_runs; at += runs[i++].n * sizeof *m->x)
		memcpy(in + at, m->x[runs[i].row0], runs[i].n * sizeof *m->x);
	cr_assert_eq(rc_backend_find("cpu")->open(NULL, &cpu, NULL), 0);
	cr_assert_eq(rc_cpu_compute(cpu, &b, &err), 0, "%s", err.msg);
	rc_backend_find("cpu")->close(cpu);
	memcpy(out, result, t->n_rows * sizeof *m->x);
}

Test(tile, rows_between_ticks_are_left_out)
{
	static struct made m;
	static float a[MAX_TICKS * WIDTH], b[MAX_TICKS * WIDTH];
	static bool want[MAX_ROWS];
	const enum rc_method methods[] = {RC_METHOD_LINEAR, RC_METHOD_SLERP, RC_METHOD_NEAREST,
					  RC_METHOD_PREVIOUS};
	struct rc_row_run runs[MAX_TICKS], all;
	int n_left_out = 0;

	for (int round = 0; round < 400; round++) {
		struct rc_tile t = {0};
		uint64_t n = 1 + rng(round % 2 ? 50 : MAX_ROWS - 1), rows = 0, n_want;
		size_t n_runs;

		make(&m, n, 1 + rng(MAX_TICKS - 1));
		t.row0 = rng(m.w.n_ticks);
		t.n_rows = (uint32_t)(1 + rng(m.w.n_ticks - t.row0));
		rc_tile_need(&m.w, &t);
		n_runs = rc_tile_rows(&m.w, &t, 0, runs);
		cr_assert_leq(n_runs, t.n_rows);
		for (size_t i = 0; i < n_runs; i++) {
			cr_assert_gt(runs[i].n, 0);
			cr_assert(!i || runs[i].row0 > runs[i - 1].row0 + runs[i - 1].n);
			cr_assert_leq(runs[i].row0 + runs[i].n, n);
			rows += runs[i].n;
		}
		cr_assert_leq(rows, 2 * (uint64_t)t.n_rows);
		cr_assert_geq(t.need.in, t.n_rows * 8 + rows * (8 + 4 * WIDTH));
		n_want = touched(&m, &t, want);
		cr_assert_geq(rows, n_want);
		if (n_runs > 1) { /* then not one row too many */
			cr_assert_eq(rows, n_want);
			n_left_out++;
		}
		for (size_t i = 0; i < n_runs; i++)
			for (uint64_t r = 0; r < runs[i].n; r++)
				n_want -= want[runs[i].row0 + r];
		cr_assert_eq(n_want, 0, "a row that a tick touches is missing");
		all = (struct rc_row_run){0, n};
		for (size_t i = 0; i < 4; i++) {
			m.src.method = methods[i];
			compute(&m, &t, &all, 1, a);
			compute(&m, &t, runs, n_runs, b);
			cr_assert_eq(memcmp(a, b, t.n_rows * sizeof *m.x), 0, "round %d, %s", round,
				     rc_method_name(methods[i]));
		}
	}
	cr_assert_gt(n_left_out, 50);
}

/* What the plan says a part takes is never less than what the clocks say. */
Test(tile, the_plan_knows_the_most)
{
	static struct made m;

	for (int round = 0; round < 200; round++) {
		struct rc_tile t = {0};
		struct rc_need n;

		make(&m, 1 + rng(MAX_ROWS - 1), 1 + rng(MAX_TICKS - 1));
		m.out.chunk_rows = rng(2) ? 1 + rng(40) : 0;
		m.ps.encoding.codec = m.out.chunk_rows && rng(2) ? RC_CODEC_GZIP : RC_CODEC_NONE;
		t.row0 = rng(m.w.n_ticks);
		t.n_rows = (uint32_t)(1 + rng(m.w.n_ticks - t.row0));
		rc_tile_need(&m.w, &t);
		rc_stream_need(&m.ix, &m.e, 0, t.n_rows, m.out.chunk_rows, &n);
		cr_assert_leq(t.need.in, n.in);
		cr_assert_eq(t.need.out, n.out);
		cr_assert_eq(t.need.enc, n.enc);
		cr_assert_geq(n.out, t.n_rows * 4 * WIDTH);
		cr_assert_eq(n.enc > 0, m.ps.encoding.codec != RC_CODEC_NONE);
		cr_assert_eq(n.jobs, 1);
	}
}
