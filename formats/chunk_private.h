/* SPDX-License-Identifier: Apache-2.0 */
/* What the sources behind chunk.h share. */
#ifndef RC_CHUNK_PRIVATE_H
#define RC_CHUNK_PRIVATE_H

#include "formats/chunk.h"
#include "formats/chunk_cache.h"
#include "formats/codec.h"

enum { CHUNK_MAX_FILES = 8 };

struct chunk_file {
	char *path; /* valid while there is a descriptor; the memory is kept */
	size_t cap_path;
	int fd;     /* -1: free */
	uint64_t used;
};

/* Stored bytes of a file, read ahead: those at [address, address + n). */
struct chunk_window {
	uint64_t index, address; /* index: its serial; 0 for none */
	uint32_t linked;         /* which of its files */
	size_t n;
	struct rc_scratch room;
};

/* Where the chunks of the dataset used last are. */
struct chunk_places {
	uint64_t index;
	uint32_t dataset;
	bool known;
	struct rc_place *p;
	size_t cap;
};

struct rc_input {
	struct rc_reader *reader;
	struct rc_codec_ctx *codec;
	struct rc_scratch chunk; /* one decoded chunk, */
	struct chunk_key holds;  /* which; index 0: none */
	struct rc_scratch bridge; /* rows and the holes between them */
	struct chunk_file files[CHUNK_MAX_FILES];
	uint64_t n_uses;
	struct chunk_window window;
	struct chunk_places places;
	struct rc_input_counters counters;
	struct rc_codec_count codecs[RC_N_CODECS];
};

/* A descriptor of the file that dataset d is in, unchanged since the scan. */
int chunk_need_fd(struct rc_input *in, const struct rc_index *ix, const struct rc_dataset *d,
		  int *fd_out, struct rc_err *err);
int chunk_read_at(int fd, const char *path, uint64_t at, void *dst, uint64_t n,
		  struct rc_err *err);
/* The stored bytes of the first chunks of `ids`, *n_done_out >= 1 of them, valid until the next
 * call: read by this process where their places are known, else through the reader. */
int chunk_fetch(struct rc_input *in, const struct rc_index *ix, uint32_t i_dataset,
		const uint64_t *ids, size_t n_ids, struct rc_stored_chunk *chunks_out,
		size_t *n_done_out, struct rc_err *err);

struct chunk_grid {
	uint64_t n;         /* chunks in all */
	uint64_t per_row;   /* chunks side by side: those that share the rows of one */
	uint64_t bytes;     /* of a decoded chunk */
	bool whole_rows;    /* a chunk is a number of whole rows, so its bytes are rows' bytes */
};
/* d must be CHUNKED with rows of more than 0 bytes. */
void chunk_grid_of(const struct rc_dataset *d, struct chunk_grid *g_out);

/*
 * Walks the chunks that hold rows of the runs, in ascending order, each once.  Zero it, set runs
 * and n_runs, and call next; false at the end.
 */
struct chunk_walk {
	const struct rc_row_run *runs;
	size_t n_runs;
	size_t i_run;
	uint64_t i_row, i_side; /* of the next chunk: row of chunks, place in it */
};
void chunk_walk_begin(struct chunk_walk *w, const struct rc_dataset *d,
		      const struct rc_row_run *runs, size_t n_runs);
bool chunk_walk_next(struct chunk_walk *w, const struct rc_dataset *d,
		     const struct chunk_grid *g, uint64_t *id_out);

/* Copies the part of rows [row0, row0 + n) that chunk `id` holds (all these rows are inside it) to
 * its places in dst, where row row0 begins. */
void chunk_scatter(const struct rc_dataset *d, const struct chunk_grid *g, uint64_t id,
		   const void *chunk, uint64_t row0, uint64_t n, void *dst);

/* Reverses the bytes of each element. */
void chunk_swap(void *values, size_t n_bytes, size_t element_size);

#endif
