/* SPDX-License-Identifier: Apache-2.0 */
/* What the sources of the reader process share: reader_serve.c has its life and the files,
 * reader_data.c the requests for the data of one dataset, reader_frames.c those for encoded
 * frames. */
#ifndef RC_SERVE_PRIVATE_H
#define RC_SERVE_PRIVATE_H

#include "base/mem.h"
#include "formats/frames.h"
#include "formats/h5util.h"
#include "formats/protocol.h"

/* Datasets may each keep two files open that their input refers to. */
enum { MAX_DATASETS = 64, MAX_FDS = 256 };

/* A file that was lent while the file of a slot was scanned. */
struct lent_file {
	char *path;
	uint64_t bytes;
	int64_t mtime_ns;
};

struct open_file {
	int fd; /* -1: free */
	uint64_t bytes;
	int beside; /* its JSON file, or -1 */
	uint64_t beside_bytes;
	struct rc_h5_tree *tree; /* opened when first needed */
	char *below; /* its path below the directory whose files it may refer to, or NULL */
	struct lent_file *lent; /* since the tree was opened */
	size_t n_lent, cap_lent;
	uint32_t *lent_slots; /* hash table of their positions, 0: free; n_slots a power of two */
	size_t n_slots;
};

struct open_dataset {
	char *path; /* NULL: free */
	hid_t id;
	const char *member; /* of its records, the end of path; or NULL */
	struct h5_parts *parts; /* of one whose values lie elsewhere, or NULL */
	uint32_t slot, rank;
	bool for_rows, chunked;
	struct rc_h5_node *node; /* of encoded frames, once they were asked for */
	uint64_t used;
	hsize_t dims[RC_MAX_RANK], chunk[RC_MAX_RANK];
};

struct server {
	int sock;
	const struct rc_reader_limits *limits;
	unsigned char *shared;
	size_t shared_bytes;
	struct rc_sandbox box; /* of this process, beside the spawner's */
	bool sick; /* a test made it die of the next scan, as memory does that a file damaged */
	struct open_file files[RC_READER_SLOTS];
	struct open_dataset datasets[MAX_DATASETS];
	uint64_t n_uses;
	struct frames_decoder decoder;
	struct rc_scratch encoded;
	void *index; /* of the last scan, until all of it was fetched */
	size_t index_bytes;
	/* the request in hand, its descriptor or -1, and the answer */
	const struct rc_request *q;
	const uint64_t *ids;
	const char *text;
	int fd;
	struct rc_reply *a;
};

/* The file of the request; its objects are walked only for a scan. */
int serve_need_file(struct server *s, bool walk, struct open_file **f_out, struct rc_err *err);

/* h5places.c: the places of all n chunks of the request's dataset, whose object header is at
 * `header`, into the zeroed array p; false when they are stored in a way that it does not know. */
bool h5_chunk_places(int fd, uint64_t file_bytes, uint64_t header, const struct rc_request *q,
		     struct rc_place *p, uint64_t n);

/* --- reader_data.c ---------------------------------------------------------------------------- */

void serve_close_dataset(struct open_dataset *d);
int serve_places(struct server *s, struct rc_err *err);
int serve_chunks(struct server *s, struct rc_err *err);
int serve_rows(struct server *s, struct rc_err *err);

/* --- reader_frames.c -------------------------------------------------------------------------- */

/* The rows of the request, row_bytes each, into the shared block, which has room for them. */
int serve_frames(struct server *s, struct open_dataset *d, size_t row_bytes, struct rc_err *err);

#endif
