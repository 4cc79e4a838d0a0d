/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "formats/forms.h"

#include "base/mem.h"

_Static_assert(sizeof(struct rc_dataset) % sizeof(uint64_t) == 0, "hashed word by word");

static size_t hash_of(const struct rc_dataset *d)
{
	uint64_t words[sizeof *d / sizeof(uint64_t)], h = 0xcbf29ce484222325ull;

	memcpy(words, d, sizeof words);
	for (size_t i = 0; i < RC_ARRAY_LEN(words); i++) {
		h = (h ^ words[i]) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 32;
	}
	return (size_t)h;
}

/* The slot that holds this form, or the free one where it belongs. */
static size_t find_slot(const struct rc_forms *f, const struct rc_dataset *d)
{
	size_t mask = f->n_slots - 1, i = hash_of(d) & mask;

	while (f->slots[i] && memcmp(f->p[f->slots[i] - 1], d, sizeof *d))
		i = (i + 1) & mask;
	return i;
}

static int more_slots(struct rc_forms *f, struct rc_err *err)
{
	size_t n = f->n_slots ? 2 * f->n_slots : 64;
	uint32_t *slots;
	int rc = rc_new_array(&slots, n, sizeof *slots, err);

	if (rc)
		return rc;
	free(f->slots);
	f->slots = slots;
	f->n_slots = n;
	for (uint32_t i = 0; i < f->n; i++)
		f->slots[find_slot(f, f->p[i])] = i + 1;
	return 0;
}

int rc_forms_add(struct rc_forms *f, const struct rc_dataset *d, uint32_t *i_out,
		 struct rc_err *err)
{
	struct rc_dataset form = *d;
	size_t slot;
	int rc = 0;

	form.path = form.linked = 0;
	form.address = form.stored_bytes = 0;
	if (2 * (f->n + 1) > f->n_slots)
		rc = more_slots(f, err);
	if (rc)
		return rc;
	slot = find_slot(f, &form);
	if (!f->slots[slot]) {
		rc = rc_grow_array(&f->p, &f->cap, f->n + 1, sizeof *f->p, err);
		if (!rc)
			rc = rc_new(&f->p[f->n], err);
		if (rc)
			return rc;
		*f->p[f->n++] = form;
		f->slots[slot] = (uint32_t)f->n;
	}
	*i_out = f->slots[slot] - 1;
	return 0;
}

void rc_forms_release(struct rc_forms *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->p[i]);
	free(f->p);
	free(f->slots);
	*f = (struct rc_forms){0};
}
