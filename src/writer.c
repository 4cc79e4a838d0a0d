/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "writer.h"

#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

int rc_writer_init(struct rc_writer *w, const struct rc_plan *plan, const struct rc_settings *set,
		   const struct rc_shard_info *info, struct rc_err *err)
{
	int rc;

	*w = (struct rc_writer){.plan = plan, .set = set, .info = *info};
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

static int open_shard(struct rc_writer *w, size_t i, struct rc_err *err)
{
	struct rc_shard_result *r = &w->shards[i];
	char *path;
	int rc;

	/* readers of one file an episode count them from 0 without holes */
	if (w->plan->layout->one_episode_per_shard)
		w->plan->layout->file_name(w->n_ok, r->name, sizeof r->name);
	else
		w->plan->layout->file_name(i, r->name, sizeof r->name);
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

/* Closes the open shard and gives it its final name; one without episodes is not kept. */
static int commit_shard(struct rc_writer *w, struct rc_err *err)
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
	if (!rc) {
		rc = rc_digest_file(w->file.tmp_path, &r->digest, &r->bytes, err);
		if (rc) { /* reading, but of our own output: the directory went away, say */
			rc = RC_E_OUTPUT;
			if (err)
				err->code = rc;
		}
	}
	if (!rc)
		rc = rc_outfile_commit(&w->file, err);
	if (rc)
		return rc;
	r->content = rc_hasher_end(w->hash_shard);
	r->committed = true;
	w->written_bytes += r->bytes;
	rc_log(RC_LOG_DEBUG, "wrote '%s'", r->name);
	return 0;
}

/* --- episodes --------------------------------------------------------------------------------- */

static struct rc_episode_result *result_of(struct rc_writer *w, const struct rc_work *work)
{
	return &w->episodes[w->plan->order[work->i_order]];
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
		rc = commit_shard(w, err);
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
static int keep_err(struct rc_writer *w, const struct rc_err *why, const struct rc_err **kept_out,
		    struct rc_err *err)
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
	int rc = keep_err(w, it->fail, &r->err, err);

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
	return rc;
}

static int end_episode(struct rc_writer *w, const struct rc_item *it, struct rc_err *err)
{
	struct rc_episode_result *r = result_of(w, it->work);
	const struct rc_work *work = it->work;
	struct rc_digest d;
	int rc;

	if (w->skipping)
		return 0;
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

int rc_writer_item(struct rc_writer *w, const struct rc_item *it, struct rc_err *err)
{
	int64_t t0 = rc_now_ns();
	int rc = take_item(w, it, err);

	/* a layout may find that an episode does not fit it: that is the episode's fault */
	if (rc == RC_E_FORMAT || rc == RC_E_UNSUPPORTED) {
		struct rc_err why = err ? *err : (struct rc_err){.code = rc};
		struct rc_item fail = {.kind = RC_ITEM_FAIL, .work = it->work, .fail = &why};
		if (!w->set->strict)
			rc = fail_episode(w, &fail, err);
	}
	if (it->kind == RC_ITEM_END)
		w->skipping = false;
	w->write.busy_ns += rc_now_ns() - t0;
	return rc;
}

int rc_writer_finish(struct rc_writer *w, struct rc_err *err)
{
	int64_t t0 = rc_now_ns();
	int rc = commit_shard(w, err);

	w->write.busy_ns += rc_now_ns() - t0;
	return rc;
}

void rc_writer_abandon(struct rc_writer *w)
{
	rc_shard_abandon(w->shard);
	rc_outfile_abandon(&w->file);
	w->shard = NULL;
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
