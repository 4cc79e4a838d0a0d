/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checking a converted dataset against its manifest: are all shards there and unchanged, is there
 * nothing else, and, with `deep`, can every value be decoded, is it finite, do clocks never go
 * back.  Damage is a finding, never an error of the check.
 */
#ifndef RC_VERIFY_H
#define RC_VERIFY_H

#include "formats/reader.h"
#include "manifest.h"

/* Findings of one code about one stream are one, with a count. */
struct rc_finding {
	enum rc_severity severity; /* WARNING: legal but odd; ERROR: damaged */
	char *code;                /* "digest_mismatch" "non_finite" ... */
	char *where;               /* the stream or path it is about; "" for the whole */
	char *message;             /* of the first one */
	uint64_t count;
};
struct rc_findings {
	struct rc_finding *f;
	size_t n, cap;
	size_t n_errors, n_warnings; /* entries of f */
	bool lost;                   /* memory ran out: some are missing */
};

struct rc_verified_shard {
	const struct rc_manifest_shard *expected;
	struct rc_findings findings;
	bool missing;
	uint64_t n_datasets, decoded_bytes; /* by the deep check */
};

struct rc_verified {
	char *dir;
	struct rc_manifest manifest;
	struct rc_verified_shard *shards; /* as in the manifest */
	char **extra;                     /* names of shards the manifest does not know */
	size_t n_extra, cap_extra;
	struct rc_findings findings;      /* about the dataset as a whole, extra shards included */
	/* shards by outcome; missing ones are damaged too */
	size_t n_ok, n_damaged, n_missing, n_warnings;
};

struct rc_verify_options {
	struct rc_readers *readers;
	int n_threads;
	bool deep;
	const char *scratch_dir; /* for packed shards in the deep check */
};

/*
 * `name` is a directory or its manifest.json.  Fails when there is nothing to check: RC_E_USAGE
 * when the name is wrong, RC_E_INPUT without a manifest, RC_E_FORMAT when it cannot be understood.
 */
int rc_verify_dataset(const struct rc_verify_options *opt, const char *name,
		      struct rc_verified *v_out, struct rc_err *err);
void rc_verified_release(struct rc_verified *v);

/* --- inside ----------------------------------------------------------------------------------- */

void rc_findings_add(struct rc_findings *fs, const struct rc_finding *kind, const char *fmt, ...)
	RC_PRINTF(3, 4);

/* The deep check of one shard (verify_deep.c), read as input layout `layout`; `episodes` is the
 * manifest's list of them. */
struct rc_input;
void rc_verify_deep(struct rc_input *in, const char *path, const char *layout,
		    const struct rc_json *episodes, struct rc_verified_shard *s);

#endif
