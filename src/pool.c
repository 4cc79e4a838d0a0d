/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "pool.h"

/* With what did not fit the arena's block the first time. */
static uint64_t held(const struct rc_work *w)
{
	return w->arena.cap + w->arena.wanted - w->arena.used;
}

/* To the end of the queue, so that each takes its turn and all have grown to what the episodes of
 * this dataset need before the first does so twice. */
static void append(struct rc_pool *p, struct rc_work *w)
{
	p->idle_bytes += held(w);
	w->next = NULL;
	*p->idle_end = w;
	p->idle_end = &w->next;
}

int rc_pool_open(struct rc_pool *p, size_t n, uint64_t limit, struct rc_err *err)
{
	int rc;

	*p = (struct rc_pool){.limit = limit};
	rc = rc_new_array(&p->works, n, sizeof *p->works, err);
	p->n = rc ? 0 : n;
	p->idle_end = &p->idle;
	for (size_t i = 0; i < p->n; i++)
		append(p, &p->works[i]);
	return rc;
}

void rc_pool_close(struct rc_pool *p)
{
	for (size_t i = 0; i < p->n; i++)
		rc_work_release(&p->works[i]);
	free(p->works);
	*p = (struct rc_pool){0};
}

/* Whether a source before number k of stream i has the same clock. */
static bool seen(const struct rc_index *ix, const struct rc_plan_episode *e, size_t i, size_t k)
{
	const struct rc_plan_source *src = &e->streams[i].sources[k];

	for (size_t a = 0; a <= i; a++)
		for (size_t b = 0; b < (a < i ? e->streams[a].n_sources : k); b++)
			if (rc_same_clock(ix, e, &e->streams[a].sources[b], src))
				return true;
	return false;
}

uint64_t rc_pool_guess(const struct rc_index *ix, const struct rc_plan_episode *e)
{
	uint64_t stamps = e->est_ticks, longest = 0;

	for (size_t i = 0; i < e->n_streams; i++)
		for (size_t k = 0; k < e->streams[i].n_sources; k++) {
			const struct rc_plan_source *src = &e->streams[i].sources[k];
			uint64_t n = rc_plan_input(ix, e, src)->n_rows;

			if (src->clock == RC_CLOCK_NONE || seen(ix, e, i, k))
				continue;
			stamps += n;
			n *= src->repairs ? RC_REPAIR_SCRATCH : 1;
			longest = n > longest ? n : longest;
		}
	return (stamps + longest) * sizeof(int64_t);
}

bool rc_pool_has_room(const struct rc_pool *p, uint64_t bytes)
{
	return p->idle && (p->n_busy == 0 || p->busy_bytes + p->scratch_bytes + bytes <= p->limit);
}

/* What idles makes room for what works. */
static void shrink(struct rc_pool *p)
{
	for (struct rc_work *w = p->idle; w; w = w->next) {
		if (p->busy_bytes + p->scratch_bytes + p->idle_bytes <= p->limit)
			break;
		p->idle_bytes -= held(w);
		rc_arena_release(&w->arena);
	}
}

struct rc_work *rc_pool_take(struct rc_pool *p, uint64_t bytes)
{
	struct rc_work *w = p->idle;

	p->idle = w->next;
	if (!p->idle)
		p->idle_end = &p->idle;
	p->idle_bytes -= held(w);
	w->counted = bytes > held(w) ? bytes : held(w);
	p->busy_bytes += w->counted;
	p->n_busy++;
	shrink(p);
	return w;
}

void rc_pool_settle(struct rc_pool *p, struct rc_work *w, struct rc_scratch *scratch,
		    uint64_t *counted)
{
	p->busy_bytes += held(w) - w->counted;
	w->counted = held(w);
	p->scratch_bytes += scratch->cap - *counted;
	if (p->busy_bytes + p->scratch_bytes + p->idle_bytes > p->limit) {
		p->scratch_bytes -= scratch->cap;
		free(scratch->p);
		*scratch = (struct rc_scratch){0};
	}
	*counted = scratch->cap;
}

void rc_pool_give(struct rc_pool *p, struct rc_work *w)
{
	p->busy_bytes -= w->counted;
	p->n_busy--;
	if (p->busy_bytes + p->scratch_bytes + p->idle_bytes + held(w) > p->limit)
		rc_arena_release(&w->arena);
	append(p, w);
}
