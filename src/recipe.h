/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recipe: what to do to each stream, checked and ready to ask.  A recipe file is a JSON object
 * whose keys are the long option names with '_' for '-'; option beats environment beats recipe
 * beats default, a whole option at a time.  Rules that name streams are globs over stream names;
 * where several match, the last one wins.  Strings are borrowed from the settings.
 */
#ifndef RC_RECIPE_H
#define RC_RECIPE_H

#include "base/episode.h"
#include "base/json.h"
#include "formats/codec.h"
#include "settings.h"

/* A rule for the streams that match `pattern` ("*" when the user named none). */
struct rc_rule {
	const char *pattern;
	const char *text;  /* as given, for messages */
	const char *value; /* rename: the new name */
	int number;        /* method, dtype (RC_DTYPE_KEEP), enum rc_turn or rc_convention */
	int64_t ns;        /* latency */
	struct rc_rate rate;
	bool is_default;   /* no stream was named: need not match anything */
	bool used;         /* some stream of some episode matched */
};
struct rc_rules {
	struct rc_rule *r;
	size_t n;
};
enum { RC_DTYPE_KEEP = -1 };

struct rc_fuse_group {
	const char *name;
	char **members; /* patterns in order */
	bool *used;
	size_t n_members;
};

struct rc_split {
	char *name;
	double share; /* of 1 */
};

/* How the streams of one kind are compressed. */
enum rc_stream_class { RC_CLASS_IMAGES, RC_CLASS_LOW_DIM, RC_CLASS_COUNT };
struct rc_compression {
	bool keep;                   /* each stream its source's kind */
	struct rc_encoding encoding; /* otherwise */
};

struct rc_recipe {
	const struct rc_settings *set;
	struct rc_rules keep, drop, rename, method, dtype, latency, source_rate, convert;
	struct rc_rules clock_repair;
	struct rc_rules convention;
	struct rc_fuse_group *groups;
	size_t n_groups;
	struct rc_split *splits;
	size_t n_splits;
	struct rc_compression compression[RC_CLASS_COUNT];
	char **owned;                /* strings cut out of option values */
	size_t n_owned, cap_owned;
};

/* Reads the recipe file named by path ("-" = stdin) into *text (kept by the caller while the
 * settings live) and sets every option that neither command line nor environment set. */
int rc_recipe_load(const char *path, struct rc_opts *opts, struct rc_json **root_out,
		   struct rc_err *err);

/* Checks the settings that need no data; gives a recipe to release with rc_recipe_release(). */
int rc_recipe_compile(const struct rc_settings *set, struct rc_recipe *r_out, struct rc_err *err);
void rc_recipe_release(struct rc_recipe *r);

/* The last rule that matches the name, marked used; NULL for none.  Either: one of two names that
 * a stream goes by; b may be NULL. */
const struct rc_rule *rc_rules_match(struct rc_rules *rules, const char *name);
const struct rc_rule *rc_rules_match_either(struct rc_rules *rules, const char *a, const char *b);

/* What --convention can say. */
enum rc_convention {
	RC_CONVENTION_QUATERNION_ORDER, /* xyzw or wxyz; the others are any text */
	RC_CONVENTION_EULER_ANGLES, RC_CONVENTION_ROTATION, RC_CONVENTION_IMAGE_ROWS,
	RC_CONVENTION_GRIPPER_ACTION, RC_CONVENTION_ACTION, RC_CONVENTION_COUNT
};
const char *rc_convention_name(enum rc_convention key); /* "quaternion_order" */
/* What says it for a stream, which goes by one of two names; NULL for nothing. */
const struct rc_rule *rc_convention_of(struct rc_rules *rules, enum rc_convention key,
				       const char *a, const char *b);
/* What it says for all streams. */
const char *rc_convention_of_all(const struct rc_rules *rules, const char *key);

/* After planning: RC_E_USAGE for the first rule or group member that matched no stream of any
 * episode, with the nearest of the names seen. */
int rc_recipe_check_used(const struct rc_recipe *r, const char *const *names, size_t n_names,
			 struct rc_err *err);

/* "zstd:3", "images=zstd:1,low-dim=none": one for each kind; keep for kinds that are not named. */
int rc_parse_compression(const char *s, struct rc_compression out[RC_CLASS_COUNT],
			 struct rc_err *err);

/* What shapes the output, as one-line canonical JSON (not threads, paths or progress): stored in
 * the shards and compared when a run is resumed. */
int rc_recipe_json(const struct rc_opts *opts, struct rc_buf *b, struct rc_err *err);

#endif
