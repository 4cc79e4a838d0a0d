/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "survey.h"

#include "base/digest.h"
#include "base/log.h"
#include "base/mem.h"
#include "each.h"

/* Stamps of one stream that are held in memory at a time; 19 hours at 1 kHz. */
#define MAX_STAMPS ((uint64_t)1 << 26)

enum { LOOK_BACK = 64 }; /* streams of an episode searched for one with the same clock */

/* --- measuring -------------------------------------------------------------------------------- */

/* The earlier stream of the episode whose stamps are the very same, or i itself. */
static uint32_t same_clock(const struct rc_index *ix, uint32_t first, uint32_t i)
{
	const struct rc_stream *s = &ix->streams[i];

	for (uint32_t k = i; k > first && i - k < LOOK_BACK;) {
		const struct rc_stream *o = &ix->streams[--k];

		if (o->clock.kind == RC_CLOCK_MEASURED && o->clock.dataset == s->clock.dataset &&
		    o->clock.rows == s->clock.rows &&
		    o->row0 == s->row0 && o->n_rows == s->n_rows &&
		    o->clock.unit_num == s->clock.unit_num &&
		    o->clock.unit_den == s->clock.unit_den)
			return k;
	}
	return i;
}

static int measure(struct rc_input *in, const struct rc_index *ix, const struct rc_stream *s,
		   struct rc_clock_quality *q, struct rc_err *err)
{
	int64_t *t = NULL, *scratch = NULL;
	int rc;

	if (s->n_rows > MAX_STAMPS)
		return rc_fail(err, RC_E_UNSUPPORTED, "clock_too_long",
			       "the clock has %llu stamps; at most %llu are measured",
			       (unsigned long long)s->n_rows, (unsigned long long)MAX_STAMPS);
	rc = rc_new_array(&t, s->n_rows, sizeof *t, err);
	if (!rc)
		rc = rc_new_array(&scratch, s->n_rows, sizeof *scratch, err);
	if (!rc)
		rc = rc_input_clock(in, ix, s, t, err);
	if (!rc)
		rc_clock_measure(t, s->n_rows, scratch, q);
	free(t);
	free(scratch);
	return rc;
}

static void keep_error(struct rc_survey_clock *c, const struct rc_err *err)
{
	c->err = malloc(sizeof *c->err);
	if (c->err)
		*c->err = *err;
}

static void measure_episode(struct rc_input *in, struct rc_survey_file *f, uint32_t i_episode)
{
	const struct rc_index *ix = f->scanned->index;
	const struct rc_index_episode *e = &ix->episodes[i_episode];

	for (uint32_t k = 0; k < e->n_streams; k++) {
		uint32_t i = e->first_stream + k, same;
		struct rc_err err = {0};

		if (ix->streams[i].clock.kind != RC_CLOCK_MEASURED)
			continue;
		same = same_clock(ix, e->first_stream, i);
		if (same != i) {
			f->clocks[i].q = f->clocks[same].q;
			if (f->clocks[same].err)
				keep_error(&f->clocks[i], f->clocks[same].err);
		} else if (measure(in, ix, &ix->streams[i], &f->clocks[i].q, &err)) {
			keep_error(&f->clocks[i], &err);
		}
	}
}

static void measure_file(void *arg, struct rc_input *in, size_t i)
{
	struct rc_survey *s = arg;
	struct rc_survey_file *f = &s->files[i];
	struct rc_readers *pool = rc_reader_pool(rc_input_reader(in));
	const char *path = f->scanned->path;
	struct rc_err err = {0};

	if (!f->clocks)
		return;
	if (rc_readers_hold(pool, path, &err)) {
		rc_log(RC_LOG_WARN, "the clocks of '%s' are not known: %s", path, err.msg);
		return;
	}
	for (uint32_t e = 0; e < f->scanned->index->n_episodes; e++)
		measure_episode(in, f, e);
	rc_readers_release(pool, path);
}

/* --- grouping --------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Of the layout and the set of stream names, whatever their order and number of episodes. */
static int sign(struct rc_survey_file *f, struct rc_err *err)
{
	const struct rc_index *ix = f->scanned->index;
	const char *layout = rc_index_str(ix, ix->layout);
	uint64_t *hashes;
	size_t n = 0;
	int rc = rc_new_array(&hashes, ix->n_streams, sizeof *hashes, err);

	if (rc)
		return rc;
	for (uint32_t i = 0; i < ix->n_streams; i++) {
		const char *name = rc_index_str(ix, ix->streams[i].name);

		hashes[i] = rc_hash64(name, strlen(name), 1);
	}
	if (ix->n_streams)
		qsort(hashes, ix->n_streams, sizeof *hashes, by_value);
	for (uint32_t i = 0; i < ix->n_streams; i++)
		if (i == 0 || hashes[i] != hashes[n - 1])
			hashes[n++] = hashes[i];
	f->signature = rc_hash64(hashes, n * sizeof *hashes, rc_hash64(layout, strlen(layout), 2));
	free(hashes);
	return 0;
}

struct seen {
	uint64_t signature;
	size_t group;
};

/* Numbers the groups.  A short list is searched from its end: files of one kind stand together. */
static int group(struct rc_survey *s, struct rc_err *err)
{
	struct seen *seen = NULL;
	size_t cap = 0;
	int rc = 0;

	for (size_t i = 0; i < s->n && !rc; i++) {
		struct rc_survey_file *f = &s->files[i];
		size_t k = s->n_groups;

		f->group = SIZE_MAX;
		if (!f->scanned->index)
			continue;
		rc = sign(f, err);
		while (k > 0 && seen[k - 1].signature != f->signature)
			k--;
		if (!rc && k == 0) {
			rc = rc_grow_array(&seen, &cap, s->n_groups + 1, sizeof *seen, err);
			if (rc)
				break;
			seen[s->n_groups] = (struct seen){f->signature, s->n_groups};
			k = ++s->n_groups;
		}
		if (!rc)
			f->group = seen[k - 1].group;
	}
	free(seen);
	return rc;
}

/* --- the survey ------------------------------------------------------------------------------- */

int rc_survey_run(struct rc_readers *readers, const struct rc_scan *scan, int n_threads,
		  struct rc_survey *s_out, struct rc_err *err)
{
	struct rc_survey s = {.n = scan->n};
	struct rc_each each = {.readers = readers, .n_threads = n_threads, .n = scan->n,
			       .piece = measure_file, .arg = &s};
	int rc = rc_new_array(&s.files, scan->n, sizeof *s.files, err);

	for (size_t i = 0; i < scan->n && !rc; i++) {
		struct rc_survey_file *f = &s.files[i];

		f->scanned = &scan->files[i];
		if (f->scanned->index)
			rc = rc_new_array(&f->clocks, f->scanned->index->n_streams,
					  sizeof *f->clocks, err);
	}
	if (!rc)
		rc = rc_each_run(&each, err);
	if (!rc)
		rc = group(&s, err);
	if (rc)
		rc_survey_release(&s);
	else
		*s_out = s;
	return rc;
}

void rc_survey_release(struct rc_survey *s)
{
	for (size_t i = 0; i < s->n && s->files; i++) {
		struct rc_survey_file *f = &s->files[i];

		for (uint32_t k = 0; f->clocks && k < f->scanned->index->n_streams; k++)
			free(f->clocks[k].err);
		free(f->clocks);
	}
	free(s->files);
	*s = (struct rc_survey){0};
}
