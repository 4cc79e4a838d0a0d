/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CUDA backend against its CPU twin, bit for bit: random ragged batches that mix all methods,
 * types and shapes, with values and clocks that hurt.  A plain program, so that compute-sanitizer
 * can run it: twins [SEED [BATCHES [SIZE]]].  SIZE bounds rows and columns.  Exit status 77 without
 * a device, 1 for a difference.
 */
#include "base/compat.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/shared_math.h"

enum { MAX_JOBS = 120, IN_CAP = 96 << 20, OUT_CAP = 96 << 20 };

static uint64_t state;

static uint64_t next(void) /* splitmix64 */
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)(next() % n);
}

static bool one_in(uint32_t n)
{
	return below(n) == 0;
}

/* --- shapes ----------------------------------------------------------------------------------- */

/* Sizes around everything the kernels treat differently, or any. */
static uint32_t size_upto(uint32_t most)
{
	static const uint32_t edges[] = {1,   1,   2,   3,   4,   6,    7,    8,   12,
					 14,  16,  30,  31,  32,  33,   50,   63,  64,
					 65,  96,  100, 127, 128, 129,  200,  255, 256,
					 257, 260, 512, 513, 516, 1000, 1024, 4096};
	uint32_t n = one_in(3) ? 1 + below(most) : edges[below(RC_ARRAY_LEN(edges))];

	return n > most ? most : n;
}

/* --- values ----------------------------------------------------------------------------------- */

static uint64_t special64(void)
{
	static const double v[] = {0.0,       -0.0,    1.0,      -1.0,   0.5,     1e-310,
				   -4.9e-324, 1.7e308, -1.7e308, 3.4e38, -3.5e38, 65504.0,
				   65520.0,   6e-8,    2.9e-8,   1e-45,  2e-39};
	uint32_t i = below(RC_ARRAY_LEN(v) + 4);

	if (i < RC_ARRAY_LEN(v))
		return rc_bits_of_f64(v[i]);
	i -= RC_ARRAY_LEN(v);
	return i == 0   ? 0x7ff0000000000000u
	       : i == 1 ? 0xfff0000000000000u
	       : i == 2 ? 0x7ff8000000000123u
			: 0xfff4000000000001u;
}

static double ordinary(void)
{
	return ldexp((double)(int64_t)next(), -62 + (int)below(8) - 4);
}

/* One element of a float type: ordinary, special, or any bits. */
static void put_float(char *p, enum rc_dtype t, bool hard)
{
	uint64_t u = hard && one_in(6) ? next() : rc_bits_of_f64(ordinary());
	double v;

	if (hard && one_in(5))
		u = special64();
	v = rc_f64_of_bits(u);
	if (t == RC_F64) {
		memcpy(p, &u, 8);
	} else if (t == RC_F32) {
		float f = (float)v;
		uint32_t bits = (uint32_t)next();
		memcpy(p, hard && one_in(9) ? (void *)&bits : (void *)&f, 4);
	} else {
		uint16_t h = t == RC_F16 ? rc_f64_to_f16(v) : rc_f64_to_bf16(v);
		memcpy(p, &h, 2);
	}
}

static void fill(char *p, size_t n, enum rc_dtype t)
{
	const size_t size = rc_dtype_size(t);
	const bool hard = one_in(3);

	for (size_t i = 0; i < n; i++, p += size) {
		uint64_t u = next();
		if (rc_dtype_is_float(t))
			put_float(p, t, hard);
		else if (t == RC_BOOL)
			*p = (char)(u & 1);
		else
			memcpy(p, &u, size);
	}
}

/* Ascending; regular, jittered, in bursts, constant, or as far apart as stamps can be. */
static void fill_clock(int64_t *t, uint32_t n, int64_t span)
{
	const uint32_t how = below(6);
	int64_t at = (int64_t)(next() % 1000), step = span / (n ? n : 1) + 1;

	for (uint32_t k = 0; k < n; k++) {
		t[k] = at;
		if (how == 1)
			at += (int64_t)(next() % (uint64_t)(2 * step));
		else if (how == 2)
			at += one_in(8) ? 8 * step : 0;
		else if (how == 3)
			at += one_in(50) ? 40 * step : step;
		else if (how != 4 || one_in(n))
			at += step;
	}
	if (how == 5 && n > 1 && one_in(4)) {
		t[0] = INT64_MIN / 2;
		t[n - 1] = INT64_MAX / 2;
	}
}

/* Ticks inside, outside, and on top of stamps. */
static void fill_ticks(int64_t *ticks, uint32_t n, const int64_t *t, uint32_t n_src, int64_t span)
{
	fill_clock(ticks, n, span);
	for (uint32_t k = 0; k < n && n_src; k++)
		if (one_in(4)) {
			int64_t s = t[below(n_src)];
			if ((!k || s >= ticks[k - 1]) && (k + 1 == n || s <= ticks[k + 1]))
				ticks[k] = s;
		}
}

/* --- batches ---------------------------------------------------------------------------------- */

struct maker {
	struct rc_lane *lane;
	size_t in, out, n_jobs;
	uint32_t most;
	bool full;
};

static size_t place(struct maker *m, size_t *at, size_t bytes, size_t align, size_t cap)
{
	size_t p = (*at + align - 1) / align * align;

	if (bytes > cap || p > cap - bytes) {
		m->full = true;
		return 0;
	}
	*at = p + bytes;
	return p;
}

static void pick_types(struct rc_job *j)
{
	static const uint8_t plain[] = {RC_F32, RC_F32, RC_F32, RC_BF16, RC_F16};

	j->method = (uint8_t)below(RC_METHOD_KERNELS);
	j->src_dtype = (uint8_t)below(RC_DTYPE_COUNT);
	j->dst_dtype = (uint8_t)below(4); /* a float type */
	if (!one_in(3)) {
		j->src_dtype = plain[below(RC_ARRAY_LEN(plain))];
		j->dst_dtype = plain[below(RC_ARRAY_LEN(plain))];
	}
	if (rc_method_picks((enum rc_method)j->method) && one_in(2))
		j->dst_dtype = j->src_dtype;
}

/* Streams of one episode into one tensor, each of its own type, method and length. */
static void add_group(struct maker *m)
{
	struct rc_lane *lane = m->lane;
	const uint32_t n_jobs = 1 + below(4), n_ticks = one_in(20) ? 0 : size_upto(m->most);
	const int64_t span = 1 + (int64_t)(next() % 1000000000);
	struct rc_job job[4];
	uint32_t width = 0, gap;
	size_t ticks;

	ticks = place(m, &m->in, n_ticks * sizeof(int64_t), 8, IN_CAP);
	for (uint32_t i = 0; i < n_jobs && !m->full; i++) {
		struct rc_job *j = &job[i];
		size_t size, n, skew;

		*j = (struct rc_job){.n_ticks = n_ticks, .ticks = ticks, .quat_first = -1};
		pick_types(j);
		if (i)
			j->dst_dtype = job[0].dst_dtype;
		if (!rc_dtype_is_float((enum rc_dtype)j->dst_dtype)) {
			j->src_dtype = j->dst_dtype;
			j->method = RC_METHOD_NEAREST + below(2);
		}
		j->n_src = size_upto(m->most);
		j->width = one_in(30) ? 0 : size_upto(m->most / 4 + 4);
		if (j->method == RC_METHOD_SLERP) {
			j->width = 4 + below(12);
			j->quat_first = (int8_t)below(j->width - 3);
		}
		size = rc_dtype_size((enum rc_dtype)j->src_dtype);
		n = (size_t)j->n_src * j->width;
		skew = one_in(2) ? 0 : below(9) * size;
		j->src_t = place(m, &m->in, j->n_src * sizeof(int64_t), 8, IN_CAP);
		j->src = place(m, &m->in, n * size + skew, 64, IN_CAP) + skew;
		if (m->full)
			return;
		fill_clock((int64_t *)((char *)lane->in + j->src_t), j->n_src, span);
		fill((char *)lane->in + j->src, n, (enum rc_dtype)j->src_dtype);
		j->dst = width;
		gap = one_in(4) ? below(5) : 0;
		width += j->width + gap;
	}
	if (m->full || !width)
		return;
	fill_ticks((int64_t *)((char *)lane->in + ticks), n_ticks,
		   (const int64_t *)((char *)lane->in + job[0].src_t), job[0].n_src, span);
	size_t size = rc_dtype_size((enum rc_dtype)job[0].dst_dtype);
	size_t dst =
		place(m, &m->out, (size_t)n_ticks * width * size, one_in(2) ? 64 : size, OUT_CAP);
	for (uint32_t i = 0; i < n_jobs && !m->full; i++) {
		job[i].dst = dst + job[i].dst * size;
		job[i].dst_stride = width;
		lane->jobs[m->n_jobs++] = job[i];
	}
}

static void make_batch(struct rc_lane *lane, uint32_t most, struct rc_batch *b_out)
{
	struct maker m = {.lane = lane, .most = most};
	const uint32_t groups = one_in(3) ? 1 : 1 + below(MAX_JOBS / 4);

	for (uint32_t i = 0; i < groups && !m.full && m.n_jobs + 4 <= MAX_JOBS; i++)
		add_group(&m);
	*b_out = (struct rc_batch){.in = lane->in,
				   .out = lane->out,
				   .in_bytes = m.in,
				   .out_bytes = m.out,
				   .jobs = lane->jobs,
				   .n_jobs = m.n_jobs};
}

/* --- comparing -------------------------------------------------------------------------------- */

static void describe(const struct rc_job *j, uint64_t tick, uint64_t column)
{
	printf("tick %llu column %llu of: %s, %s to %s, %u rows, %u ticks, width %u, stride %u, "
	       "src %llu, dst %llu\n",
	       (unsigned long long)tick, (unsigned long long)column,
	       rc_method_name((enum rc_method)j->method),
	       rc_dtype_name((enum rc_dtype)j->src_dtype),
	       rc_dtype_name((enum rc_dtype)j->dst_dtype), j->n_src, j->n_ticks, j->width,
	       j->dst_stride, (unsigned long long)j->src, (unsigned long long)j->dst);
}

/* Elements compared; *bad_out counts those that differ, the first of each job is described. */
static uint64_t compare(const struct rc_batch *b, const char *twin, uint64_t *bad_out)
{
	uint64_t n = 0;

	for (size_t i = 0; i < b->n_jobs; i++) {
		const struct rc_job *j = &b->jobs[i];
		const size_t size = rc_dtype_size((enum rc_dtype)j->dst_dtype);
		bool said = false;

		for (uint64_t k = 0; k < j->n_ticks; k++)
			for (uint64_t c = 0; c < j->width; c++, n++) {
				size_t at = j->dst + (k * j->dst_stride + c) * size;
				if (!memcmp((char *)b->out + at, twin + at, size))
					continue;
				++*bad_out;
				if (!said)
					describe(j, k, c);
				said = true;
			}
	}
	return n;
}

static int run(const struct rc_backend *gpu, struct rc_lane *lane, struct rc_device *cpu,
	       char *twin, uint32_t n_batches, uint32_t most)
{
	uint64_t elements = 0, jobs = 0, bad = 0;
	struct rc_err err = {0};

	for (uint32_t i = 0; i < n_batches; i++) {
		struct rc_batch b, t;

		make_batch(lane, i % 10 == 9 ? most : most / 4 + 1, &b);
		memset(b.out, 0x5a, b.out_bytes);
		t = b;
		t.out = twin;
		if (rc_cpu_compute(cpu, &t, &err) || gpu->submit(lane, &b, &err) ||
		    gpu->wait(lane, &err)) {
			printf("batch %u: %s\n", i, err.msg);
			return 1;
		}
		elements += compare(&b, twin, &bad);
		jobs += b.n_jobs;
	}
	printf("%u batches, %llu jobs, %llu elements: %llu differ\n", n_batches,
	       (unsigned long long)jobs, (unsigned long long)elements, (unsigned long long)bad);
	return bad ? 1 : 0;
}

/* A broken context: the batch fails, its input is untouched, and the CPU can take over. */
static int poison(const struct rc_backend *gpu, struct rc_device *cpu, char *twin)
{
	const struct rc_lane_size size = {1 << 20, 1 << 20, MAX_JOBS};
	struct rc_device *dev = NULL;
	struct rc_lane *lane = NULL;
	struct rc_err err = {0};
	struct rc_batch b, t;
	uint64_t bad = 0;
	int rc;

	setenv("ROBOCACHE_TEST_POISON", "1", 1);
	if (gpu->open(NULL, &dev, &err) || gpu->lane_open(dev, &size, &lane, &err)) {
		printf("poison: %s\n", err.msg);
		return 1;
	}
	state = 7;
	do
		make_batch(lane, 20, &b);
	while (b.in_bytes > size.in_bytes || b.out_bytes > size.out_bytes || !b.n_jobs);
	t = b;
	t.out = twin;
	rc_cpu_compute(cpu, &t, &err);
	rc = gpu->submit(lane, &b, &err);
	if (!rc)
		rc = gpu->wait(lane, &err);
	if (rc != RC_E_DEVICE || gpu->submit(lane, &b, &err) != RC_E_DEVICE ||
	    rc_cpu_compute(cpu, &b, &err)) {
		printf("poison: status %d: %s\n", rc, err.msg);
		return 1;
	}
	compare(&b, twin, &bad);
	printf("lost device: %s; %llu elements differ after the CPU took over\n", err.msg,
	       (unsigned long long)bad);
	gpu->lane_close(lane);
	gpu->close(dev);
	return bad ? 1 : 0;
}

int main(int argc, char **argv)
{
	const struct rc_backend *gpu = rc_backend_find("cuda"), *be = rc_backend_find("cpu");
	const struct rc_lane_size size = {IN_CAP, OUT_CAP, MAX_JOBS};
	const uint32_t n_batches = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 200;
	const uint32_t most = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 2000;
	struct rc_device *dev = NULL, *cpu = NULL;
	struct rc_lane *lane = NULL;
	struct rc_err err = {0};
	char *twin;
	int n, status;

	state = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	if (!gpu || gpu->count(&n, &err)) {
		printf("skipped: %s\n", gpu ? err.msg : "no CUDA backend in this build");
		return 77;
	}
	twin = aligned_alloc(64, OUT_CAP);
	if (!twin || be->open(NULL, &cpu, &err) || gpu->open(NULL, &dev, &err) ||
	    gpu->lane_open(dev, &size, &lane, &err)) {
		printf("%s\n", err.msg);
		return 1;
	}
	status = run(gpu, lane, cpu, twin, n_batches, most);
	gpu->lane_close(lane);
	gpu->close(dev);
	if (!status && !(argc > 4 && !strcmp(argv[4], "nopoison")))
		status = poison(gpu, cpu, twin);
	be->close(cpu);
	free(twin);
	return status;
}
