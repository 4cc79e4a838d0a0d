/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slot and the batch it holds: tiles of consecutive episodes, read, computed and encoded by one
 * worker, then handed to the writer as a list of items.  A slot's buffers grow to what its batches
 * need and are used again, so that steady state allocates nothing.
 */
#ifndef RC_BATCH_H
#define RC_BATCH_H

#include "formats/codec.h"
#include "kernels/kernels.h"
#include "work.h"

/* What the writer does next, in plan order. */
enum rc_item_kind {
	RC_ITEM_BEGIN, /* first item of an episode */
	RC_ITEM_ROWS,  /* rows of a contiguous dataset */
	RC_ITEM_CHUNK, /* one encoded chunk */
	RC_ITEM_FAIL,  /* the episode cannot be converted; what follows of it is to be ignored */
	RC_ITEM_END    /* last item of an episode, failed or not: its work may be freed */
};

struct rc_item {
	enum rc_item_kind kind;
	struct rc_work *work;
	uint32_t stream;
	uint32_t mask;        /* CHUNK: filter mask */
	uint64_t row0, n_rows;
	const void *raw;      /* values, for the content digest and for ROWS */
	size_t raw_bytes;
	const void *stored;   /* CHUNK: what goes to the file */
	size_t stored_bytes;
	bool in_enc;          /* `stored` lies in the slot's encode buffer, at enc_at */
	size_t enc_at;
	const struct rc_err *fail; /* FAIL: owned by the slot or the work */
};

/* One tile of a batch, with where its bytes are. */
struct rc_placed {
	struct rc_work *work;
	const struct rc_tile *tile; /* NULL: an episode whose preparation failed */
	bool first, last;           /* of the episode */
	size_t in, in_bytes, out, out_bytes; /* in the staging buffers */
	const struct rc_err *fail;  /* reading failed */
};

struct rc_stage_time {
	int64_t busy_ns;
	uint64_t items, bytes;
};

/* What a worker owns: everything that is not shared between threads. */
struct rc_worker_tools {
	struct rc_input *input;
	struct rc_codec_ctx *codec;
	const struct rc_backend *backend;
	struct rc_device *device;
	struct rc_row_run *runs;    /* scratch */
	size_t cap_runs;
	uint64_t *picks;            /* scratch: row of the source for each tick of a tile */
	size_t cap_picks;
	struct rc_stage_time compute, encode;
};

struct rc_slot {
	uint64_t seq;               /* order of the batch */
	struct rc_batch batch;
	struct rc_lane *lane;
	size_t cap_jobs;
	char *enc;                  /* encoded and copied chunks */
	size_t enc_used, enc_cap;
	struct rc_placed *placed;
	size_t n_placed, cap_placed;
	struct rc_item *items;
	size_t n_items, cap_items;
	struct rc_err *fails;       /* room for one a placed tile: never moves during a batch */
	size_t n_fails, cap_fails;
};

/* Adds a tile (or the marks of an episode without tiles) to an emptied slot. */
int rc_slot_add(struct rc_slot *s, struct rc_work *w, const struct rc_tile *t, bool first,
		bool last, struct rc_err *err);
void rc_slot_clear(struct rc_slot *s);
void rc_slot_release(struct rc_slot *s, const struct rc_backend *b);

/* About how many bytes of buffers a tile will take. */
uint64_t rc_tile_bytes(const struct rc_work *w, const struct rc_tile *t);

/* Reads, computes and encodes everything in the slot and fills its items.  A failing episode is an
 * item; returns non-zero only for what ends the run (no memory, device). */
int rc_slot_run(struct rc_slot *s, struct rc_worker_tools *tools, struct rc_err *err);

#endif
