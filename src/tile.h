/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a tile takes: how many bytes of a slot's buffers, and which rows of its sources.  All of it
 * follows from the plan and the clocks, so that slots are sized before anything is read and no
 * tile is a surprise.  Pure functions; any thread.
 */
#ifndef RC_TILE_H
#define RC_TILE_H

#include "formats/chunk.h"
#include "kernels/kernels.h"
#include "plan.h"

/* The most that something takes of a slot. */
struct rc_need {
	uint64_t in, out, enc; /* bytes of the staging buffers and of the encode area */
	uint64_t jobs, items;
	uint64_t chunk; /* the largest of its stored chunks that are decoded, in bytes */
};

/* A run of ticks of one output stream: the unit that moves through the pipeline. */
struct rc_tile {
	uint32_t stream;
	uint32_t n_rows;
	uint64_t row0;
	struct rc_need need;
};

struct rc_work;

/* n up to RC_BUFFER_ALIGN; a / b, rounded up. */
size_t rc_aligned(size_t n);
uint64_t rc_div_up(uint64_t a, uint64_t b);

/* Rows of a chunk of an output stream with this many ticks, and the most for any number of ticks;
 * 0: not chunked. */
uint64_t rc_chunk_rows(const struct rc_plan_stream *s, uint64_t n_ticks);
uint64_t rc_chunk_most(const struct rc_plan_stream *s);

/*
 * The most that n_rows ticks of output stream s take.  A tick rests on two neighbouring samples of
 * each source, however many lie between one tick and the next: so no more than two rows a tick are
 * read, and the rows of a step-for-step stream are its ticks.
 */
void rc_stream_need(const struct rc_index *ix, const struct rc_plan_episode *e, size_t i_stream,
		    uint64_t n_rows, uint64_t chunk_rows, struct rc_need *need_out);
/* The same for a tile, whose clocks may tell that it needs less. */
void rc_tile_need(const struct rc_work *w, struct rc_tile *t);

/*
 * The samples of source k that the ticks of a computing tile rest on, as ascending runs into runs,
 * which has room for t->n_rows of them; returns their number.  All samples from the first to the
 * last, or, when those are more than two a tick, only the neighbours of ticks.  Either way each
 * tick finds the same two samples side by side, so that the result is the same.
 */
size_t rc_tile_rows(const struct rc_work *w, const struct rc_tile *t, size_t k,
		    struct rc_row_run *runs);
/* The sample that each tick of a copying tile takes; picks has room for t->n_rows. */
void rc_tile_picks(const struct rc_work *w, const struct rc_tile *t, uint64_t *picks);

#endif
