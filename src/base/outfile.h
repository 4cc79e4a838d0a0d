/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output that is complete or absent.  A file is made under a temporary name beside its final one
 * (".<name>.tmp-<pid>-<n>"), and only rc_outfile_commit() publishes it: fsync(file), rename,
 * fsync(directory).  Failures are RC_E_OUTPUT, and nothing is left behind.
 */
#ifndef RC_OUTFILE_H
#define RC_OUTFILE_H

#include "base/err.h"

struct rc_flusher;

struct rc_outfile {
	char *path;     /* final */
	char *tmp_path; /* where the bytes go now; exists, empty, after open */
	struct rc_flusher *flusher; /* NULL until there was something to sync */
};

int rc_outfile_open(struct rc_outfile *f, const char *path, struct rc_err *err);
/* Has a thread sync what the file holds by now, beside the writing of more.  Only a hint. */
void rc_outfile_start_sync(struct rc_outfile *f);
/* Publishes; on failure, of an earlier sync as well, the temporary file is gone.  Releases f either
 * way. */
int rc_outfile_commit(struct rc_outfile *f, struct rc_err *err);
/* Removes the temporary file; safe on a zeroed or already released f. */
void rc_outfile_abandon(struct rc_outfile *f);
/* open + write + commit of n bytes. */
int rc_outfile_put(const char *path, const void *bytes, size_t n, struct rc_err *err);
/* RC_E_OUTPUT with errno `sys` and what to do about it: "cannot <deed> '<path>': ...". */
int rc_outfile_fail(struct rc_err *err, int sys, const char *deed, const char *path);
/* For files that grow in place: all n bytes; the file to disk, with or without its times.  An errno
 * or 0. */
int rc_write_all(int fd, const char *p, size_t n);
int rc_sync_fd(int fd);
int rc_sync_data_fd(int fd);
/* mkdir -p */
int rc_mkdirs(const char *path, struct rc_err *err);

#endif
