/* SPDX-License-Identifier: Apache-2.0 */
/* The formulas that every backend shares, by themselves. */
#include <criterion/criterion.h>

#include "base/compat.h"

#include "kernels/shared_math.h"
#include "tests/unit/half_ref.h"

static uint64_t rng(void)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Rotations a hair apart: no loss where sin(theta) / theta would have cancelled. */
Test(shared_math, slerp_of_small_angles)
{
	for (double theta = 1e-300; theta < 1.6; theta = theta < 1e-20 ? theta * 1e10 : theta * 3) {
		struct rc_quat p = { 1, 0, 0, 0 }, q = { cos(theta), 0, sin(theta), 0 }, r;

		cr_assert_eq(rc_slerp(p, q, 0.3, &r), 1.0);
		cr_assert_leq(fabs(r.c - sin(0.3 * theta)), 1e-15 * theta, "%g", theta);
		cr_assert_leq(fabs(r.a - cos(0.3 * theta)), 3e-16, "%g", theta);
	}
}

Test(shared_math, polynomials)
{
	for (int i = 0; i <= 100000; i++) {
		double z = 0.41421357 * i / 100000, x = 1.5707964 * i / 100000;

		cr_assert_leq(fabs(rc_atan_small(z) - atan(z)), 3e-16 * z);
		cr_assert_leq(fabs(x * rc_sinc(x * x) - sin(x)), 4e-16 * x);
	}
}

Test(shared_math, every_half_there_and_back)
{
	for (uint32_t h = 0; h < 65536; h++) {
		float v = rc_f16_to_f32((uint16_t)h);
		uint16_t quiet = (h & 0x7fff) > 0x7c00 ? (uint16_t)(h | 0x200) : (uint16_t)h;

		if (isnan(v))
			cr_assert_gt(h & 0x7fff, 0x7c00);
		else
			cr_assert(v == half_value((uint16_t)h) && !signbit(v) == !(h & 0x8000));
		cr_assert_eq(rc_f32_to_f16(v), quiet);
		cr_assert_eq(rc_f64_to_f16(v), quiet);
	}
}

Test(shared_math, every_bfloat_there_and_back)
{
	for (uint32_t h = 0; h < 65536; h++) {
		float v = rc_bf16_to_f32((uint16_t)h);
		uint16_t quiet = (h & 0x7fff) > 0x7f80 ? (uint16_t)(h | 0x40) : (uint16_t)h;

		if (isnan(v))
			cr_assert_gt(h & 0x7fff, 0x7f80);
		else
			cr_assert(v == bfloat_value((uint16_t)h) && !signbit(v) == !(h & 0x8000));
		cr_assert_eq(rc_f32_to_bf16(v), quiet);
		cr_assert_eq(rc_f64_to_bf16(v), quiet);
	}
}

static void check_bfloat(double v)
{
	float f = (float)v;

	cr_assert_eq(rc_f64_to_bf16(v), bfloat_nearest(v), "%a", v);
	cr_assert_eq(rc_f32_to_bf16(f), bfloat_nearest(f), "%a", f);
}

Test(shared_math, bfloats_are_rounded_once_to_even)
{
	for (uint16_t h = 0; h < 0x7f80; h++) {
		double lo = (double)bfloat_value(h);
		double hi = h == 0x7f7f ? 0x1p128 : (double)bfloat_value((uint16_t)(h + 1));
		double mid = (lo + hi) / 2;

		for (int sign = -1; sign <= 1; sign += 2) {
			check_bfloat(sign * mid);
			check_bfloat(sign * nextafter(mid, 0));
			check_bfloat(sign * nextafter(mid, 1e40));
			check_bfloat(sign * (double)nextafterf((float)mid, 0));
			check_bfloat(sign * (double)nextafterf((float)mid, INFINITY));
		}
	}
	for (int i = 0; i < 300000; i++) {
		double v = rc_f64_of_bits(rng());
		float f = rc_f32_of_bits((uint32_t)rng());

		if (!isnan(v))
			cr_assert_eq(rc_f64_to_bf16(v), bfloat_nearest(v), "%a", v);
		if (!isnan(f))
			cr_assert_eq(rc_f32_to_bf16(f), bfloat_nearest(f), "%a", f);
	}
}

static void check_half(double v)
{
	float f = (float)v;

	cr_assert_eq(rc_f64_to_f16(v), half_nearest(v), "%a", v);
	cr_assert_eq(rc_f32_to_f16(f), half_nearest(f), "%a", f);
}

Test(shared_math, halves_are_rounded_once_to_even)
{
	for (uint16_t h = 0; h < 0x7c00; h++) {
		double lo = half_value(h);
		double hi = h == 0x7bff ? 65536 : (double)half_value((uint16_t)(h + 1));
		double mid = (lo + hi) / 2;

		for (int sign = -1; sign <= 1; sign += 2) {
			check_half(sign * mid);
			check_half(sign * nextafter(mid, 0));
			check_half(sign * nextafter(mid, 1e9));
			check_half(sign * (double)nextafterf((float)mid, 0));
			check_half(sign * (double)nextafterf((float)mid, 1e9f));
		}
	}
	for (int i = 0; i < 300000; i++) {
		double v = rc_f64_of_bits(rng());
		float f = rc_f32_of_bits((uint32_t)rng());

		if (!isnan(v))
			cr_assert_eq(rc_f64_to_f16(v), half_nearest(v), "%a", v);
		if (!isnan(f))
			cr_assert_eq(rc_f32_to_f16(f), half_nearest(f), "%a", f);
	}
}
