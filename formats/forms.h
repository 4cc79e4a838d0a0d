/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms of datasets: all of a struct rc_dataset but its path, file, address and stored_bytes.
 * The datasets of a hundred thousand short episodes have a handful of forms, so a reader process
 * keeps each once.  Owned and used by one thread.  Begins as {0}.
 */
#ifndef RC_FORMS_H
#define RC_FORMS_H

#include "formats/index.h"

struct rc_forms {
	struct rc_dataset **p; /* n of them, where they stay until the end */
	size_t n, cap;
	uint32_t *slots;       /* hash table of positions + 1; n_slots is a power of two or 0 */
	size_t n_slots;
};

/* The position of the form of d, added when new.  What d does not use must be zero. */
int rc_forms_add(struct rc_forms *f, const struct rc_dataset *d, uint32_t *i_out,
		 struct rc_err *err);
void rc_forms_release(struct rc_forms *f);

#endif
