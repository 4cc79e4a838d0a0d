/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"
#include "base/json.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <math.h>

#include "base/mem.h"
#include "base/num.h"

enum {
	MAX_NESTING = 64,
	/* A bit that cJSON leaves alone: an allocation below this node failed. */
	NODE_FAILED = 1 << 20
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

/* The length of the UTF-8 character at s, 0 when it is none: no surrogates, no longer forms. */
static size_t utf8_len(const unsigned char *s, size_t n)
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

/* Parsing.  cJSON takes more than JSON: control bytes and broken UTF-8 in strings, \u0000 (which
 * cuts the string), numbers such as 01 or 1., a thousand levels.  So a scan of the tokens goes
 * first; it also finds what it needs for messages. */

struct scan {
	const unsigned char *start, *p, *end;
	size_t depth;
	const char *problem; /* NULL: none so far; p is where */
};

static void stop(struct scan *s, const char *problem)
{
	if (!s->problem)
		s->problem = problem;
}

static bool is_space(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_hex(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Behind a backslash. */
static void scan_escape(struct scan *s)
{
	int i;

	if (s->p == s->end || !*s->p || !strchr("\"\\/bfnrtu", *s->p)) {
		stop(s, "an unknown escape");
		return;
	}
	if (*s->p++ != 'u')
		return;
	for (i = 0; i < 4; i++) {
		if (s->end - s->p <= i || !is_hex(s->p[i])) {
			stop(s, "a \\u without four hexadecimal digits");
			return;
		}
	}
	if (!memcmp(s->p, "0000", 4))
		stop(s, "a \\u0000, which is not supported");
	s->p += 4;
}

static void scan_string(struct scan *s)
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
			n = utf8_len(s->p, (size_t)(s->end - s->p));
			if (!n)
				stop(s, "a byte that is not UTF-8");
			s->p += n;
		}
	}
}

static size_t scan_digits(struct scan *s)
{
	const unsigned char *first = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return (size_t)(s->p - first);
}

static void scan_number(struct scan *s)
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

static void scan_tokens(struct scan *s)
{
	while (s->p < s->end && !s->problem) {
		switch (*s->p) {
		case '"':
			scan_string(s);
			break;
		case '-': case '0': case '1': case '2': case '3': case '4':
		case '5': case '6': case '7': case '8': case '9':
			scan_number(s);
			break;
		case '[': case '{':
			if (++s->depth > MAX_NESTING) {
				stop(s, "more than 64 levels of nesting");
				break;
			}
			s->p++;
			break;
		case ']': case '}':
			s->depth -= s->depth > 0;
			s->p++;
			break;
		default:
			if (*s->p < 0x20 && !is_space(*s->p)) /* cJSON skips these */
				stop(s, "a control character");
			else
				s->p++;
		}
	}
}

/* "line 3, column 7" of s->p, and a few characters from there. */
static int fail_at(const struct scan *s, const char *name, const char *problem,
		   struct rc_err *err)
{
	const unsigned char *p;
	size_t line = 1, column = 1, n = 0, len;
	char near[41];

	for (p = s->start; p < s->p; p++) {
		if (*p == '\n') {
			line++;
			column = 1;
		} else if ((*p & 0xc0) != 0x80) {
			column++;
		}
	}
	while (p < s->end && *p >= 0x20) {
		len = utf8_len(p, (size_t)(s->end - p));
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
	if (!n)
		return rc_fail(err, RC_E_FORMAT, "bad_json",
			       "'%s' is not valid JSON: line %zu, column %zu: %s", name, line,
			       column, problem);
	return rc_fail(err, RC_E_FORMAT, "bad_json",
		       "'%s' is not valid JSON: line %zu, column %zu: %s, near '%s'", name, line,
		       column, problem, near);
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
	const unsigned char *start = (const unsigned char *)text;
	struct scan s = {.start = start, .p = start, .end = start + n};
	const unsigned char *last;
	const char *end = text;
	cJSON *root = NULL;
	int rc;

	if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		s.start += 3;
	for (s.p = s.start; s.p < s.end && is_space(*s.p); s.p++)
		;
	if (s.p == s.end)
		return rc_fail(err, RC_E_FORMAT, "bad_json", "'%s' is empty; expected JSON", name);
	scan_tokens(&s);
	if (s.problem)
		return fail_at(&s, name, s.problem, err);
	s.p = s.start;
	root = cJSON_ParseWithLengthOpts((const char *)s.start, (size_t)(s.end - s.start), &end, 0);
	s.p = (const unsigned char *)end;
	for (last = s.end; last > s.start && is_space(last[-1]); last--)
		;
	if (!root && s.depth > 0 && s.p + 1 >= last) {
		s.p = last;
		return fail_at(&s, name, "the text ends with a bracket still open", err);
	}
	if (!root)
		return fail_at(&s, name, "something that JSON does not have here", err);
	while (s.p < s.end && is_space(*s.p))
		s.p++;
	rc = s.p < s.end ? fail_at(&s, name, "text behind the end", err) :
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
		} else if (!(n = utf8_len(s, (size_t)(end - s)))) {
			rc_buf_puts(b, "\xef\xbf\xbd"); /* U+FFFD */
			n = 1;
		} else {
			rc_buf_add(b, s, n);
		}
	}
	rc_buf_add(b, "\"", 1);
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

/* The recursion is as deep as the nesting; *failed tells of a child that could not be added. */
static void print_node(const cJSON *j, int depth, bool pretty, struct rc_buf *b, bool *failed)
{
	bool is_object = cJSON_IsObject(j);
	const cJSON *c;

	*failed = *failed || (j->type & NODE_FAILED);
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
