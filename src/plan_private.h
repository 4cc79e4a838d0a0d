/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that plan one episode: plan_streams.c, plan_timing.c. */
#ifndef RC_PLAN_PRIVATE_H
#define RC_PLAN_PRIVATE_H

#include "plan.h"

/* What is known about one input stream while its episode is planned. */
struct candidate {
	uint32_t i;              /* position in the index */
	const struct rc_stream *s;
	const struct rc_dataset *d;
	const char *name;        /* in the input */
	const char *out_name;    /* after --rename */
	struct rc_plan_source src;
	bool selected, in_group;
};

struct planner {
	const struct rc_index *ix;
	struct rc_recipe *recipe;
	struct rc_problems *problems;
	struct rc_plan_episode *e;
	struct candidate *c;
	size_t n;
	size_t cap_streams;
};

/* Decides how the episode's streams meet in time, deselects those that cannot, and estimates the
 * number of ticks. */
int plan_choose_timing(struct planner *p, struct rc_err *err);

#endif
