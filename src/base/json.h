/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON on top of cJSON, the only place that knows it.  A struct rc_json is a node; the root is
 * owned by whoever parsed or made it and freed with rc_json_free(); nodes inside are borrowed.
 * The writers keep the order of calls, write 64-bit integers exactly (cJSON numbers are doubles),
 * turn NaN and infinities into null, and clean strings that are not UTF-8.  The first failed
 * allocation sticks to the root and rc_json_text() reports it.
 */
#ifndef RC_JSON_H
#define RC_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct rc_json; /* an alias for the node of cJSON; an added child of a NULL parent is NULL */

/* Parsing: the whole text must be one value; nesting at most 64, `name` is for messages. */
int rc_json_parse(const char *text, size_t n, const char *name, struct rc_json **root_out,
		  struct rc_err *err);
void rc_json_free(struct rc_json *root);

bool rc_json_is_object(const struct rc_json *j);
bool rc_json_is_array(const struct rc_json *j);
bool rc_json_is_bool(const struct rc_json *j);
const struct rc_json *rc_json_get(const struct rc_json *object, const char *key);
/* Children in order: first child, next sibling; NULL at the end.  key is NULL in arrays. */
const struct rc_json *rc_json_child(const struct rc_json *j);
const struct rc_json *rc_json_next(const struct rc_json *j);
const char *rc_json_key(const struct rc_json *j);
/* NULL / false when the node is NULL or of another type. */
const char *rc_json_string(const struct rc_json *j);
bool rc_json_number(const struct rc_json *j, double *v_out);
bool rc_json_int(const struct rc_json *j, int64_t *v_out); /* whole, below 2^53 in size */
bool rc_json_bool(const struct rc_json *j, bool *v_out);
bool rc_json_ns(const struct rc_json *j, int64_t *ns_out); /* as rc_json_add_ns() writes it */

/* Writing.  key is NULL when the parent is an array. */
struct rc_json *rc_json_new_object(void);
struct rc_json *rc_json_new_array(void);
struct rc_json *rc_json_add_object(struct rc_json *parent, const char *key);
struct rc_json *rc_json_add_array(struct rc_json *parent, const char *key);
void rc_json_add_string(struct rc_json *parent, const char *key, const char *s); /* NULL: null */
void rc_json_add_int(struct rc_json *parent, const char *key, int64_t v);
void rc_json_add_uint(struct rc_json *parent, const char *key, uint64_t v);
void rc_json_add_double(struct rc_json *parent, const char *key, double v); /* shortest exact */
void rc_json_add_bool(struct rc_json *parent, const char *key, bool v);
void rc_json_add_null(struct rc_json *parent, const char *key);
/* int64 as a string, for absolute nanoseconds that JavaScript readers would round. */
void rc_json_add_ns(struct rc_json *parent, const char *key, int64_t ns);

/* An array of those of n objects that `fill` fills.  Each is made when its turn in the text comes
 * and freed before the next, so a long list takes no memory but the text.  fill returns false to
 * leave one out; arg must live until rc_json_text(). */
typedef bool rc_json_fill(const void *arg, size_t i, struct rc_json *object);
void rc_json_add_list(struct rc_json *parent, const char *key, size_t n, rc_json_fill *fill,
		      const void *arg);

/* s as it comes back when it was written and is parsed: "\xff" for a byte that is no UTF-8, so that
 * two names do not become one.  To be freed. */
int rc_json_clean(const char *s, char **clean_out, struct rc_err *err);
/* The text, indented by two spaces or on one line, with a final newline, appended to *b. */
int rc_json_text(const struct rc_json *root, bool pretty, struct rc_buf *b, struct rc_err *err);

#endif
