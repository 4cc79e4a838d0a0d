/* SPDX-License-Identifier: Apache-2.0 */
/* Episodes of one recording are made alike: their output streams are kept once, so that a plan of
 * a hundred thousand episodes stays small. */
#include "base/compat.h"

#include "plan_private.h"

#include "base/mem.h"

/* Inputs whose episodes all differ must not make planning quadratic. */
enum { LOOK_BACK = 64 };

static bool same_form(const struct rc_form *a, const struct rc_form *b)
{
	return a->turn == b->turn && !memcmp(a->axes, b->axes, sizeof a->axes) &&
	       a->degrees == b->degrees && a->column == b->column;
}

static bool same_source(const struct rc_plan_source *a, const struct rc_plan_source *b)
{
	return a->nth == b->nth && a->method == b->method && a->clock == b->clock &&
	       a->rate.num == b->rate.num && a->rate.den == b->rate.den &&
	       !strcmp(a->rate_origin, b->rate_origin) && a->latency_ns == b->latency_ns &&
	       a->repairs == b->repairs &&
	       a->column == b->column && a->width == b->width && a->quat_first == b->quat_first &&
	       a->quat_order == b->quat_order && a->turn == b->turn &&
	       a->stored_width == b->stored_width && same_form(&a->form, &b->form);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_encoding(const struct rc_encoding *a, const struct rc_encoding *b)
{
	return a->codec == b->codec && a->level == b->level && a->shuffle == b->shuffle &&
	       a->values == b->values;
}

static bool same_stream(const struct rc_plan_stream *a, const struct rc_plan_stream *b)
{
	bool same = a->role == b->role && a->kind == b->kind && a->dtype == b->dtype &&
		    a->rank == b->rank && !memcmp(a->dims, b->dims, sizeof a->dims) &&
		    a->row_elements == b->row_elements && a->row_bytes == b->row_bytes &&
		    a->n_sources == b->n_sources && a->is_group == b->is_group &&
		    a->takes_end == b->takes_end && a->copies == b->copies &&
		    a->stored == b->stored && a->turns == b->turns &&
		    same_encoding(&a->encoding, &b->encoding) && !strcmp(a->name, b->name) &&
		    !strcmp(a->method, b->method) && same_text(a->members, b->members);

	for (size_t k = 0; same && k < a->n_sources; k++)
		same = same_source(&a->sources[k], &b->sources[k]);
	return same;
}

static bool same_set(const struct rc_plan_set *a, const struct rc_plan_set *b)
{
	bool same = a->n_streams == b->n_streams;

	for (size_t i = 0; same && i < a->n_streams; i++)
		same = same_stream(&a->streams[i], &b->streams[i]);
	return same;
}

/* Gives back what was taken for more sources than came. */
static void trim(struct rc_plan_set *set)
{
	struct rc_plan_stream *fit;

	for (size_t i = 0; i < set->n_streams; i++) {
		struct rc_plan_stream *s = &set->streams[i];
		struct rc_plan_source *few =
			realloc(s->sources, (s->n_sources + 1) * sizeof *s->sources);

		if (few)
			s->sources = few;
	}
	fit = realloc(set->streams, (set->n_streams + 1) * sizeof *set->streams);
	if (fit)
		set->streams = fit;
}

int plan_share(struct rc_plan *p, struct rc_plan_set *set, struct rc_plan_episode *e,
	       struct rc_err *err)
{
	size_t i = p->n_sets, end = i > LOOK_BACK ? i - LOOK_BACK : 0;
	int rc;

	while (i > end && !same_set(&p->sets[i - 1], set))
		i--;
	if (i > end) {
		plan_set_release(set);
	} else {
		rc = rc_grow_array(&p->sets, &p->cap_sets, p->n_sets + 1, sizeof *p->sets, err);
		if (rc)
			return rc;
		trim(set);
		i = ++p->n_sets;
		p->sets[i - 1] = *set;
		*set = (struct rc_plan_set){0};
	}
	e->streams = p->sets[i - 1].streams;
	e->n_streams = p->sets[i - 1].n_streams;
	return 0;
}

static void release_stream(struct rc_plan_stream *s)
{
	free(s->name);
	free(s->sources);
	free(s->members);
}

void plan_set_drop(struct rc_plan_set *set, size_t i)
{
	release_stream(&set->streams[i]);
	set->n_streams--;
	memmove(&set->streams[i], &set->streams[i + 1],
		(set->n_streams - i) * sizeof *set->streams);
}

void plan_set_release(struct rc_plan_set *set)
{
	for (size_t i = 0; i < set->n_streams; i++)
		release_stream(&set->streams[i]);
	free(set->streams);
	*set = (struct rc_plan_set){0};
}

const char *rc_plan_source_text(const struct rc_index *ix, const struct rc_plan_episode *e,
				const struct rc_plan_stream *s)
{
	if (s->is_group)
		return s->members;
	return rc_index_str(ix, ix->datasets[rc_plan_input(ix, e, &s->sources[0])->dataset].path);
}

/* Text behind "prefix/", or NULL. */
static const char *below(const char *path, const char *prefix)
{
	size_t n = strlen(prefix);

	return !strncmp(path, prefix, n) && path[n] == '/' ? path + n + 1 : NULL;
}

const char *rc_plan_place(const struct rc_index *ix, const struct rc_plan_episode *e,
			  const struct rc_plan_stream *s)
{
	const struct rc_stream *in = rc_plan_input(ix, e, &s->sources[0]);
	const char *path = rc_index_str(ix, ix->datasets[in->dataset].path);
	const char *rel;

	if (s->is_group || strcmp(s->name, rc_index_str(ix, in->name)))
		return "";
	path += *path == '/';
	rel = below(path, rc_index_str(ix, ix->episodes[e->i_episode].key));
	return rel ? rel : path;
}
