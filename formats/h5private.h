/* SPDX-License-Identifier: Apache-2.0 */
/* What the sources behind h5util.h share with each other. */
#ifndef RC_H5PRIVATE_H
#define RC_H5PRIVATE_H

#include "formats/h5util.h"

/* Says why a node cannot be used; the first reason stays. */
void h5_problem(struct rc_h5_node *n, const char *code, const char *fmt, ...) RC_PRINTF(3, 4);
/* The innermost message of libhdf5's error stack into dst; clears the stack. */
void h5_cause(char *dst, size_t cap);
/* Opens the file behind fd for reading, with fapl but for its driver; fd stays the caller's and
 * open as long as the file is. */
hid_t h5_open_fd(int fd, hid_t fapl);
/* Fills n->dataset and n->usable, or the problem, from an open dataset. */
int h5_classify(struct rc_h5_tree *t, struct rc_h5_node *n, hid_t dset, struct rc_err *err);
/* Takes a classified dataset as encoded pictures, if its first bytes say so: then it is usable and
 * its form has frames.  Some rows are read. */
int h5_find_frames(struct rc_h5_tree *t, struct rc_h5_node *n, struct rc_err *err);
/* Rows of a classified dataset of bytes, each row_bytes long: sequences padded with zeros, others
 * as they are.  n's form is that of h5_classify(). */
int h5_frame_rows(const struct rc_h5_tree *t, const struct rc_h5_node *n, uint64_t row0,
		  uint64_t n_rows, size_t row_bytes, void *dst, struct rc_err *err);
/* Opens a dataset of the tree again. */
hid_t h5_open_dataset(const struct rc_h5_tree *t, const struct rc_h5_node *n, struct rc_err *err);

#endif
