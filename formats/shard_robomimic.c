/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file, many episodes: data/demo_N.  Readers walk demo_0 ... demo_{len(data)-1}, so the group
 * `data` holds nothing else, and read `actions`, `rewards` and `dones` of each.
 */
#include "formats/shard_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

/* What robomimic needs to open a dataset whose environment nobody recorded; type 2 is gym. */
static const char unknown_env[] =
	"{\"env_name\": \"unknown\", \"env_version\": \"0\", \"type\": 2, \"env_kwargs\": {}}";

static void file_name(uint64_t i, char *dst, size_t cap)
{
	snprintf(dst, cap, "shard-%05" PRIu64 ".h5", i);
}

static void episode_name(uint64_t i, char *dst, size_t cap)
{
	snprintf(dst, cap, "demo_%" PRIu64, i);
}

/* "actions" is the one that training reads; others go to action_dict/, as robomimic's own do. */
static bool action_path(const char *name, char *dst, size_t cap)
{
	if (shard_is_one_of(name, "action actions"))
		return shard_flat_path(dst, cap, "", "actions");
	if (strncmp(name, "actions_", 8) == 0)
		return shard_flat_path(dst, cap, "", name);
	return shard_flat_path(dst, cap, "action_dict/", shard_skip(name, "action_dict/"));
}

static bool stream_path(const struct rc_out_stream *s, char *dst, size_t cap)
{
	switch (s->role) {
	case RC_ROLE_OBS:
		return shard_flat_path(dst, cap, "obs/", shard_skip(s->name, "obs/"));
	case RC_ROLE_NEXT_OBS:
		return shard_flat_path(dst, cap, "next_obs/", shard_skip(s->name, "next_obs/"));
	case RC_ROLE_ACTION:
		return action_path(s->name, dst, cap);
	case RC_ROLE_REWARD:
		return shard_known_path(s->name, SHARD_REWARD_NAMES, "rewards", dst, cap);
	case RC_ROLE_DONE:
		return shard_known_path(s->name, SHARD_DONE_NAMES, "dones", dst, cap);
	case RC_ROLE_STATE:
		return shard_known_path(s->name, "state states", "states", dst, cap);
	case RC_ROLE_COUNT:
		break;
	}
	return false;
}

static int begin(struct rc_shard *s, struct rc_err *err)
{
	int rc = shard_group(s, "/data", err);
	if (!rc)
		rc = shard_group(s, "/robocache/episodes", err);
	return rc;
}

/* Readers fill missing keys with zeros, but only after they failed to find them in the file. */
static int add_rewards_and_dones(struct rc_shard *s, const struct rc_out_episode *e,
				 struct rc_err *err)
{
	static const struct {
		const char *name;
		enum rc_dtype dtype;
		uint8_t last;
	} wanted[] = {{"rewards", RC_F32, 0}, {"dones", RC_U8, 1}};
	char path[SHARD_PATH_LEN];
	int rc = 0;
	for (size_t i = 0; !rc && i < RC_ARRAY_LEN(wanted); i++) {
		uint8_t *zeros = NULL;
		if (shard_has_stream(s, wanted[i].name))
			continue;
		size_t bytes = e->n_ticks * rc_dtype_size(wanted[i].dtype);
		rc = rc_arena_array(&s->arena, &zeros, bytes, 1, err);
		if (rc)
			break;
		memset(zeros, 0, bytes);
		if (wanted[i].last && e->n_ticks > 0)
			zeros[e->n_ticks - 1] = wanted[i].last;
		hid_t type = rc_h5_type(wanted[i].dtype);
		rc = shard_path(path, s->place, wanted[i].name, false, err);
		if (!rc)
			rc = shard_array(s, path, type, e->n_ticks, zeros, err);
		if (!rc)
			rc = shard_attr_int(s, path, "robocache_synthesized", 1, err);
		if (type >= 0)
			H5Tclose(type);
	}
	return rc;
}

/* {"lang": "..."}: where RoboCasa and newer robomimic look for the instruction. */
static int add_language(struct rc_shard *s, const char *language, struct rc_err *err)
{
	struct rc_buf text;
	struct rc_json *root = rc_json_new_object();
	rc_buf_init(&text);
	rc_json_add_string(root, "lang", language);
	int rc = rc_json_text(root, false, &text, err);
	if (!rc)
		rc = rc_buf_check(&text, err);
	if (!rc) {
		text.p[strcspn(text.p, "\n")] = '\0';
		rc = shard_attr_string(s, s->place, "ep_meta", text.p, err);
	}
	rc_json_free(root);
	rc_buf_release(&text);
	return rc;
}

static int begin_episode(struct rc_shard *s, const struct rc_out_episode *e, struct rc_err *err)
{
	char name[32];
	episode_name(s->n_episodes, name, sizeof name);
	snprintf(s->place, sizeof s->place, "/data/%s", name);
	snprintf(s->time_place, sizeof s->time_place, "/robocache/time/%s", name);
	snprintf(s->valid_place, sizeof s->valid_place, "/robocache/valid/%s", name);
	snprintf(s->info_place, sizeof s->info_place, "/robocache/episodes/%s", name);
	int rc = shard_group(s, s->place, err);
	if (!rc)
		rc = shard_attr_int(s, s->place, "num_samples", (int64_t)e->n_ticks, err);
	if (!rc && shard_given(e->model_file))
		rc = shard_attr_string(s, s->place, "model_file", e->model_file, err);
	if (!rc && shard_given(e->language))
		rc = add_language(s, e->language, err);
	if (!rc && e->success >= 0)
		rc = shard_attr_bool(s, s->place, "success", e->success > 0, err);
	return rc ? rc : add_rewards_and_dones(s, e, err);
}

/* Names as fixed-length bytes, padded with NULs: the form h5py gives numpy's 'S' arrays. */
static int add_mask(struct rc_shard *s, const struct shard_split *sp, struct rc_err *err)
{
	char path[SHARD_PATH_LEN], name[32], *names = NULL;
	size_t width = 1;
	for (size_t i = 0; i < sp->n; i++) {
		episode_name(sp->episodes[i], name, sizeof name);
		width = strlen(name) > width ? strlen(name) : width;
	}
	int rc = shard_path(path, "/mask", sp->name, true, err);
	if (!rc)
		rc = rc_new_array(&names, sp->n, width, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < sp->n; i++) {
		episode_name(sp->episodes[i], name, sizeof name);
		memcpy(names + i * width, name, strlen(name));
	}
	hid_t type = H5Tcopy(H5T_C_S1);
	if (type >= 0) {
		H5Tset_size(type, width);
		H5Tset_strpad(type, H5T_STR_NULLPAD);
	}
	rc = shard_array(s, path, type, sp->n, names, err);
	if (type >= 0)
		H5Tclose(type);
	free(names);
	return rc;
}

static int end(struct rc_shard *s, struct rc_err *err)
{
	int rc = shard_attr_int(s, "/data", "total", (int64_t)s->n_ticks, err);
	if (!rc)
		rc = shard_attr_string(s, "/data", "env_args",
				       s->env_args ? s->env_args : unknown_env, err);
	if (!rc && !s->env_args)
		rc = shard_attr_int(s, "/data", "robocache_synthesized", 1, err);
	for (size_t i = 0; !rc && i < s->n_splits; i++)
		rc = add_mask(s, &s->splits[i], err);
	return rc;
}

const struct rc_shard_layout rc_shard_layout_robomimic = {
	.name = "robomimic",
	.summary = "many episodes a file under data/demo_N, as robomimic and diffusion_policy read",
	.one_episode_per_shard = false,
	.input_layout = "robomimic",
	.file_name = file_name,
	.episode_name = episode_name,
	.stream_path = stream_path,
	.begin = begin,
	.begin_episode = begin_episode,
	.end = end,
};
