/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of layouts and maps; what they do to files is in tests/check-layouts.py. */
#include "base/compat.h"

#include <criterion/criterion.h>

#include "formats/rules.h"

static bool matches(const char *pattern, const char *path)
{
	struct rule_match m = { .n = 0 };

	return rule_match(pattern, path, &m);
}

/* The text with what the stars of the pattern stood for; NULL: no match. */
static const char *expanded(const char *pattern, const char *path, const char *text)
{
	static char out[256];
	struct rule_match m = { .n = 0 };
	char *s = NULL;

	if (!rule_match(pattern, path, &m))
		return NULL;
	cr_assert_eq(rule_expand(text, &m, &s, NULL), 0);
	snprintf(out, sizeof out, "%s", s);
	free(s);
	return out;
}

Test(rules, stars)
{
	cr_assert(matches("a/b", "a/b"));
	cr_assert(!matches("a/b", "a/bc"));
	cr_assert(!matches("a/b", "a"));
	cr_assert(matches("a/*", "a/b"));
	cr_assert(matches("a/*", "a/"));
	cr_assert(!matches("a/*", "a/b/c"));
	cr_assert(matches("a/**", "a/b/c"));
	cr_assert(matches("**/c", "a/b/c"));
	cr_assert(!matches("**/c", "c"));
	cr_assert(matches("**c", "c"));
	cr_assert(matches("*_align/data", "x_align/data"));
	cr_assert(matches("*x*", "axbxc"));
	cr_assert(!matches("*/*", "a"));
	cr_assert(matches("*/*/*/*", "a/b/c/d"));
	cr_assert(!matches("*/*/*/*/*", "a/b/c/d/e"), "five stars");
	cr_assert(matches("", ""));
}

Test(rules, what_stars_stood_for)
{
	cr_assert_str_eq(expanded("arms/*/q", "arms/left/q", "$1_joint_pos"), "left_joint_pos");
	cr_assert_str_eq(expanded("*/*_raw/data", "puppet/arm_raw/data", "$2 of $1"),
			 "arm of puppet");
	cr_assert_str_eq(expanded("**/imu/*", "a/b/imu/accel", "$1|$2"), "a/b|accel");
	/* the first star takes as little as it can */
	cr_assert_str_eq(expanded("*_*", "a_b_c", "$1|$2"), "a|b_c");
	cr_assert_str_eq(expanded("*", "a", "$2 $ $x 100$"), "$2 $ $x 100$");
	cr_assert_str_eq(expanded("x", "x", ""), "");
	cr_assert_null(expanded("x", "y", "$1"));
}

Test(rules, counting)
{
	cr_assert_eq(rule_stars("a/b"), 0);
	cr_assert_eq(rule_stars("*/**/x*"), 3);
	cr_assert_eq(rule_highest("$1 $3 $2"), 3);
	cr_assert_eq(rule_highest("no $"), 0);
}
