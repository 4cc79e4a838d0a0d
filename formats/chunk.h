/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading rows of an input dataset into memory, whatever its storage: contiguous blocks with
 * pread, stored chunks through a reader process and decoded here, the rest decoded by the reader.
 * A struct rc_input belongs to one thread: it holds that thread's reader, a few open descriptors,
 * codec contexts and scratch.  Values come out in native byte order.
 */
#ifndef RC_CHUNK_H
#define RC_CHUNK_H

#include "formats/codec.h"
#include "formats/reader.h"

struct rc_input;
int rc_input_new(struct rc_readers *pool, struct rc_input **in_out, struct rc_err *err);
void rc_input_free(struct rc_input *in);
struct rc_reader *rc_input_reader(struct rc_input *in);

struct rc_row_run {
	uint64_t row0, n; /* rows of the dataset */
};

/*
 * Fills dst with the rows of `runs` (ascending, not overlapping, inside the extent), one run after
 * the other.  Only the chunks that hold such rows are read, each once.  dst_bytes must be the
 * exact size.  A file that changed since the scan (size or mtime) is RC_E_INPUT "input_changed".
 */
int rc_input_rows(struct rc_input *in, const struct rc_index *ix, uint32_t i_dataset,
		  const struct rc_row_run *runs, size_t n_runs, void *dst, size_t dst_bytes,
		  struct rc_err *err);

/* True when every stored chunk is exactly one whole row, so that rows can be copied compressed. */
bool rc_dataset_row_chunks(const struct rc_dataset *d);
/* The stored bytes of the chunk that is row `row`; only where rc_dataset_row_chunks().  The bytes
 * are valid until the next call on `in`. */
int rc_input_stored_row(struct rc_input *in, const struct rc_index *ix, uint32_t i_dataset,
			uint64_t row, struct rc_stored_chunk *chunk_out, struct rc_err *err);

/* Bytes read from files and decoded so far by this input, for the report. */
struct rc_input_counters {
	uint64_t reads, read_bytes, decoded_bytes, chunks; /* reads: of contiguous rows */
	int64_t read_ns, decode_ns;
};
void rc_input_counters(const struct rc_input *in, struct rc_input_counters *c_out);
/* What all inputs of the pool that were freed by now did, by the codec that the file uses. */
struct rc_codec_count {
	uint64_t decoded_chunks, decoded_in_bytes, decoded_out_bytes;
	uint64_t copied_chunks, copied_bytes; /* as they were stored */
};
void rc_readers_codecs(struct rc_readers *pool, struct rc_codec_count counts_out[RC_N_CODECS]);

/* All stamps of a clock as int64 ns, absolute; n must be the clock dataset's length and unit as in
 * the stream's clock.  Float stamps are rounded to the nearest ns; NaN or out of range is
 * RC_E_FORMAT "bad_clock". */
int rc_input_clock(struct rc_input *in, const struct rc_index *ix, const struct rc_stream *s,
		   int64_t *t_ns_out, struct rc_err *err);

#endif
