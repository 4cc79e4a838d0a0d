/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "bench.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bench_batch.h"

#define F32(name, summary, ...) {name, summary, RC_F32, RC_F32, __VA_ARGS__}
#define BF16(name, summary, ...) {name, summary, RC_BF16, RC_BF16, __VA_ARGS__}
#define F32_BF16(name, summary, ...) {name, summary, RC_F32, RC_BF16, __VA_ARGS__}

/* The seed-* and train-* shapes are those of perf tables that others have published. */
const struct rc_bench_preset rc_bench_presets[] = {
	BF16("seed-resample", "32 episodes of 500x256 to 256 ticks", 32, 256, 1, {{500, 256}},
	     false),
	BF16("seed-fuse", "4 episodes of 30x512, 100x64, 200x12 to 50 ticks", 4, 50, 3,
	     {{30, 512}, {100, 64}, {200, 12}}, false),
	F32("seed-fuse-f32", "the same in float32", 4, 50, 3, {{30, 512}, {100, 64}, {200, 12}},
	    false),
	BF16("train-resample", "256 episodes of 2000x512 to 1000 ticks", 256, 1000, 1,
	     {{2000, 512}}, false),
	F32("train-resample-f32", "the same in float32", 256, 1000, 1, {{2000, 512}}, false),
	F32_BF16("train-fuse", "256 episodes of 600x512, 10000x64, 4000x12 to 1000 ticks", 256,
		 1000, 3, {{600, 512}, {10000, 64}, {4000, 12}}, false),
	F32("train-fuse-f32", "the same to float32", 256, 1000, 3,
	    {{600, 512}, {10000, 64}, {4000, 12}}, false),
	F32("ragged", "256 episodes of random lengths up to 4000 and widths up to 300", 256, 0, 3,
	    {{4000, 300}, {4000, 60}, {4000, 20}}, false),
	F32("pipeline", "upload, kernels and download on lanes, 16 MiB each way, no codec", 32, 256,
	    1, {{256, 512}}, true),
	F32("pipeline-2M", "the same with 2 MiB", 4, 256, 1, {{256, 512}}, true),
	F32("pipeline-64M", "the same with 64 MiB", 128, 256, 1, {{256, 512}}, true),
};
const size_t rc_bench_n_presets = RC_ARRAY_LEN(rc_bench_presets);

enum {
	COPY_BYTES_GPU = 1 << 30,
	COPY_BYTES_CPU = 128 << 20,
	LINK_BYTES = 256 << 20,
	SIDE_RUNS = 9
};

/* --- statistics ------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct rc_bench_stat stat_of(double *s, int n)
{
	struct rc_bench_stat r;

	qsort(s, (size_t)n, sizeof *s, by_value);
	r.min = s[0];
	r.max = s[n - 1];
	r.median = n % 2 ? s[n / 2] : (s[n / 2 - 1] + s[n / 2]) / 2;
	return r;
}

/* --- the check -------------------------------------------------------------------------------- */

/* The elements of all jobs; what lies between tiles may be anything. */
static bool same_values(const struct rc_batch *b, const char *twin)
{
	for (size_t i = 0; i < b->n_jobs; i++) {
		const struct rc_job *j = &b->jobs[i];
		const size_t size = rc_dtype_size((enum rc_dtype)j->dst_dtype);

		for (size_t k = 0; k < j->n_ticks; k++) {
			const size_t at = j->dst + k * j->dst_stride * size;
			if (memcmp((const char *)b->out + at, twin + at, j->width * size) != 0)
				return false;
		}
	}
	return true;
}

/* The batch through the lane and through the twin, from outputs that hold different rubbish. */
static int check(struct rc_lane *lane, const struct rc_batch *b, const struct rc_bench_ask *ask,
		 struct rc_err *err)
{
	struct rc_batch twin = *b;
	struct rc_scratch out = {0};
	int rc = rc_scratch_need(&out, b->out_bytes, err);

	if (!rc) {
		twin.out = out.p;
		memset(twin.out, 0xa5, b->out_bytes);
		memset(b->out, 0x5a, b->out_bytes);
		rc = rc_cpu_compute(ask->cpu, &twin, err);
	}
	if (!rc)
		rc = ask->backend->submit(lane, b, err);
	if (!rc)
		rc = ask->backend->wait(lane, err);
	if (!rc && !same_values(b, twin.out))
		rc = rc_fail(err, RC_E_BUG, "twin",
			     "the result of '%s' differs from the CPU's: please report this",
			     ask->backend->name);
	free(out.p);
	return rc;
}

/* --- the kernels alone ------------------------------------------------------------------------ */

/* A plain copy, and both directions of the link at once: what there is to reach. */
static int measure_copy(const struct rc_bench_ask *ask, struct rc_bench_result *r,
			struct rc_err *err)
{
	const bool gpu = ask->backend->time_link != NULL;
	const size_t bytes = gpu ? COPY_BYTES_GPU : COPY_BYTES_CPU;
	double s[SIDE_RUNS];
	int rc = ask->backend->time_copy(ask->device, bytes, SIDE_RUNS, s, err);

	if (!rc)
		r->copy_rate = 2.0 * (double)bytes / stat_of(s, SIDE_RUNS).median;
	if (!rc && gpu)
		rc = ask->backend->time_link(ask->device, LINK_BYTES, SIDE_RUNS, s, err);
	if (!rc && gpu)
		r->link_rate = 2.0 * LINK_BYTES / stat_of(s, SIDE_RUNS).median;
	return rc;
}

static int time_kernels(struct rc_lane *lane, const struct rc_batch *b,
			const struct rc_bench_ask *ask, struct rc_bench_result *r,
			struct rc_err *err)
{
	double *s;
	int rc = rc_new_array(&s, (size_t)ask->n_runs + 2, sizeof *s, err);

	if (rc)
		return rc;
	rc = ask->backend->time_batch(lane, b, ask->n_runs + 2, s, err);
	if (!rc)
		r->s = stat_of(s + 2, ask->n_runs); /* the first two warm up */
	free(s);
	return rc;
}

/* --- the pipeline ----------------------------------------------------------------------------- */

enum { MAX_DEPTH = 16, BATCHES = 64 };

struct ring {
	const struct rc_bench_ask *ask;
	struct rc_lane *lane[MAX_DEPTH];
	struct rc_batch batch[MAX_DEPTH];
	struct rc_lane_times *times; /* of every batch */
	int n_times;
};

static int finish(struct ring *g, int i, struct rc_err *err)
{
	int rc = g->ask->backend->wait(g->lane[i], err);

	if (!rc)
		g->ask->backend->times(g->lane[i], &g->times[g->n_times++]);
	return rc;
}

/* BATCHES batches through the lanes in turn: the oldest is waited for when its lane is needed. */
static int run_ring(struct ring *g, double *s_out, struct rc_err *err)
{
	const int depth = g->ask->depth;
	int64_t t0 = rc_now_ns();
	int rc = 0;

	g->n_times = 0;
	for (int k = 0; k < BATCHES + depth && !rc; k++) {
		if (k >= depth)
			rc = finish(g, k % depth, err);
		if (!rc && k < BATCHES)
			rc = g->ask->backend->submit(g->lane[k % depth], &g->batch[k % depth], err);
	}
	*s_out = (double)(rc_now_ns() - t0) / 1e9;
	return rc;
}

static int by_begin(const void *a, const void *b)
{
	return by_value(&((const struct rc_span *)a)->begin, &((const struct rc_span *)b)->begin);
}

/* Makes the spans disjoint and gives the time they cover. */
static double merge(struct rc_span *p, int *n)
{
	double sum = 0;
	int k = 0;

	qsort(p, (size_t)*n, sizeof *p, by_begin);
	for (int i = 0; i < *n; i++) {
		if (k && p[i].begin <= p[k - 1].end) {
			if (p[i].end > p[k - 1].end)
				p[k - 1].end = p[i].end;
		} else {
			p[k++] = p[i];
		}
	}
	for (int i = 0; i < k; i++)
		sum += p[i].end - p[i].begin;
	*n = k;
	return sum;
}

/* What a and b, disjoint in themselves, have in common; out has room for n_a + n_b. */
static double intersect(const struct rc_span *a, int n_a, const struct rc_span *b, int n_b,
			struct rc_span *out, int *n_out)
{
	double sum = 0;
	int i = 0, k = 0, n = 0;

	while (i < n_a && k < n_b) {
		double lo = a[i].begin > b[k].begin ? a[i].begin : b[k].begin;
		double hi = a[i].end < b[k].end ? a[i].end : b[k].end;

		if (hi > lo) {
			out[n++] = (struct rc_span){lo, hi};
			sum += hi - lo;
		}
		if (a[i].end < b[k].end)
			i++;
		else
			k++;
	}
	*n_out = n;
	return sum;
}

/* Of the last run. */
static void shares(const struct ring *g, struct rc_bench_result *r)
{
	struct rc_span up[BATCHES], run[BATCHES], down[BATCHES], both[2 * BATCHES];
	struct rc_span three[3 * BATCHES];
	int n_up = g->n_times, n_run = n_up, n_down = n_up, n_both, n_three;
	double begin, wall;

	for (int i = 0; i < g->n_times; i++) {
		up[i] = g->times[i].upload;
		run[i] = g->times[i].kernels;
		down[i] = g->times[i].download;
	}
	r->upload_share = merge(up, &n_up);
	r->kernels_share = merge(run, &n_run);
	r->download_share = merge(down, &n_down);
	begin = up[0].begin;
	wall = down[n_down - 1].end - begin;
	if (wall <= 0)
		return;
	r->both_share = intersect(up, n_up, down, n_down, both, &n_both) / wall;
	r->three_share = intersect(both, n_both, run, n_run, three, &n_three) / wall;
	r->upload_share /= wall;
	r->kernels_share /= wall;
	r->download_share /= wall;
}

static int time_ring(struct ring *g, struct rc_bench_result *r, struct rc_err *err)
{
	double *s = NULL;
	int rc = rc_new_array(&s, (size_t)g->ask->n_runs + 1, sizeof *s, err);

	for (int i = 0; i < g->ask->n_runs + 1 && !rc; i++)
		rc = run_ring(g, &s[i], err);
	if (!rc) {
		r->s = stat_of(s + 1, g->ask->n_runs);
		r->link_bytes = BATCHES * (g->batch[0].in_bytes + g->batch[0].out_bytes);
		r->in_bytes *= BATCHES;
		r->out_bytes *= BATCHES;
		shares(g, r);
	}
	free(s);
	return rc;
}

static int time_pipeline(const struct rc_bench_made *m, const struct rc_bench_ask *ask,
			 struct rc_bench_result *r, struct rc_err *err)
{
	struct ring g = {.ask = ask};
	int rc = rc_new_array(&g.times, BATCHES, sizeof *g.times, err);

	for (int i = 0; i < ask->depth && !rc; i++) {
		rc = ask->backend->lane_open(ask->device, &m->size, &g.lane[i], err);
		if (!rc)
			rc_bench_fill(m, g.lane[i], &g.batch[i]);
	}
	if (!rc)
		rc = time_ring(&g, r, err);
	for (int i = 0; i < ask->depth; i++)
		if (g.lane[i])
			ask->backend->lane_close(g.lane[i]);
	free(g.times);
	return rc;
}

/* --- a preset --------------------------------------------------------------------------------- */

int rc_bench_run(const struct rc_bench_preset *p, const struct rc_bench_ask *ask,
		 struct rc_bench_result *r_out, struct rc_err *err)
{
	struct rc_bench_result r = {0};
	struct rc_bench_made m = {0};
	struct rc_lane *lane = NULL;
	struct rc_batch b;
	int rc = rc_bench_make(p, &m, err);

	if (!rc)
		rc = ask->backend->lane_open(ask->device, &m.size, &lane, err);
	if (!rc) {
		rc_bench_fill(&m, lane, &b);
		r.n_jobs = b.n_jobs;
		rc_bench_compulsory(&b, &r.in_bytes, &r.out_bytes);
		rc = check(lane, &b, ask, err);
	}
	if (!rc)
		rc = measure_copy(ask, &r, err);
	if (!rc)
		rc = p->pipeline ? time_pipeline(&m, ask, &r, err)
				 : time_kernels(lane, &b, ask, &r, err);
	if (lane)
		ask->backend->lane_close(lane);
	rc_bench_made_release(&m);
	if (rc)
		return rc_err_while(err, "measuring '%s'", p->name);
	*r_out = r;
	return 0;
}
