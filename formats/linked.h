/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that an input refers to: by links to other files, virtual datasets and external storage.
 * The run opens them, for itself and for readers, and only below one directory: no name in a file,
 * and no link in the file system, leads out of it.
 */
#ifndef RC_LINKED_H
#define RC_LINKED_H

#include "formats/index.h"

struct stat;

/* path without the directory in front of it, which must be root; in path. */
const char *rc_linked_below(const char *root, const char *path);
/* Opens the regular file `name`, relative to root or absolute.  *below_out is its path below root
 * without "..", malloc'd and given.  RC_E_INPUT "missing", "outside" and so on; the message begins
 * with what is wrong with it and does not name it. */
int rc_linked_open(const char *root, const char *name, char **below_out, int *fd_out,
		   struct stat *st_out, struct rc_err *err);
/* The same for a reader that works on this index: RC_E_INPUT "input_changed" for a file that it
 * knows and that is another one now; *refused_out where it does not know it.  *hint_io is where in
 * the list the caller found one before, any number at first: the next is often the next. */
int rc_linked_known(const struct rc_index *ix, const char *name, uint32_t *hint_io,
		    char **below_out, int *fd_out, struct stat *st_out, bool *refused_out,
		    struct rc_err *err);
/* Opens number i of the files that the index knows, if it is still the one that was scanned. */
int rc_linked_reopen(const struct rc_index *ix, uint32_t i, int *fd_out, struct stat *st_out,
		     struct rc_err *err);
/* RC_E_INPUT "input_changed" where one of those that hold streams of the episode, or of all with
 * UINT32_MAX, is not the one that was scanned. */
int rc_linked_same(const struct rc_index *ix, uint32_t i_episode, struct rc_err *err);

#endif
