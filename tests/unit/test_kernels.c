/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every kernel against a reference in long double that shares no formula with it, and every
 * instruction set of the CPU backend against the baseline, bit for bit.
 */
#include <criterion/criterion.h>

#include "kernels/kernels.h"

#include <float.h>
#include <math.h>

#include "base/mem.h"
#include "kernels/shared_math.h"
#include "tests/unit/half_ref.h"

enum { CANARY = 0xa5, MAX_ISAS = 8 };

/* One job to be made up: the destination has `stride` columns, the job's begin at `col`. */
struct spec {
	enum rc_method method;
	enum rc_dtype src, dst;
	uint32_t n_src, n_ticks, width, stride, col;
};

struct run {
	struct rc_device *dev[MAX_ISAS];
	size_t n_isas;
	struct rc_lane *lane; /* holds the buffers */
	struct rc_batch b;
	struct rc_job job;
	uint8_t *in, *out;
};

static uint64_t rng_state;

static uint64_t rng(void)
{
	rng_state ^= rng_state >> 12;
	rng_state ^= rng_state << 25;
	rng_state ^= rng_state >> 27;
	return rng_state * 0x2545f4914f6cdd1du;
}

static double uniform(void)
{
	return (double)(rng() >> 11) * 0x1p-53;
}

static const struct rc_backend *cpu(void)
{
	const struct rc_backend *be = rc_backend_find("cpu");

	cr_assert_not_null(be);
	return be;
}

/* ---- the reference ---- */

static long double get(enum rc_dtype t, const void *base, size_t i)
{
	switch (t) {
	case RC_F16: return half_value(((const uint16_t *)base)[i]);
	case RC_BF16: return bfloat_value(((const uint16_t *)base)[i]);
	case RC_F32: return ((const float *)base)[i];
	case RC_F64: return ((const double *)base)[i];
	case RC_I8: return ((const int8_t *)base)[i];
	case RC_I16: return ((const int16_t *)base)[i];
	case RC_I32: return ((const int32_t *)base)[i];
	case RC_I64: return ((const int64_t *)base)[i];
	case RC_U16: return ((const uint16_t *)base)[i];
	case RC_U32: return ((const uint32_t *)base)[i];
	case RC_U64: return ((const uint64_t *)base)[i];
	default: return ((const uint8_t *)base)[i];
	}
}

/* v as the nearest value of a float type. */
static long double nearest_in(enum rc_dtype t, long double v)
{
	return t == RC_F64 ? (double)v : t == RC_F32 ? (float)v
	     : t == RC_F16 ? half_value(half_nearest(v)) : bfloat_value(bfloat_nearest(v));
}

static long double ulp(enum rc_dtype t, long double v)
{
	v = fabsl(v);
	if (t == RC_F64)
		return nextafter((double)v, INFINITY) - (double)v;
	if (t == RC_F32)
		return nextafterf((float)v, INFINITY) - (float)v;
	return t == RC_BF16 ? bfloat_ulp(v) : half_ulp(v);
}

/* The last sample not after the tick, by looking at all of them. */
static int64_t scan(const int64_t *t, uint32_t n, int64_t tick)
{
	int64_t last = -1;

	for (uint32_t i = 0; i < n; i++)
		if (t[i] <= tick)
			last = i;
	return last;
}

/* The two samples around a tick and the weight of the later one; equal where one is taken. */
static long double around(const struct rc_job *j, const int64_t *t, int64_t tick, size_t s[2])
{
	int64_t i = scan(t, j->n_src, tick);
	bool last = i + 1 >= j->n_src;

	s[0] = s[1] = i < 0 ? 0 : (size_t)i;
	if (i < 0 || last || j->method == RC_METHOD_PREVIOUS)
		return 0;
	if (j->method == RC_METHOD_NEAREST) {
		if (t[i + 1] - tick < tick - t[i])
			s[0] = s[1] = (size_t)i + 1;
		return 0;
	}
	if (t[i] != tick)
		s[1] = (size_t)i + 1;
	return (long double)(tick - t[i]) / (long double)(t[i + 1] - t[i]);
}

static void quat_product(const long double p[4], const long double q[4], long double r[4])
{
	r[0] = p[0] * q[0] - p[1] * q[1] - p[2] * q[2] - p[3] * q[3];
	r[1] = p[0] * q[1] + p[1] * q[0] + p[2] * q[3] - p[3] * q[2];
	r[2] = p[0] * q[2] - p[1] * q[3] + p[2] * q[0] + p[3] * q[1];
	r[3] = p[0] * q[3] + p[1] * q[2] - p[2] * q[1] + p[3] * q[0];
}

/* p (p^-1 q)^a by the logarithm of the rotation between them. */
static void quat_between(const long double p_in[4], const long double q_in[4], long double a,
			 long double r[4])
{
	long double p[4], q[4], inv[4], d[4], np = 0, nq = 0, dot = 0, v, half;

	for (int c = 0; c < 4; c++) {
		np += p_in[c] * p_in[c];
		nq += q_in[c] * q_in[c];
		dot += p_in[c] * q_in[c];
	}
	for (int c = 0; c < 4; c++) {
		p[c] = p_in[c] / sqrtl(np);
		q[c] = q_in[c] / (dot < 0 ? -sqrtl(nq) : sqrtl(nq));
		inv[c] = c ? -p[c] : p[c];
	}
	quat_product(inv, q, d);
	v = sqrtl(d[1] * d[1] + d[2] * d[2] + d[3] * d[3]);
	half = atan2l(v, d[0]) * a;
	d[0] = cosl(half);
	for (int c = 1; c < 4; c++)
		d[c] = v > 0 ? d[c] / v * sinl(half) : 0;
	quat_product(p, d, r);
}

/* ---- making and running jobs ---- */

static void fill_values(enum rc_dtype t, void *base, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double v = (uniform() - 0.5) * exp2(floor(uniform() * 12) - 2);

		if (t == RC_F16 || t == RC_BF16)
			((uint16_t *)base)[i] = t == RC_F16 ? half_nearest(v) : bfloat_nearest(v);
		else if (t == RC_F32)
			((float *)base)[i] = (float)v;
		else if (t == RC_F64)
			((double *)base)[i] = v;
		else if (t == RC_BOOL)
			((uint8_t *)base)[i] = rng() & 1;
		else
			for (size_t k = 0, size = rc_dtype_size(t); k < size; k++)
				((uint8_t *)base)[i * size + k] = (uint8_t)rng();
	}
}

static void fill_times(const struct rc_job *j, int64_t *t, int64_t *ticks)
{
	int64_t now = -1000, end;

	for (uint32_t i = 0; i < j->n_src; i++) {
		t[i] = now;
		now += rng() % 4 == 0 ? 0 : (int64_t)(rng() % 2000000);
	}
	end = now + 5000;
	now = -5000;
	for (uint32_t k = 0; k < j->n_ticks; k++) {
		uint64_t step = (uint64_t)(end + 5000) / j->n_ticks + 1;
		int64_t stamp = t[rng() % j->n_src];

		/* One in four is a stamp itself, if that keeps the order. */
		ticks[k] = rng() % 4 == 0 && k && stamp > ticks[k - 1] && stamp < now ? stamp : now;
		now += (int64_t)(rng() % (2 * step));
	}
}

static void open_isas(struct run *r)
{
	struct rc_err err = { 0 };

	for (size_t i = 0; rc_cpu_isa_name(i); i++) {
		int rc = cpu()->open(rc_cpu_isa_name(i), &r->dev[r->n_isas], &err);

		cr_assert(!rc || (rc == RC_E_USAGE && i), "%s", err.msg);
		if (!rc)
			cr_assert_str_eq(cpu()->describe(r->dev[r->n_isas++]), rc_cpu_isa_name(i));
	}
}

static void make(struct run *r, const struct spec *s)
{
	size_t src_bytes = (size_t)s->n_src * s->width * rc_dtype_size(s->src);
	size_t at = (src_bytes + 7) / 8 * 8;
	struct rc_job *j = &r->job;

	memset(r, 0, sizeof *r);
	open_isas(r);
	*j = (struct rc_job){ .src = 0, .src_t = at, .ticks = at + s->n_src * 8u,
			      .dst = s->col * rc_dtype_size(s->dst), .n_src = s->n_src,
			      .n_ticks = s->n_ticks, .width = s->width, .dst_stride = s->stride,
			      .src_dtype = (uint8_t)s->src, .dst_dtype = (uint8_t)s->dst,
			      .method = (uint8_t)s->method, .quat_first = s->width > 6 ? 3 : 0 };
	r->b.jobs = &r->job;
	r->b.n_jobs = 1;
	r->b.in_bytes = at + (s->n_src + s->n_ticks) * 8u;
	r->b.out_bytes = ((size_t)s->n_ticks * s->stride + 3) * rc_dtype_size(s->dst);
	cr_assert_eq(cpu()->lane_open(r->dev[0], &(struct rc_lane_size){ r->b.in_bytes,
					r->b.out_bytes, 0 }, &r->lane, NULL), 0);
	r->in = r->b.in = r->lane->in;
	r->out = r->b.out = r->lane->out;
	fill_values(s->src, r->in, (size_t)s->n_src * s->width);
	fill_times(j, (int64_t *)(r->in + j->src_t), (int64_t *)(r->in + j->ticks));
}

/* Runs the batch with every instruction set, all into fresh canaries; all must agree. */
static void compute(struct run *r)
{
	struct rc_err err = { 0 };
	uint8_t *first = malloc(r->b.out_bytes);

	for (size_t i = 0; i < r->n_isas; i++) {
		memset(r->out, CANARY, r->b.out_bytes);
		cr_assert_eq(rc_cpu_compute(r->dev[i], &r->b, &err), 0, "%s", err.msg);
		if (i == 0)
			memcpy(first, r->out, r->b.out_bytes);
		cr_assert_eq(memcmp(first, r->out, r->b.out_bytes), 0,
			     "%s differs from baseline: %s %s to %s, %u columns",
			     cpu()->describe(r->dev[i]),
			     rc_method_name((enum rc_method)r->job.method),
			     rc_dtype_name((enum rc_dtype)r->job.src_dtype),
			     rc_dtype_name((enum rc_dtype)r->job.dst_dtype), r->job.width);
	}
	free(first);
}

static void release(struct run *r)
{
	cpu()->lane_close(r->lane);
	for (size_t i = 0; i < r->n_isas; i++)
		cpu()->close(r->dev[i]);
}

/* ---- comparing ---- */

static bool in_quat(const struct rc_job *j, uint32_t c)
{
	return j->method == RC_METHOD_SLERP && c - (uint32_t)j->quat_first < 4;
}

static void check_element(const struct run *r, uint32_t k, uint32_t c, const size_t s[2],
			  long double a)
{
	const struct rc_job *j = &r->job;
	enum rc_dtype src = (enum rc_dtype)j->src_dtype, dst = (enum rc_dtype)j->dst_dtype;
	enum rc_dtype via = src == RC_F64 || dst == RC_F64 ? RC_F64 : RC_F32;
	long double x0 = get(src, r->in, s[0] * j->width + c);
	long double x1 = get(src, r->in, s[1] * j->width + c);
	long double got = get(dst, r->out + j->dst, (size_t)k * j->dst_stride + c), want, tol;

	if (s[0] == s[1] && src == dst) {
		size_t size = rc_dtype_size(src);
		cr_assert_eq(memcmp(r->in + (s[0] * j->width + c) * size,
				    r->out + j->dst + ((size_t)k * j->dst_stride + c) * size, size),
			     0, "tick %u column %u was not copied", k, c);
		return;
	}
	if (s[0] == s[1]) {
		want = nearest_in(dst, x0);
		tol = 0;
	} else {
		x0 = nearest_in(via, x0);
		x1 = nearest_in(via, x1);
		want = x0 + a * (x1 - x0);
		tol = 2 * ulp(via, fmaxl(fabsl(x0), fabsl(x1)));
		tol += dst == via || dst == RC_F64 ? 0 : ulp(dst, want) / 2;
		if (isinf(got) && fabsl(want) + tol >= (dst == RC_F16 ? 65520 : INFINITY))
			return;
	}
	cr_assert(got == want || fabsl(got - want) <= tol,
		  "%s %s to %s: tick %u column %u is %.20Lg, not %.20Lg +- %.3Lg",
		  rc_method_name((enum rc_method)j->method), rc_dtype_name(src), rc_dtype_name(dst),
		  k, c, got, want, tol);
}

static void check_quat(const struct run *r, uint32_t k, const size_t s[2], long double a)
{
	static const double tol_of[] = { [RC_F16] = 6e-4, [RC_BF16] = 4e-3, [RC_F32] = 7e-8,
					 [RC_F64] = 4e-15 };
	const struct rc_job *j = &r->job;
	long double p[4], q[4], got[4], want[4], np = 0, nq = 0;

	for (uint32_t c = 0; c < 4; c++) {
		uint32_t column = (uint32_t)j->quat_first + c;

		p[c] = get((enum rc_dtype)j->src_dtype, r->in, s[0] * j->width + column);
		q[c] = get((enum rc_dtype)j->src_dtype, r->in, s[1] * j->width + column);
		got[c] = get((enum rc_dtype)j->dst_dtype, r->out + j->dst,
			     (size_t)k * j->dst_stride + column);
		np += p[c] * p[c];
		nq += q[c] * q[c];
	}
	if (s[0] == s[1] || np == 0 || nq == 0) {
		for (uint32_t c = 0; c < 4; c++)
			check_element(r, k, (uint32_t)j->quat_first + c, s, a);
		return;
	}
	quat_between(p, q, a, want);
	for (int c = 0; c < 4; c++)
		cr_assert_leq(fabsl(got[c] - want[c]), tol_of[j->dst_dtype],
			      "slerp: tick %u component %d is %.17Lg, not %.17Lg", k, c, got[c],
			      want[c]);
}

static void check(const struct run *r)
{
	const struct rc_job *j = &r->job;
	const int64_t *ticks = (const int64_t *)(r->in + j->ticks);
	size_t size = rc_dtype_size((enum rc_dtype)j->dst_dtype), at = 0, s[2];

	for (uint32_t k = 0; k < j->n_ticks && j->width; k++) {
		long double a = around(j, (const int64_t *)(r->in + j->src_t), ticks[k], s);
		size_t begin = j->dst + (size_t)k * j->dst_stride * size;

		for (; at < begin; at++)
			cr_assert_eq(r->out[at], CANARY, "byte %zu was overwritten", at);
		at = begin + j->width * size;
		for (uint32_t c = 0; c < j->width; c++)
			if (!in_quat(j, c))
				check_element(r, k, c, s, a);
		if (j->method == RC_METHOD_SLERP)
			check_quat(r, k, s, a);
	}
	for (; at < r->b.out_bytes; at++)
		cr_assert_eq(r->out[at], CANARY, "byte %zu was overwritten", at);
}

static void try(const struct spec *s)
{
	struct run r;

	make(&r, s);
	compute(&r);
	check(&r);
	release(&r);
}

/* Empty, single, odd, unaligned and big: n_src, n_ticks, width, stride, col. */
static const uint32_t shapes[][5] = {
	{ 3, 0, 7, 7, 0 },     { 0, 0, 7, 9, 1 },	{ 4, 5, 0, 3, 1 },     { 1, 1, 1, 1, 0 },
	{ 1, 9, 7, 8, 1 },     { 2, 1, 4, 4, 0 },	{ 2, 40, 3, 5, 2 },    { 9, 31, 4, 11, 3 },
	{ 40, 9, 17, 19, 1 },  { 33, 300, 7, 7, 0 },	{ 300, 257, 5, 6, 1 }, { 5, 256, 8, 8, 0 },
	{ 20, 13, 33, 64, 31 }, { 12, 11, 512, 515, 3 }, { 5000, 12, 1, 1, 0 },
};

static void try_shapes(enum rc_method m, enum rc_dtype src, enum rc_dtype dst)
{
	for (size_t i = 0; i < RC_ARRAY_LEN(shapes); i++) {
		const uint32_t *n = shapes[i];
		struct spec s = { m, src, dst, n[0], n[1], n[2], n[3], n[4] };

		if (m != RC_METHOD_SLERP || !s.width || s.width >= 4)
			try(&s);
	}
}

static void try_method(enum rc_method m)
{
	rng_state = 88172645463325252u + m;
	for (int src = 0; src < RC_DTYPE_COUNT; src++) {
		for (int dst = RC_F16; dst <= RC_F64; dst++)
			try_shapes(m, (enum rc_dtype)src, (enum rc_dtype)dst);
		if (rc_method_picks(m) && src > RC_F64)
			try_shapes(m, (enum rc_dtype)src, (enum rc_dtype)src);
	}
}

Test(kernels, linear)
{
	try_method(RC_METHOD_LINEAR);
}

Test(kernels, slerp)
{
	try_method(RC_METHOD_SLERP);
}

Test(kernels, nearest_and_previous)
{
	try_method(RC_METHOD_NEAREST);
	try_method(RC_METHOD_PREVIOUS);
}

Test(kernels, big)
{
	struct spec s = { RC_METHOD_LINEAR, RC_F32, RC_F32, 3000, 7001, 64, 70, 5 };

	rng_state = 5;
	try(&s);
}

/* ---- what the loops above do not see ---- */

/* Given float32 samples, 100 ns apart, at ticks 25, 50, 75, 100 and 125. */
static void make_f32(struct run *r, enum rc_method m, uint32_t width, const float *x,
		     uint32_t n_src)
{
	struct spec s = { m, RC_F32, RC_F32, n_src, 5, width, width, 0 };
	int64_t *t, *ticks;

	rng_state = 1;
	make(r, &s);
	memcpy(r->in, x, sizeof *x * n_src * width);
	t = (int64_t *)(r->in + r->job.src_t);
	ticks = (int64_t *)(r->in + r->job.ticks);
	for (uint32_t i = 0; i < n_src; i++)
		t[i] = (int64_t)i * 100;
	for (uint32_t k = 0; k < 5; k++)
		ticks[k] = (int64_t)k * 25 + 25;
}

static uint32_t bits_at(const struct run *r, size_t i)
{
	return rc_bits_of_f32(((const float *)r->out)[i]);
}

Test(kernels, constants_and_samples_are_exact)
{
	const float x[] = { 0.1f, -0.0f, 0.1f, -0.0f, 0.3f, 7.0f };
	struct run r;

	make_f32(&r, RC_METHOD_LINEAR, 2, x, 3);
	compute(&r);
	for (size_t k = 0; k < 4; k++) {
		cr_assert_eq(bits_at(&r, 2 * k), rc_bits_of_f32(0.1f));
		cr_assert_eq(((float *)r.out)[2 * k + 1], 0.0f);
	}
	cr_assert_eq(bits_at(&r, 7), rc_bits_of_f32(-0.0f), "the sample at tick 100");
	release(&r);
}

Test(kernels, nan_and_infinity_stay_where_they_are)
{
	/* Columns: NaN; inf to finite; finite to inf; opposite; equal; overflow; clean. */
	const float x[] = { NAN,       INFINITY, 1, INFINITY,  INFINITY, -FLT_MAX, 1,
			    1,	       1, INFINITY, -INFINITY, INFINITY, FLT_MAX,  2,
			    1,	       1, INFINITY, -INFINITY, INFINITY, FLT_MAX,  3 };
	struct run r;

	make_f32(&r, RC_METHOD_LINEAR, 7, x, 3);
	((uint32_t *)r.in)[0] = 0xffc12345u;
	compute(&r);
	for (size_t k = 0; k < 3; k++) {
		const float *row = (const float *)r.out + 7 * k;
		float a = 0.25f * (float)(k + 1);

		cr_assert_eq(bits_at(&r, 7 * k), 0x7fc00000u, "one NaN for all processors");
		cr_assert_eq(row[1], INFINITY);
		cr_assert_eq(row[2], INFINITY);
		cr_assert_eq(bits_at(&r, 7 * k + 3), 0x7fc00000u);
		cr_assert_eq(row[4], INFINITY);
		cr_assert_float_eq(row[5] / FLT_MAX, 2 * a - 1, FLT_EPSILON);
		cr_assert_eq(row[6], 1 + a);
	}
	for (size_t k = 3; k < 5; k++)
		cr_assert_eq(((float *)r.out)[7 * k], 1.0f, "the NaN is no longer used");
	release(&r);
}

Test(kernels, copies_keep_the_bits_of_nan)
{
	const float x[] = { 1, 2 };
	struct run r;

	make_f32(&r, RC_METHOD_PREVIOUS, 1, x, 2);
	((uint32_t *)r.in)[0] = 0xffa12345u;
	compute(&r);
	cr_assert_eq(((uint32_t *)r.out)[2], 0xffa12345u);
	r.job.dst_dtype = RC_F16;
	compute(&r);
	cr_assert_eq(((uint16_t *)r.out)[2], 0x7e00u, "converted");
	release(&r);
}

Test(kernels, ties_go_to_the_earlier_sample)
{
	const float x[] = { 1, 2 };
	struct run r;

	make_f32(&r, RC_METHOD_NEAREST, 1, x, 2);
	compute(&r);
	cr_assert_eq(((float *)r.out)[1], 1.0f);
	cr_assert_eq(((float *)r.out)[2], 2.0f);
	release(&r);
}

Test(kernels, stamps_may_be_as_far_apart_as_int64_allows)
{
	const float x[] = { 0, 4 };
	struct run r;

	make_f32(&r, RC_METHOD_LINEAR, 1, x, 2);
	((int64_t *)(r.in + r.job.src_t))[0] = INT64_MIN;
	((int64_t *)(r.in + r.job.src_t))[1] = INT64_MAX;
	((int64_t *)(r.in + r.job.ticks))[0] = INT64_MIN / 2;
	compute(&r);
	cr_assert_eq(((float *)r.out)[0], 1.0f);
	cr_assert_eq(((float *)r.out)[1], 2.0f);
	release(&r);
}

Test(kernels, slerp_special_rows)
{
	const float h = 0.70710678f;
	/* No direction; a NaN; the same rotation with the other sign; a turn by pi. */
	const float x[4][8] = { { 0, 0, 0, 0, 4, 0, 0, 8 },
				{ 1, 0, NAN, 0, 1, 0, 0, 0 },
				{ 0, h, 0, h, 0, -h, 0, -h },
				{ 1, 0, 0, 0, 0, 0, 1, 0 } };
	const float want[4][4] = { { 2, 0, 0, 4 }, { NAN, NAN, NAN, NAN }, { 0, h, 0, h },
				   { h, 0, h, 0 } };

	for (size_t i = 0; i < 4; i++) {
		struct run r;

		make_f32(&r, RC_METHOD_SLERP, 4, x[i], 2);
		compute(&r);
		for (size_t c = 0; c < 4; c++) {
			float got = ((float *)r.out)[4 + c];
			if (isnan(want[i][c]))
				cr_assert_eq(rc_bits_of_f32(got), 0x7fc00000u);
			else
				cr_assert_float_eq(got, want[i][c], 6e-8f, "row %zu: %.9g", i, got);
		}
		cr_assert_eq(memcmp(r.out + 48, &x[i][4], 16), 0, "the sample at tick 100");
		release(&r);
	}
}

/* Three streams into one tensor, and the same ticks as one job or as two. */
Test(kernels, batching_changes_nothing)
{
	struct spec s = { RC_METHOD_LINEAR, RC_F32, RC_F32, 50, 100, 5, 11, 2 };
	struct rc_job jobs[3];
	uint8_t *whole;
	struct run r;

	rng_state = 3;
	make(&r, &s);
	jobs[0] = jobs[1] = jobs[2] = r.job;
	jobs[1].dst = 0;
	jobs[1].width = 2;
	jobs[2].dst = 28;
	jobs[2].width = 4;
	jobs[2].method = RC_METHOD_SLERP;
	r.b.jobs = jobs;
	r.b.n_jobs = 3;
	compute(&r);
	whole = malloc(r.b.out_bytes);
	memcpy(whole, r.out, r.b.out_bytes);
	r.b.jobs = &r.job;
	r.b.n_jobs = 1;
	compute(&r);
	check(&r);
	for (size_t k = 0; k < 100; k++)
		cr_assert_eq(memcmp(r.out + k * 44 + 8, whole + k * 44 + 8, 20), 0);
	memcpy(whole, r.out, r.b.out_bytes);
	jobs[0] = jobs[1] = r.job;
	jobs[1].n_ticks = r.job.n_ticks - (jobs[0].n_ticks = 37);
	jobs[1].ticks += 37 * 8;
	jobs[1].dst += 37 * 44;
	r.b.jobs = jobs;
	r.b.n_jobs = 2;
	compute(&r);
	cr_assert_eq(memcmp(whole, r.out, r.b.out_bytes), 0);
	free(whole);
	release(&r);
}
