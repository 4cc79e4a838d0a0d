/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"
#include "base/json.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>

#include "base/json_scan.h"
#include "base/mem.h"
#include "base/num.h"

enum {
	/* Bits that cJSON leaves alone: an allocation below this node failed; an array whose
	 * valuestring is a struct list, which cJSON frees with the node. */
	NODE_FAILED = 1 << 20,
	NODE_LIST = 1 << 21
};

struct list {
	size_t n;
	rc_json_fill *fill;
	const void *arg;
};

/* Every integer below 2^53 is its own double. */
static const int64_t EXACT_LIMIT = (int64_t)1 << 53;

/* Never made: a struct rc_json pointer is a cJSON pointer. */
static cJSON *node(struct rc_json *j)
{
	return (cJSON *)j;
}

static const cJSON *cnode(const struct rc_json *j)
{
	return (const cJSON *)j;
}

static struct rc_json *wrap(cJSON *j)
{
	return (struct rc_json *)j;
}

static const struct rc_json *cwrap(const cJSON *j)
{
	return (const struct rc_json *)j;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_keys(const cJSON *object, const char *name, struct rc_err *err)
{
	const char **keys = NULL;
	const cJSON *c;
	size_t i, n = 0;
	int rc;

	for (c = object->child; c; c = c->next)
		n++;
	if (n < 2)
		return 0;
	rc = rc_new_array(&keys, n, sizeof *keys, err);
	if (rc)
		return rc;
	for (c = object->child, i = 0; c; c = c->next)
		keys[i++] = c->string;
	qsort(keys, n, sizeof *keys, compare_keys);
	for (i = 1; i < n && !rc; i++)
		if (!strcmp(keys[i - 1], keys[i]))
			rc = rc_fail(err, RC_E_FORMAT, "duplicate_key",
				     "'%s' has the key '%.100s' twice in one object; remove one",
				     name, keys[i]);
	free(keys);
	return rc;
}

/* What is JSON and still not wanted.  The recursion is as deep as the nesting. */
static int check_tree(const cJSON *j, const char *name, struct rc_err *err)
{
	const cJSON *c;
	int rc = 0;

	if (cJSON_IsNumber(j) && !isfinite(j->valuedouble))
		return rc_fail(err, RC_E_FORMAT, "bad_json",
			       "'%s' has a number too large for a double%s%.100s%s", name,
			       j->string ? " at '" : "", j->string ? j->string : "",
			       j->string ? "'" : "");
	if (cJSON_IsObject(j))
		rc = check_keys(j, name, err);
	for (c = j->child; c && !rc; c = c->next)
		rc = check_tree(c, name, err);
	return rc;
}

int rc_json_parse(const char *text, size_t n, const char *name, struct rc_json **root_out,
		  struct rc_err *err)
{
	struct json_scan s;
	const char *end = text;
	cJSON *root = NULL;
	int rc = json_scan(&s, text, n, name, err);

	if (rc)
		return rc;
	root = cJSON_ParseWithLengthOpts((const char *)s.start, (size_t)(s.end - s.start), &end, 0);
	s.p = (const unsigned char *)end;
	if (!root)
		return json_fail_at(&s, name, "something that JSON does not have here", err);
	while (s.p < s.end && json_is_space(*s.p))
		s.p++;
	rc = s.p < s.end ? json_fail_at(&s, name, "text behind the end", err) :
			   check_tree(root, name, err);
	if (rc)
		cJSON_Delete(root);
	else
		*root_out = wrap(root);
	return rc;
}

void rc_json_free(struct rc_json *root)
{
	cJSON_Delete(node(root));
}

bool rc_json_is_object(const struct rc_json *j)
{
	return cJSON_IsObject(cnode(j));
}

bool rc_json_is_array(const struct rc_json *j)
{
	return cJSON_IsArray(cnode(j));
}

bool rc_json_is_bool(const struct rc_json *j)
{
	return cJSON_IsBool(cnode(j));
}

const struct rc_json *rc_json_get(const struct rc_json *object, const char *key)
{
	if (!rc_json_is_object(object))
		return NULL;
	return cwrap(cJSON_GetObjectItemCaseSensitive(cnode(object), key));
}

const struct rc_json *rc_json_child(const struct rc_json *j)
{
	return j ? cwrap(cnode(j)->child) : NULL;
}

const struct rc_json *rc_json_next(const struct rc_json *j)
{
	return j ? cwrap(cnode(j)->next) : NULL;
}

const char *rc_json_key(const struct rc_json *j)
{
	return j ? cnode(j)->string : NULL;
}

const char *rc_json_string(const struct rc_json *j)
{
	return cJSON_IsString(cnode(j)) ? cnode(j)->valuestring : NULL;
}

bool rc_json_number(const struct rc_json *j, double *v_out)
{
	if (!cJSON_IsNumber(cnode(j)))
		return false;
	*v_out = cnode(j)->valuedouble;
	return true;
}

bool rc_json_int(const struct rc_json *j, int64_t *v_out)
{
	double v;

	/* A larger double may stand for several integers, so it is none. */
	if (!rc_json_number(j, &v) || v != rint(v) || fabs(v) >= (double)EXACT_LIMIT)
		return false;
	*v_out = (int64_t)v;
	return true;
}

bool rc_json_bool(const struct rc_json *j, bool *v_out)
{
	if (!rc_json_is_bool(j))
		return false;
	*v_out = cJSON_IsTrue(cnode(j));
	return true;
}

bool rc_json_ns(const struct rc_json *j, int64_t *ns_out)
{
	const char *s = rc_json_string(j);
	char *end;

	if (!s || !*s)
		return false;
	errno = 0;
	*ns_out = strtoll(s, &end, 10);
	return !errno && !*end;
}

/* Writing. */

/* Takes item, which is NULL after a failed allocation.  A NULL parent is one that failed. */
static struct rc_json *add(struct rc_json *parent, const char *key, cJSON *item)
{
	cJSON *p = node(parent);
	bool added;

	assert(!p || !cJSON_IsObject(p) == !key);
	if (!p) {
		cJSON_Delete(item);
		return NULL;
	}
	added = item && (key ? cJSON_AddItemToObject(p, key, item) : cJSON_AddItemToArray(p, item));
	if (!added) {
		p->type |= NODE_FAILED;
		cJSON_Delete(item);
		return NULL;
	}
	return wrap(item);
}

struct rc_json *rc_json_new_object(void)
{
	return wrap(cJSON_CreateObject());
}

struct rc_json *rc_json_new_array(void)
{
	return wrap(cJSON_CreateArray());
}

struct rc_json *rc_json_add_object(struct rc_json *parent, const char *key)
{
	return add(parent, key, cJSON_CreateObject());
}

struct rc_json *rc_json_add_array(struct rc_json *parent, const char *key)
{
	return add(parent, key, cJSON_CreateArray());
}

void rc_json_add_string(struct rc_json *parent, const char *key, const char *s)
{
	add(parent, key, s ? cJSON_CreateString(s) : cJSON_CreateNull());
}

void rc_json_add_int(struct rc_json *parent, const char *key, int64_t v)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)v);
	add(parent, key, v > -EXACT_LIMIT && v < EXACT_LIMIT ? cJSON_CreateNumber((double)v) :
							      cJSON_CreateRaw(text));
}

void rc_json_add_uint(struct rc_json *parent, const char *key, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", (unsigned long long)v);
	add(parent, key, v < (uint64_t)EXACT_LIMIT ? cJSON_CreateNumber((double)v) :
						     cJSON_CreateRaw(text));
}

void rc_json_add_double(struct rc_json *parent, const char *key, double v)
{
	add(parent, key, isfinite(v) ? cJSON_CreateNumber(v) : cJSON_CreateNull());
}

void rc_json_add_bool(struct rc_json *parent, const char *key, bool v)
{
	add(parent, key, cJSON_CreateBool(v));
}

void rc_json_add_null(struct rc_json *parent, const char *key)
{
	add(parent, key, cJSON_CreateNull());
}

void rc_json_add_ns(struct rc_json *parent, const char *key, int64_t ns)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)ns);
	add(parent, key, cJSON_CreateString(text));
}

void rc_json_add_list(struct rc_json *parent, const char *key, size_t n, rc_json_fill *fill,
		      const void *arg)
{
	const struct list list = {n, fill, arg};
	cJSON *item = cJSON_CreateArray();
	struct list *copy = item ? cJSON_malloc(sizeof *copy) : NULL;

	if (copy) {
		*copy = list;
		item->valuestring = (char *)copy;
		item->type |= NODE_LIST;
	} else {
		cJSON_Delete(item);
		item = NULL;
	}
	add(parent, key, item);
}

/* Printing. */

static void print_string(const char *text, struct rc_buf *b)
{
	const unsigned char *s = (const unsigned char *)text, *end = s + strlen(text);
	static const char escapes[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	const char *e;
	size_t n;

	rc_buf_add(b, "\"", 1);
	for (; s < end; s += n) {
		n = 1;
		for (e = escapes; *e && (unsigned char)*e != *s; e += 2)
			;
		if (*e) {
			rc_buf_add(b, "\\", 1);
			rc_buf_add(b, e + 1, 1);
		} else if (*s < 0x20) {
			rc_buf_printf(b, "\\u%04x", *s);
		} else if (!(n = json_utf8_len(s, (size_t)(end - s)))) {
			rc_buf_puts(b, "\xef\xbf\xbd"); /* U+FFFD */
			n = 1;
		} else {
			rc_buf_add(b, s, n);
		}
	}
	rc_buf_add(b, "\"", 1);
}

int rc_json_clean(const char *s, char **clean_out, struct rc_err *err)
{
	const unsigned char *p = (const unsigned char *)s, *end = p + strlen(s);
	struct rc_buf b;
	size_t n;
	int rc;

	rc_buf_init(&b);
	for (; p < end; p += n) {
		n = json_utf8_len(p, (size_t)(end - p));
		if (n)
			rc_buf_add(&b, p, n);
		else
			rc_buf_printf(&b, "\\x%02x", *p);
		n = n ? n : 1;
	}
	rc = rc_buf_check(&b, err);
	if (!rc)
		rc = rc_strdup(clean_out, b.len ? b.p : "", err);
	rc_buf_release(&b);
	return rc;
}

static void print_scalar(const cJSON *j, struct rc_buf *b)
{
	char number[40];

	if (cJSON_IsNumber(j)) {
		rc_format_double(number, j->valuedouble);
		rc_buf_puts(b, number);
	} else if (cJSON_IsString(j)) {
		print_string(j->valuestring, b);
	} else if (cJSON_IsRaw(j)) {
		rc_buf_puts(b, j->valuestring);
	} else {
		rc_buf_puts(b, cJSON_IsTrue(j) ? "true" : cJSON_IsFalse(j) ? "false" : "null");
	}
}

static void print_line_start(int depth, bool pretty, struct rc_buf *b)
{
	if (pretty)
		rc_buf_printf(b, "\n%*s", 2 * depth, "");
}

static void print_node(const cJSON *j, int depth, bool pretty, struct rc_buf *b, bool *failed);

static void print_list(const struct list *l, int depth, bool pretty, struct rc_buf *b,
		       bool *failed)
{
	bool any = false;

	rc_buf_puts(b, "[");
	for (size_t i = 0; i < l->n && !*failed; i++) {
		cJSON *object = cJSON_CreateObject();

		*failed = !object;
		if (object && l->fill(l->arg, i, wrap(object))) {
			if (any)
				rc_buf_puts(b, ",");
			print_line_start(depth + 1, pretty, b);
			print_node(object, depth + 1, pretty, b, failed);
			any = true;
		}
		cJSON_Delete(object);
	}
	if (any)
		print_line_start(depth, pretty, b);
	rc_buf_puts(b, "]");
}

/* The recursion is as deep as the nesting; *failed tells of a child that could not be added. */
static void print_node(const cJSON *j, int depth, bool pretty, struct rc_buf *b, bool *failed)
{
	bool is_object = cJSON_IsObject(j);
	const cJSON *c;

	*failed = *failed || (j->type & NODE_FAILED);
	if (j->type & NODE_LIST) {
		const void *list = j->valuestring;
		print_list(list, depth, pretty, b, failed);
		return;
	}
	if (!is_object && !cJSON_IsArray(j)) {
		print_scalar(j, b);
		return;
	}
	rc_buf_puts(b, is_object ? "{" : "[");
	for (c = j->child; c; c = c->next) {
		print_line_start(depth + 1, pretty, b);
		if (is_object) {
			print_string(c->string, b);
			rc_buf_puts(b, pretty ? ": " : ":");
		}
		print_node(c, depth + 1, pretty, b, failed);
		if (c->next)
			rc_buf_puts(b, ",");
	}
	if (j->child)
		print_line_start(depth, pretty, b);
	rc_buf_puts(b, is_object ? "}" : "]");
}

int rc_json_text(const struct rc_json *root, bool pretty, struct rc_buf *b, struct rc_err *err)
{
	bool failed = !root;

	if (root)
		print_node(cnode(root), 0, pretty, b, &failed);
	rc_buf_puts(b, "\n");
	return failed ? rc_fail_nomem(err, sizeof(cJSON)) : rc_buf_check(b, err);
}
