/* SPDX-License-Identifier: Apache-2.0 */
/* Between pack.c and the one file that writes tar. */
#ifndef RC_PACK_PRIVATE_H
#define RC_PACK_PRIVATE_H

#include "formats/pack.h"

struct tar_writer;

/* All that makes up the archive goes into sink. */
int tar_writer_new(const struct rc_pack_sink *sink, struct tar_writer **t_out, struct rc_err *err);
void tar_writer_free(struct tar_writer *t);
int tar_writer_member(struct tar_writer *t, const char *name, uint64_t bytes, struct rc_err *err);
int tar_writer_data(struct tar_writer *t, const void *p, size_t n, struct rc_err *err);
int tar_writer_end(struct tar_writer *t, struct rc_err *err);

#endif
