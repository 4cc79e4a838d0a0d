/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What json.c looks at before cJSON may see a text.  cJSON takes more than JSON: control bytes and
 * broken UTF-8 in strings, \u0000 (which cuts the string), numbers such as 01 or 1., a thousand
 * levels; and it does not tell where a bracket is missing.  Private to json.c.
 */
#ifndef RC_JSON_SCAN_H
#define RC_JSON_SCAN_H

#include "base/compat.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { JSON_MAX_NESTING = 64 };

struct json_scan {
	const unsigned char *start, *p, *end; /* borrowed; start is behind a byte order mark */
	unsigned depth;
	uint64_t in_object;  /* bit d - 1: the bracket at depth d is '{' */
	const char *problem; /* NULL: none so far; else p is where */
};

/* Refuses what is wrong in the tokens; what is wrong between them is left to cJSON. */
int json_scan(struct json_scan *s, const char *text, size_t n, const char *name,
	      struct rc_err *err);
/* An error that gives line and column of s->p, and a few characters from there. */
int json_fail_at(const struct json_scan *s, const char *name, const char *problem,
		 struct rc_err *err);

bool json_is_space(unsigned char c);
/* The length of the UTF-8 character at s, 0 when it is none: no surrogates, no longer forms. */
size_t json_utf8_len(const unsigned char *s, size_t n);

#endif
