/* SPDX-License-Identifier: Apache-2.0 */
/* Between the list of unpacked files (unpack.c) and where their bytes lie (unpack_space.c). */
#ifndef RC_UNPACK_PRIVATE_H
#define RC_UNPACK_PRIVATE_H

#include <pthread.h>

#include "formats/container.h"
#include "formats/unpack.h"

struct entry {
	/* set once */
	char *name;
	const char *member; /* inside name, or NULL */
	char *path;         /* of the container, to unpack it again; NULL: it stays */
	struct rc_err *why; /* it cannot be had */
	size_t order;
	/* by whoever is busy with it */
	int fd;             /* -1: its bytes are not here */
	uint64_t bytes;     /* that are, as counted */
	int64_t mtime_ns;
	bool piped;         /* from standard input */
	struct rc_digest content; /* then: of its bytes */
	bool in_memory;
	/* under the lock */
	bool busy, ready;
	bool idle;          /* in the list of its space */
	unsigned claims;
	uint64_t known;     /* size when it was last unpacked; 0: never was */
	uint64_t due;       /* known, while it is claimed and not there */
	struct entry *prev, *next;
};

enum { IN_SCRATCH, IN_MEMORY };

/* Under the lock. */
struct space {
	uint64_t most, used, idle_bytes;
	struct entry *first, *last; /* that may go, the longest unused first */
};

struct rc_unpacked {
	struct rc_unpack_options opt;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct entry **entries; /* by name once sorted */
	size_t n, cap;
	bool sorted;
	struct space space[2];
	bool scratch_known;     /* how much scratch there is */
	uint64_t due;           /* of all entries */
	size_t n_active;        /* entries with claims, less those that wait for room */
	uint64_t epoch;         /* counts what may have made room */
};

/* What went into and came out of one container. */
struct fill_meter {
	uint64_t in, out;
	uint64_t size; /* of the container, where that is known */
	struct rc_hasher *hash; /* of each file that comes out, where that is asked for; or NULL */
};

/* Opens the container `path` ("-": standard input) and walks it; it must not change meanwhile. */
int unpack_container(struct rc_unpacked *u, const char *path, const struct rc_unwrap *walk,
		     struct fill_meter *meter, int64_t *mtime_out, struct rc_err *err);
/* All of b into e, which is empty after a failure. */
int unpack_fill(struct rc_unpacked *u, struct entry *e, struct rc_bytes *b,
		struct fill_meter *meter, struct rc_err *err);
/* The file in zstd of e->path into e. */
int unpack_file(struct rc_unpacked *u, struct entry *e, struct rc_err *err);

/* Frees what e holds, for everybody who has it open, too.  Not under the lock. */
void unpack_drop(struct rc_unpacked *u, struct entry *e);

/* Under the lock: e may go now, or may not any more. */
void unpack_idle(struct rc_unpacked *u, struct entry *e);
void unpack_not_idle(struct rc_unpacked *u, struct entry *e);
/* Under the lock: is there room for so much, if what is idle went? */
bool unpack_could_take(struct rc_unpacked *u, uint64_t bytes);

#endif
