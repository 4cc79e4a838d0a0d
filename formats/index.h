/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a scan found in one input: datasets as stored, streams, episodes, notes, conventions.
 * A reader process builds it, it travels as one flat block of bytes, and rc_index_open() checks
 * every number in it before the run looks at it: the process that made it parsed untrusted data.
 *
 * Everything is an array of plain records plus one pool of NUL-terminated strings; records refer
 * to each other by array position and to strings by pool offset (0 is the empty string).
 * An opened index is read-only and may be shared by threads.
 */
#ifndef RC_INDEX_H
#define RC_INDEX_H

#include "base/buf.h"
#include "base/episode.h"
#include "base/err.h"

enum { RC_MAX_FILTERS = 6, RC_MAX_FILTER_VALUES = 8 };
#define RC_NO_ADDRESS UINT64_MAX
#define RC_NO_DATASET UINT32_MAX
#define RC_LINKED_MANY UINT32_MAX

enum rc_storage {
	RC_STORE_CONTIGUOUS, /* stored_bytes at `address`: read with pread */
	RC_STORE_CHUNKED,    /* stored chunks through a reader, decoded by the run */
	RC_STORE_READER      /* decoded by libhdf5 in the reader: compact, rare filters, types */
};

struct rc_filter {
	int32_t id;     /* HDF5 filter number: 1 deflate, 2 shuffle, 3 fletcher32, 32015 zstd ... */
	uint32_t flags;
	uint32_t n_values;
	uint32_t values[RC_MAX_FILTER_VALUES];
};

enum rc_frame_codec { RC_FRAME_RAW, RC_FRAME_JPEG, RC_FRAME_PNG, RC_FRAME_CODECS };
const char *rc_frame_codec_name(uint32_t codec); /* "raw" "jpeg" "png" */

/* What --decode makes of encoded frames.  BGR: red and blue change places, because whoever encoded
 * them gave the encoder one for the other. */
enum rc_frame_order {
	RC_ORDER_ENCODED, /* nothing: rows are the encoded bytes */
	RC_ORDER_ASSUMED, /* RGB, which nobody said */
	RC_ORDER_RGB,
	RC_ORDER_BGR,
	RC_FRAME_ORDERS
};

/* Rows that are encoded pictures; all 0 for other rows. */
struct rc_frames {
	uint32_t codec; /* enum rc_frame_codec, of all rows */
	uint32_t order; /* enum rc_frame_order */
	uint32_t height, width, channels; /* of the first */
	uint32_t depth; /* bytes of a value: 1, or 2 of PNG */
	uint64_t max_bytes; /* of the longest, encoded; the others are padded to it with zeros */
};

/* One HDF5 dataset as it is stored, or one member of a dataset of records, whose path is that of
 * the dataset and the name of the member, and whose storage is READER.  Encoded frames are rows of
 * max_bytes uint8, whether the file has them as such, as strings or as sequences of various length
 * (READER); decoded, they are [height, width] or [height, width, channels] of uint8 or uint16
 * (READER). */
struct rc_dataset {
	uint32_t path;         /* string: absolute path in the file */
	uint32_t dtype;        /* enum rc_dtype, of the values that reading gives */
	uint32_t storage;      /* enum rc_storage */
	uint32_t big_endian;   /* stored values need swapping (CONTIGUOUS and CHUNKED only) */
	uint32_t rank;         /* 1 .. RC_MAX_RANK */
	uint32_t n_filters;
	uint32_t time_last;    /* READER: the file has dims 0 and 1 the other way around; rank 2 */
	uint32_t linked;       /* the file that it is in: 0, the input; 1 + the position of a linked
				* one, whose addresses these are; RC_LINKED_MANY: any (READER) */
	uint64_t dims[RC_MAX_RANK];
	uint64_t chunk[RC_MAX_RANK]; /* CHUNKED: extent of a chunk, all > 0 */
	uint64_t address;      /* CONTIGUOUS: byte offset in the file, user block included */
	uint64_t stored_bytes; /* as H5Dget_storage_size says */
	struct rc_filter filters[RC_MAX_FILTERS];
	struct rc_frames frames;
};

/* When the rows of a stream were taken. */
struct rc_stream_clock {
	uint32_t kind;       /* enum rc_clock_kind */
	uint32_t dataset;    /* MEASURED: 1-D stamps, as long as the stream's; else RC_NO_DATASET */
	uint32_t rows;       /* 0, or 1 + the position of a 1-D dataset as long as the stream's:
			      * rising whole numbers, the rows of the stamps that are its own */
	uint32_t pad;
	int64_t unit_num, unit_den; /* MEASURED: ns = stamp * unit_num / unit_den */
	uint32_t unit_name;  /* string: "ns" "us" "ms" "s" "step" */
	uint32_t unit_origin;/* string: "attribute" "layout" "map" "magnitude" */
	int64_t rate_num, rate_den; /* NOMINAL: Hz; 0/1 otherwise */
	uint32_t rate_origin;/* string: where the nominal rate comes from */
	uint32_t anchored;   /* NOMINAL: 1: row 0 is at first_ns on the origin of MEASURED clocks of
			      * the file; 0: nobody knows when row 0 was */
	int64_t first_ns, last_ns; /* absolute: of the first and the last row */
};

struct rc_stream {
	uint32_t name;       /* string, unique in the episode: "joint_pos", "images/cam_high" */
	uint32_t dataset;
	uint32_t kind;       /* enum rc_kind */
	uint32_t role;       /* enum rc_role */
	uint64_t row0;       /* rows [row0, row0 + n_rows) of the dataset belong to the episode */
	uint64_t n_rows;
	struct rc_stream_clock clock;
	uint32_t quat_order; /* string: "xyzw" "wxyz" or "" */
	uint32_t quat_origin;/* string: "attribute" "layout" "map" "assumed" or "" */
	uint32_t unit;       /* string: the values' unit attribute or "" */
	uint32_t pad;
};

struct rc_index_episode {
	uint32_t key;          /* string: path of the episode in the file: "data/demo_0", "/" */
	uint32_t first_stream, n_streams;
	uint32_t language;     /* string, "" when unknown */
	uint32_t env_args;     /* string: robomimic's JSON, "" when absent */
	uint32_t model_file;   /* string: MuJoCo XML or its name, "" when absent */
	int32_t success;       /* 1, 0, -1 unknown */
	uint32_t sim;          /* ALOHA's root attribute: 1, 0; UINT32_MAX absent */
};

/* A finding with a stable code: "constant_stream", "empty_stream", "length_mismatch" ... */
struct rc_note {
	uint32_t severity;     /* enum rc_severity */
	uint32_t code, where, message; /* strings; where is a path in the file */
	uint32_t episode;      /* position, or UINT32_MAX for the file */
};

struct rc_index_convention {
	uint32_t key, value, origin, where; /* strings: "quaternion_order" "xyzw" "layout" "..." */
};

/* Another file that a scan followed the input to.  The run opened it and told this of it. */
struct rc_linked {
	uint32_t path;         /* string: below the root of the index */
	uint32_t pad;
	uint64_t bytes;
	int64_t mtime_ns;
};

struct rc_index {
	/* set by whoever asked for the scan, not by the reader */
	char *path;              /* as given by the user; owned */
	uint64_t file_bytes;
	int64_t mtime_ns;
	uint64_t beside_bytes;   /* of the JSON file beside it (sidecar.h); 0 and 0: none */
	int64_t beside_mtime_ns;
	char *root;              /* owned: directory of linked files; NULL: there are none */
	uint64_t refused;        /* names of linked files that led nowhere in the scan */
	uint64_t serial;         /* unlike that of any other index of this process */
	/* from the reader */
	uint32_t layout, layout_reason; /* strings */
	uint32_t layout_score;
	uint32_t user_block;     /* bytes before the HDF5 signature */
	const struct rc_dataset *datasets;
	const struct rc_stream *streams;
	const struct rc_index_episode *episodes;
	const struct rc_note *notes;
	const struct rc_index_convention *conventions;
	const struct rc_linked *linked;
	const char *strings;
	uint32_t n_datasets, n_streams, n_episodes, n_notes, n_conventions, n_linked;
	uint32_t n_string_bytes;
	void *block;             /* owned: the bytes all of the above point into */
	size_t block_bytes;
};

static inline const char *rc_index_str(const struct rc_index *ix, uint32_t off)
{
	return ix->strings + off;
}
uint64_t rc_dataset_row_bytes(const struct rc_dataset *d);    /* of decoded values */
uint64_t rc_dataset_chunk_bytes(const struct rc_dataset *d);  /* the same; 0: not chunked */
uint64_t rc_dataset_row_elements(const struct rc_dataset *d); /* product of dims[1..] */

/* Takes `block` (malloc'd, n bytes) from a reader, checks all of it against file_bytes, and gives
 * an index.  On failure block is freed.  path is copied. */
int rc_index_open(void *block, size_t n, const char *path, uint64_t file_bytes,
		  struct rc_index **ix_out, struct rc_err *err);
void rc_index_free(struct rc_index *ix);
/* A file of the index, for those who open it: position 0 the input, others as in rc_dataset.linked.
 * The path is malloc'd and given. */
struct rc_index_file {
	char *path;
	uint64_t bytes;
	int64_t mtime_ns;
};
uint64_t rc_index_file_bytes(const struct rc_index *ix, const struct rc_dataset *d);
int rc_index_file(const struct rc_index *ix, uint32_t position, struct rc_index_file *f_out,
		  struct rc_err *err);
/* Encoded frames become images of the index's one owner, before others see it: their datasets and
 * the kind of their streams.  Those that this build does not decode, or whose head was not
 * understood (height 0), stay as they are. */
void rc_index_decode(struct rc_index *ix, enum rc_frame_order order);
/* Whether this build decodes the codec, and the library that does: "libpng". */
bool rc_frames_decodable(const struct rc_frames *f);
const char *rc_frames_library(const struct rc_frames *f);

/* --- building, in the reader process ------------------------------------------------------- */

struct rc_index_builder;
int rc_index_builder_new(struct rc_index_builder **b_out, struct rc_err *err);
void rc_index_builder_free(struct rc_index_builder *b);
/* Strings are shared when equal.  Failures stick and surface in rc_index_builder_end(). */
uint32_t rc_ixb_str(struct rc_index_builder *b, const char *s);
uint32_t rc_ixb_dataset(struct rc_index_builder *b, const struct rc_dataset *d);
uint32_t rc_ixb_episode(struct rc_index_builder *b, const struct rc_index_episode *e);
/* Adds to the episode begun last. */
uint32_t rc_ixb_stream(struct rc_index_builder *b, const struct rc_stream *s);
/* Whether a note with this code is about this place. */
bool rc_ixb_noted(struct rc_index_builder *b, const char *code, const char *where);
void rc_ixb_note(struct rc_index_builder *b, enum rc_severity sev, const char *code,
		 const char *where, const char *fmt, ...) RC_PRINTF(5, 6);
void rc_ixb_convention(struct rc_index_builder *b, const char *key, const char *value,
		       const char *origin, const char *where);
void rc_ixb_linked(struct rc_index_builder *b, const char *path, uint64_t bytes,
		   int64_t mtime_ns);
void rc_ixb_layout(struct rc_index_builder *b, const char *name, uint32_t score,
		   const char *reason, uint32_t user_block);
/* Records already added, to amend before the end (clock of a stream, say). */
struct rc_stream *rc_ixb_stream_at(struct rc_index_builder *b, uint32_t i);
const char *rc_ixb_str_at(const struct rc_index_builder *b, uint32_t off);
/* The finished block, malloc'd, given to the caller. */
int rc_index_builder_end(struct rc_index_builder *b, void **block_out, size_t *n_out,
			 struct rc_err *err);

#endif
