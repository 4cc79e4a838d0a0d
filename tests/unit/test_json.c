/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include <math.h>
#include <sys/resource.h>

#include "base/compat.h"
#include "base/json.h"

static struct rc_err e;

static struct rc_json *parse(const char *text)
{
	struct rc_json *j = NULL;

	cr_assert_eq(rc_json_parse(text, strlen(text), "r.json", &j, &e), 0, "%s", e.msg);
	return j;
}

static void expect_text(const struct rc_json *j, bool pretty, const char *text)
{
	struct rc_buf b;

	rc_buf_init(&b);
	cr_assert_eq(rc_json_text(j, pretty, &b, &e), 0, "%s", e.msg);
	cr_assert_str_eq(b.p, text);
	rc_buf_release(&b);
}

Test(json, reads)
{
	struct rc_json *j = parse("\xef\xbb\xbf {\"s\": \"\\u00e9\\ud83d\\ude00\\n\", \"n\": -2.5,"
				  "\"i\": 3e2, \"t\": true, \"f\": false, \"z\": null,"
				  "\"a\": [1, [], {}], \"S\": 0}\r\n ");
	const struct rc_json *a, *c;
	int64_t i = 9;
	double d = 9;
	bool t = false;

	cr_assert(rc_json_is_object(j));
	cr_assert_str_eq(rc_json_string(rc_json_get(j, "s")), "\xc3\xa9\xf0\x9f\x98\x80\n");
	cr_assert(rc_json_number(rc_json_get(j, "n"), &d) && d == -2.5);
	cr_assert(rc_json_int(rc_json_get(j, "i"), &i) && i == 300);
	cr_assert(rc_json_int(rc_json_get(j, "S"), &i) && i == 0, "keys have case");
	cr_assert(rc_json_bool(rc_json_get(j, "t"), &t) && t);
	cr_assert(rc_json_bool(rc_json_get(j, "f"), &t) && !t);
	cr_assert(rc_json_is_bool(rc_json_get(j, "f")));
	a = rc_json_get(j, "a");
	cr_assert(rc_json_is_array(a) && !rc_json_is_object(a));
	c = rc_json_child(a);
	cr_assert_null(rc_json_key(c));
	c = rc_json_next(c);
	cr_assert(rc_json_is_array(c) && !rc_json_child(c));
	c = rc_json_next(c);
	cr_assert(rc_json_is_object(c) && !rc_json_next(c));
	cr_assert_str_eq(rc_json_key(rc_json_child(j)), "s");
	rc_json_free(j);
}

Test(json, wrong_types_and_null)
{
	struct rc_json *j = parse("{\"s\": \"1\", \"n\": 1, \"z\": null}");
	int64_t i = 9;
	double d = 9;
	bool t = true;

	cr_assert_null(rc_json_get(j, "x"));
	cr_assert_null(rc_json_get(rc_json_get(j, "n"), "x"));
	cr_assert_null(rc_json_get(NULL, "x"));
	cr_assert_null(rc_json_string(rc_json_get(j, "n")));
	cr_assert_null(rc_json_string(rc_json_get(j, "z")));
	cr_assert_null(rc_json_string(NULL));
	cr_assert_not(rc_json_number(rc_json_get(j, "s"), &d));
	cr_assert_not(rc_json_number(NULL, &d));
	cr_assert_not(rc_json_int(rc_json_get(j, "s"), &i));
	cr_assert_not(rc_json_bool(rc_json_get(j, "n"), &t));
	cr_assert_not(rc_json_bool(NULL, &t));
	cr_assert_not(rc_json_is_object(NULL) || rc_json_is_array(NULL) || rc_json_is_bool(NULL));
	cr_assert_null(rc_json_child(NULL));
	cr_assert_null(rc_json_next(NULL));
	cr_assert_null(rc_json_key(NULL));
	cr_assert(i == 9 && d == 9 && t, "untouched");
	rc_json_free(j);
	rc_json_free(NULL);
}

Test(json, integers)
{
	struct rc_json *j =
		parse("[9007199254740991, -9007199254740991, 2147483648, 9007199254740992,"
		      "9007199254740993, 1.5, 1e300, -0]");
	static const int64_t exact[] = {9007199254740991, -9007199254740991, 2147483648};
	const struct rc_json *c = rc_json_child(j);
	int64_t v = 9;
	size_t i;

	for (i = 0; i < RC_ARRAY_LEN(exact); i++, c = rc_json_next(c))
		cr_assert(rc_json_int(c, &v) && v == exact[i]);
	for (i = 0; i < 4; i++, c = rc_json_next(c))
		cr_assert_not(rc_json_int(c, &v), "the value %zu after the exact ones", i);
	cr_assert(rc_json_int(c, &v) && v == 0);
	rc_json_free(j);
}

static void expect_refused(const char *text, size_t n, const char *message)
{
	struct rc_json *j = NULL;

	cr_expect_eq(rc_json_parse(text, n, "r.json", &j, &e), RC_E_FORMAT, "'%s' was taken", text);
	cr_expect_not_null(strstr(e.msg, message), "'%s': got: %s", text, e.msg);
	cr_expect_not_null(strstr(e.msg, "'r.json'"), "%s", e.msg);
	cr_expect_null(j);
}

Test(json, refuses)
{
	static const char *const bad[][2] = {
		{"", "is empty"},
		{" \n\t", "is empty"},
		{"\xef\xbb\xbf", "is empty"},
		{"{\"a\": 1,\n  \"b\": tru}", "line 2, column 8: something"},
		{"{\"a\": 1,\n \"\xc3\xa9\": foo bar\n}",
		 "line 2, column 7: something that JSON does not "
		 "have here, near 'foo bar'"},
		{"{\"a\": 1,}", "column 9: a comma with nothing behind it"},
		{"[1,]", "column 4: a comma with nothing behind it"},
		{"[[{}], ]", "column 8: a comma with nothing behind it"},
		{"[1,,2]", "column 4"},
		{"{\"a\":}", "column 6"},
		{"{\"a\"}", "column 5"},
		{"[1}", "column 3"},
		{"{\"a\": 1]", "column 8"},
		{"[1 2]", "column 4"},
		{"{\"a\" 1}", "column 6"},
		{"{a: 1}", "column 2: a key without double quotes, near 'a: 1}'"},
		{"{'a': 1}", "column 2: a key without double quotes"},
		{"{\"a\": 1, b: 2}", "column 10: a key without double quotes"},
		{"{\"a\": [], b: 2}", "column 11: a key without double quotes"},
		{"{,}", "a key without double quotes"},
		{"{\"a\": 1", "the text ends with a bracket still open"},
		{"[1, 2\n", "the text ends with a bracket still open"},
		{"[", "the text ends with a bracket still open"},
		{"]", "line 1, column 1"},
		{"{} x", "text behind the end, near 'x'"},
		{"{}{}", "text behind the end"},
		{"1 // c", "text behind the end"},
		{"\"abc", "a string without its closing quote, near '\"abc'"},
		{"\"a\\", "an unknown escape"},
		{"\"\\x41\"", "an unknown escape"},
		{"\"a\nb\"", "a control character or line end inside a string"},
		{"\"\\u00g0\"", "a \\u without four"},
		{"\"\\u12", "a \\u without four"},
		{"{\"a\\u0000b\": 1}", "column 4: a \\u0000"},
		{"\"a\\ud800\"", "line 1, column 3: half a surrogate pair, near '\\ud800\"'"},
		{"\"\\udc00\\ud800\"", "half a surrogate pair"},
		{"\"\\ud800\\u0041\"", "half a surrogate pair"},
		{"\"\\ud800\\u", "half a surrogate pair"},
		{"\"\xff\"", "a byte that is not UTF-8, near '?\"'"},
		{"\"\xc0\xaf\"", "UTF-8"},
		{"\"\xed\xa0\x80\"", "UTF-8"},
		{"\"\xf4\x90\x80\x80\"", "UTF-8"},
		{"\"\xe2\x82\"", "UTF-8"},
		{"[01]", "a number that JSON does not have, near '01]'"},
		{"[-01]", "a number that JSON does not have"},
		{"[1.]", "a number that JSON does not have"},
		{"[-]", "a number that JSON does not have"},
		{"[1e]", "a number that JSON does not have"},
		{"[+1]", "column 2"},
		{"[.5]", "column 2"},
		{"[1-2]", "column 3"},
		{"[0x10]", "column 3"},
		{"[NaN]", "column 2"},
		{"[-Infinity]", "a number that JSON does not have"},
		{"{\"n\": 1e999}", "a number too large for a double at 'n'"},
		{"[\x01]", "a control character"},
		{"{\"a\": 1, \"b\": {\"k\": 1, \"j\": 2, \"k\": 3}}", "the key 'k' twice"},
	};
	size_t i;

	for (i = 0; i < RC_ARRAY_LEN(bad); i++)
		expect_refused(bad[i][0], strlen(bad[i][0]), bad[i][1]);
	expect_refused("{}\0", 3, "a control character");
	expect_refused("[1,2,3]", 5, "bracket still open");
	expect_refused("[1111111111111111111111111111111111111111111111111111111111111111]", 66,
		       "too many digits");
}

Test(json, nesting)
{
	char text[400];
	struct rc_json *j = NULL;

	memset(text, '[', 64);
	memset(text + 64, ']', 64);
	cr_assert_eq(rc_json_parse(text, 128, "r.json", &j, &e), 0, "%s", e.msg);
	rc_json_free(j);
	memset(text, '[', 200);
	memset(text + 200, ']', 200);
	expect_refused(text, 400, "line 1, column 65: more than 64 levels of nesting");
	/* Brackets inside strings do not nest. */
	memset(text, '[', 200);
	text[0] = text[199] = '"';
	cr_assert_eq(rc_json_parse(text, 200, "r.json", &j, &e), 0, "%s", e.msg);
	rc_json_free(j);
}

Test(json, writes)
{
	struct rc_json *j = rc_json_new_object(), *a, *o;

	rc_json_add_string(j, "s", "q\" b\\ \n\t\x01 / \xc3\xa9");
	rc_json_add_string(j, "null", NULL);
	rc_json_add_int(j, "min", INT64_MIN);
	rc_json_add_int(j, "max", INT64_MAX);
	rc_json_add_int(j, "e15", 1000000000000000);
	rc_json_add_int(j, "ns", 1751328000123456789);
	rc_json_add_uint(j, "u", UINT64_MAX);
	rc_json_add_ns(j, "abs", INT64_MIN);
	a = rc_json_add_array(j, "d");
	rc_json_add_double(a, NULL, 0.1);
	rc_json_add_double(a, NULL, 1.0 / 3);
	rc_json_add_double(a, NULL, 20);
	rc_json_add_double(a, NULL, (double)NAN);
	rc_json_add_double(a, NULL, (double)-INFINITY);
	rc_json_add_double(a, NULL, 1e-300);
	o = rc_json_add_object(a, NULL);
	rc_json_add_bool(o, "t", true);
	rc_json_add_bool(o, "f", false);
	rc_json_add_null(rc_json_add_array(o, "a"), NULL);
	expect_text(j, false,
		    "{\"s\":\"q\\\" b\\\\ \\n\\t\\u0001 / \xc3\xa9\",\"null\":null,"
		    "\"min\":-9223372036854775808,\"max\":9223372036854775807,"
		    "\"e15\":1000000000000000,\"ns\":1751328000123456789,"
		    "\"u\":18446744073709551615,\"abs\":\"-9223372036854775808\","
		    "\"d\":[0.1,0.3333333333333333,20,null,null,1e-300,"
		    "{\"t\":true,\"f\":false,\"a\":[null]}]}\n");
	rc_json_free(j);
}

Test(json, pretty)
{
	struct rc_json *j = parse("{\"a\":[1,{\"b\":[]}],\"c\":{}}"), *empty = rc_json_new_array();

	expect_text(j, true,
		    "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n"
		    "  \"c\": {}\n}\n");
	expect_text(empty, true, "[]\n");
	rc_json_free(j);
	rc_json_free(empty);
}

Test(json, broken_utf8_is_replaced)
{
	struct rc_json *j = rc_json_new_object();

	rc_json_add_string(j, "a\xff", "\xc3\xa9 \xc3 \xe2\x82 \xed\xa0\x80 \xf0\x9f\x98\x80 \x80");
	expect_text(j, false,
		    "{\"a\xef\xbf\xbd\":\"\xc3\xa9 \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd "
		    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xf0\x9f\x98\x80 \xef\xbf\xbd\"}\n");
	rc_json_free(j);
}

Test(json, what_was_written_is_read)
{
	struct rc_json *j = rc_json_new_array(), *again = NULL;
	struct rc_buf b;
	char s[4] = "";
	int c;

	for (c = 1; c < 0x80; c++) {
		s[0] = (char)c;
		rc_json_add_string(j, NULL, s);
	}
	rc_buf_init(&b);
	cr_assert_eq(rc_json_text(j, true, &b, &e), 0);
	cr_assert_eq(rc_json_parse(b.p, b.len, "x", &again, &e), 0, "%s", e.msg);
	const struct rc_json *item = rc_json_child(again);
	for (c = 1; c < 0x80; c++, item = rc_json_next(item)) {
		s[0] = (char)c;
		cr_assert_str_eq(rc_json_string(item), s);
	}
	rc_buf_release(&b);
	rc_json_free(j);
	rc_json_free(again);
}

Test(json, failed_root)
{
	struct rc_buf b;

	rc_json_add_int(NULL, "x", 1);
	cr_assert_null(rc_json_add_object(NULL, "x"));
	rc_buf_init(&b);
	cr_assert_eq(rc_json_text(NULL, true, &b, &e), RC_E_NOMEM);
	rc_buf_release(&b);
}

static bool fill_odd(const void *arg, size_t i, struct rc_json *o)
{
	rc_json_add_string(o, "what", arg);
	rc_json_add_uint(o, "i", i);
	rc_json_add_list(o, "inner", i, fill_odd, arg);
	return i % 2;
}

/* The text of a list is that of an array whose objects are there at once. */
Test(json, list)
{
	struct rc_json *j = rc_json_new_object(), *all, *o, *inner;
	struct rc_buf text, same;

	rc_buf_init(&text);
	rc_buf_init(&same);
	rc_json_add_list(j, "none", 0, fill_odd, "x");
	rc_json_add_list(j, "left_out", 1, fill_odd, "x");
	rc_json_add_list(j, "list", 4, fill_odd, "x");
	cr_assert_eq(rc_json_text(j, true, &text, &e), 0);
	rc_json_free(j);
	j = rc_json_new_object();
	rc_json_add_array(j, "none");
	rc_json_add_array(j, "left_out");
	all = rc_json_add_array(j, "list");
	for (size_t i = 1; i < 4; i += 2) {
		o = rc_json_add_object(all, NULL);
		rc_json_add_string(o, "what", "x");
		rc_json_add_uint(o, "i", i);
		inner = rc_json_add_array(o, "inner");
		for (size_t k = 1; k < i; k += 2) {
			o = rc_json_add_object(inner, NULL);
			rc_json_add_string(o, "what", "x");
			rc_json_add_uint(o, "i", k);
			rc_json_add_array(o, "inner");
		}
	}
	cr_assert_eq(rc_json_text(j, true, &same, &e), 0);
	cr_assert_str_eq(text.p, same.p);
	rc_json_free(j);
	rc_buf_release(&text);
	rc_buf_release(&same);
}

#ifdef __has_feature
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif

/* A sanitizer cannot live without address space. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
	!HAS_FEATURE(address_sanitizer) && !HAS_FEATURE(thread_sanitizer)
Test(json, failed_allocation_sticks)
{
	struct rlimit old, tight = {0};
	struct rc_json *j = rc_json_new_object(), *inner = rc_json_add_array(j, "inner");
	char *large = malloc(64 << 20);
	struct rc_buf b;

	memset(large, 'x', (64 << 20) - 1);
	large[(64 << 20) - 1] = 0;
	rc_buf_init(&b);
	cr_assert_eq(getrlimit(RLIMIT_AS, &old), 0);
	tight.rlim_max = old.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_AS, &tight), 0);
	rc_json_add_string(inner, NULL, large);
	cr_assert_eq(setrlimit(RLIMIT_AS, &old), 0);
	rc_json_add_int(inner, NULL, 1);
	rc_json_add_int(j, "later", 1);
	cr_assert_eq(rc_json_text(j, false, &b, &e), RC_E_NOMEM);
	rc_buf_release(&b);
	rc_json_free(j);
	free(large);
}

static bool fill_large(const void *arg, size_t i, struct rc_json *o)
{
	struct rlimit old, tight = {0};

	cr_assert_eq(getrlimit(RLIMIT_AS, &old), 0);
	tight.rlim_max = old.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_AS, &tight), 0);
	rc_json_add_string(o, "large", arg);
	cr_assert_eq(setrlimit(RLIMIT_AS, &old), 0);
	return i < 2;
}

Test(json, failed_allocation_in_a_list)
{
	struct rc_json *j = rc_json_new_object();
	char *large = malloc(64 << 20);
	struct rc_buf b;

	memset(large, 'x', (64 << 20) - 1);
	large[(64 << 20) - 1] = 0;
	rc_buf_init(&b);
	rc_json_add_list(j, "list", 2, fill_large, large);
	cr_assert_eq(rc_json_text(j, false, &b, &e), RC_E_NOMEM);
	rc_buf_release(&b);
	rc_json_free(j);
	free(large);
}
#endif

Test(json, clean_strings_come_back)
{
	static const char *const texts[][2] = {
		{ "", "" }, { "a b", "a b" }, { "\xc3\xa9\n", "\xc3\xa9\n" },
		{ "\xff.h5", "\\xff.h5" }, { "a\xc3", "a\\xc3" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		char *clean;

		cr_assert_eq(rc_json_clean(texts[i][0], &clean, NULL), 0);
		cr_expect_str_eq(clean, texts[i][1]);
		free(clean);
	}
}
