/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that keeps what a scan found (--index): the index of each input with its path, size and
 * time of change, so that the next scan opens only what is new.  It is as untrusted as a reader
 * process: a digest tells damage, and rc_index_open() checks every number again.
 */
#ifndef RC_SCAN_INDEX_H
#define RC_SCAN_INDEX_H

#include "scan.h"

/*
 * Gives every file of the scan that is in the index file at `path`, unchanged since, its index;
 * *n_out counts them.  A file that is missing holds nothing, and neither does one that is damaged,
 * of another version or another `reading` (rc_reading_name()), about which there is a warning.  One
 * that is something else, which a scan must not replace, is RC_E_USAGE.
 */
int rc_scan_index_load(const char *path, const char *reading, struct rc_scan *scan, size_t *n_out,
		       struct rc_err *err);
/* Replaces the file at `path` by what the scan found now. */
int rc_scan_index_save(const char *path, const char *reading, const struct rc_scan *scan,
		       struct rc_err *err);

#endif
