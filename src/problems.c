/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "problems.h"

#include <stdarg.h>

#include "base/mem.h"

void rc_problems_init(struct rc_problems *ps)
{
	*ps = (struct rc_problems){0};
	pthread_mutex_init(&ps->lock, NULL);
}

void rc_problems_release(struct rc_problems *ps)
{
	for (size_t i = 0; i < ps->n; i++) {
		free(ps->p[i].code);
		free(ps->p[i].where);
		free(ps->p[i].message);
	}
	free(ps->p);
	pthread_mutex_destroy(&ps->lock);
	*ps = (struct rc_problems){0};
}

static struct rc_problem *find(struct rc_problems *ps, const char *code, const char *where)
{
	for (size_t i = 0; i < ps->n; i++)
		if (!strcmp(ps->p[i].code, code) && !strcmp(ps->p[i].where, where))
			return &ps->p[i];
	return NULL;
}

static bool add_new(struct rc_problems *ps, const struct rc_problem *like)
{
	struct rc_problem p = {.severity = like->severity, .count = 1};

	if (rc_grow_array(&ps->p, &ps->cap, ps->n + 1, sizeof *ps->p, NULL))
		return false;
	if (rc_strdup(&p.code, like->code, NULL) || rc_strdup(&p.where, like->where, NULL) ||
	    rc_strdup(&p.message, like->message, NULL)) {
		free(p.code);
		free(p.where);
		return false;
	}
	ps->p[ps->n++] = p;
	return true;
}

void rc_problems_add(struct rc_problems *ps, enum rc_severity sev, const char *code,
		     const char *where, const char *fmt, ...)
{
	char message[RC_ERR_MSG_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&ps->lock);
	struct rc_problem *p = find(ps, code, where);
	if (p) {
		p->count++;
		if (sev > p->severity)
			p->severity = sev;
		/* threads race for the first place: the smallest message is the same every time */
		if (strcmp(message, p->message) < 0) {
			char *copy;
			if (!rc_strdup(&copy, message, NULL)) {
				free(p->message);
				p->message = copy;
			}
		}
	} else if (!add_new(ps, &(struct rc_problem){.severity = sev, .code = (char *)code,
						     .where = (char *)where, .message = message})) {
		ps->lost = true;
	}
	pthread_mutex_unlock(&ps->lock);
}

bool rc_problems_any(const struct rc_problems *ps, enum rc_severity sev)
{
	for (size_t i = 0; i < ps->n; i++)
		if (ps->p[i].severity == sev)
			return true;
	return false;
}

static int by_weight(const void *a, const void *b)
{
	const struct rc_problem *x = a, *y = b;
	int c;

	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	c = strcmp(x->code, y->code);
	return c ? c : strcmp(x->where, y->where);
}

void rc_problems_sort(struct rc_problems *ps)
{
	if (ps->n)
		qsort(ps->p, ps->n, sizeof *ps->p, by_weight);
}

void rc_problems_json(const struct rc_problems *ps, struct rc_json *parent, const char *key)
{
	struct rc_json *list = rc_json_add_array(parent, key);

	for (size_t i = 0; i < ps->n; i++) {
		struct rc_json *o = rc_json_add_object(list, NULL);
		rc_json_add_string(o, "severity", rc_severity_name(ps->p[i].severity));
		rc_json_add_string(o, "code", ps->p[i].code);
		rc_json_add_string(o, "where", ps->p[i].where);
		rc_json_add_string(o, "message", ps->p[i].message);
		rc_json_add_uint(o, "count", ps->p[i].count);
	}
}
