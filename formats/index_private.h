/* SPDX-License-Identifier: Apache-2.0 */
/* The block that an index travels in: this header, then the arrays in the order of its counts,
 * then the string pool, with nothing between them. */
#ifndef RC_INDEX_PRIVATE_H
#define RC_INDEX_PRIVATE_H

#include "formats/index.h"

#define RC_INDEX_MAGIC 0x3358444e49434f52ull /* changes whenever a record changes */

struct rc_index_header {
	uint64_t magic;
	uint64_t n_bytes; /* of the whole block */
	uint32_t layout, layout_reason, layout_score, user_block;
	uint32_t n_datasets, n_streams, n_episodes, n_linked, n_notes, n_conventions;
	uint32_t n_string_bytes, pad;
};

/* index_frames.c: what d says of encoded frames, as a reader sends it. */
bool index_frames_ok(const struct rc_dataset *d);

_Static_assert(sizeof(struct rc_index_header) % 8 == 0, "records follow the header");
_Static_assert(sizeof(struct rc_dataset) % 8 == 0, "streams follow datasets");
_Static_assert(sizeof(struct rc_stream) % 8 == 0 && sizeof(struct rc_linked) % 8 == 0,
	       "episodes follow linked files, and these streams");
_Static_assert(sizeof(struct rc_index_episode) % 4 == 0, "notes follow episodes");
_Static_assert(sizeof(struct rc_note) % 4 == 0, "conventions follow notes");

#endif
