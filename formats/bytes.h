/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that are read once, front to back: a descriptor, or what a zstd decoder makes of other
 * bytes.  A source belongs to one thread.  Errors are those of the input: RC_E_INPUT where it
 * cannot be read or ends early, RC_E_FORMAT where it is damaged; `name` is quoted in them.
 */
#ifndef RC_BYTES_H
#define RC_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { RC_PEEK_BYTES = 512 };

struct rc_bytes {
	/* Up to n bytes; 0 of them only at the end.  */
	int (*read)(struct rc_bytes *b, void *dst, size_t n, size_t *n_out, struct rc_err *err);
	void (*close)(struct rc_bytes *b); /* frees b, not what it reads from */
	const char *name;                  /* borrowed */
	uint64_t expected;                 /* bytes to come as somebody claims; 0: not known */
	/* private: what was looked at ahead */
	unsigned char head[RC_PEEK_BYTES];
	size_t n_head, at_head;
};

/* Reads from fd, which stays the caller's; *counted grows by what was read.  stop may be NULL; once
 * it says true, reading is RC_E_INTERRUPTED. */
int rc_bytes_of_fd(int fd, const char *name, uint64_t *counted, bool (*stop)(void),
		   struct rc_bytes **b_out, struct rc_err *err);
/* Decodes zstd frames, one after the other, skippable ones left out.  A frame may ask for a window
 * of up to 128 MiB, as the zstd program allows.  `from` is borrowed. */
int rc_bytes_of_zstd(struct rc_bytes *from, struct rc_bytes **b_out, struct rc_err *err);

int rc_bytes_read(struct rc_bytes *b, void *dst, size_t n, size_t *n_out, struct rc_err *err);
/* The first bytes without taking them: *n_out is less than RC_PEEK_BYTES only where there are no
 * more.  Before the first read only. */
int rc_bytes_peek(struct rc_bytes *b, const unsigned char **p_out, size_t *n_out,
		  struct rc_err *err);
void rc_bytes_close(struct rc_bytes *b);

/* A zstd frame or a skippable frame begins here. */
bool rc_is_zstd(const unsigned char *p, size_t n);

#endif
