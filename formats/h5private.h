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
/* Strings of one length and sequences of bytes may be encoded pictures: the bytes of an element
 * are described as if they were a row.  How many, of a dataset whose shape is known; 0: neither. */
size_t h5_bytes_of(struct rc_h5_node *n, hid_t type);
/* Makes the form of one with such elements, once its storage is known, that of rows of bytes. */
void h5_make_rows(struct rc_h5_node *n, size_t bytes);
/* Takes a classified dataset as encoded pictures, if its first bytes say so: then it is usable and
 * its form has frames.  Some rows are read. */
int h5_find_frames(struct rc_h5_tree *t, struct rc_h5_node *n, struct rc_err *err);
/* Rows of a classified dataset of bytes, each row_bytes long: sequences padded with zeros, others
 * as they are.  n's form is that of h5_classify(). */
int h5_frame_rows(const struct rc_h5_tree *t, const struct rc_h5_node *n, uint64_t row0,
		  uint64_t n_rows, size_t row_bytes, void *dst, struct rc_err *err);
/* Opens a dataset of the tree again; of a member, the dataset of records. */
hid_t h5_open_dataset(const struct rc_h5_tree *t, const struct rc_h5_node *n, struct rc_err *err);


/* --- members of records (h5records.c) --------------------------------------------------------- */

/* What the elements are in memory and whether the stored bytes already are that. */
struct element {
	enum rc_dtype dtype;
	size_t stored_size;
	bool exact;      /* else only libhdf5 converts them */
	bool big_endian;
};
bool h5_element_of(struct rc_h5_node *n, hid_t type, struct element *e);
/* As h5_classify(), of one member of the records of dset. */
int h5_classify_member(struct rc_h5_tree *t, struct rc_h5_node *n, hid_t dset, unsigned member,
		       struct rc_err *err);
int h5_node_new(struct rc_h5_node *parent, const char *name, struct rc_h5_node **n_out,
		struct rc_err *err);
/* Names in the order of the children of a node. */
int h5_name_cmp(const char *a, const char *b);
/* Gives a dataset of records its members as children, at most `room`; *n_out: how many. */
int h5_add_members(struct rc_h5_tree *t, struct rc_h5_node *n, hid_t dset, size_t room,
		   size_t *n_out, struct rc_err *err);

/* A dataset, or where path ends in the name of a member, the dataset of records and that name;
 * *member_out is NULL or lies in path.  -1 when neither is there. */
hid_t h5_open_values(hid_t file, const char *path, hid_t access, const char **member_out);
/* The extent of a member that is an array behind that of its dataset: *rank and dims grow.  False:
 * there is no such member, or its rank is too large. */
bool h5_member_dims(hid_t dset, const char *member, uint32_t *rank, hsize_t *dims);

/* What to read of an open dataset. */
struct h5_rows {
	hid_t dset;
	const char *member;  /* of its records, or NULL */
	enum rc_dtype dtype; /* of the values that reading gives */
	bool time_last;
	uint64_t row0, n_rows;
};
/* Native values, as many as the rows have, into dst; false: libhdf5 tells why. */
bool h5_read_rows(const struct h5_rows *r, void *dst);

#endif
