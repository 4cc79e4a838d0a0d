/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings of a run, each with a stable code, counted per (code, where): 200 episodes with the
 * same oddity are one line with count 200 and the first one's message.  Calls are thread-safe.
 */
#ifndef RC_PROBLEMS_H
#define RC_PROBLEMS_H

#include <pthread.h>

#include "base/episode.h"
#include "base/json.h"

struct rc_problem {
	enum rc_severity severity;
	char *code, *where, *message;
	uint64_t count;
};

struct rc_problems {
	pthread_mutex_t lock;
	struct rc_problem *p; /* in the order of first sight */
	size_t n, cap;
	bool lost; /* memory ran out: some are missing */
};

void rc_problems_init(struct rc_problems *ps);
void rc_problems_release(struct rc_problems *ps);
void rc_problems_add(struct rc_problems *ps, enum rc_severity sev, const char *code,
		     const char *where, const char *fmt, ...) RC_PRINTF(5, 6);
bool rc_problems_any(const struct rc_problems *ps, enum rc_severity sev);
/* Most severe first, then by code and where: the same list whatever the order of threads. */
void rc_problems_sort(struct rc_problems *ps);
void rc_problems_json(const struct rc_problems *ps, struct rc_json *parent, const char *key);

#endif
