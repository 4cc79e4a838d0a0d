/* SPDX-License-Identifier: Apache-2.0 */
/* The grid of chunks of a dataset; used by chunk.c. */
#ifndef RC_CHUNK_PRIVATE_H
#define RC_CHUNK_PRIVATE_H

#include "formats/chunk.h"

struct chunk_grid {
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
