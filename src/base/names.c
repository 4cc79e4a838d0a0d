/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"
#include "base/names.h"

#include <ctype.h>
#include <fnmatch.h>
#include <limits.h>
#include <strings.h>

#include "base/path.h"

/* Longer names are only compared for equality, which keeps the table on the stack. */
enum { MAX_DISTANCE_LEN = 128 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Compares the digit runs at *a and *b by value and steps over them; on equal values *tie gets
 * the difference in length, unless an earlier run already set it. */
static int compare_runs(const char **a, const char **b, int *tie)
{
	const char *x = *a, *y = *b, *x_end, *y_end;
	int diff;

	while (*x == '0')
		x++;
	while (*y == '0')
		y++;
	for (x_end = x; is_digit(*x_end); x_end++)
		;
	for (y_end = y; is_digit(*y_end); y_end++)
		;
	if (x_end - x != y_end - y)
		return x_end - x < y_end - y ? -1 : 1;
	diff = memcmp(x, y, (size_t)(x_end - x));
	if (!*tie && x_end - *a != y_end - *b)
		*tie = x_end - *a < y_end - *b ? -1 : 1;
	*a = x_end;
	*b = y_end;
	return diff;
}

int rc_natural_cmp(const char *a, const char *b)
{
	int tie = 0;

	while (*a || *b) {
		if (is_digit(*a) && is_digit(*b)) {
			int diff = compare_runs(&a, &b, &tie);

			if (diff)
				return diff;
		} else if (*a != *b) {
			return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
		} else {
			a++;
			b++;
		}
	}
	return tie;
}

bool rc_glob_match(const char *pattern, const char *name)
{
	return fnmatch(pattern, name, 0) == 0;
}

bool rc_glob_is_pattern(const char *s)
{
	return strpbrk(s, "*?[") != NULL;
}

static bool same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours, letter case apart. */
static unsigned edit_distance(const char *a, const char *b)
{
	unsigned rows[3][MAX_DISTANCE_LEN + 1];
	unsigned *old = rows[0], *prev = rows[1], *cur = rows[2];
	size_t i, j, n_a = strlen(a), n_b = strlen(b);

	if (n_a > MAX_DISTANCE_LEN || n_b > MAX_DISTANCE_LEN)
		return strcasecmp(a, b) ? UINT_MAX : 0;
	memset(rows, 0, sizeof rows);
	for (j = 0; j <= n_b; j++)
		prev[j] = (unsigned)j;
	for (i = 1; i <= n_a; i++) {
		unsigned *spare = old;

		cur[0] = (unsigned)i;
		for (j = 1; j <= n_b; j++) {
			cur[j] = least(prev[j - 1] + !same_letter(a[i - 1], b[j - 1]),
				       least(prev[j], cur[j - 1]) + 1);
			if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
			    same_letter(a[i - 2], b[j - 1]))
				cur[j] = least(cur[j], old[j - 2] + 1);
		}
		old = prev;
		prev = cur;
		cur = spare;
	}
	return prev[n_b];
}

/* UINT_MAX: too far.  A match of the last part ranks behind one as close of the whole name. */
static unsigned unlikeness(const char *s, const char *name)
{
	size_t n = strlen(s), n_name = strlen(name);
	unsigned limit = n / 3 > 1 ? (unsigned)(n / 3) : 1, best = UINT_MAX, d;

	d = edit_distance(s, name);
	if (d <= limit && (d < n || d < n_name))
		best = 2 * d;
	if (!strchr(s, '/') && strchr(name, '/')) {
		d = edit_distance(s, rc_path_last(name));
		if (d <= limit && d < n)
			best = least(best, 2 * d + 1);
	} else if (*rc_path_last(s) && !strcasecmp(rc_path_last(s), rc_path_last(name))) {
		best = least(best, 2 * limit + 1); /* right signal, wrong group */
	}
	return best;
}

const char *rc_nearest_name(const char *s, const char *const *names, size_t n)
{
	unsigned best = UINT_MAX, d;
	const char *found = NULL;
	size_t i;

	for (i = 0; i < n; i++) {
		d = names[i] ? unlikeness(s, names[i]) : UINT_MAX;
		if (d < best) {
			best = d;
			found = names[i];
		}
	}
	return found;
}
