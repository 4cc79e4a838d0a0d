/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the plan: plan.c, and for one episode plan_streams.c, plan_timing.c,
 * plan_turns.c, plan_share.c. */
#ifndef RC_PLAN_PRIVATE_H
#define RC_PLAN_PRIVATE_H

#include "plan.h"

/* What is known about one input stream while its episode is planned. */
struct candidate {
	const struct rc_stream *s;
	const struct rc_dataset *d;
	const char *name;        /* in the input */
	const char *out_name;    /* after --rename */
	struct rc_plan_source src;
	int turns;               /* of an image: enum rc_turn */
	bool selected, in_group;
};

struct planner {
	const struct rc_index *ix;
	struct rc_recipe *recipe;
	struct rc_problems *problems;
	struct rc_plan_episode *e;
	struct rc_plan_set *set; /* the episode's output */
	struct candidate *c;
	size_t n;
	size_t cap_streams;
};

/* The output streams, timing and estimates of one episode, whose place fields are set.  *set is
 * {0} and belongs to the caller whatever comes of it. */
int plan_episode_streams(const struct rc_index *ix, struct rc_recipe *recipe,
			 struct rc_problems *problems, struct rc_plan_episode *e,
			 struct rc_plan_set *set, struct rc_err *err);

/* Decides how the episode's streams meet in time, deselects those that cannot, and estimates the
 * number of ticks. */
int plan_choose_timing(struct planner *p, struct rc_err *err);

static inline bool plan_is_frames(uint32_t kind)
{
	return kind == RC_KIND_IMAGE || kind == RC_KIND_ENCODED;
}

/* --- plan_turns.c ----------------------------------------------------------------------------- */

/* What --convert makes of a stream, and with it the order of its quaternions or the form of its
 * rotations. */
int plan_choose_turns(struct planner *p, struct candidate *c, struct rc_err *err);
/* Kind, rank and row of an output stream of the shape of its source, where rotations become others
 * than that has. */
void plan_shape_rotation(const struct candidate *c, struct rc_plan_stream *out);
int plan_check_form(const struct rc_plan_stream *out, struct rc_err *err);
/* A warning where angles or matrices are mixed value by value. */
void plan_tell_mixed(struct planner *p, const struct candidate *c);

/* --- plan_share.c ----------------------------------------------------------------------------- */

/* Takes what *set holds, leaves it {0}, and gives the episode its streams: those of an episode
 * that is made alike, of which there are often thousands, or these. */
int plan_share(struct rc_plan *p, struct rc_plan_set *set, struct rc_plan_episode *e,
	       struct rc_err *err);
void plan_set_drop(struct rc_plan_set *set, size_t i);
void plan_set_release(struct rc_plan_set *set);

#endif
