/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include <locale.h>
#include <math.h>

#include "base/compat.h"
#include "base/num.h"

static struct rc_err e;

/* Everything is refused with a message that names the subject, the text and what is expected. */
#define REFUSED(call, text)                                                 \
	do {                                                                \
		cr_expect_eq((call), RC_E_USAGE, "'%s' was taken", text);   \
		cr_expect_eq(strncmp(e.msg, "--x: '", 6), 0, "%s", e.msg);  \
		cr_expect_not_null(strstr(e.msg, "expected"), "%s", e.msg); \
	} while (0)

static int64_t take_int(const char *s, int64_t lo, int64_t hi)
{
	int64_t v = 77;

	cr_expect_eq(rc_parse_int(s, "--x", lo, hi, &v, &e), 0, "%s", e.msg);
	return v;
}

Test(num, integers)
{
	static const char *const bad[] = {"",
					  " ",
					  " 1",
					  "1 ",
					  "1.0",
					  "1e3",
					  "0x10",
					  "-",
					  "+",
					  "--1",
					  "nan",
					  "1_000",
					  "9223372036854775808",
					  "\xd9\xa3",
					  "-9223372036854775809",
					  "99999999999999999999999999"};
	int64_t v = 77;
	size_t i;

	cr_expect_eq(take_int("0", INT64_MIN, INT64_MAX), 0);
	cr_expect_eq(take_int("-0", 0, 0), 0);
	cr_expect_eq(take_int("+7", 7, 7), 7);
	cr_expect_eq(take_int("007", 0, 10), 7);
	cr_expect_eq(take_int("9223372036854775807", INT64_MIN, INT64_MAX), INT64_MAX);
	cr_expect_eq(take_int("-9223372036854775808", INT64_MIN, INT64_MAX), INT64_MIN);
	for (i = 0; i < RC_ARRAY_LEN(bad); i++)
		REFUSED(rc_parse_int(bad[i], "--x", INT64_MIN, INT64_MAX, &v, &e), bad[i]);
	REFUSED(rc_parse_int("0", "--x", 1, 8, &v, &e), "0");
	cr_expect_str_eq(e.msg, "--x: '0' is out of range; expected a whole number from 1 to 8");
	REFUSED(rc_parse_int("-5", "--x", 0, INT64_MAX, &v, &e), "-5");
	cr_expect_str_eq(e.msg, "--x: '-5' is out of range; expected a whole number, at least 0");
	REFUSED(rc_parse_int("9", "--x", INT64_MIN, 8, &v, &e), "9");
	cr_expect_eq(v, 77, "untouched by failures");
}

Test(num, doubles)
{
	static const char *const good[] = {"0",
					   "-0",
					   "1",
					   "1.5",
					   ".5",
					   "5.",
					   "+2",
					   "1e3",
					   "1E-3",
					   "-1.25e+2",
					   "1e-400",
					   "0.1",
					   "123456789.123456789"};
	static const char *const bad[] = {"",    ".",   "-",     "e5",     "1e",       "1e+",
					  "1,5", "nan", "NaN",   "inf",    "infinity", "0x1p3",
					  " 1",  "1 ",  "1e999", "-1e999", "1d3"};
	double v = 77;
	size_t i;

	for (i = 0; i < RC_ARRAY_LEN(good); i++) {
		cr_expect_eq(rc_parse_double(good[i], "--x", &v, &e), 0, "%s", good[i]);
		cr_expect_eq(v, strtod(good[i], NULL), "%s", good[i]);
	}
	v = 77;
	for (i = 0; i < RC_ARRAY_LEN(bad); i++)
		REFUSED(rc_parse_double(bad[i], "--x", &v, &e), bad[i]);
	cr_expect_eq(v, 77);
}

Test(num, rates)
{
	static const struct {
		const char *text;
		int64_t num, den;
	} good[] = {
		{"20", 20, 1},
		{"20Hz", 20, 1},
		{"20 hz", 20, 1},
		{"+20", 20, 1},
		{"20.", 20, 1},
		{"29.97", 2997, 100},
		{"30000/1001", 30000, 1001},
		{"30000/1001Hz", 30000, 1001},
		{"60/2", 30, 1},
		{"0.5", 1, 2},
		{".5", 1, 2},
		{"0.000001", 1, 1000000},
		{"1/1000000", 1, 1000000},
		{"1000000000", 1000000000, 1},
		{"123.456789012", 30864197253, 250000000},
		{"20.000000000000", 20, 1},
		{"999999999.999999999", 999999999999999999, 1000000000},
		{"9000000000000000000/9000000000000000000", 1, 1},
	};
	static const char *const bad[] = {
		"",
		"0",
		"0.0",
		"-5",
		"-0",
		"inf",
		"nan",
		"1e3",
		"Hz",
		"/",
		"1/",
		"/2",
		"1/0",
		"0/1",
		"1/-2",
		"30/1.001",
		"20 Hz ",
		"20kHz",
		"20  Hz",
		"0x20",
		"1000000001",
		"0.0000001",
		"1/1000001",
		"1000000000.1",
		"1.0000000001",
		"30,5",
		"99999999999999999999",
		"1/99999999999999999999",
		"1000000007/1000000009",
		"20/1/1",
		"2 0",
	};
	struct rc_rate r = {7, 7};
	size_t i;

	for (i = 0; i < RC_ARRAY_LEN(good); i++) {
		cr_expect_eq(rc_parse_rate(good[i].text, "--x", &r, &e), 0, "%s", e.msg);
		cr_expect(r.num == good[i].num && r.den == good[i].den, "%s", good[i].text);
	}
	r = (struct rc_rate){7, 7};
	for (i = 0; i < RC_ARRAY_LEN(bad); i++)
		REFUSED(rc_parse_rate(bad[i], "--x", &r, &e), bad[i]);
	cr_expect(r.num == 7 && r.den == 7);
	cr_expect_eq(rc_rate_hz((struct rc_rate){30000, 1001}), 30000.0 / 1001.0);
}

Test(num, tick_offsets)
{
	const struct rc_rate ntsc = {30000, 1001}, slow = {1, 1000000}, three = {3, 1};
	const struct rc_rate odd = {999999999999999999, 1000000000};

	cr_expect_eq(rc_rate_offset_ns(three, 0), 0);
	cr_expect_eq(rc_rate_offset_ns(three, 1), 333333333);
	cr_expect_eq(rc_rate_offset_ns(three, 3), 1000000000);
	cr_expect_eq(rc_rate_offset_ns(three, -1), -333333334, "floor, not truncation");
	cr_expect_eq(rc_rate_offset_ns(three, -3), -1000000000);
	cr_expect_eq(rc_rate_offset_ns(ntsc, 30000), 1001000000000);
	cr_expect_eq(rc_rate_offset_ns(ntsc, 1000000007), 33366666900233333);
	cr_expect_eq(rc_rate_offset_ns(slow, 9223), 9223000000000000000);
	cr_expect_eq(rc_rate_offset_ns(slow, 9224), INT64_MAX);
	cr_expect_eq(rc_rate_offset_ns(slow, -9224), INT64_MIN);
	cr_expect_eq(rc_rate_offset_ns(odd, INT64_MAX), INT64_MAX);
	cr_expect_eq(rc_rate_offset_ns(odd, 1000000000000000000), 1000000000000000001);
	cr_expect_eq(rc_rate_offset_ns((struct rc_rate){1, INT64_MAX}, INT64_MAX), INT64_MAX);
	cr_expect_eq(rc_rate_offset_ns((struct rc_rate){1, INT64_MAX}, INT64_MIN), INT64_MIN);
}

Test(num, sizes)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{"0", 0},
		{"7", 7},
		{"7B", 7},
		{"100KB", 100000},
		{"1K", 1024},
		{"1k", 1024},
		{"1KiB", 1024},
		{"1Ki", 1024},
		{"512M", 536870912},
		{"4GiB", 4294967296},
		{"4 GiB", 4294967296},
		{"1.5G", 1610612736},
		{"0.5KB", 500},
		{"2TB", 2000000000000},
		{"1T", 1099511627776},
		{"18446744073709551615", UINT64_MAX},
		{"7.0", 7},
		{"16777215.999999T", 18446744073708452104ULL},
	};
	static const char *const bad[] = {
		"",
		"-5",
		"-0",
		"1e3",
		"inf",
		"K",
		"1.5",
		"1.5B",
		"4X",
		"4GiBs",
		"4 G B",
		"4  G",
		"18446744073709551616",
		"16777216T",
		"99999999999999999999999T",
		"0x10",
		"5%",
		".",
	};
	uint64_t v = 77;
	size_t i;

	for (i = 0; i < RC_ARRAY_LEN(good); i++) {
		cr_expect_eq(rc_parse_size(good[i].text, "--x", &v, &e), 0, "%s", e.msg);
		cr_expect_eq(v, good[i].bytes, "%s: %llu", good[i].text, (unsigned long long)v);
	}
	v = 77;
	for (i = 0; i < RC_ARRAY_LEN(bad); i++)
		REFUSED(rc_parse_size(bad[i], "--x", &v, &e), bad[i]);
	cr_expect_eq(v, 77);
}

Test(num, amounts)
{
	static const char *const bad[] = {"0%", "101%", "1000%", "-5%", "5.5%", "%", "5%%", "5 %",
					  "99999999999999999999%", "", "lots"};
	struct rc_amount a = {77, 0};
	size_t i;

	for (i = 0; i < RC_ARRAY_LEN(bad); i++)
		REFUSED(rc_parse_amount(bad[i], "--x", &a, &e), bad[i]);
	cr_expect_eq(a.bytes, 77);
	cr_expect_eq(rc_parse_amount("512M", "--x", &a, &e), 0, "%s", e.msg);
	cr_expect_eq(rc_amount_of(a, 1000), UINT64_C(512) << 20);
	cr_expect_eq(rc_parse_amount("25%", "--x", &a, &e), 0, "%s", e.msg);
	cr_expect_eq(rc_amount_of(a, 1000), 250);
	cr_expect_eq(rc_parse_amount("100%", "--x", &a, &e), 0, "%s", e.msg);
	cr_expect_eq(rc_amount_of(a, UINT64_MAX), UINT64_MAX);
}

Test(num, durations)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
		{"50ms", 50000000},
		{"0.2s", 200000000},
		{"3us", 3000},
		{"3\xc2\xb5s", 3000},
		{"3\xce\xbcs", 3000},
		{"100ns", 100},
		{"5m", 300000000000},
		{"5min", 300000000000},
		{"2h", 7200000000000},
		{"-5ms", -5000000},
		{"-5", -5000000},
		{"5", 5000000},
		{"0", 0},
		{"-0", 0},
		{".5", 500000},
		{"1.5 s", 1500000000},
		{"0.4ns", 0},
		{"0.5ns", 1},
		{"-1.5ns", -2},
		{"33.333333333ms", 33333333},
		{"9223372036854775807ns", INT64_MAX},
		{"-9223372036854775808ns", INT64_MIN},
		{"+1s", 1000000000},
		{"0.000000001s", 1},
		{"1.00000000000000000000s", 1000000000},
	};
	static const char *const bad[] = {
		"",
		"-",
		"ms",
		"1e3ms",
		"inf",
		"nan",
		"5 days",
		"5x",
		"1:30",
		"9223372036854775808ns",
		"-9223372036854775809ns",
		"9223372037s",
		"99999999999999999999h",
		"5ms ",
		"5,5ms",
		"1.0000000000000000001s",
	};
	int64_t v = 77;
	size_t i;

	for (i = 0; i < RC_ARRAY_LEN(good); i++) {
		cr_expect_eq(rc_parse_duration(good[i].text, "--x", 1000000, &v, &e), 0, "%s",
			     e.msg);
		cr_expect_eq(v, good[i].ns, "%s: %lld", good[i].text, (long long)v);
	}
	v = 77;
	for (i = 0; i < RC_ARRAY_LEN(bad); i++)
		REFUSED(rc_parse_duration(bad[i], "--x", 1000000, &v, &e), bad[i]);
	REFUSED(rc_parse_duration("5", "--x", 0, &v, &e), "5");
	cr_expect_eq(v, 77);
	cr_expect_eq(rc_parse_duration("5s", "--x", 0, &v, &e), 0);
}

static const char *bytes_text(uint64_t v)
{
	static char s[32];

	rc_format_bytes(s, sizeof s, v);
	return s;
}

Test(num, bytes_for_people)
{
	cr_expect_str_eq(bytes_text(0), "0 B");
	cr_expect_str_eq(bytes_text(1023), "1023 B");
	cr_expect_str_eq(bytes_text(1024), "1.0 KiB");
	cr_expect_str_eq(bytes_text(1536), "1.5 KiB");
	cr_expect_str_eq(bytes_text(1048575), "1.0 MiB", "no 1024.0 KiB");
	cr_expect_str_eq(bytes_text(1610612736), "1.5 GiB");
	cr_expect_str_eq(bytes_text(UINT64_MAX), "16.0 EiB");
}

static const char *double_text(double v)
{
	static char s[40];

	rc_format_double(s, v);
	return s;
}

Test(num, doubles_as_text)
{
	static const double hard[] = {0.1 + 0.2,
				      1.0 / 3,
				      5e-324,
				      2.2250738585072011e-308,
				      1e23,
				      8.5e15,
				      1.7976931348623157e308,
				      9007199254740993e3,
				      1e15 + 0.5,
				      -1e-7};
	size_t i;

	cr_expect_str_eq(double_text(0), "0");
	cr_expect_str_eq(double_text(-0.0), "-0");
	cr_expect_str_eq(double_text(3), "3");
	cr_expect_str_eq(double_text(0.1), "0.1");
	cr_expect_str_eq(double_text(-29.97), "-29.97");
	cr_expect_str_eq(double_text(5e-324), "5e-324");
	cr_expect_str_eq(double_text(0.1 + 0.2), "0.30000000000000004");
	cr_expect_str_eq(double_text(9007199254740991), "9007199254740991");
	cr_expect_str_eq(double_text(1e15), "1000000000000000");
	cr_expect_str_eq(double_text(1e300), "1e+300");
	for (i = 0; i < RC_ARRAY_LEN(hard); i++)
		cr_expect_eq(strtod(double_text(hard[i]), NULL), hard[i], "%s",
			     double_text(hard[i]));
}

/* Where a locale with decimal commas is installed, nothing changes in it. */
Test(num, locale_is_ignored)
{
	static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
	char s[16];
	double v = 0;
	size_t i;

	for (i = 0; i < RC_ARRAY_LEN(names); i++)
		if (setlocale(LC_ALL, names[i]))
			break;
	if (i == RC_ARRAY_LEN(names))
		cr_skip_test("no locale with decimal commas");
	snprintf(s, sizeof s, "%.1f", 0.5);
	cr_assert_str_eq(s, "0,5", "the locale is on");
	cr_assert_eq(rc_parse_double("0.5", "--x", &v, &e), 0);
	cr_assert_eq(v, 0.5);
	cr_assert_str_eq(double_text(0.5), "0.5");
	snprintf(s, sizeof s, "%.1f", 0.5);
	cr_assert_str_eq(s, "0,5", "the locale is still on");
}
