/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reader processes.  libhdf5 is not safe on bad files, so every input is parsed in a disposable
 * child.  rc_readers_start() forks a small spawner process before the run has threads or a CUDA
 * context; readers are forked from it on demand, each under rlimits, each serving one thread of
 * the run over a socket and a sealed block of shared memory.  A reader that crashes, hangs or
 * breaks a limit costs the request in hand (RC_E_READER with the signal or limit in the message);
 * the next request gets a fresh one.  One that was killed from outside (SIGKILL) costs nothing, and
 * one that had other files before says nothing for sure about this one: a fresh one is asked again,
 * once.  One that has seen damage is asked no more.
 *
 * A struct rc_reader belongs to one thread at a time.  Results are untrusted: the index is checked
 * by rc_index_open(), chunk sizes against the shared block.  A request given up because the run is
 * to stop is RC_E_INTERRUPTED.
 */
#ifndef RC_READER_H
#define RC_READER_H

#include "base/sandbox.h"
#include "formats/index.h"

struct rc_readers;
struct rc_reader;

struct rc_reader_limits {
	uint64_t memory_bytes;  /* address space of a reader; 0: 1 GiB */
	uint64_t shared_bytes;  /* its shared block; 0: 16 MiB */
	uint64_t cache_bytes;   /* chunks that several requests need, for all; 0: 4 MiB */
	int64_t timeout_ns;     /* a request may take this plus file size / 20 MB/s; 0: 60 s */
	enum rc_sandbox_mode sandbox; /* RC_E_HOST where it is required and cannot be had */
	bool (*stop)(void);     /* asked while waiting: true gives the request up; NULL: never */
};

int rc_readers_start(const struct rc_reader_limits *limits, struct rc_readers **p_out,
		     struct rc_err *err);
/* Size of the block that each reader shares with the run. */
uint64_t rc_readers_shared_bytes(const struct rc_readers *p);
/* What readers gave up: they open no file, and get descriptors of their input. */
const struct rc_sandbox *rc_readers_sandbox(const struct rc_readers *p);
/* Ends the spawner and every reader. */
void rc_readers_stop(struct rc_readers *p);

/*
 * Files that were unpacked from containers are inputs by their names in u, which outlives p; NULL:
 * there are none.  Whoever reads such a file through a reader or a struct rc_input holds it
 * meanwhile.  For all other files the following do nothing.
 */
struct rc_unpacked;
void rc_readers_use(struct rc_readers *p, struct rc_unpacked *u);
/* As rc_unpacked_look(). */
struct rc_unpacked_id;
bool rc_readers_look(const struct rc_readers *p, const char *path, struct rc_unpacked_id *id_out);
/* Has it there, waiting for room if need be: the caller holds no other one.  One release for each
 * hold that succeeded. */
int rc_readers_hold(struct rc_readers *p, const char *path, struct rc_err *err);
void rc_readers_release(struct rc_readers *p, const char *path);
/* For those who hold several: room is asked for, then it is claimed, then had there, which never
 * waits.  One release for each claim. */
bool rc_readers_have_room(struct rc_readers *p, const char *path);
void rc_readers_claim(struct rc_readers *p, const char *path);
int rc_readers_ready(struct rc_readers *p, const char *path, struct rc_err *err);

/* A handle; the process behind it is started by the first request. */
int rc_reader_new(struct rc_readers *p, struct rc_reader **r_out, struct rc_err *err);
void rc_reader_free(struct rc_reader *r);
/* What all readers of the pool share. */
struct chunk_cache;
struct chunk_cache *rc_reader_cache(struct rc_reader *r);
struct rc_readers *rc_reader_pool(struct rc_reader *r);
struct rc_codec_count;
void rc_reader_add_codecs(struct rc_reader *r, const struct rc_codec_count *counts);

struct rc_scan_options {
	const char *layout; /* a name, the text of a map (map.h), or NULL to probe */
	const char *root;   /* a directory above path, whose files it may refer to; NULL: to none */
};

/* Opens path (a regular file, not through a symlink loop, never blocking), parses it, gives its
 * index. */
int rc_reader_scan(struct rc_reader *r, const char *path, const struct rc_scan_options *opt,
		   struct rc_index **ix_out, struct rc_err *err);

/* One stored chunk, in the reader's shared block, valid until the next request. */
struct rc_stored_chunk {
	const void *bytes;
	size_t n;
	uint32_t mask; /* HDF5 filter mask: bit k set = filter k was not applied */
};

/* Where the stored bytes of a chunk lie in the file; n = 0: not there, or not known. */
struct rc_place {
	uint64_t address;
	uint32_t n, mask;
};

/* The places of all n chunks of a dataset, in the order of their ids, into p_out; *known_out is
 * false where the reader cannot tell them quickly.  They lie inside the dataset's file as it was
 * scanned. */
int rc_reader_places(struct rc_reader *r, const struct rc_index *ix, uint32_t i_dataset,
		     struct rc_place *p_out, size_t n, bool *known_out, struct rc_err *err);

/*
 * The stored chunks `ids` (linear over the chunk grid, last axis fastest) of dataset i_dataset.
 * As many as fit the shared block are returned, at least one unless it is larger than the block.
 * A missing chunk inside the extent is RC_E_FORMAT "missing_chunk".
 */
int rc_reader_chunks(struct rc_reader *r, const struct rc_index *ix, uint32_t i_dataset,
		     const uint64_t *ids, size_t n_ids, struct rc_stored_chunk *chunks_out,
		     size_t *n_done_out, struct rc_err *err);

/* Rows [row0, row0 + n) decoded by libhdf5 to native values of the dataset's dtype; of encoded
 * frames that rc_index_decode() made images the pixels, or RC_E_FORMAT "bad_frame". */
int rc_reader_rows(struct rc_reader *r, const struct rc_index *ix, uint32_t i_dataset,
		   uint64_t row0, uint64_t n, void *dst, size_t dst_bytes, struct rc_err *err);

/* For tests: makes the reader crash (op "crash"), hang ("hang") or allocate ("memory"). */
int rc_reader_misbehave(struct rc_reader *r, const char *how, struct rc_err *err);

#endif
