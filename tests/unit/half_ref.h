/* SPDX-License-Identifier: Apache-2.0 */
/* float16 and bfloat16 by their definition, for tests to compare with: powers of two, and rintl()
 * to round. */
#ifndef RC_TEST_HALF_REF_H
#define RC_TEST_HALF_REF_H

#include <math.h>
#include <stdint.h>

static inline long double half_value(uint16_t h)
{
	int e = h >> 10 & 31, m = h & 1023;
	long double v = e ? ldexpl(1024 + m, e - 25) : ldexpl(m, -24);

	if (e == 31)
		v = m ? NAN : INFINITY;
	return h & 0x8000 ? -v : v;
}

static inline uint16_t half_nearest(long double v)
{
	uint16_t sign = signbit(v) ? 0x8000 : 0;
	int e;

	v = fabsl(v);
	if (isnan(v))
		return 0x7e00;
	if (v >= 65520)
		return sign | 0x7c00;
	frexpl(v, &e);
	e = v == 0 || e < -13 ? -13 : e;
	/* Steps of 2^(e - 11); rintl rounds to even, and a carry lands on the next exponent. */
	return (uint16_t)(sign | ((e + 13) * 1024 + (int)rintl(ldexpl(v, 11 - e))));
}

/* From v >= 0 to the next. */
static inline long double half_ulp(long double v)
{
	uint16_t h = half_nearest(v);

	return v >= 32768 ? 32 : half_value((uint16_t)(h + 1)) - half_value(h);
}

/* bfloat16: eight bits of significand over the exponents of float32. */
static inline long double bfloat_value(uint16_t h)
{
	int e = h >> 7 & 255, m = h & 127;
	long double v = e ? ldexpl(128 + m, e - 134) : ldexpl(m, -133);

	if (e == 255)
		v = m ? NAN : INFINITY;
	return h & 0x8000 ? -v : v;
}

static inline uint16_t bfloat_nearest(long double v)
{
	uint16_t sign = signbit(v) ? 0x8000 : 0;
	int e;

	v = fabsl(v);
	if (isnan(v))
		return 0x7fc0;
	if (v >= 0x1.ffp127L)
		return sign | 0x7f80;
	frexpl(v, &e);
	e = v == 0 || e < -125 ? -125 : e;
	return (uint16_t)(sign | ((e + 125) * 128 + (int)rintl(ldexpl(v, 8 - e))));
}

static inline long double bfloat_ulp(long double v)
{
	uint16_t h = bfloat_nearest(v);

	return bfloat_value((uint16_t)(h + 1)) - bfloat_value(h);
}

#endif
