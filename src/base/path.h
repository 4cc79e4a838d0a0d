/* SPDX-License-Identifier: Apache-2.0 */
/* Names of files, as text, and what the file system says of them. */
#ifndef RC_PATH_H
#define RC_PATH_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* What is behind the last slash: "" of "a/". */
const char *rc_path_last(const char *path);
/* The directory that holds it: "a" of "a/b" and of "a/b/", "." of "a", "/" of "/a".  "." and "/"
 * are above themselves.  To be freed. */
int rc_path_parent(const char *path, char **dir_out, struct rc_err *err);
bool rc_path_is_dir(const char *path);
/* path, or the nearest above it that is a directory; NULL when there is none.  To be freed. */
int rc_path_nearest_dir(const char *path, char **dir_out, struct rc_err *err);

/* A file, whatever it is called; links are followed.  ino is 0 where there is none. */
struct rc_file_id {
	dev_t dev;
	ino_t ino;
};
struct rc_file_id rc_file_id(const char *path);
/* -1, 0 or 1: an order of them. */
int rc_file_id_cmp(struct rc_file_id a, struct rc_file_id b);

#endif
