/* SPDX-License-Identifier: Apache-2.0 */
/* What reader.c (files and requests) and reader_link.c (the process behind a handle) share. */
#ifndef RC_READER_PRIVATE_H
#define RC_READER_PRIVATE_H

#include <pthread.h>

#include "formats/chunk.h"
#include "formats/linked.h"
#include "formats/protocol.h"
#include "formats/sidecar.h"

struct rc_readers {
	struct rc_reader_limits limits;
	pthread_mutex_t lock; /* one question to the spawner at a time */
	struct rc_spawner spawner;
	struct chunk_cache *cache;
	struct rc_unpacked *unpacked; /* borrowed, or NULL */
	struct rc_codec_count codecs[RC_N_CODECS]; /* under lock */
};

/* A file that the reader has, or had before it died. */
struct slot {
	char *path; /* NULL: free */
	uint64_t bytes;
	int64_t mtime_ns;
	int fd;
	int beside; /* its JSON file while it is scanned, or -1 */
	struct rc_sidecar_id beside_id;
	char *root; /* directory whose files it may refer to, or NULL */
	bool sent; /* the process of now has it */
	uint64_t used;
};

struct rc_reader {
	struct rc_readers *pool;
	/* the process; sock is -1 when there is none */
	uint32_t id;
	int sock;
	bool has_shared;
	bool again; /* the last failure need not be the file's: a fresh process is to be asked */
	uint32_t n_files; /* that the process of now was given */
	/* its block of shared memory */
	int memfd;
	unsigned char *shared;
	size_t shared_bytes;
	struct slot slots[RC_READER_SLOTS];
	uint64_t n_uses;
	struct rc_reply reply;
	uint32_t linked_hint;   /* as of rc_linked_known() */
	uint64_t n_refused;     /* names of linked files, of the scan in hand */
	struct rc_err lend_err; /* a file that the request in hand needs is not what it was */
};

struct ask {
	struct rc_request q;
	const uint64_t *ids;
	const char *text;
	int fd;           /* sent along, or -1 */
	const char *path; /* of the input, for messages and the time limit */
	uint64_t file_bytes;
	const char *root; /* as of the slot */
	const struct rc_index *ix; /* whose files may be lent; NULL in a scan: all below root */
};

/* Sends k to the process that is there. */
int reader_ask_process(struct rc_reader *r, struct ask *k, struct rc_err *err);
/* Starts a process and gives it the shared block, unless that was done. */
int reader_need_process(struct rc_reader *r, const char *path, struct rc_err *err);
/* A larger block for what did not fit: a chunk, a row. */
int reader_grow_shared(struct rc_reader *r, const struct ask *k, uint64_t need,
		       struct rc_err *err);
/* Ends the process and says why; sys is what the socket said: ETIMEDOUT, EPIPE, EPROTO. */
int reader_lose(struct rc_reader *r, const char *path, int sys, struct rc_err *err);
/* Ends the process; its wait status, or -1 when that is not known. */
int reader_end_process(struct rc_reader *r);
void reader_free_shared(struct rc_reader *r);

#endif
