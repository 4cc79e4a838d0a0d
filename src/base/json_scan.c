/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_scan.h"

size_t json_utf8_len(const unsigned char *s, size_t n)
{
	unsigned lo = 0x80, hi = 0xbf;
	size_t i, len;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xe0)
		lo = 0xa0;
	else if (s[0] == 0xed)
		hi = 0x9f;
	else if (s[0] == 0xf0)
		lo = 0x90;
	else if (s[0] == 0xf4)
		hi = 0x8f;
	if (n < len || s[1] < lo || s[1] > hi)
		return 0;
	for (i = 2; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool json_is_space(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct json_scan *s)
{
	while (s->p < s->end && json_is_space(*s->p))
		s->p++;
}

static void stop(struct json_scan *s, const char *problem)
{
	if (!s->problem)
		s->problem = problem;
}

/* The value of four hexadecimal digits at p, -1 when they are none. */
static int hex4(const unsigned char *p, const unsigned char *end)
{
	static const char digits[] = "0123456789abcdef";
	int i, v = 0;

	if (end - p < 4)
		return -1;
	for (i = 0; i < 4; i++) {
		unsigned char c = p[i] >= 'A' && p[i] <= 'F' ? p[i] + 32 : p[i];
		const char *d = c ? strchr(digits, c) : NULL;

		if (!d)
			return -1;
		v = v * 16 + (int)(d - digits);
	}
	return v;
}

/* The digits of "\uXXXX", and of the second half where the first asks for one. */
static void scan_unicode(struct json_scan *s)
{
	int v = hex4(s->p, s->end), low;

	if (v < 0) {
		stop(s, "a \\u without four hexadecimal digits");
	} else if (v == 0) {
		stop(s, "a \\u0000, which is not supported");
	} else if (v >= 0xd800 && v <= 0xdfff) {
		low = s->end - s->p >= 6 && s->p[4] == '\\' && s->p[5] == 'u' ?
			      hex4(s->p + 6, s->end) : -1;
		if (v > 0xdbff || low < 0xdc00 || low > 0xdfff)
			stop(s, "half a surrogate pair");
		s->p += 10;
	} else {
		s->p += 4;
	}
}

/* p is behind a backslash. */
static void scan_escape(struct json_scan *s)
{
	if (s->p == s->end || !*s->p || !strchr("\"\\/bfnrtu", *s->p)) {
		s->p--;
		stop(s, "an unknown escape");
	} else if (*s->p++ == 'u') {
		const unsigned char *digits = s->p;

		scan_unicode(s);
		if (s->problem)
			s->p = digits - 2;
	}
}

static void scan_string(struct json_scan *s)
{
	const unsigned char *open = s->p++;
	size_t n;

	while (!s->problem) {
		if (s->p == s->end) {
			s->p = open;
			stop(s, "a string without its closing quote");
		} else if (*s->p == '"') {
			s->p++;
			return;
		} else if (*s->p == '\\') {
			s->p++;
			scan_escape(s);
		} else if (*s->p < 0x20) {
			stop(s, "a control character or line end inside a string");
		} else {
			n = json_utf8_len(s->p, (size_t)(s->end - s->p));
			if (!n)
				stop(s, "a byte that is not UTF-8");
			s->p += n;
		}
	}
}

static size_t scan_digits(struct json_scan *s)
{
	const unsigned char *first = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return (size_t)(s->p - first);
}

static void scan_number(struct json_scan *s)
{
	const unsigned char *first = s->p, *digits;
	bool good;

	s->p += *s->p == '-';
	digits = s->p;
	good = scan_digits(s) > 0 && (*digits != '0' || s->p - digits == 1);
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		good = scan_digits(s) > 0 && good;
	}
	if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		good = scan_digits(s) > 0 && good;
	}
	if (good && s->p - first <= 60) /* cJSON reads 63 characters of a number */
		return;
	s->p = first;
	stop(s, good ? "a number with too many digits" : "a number that JSON does not have");
}

static void scan_open(struct json_scan *s, bool object)
{
	if (s->depth == JSON_MAX_NESTING) {
		stop(s, "more than 64 levels of nesting");
		return;
	}
	s->in_object &= ~(UINT64_C(1) << s->depth);
	s->in_object |= (uint64_t)object << s->depth;
	s->depth++;
	s->p++;
}

/* What follows '{', '[' and ','.  cJSON would be a character late. */
static void scan_next_item(struct json_scan *s, bool after_comma)
{
	bool object = s->depth > 0 && s->in_object >> (s->depth - 1) & 1;

	skip_space(s);
	if (s->p == s->end || s->problem)
		return;
	if (*s->p == '}' || *s->p == ']') {
		if (after_comma)
			stop(s, "a comma with nothing behind it");
	} else if (object && *s->p != '"') {
		stop(s, "a key without double quotes");
	}
}

static void scan_token(struct json_scan *s)
{
	unsigned char c = *s->p;

	if (c == '"') {
		scan_string(s);
	} else if (c == '-' || (c >= '0' && c <= '9')) {
		scan_number(s);
	} else if (c == '[' || c == '{') {
		scan_open(s, c == '{');
		scan_next_item(s, false);
	} else if (c == ',') {
		s->p++;
		scan_next_item(s, true);
	} else if (c < 0x20 && !json_is_space(c)) { /* cJSON skips these */
		stop(s, "a control character");
	} else {
		s->depth -= s->depth > 0 && (c == ']' || c == '}');
		s->p++;
	}
}

int json_scan(struct json_scan *s, const char *text, size_t n, const char *name,
	      struct rc_err *err)
{
	*s = (struct json_scan){.start = (const unsigned char *)text};
	s->end = s->start + n;
	if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		s->start += 3;
	s->p = s->start;
	skip_space(s);
	if (s->p == s->end)
		return rc_fail(err, RC_E_FORMAT, "bad_json", "'%s' is empty; expected JSON", name);
	while (s->p < s->end && !s->problem)
		scan_token(s);
	if (!s->problem && s->depth > 0) {
		while (json_is_space(s->p[-1]))
			s->p--;
		stop(s, "the text ends with a bracket still open");
	}
	return s->problem ? json_fail_at(s, name, s->problem, err) : 0;
}

int json_fail_at(const struct json_scan *s, const char *name, const char *problem,
		 struct rc_err *err)
{
	const unsigned char *p;
	size_t line = 1, column = 1, n = 0, len;
	char near[32];

	for (p = s->start; p < s->p; p++) {
		if (*p == '\n') {
			line++;
			column = 1;
		} else if ((*p & 0xc0) != 0x80) {
			column++;
		}
	}
	while (p < s->end && *p >= 0x20) {
		len = json_utf8_len(p, (size_t)(s->end - p));
		if (n + (len ? len : 1) >= 24)
			break;
		if (len)
			memcpy(near + n, p, len);
		else
			near[n] = '?';
		n += len ? len : 1;
		p += len ? len : 1;
	}
	near[n] = 0;
	return rc_fail(err, RC_E_FORMAT, "bad_json",
		       "'%s' is not valid JSON: line %zu, column %zu: %s%s%s%s", name, line, column,
		       problem, n ? ", near '" : "", near, n ? "'" : "");
}
