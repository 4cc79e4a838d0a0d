/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include "base/compat.h"
#include "base/names.h"

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

Test(names, natural_order)
{
	/* Ascending; every pair is compared in both directions. */
	static const char *const order[] = {
		"",
		"-",
		"0",
		"00",
		"1",
		"01",
		"001",
		"2",
		"2a",
		"10",
		"99",
		"100",
		"18446744073709551615",
		"18446744073709551616",
		"A",
		"a",
		"a0",
		"a00",
		"a1",
		"a1b",
		"a01b",
		"a1c",
		"a01c",
		"a1c1",
		"a2",
		"demoX",
		"demo_",
		"demo_2",
		"demo_02",
		"demo_10",
		"demo_10.h5",
		"demo_10_1",
		"demo_10_2",
		"demo_10_10",
		"demo_11",
		"\xc3\xa9",
	};
	size_t i, j;

	for (i = 0; i < RC_ARRAY_LEN(order); i++)
		for (j = 0; j < RC_ARRAY_LEN(order); j++)
			cr_expect_eq(sign(rc_natural_cmp(order[i], order[j])),
				     sign((int)i - (int)j), "'%s' and '%s'", order[i], order[j]);
}

Test(names, globs)
{
	cr_assert(rc_glob_match("*", "obs/arm/pos"));
	cr_assert(rc_glob_match("obs/*", "obs/arm/pos"));
	cr_assert(rc_glob_match("*pos", "obs/arm/pos"));
	cr_assert(rc_glob_match("cam?", "cam0"));
	cr_assert(rc_glob_match("cam[0-2]", "cam2"));
	cr_assert_not(rc_glob_match("cam[!0-2]", "cam2"));
	cr_assert_not(rc_glob_match("cam?", "cam10"));
	cr_assert(rc_glob_match("*", ".hidden"));
	cr_assert(rc_glob_match("", ""));
	cr_assert_not(rc_glob_match("", "a"));
	cr_assert_not(rc_glob_match("Cam", "cam"));
	cr_assert(rc_glob_match("a\\*", "a*"));
	cr_assert(rc_glob_is_pattern("a*") && rc_glob_is_pattern("?") && rc_glob_is_pattern("[x"));
	cr_assert_not(rc_glob_is_pattern("obs/joint_pos"));
	cr_assert_not(rc_glob_is_pattern(""));
}

static const char *const options[] = {"rate", "source-rate", "reference", "layout", "layout-in"};
static const char *const streams[] = {"arm/joint_pos", "arm/joint_vel", "gripper",
				      "cam/rgb",       "wrist/rgb",     "Pose"};

#define NEAR(table, s) rc_nearest_name(s, table, RC_ARRAY_LEN(table))

Test(names, nearest)
{
	cr_assert_str_eq(NEAR(options, "ratee"), "rate");
	cr_assert_str_eq(NEAR(options, "rtae"), "rate", "a swap is one edit");
	cr_assert_str_eq(NEAR(options, "layuot-in"), "layout-in");
	cr_assert_str_eq(NEAR(options, "LAYOUT"), "layout");
	cr_assert_str_eq(NEAR(options, "refrence"), "reference");
	cr_assert_null(NEAR(options, "compression"));
	cr_assert_null(NEAR(options, "rrraate"));
	cr_assert_null(NEAR(options, ""));
}

Test(names, nearest_stream)
{
	cr_assert_str_eq(NEAR(streams, "joint_pos"), "arm/joint_pos");
	cr_assert_str_eq(NEAR(streams, "joint_vel"), "arm/joint_vel");
	cr_assert_str_eq(NEAR(streams, "joint_poss"), "arm/joint_pos");
	cr_assert_str_eq(NEAR(streams, "rgb"), "cam/rgb", "the first of equals");
	cr_assert_str_eq(NEAR(streams, "wirst/rgb"), "wrist/rgb");
	cr_assert_str_eq(NEAR(streams, "pose"), "Pose");
	cr_assert_str_eq(NEAR(streams, "obs/gripper"), "gripper");
	cr_assert_str_eq(NEAR(streams, "robot/rgb"), "cam/rgb");
	cr_assert_null(NEAR(streams, "obs/"));
	cr_assert_null(rc_nearest_name("x", NULL, 0));
}

Test(names, nearest_long_and_short)
{
	static char text[4][400];
	const char *one[] = {text[0]}, *letters[] = {"y", "xy"};

	memset(text[0], 'a', 300);
	memset(text[1], 'A', 300);
	memset(text[2], 'a', 299);
	cr_assert_eq(rc_nearest_name(text[1], one, 1), text[0], "equal but for case");
	cr_assert_null(rc_nearest_name(text[2], one, 1), "too long to measure");
	memset(text[0] + 128, 0, 272);
	memset(text[3], 'a', 127);
	cr_assert_eq(rc_nearest_name(text[3], one, 1), text[0], "the longest that is measured");
	cr_assert_str_eq(rc_nearest_name("x", letters, 2), "xy", "'y' shares nothing with 'x'");
}
