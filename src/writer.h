/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one thread that writes: it takes the items of batches in plan order, makes shards under
 * temporary names, commits each when its last episode is done, and records what became of every
 * episode.  Nothing here depends on how many workers there were.
 */
#ifndef RC_WRITER_H
#define RC_WRITER_H

#include "base/digest.h"
#include "base/outfile.h"
#include "batch.h"
#include "commit.h"
#include "quality.h"
#include "outpipe.h"

enum rc_outcome { RC_OUTCOME_PENDING, RC_OUTCOME_OK, RC_OUTCOME_SKIPPED };

/* What became of an episode of the plan. */
struct rc_episode_result {
	enum rc_outcome outcome;
	const struct rc_err *err; /* SKIPPED: the plan's or one of the writer's `errs` */
	uint64_t n_ticks, n_invalid;
	int64_t duration_ns;
	char name[32];         /* in its shard: "demo_3" */
	size_t shard;
};

/* What was encoded with one codec; copied chunks are no part of it. */
struct rc_encode_count {
	uint64_t chunks, in_bytes, out_bytes;
};

/* A committed shard. */
struct rc_shard_result {
	char name[64];
	bool committed;
	bool adopted; /* done by an earlier run, even if that came to no file */
	uint64_t bytes;
	uint64_t n_episodes;
	uint64_t n_recomputed; /* batches with parts of it that a device failed on */
	struct rc_digest digest, content;
	uint64_t unpacked_bytes; /* of a packed one, else 0; and: */
	struct rc_digest unpacked_digest;
};

struct rc_journal;
struct rc_bad_limit;

struct rc_writer {
	/* set once */
	const struct rc_plan *plan;
	const struct rc_settings *set;
	struct rc_shard_info info;
	struct rc_quality *quality; /* told about every written episode; may be NULL */
	struct rc_journal *journal; /* told about every shard that is done; may be NULL */
	const struct rc_bad_limit *bad_limit; /* may be NULL */
	struct rc_outpipe *pipe;   /* takes the shards, or NULL: they stay where they are */
	/* results, by plan position */
	struct rc_episode_result *episodes; /* plan->n_episodes */
	struct rc_shard_result *shards;     /* plan->n_shards */
	uint64_t n_ok, n_skipped, written_bytes, written_ticks;
	struct rc_err **errs;               /* of episodes that failed on their way */
	size_t n_errs, cap_errs;
	struct rc_stage_time write, commit;
	int64_t commit_wait_ns;             /* of the writing thread, for the oldest commit */
	struct rc_encode_count encoded[RC_N_CODECS];
	/* the open shard and episode */
	struct rc_shard *shard;
	struct rc_outfile file;
	struct rc_commits commits;          /* closed shards on their way to their names */
	size_t i_shard;
	uint64_t sync_begun;                /* of write.bytes */
	size_t n_passed, n_files;           /* shards before here are done; the files they are */
	struct rc_hasher *hash_episode, *hash_shard;
	const struct rc_work *episode;      /* begun and not ended */
	bool skipping;                      /* the episode at hand failed */
	uint32_t hashed_stream;
};

int rc_writer_init(struct rc_writer *w, const struct rc_plan *plan, const struct rc_settings *set,
		   const struct rc_shard_info *info, struct rc_err *err);
/* Writes one item.  After its END nothing refers to the work of an episode.  With --strict the
 * first failing episode is returned as the error of the run; else only what ends the run is. */
int rc_writer_item(struct rc_writer *w, const struct rc_item *it, struct rc_err *err);
/* Notes which shards the items of this slot, whose device failed, belong to. */
void rc_writer_recomputed(struct rc_writer *w, const struct rc_slot *s);
/* Keeps a copy of an error with the results. */
int rc_writer_keep_err(struct rc_writer *w, const struct rc_err *why,
		       const struct rc_err **kept_out, struct rc_err *err);
/* After the last item: commits the shard in hand. */
int rc_writer_finish(struct rc_writer *w, struct rc_err *err);
/* Removes what is not committed, as the full disk may need for the report; results stay. */
void rc_writer_abandon(struct rc_writer *w);
/* The same, and releases everything. */
void rc_writer_release(struct rc_writer *w);

#endif
