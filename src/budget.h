/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the memory of --memory and --device-memory is divided: before anything is read, from the
 * plan.  A slot takes a batch of the wanted size and never less than the least part of any
 * episode: a row, or a chunk.  Where that is too much, batches become smaller, then slots fewer,
 * then workers fewer; episodes whose least part still does not fit are left to fail one by one.
 *
 * The ceiling is for buffers: slots, clocks of episodes that are prepared or in work, blocks shared
 * with readers, scratch.  The index of the inputs, the plan, the cache of chunks (4 MiB), the
 * libraries and the program itself come on top, and the clocks of an episode that alone needs more
 * than there is for clocks.
 */
#ifndef RC_BUDGET_H
#define RC_BUDGET_H

#include "batch.h"

struct rc_budget_ask {
	const struct rc_plan *plan;
	const struct rc_devices *devices;
	struct rc_amount memory, device_memory;
	uint64_t shared_bytes;   /* of a reader */
	int n_workers;           /* wanted */
	bool unpacks;            /* inputs are unpacked, into this part of the memory: */
};
enum { RC_UNPACKED_PART = 4 };

struct rc_budget {
	uint64_t bytes;          /* what --memory comes to, less what was unpacked */
	bool unpacks;
	uint64_t device_bytes;   /* what --device-memory comes to, of each device; 0: no device */
	uint64_t used, device_used; /* of it, when all slots are open */
	int n_workers, n_slots;
	struct rc_slot_size slot;
	uint64_t slot_bytes;     /* host memory of one */
	uint64_t ahead_bytes;    /* for the clocks of episodes that are prepared or in work */
	uint64_t shared_bytes;   /* of the reader of each worker */
	/* for rc_budget_advice() */
	const struct rc_devices *devices;
	struct rc_need need;     /* of the largest part that was counted */
};

/* RC_E_USAGE when not even the smallest slots fit, RC_E_DEVICE when those of the device do not. */
int rc_budget_make(const struct rc_budget_ask *ask, struct rc_budget *b_out, struct rc_err *err);

/* What to ask for so that a part of so many rows with this need fits: "--memory 120M". */
void rc_budget_advice(const struct rc_budget *b, const struct rc_need *need, uint64_t rows,
		      char *dst, size_t cap);

#endif
