/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.json: the account of a run, robocache-report(5), schema in docs/report-1.schema.json.
 * Unlike shards and manifest it holds facts of this run: times, host, threads, paths.
 */
#ifndef RC_REPORT_H
#define RC_REPORT_H

#include "run.h"

#define RC_REPORT_SCHEMA "robocache-report-1"

/* The report as text; works however far the run came. */
int rc_report_text(struct rc_run *r, struct rc_buf *b, struct rc_err *err);
/* Writes it to the path (atomically) or, for "-", appends it to *out. */
int rc_report_write(struct rc_run *r, const char *path, struct rc_buf *out, struct rc_err *err);

#endif
