/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slot and the batch it holds: tiles of consecutive episodes, read and submitted to a device by
 * one worker, finished and encoded by the same or another one, then handed to the writer as a list
 * of items.  All of a slot's memory is taken when it is opened.
 *
 * The staging buffers of the slot's lane hold, from the front, what the device reads and writes:
 * ticks, stamps and rows in `in`, results in `out`.  Only that part travels.  Behind it lie rows
 * that are copied and not computed.
 */
#ifndef RC_BATCH_H
#define RC_BATCH_H

#include "device.h"
#include "formats/codec.h"
#include "work.h"

/* What the writer does next, in plan order. */
enum rc_item_kind {
	RC_ITEM_BEGIN, /* first item of an episode */
	RC_ITEM_ROWS,  /* rows of a contiguous dataset */
	RC_ITEM_CHUNK, /* one encoded chunk */
	RC_ITEM_FAIL,  /* the episode cannot be converted; what follows of it is to be ignored */
	RC_ITEM_END    /* last item of an episode, failed or not: its work is done with */
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

/* One tile of a batch, with where its values are. */
struct rc_placed {
	struct rc_work *work;
	const struct rc_tile *tile; /* NULL: an episode whose preparation failed */
	bool first, last;           /* of the episode */
	size_t out;                 /* in the staging buffer */
	const struct rc_err *fail;  /* reading failed */
};

struct rc_stage_time {
	int64_t busy_ns;
	uint64_t items, bytes;
};

/* What a slot has room for. */
struct rc_slot_size {
	uint64_t in, out, enc; /* bytes */
	uint64_t want;         /* bytes after which no further tile is added */
	uint64_t jobs, items, tiles;
	uint64_t tile_rows;    /* no tile has more */
	uint64_t chunk;        /* no chunk that is decoded is larger */
};
bool rc_need_fits(const struct rc_need *n, const struct rc_slot_size *z);
/* Host memory of one slot, without tables of the backend. */
uint64_t rc_slot_bytes(const struct rc_slot_size *size);

/* What a worker owns: everything that is not shared between threads. */
struct rc_worker_tools {
	struct rc_input *input;
	struct rc_codec_ctx *codec;
	struct rc_devices *devices; /* shared */
	struct rc_row_run *runs;    /* scratch of tile_rows elements */
	uint64_t *picks;            /* the same: row of the source for each tick of a tile */
	struct rc_stage_time upload, compute, download, encode;
	uint64_t n_recomputed;      /* batches that the processor did after a device was lost */
	uint64_t n_grown;           /* times that stored chunks were larger than a slot expects */
	struct rc_err device_err;   /* the first failure of a device; code 0: none */
};

struct rc_slot {
	uint64_t seq;               /* order of the batch */
	struct rc_slot_size size;
	const struct rc_backend *backend;
	struct rc_lane *lane;
	bool in_flight;             /* submitted and not waited for */
	bool recomputed;            /* by the processor, because its device failed */
	struct rc_batch batch;      /* in_bytes, out_bytes: of the part that is computed */
	size_t out_used;            /* with what is copied */
	struct rc_need need;        /* of the tiles that were added */
	char *enc;                  /* encoded and stored chunks */
	size_t enc_used, enc_cap;
	struct rc_placed *placed;
	size_t n_placed;
	struct rc_item *items;
	size_t n_items;
	struct rc_err *fails;       /* room for one a placed tile */
	size_t n_fails;
};

/* Takes all memory of a slot.  RC_E_DEVICE when the device has no room. */
int rc_slot_open(struct rc_slot *s, const struct rc_slot_size *size,
		 const struct rc_backend *backend, struct rc_device *dev, struct rc_err *err);
void rc_slot_close(struct rc_slot *s);

/* Adds a tile (or, without one, the marks of an episode without tiles); false when it is full. */
bool rc_slot_add(struct rc_slot *s, struct rc_work *w, const struct rc_tile *t, bool first,
		 bool last);
void rc_slot_clear(struct rc_slot *s);

/* Reads everything in the slot and submits what is to be computed.  A failing episode is marked;
 * returns non-zero only for what ends the run (no memory, device). */
int rc_slot_read(struct rc_slot *s, struct rc_worker_tools *tools, struct rc_err *err);
/* True when rc_slot_wait() would not wait. */
bool rc_slot_ready(struct rc_slot *s);
/* Waits for the device; then encodes all values and fills the slot's items.  Any worker may. */
int rc_slot_wait(struct rc_slot *s, struct rc_worker_tools *tools, struct rc_err *err);
int rc_slot_emit(struct rc_slot *s, struct rc_worker_tools *tools, struct rc_err *err);

/* Once a tile of an episode failed, later ones need not be read.  Earlier ones still are: the
 * failure that is reported is the first in plan order, whatever the order of threads. */
extern const struct rc_err rc_tile_skipped;
bool rc_placed_given_up(const struct rc_placed *p);
/* Keeps the error in the slot, and gives up what follows of the episode. */
const struct rc_err *rc_placed_fail(struct rc_slot *s, struct rc_placed *p,
				    const struct rc_err *why);

#endif
