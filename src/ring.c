/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "ring.h"

#include "base/log.h"
#include "base/mem.h"

void rc_ring_close(struct rc_ring *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->slots[i].s.lane)
			rc_slot_close(&r->slots[i].s);
	free(r->slots);
	*r = (struct rc_ring){0};
}

static int open_slots(struct rc_ring *r, const struct rc_budget *b, const struct rc_devices *d,
		      struct rc_err *err)
{
	size_t n = (size_t)b->n_slots;
	int rc = rc_new_array(&r->slots, n, sizeof *r->slots, err);

	r->n = rc ? 0 : n;
	for (size_t i = 0; i < r->n && !rc; i++)
		rc = rc_slot_open(&r->slots[i].s, &b->slot, d->backend, d->dev[i % d->n], err);
	if (rc)
		rc_ring_close(r);
	return rc;
}

static bool is_full(const struct rc_err *err)
{
	return err->code == RC_E_DEVICE && !strcmp(err->reason, "device_memory");
}

/* On the devices as they are; *err is what the last try met. */
static int open_smaller(struct rc_ring *r, const struct rc_budget_ask *ask, struct rc_budget *b,
			const struct rc_devices *d, struct rc_err *err)
{
	struct rc_budget_ask less = *ask;
	int rc = open_slots(r, b, d, err);

	while (rc && is_full(err)) {
		struct rc_err full = *err;

		less.device_memory = (struct rc_amount){.bytes = b->device_used / 2};
		rc = rc_budget_make(&less, b, err);
		if (rc) { /* that half of it is too little says less */
			*err = full;
			return full.code;
		}
		rc_log(RC_LOG_WARN, "less device memory is free than there was; trying with half");
		rc = open_slots(r, b, d, err);
	}
	return rc;
}

int rc_ring_open(struct rc_ring *r, const struct rc_budget_ask *ask, struct rc_budget *b,
		 struct rc_devices *d, struct rc_err *err)
{
	struct rc_err why = {0};
	int rc = open_smaller(r, ask, b, d, &why);

	if (rc == RC_E_DEVICE && rc_devices_may_fall_back(d)) {
		rc_devices_fall_back(d, &why);
		rc = rc_budget_make(ask, b, &why);
		if (!rc)
			rc = open_slots(r, b, d, &why);
	}
	if (rc && err)
		*err = why;
	return rc;
}
