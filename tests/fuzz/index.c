/* SPDX-License-Identifier: Apache-2.0 */
/* The index that a reader process sends back: untrusted, and checked before anybody looks at it. */
#include "base/compat.h"

#include <stdlib.h>

#include "base/mem.h"
#include "formats/index.h"
#include "tests/fuzz/fuzz.h"

enum { FILE_BYTES = 1 << 20 };

static size_t sum; /* of all that is looked at, so that it is */

static void look(const struct rc_index *ix)
{
	sum += strlen(rc_index_str(ix, ix->layout)) + strlen(rc_index_str(ix, ix->layout_reason));
	for (uint32_t i = 0; i < ix->n_datasets; i++) {
		const struct rc_dataset *d = &ix->datasets[i];

		FUZZ_CHECK(d->rank >= 1 && d->rank <= RC_MAX_RANK);
		sum += strlen(rc_index_str(ix, d->path)) + rc_dataset_row_bytes(d) +
		       rc_dataset_chunk_bytes(d) + rc_dataset_row_elements(d);
		FUZZ_CHECK(d->storage != RC_STORE_CONTIGUOUS || d->address < FILE_BYTES);
	}
	for (uint32_t i = 0; i < ix->n_streams; i++) {
		const struct rc_stream *s = &ix->streams[i];

		FUZZ_CHECK(s->dataset < ix->n_datasets);
		FUZZ_CHECK(s->row0 + s->n_rows <= ix->datasets[s->dataset].dims[0]);
		sum += strlen(rc_index_str(ix, s->name)) + strlen(rc_index_str(ix, s->unit));
	}
	for (uint32_t i = 0; i < ix->n_episodes; i++) {
		const struct rc_index_episode *e = &ix->episodes[i];

		FUZZ_CHECK(e->first_stream + e->n_streams <= ix->n_streams);
		sum += strlen(rc_index_str(ix, e->key)) + strlen(rc_index_str(ix, e->env_args));
	}
	for (uint32_t i = 0; i < ix->n_notes; i++)
		sum += strlen(rc_index_str(ix, ix->notes[i].message));
	for (uint32_t i = 0; i < ix->n_conventions; i++)
		sum += strlen(rc_index_str(ix, ix->conventions[i].value));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct rc_index *ix = NULL;
	struct rc_err err;
	void *block = malloc(n ? n : 1);

	memcpy(block, p, n);
	if (rc_index_open(block, n, "fuzz.h5", FILE_BYTES, &ix, &err))
		return 0;
	look(ix);
	rc_index_decode(ix, RC_ORDER_RGB);
	look(ix);
	rc_index_free(ix);
	return 0;
}

static uint32_t add_dataset(struct rc_index_builder *b, const char *path, enum rc_dtype type,
			    uint64_t width)
{
	struct rc_dataset d = {.path = rc_ixb_str(b, path), .dtype = type, .rank = 2,
			       .storage = RC_STORE_CHUNKED, .n_filters = 1,
			       .dims = {40, width}, .chunk = {8, width}, .stored_bytes = 1000,
			       .filters = {{.id = 1}}};

	return rc_ixb_dataset(b, &d);
}

static void put_index(void (*put)(const char *, const void *, size_t), const char *name,
		      uint32_t n_episodes)
{
	struct rc_index_builder *b = NULL;
	void *block = NULL;
	size_t n = 0;

	FUZZ_CHECK(rc_index_builder_new(&b, NULL) == 0);
	rc_ixb_layout(b, "robomimic", 95, "a reason", 0);
	for (uint32_t i = 0; i < n_episodes; i++) {
		uint32_t d = add_dataset(b, i ? "/data/demo_1/actions" : "/data/demo_0/actions",
					 RC_F64, 7);
		struct rc_index_episode e = {.key = rc_ixb_str(b, i ? "data/demo_1"
								    : "data/demo_0"),
					     .success = -1, .sim = UINT32_MAX};
		struct rc_stream s = {.name = rc_ixb_str(b, "actions"), .dataset = d,
				      .kind = RC_KIND_LOWDIM, .role = RC_ROLE_ACTION,
				      .n_rows = 40,
				      .clock = {.dataset = RC_NO_DATASET, .rate_den = 1}};

		rc_ixb_episode(b, &e);
		rc_ixb_stream(b, &s);
	}
	rc_ixb_note(b, RC_NOTE_WARNING, "no_clock", "/data", "a note");
	rc_ixb_convention(b, "quaternion_order", "xyzw", "layout", "/data");
	FUZZ_CHECK(rc_index_builder_end(b, &block, &n, NULL) == 0);
	put(name, block, n);
	free(block);
	rc_index_builder_free(b);
}

void fuzz_seeds(void (*put)(const char *name, const void *p, size_t n))
{
	put_index(put, "one", 1);
	put_index(put, "two", 2);
}
