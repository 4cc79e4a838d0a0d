/* SPDX-License-Identifier: Apache-2.0 */
/* Stamps of every type to nanoseconds: exact, rounded once, or refused. */
#include "base/compat.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

#include "formats/stamp.h"

static int64_t ns_of(enum rc_dtype t, const void *v, int64_t num, int64_t den)
{
	int64_t ns = 12345;

	cr_assert(rc_stamp_ns(t, v, num, den, &ns));
	return ns;
}

#define SECONDS INT64_C(1000000000)
#define NS_F64(v, num, den) ns_of(RC_F64, &(double){ v }, num, den)

Test(stamp, floats_are_exact_and_rounded_once)
{
	cr_assert_eq(NS_F64(0.5, 1, 1), 1);
	cr_assert_eq(NS_F64(-0.5, 1, 1), -1);
	cr_assert_eq(NS_F64(2.5, 1, 1), 3);
	cr_assert_eq(NS_F64(0.49999999999999994, 1, 1), 0);
	cr_assert_eq(NS_F64(-0.0, SECONDS, 1), 0);
	cr_assert_eq(NS_F64(5e-324, SECONDS, 1), 0);
	cr_assert_eq(NS_F64(1e-300, INT64_MAX, 1), 0);
	cr_assert_eq(NS_F64(0x1p61, 1, 1), INT64_C(1) << 61);
	cr_assert_eq(NS_F64(0x1p62, 1, 1), RC_STAMP_MAX);
	cr_assert_eq(NS_F64(-0x1p62, 1, 1), -RC_STAMP_MAX);
	cr_assert_eq(ns_of(RC_F32, &(float){ 0.1f }, SECONDS, 1), 100000001);
	cr_assert_eq(ns_of(RC_F16, &(uint16_t){ 0x3c01 }, SECONDS, 1), 1000976563);
	cr_assert_eq(ns_of(RC_F16, &(uint16_t){ 0x8001 }, SECONDS, 1), -60);
	/* Seconds since 1970: the double's own value, to the nearest ns. */
	for (int i = 0; i < 100000; i++) {
		double v = 1700000000.0 + i * 0.000123457;
		__extension__ __int128 m = (int64_t)ldexp(v, 22);
		cr_assert_eq((double)(int64_t)m, ldexp(v, 22));
		int64_t want = (int64_t)((m * SECONDS + (1 << 21)) >> 22);
		cr_assert_eq(NS_F64(v, SECONDS, 1), want, "%.17g", v);
	}
}

Test(stamp, integers)
{
	cr_assert_eq(ns_of(RC_I8, &(int8_t){ -128 }, SECONDS, 1), -128 * SECONDS);
	cr_assert_eq(ns_of(RC_I16, &(int16_t){ -1 }, 1000, 1), -1000);
	cr_assert_eq(ns_of(RC_U16, &(uint16_t){ 65535 }, 1000, 1), 65535000);
	cr_assert_eq(ns_of(RC_I32, &(int32_t){ INT32_MIN }, 1000000, 1), -2147483648000000);
	cr_assert_eq(ns_of(RC_U32, &(uint32_t){ UINT32_MAX }, 1, 1), UINT32_MAX);
	cr_assert_eq(ns_of(RC_I64, &(int64_t){ 1700000000123456789 }, 1, 1), 1700000000123456789);
	cr_assert_eq(ns_of(RC_I64, &(int64_t){ 1 }, 1, 3), 0);
	cr_assert_eq(ns_of(RC_I64, &(int64_t){ 2 }, 1, 3), 1);
	cr_assert_eq(ns_of(RC_I64, &(int64_t){ -3 }, 1, 2), -2);
	/* 30 kHz ticks of a 64-bit counter: the product does not fit in 64 bits. */
	cr_assert_eq(ns_of(RC_U64, &(uint64_t){ 3000000000001 }, SECONDS, 30000),
		     100000000000033333);
	cr_assert_eq(ns_of(RC_U64, &(uint64_t){ UINT64_MAX }, 1, 1000), 18446744073709552);
}

Test(stamp, what_is_no_time)
{
	static const double bad[] = { NAN, -NAN, INFINITY, -INFINITY, DBL_MAX, -DBL_MAX, 1e19 };
	int64_t ns;

	for (size_t i = 0; i < RC_ARRAY_LEN(bad); i++)
		cr_assert(!rc_stamp_ns(RC_F64, &bad[i], 1, 1, &ns), "%g", bad[i]);
	cr_assert(!rc_stamp_ns(RC_F64, &(double){ 0x1.0000000000001p62 }, 1, 1, &ns));
	cr_assert(!rc_stamp_ns(RC_F16, &(uint16_t){ 0x7c00 }, 1, 1, &ns));
	cr_assert(!rc_stamp_ns(RC_F32, &(float){ 1e30f }, 1, 1, &ns));
	cr_assert(!rc_stamp_ns(RC_U64, &(uint64_t){ UINT64_MAX }, 1, 1, &ns));
	cr_assert(!rc_stamp_ns(RC_I64, &(int64_t){ INT64_MIN }, INT64_MAX, 1, &ns));
	cr_assert(!rc_stamp_ns(RC_BOOL, &(uint8_t){ 1 }, 1, 1, &ns));
}
