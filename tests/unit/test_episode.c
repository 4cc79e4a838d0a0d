/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary and the wall clock. */
#include "config.h"

#include <criterion/criterion.h>

#include "base/clock.h"
#include "base/compat.h"
#include "base/episode.h"

Test(episode, dtypes)
{
	enum rc_dtype t = RC_BOOL;
	int i;

	for (i = 0; i < RC_DTYPE_COUNT; i++) {
		cr_assert(rc_dtype_parse(rc_dtype_name((enum rc_dtype)i), &t));
		cr_assert_eq((int)t, i);
		cr_assert_gt(rc_dtype_size(t), 0);
	}
	cr_assert(rc_dtype_parse("f32", &t) && t == RC_F32);
	cr_assert(rc_dtype_parse("u16", &t) && t == RC_U16);
	cr_assert_eq(rc_dtype_size(RC_F64), 8);
	cr_assert_eq(rc_dtype_size(RC_BOOL), 1);
	cr_assert(rc_dtype_is_float(RC_F16));
	cr_assert_not(rc_dtype_is_float(RC_I64));
	t = RC_I8;
	cr_assert_not(rc_dtype_parse("", &t));
	cr_assert_not(rc_dtype_parse("float", &t));
	cr_assert_eq(t, RC_I8);
	cr_assert_str_eq(rc_dtype_name((enum rc_dtype)99), "unknown");
	cr_assert_eq(rc_dtype_size((enum rc_dtype)99), 0);
}

Test(episode, names_are_complete)
{
	int i;

	for (i = 0; i < RC_KIND_COUNT; i++)
		cr_assert_str_neq(rc_kind_name((enum rc_kind)i), "unknown");
	for (i = 0; i < RC_ROLE_COUNT; i++)
		cr_assert_str_neq(rc_role_name((enum rc_role)i), "unknown");
	cr_assert_str_eq(rc_role_name(RC_ROLE_NEXT_OBS), "next_obs");
	cr_assert_str_eq(rc_clock_kind_name(RC_CLOCK_NOMINAL), "nominal");
	cr_assert_str_eq(rc_severity_name(RC_NOTE_WARNING), "warning");
	cr_assert_str_eq(rc_severity_name((enum rc_severity)9), "unknown");
}

Test(episode, methods)
{
	enum rc_method m;
	int i;

	for (i = 0; i < RC_METHOD_COUNT; i++) {
		cr_assert(rc_method_parse(rc_method_name((enum rc_method)i), &m));
		cr_assert_eq((int)m, i);
	}
	cr_assert_not(rc_method_parse("cubic", &m));
	cr_assert(rc_method_picks(RC_METHOD_NEAREST) && rc_method_picks(RC_METHOD_PREVIOUS));
	cr_assert_not(rc_method_picks(RC_METHOD_LINEAR) || rc_method_picks(RC_METHOD_SLERP));
	cr_assert(rc_method_reduces(RC_METHOD_MEAN) && rc_method_reduces(RC_METHOD_MIN));
	cr_assert_not(rc_method_reduces(RC_METHOD_PREVIOUS) || rc_method_picks(RC_METHOD_MAX));
	cr_assert(rc_method_mixes(RC_METHOD_MEAN) && !rc_method_mixes(RC_METHOD_MAX));
	cr_assert_eq(rc_method_default(RC_KIND_IMAGE, RC_U8), RC_METHOD_NEAREST);
	cr_assert_eq(rc_method_default(RC_KIND_IMAGE, RC_F32), RC_METHOD_NEAREST);
	cr_assert_eq(rc_method_default(RC_KIND_QUAT, RC_F64), RC_METHOD_SLERP);
	cr_assert_eq(rc_method_default(RC_KIND_POSE, RC_F32), RC_METHOD_SLERP);
	cr_assert_eq(rc_method_default(RC_KIND_QUAT, RC_I32), RC_METHOD_PREVIOUS);
	cr_assert_eq(rc_method_default(RC_KIND_LOWDIM, RC_BOOL), RC_METHOD_PREVIOUS);
	cr_assert_eq(rc_method_default(RC_KIND_LOWDIM, RC_F16), RC_METHOD_LINEAR);
}

Test(clock, utc)
{
	char s[32];

	rc_format_utc(s, 0);
	cr_assert_str_eq(s, "1970-01-01T00:00:00.000Z");
	rc_format_utc(s, 1769860800123999999);
	cr_assert_str_eq(s, "2026-01-31T12:00:00.123Z");
	rc_format_utc(s, -1);
	cr_assert_str_eq(s, "1969-12-31T23:59:59.999Z");
	rc_format_utc(s, INT64_MAX);
	cr_assert_str_eq(s, "2262-04-11T23:47:16.854Z");
	rc_format_utc(s, INT64_MIN);
	cr_assert_str_eq(s, "1677-09-21T00:12:43.145Z");
}

Test(clock, runs_forward)
{
	int64_t a = rc_now_ns(), b = rc_now_ns();

	cr_assert_leq(a, b);
	cr_assert_gt(rc_wall_ns(), 1600000000000000000);
}
