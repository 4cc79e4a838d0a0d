/* SPDX-License-Identifier: Apache-2.0 */
/* Names and patterns: natural order, globs over stream names, the nearest match for a typo. */
#ifndef RC_NAMES_H
#define RC_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* strcmp with runs of digits compared by value: demo_2 < demo_10; equal values by length. */
int rc_natural_cmp(const char *a, const char *b);

/* fnmatch without FNM_PATHNAME: "*" also crosses "/". */
bool rc_glob_match(const char *pattern, const char *name);
bool rc_glob_is_pattern(const char *s);

/* The candidate most like s (edit distance at most a third of its length, at least 1), or NULL. */
const char *rc_nearest_name(const char *s, const char *const *names, size_t n);

#endif
