/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the run, the spawner and the readers say to each other.  All three are forks of one
 * program, so messages are plain structs; each travels whole over a SOCK_SEQPACKET pair, at times
 * with one descriptor.  Everything that comes from a reader is untrusted.
 *
 *   run - spawner   new: forks a reader and gives the run its socket; kill: ends one, tells how
 *   run - reader    one request, one reply; bulk goes through the shared block.  Before it replies
 *                   a reader may ask for other files, one by one
 */
#ifndef RC_PROTOCOL_H
#define RC_PROTOCOL_H

#include <stdbool.h>
#include <sys/types.h>

#include "formats/reader.h"

enum {
	RC_READER_SLOTS = 4,  /* files that a reader keeps open */
	RC_MAX_IDS = 256,     /* chunks of one request */
	RC_MAX_PLACES = 128 << 10, /* chunks of a dataset whose places are told */
	RC_MAX_TEXT = 32 << 10, /* of a request: a path inside a file, a map */
	RC_SHARED_ALIGN = 64, /* of each chunk in the shared block */
	RC_SHARED_MAX = 1 << 30
};

/* --- messages ------------------------------------------------------------------------------- */

/* Sends one message, with descriptor fd unless it is -1.  deadline_ns is on rc_now_ns(), or
 * RC_NO_DEADLINE.  0 or an errno: ETIMEDOUT, EPIPE when the other end is gone. */
#define RC_NO_DEADLINE INT64_MAX
struct iovec;
int rc_msg_send(int sock, const struct iovec *parts, size_t n_parts, int fd, int64_t deadline_ns);
/* Receives one message of at most cap bytes; *fd_out gets its descriptor or -1.  0 or an errno:
 * ETIMEDOUT, EPIPE when the other end is gone, EMSGSIZE when it does not fit. */
int rc_msg_recv(int sock, void *buf, size_t cap, size_t *n_out, int *fd_out, int64_t deadline_ns);

/* --- run and reader ------------------------------------------------------------------------- */

enum rc_op {
	RC_OP_SHARED,   /* descriptor: the new shared block of `bytes` */
	RC_OP_OPEN,     /* descriptor: the file of `bytes` for `slot`; text: its path below the
			 * directory whose files it may refer to, or "" */
	RC_OP_BESIDE,   /* descriptor: the JSON file of `bytes` beside that of `slot` */
	RC_OP_SCAN,     /* text: the layout or map wanted, or ""; reply.n: bytes of the index,
			 * whose first part is in the shared block */
	RC_OP_INDEX,    /* the index from byte row0 on into the shared block */
	RC_OP_PLACES,   /* text: path of the dataset; reply.n: bytes of its array of struct
			 * rc_place in the shared block, 0 where they are not known */
	RC_OP_CHUNKS,   /* text: path of the dataset; ids */
	RC_OP_ROWS,     /* text: path of the dataset; rows [row0, row0 + n_rows) as dtype */
	RC_OP_MISBEHAVE, /* text: how */
	RC_OP_LEND      /* the answer to RC_REPLY_LEND.  descriptor: the file of `bytes`, written at
			 * row0 (ns), and text: its path below the directory of all; or none, and
			 * text: why */
};

struct rc_request {
	uint32_t op, slot;
	uint64_t bytes, row0, n_rows;
	uint32_t dtype, rank;
	struct rc_frames frames; /* ROWS of encoded pictures: as they are or decoded */
	uint32_t time_last, pad;
	uint64_t dims[RC_MAX_RANK], chunk[RC_MAX_RANK];
	uint32_t n_ids, n_text; /* n_text counts the final NUL */
	/* n_ids of uint64_t and n_text bytes follow */
};
enum { RC_REQUEST_MAX = sizeof(struct rc_request) + RC_MAX_IDS * 8 + RC_MAX_TEXT };

struct rc_reply_chunk {
	uint64_t offset; /* in the shared block */
	uint32_t n, mask;
};

struct rc_reply {
	int32_t code;       /* enum rc_code */
	uint32_t n_chunks;
	uint64_t n;         /* SCAN, ROWS: bytes */
	uint64_t need;      /* > 0: not an error yet, ask again with a shared block of this size */
	union {
		struct {
			char reason[RC_ERR_REASON_LEN];
			char msg[RC_ERR_MSG_LEN];
		} err;      /* code != 0 */
		struct rc_reply_chunk chunks[RC_MAX_IDS];
	} u;
};
enum { RC_REPLY_HEAD = offsetof(struct rc_reply, u) };
/* As code: no reply yet, but the reader needs a file that its input refers to; behind the head
 * comes its name, at most RC_MAX_LENT_NAME bytes with the NUL: below the directory of all, or
 * absolute. */
enum { RC_REPLY_LEND = INT32_MIN, RC_MAX_LENT_NAME = 4096, RC_MAX_LENT = 1 << 20 };

/* The reader's life; never returns. */
void rc_reader_serve(int sock, const struct rc_reader_limits *limits) __attribute__((noreturn));

/* --- files, in the run ---------------------------------------------------------------------- */

struct rc_readers;
struct stat;
/* Opens a regular file for reading, never blocking on a pipe or device, or one that was unpacked
 * for the readers; p may be NULL: there is none. */
int rc_input_open(struct rc_readers *p, const char *path, int *fd_out, struct stat *st_out,
		  struct rc_err *err);
/* RC_E_INPUT "input_changed" unless the file has this size and mtime. */
int rc_input_same(int fd, const char *path, uint64_t bytes, int64_t mtime_ns, struct rc_err *err);

/* --- run and spawner ------------------------------------------------------------------------ */

struct rc_spawner {
	int sock;
	pid_t pid;
	struct rc_sandbox sandbox; /* of it and of the readers */
};

/* Forks; call it before the process has threads. */
int rc_spawner_start(const struct rc_reader_limits *limits, struct rc_spawner *s_out,
		     struct rc_err *err);
void rc_spawner_stop(struct rc_spawner *s);
/* A new reader: its id and the run's end of its socket.  One call at a time. */
int rc_spawner_new(struct rc_spawner *s, uint32_t *id_out, int *sock_out, struct rc_err *err);
/* Ends a reader; *status_out as from waitpid(), or -1 when it cannot die yet. */
int rc_spawner_kill(struct rc_spawner *s, uint32_t id, int *status_out, struct rc_err *err);

#endif
