/* SPDX-License-Identifier: Apache-2.0 */
/* Scanning inputs with several reader processes at once.  An input that cannot be read is an
 * outcome of that input, never the end of the scan. */
#ifndef RC_SCAN_H
#define RC_SCAN_H

#include "formats/reader.h"
#include "inputs.h"

struct rc_scanned {
	const char *path, *label; /* borrowed from the inputs */
	struct rc_index *index; /* NULL when the scan failed */
	struct rc_err err;    /* then: why */
	int64_t scan_ns;
};

struct rc_scan {
	struct rc_scanned *files; /* same order as the inputs */
	size_t n, n_failed;
	int64_t busy_ns;
};

/* The inputs are borrowed for the life of the scan.  Fails only on out of memory, on failing
 * threads or, with RC_E_INTERRUPTED, when a signal asked to stop. */
int rc_scan_run(struct rc_readers *readers, const struct rc_inputs *in, const char *layout,
		int n_threads, struct rc_scan *scan_out, struct rc_err *err);
void rc_scan_release(struct rc_scan *s);

#endif
