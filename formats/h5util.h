/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libhdf5 with this project's errors.  Two users: reader processes (parsing inputs into a bounded
 * tree) and the writers of shards.  Ids never leave formats/.  Every function mutes the library's
 * own error printing and puts the innermost message of its stack into *err.
 */
#ifndef RC_H5UTIL_H
#define RC_H5UTIL_H

/* The 1.10 names and structs also where the installed library is newer. */
#define H5_USE_110_API 1
#include <hdf5.h>

#include "base/episode.h"
#include "base/err.h"
#include "base/json.h"
#include "formats/forms.h"
#include "formats/index.h"

/* Once per process that uses libhdf5: no plugin loading, no error printing. */
void rc_h5_init(void);
/* A file could not be closed, as on a full disk: the library is left open when the process ends,
 * because closing it would crash. */
void rc_h5_broken(void);
/* rc_fail() with the library's innermost message behind the text. */
int rc_h5_fail(struct rc_err *err, int code, const char *reason, const char *fmt, ...)
	RC_PRINTF(4, 5);

/* --- the tree of an input (reader process) ---------------------------------------------------- */

enum rc_h5_rows {
	RC_H5_NUMBERS,
	RC_H5_TEXT,     /* strings of one length: rows of that many uint8 */
	RC_H5_SEQUENCES /* sequences of bytes: rows of descriptors, 16 uint8 each */
};

/* One object: a group or a dataset.  Children of a group are in natural order.  A dataset of
 * records is a group whose children are its members. */
struct rc_h5_node {
	char *path;              /* "/data/demo_0/obs" */
	const char *name;        /* last component of path; "" for the root */
	bool is_group;
	struct rc_h5_node *parent;
	struct rc_h5_node **children;
	size_t n_children;
	bool no_attributes;      /* known to have none */
	/* datasets only */
	bool usable;             /* of a class this program reads; else `problem` says why not */
	const char *problem;
	const char *problem_code; /* stable word: "scalar" "not_numeric" "unknown_filter" ... */
	bool is_member;          /* of the records of the dataset that is its parent */
	uint32_t i_dataset;      /* for layouts: position in the index, RC_NO_DATASET until added */
	uint32_t mark;           /* for layouts: 0 at first */
	enum rc_h5_rows rows;    /* what the form of TEXT and SEQUENCES says is of their bytes */
	struct rc_dataset *dataset; /* its form: shared, not to be changed; zeros for a group */
	uint64_t address, stored_bytes; /* as in struct rc_dataset, */
	uint32_t linked;         /* and this */
	bool composed;           /* of parts that other datasets or files have: plain numbers */
};
/* problem and problem_code are also set on a group that could not be listed to its end. */

/* The whole file as groups and datasets: hard links only, each group once (a dataset with two
 * names is listed under both), at most 2e6 objects and 64 levels; soft and user-defined links and
 * second ways into a group are noted and not followed, and so are links to other files, unless they
 * are allowed: then what they lead to is part of the tree. */
struct rc_h5_tree {
	hid_t file;
	struct rc_h5_node *root;
	size_t n_skipped_links;
	char **skipped_links;    /* paths, at most 100 kept */
	size_t n_external_links; /* beside those; the first: */
	char *external_link;
	hid_t lapl;              /* of every open: follows no link out of the file, but for: */
	bool links;              /* files that it refers to are asked for, see h5private.h */
	/* the file that objects are read from: the input itself, or one that it links to */
	hid_t here;
	uint64_t file_bytes;
	uint32_t user_block;
	uint32_t linked;         /* 0, or its position in the index, counted from 1 */
	int nested;              /* virtual datasets that are being looked at for what is here */
	struct rc_codec_ctx *codec; /* for rc_h5_rows_*() */
	struct rc_forms forms;   /* of the datasets */
	const struct rc_json *sidecar; /* of the file beside the input; borrowed, NULL */
};

/* Opens the file behind descriptor fd read-only, without locks.  below: its path below the
 * directory whose files it may refer to, or NULL where it may to none. */
int rc_h5_tree_open(int fd, uint64_t file_bytes, const char *below, struct rc_h5_tree **t_out,
		    struct rc_err *err);
/* The same without walking its objects: root is NULL, and only `file` and `lapl` are of use. */
int rc_h5_file_open(int fd, uint64_t file_bytes, const char *below, struct rc_h5_tree **t_out,
		    struct rc_err *err);
/* Frees the objects, and leaves what rc_h5_file_open() gives. */
void rc_h5_tree_forget(struct rc_h5_tree *t);
void rc_h5_tree_close(struct rc_h5_tree *t);
/* Relative ("obs/state") or absolute ("/data") path from a node; NULL when absent. */
struct rc_h5_node *rc_h5_find(const struct rc_h5_tree *t, const struct rc_h5_node *from,
			      const char *path);
struct rc_h5_node *rc_h5_child(const struct rc_h5_node *group, const char *name);

/* Attributes of a node; false when absent or of another type.  Strings are malloc'd and given. */
bool rc_h5_attr_string(const struct rc_h5_tree *t, const struct rc_h5_node *n, const char *name,
		       char **s_out);
bool rc_h5_attr_int(const struct rc_h5_tree *t, const struct rc_h5_node *n, const char *name,
		    int64_t *v_out);
bool rc_h5_attr_double(const struct rc_h5_tree *t, const struct rc_h5_node *n, const char *name,
		       double *v_out);

/* Datasets of one value (h5scalar.c), which are no streams: false when absent or of another type.
 * The text is malloc'd and given. */
bool rc_h5_scalar_double(const struct rc_h5_tree *t, const struct rc_h5_node *n, double *v_out);
bool rc_h5_scalar_text(const struct rc_h5_tree *t, const struct rc_h5_node *n, char **s_out);

/*
 * Rows [row0, row0 + n) of a dataset as float64 / as native values of its dtype; the size of dst
 * must be exact.  Chunks are decoded by codec.h, so filters that libhdf5 lacks work too.  A chunk
 * of more than 64 MiB is refused: this is for stamps and first rows, not for bulk.
 */
int rc_h5_rows_double(const struct rc_h5_tree *t, const struct rc_h5_node *n, uint64_t row0,
		      uint64_t n_rows, double *dst, size_t n_elements, struct rc_err *err);
int rc_h5_rows_native(const struct rc_h5_tree *t, const struct rc_h5_node *n, uint64_t row0,
		      uint64_t n_rows, void *dst, size_t dst_bytes, struct rc_err *err);

/* Makes (D, T) into (T, D), whose rows are read transposed; false, and nothing changed, where
 * libhdf5 cannot read the dataset. */
bool rc_h5_transposable(const struct rc_h5_node *n);
bool rc_h5_time_last(const struct rc_h5_tree *t, struct rc_h5_node *n);

/* The native HDF5 type of an rc_dtype, a fresh id to close with H5Tclose. */
hid_t rc_h5_type(enum rc_dtype t);

#endif
