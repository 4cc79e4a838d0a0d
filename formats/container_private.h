/* SPDX-License-Identifier: Apache-2.0 */
/* Between container.c and the one file that knows tar. */
#ifndef RC_CONTAINER_PRIVATE_H
#define RC_CONTAINER_PRIVATE_H

#include "formats/container.h"

/* The members of a tar.  RC_E_UNSUPPORTED in a build without libarchive. */
int container_walk(struct rc_bytes *tar, const struct rc_unwrap *u, struct rc_err *err);

#endif
