/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finished files into one zstd frame: one file, or a tar of several.  The bytes are a function of
 * the files and of the versions of libzstd and libarchive: level 3, one thread, a checksum, and in
 * the tar neither times nor owners.  A packer belongs to one thread.
 */
#ifndef RC_PACK_H
#define RC_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Takes what is packed, piece by piece. */
struct rc_pack_sink {
	int (*write)(void *arg, const void *bytes, size_t n, struct rc_err *err);
	void *arg;
};

struct rc_packer;

/* tar: several members; RC_E_UNSUPPORTED in a build without libarchive. */
int rc_packer_new(const struct rc_pack_sink *sink, bool tar, struct rc_packer **p_out,
		  struct rc_err *err);
void rc_packer_free(struct rc_packer *p);
/* All of the file `path`, which is ours: what cannot be read is RC_E_OUTPUT.  name: of the member;
 * without tar it is not used and there is one call only. */
int rc_packer_add(struct rc_packer *p, const char *name, const char *path, struct rc_err *err);
/* Ends archive and frame. */
int rc_packer_end(struct rc_packer *p, struct rc_err *err);

/* The file `from` as one frame into `to`, which exists. */
int rc_pack_file(const char *from, const char *to, struct rc_err *err);

#endif
