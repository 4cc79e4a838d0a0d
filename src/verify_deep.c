/* SPDX-License-Identifier: Apache-2.0 */
/* Every value of a shard: decoded, counted, looked at. */
#include "base/compat.h"

#include "verify.h"

#include "base/mem.h"
#include "formats/chunk.h"
#include "signals.h"

/* Values are looked at in pieces of about this size, made larger, up to the second figure, where
 * whole chunks need it: a chunk is decoded as a whole anyway. */
#define PIECE_BYTES ((uint64_t)4 << 20)
#define MAX_PIECE_BYTES ((uint64_t)64 << 20)

/* One dataset on its way through the check. */
struct look {
	const struct rc_index *ix;
	uint32_t i_dataset;
	const char *name; /* of its stream, or its path */
	bool is_clock;
	bool has_last;    /* clock: stamp before the piece at hand */
	int64_t last;
	struct rc_verified_shard *s;
};

static struct rc_finding about(enum rc_severity sev, const char *code, const char *where)
{
	return (struct rc_finding){.severity = sev, .code = (char *)code, .where = (char *)where,
				   .count = 1};
}

/* --- values ----------------------------------------------------------------------------------- */

/* NaN and infinities have all exponent bits set, which needs no arithmetic to see. */
#define COUNT_NON_FINITE(type, mask)                                                               \
	do {                                                                                       \
		const type *v = p;                                                                 \
		for (size_t i = 0; i < n; i++) {                                                   \
			bool bad = (v[i] & (mask)) == (mask);                                      \
			if (bad && count == 0)                                                     \
				*first_out = i;                                                    \
			count += bad;                                                              \
		}                                                                                  \
	} while (0)

static uint64_t count_non_finite(enum rc_dtype t, const void *p, size_t n, size_t *first_out)
{
	uint64_t count = 0;

	if (t == RC_F16)
		COUNT_NON_FINITE(uint16_t, 0x7c00u);
	else if (t == RC_F32)
		COUNT_NON_FINITE(uint32_t, 0x7f800000u);
	else if (t == RC_F64)
		COUNT_NON_FINITE(uint64_t, 0x7ff0000000000000u);
	return count;
}

static void check_finite(struct look *l, const struct rc_dataset *d, const void *p, uint64_t row0,
			 uint64_t n_rows)
{
	uint64_t width = rc_dataset_row_elements(d), n;
	struct rc_finding kind;
	size_t first = 0;

	if (!rc_dtype_is_float((enum rc_dtype)d->dtype))
		return;
	n = count_non_finite((enum rc_dtype)d->dtype, p, (size_t)(n_rows * width), &first);
	if (n == 0)
		return;
	kind = about(RC_NOTE_WARNING, "non_finite", l->name);
	kind.count = n;
	rc_findings_add(&l->s->findings, &kind,
			"values that are NaN or infinite, the first in row %llu, element %llu of "
			"'%s'", (unsigned long long)(row0 + first / width),
			(unsigned long long)(first % width), rc_index_str(l->ix, d->path));
}

static void check_clock(struct look *l, const struct rc_dataset *d, const int64_t *t,
			uint64_t row0, uint64_t n)
{
	struct rc_finding kind = about(RC_NOTE_ERROR, "clock_backward", l->name);

	for (uint64_t i = 0; i < n; i++) {
		if (l->has_last && t[i] < l->last)
			rc_findings_add(&l->s->findings, &kind,
					"row %llu of '%s' is %llu ns before the row above it",
					(unsigned long long)(row0 + i),
					rc_index_str(l->ix, d->path),
					(unsigned long long)l->last - (unsigned long long)t[i]);
		l->last = t[i];
		l->has_last = true;
	}
}

/* --- pieces ----------------------------------------------------------------------------------- */

static uint64_t piece_rows(const struct rc_dataset *d)
{
	uint64_t row = rc_dataset_row_bytes(d), rows, chunk = d->chunk[0], chunk_bytes;

	rows = row ? PIECE_BYTES / row : d->dims[0];
	if (d->storage == RC_STORE_CHUNKED && rc_mul(chunk, row, &chunk_bytes) &&
	    chunk_bytes <= MAX_PIECE_BYTES)
		rows = rows < chunk ? chunk : rows - rows % chunk;
	return rows ? rows : 1;
}

static int look_at_pieces(struct rc_input *in, struct look *l, struct rc_scratch *mem,
			  struct rc_err *err)
{
	const struct rc_dataset *d = &l->ix->datasets[l->i_dataset];
	uint64_t step = piece_rows(d), row_bytes = rc_dataset_row_bytes(d);
	int rc = 0;

	for (uint64_t row = 0; row < d->dims[0] && !rc && !rc_stop_asked();) {
		struct rc_row_run run = {row, d->dims[0] - row < step ? d->dims[0] - row : step};
		uint64_t bytes;

		if (!rc_mul(run.n, row_bytes, &bytes) || bytes > SIZE_MAX / 2)
			return rc_fail(err, RC_E_FORMAT, "too_large", "a row of '%s' is too large",
				       rc_index_str(l->ix, d->path));
		rc = rc_scratch_need(mem, (size_t)bytes, err);
		if (!rc && bytes)
			rc = rc_input_rows(in, l->ix, l->i_dataset, &run, 1, mem->p, (size_t)bytes,
					   err);
		if (rc)
			break;
		check_finite(l, d, mem->p, row, run.n);
		if (l->is_clock)
			check_clock(l, d, mem->p, row, run.n);
		l->s->decoded_bytes += bytes;
		row += run.n;
	}
	return rc;
}

static void look_at_dataset(struct rc_input *in, struct look *l, struct rc_scratch *mem)
{
	struct rc_err err = {0};
	struct rc_finding kind;

	l->s->n_datasets++;
	if (look_at_pieces(in, l, mem, &err) == 0)
		return;
	kind = about(RC_NOTE_ERROR, err.reason, l->name);
	rc_findings_add(&l->s->findings, &kind, "%s", err.msg);
}

/* --- the shard -------------------------------------------------------------------------------- */

/* The name of the stream that lies in each dataset, and which datasets are clocks.  Clocks of
 * other types than the int64 that `convert` writes are not judged. */
static int name_datasets(const struct rc_index *ix, struct rc_verified_shard *s,
			 struct look **looks_out, struct rc_err *err)
{
	struct look *l;
	int rc = rc_new_array(&l, ix->n_datasets, sizeof *l, err);

	if (rc)
		return rc;
	for (uint32_t i = 0; i < ix->n_datasets; i++)
		l[i] = (struct look){.ix = ix, .i_dataset = i, .s = s,
				     .name = rc_index_str(ix, ix->datasets[i].path)};
	for (uint32_t i = 0; i < ix->n_streams; i++) {
		uint32_t c = ix->streams[i].clock.dataset;

		l[ix->streams[i].dataset].name = rc_index_str(ix, ix->streams[i].name);
		if (ix->streams[i].clock.kind != RC_CLOCK_MEASURED)
			continue;
		l[c].is_clock = ix->datasets[c].dtype == RC_I64 && ix->datasets[c].rank == 1;
		l[c].name = "time";
	}
	*looks_out = l;
	return 0;
}

static void check_lengths(const struct rc_index *ix, uint32_t i, const struct rc_json *episode,
			  struct rc_verified_shard *s)
{
	const struct rc_index_episode *e = &ix->episodes[i];
	struct rc_finding kind;
	int64_t ticks;

	if (!rc_json_int(rc_json_get(episode, "ticks"), &ticks))
		return;
	for (uint32_t k = 0; k < e->n_streams; k++) {
		const struct rc_stream *st = &ix->streams[e->first_stream + k];

		if (st->n_rows == (uint64_t)ticks)
			continue;
		kind = about(RC_NOTE_ERROR, "episode_length", rc_index_str(ix, st->name));
		rc_findings_add(&s->findings, &kind,
				"'%s' has %llu rows, the manifest says %lld",
				rc_index_str(ix, ix->datasets[st->dataset].path),
				(unsigned long long)st->n_rows, (long long)ticks);
	}
}

static void check_episodes(const struct rc_index *ix, const struct rc_json *episodes,
			   struct rc_verified_shard *s)
{
	const struct rc_json *c = rc_json_child(episodes);

	if (ix->n_episodes != s->expected->n_episodes) {
		struct rc_finding kind = about(RC_NOTE_ERROR, "episode_count", "");

		rc_findings_add(&s->findings, &kind, "it holds %u episodes, the manifest says %llu",
				ix->n_episodes, (unsigned long long)s->expected->n_episodes);
		return;
	}
	for (uint32_t i = 0; i < ix->n_episodes && c; i++, c = rc_json_next(c))
		check_lengths(ix, i, c, s);
}

/* What the layout found wrong where nothing should be. */
static void check_notes(const struct rc_index *ix, struct rc_verified_shard *s)
{
	for (uint32_t i = 0; i < ix->n_notes; i++) {
		const struct rc_note *n = &ix->notes[i];
		struct rc_finding kind = about((enum rc_severity)n->severity,
					       rc_index_str(ix, n->code),
					       rc_index_str(ix, n->where));

		if (n->severity >= RC_NOTE_WARNING)
			rc_findings_add(&s->findings, &kind, "%s", rc_index_str(ix, n->message));
	}
}

void rc_verify_deep(struct rc_input *in, const char *path, const char *layout,
		    const struct rc_json *episodes, struct rc_verified_shard *s)
{
	struct rc_scan_options opt = {.layout = layout};
	struct rc_scratch mem = {0};
	struct rc_index *ix = NULL;
	struct look *looks = NULL;
	struct rc_err err = {0};
	int rc = rc_reader_scan(rc_input_reader(in), path, &opt, &ix, &err);

	if (!rc)
		rc = name_datasets(ix, s, &looks, &err);
	if (rc) {
		struct rc_finding kind = about(RC_NOTE_ERROR, err.reason, "");

		rc_findings_add(&s->findings, &kind, "%s", err.msg);
		goto done;
	}
	check_episodes(ix, episodes, s);
	check_notes(ix, s);
	for (uint32_t i = 0; i < ix->n_datasets; i++)
		look_at_dataset(in, &looks[i], &mem);
done:
	free(looks);
	free(mem.p);
	rc_index_free(ix);
}
