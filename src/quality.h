/* SPDX-License-Identifier: Apache-2.0 */
/* Clock and alignment quality per output stream, gathered over the written episodes in plan
 * order, for the report. */
#ifndef RC_QUALITY_H
#define RC_QUALITY_H

#include "base/json.h"
#include "work.h"

/* One input stream as part of one output stream, over all episodes. */
struct rc_stream_quality {
	char *name, *output;        /* input stream; output stream it went to */
	enum rc_dtype dtype_in, dtype_out;
	uint32_t rank;
	uint64_t dims[RC_MAX_RANK]; /* of the first episode */
	enum rc_method method;
	bool steps;                 /* copied step for step: no alignment figures */
	enum rc_clock_kind clock;
	char *unit, *unit_origin;   /* of measured stamps; or where the nominal rate came from */
	int64_t latency_ns;
	uint64_t episodes, samples, ticks, duplicates, backwards, gaps, before, after, in_gap;
	uint64_t repaired;
	int64_t worst_ns, max_ns, p99_ns, repair_ns; /* worst over episodes */
	double sum_ns;
	double *rates;              /* per episode, for medians */
	int64_t *p50s;
	size_t n, cap_rates, cap_p50s;
};

struct rc_quality {
	struct rc_problems *problems; /* findings about values go there; NULL: nowhere */
	struct rc_stream_quality *s;
	size_t n, cap;
};

int rc_quality_add(struct rc_quality *q, const struct rc_work *w, struct rc_err *err);
void rc_quality_json(struct rc_quality *q, struct rc_json *parent, const char *key);
void rc_quality_release(struct rc_quality *q);

#endif
