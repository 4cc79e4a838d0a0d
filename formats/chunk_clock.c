/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "formats/chunk.h"

#include "base/mem.h"
#include "formats/stamp.h"

enum { GATHER_ROWS = 4096 };

static int bad_stamp(const struct rc_index *ix, const struct rc_dataset *d, uint64_t row,
		     struct rc_err *err)
{
	return rc_fail(err, RC_E_FORMAT, "bad_clock",
		       "'%s': stamp %llu of '%s' is not a time (not finite, or more than 146 years "
		       "from zero)", ix->path, (unsigned long long)row, rc_index_str(ix, d->path));
}

/* Reads the stamps that the rising numbers of another dataset name, some at a time. */
struct gather {
	struct rc_input *in;
	const struct rc_index *ix;
	const struct rc_stream_clock *k;
	uint64_t next; /* the least number that may come */
	struct rc_row_run runs[GATHER_ROWS];
	char numbers[GATHER_ROWS * sizeof(int64_t)];
};

/* As runs of rows of the clock; 0 when the numbers do not rise or name no stamp. */
static size_t runs_of(struct gather *g, enum rc_dtype t, uint64_t n)
{
	uint64_t n_stamps = g->ix->datasets[g->k->dataset].dims[0];
	size_t n_runs = 0;
	int64_t row;

	for (uint64_t i = 0; i < n; i++) {
		if (!rc_stamp_ns(t, g->numbers + i * rc_dtype_size(t), 1, 1, &row) ||
		    row < 0 || (uint64_t)row < g->next || (uint64_t)row >= n_stamps)
			return 0;
		if (i && (uint64_t)row == g->next)
			g->runs[n_runs - 1].n++;
		else
			g->runs[n_runs++] = (struct rc_row_run){ (uint64_t)row, 1 };
		g->next = (uint64_t)row + 1;
	}
	return n_runs;
}

static int gather(struct gather *g, char *stored, size_t size, struct rc_err *err)
{
	const struct rc_dataset *d = &g->ix->datasets[g->k->rows - 1];
	enum rc_dtype t = (enum rc_dtype)d->dtype;
	int rc = 0;

	for (uint64_t at = 0; !rc && at < d->dims[0]; at += GATHER_ROWS) {
		uint64_t left = d->dims[0] - at, n = left < GATHER_ROWS ? left : GATHER_ROWS;
		struct rc_row_run some = { at, n };
		size_t n_runs;

		rc = rc_input_rows(g->in, g->ix, g->k->rows - 1, &some, 1, g->numbers,
				   n * rc_dtype_size(t), err);
		if (rc)
			break;
		n_runs = runs_of(g, t, n);
		if (!n_runs)
			return rc_fail(err, RC_E_FORMAT, "bad_clock",
				       "'%s': the row numbers in '%s' do not rise, or name stamps "
				       "that are not there (about row %llu)", g->ix->path,
				       rc_index_str(g->ix, d->path), (unsigned long long)at);
		rc = rc_input_rows(g->in, g->ix, g->k->dataset, g->runs, n_runs,
				   stored + at * size, n * size, err);
	}
	return rc;
}

static int read_stamps(struct rc_input *in, const struct rc_index *ix,
		       const struct rc_stream_clock *k, char *stored, uint64_t n, size_t size,
		       struct rc_err *err)
{
	struct rc_row_run all = { 0, n };
	struct gather *g = NULL;
	int rc;

	if (!k->rows)
		return rc_input_rows(in, ix, k->dataset, &all, 1, stored, n * size, err);
	rc = rc_new(&g, err);
	if (rc)
		return rc;
	g->in = in;
	g->ix = ix;
	g->k = k;
	rc = gather(g, stored, size, err);
	free(g);
	return rc;
}

int rc_input_clock(struct rc_input *in, const struct rc_index *ix, const struct rc_stream *s,
		   int64_t *t_ns_out, struct rc_err *err)
{
	const struct rc_stream_clock *k = &s->clock;
	const struct rc_dataset *d;
	size_t size, n;
	char *stored;
	int rc;

	if (k->kind != RC_CLOCK_MEASURED)
		return rc_fail(err, RC_E_BUG, "no_clock", "'%s' has no measured clock",
			       rc_index_str(ix, s->name));
	d = &ix->datasets[k->dataset];
	size = rc_dtype_size((enum rc_dtype)d->dtype);
	n = s->n_rows;
	/* Stamps of fewer than eight bytes are read to the end of the result, from where turning
	 * them into it from the front never overtakes the next one. */
	stored = (char *)t_ns_out + n * (sizeof *t_ns_out - size);
	rc = read_stamps(in, ix, k, stored, n, size, err);
	for (size_t i = 0; !rc && i < n; i++)
		if (!rc_stamp_ns((enum rc_dtype)d->dtype, stored + i * size, k->unit_num,
				 k->unit_den, &t_ns_out[i]))
			rc = bad_stamp(ix, d, i, err);
	return rc;
}
