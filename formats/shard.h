/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing shards.  One writer is one HDF5 file under a temporary name; the caller commits it.  All
 * calls come from one thread (the only one in the run that touches libhdf5).  The bytes written
 * depend on the calls alone: no object times, no wall clock, no host names.
 *
 * To add an output layout: formats/shard_x.c with `const struct rc_shard_layout rc_shard_layout_x`,
 * a row in formats/shards.def, the file in Makefile.am, a paragraph in man/robocache-convert.1.
 */
#ifndef RC_SHARD_H
#define RC_SHARD_H

#include "base/episode.h"
#include "formats/codec.h"

/* One dataset of an output episode. */
struct rc_out_stream {
	const char *name;      /* "joint_pos"; the layout decides what a "/" in it means */
	const char *place;     /* path below its episode in the source; "" for a fuse group and
				* where the user gave it another name */
	enum rc_role role;
	enum rc_kind kind;
	enum rc_dtype dtype;
	uint32_t rank;
	uint64_t dims[RC_MAX_RANK]; /* dims[0] = number of ticks */
	uint64_t chunk_rows;   /* rows of a chunk; 0: contiguous (encoding NONE only) */
	struct rc_encoding encoding;
	uint32_t n_filters;    /* > 0: stored chunks are passed through, with these filters */
	struct rc_filter filters[RC_MAX_FILTERS];
	/* attributes on the dataset, "" for none */
	const char *method;    /* "linear" ...; "fused" for a group */
	const char *source;    /* path in the source file, or the members of a group */
	const char *unit;
	const char *quat_order;
	const char *rotation;  /* of quaternions that became another form: "6d-rows" */
	const char *frames;    /* ENCODED: "jpeg" */
	const uint8_t *valid;  /* dims[0] bytes, 0 = invalid tick; NULL: all valid */
};

struct rc_out_episode {
	const char *id;            /* "raw/ep_3.h5:data/demo_0", stable across runs and machines */
	const char *split;         /* "train", or NULL */
	const char *language, *env_args, *model_file; /* "" for none */
	int success;               /* 1, 0, -1 unknown */
	int sim;                   /* 1, 0, -1 unknown */
	const struct rc_out_stream *streams;
	size_t n_streams;
	uint64_t n_ticks;
	const int64_t *ticks;      /* n_ticks, ns since the origin; NULL: step index only */
	int64_t origin_ns;         /* absolute time of tick value 0 */
	const char *clock;         /* "measured" "nominal" "none" */
};

struct rc_shard_info {         /* root attributes */
	const char *version;       /* of the program */
	const char *recipe_json;   /* canonical text of what was asked */
};

struct rc_shard; /* an open writer */

struct rc_shard_layout {
	const char *name, *summary;
	bool one_episode_per_shard;
	bool tells_streams; /* paths do not: datasets have attributes with name, role and kind */
	const char *input_layout; /* the input layout that reads it back */
	/* "shard-00000.h5" for shard i */
	void (*file_name)(uint64_t i, char *dst, size_t cap);
	/* Name of episode i of the shard inside the file, for reports and masks: "demo_0". */
	void (*episode_name)(uint64_t i, char *dst, size_t cap);
	/* Path of a stream below the episode: "obs/joint_pos".  False: it has no place here. */
	bool (*stream_path)(const struct rc_out_stream *s, char *dst, size_t cap);
	int (*begin)(struct rc_shard *s, struct rc_err *err);
	int (*begin_episode)(struct rc_shard *s, const struct rc_out_episode *e,
			     struct rc_err *err);
	int (*end)(struct rc_shard *s, struct rc_err *err);
};
extern const struct rc_shard_layout *const rc_shard_layouts[];
extern const size_t rc_n_shard_layouts;
const struct rc_shard_layout *rc_shard_layout_find(const char *name);

/* Paths of streams that are the same, or one is a group that the other needs. */
bool rc_shard_paths_collide(const char *a, const char *b);
/* Prepares libhdf5; once, before the process has threads. */
void rc_shard_init(void);
/* Creates (truncates) the file at path. */
int rc_shard_create(const char *path, const struct rc_shard_layout *layout,
		    const struct rc_shard_info *info, struct rc_shard **s_out, struct rc_err *err);
/* Groups, datasets and attributes of the next episode; e is borrowed until its end or drop. */
int rc_shard_begin_episode(struct rc_shard *s, const struct rc_out_episode *e,
			   struct rc_err *err);
/* Rows [row0, row0 + n) of a contiguous stream. */
int rc_shard_write_rows(struct rc_shard *s, size_t i_stream, uint64_t row0, uint64_t n,
			const void *rows, struct rc_err *err);
/* The encoded chunk that starts at row0. */
int rc_shard_write_chunk(struct rc_shard *s, size_t i_stream, uint64_t row0, const void *bytes,
			 size_t n, uint32_t mask, struct rc_err *err);
int rc_shard_end_episode(struct rc_shard *s, struct rc_err *err);
/* Takes the unfinished episode out again; its number goes to the next one. */
int rc_shard_drop_episode(struct rc_shard *s, struct rc_err *err);
uint64_t rc_shard_n_episodes(const struct rc_shard *s);
/* Masks, totals, the complete flag; closes the file and frees s, also on failure. */
int rc_shard_close(struct rc_shard *s, struct rc_err *err);
/* Frees s without finishing the file, which the caller removes.  NULL is fine. */
void rc_shard_abandon(struct rc_shard *s);

#endif
