/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "formats/stamp.h"

__extension__ typedef unsigned __int128 wide;

/* A magnitude m * 2^-shift and its sign; m is below 2^64. */
struct stamp {
	uint64_t m;
	unsigned shift;
	bool negative;
};

static bool is_in_range(wide ns)
{
	return ns <= (wide)RC_STAMP_MAX;
}

/* m * num / (den * 2^shift): the product has at most 127 bits. */
static bool scale(const struct stamp *s, int64_t num, int64_t den, int64_t *ns_out)
{
	wide product = (wide)s->m * (uint64_t)num, divisor, ns;

	if (s->shift > 63) {
		/* m has at most 53 bits here, so the product has 116 and, unless the divisor can
		 * be formed, is less than half of it. */
		if (s->shift > 126 || ((wide)den << s->shift) >> s->shift != (wide)den) {
			*ns_out = 0;
			return true;
		}
	}
	if (den == 1) { /* nearly all clocks: no division of 128 bits */
		ns = product >> s->shift;
		ns += s->shift && (product >> (s->shift - 1) & 1);
		if (!is_in_range(ns))
			return false;
		*ns_out = s->negative ? -(int64_t)ns : (int64_t)ns;
		return true;
	}
	divisor = (wide)den << s->shift;
	ns = product / divisor;
	product -= ns * divisor;
	ns += product >= divisor - product;
	if (!is_in_range(ns))
		return false;
	*ns_out = s->negative ? -(int64_t)ns : (int64_t)ns;
	return true;
}

/* The parts of an IEEE number of 64 bits or, moved to the same place, of fewer. */
static bool take_float(uint64_t bits, int exp_bits, int frac_bits, struct stamp *s)
{
	int exp = (int)(bits >> frac_bits & ((1u << exp_bits) - 1));
	int bias = (1 << (exp_bits - 1)) - 1, e;

	s->negative = bits >> (exp_bits + frac_bits) & 1;
	s->m = bits & ((UINT64_C(1) << frac_bits) - 1);
	if (exp == (1 << exp_bits) - 1)
		return false;
	if (exp)
		s->m |= UINT64_C(1) << frac_bits;
	else
		exp = 1;
	e = exp - bias - frac_bits; /* value = m * 2^e */
	if (!s->m)
		e = 0;
	for (; e > 0; e--) {
		if (s->m >> 63)
			return false; /* 2^64 of any unit that is not tiny is out of range */
		s->m <<= 1;
	}
	s->shift = (unsigned)-e;
	return true;
}

static uint64_t take_bits(const void *p, size_t size)
{
	uint64_t v = 0;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	memcpy((char *)&v + sizeof v - size, p, size);
#else
	memcpy(&v, p, size);
#endif
	return v;
}

static void take_signed(uint64_t bits, size_t size, struct stamp *s)
{
	uint64_t sign = UINT64_C(1) << (8 * size - 1);
	uint64_t wide_bits = (bits ^ sign) - sign; /* sign-extended */

	s->negative = bits & sign;
	s->m = s->negative ? 0 - wide_bits : wide_bits;
}

static bool take(enum rc_dtype t, const void *value, struct stamp *s)
{
	size_t size = rc_dtype_size(t);
	uint64_t bits;

	*s = (struct stamp){ 0 };
	if (t >= RC_BOOL)
		return false;
	bits = take_bits(value, size);
	switch (t) {
	case RC_F16: return take_float(bits, 5, 10, s);
	case RC_BF16: return take_float(bits, 8, 7, s);
	case RC_F32: return take_float(bits, 8, 23, s);
	case RC_F64: return take_float(bits, 11, 52, s);
	case RC_I8:
	case RC_I16:
	case RC_I32:
	case RC_I64: take_signed(bits, size, s); return true;
	default: s->m = bits; return true;
	}
}

bool rc_stamp_ns(enum rc_dtype t, const void *value, int64_t num, int64_t den, int64_t *ns_out)
{
	struct stamp s;

	return take(t, value, &s) && scale(&s, num, den, ns_out);
}
