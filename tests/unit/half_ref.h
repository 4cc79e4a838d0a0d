/* SPDX-License-Identifier: Apache-2.0 */
/* float16 by its definition, for tests to compare with: powers of two, and rintl() to round. */
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

#endif
