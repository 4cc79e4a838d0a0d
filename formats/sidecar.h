/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON file that some datasets keep beside an input: x.json beside x.h5 or x.h5.zst, in
 * the same directory.  The run opens it, and the reader process that scans the input reads and
 * parses it: what it says is as untrusted as the input.
 */
#ifndef RC_SIDECAR_H
#define RC_SIDECAR_H

#include "base/json.h"
#include "formats/index.h"

struct rc_readers;

enum { RC_SIDECAR_MAX_BYTES = 16 << 20 };

/* What identifies it; all 0: there is none. */
struct rc_sidecar_id {
	uint64_t bytes;
	int64_t mtime_ns;
};

/* A descriptor of the regular file beside the input and what identifies it, or -1. */
int rc_sidecar_open(struct rc_readers *p, const char *input, struct rc_sidecar_id *id_out);

/* In the reader: parses what is behind fd (-1: nothing).  What cannot be used is a note. */
void rc_sidecar_read(int fd, uint64_t bytes, struct rc_json **root_out,
		     struct rc_index_builder *b);

#endif
