/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"
#include "base/num.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <strings.h>

typedef __int128 int128;
typedef unsigned __int128 uint128;

static const int64_t NS_PER_S = 1000000000;
static const int64_t MAX_HZ = 1000000000;
static const int64_t MAX_DEN = 1000000000; /* keeps k * 1e9 * den inside 128 bits */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int not_a(const char *s, const char *what, const char *thing, const char *expected,
		 struct rc_err *err)
{
	return rc_fail(err, RC_E_USAGE, "bad_value", "%s: '%.200s' is not %s; expected %s", what, s,
		       thing, expected);
}

static int out_of_range(const char *s, const char *what, const char *expected, struct rc_err *err)
{
	return rc_fail(err, RC_E_USAGE, "out_of_range", "%s: '%.200s' is out of range; expected %s",
		       what, s, expected);
}

/* Digits to a number; false when there are none.  *fits turns false on overflow. */
static bool read_digits(const char **s, uint64_t *v_out, bool *fits)
{
	const char *p = *s;
	uint64_t v = 0;

	if (!is_digit(*p))
		return false;
	for (; is_digit(*p); p++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			*fits = false;
	*s = p;
	*v_out = v;
	return true;
}

/* An exact decimal number without exponent: (whole + frac / scale), frac < scale. */
struct decimal {
	bool negative, fits;
	uint64_t whole, frac, scale;
	const char *end;
};

enum { MAX_DECIMALS = 18 };

static bool read_decimal(const char *s, struct decimal *d_out)
{
	struct decimal d = {.fits = true, .scale = 1};
	bool some;

	if (*s == '-' || *s == '+')
		d.negative = *s++ == '-';
	some = read_digits(&s, &d.whole, &d.fits);
	if (*s == '.') {
		const char *start = ++s;

		for (; is_digit(*s); s++) {
			if (s - start >= MAX_DECIMALS) {
				d.fits = d.fits && *s == '0';
				continue;
			}
			d.frac = d.frac * 10 + (uint64_t)(*s - '0');
			d.scale *= 10;
		}
		some = some || s > start;
	}
	d.end = s;
	*d_out = d;
	return some;
}

static void describe_range(char dst[96], int64_t lo, int64_t hi)
{
	if (lo == INT64_MIN && hi == INT64_MAX)
		snprintf(dst, 96, "a whole number");
	else if (hi == INT64_MAX)
		snprintf(dst, 96, "a whole number, at least %lld", (long long)lo);
	else if (lo == INT64_MIN)
		snprintf(dst, 96, "a whole number, at most %lld", (long long)hi);
	else
		snprintf(dst, 96, "a whole number from %lld to %lld", (long long)lo,
			 (long long)hi);
}

int rc_parse_int(const char *s, const char *what, int64_t lo, int64_t hi, int64_t *v_out,
		 struct rc_err *err)
{
	bool negative = *s == '-', fits = true;
	const char *p = s + (*s == '-' || *s == '+');
	char expected[96];
	uint64_t size;
	int128 v;

	describe_range(expected, lo, hi);
	if (!read_digits(&p, &size, &fits) || *p)
		return not_a(s, what, "a whole number", expected, err);
	v = negative ? -(int128)size : (int128)size;
	if (!fits || v < lo || v > hi)
		return out_of_range(s, what, expected, err);
	*v_out = (int64_t)v;
	return 0;
}

/* [+-]digits[.digits][e[+-]digits], at least one digit in front of the exponent. */
static bool is_float_text(const char *s)
{
	struct decimal d;

	if (!read_decimal(s, &d))
		return false;
	s = d.end;
	if (*s == 'e' || *s == 'E') {
		s += s[1] == '-' || s[1] == '+' ? 2 : 1;
		if (!is_digit(*s))
			return false;
		while (is_digit(*s))
			s++;
	}
	return *s == 0;
}

/* Decimal points for this thread only; glibc has the C locale ready, so this cannot fail there. */
static locale_t enter_c_locale(locale_t *old_out)
{
	locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);

	*old_out = uselocale(c);
	return c;
}

static void leave_c_locale(locale_t c, locale_t old)
{
	uselocale(old);
	if (c)
		freelocale(c);
}

int rc_parse_double(const char *s, const char *what, double *v_out, struct rc_err *err)
{
	locale_t c, old;
	double v;

	if (!is_float_text(s))
		return not_a(s, what, "a number", "one such as 0.25, -3 or 1e-6", err);
	c = enter_c_locale(&old);
	v = strtod(s, NULL);
	leave_c_locale(c, old);
	if (!isfinite(v))
		return out_of_range(s, what, "a number below 1.8e308", err);
	*v_out = v;
	return 0;
}

static int64_t greatest_divisor(int64_t a, int64_t b)
{
	while (b) {
		int64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Skips one space and a unit in any letter case. */
static bool ends_with_unit(const char *s, const char *unit)
{
	if (*s == ' ')
		s++;
	return !strcasecmp(s, unit);
}

/* "a/b" or a decimal as num/den, not yet reduced; *end_out is what follows. */
static bool read_ratio(const char *s, uint64_t *num_out, uint64_t *den_out, bool *fits,
		       const char **end_out)
{
	struct decimal d;
	const char *p = s;

	if (read_digits(&p, num_out, fits) && *p == '/') {
		p++;
		*end_out = p;
		return read_digits(end_out, den_out, fits);
	}
	if (!read_decimal(s, &d) || d.negative)
		return false;
	while (d.scale > 1 && d.frac % 10 == 0) { /* 20.000000000000 is still 20 */
		d.frac /= 10;
		d.scale /= 10;
	}
	*fits = d.fits && d.scale <= (uint64_t)MAX_DEN &&
		!__builtin_mul_overflow(d.whole, d.scale, num_out) &&
		!__builtin_add_overflow(*num_out, d.frac, num_out);
	*den_out = d.scale;
	*end_out = d.end;
	return true;
}

int rc_parse_rate(const char *s, const char *what, struct rc_rate *r_out, struct rc_err *err)
{
	static const char expected[] =
		"a frequency in Hz such as 20, 29.97 or 30000/1001, from 0.000001 to 1000000000, "
		"with at most 9 decimals";
	uint64_t num = 0, den = 0;
	const char *end = s;
	bool fits = true;
	int64_t div;

	if (!read_ratio(s, &num, &den, &fits, &end) || (*end && !ends_with_unit(end, "Hz")))
		return not_a(s, what, "a frequency", expected, err);
	if (!fits || num == 0 || den == 0 || num > INT64_MAX || den > INT64_MAX)
		return out_of_range(s, what, expected, err);
	div = greatest_divisor((int64_t)num, (int64_t)den);
	num /= (uint64_t)div;
	den /= (uint64_t)div;
	if (den > (uint64_t)MAX_DEN || (uint128)num > (uint128)den * (uint64_t)MAX_HZ ||
	    (uint128)num * 1000000 < den)
		return out_of_range(s, what, expected, err);
	*r_out = (struct rc_rate){(int64_t)num, (int64_t)den};
	return 0;
}

int rc_parse_size(const char *s, const char *what, uint64_t *bytes_out, struct rc_err *err)
{
	static const char expected[] = "a size such as 512M, 4GiB, 100KB or a number of bytes";
	static const struct {
		const char *unit;
		uint64_t bytes;
	} units[] = {
		{"", 1}, {"B", 1},
		{"K", 1ULL << 10}, {"Ki", 1ULL << 10}, {"KiB", 1ULL << 10}, {"KB", 1000ULL},
		{"M", 1ULL << 20}, {"Mi", 1ULL << 20}, {"MiB", 1ULL << 20}, {"MB", 1000000ULL},
		{"G", 1ULL << 30}, {"Gi", 1ULL << 30}, {"GiB", 1ULL << 30}, {"GB", 1000000000ULL},
		{"T", 1ULL << 40}, {"Ti", 1ULL << 40}, {"TiB", 1ULL << 40},
		{"TB", 1000000000000ULL},
	};
	struct decimal d;
	uint128 bytes;
	size_t i;

	if (!read_decimal(s, &d) || d.negative)
		return not_a(s, what, "a size", expected, err);
	for (i = 0; i < RC_ARRAY_LEN(units); i++)
		if (ends_with_unit(d.end, units[i].unit))
			break;
	if (i == RC_ARRAY_LEN(units) || (units[i].bytes == 1 && d.frac))
		return not_a(s, what, "a size", expected, err);
	bytes = (uint128)d.whole * units[i].bytes + (uint128)d.frac * units[i].bytes / d.scale;
	if (!d.fits || bytes > UINT64_MAX)
		return out_of_range(s, what, "a size of less than 16777216 TiB", err);
	*bytes_out = (uint64_t)bytes;
	return 0;
}

int rc_parse_amount(const char *s, const char *what, struct rc_amount *a_out, struct rc_err *err)
{
	size_t n = strspn(s, "0123456789");
	struct rc_amount a = {0};
	int rc;

	if (n && !strcmp(s + n, "%")) {
		a.percent = n < 4 ? (int)strtol(s, NULL, 10) : 0;
		if (a.percent < 1 || a.percent > 100)
			return out_of_range(s, what, "1% to 100%, or a size such as 512M", err);
	} else {
		rc = rc_parse_size(s, what, &a.bytes, err);
		if (rc)
			return rc;
	}
	*a_out = a;
	return 0;
}

uint64_t rc_amount_of(struct rc_amount a, uint64_t whole)
{
	return a.percent ? (uint64_t)((uint128)whole * (unsigned)a.percent / 100) : a.bytes;
}

/* The length of the unit at s in ns; 0 when there is none such. */
static int64_t duration_unit(const char *s, int64_t bare_ns)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
		{"ns", 1}, {"us", 1000}, {"\xc2\xb5s", 1000}, {"\xce\xbcs", 1000},
		{"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000}, {"min", 60000000000},
		{"h", 3600000000000},
	};
	size_t i;

	if (!*s)
		return bare_ns;
	for (i = 0; i < RC_ARRAY_LEN(units); i++)
		if (ends_with_unit(s, units[i].name))
			return units[i].ns;
	return 0;
}

int rc_parse_duration(const char *s, const char *what, int64_t unit_ns, int64_t *ns_out,
		      struct rc_err *err)
{
	static const char expected[] = "a duration with its unit, such as 50ms, 0.2s, 3us or 5m";
	struct decimal d;
	int64_t unit;
	uint128 ns;

	if (!read_decimal(s, &d))
		return not_a(s, what, "a duration", expected, err);
	unit = duration_unit(d.end, unit_ns);
	if (unit <= 0)
		return not_a(s, what, "a duration", expected, err);
	/* Decimals below a nanosecond are rounded to the nearest one. */
	ns = (uint128)d.whole * (uint64_t)unit +
	     ((uint128)d.frac * (uint64_t)unit + d.scale / 2) / d.scale;
	if (!d.fits || ns > (uint128)INT64_MAX + d.negative)
		return out_of_range(s, what, "a duration of less than 292 years", err);
	*ns_out = (int64_t)(d.negative ? -(int128)ns : (int128)ns);
	return 0;
}

double rc_rate_hz(struct rc_rate r)
{
	return (double)r.num / (double)r.den;
}

int64_t rc_rate_offset_ns(struct rc_rate r, int64_t k)
{
	int128 top, ns;

	if (__builtin_mul_overflow((int128)k * NS_PER_S, (int128)r.den, &top))
		return k < 0 ? INT64_MIN : INT64_MAX;
	ns = top / r.num;
	ns -= top % r.num < 0; /* division truncates; floor is wanted */
	return ns > INT64_MAX ? INT64_MAX : ns < INT64_MIN ? INT64_MIN : (int64_t)ns;
}

void rc_format_double(char dst[40], double v)
{
	/* 15 digits always survive a round trip through a normal double; %g drops final zeros. */
	int digits = fabs(v) < DBL_MIN ? 1 : 15;
	locale_t c, old;

	if (fabs(v) < 9007199254740992.0 && v == rint(v)) { /* 1e15 as digits, like an integer */
		snprintf(dst, 40, "%.0f", v);
		return;
	}
	c = enter_c_locale(&old);
	do
		snprintf(dst, 40, "%.*g", digits, v);
	while (digits++ < 17 && strtod(dst, NULL) != v);
	leave_c_locale(c, old);
}

void rc_format_bytes(char *dst, size_t cap, uint64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double v = (double)bytes / 1024;
	size_t i = 0;

	if (bytes < 1024) {
		snprintf(dst, cap, "%u B", (unsigned)bytes);
		return;
	}
	for (; v >= 1023.95 && i + 1 < RC_ARRAY_LEN(units); i++) /* 1023.95 would print 1024.0 */
		v /= 1024;
	snprintf(dst, cap, "%.1f %s", v, units[i]);
}

const char *rc_plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}
