/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan: which output streams each episode gets, how they are made, and which shard each
 * episode goes to.  It depends on the scanned inputs and the recipe only, so every run over the
 * same data makes the same plan.  Strings live as long as the plan, the scan and the recipe.
 */
#ifndef RC_PLAN_H
#define RC_PLAN_H

#include "formats/shard.h"
#include "form.h"
#include "problems.h"
#include "recipe.h"
#include "scan.h"
#include "turn.h"

/* One input stream of an output stream. */
struct rc_plan_source {
	uint32_t nth;             /* of the streams of its episode: rc_plan_input() */
	enum rc_method method;
	enum rc_clock_kind clock; /* what counts in this run: --source-rate makes NONE NOMINAL */
	struct rc_rate rate;      /* NOMINAL */
	bool anchored;            /* NOMINAL: row 0 is at start_ns on the origin of stamps */
	int64_t start_ns;
	const char *rate_origin;  /* "option" "env_args control_freq" ... */
	int64_t latency_ns;
	int repairs;              /* MEASURED: enum rc_repair */
	uint32_t column, width;   /* in the output row, elements; width: of the source's rows, as
				   * they are where its rotations are quaternions */
	uint32_t buffer_column;   /* in the row that is computed: struct rc_plan_stream */
	int8_t quat_first;        /* slerp: first quaternion column of the source, else -1 */
	enum rc_quat_order quat_order; /* of a source with quaternions, */
	uint8_t quat_at;          /* which begin there in its row, one after the other, */
	uint32_t n_quats;         /* so many, */
	int turn;                 /* and what they become: enum rc_turn, or 0 */
	struct rc_form form;      /* of its rotations in the file, where rows have other than */
	uint32_t stored_width;    /* width values: they become quaternions as they are read */
};

/* One output dataset of an episode; episodes that are made alike share it. */
struct rc_plan_stream {
	char *name;
	enum rc_role role;
	enum rc_kind kind;
	enum rc_dtype dtype;
	uint32_t rank;
	uint64_t dims[RC_MAX_RANK]; /* dims[0] is 0: the timeline is not known yet */
	uint64_t row_elements, row_bytes;
	uint64_t buffer_elements; /* of a row as it is computed, before rc_turn_rows() */
	struct rc_plan_source *sources;
	size_t n_sources;
	bool is_group;
	int turns;    /* enum rc_turn: what is done to finished rows */
	bool takes_end; /* a flag for the end: its last tick takes the last row, see rc_tick_of() */
	bool copies;  /* one picking source of the same dtype: rows are copied, nothing computed */
	bool stored;  /* copies, and each row is one stored chunk that goes out as it came in */
	struct rc_encoding encoding;
	const char *method; /* for attributes: "linear", "fused" */
	char *members; /* of a group: "qpos,gripper"; NULL otherwise.  See rc_plan_source_text() */
};

/* Values of a source in the output: a quaternion may become more or fewer. */
static inline uint32_t rc_plan_placed(const struct rc_plan_source *src)
{
	return src->turn ? src->width + rc_turn_width(src->turn) - 4 : src->width;
}

/* The type of a source's values, and the bytes that a row takes, as they are computed with. */
static inline enum rc_dtype rc_plan_dtype(const struct rc_plan_source *src,
					  const struct rc_dataset *d)
{
	bool wide = src->form.turn && d->dtype != RC_F64;

	return wide ? RC_F32 : (enum rc_dtype)d->dtype;
}
static inline uint64_t rc_plan_row_bytes(const struct rc_plan_source *src,
					 const struct rc_dataset *d)
{
	uint64_t stored = rc_dataset_row_bytes(d);
	uint64_t row = src->form.turn ? src->width * rc_dtype_size(rc_plan_dtype(src, d)) : 0;

	return row > stored ? row : stored;
}

/* All output streams of an episode, in order. */
struct rc_plan_set {
	struct rc_plan_stream *streams;
	size_t n_streams;
};

enum rc_timing {
	RC_TIMING_STEPS,   /* step for step: row k of every stream is tick k */
	RC_TIMING_RATE,    /* a grid of the asked rate */
	RC_TIMING_STAMPS   /* the reference stream's own stamps */
};

struct rc_plan_episode {
	size_t i_file;         /* in the scan */
	uint32_t i_episode;    /* in that file's index */
	char *id;              /* "raw/ep_3.h5:data/demo_0" */
	const char *split;     /* borrowed from the recipe, or NULL */
	const struct rc_plan_stream *streams; /* of a set of the plan */
	size_t n_streams;
	enum rc_timing timing;
	bool has_reference;
	struct rc_plan_source reference; /* the stream whose time rules, with its clock */
	uint64_t est_ticks, est_bytes; /* from the clocks' ends; for shards and progress */
	size_t shard;
	struct rc_err *err;    /* why this episode cannot be converted, or NULL */
};

struct rc_plan_shard {
	size_t first, n;       /* positions in `order`: episodes that are planned to work */
};

struct rc_plan {
	const struct rc_scan *scan;
	struct rc_plan_episode *episodes; /* natural order of inputs and names */
	size_t n_episodes, n_failed;
	struct rc_plan_set *sets;         /* each once, as far as plan_share() looks back */
	size_t n_sets, cap_sets;
	size_t *order;                    /* the episodes that go ahead */
	size_t n_order;
	struct rc_plan_shard *shards;
	size_t n_shards;
	const struct rc_shard_layout *layout;
	char **names;                     /* every input stream name seen, sorted, once */
	size_t n_names;
};

/*
 * Makes the plan.  RC_E_USAGE when the recipe does not fit the data as a whole: a pattern matches
 * nothing, or no episode can be converted because of what was asked.  An episode that alone does
 * not fit is marked with its error.  Findings go to `problems`.
 */
int rc_plan_make(const struct rc_scan *scan, struct rc_recipe *recipe,
		 struct rc_problems *problems, struct rc_plan *plan_out, struct rc_err *err);
void rc_plan_release(struct rc_plan *p);

/* The plan as text for --dry-run. */
void rc_plan_print(const struct rc_plan *p, const struct rc_recipe *recipe, struct rc_buf *b);

/* The input stream of a source of this episode. */
static inline const struct rc_stream *rc_plan_input(const struct rc_index *ix,
						    const struct rc_plan_episode *e,
						    const struct rc_plan_source *src)
{
	return &ix->streams[ix->episodes[e->i_episode].first_stream + src->nth];
}
/* The path below its episode that the source of an output stream has; "" for a group and where the
 * user gave it another name. */
const char *rc_plan_place(const struct rc_index *ix, const struct rc_plan_episode *e,
			  const struct rc_plan_stream *s);
/* Where an output stream comes from: the members of a group, else the path of its dataset. */
const char *rc_plan_source_text(const struct rc_index *ix, const struct rc_plan_episode *e,
				const struct rc_plan_stream *s);

static inline const struct rc_index *rc_plan_index(const struct rc_plan *p,
						   const struct rc_plan_episode *e)
{
	return p->scan->files[e->i_file].index;
}

#endif
