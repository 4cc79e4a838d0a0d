/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output into a pipe: `convert -o -`.  Shards are made in a directory of their own and leave in
 * plan order as soon as each is complete, which depends on no thread.  Where the plan has one
 * shard, the stream is that shard in zstd; else it is a tar in zstd of the shards with
 * manifest.json behind them.  A run that fails leaves a zstd frame without an end, which no reader
 * takes for complete.
 */
#ifndef RC_OUTPIPE_H
#define RC_OUTPIPE_H

#include <stdbool.h>

#include "base/err.h"

struct rc_packer;

struct rc_outpipe {
	int fd;                   /* borrowed */
	char *dir;                /* where shards are made */
	bool several;             /* it is a tar */
	struct rc_packer *packer; /* once it has begun */
};

/* Makes the directory below scratch_dir. */
int rc_outpipe_open(struct rc_outpipe *p, int fd, const char *scratch_dir, struct rc_err *err);
/* Once it is known how many shards the plan has. */
int rc_outpipe_begin(struct rc_outpipe *p, size_t n_shards, struct rc_err *err);
/* Sends the finished file dir/name and removes it.  When nobody reads any more, that is
 * RC_E_INTERRUPTED by SIGPIPE. */
int rc_outpipe_shard(struct rc_outpipe *p, const char *name, struct rc_err *err);
/* Sends dir/manifest.json where there is a tar, and ends the stream. */
int rc_outpipe_end(struct rc_outpipe *p, struct rc_err *err);
/* Removes the directory with what is in it; a stream that was not ended stays without an end. */
void rc_outpipe_release(struct rc_outpipe *p);

#endif
