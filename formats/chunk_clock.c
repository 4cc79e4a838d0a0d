/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "formats/chunk.h"
#include "formats/stamp.h"

static int bad_stamp(const struct rc_index *ix, const struct rc_dataset *d, uint64_t row,
		     struct rc_err *err)
{
	return rc_fail(err, RC_E_FORMAT, "bad_clock",
		       "'%s': stamp %llu of '%s' is not a time (not finite, or more than 146 years "
		       "from zero)", ix->path, (unsigned long long)row, rc_index_str(ix, d->path));
}

int rc_input_clock(struct rc_input *in, const struct rc_index *ix, const struct rc_stream *s,
		   int64_t *t_ns_out, struct rc_err *err)
{
	const struct rc_stream_clock *k = &s->clock;
	const struct rc_dataset *d;
	struct rc_row_run all;
	size_t size, n;
	char *stored;
	int rc;

	if (k->kind != RC_CLOCK_MEASURED)
		return rc_fail(err, RC_E_BUG, "no_clock", "'%s' has no measured clock",
			       rc_index_str(ix, s->name));
	d = &ix->datasets[k->dataset];
	size = rc_dtype_size((enum rc_dtype)d->dtype);
	n = d->dims[0];
	/* Stamps of fewer than eight bytes are read to the end of the result, from where turning
	 * them into it from the front never overtakes the next one. */
	stored = (char *)t_ns_out + n * (sizeof *t_ns_out - size);
	all = (struct rc_row_run){ 0, n };
	rc = rc_input_rows(in, ix, k->dataset, &all, 1, stored, n * size, err);
	for (size_t i = 0; !rc && i < n; i++)
		if (!rc_stamp_ns((enum rc_dtype)d->dtype, stored + i * size, k->unit_num,
				 k->unit_den, &t_ns_out[i]))
			rc = bad_stamp(ix, d, i, err);
	return rc;
}
