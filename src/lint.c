/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "lint.h"

#include "base/digest.h"
#include "work.h"

enum {
	MIN_STEPS = 10, /* below, equal values are chance */
	BLOCK = 64
};

static bool looked_at(const struct rc_plan_stream *s)
{
	return rc_dtype_is_float(s->dtype) && s->kind != RC_KIND_IMAGE && !s->stored &&
	       s->row_bytes > 0;
}

/* --- one tile --------------------------------------------------------------------------------- */

/* In blocks of one length, which compilers turn into vectors. */
#define ALL_ONES(type, mask)                                                                       \
	do {                                                                                       \
		const type *v = p;                                                                 \
		size_t i = 0;                                                                      \
		for (; n - i >= BLOCK; i += BLOCK) {                                               \
			type some = 0;                                                             \
			for (int k = 0; k < BLOCK; k++)                                            \
				some |= (type)((v[i + (size_t)k] & (mask)) == (mask));             \
			bad |= some != 0;                                                          \
		}                                                                                  \
		for (; i < n; i++)                                                                 \
			bad |= (v[i] & (mask)) == (mask);                                          \
	} while (0)

/* The exponent of NaN and infinities is all ones. */
static bool any_bad(enum rc_dtype t, const void *p, size_t n)
{
	unsigned bad = 0;

	switch (t) {
	case RC_F16: ALL_ONES(uint16_t, 0x7c00u); break;
	case RC_BF16: ALL_ONES(uint16_t, 0x7f80u); break;
	case RC_F32: ALL_ONES(uint32_t, 0x7f800000u); break;
	case RC_F64: ALL_ONES(uint64_t, 0x7ff0000000000000u); break;
	default: break;
	}
	return bad;
}

/* An action and something else that could have the same values. */
static bool may_be_equal(const struct rc_plan_stream *a, const struct rc_plan_stream *b)
{
	return (a->role == RC_ROLE_ACTION) != (b->role == RC_ROLE_ACTION) &&
	       b->role != RC_ROLE_NEXT_OBS && a->role != RC_ROLE_NEXT_OBS && looked_at(a) &&
	       looked_at(b) && a->dtype == b->dtype && a->row_bytes == b->row_bytes;
}

static bool has_twin(const struct rc_plan_episode *e, size_t i)
{
	for (size_t k = 0; k < e->n_streams; k++)
		if (may_be_equal(&e->streams[i], &e->streams[k]))
			return true;
	return false;
}

void rc_lint_tile(const struct rc_work *w, const struct rc_tile *t, const void *rows)
{
	const struct rc_plan_stream *s = &w->plan->streams[t->stream];
	struct rc_lint *l = &w->lints[t - w->tiles];
	size_t bytes = (size_t)s->row_bytes, values = (size_t)s->row_elements;
	const char *p = rows;

	*l = (struct rc_lint){0};
	if (!looked_at(s) || !t->n_rows)
		return;
	if (any_bad(s->dtype, p, values * t->n_rows))
		for (uint32_t i = 0; i < t->n_rows; i++)
			l->n_bad += any_bad(s->dtype, p + i * bytes, values);
	for (uint32_t i = 1; i < t->n_rows && !l->moves; i++)
		l->moves = memcmp(p, p + i * bytes, bytes) != 0;
	l->first = rc_hash64(p, bytes, 0);
	if (has_twin(w->plan, t->stream))
		for (uint32_t i = 0; i < t->n_rows; i++)
			l->sum += rc_hash64(p + i * bytes, bytes, t->row0 + i);
}

/* --- one episode ------------------------------------------------------------------------------ */

/* Of stream i, whose tiles lie side by side from *at or later on; *at is then behind them.  The sum
 * does not depend on how the stream was cut. */
static struct rc_lint whole(const struct rc_work *w, size_t i, size_t *at)
{
	struct rc_lint all = {0};
	size_t k = *at;

	while (k < w->n_tiles && w->tiles[k].stream != i)
		k++;
	if (k < w->n_tiles)
		all.first = w->lints[k].first;
	for (; k < w->n_tiles && w->tiles[k].stream == i; k++) {
		const struct rc_lint *l = &w->lints[k];
		all.moves |= l->moves || l->first != all.first;
		all.n_bad += l->n_bad;
		all.sum += l->sum;
	}
	*at = k;
	return all;
}

static void tell_equal(const struct rc_work *w, size_t i, uint64_t sum,
		       struct rc_problems *problems)
{
	const struct rc_plan_stream *a = &w->plan->streams[i];
	size_t at = 0;

	for (size_t k = 0; k < w->plan->n_streams; k++) {
		const struct rc_plan_stream *b = &w->plan->streams[k];
		if (a->role != RC_ROLE_ACTION || !may_be_equal(a, b) ||
		    whole(w, k, &at).sum != sum)
			continue;
		rc_problems_add(problems, RC_NOTE_WARNING, "state_equals_action", b->name,
				"stream '%s' is equal to the action '%s' in every step ('%s'): a "
				"policy would only have to copy it", b->name, a->name, w->plan->id);
	}
}

void rc_lint_episode(const struct rc_work *w, struct rc_problems *problems)
{
	size_t at = 0;

	for (size_t i = 0; i < w->plan->n_streams; i++) {
		const struct rc_plan_stream *s = &w->plan->streams[i];
		struct rc_lint l;

		if (!looked_at(s))
			continue;
		l = whole(w, i, &at);
		if (l.n_bad)
			rc_problems_add(problems, RC_NOTE_WARNING, "not_finite", s->name,
					"stream '%s' has NaN or infinities in %llu of %llu steps "
					"('%s')", s->name, (unsigned long long)l.n_bad,
					(unsigned long long)w->n_ticks, w->plan->id);
		if (w->n_ticks < MIN_STEPS)
			continue;
		if (!l.moves && s->role != RC_ROLE_REWARD && s->role != RC_ROLE_DONE)
			rc_problems_add(problems, RC_NOTE_INFO, "stuck_stream", s->name,
					"stream '%s' has one value in all %llu steps ('%s')",
					s->name, (unsigned long long)w->n_ticks, w->plan->id);
		else if (l.moves)
			tell_equal(w, i, l.sum, problems);
	}
}
