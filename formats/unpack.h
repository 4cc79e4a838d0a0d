/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that were unpacked from containers: each is a descriptor under a name that no file has,
 * "raw/day1.tar.zst:ep_3.h5", or under the path of its container where that holds one file.  To the
 * rest of the program they are inputs like any other (rc_input_open()).
 *
 * They lie in memory up to a ceiling, beyond that in scratch files without a name, which are gone
 * when the process is, and of which at most three quarters of what was free are taken.  Members of
 * archives and standard input stay for the whole run.  A file in zstd is unpacked when somebody
 * holds it and may go when nobody does, the longest unused first; it comes back the same, with the
 * time of its container, so that one that changed in between is noticed.
 *
 * Bombs: of more than 256 MiB a container gives at most 1000 times its own size, and 1 TiB at all.
 * All functions may be called from several threads, but for new, add and free.
 */
#ifndef RC_UNPACK_H
#define RC_UNPACK_H

#include "base/digest.h"

struct rc_unpacked;

struct rc_unpack_options {
	uint64_t memory_bytes;
	const char *scratch_dir; /* borrowed */
	bool (*stop)(void);      /* asked while unpacking; NULL: never */
};

int rc_unpacked_new(const struct rc_unpack_options *opt, struct rc_unpacked **u_out,
		    struct rc_err *err);
void rc_unpacked_free(struct rc_unpacked *u);
/* Nothing was added. */
bool rc_unpacked_empty(const struct rc_unpacked *u);

/* A file in zstd, to be unpacked when it is wanted. */
int rc_unpacked_add_file(struct rc_unpacked *u, const char *path, struct rc_err *err);

/* Told about each file of a container, in natural order of their names.  name: to open it; member:
 * its name inside, NULL where the container is this one file. */
typedef int (*rc_unpacked_found)(void *arg, const char *name, const char *member,
				 struct rc_err *err);
/*
 * Unpacks all there is, now: of the file `path`, or of standard input where that is "-".  Of
 * members with one name the last counts, as tar has it.  One that cannot be had is told like the
 * others, and why when it is held; so is a container that is damaged, under its own name.
 */
int rc_unpacked_add_all(struct rc_unpacked *u, const char *path, rc_unpacked_found found,
			void *arg, struct rc_err *err);

/* What tells a file from another one of its name, also in the next run. */
struct rc_unpacked_id {
	uint64_t bytes;
	int64_t mtime_ns; /* of its container */
	bool piped;       /* it came from standard input, which has no time but */
	struct rc_digest content; /* of its bytes */
};
/* Of one that stays; false for all other names. */
bool rc_unpacked_look(struct rc_unpacked *u, const char *name, struct rc_unpacked_id *id_out);

/* In the following a name that is not of here is somebody's file: nothing is done, and that is
 * fine. */

/* The file is going to be used; every claim is given back with one release. */
void rc_unpacked_claim(struct rc_unpacked *u, const char *name);
void rc_unpacked_release(struct rc_unpacked *u, const char *name);
/* Would one more file find room, going by its size when it was last unpacked?  Always true for one
 * that is there, and where nothing else is claimed. */
bool rc_unpacked_has_room(struct rc_unpacked *u, const char *name);
/*
 * Has a claimed file there.  Where there is no room, `wait` waits for others to be released, which
 * the caller may do only when it claims nothing else; without, that is RC_E_HOST "no_scratch".
 */
int rc_unpacked_ready(struct rc_unpacked *u, const char *name, bool wait, struct rc_err *err);
/* A descriptor of its own for reading a file that is there; *is_out false: the name is not of
 * here. */
int rc_unpacked_open(struct rc_unpacked *u, const char *name, int *fd_out, bool *is_out,
		     struct rc_err *err);

#endif
