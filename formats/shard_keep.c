/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file an episode, every stream at the path below its episode that the source has it at, so
 * that whatever read one episode of the source reads the result.
 */
#include "formats/shard_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void file_name(uint64_t i, char *dst, size_t cap)
{
	snprintf(dst, cap, "episode-%05" PRIu64 ".h5", i);
}

static void episode_name(uint64_t i, char *dst, size_t cap)
{
	snprintf(dst, cap, "episode-%05" PRIu64, i);
}

/* libhdf5 takes "//" for "/" and "." for no step: neither names what it seems to. */
static bool is_path(const char *s)
{
	for (;;) {
		size_t n = strcspn(s, "/");
		if (n == 0 || (n == 1 && *s == '.'))
			return false;
		if (!s[n])
			return true;
		s += n + 1;
	}
}

static bool stream_path(const struct rc_out_stream *s, char *dst, size_t cap)
{
	const char *path = shard_given(s->place) ? s->place : s->name;
	int n = snprintf(dst, cap, "%s", path);
	return n >= 0 && (size_t)n < cap && is_path(path);
}

static int begin_episode(struct rc_shard *s, const struct rc_out_episode *e, struct rc_err *err)
{
	int rc = shard_lone_episode(s, e, err);
	if (!rc && e->sim >= 0)
		rc = shard_attr_bool(s, s->info_place, "sim", e->sim > 0, err);
	return rc;
}

static int end(struct rc_shard *s, struct rc_err *err)
{
	return shard_attr_string(s, "", "robocache_layout", s->layout->name, err);
}

const struct rc_shard_layout rc_shard_layout_keep = {
	.name = "keep",
	.summary = "one file an episode with the paths that its streams have in the source",
	.one_episode_per_shard = true,
	.tells_streams = true,
	.input_layout = "keep",
	.file_name = file_name,
	.episode_name = episode_name,
	.stream_path = stream_path,
	.begin = shard_lone_begin,
	.begin_episode = begin_episode,
	.end = end,
};
