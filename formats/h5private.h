/* SPDX-License-Identifier: Apache-2.0 */
/* What the sources behind h5util.h share with each other. */
#ifndef RC_H5PRIVATE_H
#define RC_H5PRIVATE_H

#include "formats/h5util.h"

/* Says why a node cannot be used; the first reason stays. */
void h5_problem(struct rc_h5_node *n, const char *code, const char *fmt, ...) RC_PRINTF(3, 4);
/* The innermost message of libhdf5's error stack into dst; clears the stack. */
void h5_cause(char *dst, size_t cap);
/* --- opening (h5open.c, h5fd.c) --------------------------------------------------------------- */

/* Offset of the HDF5 signature; RC_E_FORMAT with what the file is instead. */
int h5_find_signature(int fd, uint64_t file_bytes, uint32_t *offset_out, struct rc_err *err);
/* Sets t->file and t->lapl; below as of rc_h5_tree_open(). */
int h5_open_input(struct rc_h5_tree *t, int fd, const char *below, struct rc_err *err);
/* Sets which links a list of access properties follows: those to other files too, or none. */
bool h5_set_links(hid_t access, bool links);
/* Opens the file behind fd for reading, with fapl but for its driver; fd stays the caller's and
 * open as long as the file is. */
hid_t h5_open_fd(int fd, const char *below, hid_t fapl);

/*
 * Files that an input refers to, by links, virtual datasets or external storage.  A reader process
 * cannot open any: it asks the run, which lends descriptors of those that it may see.
 */
struct h5_lent {
	int fd;            /* given */
	uint32_t position; /* in the index, counted from 1; 0: the input itself */
	uint64_t bytes;
};
/* name: relative to the directory of all, or absolute.  False: *why tells. */
typedef bool h5_lender(void *arg, const char *name, struct h5_lent *l, char *why, size_t cap);
void h5_set_lender(h5_lender *lend, void *arg);
/* Why the first of those that were asked for since h5_forget_refusal() was refused; "" for none. */
const char *h5_refusal(void);
void h5_forget_refusal(void);
/* What is behind an open file of this program; position 0 and no descriptor for an input. */
const struct h5_lent *h5_lent_of(hid_t file);
/* The file that an object of `from` names, as libhdf5 looks for it: an absolute name as it is, else
 * in the directory of that object's file; then by its last component there. */
hid_t h5_open_named(hid_t from, const char *name);
bool h5_lend_named(hid_t from, const char *name, struct h5_lent *l);

/* t->here and what belongs to it become those of the file that the object is in. */
struct h5_here {
	hid_t file;
	uint64_t bytes;
	uint32_t user_block, linked;
};
bool h5_enter(struct rc_h5_tree *t, hid_t object, struct h5_here *before);
void h5_leave(struct rc_h5_tree *t, const struct h5_here *before);
/* Bytes before the HDF5 signature. */
uint32_t h5_user_block(hid_t file);

/* --- datasets whose values lie elsewhere (h5parts.c, h5raw.c) --------------------------------- */

/* Virtual ones, and those in external files.  Their parts must cover them, without holes. */
struct h5_parts;
bool h5_is_composed(hid_t dcpl);
/* dset is borrowed.  Where parts are in other files, t->links must allow it. */
int h5_parts_open(const struct rc_h5_tree *t, hid_t dset, struct h5_parts **s_out,
		  struct rc_err *err);
void h5_parts_close(struct h5_parts *s);
/* Whether any of it is in another file, as far as it was looked at. */
bool h5_parts_elsewhere(const struct h5_parts *s);
/* Looks at every part, whether its values are there. */
int h5_parts_check(struct h5_parts *s, const struct rc_h5_tree *t, struct rc_err *err);
/* Rows inside the extent, as dtype, into dst, which has room for them. */
int h5_parts_read(struct h5_parts *s, const struct rc_h5_tree *t, enum rc_dtype dtype,
		  uint64_t row0, uint64_t n_rows, void *dst, struct rc_err *err);
/* The same of external files only; rank and dims are those of the dataset. */
struct h5_raw;
int h5_raw_open(hid_t dset, struct h5_raw **s_out, struct rc_err *err);
void h5_raw_close(struct h5_raw *s);
int h5_raw_check(const struct h5_raw *s, uint32_t rank, const hsize_t *dims, struct rc_err *err);
int h5_raw_rows(struct h5_raw *s, enum rc_dtype dtype, uint32_t rank, const hsize_t *dims,
		uint64_t row0, uint64_t n_rows, void *dst, struct rc_err *err);
/* n values of type `from`, which it closes, become native ones of dtype where they are; there is
 * room for n of either. */
bool h5_convert(hid_t from, enum rc_dtype dtype, size_t n, void *values);

/* --- describing ------------------------------------------------------------------------------- */

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
