/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What shard.c and the layouts share.  shard.c owns every field; a layout's begin_episode() fills
 * the three places and may use the helpers below.  Paths are absolute, without a final slash.
 */
#ifndef RC_SHARD_PRIVATE_H
#define RC_SHARD_PRIVATE_H

#include "base/mem.h"
#include "formats/h5util.h"
#include "formats/shard.h"

enum { SHARD_PATH_LEN = 1024 };

/* A dataset of the episode in progress. */
struct shard_stream {
	hid_t id;
	bool chunked;
	uint64_t row_bytes;
	uint64_t n_rows_done;
	char path[SHARD_PATH_LEN]; /* below the episode: "obs/joint_pos" */
};

/* The episodes of one split, in order. */
struct shard_split {
	char *name;
	uint64_t *episodes;
	size_t n, cap;
};

struct rc_shard {
	/* set once */
	const struct rc_shard_layout *layout;
	char *path, *version, *recipe_json;
	hid_t file;

	/* of the finished episodes */
	uint64_t n_episodes;
	uint64_t n_ticks;
	char *env_args; /* of the first episode that has any */
	bool sim;       /* of the last one */
	bool encoded;   /* of the last one: some frames are JPEG or PNG */
	bool dropped_data; /* an episode was dropped after some of its rows were written */
	struct shard_split *splits;
	size_t n_splits, cap_splits;

	/* of the episode in progress; e is NULL between episodes */
	const struct rc_out_episode *e;
	struct shard_stream *streams;
	size_t cap_streams;
	struct rc_arena arena; /* what is needed until it ends */
	char **made; /* links to remove when it is dropped, in the order of making; in the arena */
	size_t n_made, cap_made;

	/* filled by the layout's begin_episode() */
	char place[SHARD_PATH_LEN];      /* "/data/demo_0"; "" for the root */
	char time_place[SHARD_PATH_LEN]; /* dataset of ticks */
	char valid_place[SHARD_PATH_LEN];/* group of validity masks */
	char info_place[SHARD_PATH_LEN]; /* group whose attributes say where the episode is from */
};

static inline bool shard_given(const char *s)
{
	return s && *s;
}
/* dst = prefix with "/" and name behind it; with flatten, '/' in name becomes '_'.  RC_E_USAGE
 * when it does not fit. */
int shard_path(char dst[SHARD_PATH_LEN], const char *prefix, const char *name, bool flatten,
	       struct rc_err *err);
/* As stream_path() wants it: false when it does not fit. */
bool shard_flat_path(char *dst, size_t cap, const char *prefix, const char *name);
/* Names that mean the same: lower-case words, compared without regard to case. */
#define SHARD_REWARD_NAMES "reward rewards"
#define SHARD_DONE_NAMES "done dones terminal terminals is_terminal"
bool shard_is_one_of(const char *name, const char *words);
/* A path at the top of an episode: `known` when name is one of the words, else its own. */
bool shard_known_path(const char *name, const char *words, const char *known, char *dst,
		      size_t cap);
/* The part of s behind prefix, or s itself. */
const char *shard_skip(const char *s, const char *prefix);

/* One dataset to make. */
struct shard_dataset {
	hid_t type, plist;
	uint32_t rank;
	const uint64_t *dims;
};

/* --- h5file.c: the file ----------------------------------------------------------------------- */

int shard_file_create(const char *path, hid_t *file_out, struct rc_err *err);
/* Closes a file that nobody wants, and leaves its bytes as they are.  Negative ids are fine. */
void shard_file_discard(hid_t file);
/*
 * Writes the file anew.  How much of a dropped episode had been written depends on the size of
 * tiles, and with it the holes that are left and what libhdf5 puts into them; a file copied object
 * by object depends on the objects alone.
 */
int shard_file_compact(struct rc_shard *s, struct rc_err *err);
/* Creation properties of a class without object times; negative on failure. */
hid_t shard_plist_untimed(hid_t cls);

/* --- h5put.c: pieces of a file.  What an episode in progress makes is noted in s->made. ------- */

/* Makes the group and its parents where they are missing. */
int shard_group(struct rc_shard *s, const char *path, struct rc_err *err);
/* Makes and fills a contiguous dataset of one axis. */
int shard_array(struct rc_shard *s, const char *path, hid_t type, uint64_t n, const void *values,
		struct rc_err *err);
int shard_attr_string(struct rc_shard *s, const char *path, const char *name, const char *value,
		      struct rc_err *err);
int shard_attr_int(struct rc_shard *s, const char *path, const char *name, int64_t value,
		   struct rc_err *err);
int shard_attr_bool(struct rc_shard *s, const char *path, const char *name, bool value,
		    struct rc_err *err);
/* Makes the dataset, open, and the groups it needs. */
int shard_dataset(struct rc_shard *s, const char *path, const struct shard_dataset *d,
		  hid_t *id_out, struct rc_err *err);
/* Creation properties; negative on failure. */
hid_t shard_plist_contiguous(void);
hid_t shard_plist_chunked(const struct rc_out_stream *st, const struct rc_filter *filters,
			  uint32_t n_filters);
/* False when the library changed the parameters of the pipeline to suit the new dataset, so that
 * chunks made with the old ones would not decode. */
bool shard_pipeline_kept(hid_t dataset, const struct rc_filter *filters, uint32_t n_filters);

/* --- shard.c ---------------------------------------------------------------------------------- */

/* True when a stream of the episode in progress lies at this path below it. */
bool shard_has_stream(const struct rc_shard *s, const char *path);
/* begin() and begin_episode() where the file is the episode: time, validity and what else is known
 * of it lie below /robocache. */
int shard_lone_begin(struct rc_shard *s, struct rc_err *err);
int shard_lone_episode(struct rc_shard *s, const struct rc_out_episode *e, struct rc_err *err);

#endif
