/* SPDX-License-Identifier: Apache-2.0 */
/* The slots of a run, opened on its devices. */
#ifndef RC_RING_H
#define RC_RING_H

#include "budget.h"

/* READING and FINISHING: a worker has it.  SUBMITTED: the device has it.  DONE: the writer's. */
enum rc_slot_state { RC_SLOT_FREE, RC_SLOT_READING, RC_SLOT_SUBMITTED, RC_SLOT_FINISHING,
		     RC_SLOT_DONE };

struct rc_ring_slot {
	enum rc_slot_state state;
	struct rc_slot s;
};

struct rc_ring {
	struct rc_ring_slot *slots;
	size_t n;
};

/*
 * Opens what *b says; the devices take turns.  A device that has less room than the budget counted
 * on, because another program took it meanwhile, gets smaller batches: *b is made anew from the
 * ask, with half of what was tried, until it fits.  When nothing fits, or the device fails, the
 * processor takes over if d allows that; else RC_E_DEVICE.
 */
int rc_ring_open(struct rc_ring *r, const struct rc_budget_ask *ask, struct rc_budget *b,
		 struct rc_devices *d, struct rc_err *err);
/* Waits for what is in flight. */
void rc_ring_close(struct rc_ring *r);

#endif
