/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "writer.h"

#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "journal.h"
#include "quarantine.h"

/* What the disk has begun to take need not be waited for at the end. */
enum { SYNC_BYTES = 32 << 20 };

/* In the thread of the commit: the journal need not wait until its turn comes. */
static int note_done(void *arg, const struct rc_commit *c, struct rc_err *err)
{
	const struct rc_writer *w = arg;
	struct rc_shard_result r = w->shards[c->tag];

	r.bytes = c->bytes;
	r.digest = c->digest;
	r.unpacked_bytes = c->unpacked_bytes;
	r.unpacked_digest = c->unpacked_digest;
	r.committed = true;
	return rc_journal_shard(w->journal, w, c->tag, &r, err);
}

int rc_writer_init(struct rc_writer *w, const struct rc_plan *plan, const struct rc_settings *set,
		   const struct rc_shard_info *info, struct rc_err *err)
{
	int rc;

	*w = (struct rc_writer){.plan = plan, .set = set, .info = *info,
				.commits = {.done = note_done, .arg = w}};
	w->commits.pack = set->container == RC_CONTAINER_OUT_ZST;
	rc = rc_new_array(&w->episodes, plan->n_episodes, sizeof *w->episodes, err);
	if (!rc)
		rc = rc_new_array(&w->shards, plan->n_shards, sizeof *w->shards, err);
	if (!rc)
		rc = rc_hasher_new(&w->hash_episode, err);
	if (!rc)
		rc = rc_hasher_new(&w->hash_shard, err);
	if (rc) {
		rc_writer_release(w);
		return rc;
	}
	/* what the plan already ruled out never reaches the pipeline */
	for (size_t i = 0; i < plan->n_episodes; i++)
		if (plan->episodes[i].err) {
			w->episodes[i].outcome = RC_OUTCOME_SKIPPED;
			w->episodes[i].err = plan->episodes[i].err;
			w->n_skipped++;
		}
	return 0;
}

/* --- shards ----------------------------------------------------------------------------------- */

static bool is_skipped(const struct rc_writer *w, const struct rc_plan_shard *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (w->episodes[w->plan->order[s->first + i]].outcome != RC_OUTCOME_SKIPPED)
			return false;
	return true;
}

/* Readers of one file an episode count them from 0 without holes: a file that another run left may
 * come to have the wrong number, when an episode in front of it fails this time. */
static int check_number(const struct rc_writer *w, const struct rc_shard_result *r,
			struct rc_err *err)
{
	char name[sizeof r->name];

	if (!w->plan->layout->one_episode_per_shard)
		return 0;
	w->plan->layout->file_name(w->n_files, name, sizeof name);
	rc_commit_name(w->commits.pack, name, sizeof name);
	if (!strcmp(name, r->name))
		return 0;
	return rc_fail(err, RC_E_MISMATCH, "episode_lost",
		       "'%s' of the run before would have to be '%s', because an episode in front "
		       "of it cannot be converted any more, for a reason that is in the report",
		       r->name, name);
}

/* All shards before i are done.  One of which no episode could be converted is told to the journal
 * as well: it counts for the numbers of those behind it. */
static int pass_shards(struct rc_writer *w, size_t i, struct rc_err *err)
{
	int rc = 0;

	for (; w->n_passed < i && !rc; w->n_passed++) {
		const struct rc_shard_result *r = &w->shards[w->n_passed];

		if (r->n_episodes) {
			rc = check_number(w, r, err);
			w->n_files++;
		} else if (!r->adopted && is_skipped(w, &w->plan->shards[w->n_passed])) {
			rc = rc_journal_shard(w->journal, w, w->n_passed, r, err);
		}
	}
	return rc;
}

static int open_shard(struct rc_writer *w, size_t i, struct rc_err *err)
{
	struct rc_shard_result *r = &w->shards[i];
	char *path;
	int rc = pass_shards(w, i, err);

	if (rc)
		return rc;
	w->plan->layout->file_name(w->plan->layout->one_episode_per_shard ? w->n_files : i,
				   r->name, sizeof r->name);
	rc = rc_sprintf(&path, err, "%s/%s", w->set->output, r->name);
	if (rc)
		return rc;
	rc = rc_outfile_open(&w->file, path, err);
	if (!rc)
		rc = rc_shard_create(w->file.tmp_path, w->plan->layout, &w->info, &w->shard, err);
	w->i_shard = i;
	rc_hasher_reset(w->hash_shard);
	free(path);
	return rc;
}

/* Takes the result of the oldest shard on its way to its final name; false when there is none. */
static bool end_commit(struct rc_writer *w, int *rc_out, struct rc_err *err)
{
	int64_t t0 = rc_now_ns();
	const struct rc_commit *c = rc_commits_end(&w->commits);
	struct rc_shard_result *r;

	w->commit_wait_ns += rc_now_ns() - t0;
	if (!c)
		return false;
	w->commit.busy_ns += c->busy_ns;
	*rc_out = c->rc;
	if (c->rc && err)
		*err = c->err;
	if (!c->named)
		return true;
	r = &w->shards[c->tag];
	r->bytes = c->bytes;
	r->digest = c->digest;
	r->unpacked_bytes = c->unpacked_bytes;
	r->unpacked_digest = c->unpacked_digest;
	r->committed = true;
	w->commit.items++;
	w->commit.bytes += c->bytes;
	w->written_bytes += c->bytes;
	rc_log(RC_LOG_DEBUG, "wrote '%s'", r->name);
	if (w->pipe && !*rc_out)
		*rc_out = rc_outpipe_shard(w->pipe, r->name, err);
	return true;
}

static int end_commits(struct rc_writer *w, unsigned but, struct rc_err *err)
{
	int rc = 0;

	while (!rc && w->commits.n > but)
		end_commit(w, &rc, err);
	return rc;
}

/* Closes the open shard and sends it on to its final name; one without episodes is not kept. */
static int close_shard(struct rc_writer *w, struct rc_err *err)
{
	struct rc_shard_result *r = &w->shards[w->i_shard];
	struct rc_shard *s = w->shard;
	int rc;

	if (!s)
		return 0;
	w->shard = NULL;
	r->n_episodes = rc_shard_n_episodes(s);
	if (r->n_episodes == 0) {
		rc_shard_abandon(s);
		rc_outfile_abandon(&w->file);
		return 0;
	}
	rc = rc_shard_close(s, err);
	if (!rc)
		rc = end_commits(w, RC_MAX_COMMITS - 1, err);
	if (rc)
		return rc;
	r->content = rc_hasher_end(w->hash_shard);
	rc_commit_name(w->commits.pack, r->name, sizeof r->name);
	rc_commits_begin(&w->commits, &w->file, w->i_shard);
	return 0;
}

/* --- episodes --------------------------------------------------------------------------------- */

static struct rc_episode_result *result_of(struct rc_writer *w, const struct rc_work *work)
{
	return &w->episodes[work->plan - w->plan->episodes];
}

/* The content digest covers names, types, shapes and decoded values (of frames copied compressed,
 * their stored bytes), so that it is the same for every codec and library version. */
static void hash_text(struct rc_writer *w, const char *s)
{
	rc_hasher_add(w->hash_episode, s, strlen(s) + 1);
}

static void hash_stream_head(struct rc_writer *w, const struct rc_out_stream *o)
{
	hash_text(w, o->name);
	hash_text(w, rc_dtype_name(o->dtype));
	for (uint32_t k = 0; k < o->rank; k++) {
		char dim[24];
		snprintf(dim, sizeof dim, "%llu", (unsigned long long)o->dims[k]);
		hash_text(w, dim);
	}
	if (o->valid)
		rc_hasher_add(w->hash_episode, o->valid, o->dims[0]);
}

static int begin_episode(struct rc_writer *w, const struct rc_work *work, struct rc_err *err)
{
	int rc = 0;

	if (w->shard && w->i_shard != work->plan->shard)
		rc = close_shard(w, err);
	if (!rc && !w->shard)
		rc = open_shard(w, work->plan->shard, err);
	if (!rc)
		rc = rc_shard_begin_episode(w->shard, &work->episode, err);
	if (rc)
		return rc;
	w->episode = work;
	w->hashed_stream = UINT32_MAX;
	rc_hasher_reset(w->hash_episode);
	hash_text(w, work->plan->id);
	if (work->ticks)
		rc_hasher_add(w->hash_episode, work->ticks, work->n_ticks * sizeof *work->ticks);
	return 0;
}

static void count_encoded(struct rc_writer *w, const struct rc_item *it)
{
	enum rc_codec codec = it->work->out[it->stream].encoding.codec;
	struct rc_encode_count *c = &w->encoded[codec];

	if (!it->raw) /* as it was stored */
		return;
	c->chunks++;
	c->in_bytes += it->raw_bytes;
	c->out_bytes += it->kind == RC_ITEM_ROWS ? it->raw_bytes : it->stored_bytes;
}

static int write_values(struct rc_writer *w, const struct rc_item *it, struct rc_err *err)
{
	if (w->hashed_stream != it->stream) {
		hash_stream_head(w, &it->work->out[it->stream]);
		w->hashed_stream = it->stream;
	}
	if (it->raw)
		rc_hasher_add(w->hash_episode, it->raw, it->raw_bytes);
	else
		rc_hasher_add(w->hash_episode, it->stored, it->stored_bytes);
	/* what will be packed is not kept */
	if (!w->commits.pack && w->write.bytes - w->sync_begun > SYNC_BYTES) {
		w->sync_begun = w->write.bytes;
		rc_outfile_start_sync(&w->file);
	}
	w->write.items++;
	count_encoded(w, it);
	if (it->kind == RC_ITEM_ROWS) {
		w->write.bytes += it->raw_bytes;
		return rc_shard_write_rows(w->shard, it->stream, it->row0, it->n_rows, it->raw,
					   err);
	}
	w->write.bytes += it->stored_bytes;
	return rc_shard_write_chunk(w->shard, it->stream, it->row0, it->stored, it->stored_bytes,
				    it->mask, err);
}

/* Errors are large and rare: they are kept beside the results. */
int rc_writer_keep_err(struct rc_writer *w, const struct rc_err *why,
		       const struct rc_err **kept_out, struct rc_err *err)
{
	int rc = rc_grow_array(&w->errs, &w->cap_errs, w->n_errs + 1, sizeof *w->errs, err);

	if (!rc)
		rc = rc_new(&w->errs[w->n_errs], err);
	if (rc)
		return rc;
	*w->errs[w->n_errs] = *why;
	*kept_out = w->errs[w->n_errs++];
	return 0;
}

static int fail_episode(struct rc_writer *w, const struct rc_item *it, struct rc_err *err)
{
	struct rc_episode_result *r = result_of(w, it->work);
	int rc = rc_writer_keep_err(w, it->fail, &r->err, err);

	if (rc)
		return rc;
	w->skipping = true;
	r->outcome = RC_OUTCOME_SKIPPED;
	w->n_skipped++;
	if (w->episode)
		rc = rc_shard_drop_episode(w->shard, err);
	w->episode = NULL;
	rc_log(RC_LOG_WARN, "skipped '%s': %s", it->work->plan->id, r->err->msg);
	if (!rc && w->set->strict) {
		if (err)
			*err = *it->fail;
		rc_err_while(err, "converting '%s' (--strict)", it->work->plan->id);
		return it->fail->code;
	}
	return rc ? rc : rc_bad_limit_check(w->bad_limit, w->n_skipped, err);
}

static int end_episode(struct rc_writer *w, const struct rc_item *it, struct rc_err *err)
{
	struct rc_episode_result *r = result_of(w, it->work);
	const struct rc_work *work = it->work;
	struct rc_digest d;
	int rc;

	if (w->skipping)
		return 0;
	rc = rc_scanned_same(&w->plan->scan->files[work->plan->i_file],
			     work->plan->i_episode, err);
	if (rc)
		return rc;
	w->plan->layout->episode_name(rc_shard_n_episodes(w->shard), r->name, sizeof r->name);
	rc = rc_shard_end_episode(w->shard, err);
	if (rc)
		return rc;
	d = rc_hasher_end(w->hash_episode);
	rc_hasher_add(w->hash_shard, &d, sizeof d);
	w->episode = NULL;
	r->outcome = RC_OUTCOME_OK;
	r->shard = w->i_shard;
	r->n_ticks = work->n_ticks;
	r->n_invalid = work->n_invalid;
	if (work->ticks && work->n_ticks)
		r->duration_ns = work->ticks[work->n_ticks - 1] - work->ticks[0];
	w->n_ok++;
	w->written_ticks += work->n_ticks;
	if (w->quality)
		rc = rc_quality_add(w->quality, work, err);
	return rc;
}

static int take_item(struct rc_writer *w, const struct rc_item *it, struct rc_err *err)
{
	switch (it->kind) {
	case RC_ITEM_BEGIN:
		w->skipping = false;
		return begin_episode(w, it->work, err);
	case RC_ITEM_ROWS:
	case RC_ITEM_CHUNK:
		return w->skipping ? 0 : write_values(w, it, err);
	case RC_ITEM_FAIL:
		return w->skipping && result_of(w, it->work)->outcome == RC_OUTCOME_SKIPPED
			       ? 0
			       : fail_episode(w, it, err);
	case RC_ITEM_END:
		return end_episode(w, it, err);
	}
	return rc_fail(err, RC_E_BUG, "bug", "unknown item %d", (int)it->kind);
}

/* Since t0, less what was spent waiting for commits. */
static void count_busy(struct rc_writer *w, int64_t t0, int64_t waited)
{
	w->write.busy_ns += rc_now_ns() - t0 - (w->commit_wait_ns - waited);
}

int rc_writer_item(struct rc_writer *w, const struct rc_item *it, struct rc_err *err)
{
	int64_t t0 = rc_now_ns(), waited = w->commit_wait_ns;
	int rc = take_item(w, it, err);

	/* a layout may find that an episode does not fit it, and a file may have changed while it
	 * was read: that is the episode's fault */
	if (rc == RC_E_FORMAT || rc == RC_E_UNSUPPORTED || rc == RC_E_INPUT) {
		struct rc_err why = err ? *err : (struct rc_err){.code = rc};
		struct rc_item fail = {.kind = RC_ITEM_FAIL, .work = it->work, .fail = &why};
		if (!w->set->strict)
			rc = fail_episode(w, &fail, err);
	}
	if (it->kind == RC_ITEM_END)
		w->skipping = false;
	count_busy(w, t0, waited);
	return rc;
}

void rc_writer_recomputed(struct rc_writer *w, const struct rc_slot *s)
{
	for (size_t i = 0; i < s->n_items; i++) {
		size_t shard = s->items[i].work->plan->shard;

		if (i == 0 || shard != s->items[i - 1].work->plan->shard)
			w->shards[shard].n_recomputed++;
	}
}

int rc_writer_finish(struct rc_writer *w, struct rc_err *err)
{
	int64_t t0 = rc_now_ns(), waited = w->commit_wait_ns;
	int rc = close_shard(w, err);

	if (!rc)
		rc = end_commits(w, 0, err);
	if (!rc)
		rc = pass_shards(w, w->plan->n_shards, err);
	count_busy(w, t0, waited);
	return rc;
}

void rc_writer_abandon(struct rc_writer *w)
{
	int rc;

	rc_shard_abandon(w->shard);
	rc_outfile_abandon(&w->file);
	w->shard = NULL;
	w->pipe = NULL; /* nothing may follow what is missing */
	/* those that were complete may still succeed */
	while (end_commit(w, &rc, NULL))
		;
	/* what was written into a shard that never got its name was not written */
	for (size_t i = 0; w->episodes && i < w->plan->n_episodes; i++) {
		struct rc_episode_result *r = &w->episodes[i];

		if (r->outcome != RC_OUTCOME_OK || w->shards[r->shard].committed)
			continue;
		r->outcome = RC_OUTCOME_PENDING;
		w->n_ok--;
		w->written_ticks -= r->n_ticks;
	}
}

void rc_writer_release(struct rc_writer *w)
{
	rc_writer_abandon(w);
	rc_hasher_free(w->hash_episode);
	rc_hasher_free(w->hash_shard);
	for (size_t i = 0; i < w->n_errs; i++)
		free(w->errs[i]);
	free(w->errs);
	free(w->episodes);
	free(w->shards);
	*w = (struct rc_writer){0};
}
