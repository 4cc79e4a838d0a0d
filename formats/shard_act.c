/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file an episode: /observations/<name>, /observations/images/<camera>, /action, as ACT and
 * ALOHA read.
 */
#include "formats/shard_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void file_name(uint64_t i, char *dst, size_t cap)
{
	snprintf(dst, cap, "episode_%" PRIu64 ".hdf5", i);
}

static void episode_name(uint64_t i, char *dst, size_t cap)
{
	snprintf(dst, cap, "episode_%" PRIu64, i);
}

/* Depth cameras have a folder of their own in the files of the arms that record them. */
static bool image_path(const char *name, char *dst, size_t cap)
{
	static const char depth[] = "images_depth/";
	if (strncmp(name, depth, sizeof depth - 1) == 0)
		return shard_flat_path(dst, cap, "observations/images_depth/",
				       name + sizeof depth - 1);
	return shard_flat_path(dst, cap, "observations/images/", shard_skip(name, "images/"));
}

static bool observation_path(const struct rc_out_stream *s, char *dst, size_t cap)
{
	const char *name = shard_skip(shard_skip(s->name, "obs/"), "observations/");
	if (s->kind == RC_KIND_IMAGE || s->kind == RC_KIND_ENCODED)
		return image_path(name, dst, cap);
	return shard_flat_path(dst, cap, "observations/", name);
}

static bool stream_path(const struct rc_out_stream *s, char *dst, size_t cap)
{
	switch (s->role) {
	case RC_ROLE_OBS:
	case RC_ROLE_STATE:
		return observation_path(s, dst, cap);
	case RC_ROLE_ACTION:
		return shard_known_path(s->name, "action actions", "action", dst, cap);
	case RC_ROLE_REWARD:
		return shard_known_path(s->name, SHARD_REWARD_NAMES, "rewards", dst, cap);
	case RC_ROLE_DONE:
		return shard_known_path(s->name, SHARD_DONE_NAMES, "dones", dst, cap);
	case RC_ROLE_NEXT_OBS: /* row t + 1 of /observations says the same */
	case RC_ROLE_COUNT:
		break;
	}
	return false;
}

/* Root attributes last: a dropped episode must not leave its own behind. */
static int end(struct rc_shard *s, struct rc_err *err)
{
	int rc = shard_attr_bool(s, "", "sim", s->sim, err);
	return rc ? rc : shard_attr_bool(s, "", "compress", s->encoded, err);
}

const struct rc_shard_layout rc_shard_layout_act = {
	.name = "act",
	.summary = "one file an episode with observations/ and action, as ACT and ALOHA read",
	.one_episode_per_shard = true,
	.input_layout = "aloha",
	.file_name = file_name,
	.episode_name = episode_name,
	.stream_path = stream_path,
	.begin = shard_lone_begin,
	.begin_episode = shard_lone_episode,
	.end = end,
};
