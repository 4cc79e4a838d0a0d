/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The formulas, once, for the C compiler, for every instruction set and for nvcc.  Compiled with
 * contraction off (-ffp-contract=off, --fmad=false), without fast-math; only + - * / and sqrt,
 * which IEEE 754 rounds correctly, so the bits are the same everywhere.
 */
#ifndef RC_SHARED_MATH_H
#define RC_SHARED_MATH_H

#include <stdint.h>
#include <string.h>

#ifdef __CUDACC__
#define RC_FN static __host__ __device__ __forceinline__
#else
#define RC_FN static inline
#endif

#ifdef __CUDA_ARCH__
#define RC_SQRT(x) __dsqrt_rn(x)
#else
#define RC_SQRT(x) __builtin_sqrt(x)
#endif

/* The samples that make the value at one tick: x[near] + w * (x[far] - x[near]), 0 <= w <= 1/2;
 * near == far means x[near] itself, untouched. */
struct rc_tap {
	uint32_t near, far;
	double w;
};

/* The last i with t[i] <= tick, or -1 when tick is before t[0].  t is non-decreasing. */
RC_FN int64_t rc_last_not_after(const int64_t *t, int64_t n, int64_t tick)
{
	int64_t lo = 0, hi = n;
	while (lo < hi) {
		int64_t mid = lo + (hi - lo) / 2;
		if (t[mid] <= tick)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo - 1;
}

/* to - from for from <= to: exact however far apart, where int64 would overflow. */
RC_FN uint64_t rc_ns_diff(int64_t from, int64_t to)
{
	return (uint64_t)to - (uint64_t)from;
}

RC_FN double rc_ns_between(int64_t from, int64_t to)
{
	return (double)rc_ns_diff(from, to);
}

/*
 * Linear weights between sample i (t[i] <= tick) and i + 1.  The weight is a = (tick - t[i]) /
 * (t[i+1] - t[i]) in float64 from int64 differences.  The value is formed from the nearer of the
 * two samples with weight min(a, 1 - a): exact at both samples and for constants, the same when
 * time runs backwards, and within 2 ulp of the larger neighbour in float32 for any signs.
 * Before the first and after the last sample the end value is held.
 */
RC_FN struct rc_tap rc_tap_linear(const int64_t *t, int64_t n, int64_t i, int64_t tick)
{
	struct rc_tap p;
	p.w = 0.0;
	if (i < 0)
		i = 0;
	p.near = p.far = (uint32_t)i;
	if (i + 1 < n && tick > t[i]) {
		double span = rc_ns_between(t[i], t[i + 1]);
		double a = rc_ns_between(t[i], tick) / span;
		if (a <= 0.5) {
			p.far = (uint32_t)(i + 1);
			p.w = a;
		} else {
			p.near = (uint32_t)(i + 1);
			p.w = rc_ns_between(tick, t[i + 1]) / span;
		}
	}
	return p;
}

/* The nearer sample; a tie goes to the earlier one. */
RC_FN struct rc_tap rc_tap_nearest(const int64_t *t, int64_t n, int64_t i, int64_t tick)
{
	struct rc_tap p;
	p.w = 0.0;
	if (i < 0)
		i = 0;
	else if (i + 1 < n && rc_ns_diff(tick, t[i + 1]) < rc_ns_diff(t[i], tick))
		i = i + 1;
	p.near = p.far = (uint32_t)i;
	return p;
}

/* The latest sample not after the tick; before the first one, the first. */
RC_FN struct rc_tap rc_tap_previous(int64_t i)
{
	struct rc_tap p;
	p.near = p.far = (uint32_t)(i < 0 ? 0 : i);
	p.w = 0.0;
	return p;
}

RC_FN uint32_t rc_bits_of_f32(float v)
{
	uint32_t u;
	memcpy(&u, &v, sizeof u);
	return u;
}

RC_FN float rc_f32_of_bits(uint32_t u)
{
	float v;
	memcpy(&v, &u, sizeof v);
	return v;
}

RC_FN uint64_t rc_bits_of_f64(double v)
{
	uint64_t u;
	memcpy(&u, &v, sizeof u);
	return u;
}

RC_FN double rc_f64_of_bits(uint64_t u)
{
	double v;
	memcpy(&v, &u, sizeof v);
	return v;
}

/* float16 as its bits.  To float32 is exact: a subnormal is a small integer times 2^-24. */
RC_FN float rc_f16_to_f32(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000u) << 16, em = h & 0x7fffu;
	uint32_t tiny = rc_bits_of_f32((float)(int32_t)em * 0x1p-24f);
	uint32_t u = (em << 13) + (112u << 23);
	u += em >= 0x7c00u ? 112u << 23 : 0u;
	u |= em > 0x7c00u ? 0x400000u : 0u;
	u = em < 0x400u ? tiny : u;
	return rc_f32_of_bits(u | sign);
}

/*
 * To float16, rounded once to nearest even; too large becomes infinite, a NaN stays one (quiet,
 * the low bits of its payload cut off).  A subnormal is rounded by adding the power of two whose
 * unit in the last place is 2^-24.
 */
RC_FN uint16_t rc_f32_to_f16(float v)
{
	uint32_t u = rc_bits_of_f32(v), sign = (u >> 16) & 0x8000u, a = u & 0x7fffffffu;
	uint32_t tiny = rc_bits_of_f32(rc_f32_of_bits(a < 0x38800000u ? a : 0u) + 0.5f);
	uint32_t capped = a < 0x47800000u ? a : 0x47800000u;
	uint32_t half = 0xfffu + ((capped >> 13) & 1u);
	uint32_t h = (capped + half - (112u << 23)) >> 13;
	h = a < 0x38800000u ? tiny - 0x3f000000u : h;
	h = a > 0x7f800000u ? 0x7e00u | ((a >> 13) & 0x3ffu) : h;
	return (uint16_t)(sign | h);
}

RC_FN uint16_t rc_f64_to_f16(double v)
{
	const uint64_t normal = 0x3f10000000000000u, top = 0x40f0000000000000u;
	uint64_t u = rc_bits_of_f64(v), a = u & 0x7fffffffffffffffu;
	uint64_t tiny = rc_bits_of_f64(rc_f64_of_bits(a < normal ? a : 0u) + 0x1p28);
	uint64_t capped = a < top ? a : top;
	uint64_t half = 0x1ffffffffffu + ((capped >> 42) & 1u);
	uint64_t h = (capped + half - ((uint64_t)1008 << 52)) >> 42;
	h = a < normal ? tiny - 0x41b0000000000000u : h;
	h = a > 0x7ff0000000000000u ? 0x7e00u | ((a >> 42) & 0x3ffu) : h;
	return (uint16_t)((u >> 48 & 0x8000u) | h);
}

/* bfloat16 as its bits: the upper half of a float32. */
RC_FN float rc_bf16_to_f32(uint16_t h)
{
	return rc_f32_of_bits((uint32_t)h << 16);
}

RC_FN uint16_t rc_f32_to_bf16(float v)
{
	uint32_t u = rc_bits_of_f32(v), a = u & 0x7fffffffu;
	uint32_t h = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
	h = a > 0x7f800000u ? u >> 16 | 0x40u : h;
	return (uint16_t)h;
}

RC_FN uint16_t rc_f64_to_bf16(double v)
{
	const uint64_t normal = 0x3810000000000000u, top = 0x47f0000000000000u;
	uint64_t u = rc_bits_of_f64(v), a = u & 0x7fffffffffffffffu;
	uint64_t tiny = rc_bits_of_f64(rc_f64_of_bits(a < normal ? a : 0u) + 0x1p-81);
	uint64_t capped = a < top ? a : top;
	uint64_t half = 0xfffffffffffu + ((capped >> 45) & 1u);
	uint64_t h = (capped + half - ((uint64_t)896 << 52)) >> 45;
	h = a < normal ? tiny - 0x3ae0000000000000u : h;
	h = a > 0x7ff0000000000000u ? 0x7fc0u | ((a >> 45) & 0x3fu) : h;
	return (uint16_t)((u >> 48 & 0x8000u) | h);
}

/*
 * What goes into an output element after arithmetic or a change of type.  Which NaN comes out of
 * either differs between processors, so that every NaN becomes the one positive quiet NaN without
 * payload.  A sample copied in its own type keeps its bits.
 */
RC_FN uint16_t rc_put_f16_from_f32(float v)
{
	uint16_t h = rc_f32_to_f16(v);
	return v == v ? h : (uint16_t)0x7e00u;
}

RC_FN uint16_t rc_put_f16_from_f64(double v)
{
	uint16_t h = rc_f64_to_f16(v);
	return v == v ? h : (uint16_t)0x7e00u;
}

RC_FN uint16_t rc_put_bf16_from_f32(float v)
{
	uint16_t h = rc_f32_to_bf16(v);
	return v == v ? h : (uint16_t)0x7fc0u;
}

RC_FN uint16_t rc_put_bf16_from_f64(double v)
{
	uint16_t h = rc_f64_to_bf16(v);
	return v == v ? h : (uint16_t)0x7fc0u;
}

RC_FN float rc_put_f32_from_f32(float v)
{
	return v == v ? v : rc_f32_of_bits(0x7fc00000u);
}

RC_FN float rc_put_f32_from_f64(double v)
{
	return rc_put_f32_from_f32((float)v);
}

RC_FN double rc_put_f64_from_f64(double v)
{
	return v == v ? v : rc_f64_of_bits(0x7ff8000000000000u);
}

/*
 * The value at a linear tap, near != far.  The other form in rc_lerp_*() is for what the plain one
 * cannot do: finite samples whose difference overflows, and infinities, which stay infinite (two
 * opposite ones give NaN).  NaN comes out otherwise only where one goes in.  The steps are apart
 * for loops that first do the plain one for a whole row: rc_rare_*() of all its results, or-ed, has
 * the top bit set when one of them is not finite.
 */
RC_FN float rc_lerp_plain_f32(float near, float far, float w)
{
	return near + w * (far - near);
}

RC_FN double rc_lerp_plain_f64(double near, double far, double w)
{
	return near + w * (far - near);
}

RC_FN uint32_t rc_rare_f32(float v)
{
	return (rc_bits_of_f32(v) & 0x7f800000u) + 0x800000u;
}

RC_FN uint64_t rc_rare_f64(double v)
{
	return (rc_bits_of_f64(v) & 0x7ff0000000000000u) + 0x10000000000000u;
}

RC_FN float rc_lerp_f32(float near, float far, float w)
{
	float v = rc_lerp_plain_f32(near, far, w);
	return rc_rare_f32(v) >> 31 ? (1.0f - w) * near + w * far : v;
}

RC_FN double rc_lerp_f64(double near, double far, double w)
{
	double v = rc_lerp_plain_f64(near, far, w);
	return rc_rare_f64(v) >> 63 ? (1.0 - w) * near + w * far : v;
}

/* atan(z) for 0 <= z <= tan(pi/8): the polynomial in z^2 that is right at eleven Chebyshev points
 * of [0, 0.1716]; off by at most 4e-17 * z before rounding. */
RC_FN double rc_atan_small(double z)
{
	double u = z * z, p = 0.021132810313338496;
	p = p * u - 0.0434784293457331;
	p = p * u + 0.05688276780465485;
	p = p * u - 0.0664022008540203;
	p = p * u + 0.07689951902451446;
	p = p * u - 0.09090772961650327;
	p = p * u + 0.11111106175584769;
	p = p * u - 0.14285714180856576;
	p = p * u + 0.19999999998853618;
	p = p * u - 0.3333333333332843;
	p = p * u + 1.0;
	return z * p;
}

/* sin(x) / x for 0 <= x <= pi/2 with u = x^2: eleven terms of the series, the twelfth is below
 * 1e-18. */
RC_FN double rc_sinc(double u)
{
	double p = 1.0 / 51090942171709440000.0;
	p = p * u - 1.0 / 121645100408832000.0;
	p = p * u + 1.0 / 355687428096000.0;
	p = p * u - 1.0 / 1307674368000.0;
	p = p * u + 1.0 / 6227020800.0;
	p = p * u - 1.0 / 39916800.0;
	p = p * u + 1.0 / 362880.0;
	p = p * u - 1.0 / 5040.0;
	p = p * u + 1.0 / 120.0;
	p = p * u - 1.0 / 6.0;
	p = p * u + 1.0;
	return p;
}

/* Four columns in stored order: the arc between two quaternions does not depend on the order. */
struct rc_quat {
	double a, b, c, d;
};

RC_FN double rc_quat_dot(struct rc_quat p, struct rc_quat q)
{
	return (p.a * q.a + p.b * q.b) + (p.c * q.c + p.d * q.d);
}

/* s * p + t * q */
RC_FN struct rc_quat rc_quat_mix(struct rc_quat p, double s, struct rc_quat q, double t)
{
	struct rc_quat r;
	r.a = s * p.a + t * q.a;
	r.b = s * p.b + t * q.b;
	r.c = s * p.c + t * q.c;
	r.d = s * p.d + t * q.d;
	return r;
}

/* 0 when all four are finite, else NaN. */
RC_FN double rc_quat_zero(struct rc_quat q)
{
	return ((q.a - q.a) + (q.b - q.b)) + ((q.c - q.c) + (q.d - q.d));
}

/*
 * The rotation at weight t (0 < t < 1) from the earlier sample p to the later one q, both scaled to
 * unit length, along the shorter of the two arcs; unit length, and with the sign of p as stored, so
 * that nothing jumps between two samples.  With unit p and q, theta their angle, |q - p| and
 * |q + p| are 2 sin(theta/2) and 2 cos(theta/2), so that tan(theta/4) = |q - p| / (2 + |q + p|):
 * exact for the smallest angles, and no range to reduce.  sin(t theta) / sin(theta) is t times a
 * ratio of rc_sinc() values, whose denominator the normalisation cancels: theta = 0 is nothing
 * special.
 *
 * A component that is not finite makes all four NaN.  Returns 1, or 0 when p or q has no direction
 * (its squared length is outside 1e-200 ... 1e200): then the caller keeps the linear value.
 */
RC_FN double rc_slerp(struct rc_quat p, struct rc_quat q, double t, struct rc_quat *r_out)
{
	double pp = rc_quat_dot(p, p), qq = rc_quat_dot(q, q);
	double bad = rc_quat_zero(p) + rc_quat_zero(q);
	double ip = 1.0 / RC_SQRT(pp), iq = 1.0 / RC_SQRT(qq);
	double ok_p = pp >= 1e-200 && pp <= 1e200 ? 1.0 : 0.0;
	double ok_q = qq >= 1e-200 && qq <= 1e200 ? 1.0 : 0.0;
	struct rc_quat r, sum, diff;
	double theta, s = 1.0 - t, at, as, scale;

	iq = rc_quat_dot(p, q) < 0.0 ? -iq : iq;
	diff = rc_quat_mix(q, iq, p, -ip);
	sum = rc_quat_mix(q, iq, p, ip);
	theta = 4.0 * rc_atan_small(RC_SQRT(rc_quat_dot(diff, diff)) /
				    (2.0 + RC_SQRT(rc_quat_dot(sum, sum))));
	as = s * theta;
	at = t * theta;
	r = rc_quat_mix(p, ip * (s * rc_sinc(as * as)), q, iq * (t * rc_sinc(at * at)));
	scale = 1.0 / RC_SQRT(rc_quat_dot(r, r)) + bad;
	r_out->a = r.a * scale;
	r_out->b = r.b * scale;
	r_out->c = r.c * scale;
	r_out->d = r.d * scale;
	return bad == 0.0 ? ok_p * ok_q : 1.0;
}

#endif
