/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.json: which shards make up a dataset, their sizes and digests, and where each episode
 * came from.  It holds nothing that differs between two runs over the same data (no times, hosts
 * or absolute paths), so equal datasets have equal manifests.
 */
#ifndef RC_MANIFEST_H
#define RC_MANIFEST_H

#include "base/json.h"
#include "writer.h"

#define RC_MANIFEST_NAME "manifest.json"
#define RC_MANIFEST_SCHEMA "robocache-manifest-1"

int rc_manifest_write(const char *dir, const struct rc_writer *w, const char *recipe_json,
		      struct rc_err *err);

/* A manifest read back, every field checked. */
struct rc_manifest_shard {
	const char *path; /* relative to the manifest; no "..", not absolute */
	uint64_t bytes, n_episodes;
	const char *digest;
	const char *unpacked_digest; /* of what is in a packed shard; or NULL */
};
struct rc_manifest {
	struct rc_json *root; /* owns the strings */
	struct rc_manifest_shard *shards;
	size_t n_shards;
	bool as_written; /* its digest of itself is right */
};
/* dir/manifest.json; RC_E_INPUT when it is missing, RC_E_FORMAT when it is wrong. */
int rc_manifest_read(const char *dir, struct rc_manifest *m_out, struct rc_err *err);
void rc_manifest_release(struct rc_manifest *m);

#endif
