/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/shard_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RC_SHARD_LAYOUT(x) extern const struct rc_shard_layout rc_shard_layout_##x;
#include "formats/shards.def"
#undef RC_SHARD_LAYOUT

#define RC_SHARD_LAYOUT(x) &rc_shard_layout_##x,
const struct rc_shard_layout *const rc_shard_layouts[] = {
#include "formats/shards.def"
};
#undef RC_SHARD_LAYOUT
const size_t rc_n_shard_layouts = RC_ARRAY_LEN(rc_shard_layouts);

const struct rc_shard_layout *rc_shard_layout_find(const char *name)
{
	for (size_t i = 0; i < rc_n_shard_layouts; i++)
		if (strcmp(rc_shard_layouts[i]->name, name) == 0)
			return rc_shard_layouts[i];
	return NULL;
}

bool shard_has_stream(const struct rc_shard *s, const char *path)
{
	for (size_t i = 0; i < s->e->n_streams; i++)
		if (strcmp(s->streams[i].path, path) == 0)
			return true;
	return false;
}

/* --- the file --------------------------------------------------------------------------------- */

void rc_shard_init(void)
{
	rc_h5_init();
}

int rc_shard_create(const char *path, const struct rc_shard_layout *layout,
		    const struct rc_shard_info *info, struct rc_shard **s_out, struct rc_err *err)
{
	struct rc_shard *s = NULL;
	rc_h5_init();
	int rc = rc_new(&s, err);
	if (rc)
		return rc;
	s->file = H5I_INVALID_HID;
	s->layout = layout;
	rc = rc_strdup(&s->path, path, err);
	if (!rc)
		rc = rc_strdup(&s->version, info->version, err);
	if (!rc)
		rc = rc_strdup(&s->recipe_json, info->recipe_json, err);
	if (!rc)
		rc = shard_file_create(path, &s->file, err);
	if (!rc)
		rc = layout->begin(s, err);
	if (rc)
		goto done;
	*s_out = s;
	s = NULL;
done:
	rc_shard_abandon(s);
	return rc;
}

static void free_shard(struct rc_shard *s)
{
	rc_arena_release(&s->arena);
	for (size_t i = 0; i < s->n_splits; i++) {
		free(s->splits[i].name);
		free(s->splits[i].episodes);
	}
	free(s->splits);
	free(s->made);
	free(s->streams);
	free(s->env_args);
	free(s->recipe_json);
	free(s->version);
	free(s->path);
	free(s);
}

void rc_shard_abandon(struct rc_shard *s)
{
	if (!s)
		return;
	shard_file_discard(s->file);
	free_shard(s);
}

static int finish_file(struct rc_shard *s, struct rc_err *err)
{
	if (s->e)
		return rc_fail(err, RC_E_BUG, "open_episode",
			       "'%s' is closed with an unfinished episode", s->path);
	int rc = s->dropped_data ? shard_file_compact(s, err) : 0;
	if (!rc)
		rc = shard_attr_string(s, "", "robocache_version", s->version, err);
	if (!rc)
		rc = shard_attr_string(s, "", "robocache_schema", "1", err);
	if (!rc)
		rc = shard_attr_string(s, "", "recipe_json", s->recipe_json, err);
	if (!rc)
		rc = s->layout->end(s, err);
	if (!rc)
		rc = shard_attr_int(s, "", "complete", 1, err);
	if (!rc && H5Fflush(s->file, H5F_SCOPE_GLOBAL) < 0)
		rc = rc_h5_fail(err, RC_E_OUTPUT, "write_failed", "cannot finish '%s'", s->path);
	return rc;
}

int rc_shard_close(struct rc_shard *s, struct rc_err *err)
{
	int rc = finish_file(s, err);
	if (!rc) {
		if (H5Fclose(s->file) < 0) {
			rc = rc_h5_fail(err, RC_E_OUTPUT, "write_failed", "cannot close '%s'",
					s->path);
			rc_h5_broken(); /* half closed: it crashes whoever touches it again */
		}
		s->file = H5I_INVALID_HID;
	}
	rc_shard_abandon(s);
	return rc;
}

uint64_t rc_shard_n_episodes(const struct rc_shard *s)
{
	return s->n_episodes;
}

/* --- places of an episode's streams ----------------------------------------------------------- */

static int resolve_path(struct rc_shard *s, size_t i, struct rc_err *err)
{
	const struct rc_out_stream *st = &s->e->streams[i];
	if (!s->layout->stream_path(st, s->streams[i].path, sizeof s->streams[i].path))
		return rc_fail(err, RC_E_USAGE, "no_place",
			       "stream '%s' (%s) has no place in the output layout '%s'; leave it "
			       "out with --drop", st->name, rc_role_name(st->role),
			       s->layout->name);
	if (strncmp(s->streams[i].path, "robocache", 9) == 0 &&
	    strchr("/", s->streams[i].path[9]))
		return rc_fail(err, RC_E_USAGE, "name_collision",
			       "stream '%s' would take the place of the group '/robocache' in the "
			       "output; give it another name with --rename", st->name);
	return 0;
}

bool rc_shard_paths_collide(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return (!*a && !*b) || (!*a && *b == '/') || (!*b && *a == '/');
}

static int check_collisions(const struct rc_shard *s, struct rc_err *err)
{
	for (size_t i = 0; i < s->e->n_streams; i++)
		for (size_t j = 0; j < i; j++) {
			if (!rc_shard_paths_collide(s->streams[i].path, s->streams[j].path))
				continue;
			return rc_fail(err, RC_E_USAGE, "name_collision",
				       "streams '%s' and '%s' would both be '%s' in the output; "
				       "rename one with --rename", s->e->streams[j].name,
				       s->e->streams[i].name, s->streams[i].path);
		}
	return 0;
}

static int check_shape(const struct rc_out_episode *e, const struct rc_out_stream *st,
		       uint64_t *row_bytes_out, struct rc_err *err)
{
	uint64_t bytes = rc_dtype_size(st->dtype);
	bool ok = st->rank >= 1 && st->rank <= RC_MAX_RANK && st->dims[0] == e->n_ticks;
	for (uint32_t k = 1; ok && k < st->rank; k++)
		ok = rc_mul(bytes, st->dims[k], &bytes);
	if (!ok)
		return rc_fail(err, RC_E_BUG, "bad_shape", "stream '%s' of '%s' has a shape that "
			       "does not fit its episode", st->name, e->id);
	*row_bytes_out = bytes;
	return 0;
}

/* --- datasets of streams ---------------------------------------------------------------------- */

static int describe_stream(struct rc_shard *s, const char *path, const struct rc_out_stream *st,
			   struct rc_err *err)
{
	bool tell = s->layout->tells_streams;
	const struct {
		const char *name, *value;
	} attrs[] = {
		{"robocache_name", tell ? st->name : ""},
		{"robocache_role", tell ? rc_role_name(st->role) : ""},
		{"robocache_kind", tell ? rc_kind_name(st->kind) : ""},
		{"robocache_method", st->method},
		{"robocache_source", st->source},
		{"unit", st->unit},
		{"quaternion_order", st->quat_order},
		{"rotation", st->rotation},
		{"encoding", st->frames},
	};
	int rc = 0;
	for (size_t i = 0; !rc && i < RC_ARRAY_LEN(attrs); i++)
		if (shard_given(attrs[i].value))
			rc = shard_attr_string(s, path, attrs[i].name, attrs[i].value, err);
	return rc;
}

/* Chunks need a positive extent on every axis; a stream without values has none to store. */
static bool is_chunked(const struct rc_out_stream *st, uint64_t row_bytes)
{
	return st->chunk_rows > 0 && row_bytes > 0 && st->dims[0] > 0;
}

static int make_dataset(struct rc_shard *s, const struct rc_out_stream *st,
			struct shard_stream *ss, const char *path, struct rc_err *err)
{
	struct rc_filter own[RC_MAX_FILTERS];
	const struct rc_filter *filters = st->n_filters ? st->filters : own;
	uint32_t n_filters = st->n_filters;
	if (!n_filters)
		n_filters = (uint32_t)rc_encoding_filters(&st->encoding,
							  rc_dtype_size(st->dtype), own);
	struct shard_dataset d = {.rank = st->rank, .dims = st->dims};
	int rc = 0;
	d.type = rc_h5_type(st->dtype);
	d.plist = ss->chunked ? shard_plist_chunked(st, filters, n_filters)
			      : shard_plist_contiguous();
	if (d.type < 0 || d.plist < 0)
		rc = rc_h5_fail(err, RC_E_OUTPUT, "write_failed",
				"cannot describe the storage of '%s' in '%s'", path, s->path);
	if (!rc)
		rc = shard_dataset(s, path, &d, &ss->id, err);
	if (!rc && ss->chunked && !shard_pipeline_kept(ss->id, filters, n_filters))
		rc = rc_fail(err, RC_E_UNSUPPORTED, "filter_changed",
			     "the stored chunks of stream '%s' cannot be copied as they are, "
			     "their filter depends on the input's type; choose --compression "
			     "gzip or none",
			     st->name);
	if (d.type >= 0)
		H5Tclose(d.type);
	if (d.plist >= 0)
		H5Pclose(d.plist);
	return rc;
}

static int make_valid(struct rc_shard *s, const struct rc_out_stream *st,
		      const struct shard_stream *ss, struct rc_err *err)
{
	char path[SHARD_PATH_LEN];
	if (!st->valid || !memchr(st->valid, 0, st->dims[0]))
		return 0;
	int rc = shard_path(path, s->valid_place, ss->path, false, err);
	return rc ? rc : shard_array(s, path, H5T_NATIVE_UINT8, st->dims[0], st->valid, err);
}

static int make_stream(struct rc_shard *s, size_t i, struct rc_err *err)
{
	const struct rc_out_stream *st = &s->e->streams[i];
	struct shard_stream *ss = &s->streams[i];
	char path[SHARD_PATH_LEN];
	int rc = check_shape(s->e, st, &ss->row_bytes, err);
	if (!rc)
		rc = shard_path(path, s->place, ss->path, false, err);
	if (rc)
		return rc;
	ss->chunked = is_chunked(st, ss->row_bytes);
	if (!ss->chunked && ss->row_bytes > 0 && st->dims[0] > 0 &&
	    (st->n_filters || st->encoding.codec != RC_CODEC_NONE))
		return rc_fail(err, RC_E_BUG, "bad_chunk", "stream '%s' has an encoding but no "
			       "chunks", st->name);
	rc = make_dataset(s, st, ss, path, err);
	if (!rc)
		rc = describe_stream(s, path, st, err);
	return rc ? rc : make_valid(s, st, ss, err);
}

/* --- an episode ------------------------------------------------------------------------------- */

int shard_lone_begin(struct rc_shard *s, struct rc_err *err)
{
	return shard_group(s, "/robocache", err);
}

int shard_lone_episode(struct rc_shard *s, const struct rc_out_episode *e, struct rc_err *err)
{
	const struct {
		const char *name, *value;
	} attrs[] = {
		{"language", e->language},
		{"env_args", e->env_args},
		{"model_file", e->model_file},
	};
	s->place[0] = '\0';
	snprintf(s->time_place, sizeof s->time_place, "/robocache/time");
	snprintf(s->valid_place, sizeof s->valid_place, "/robocache/valid");
	snprintf(s->info_place, sizeof s->info_place, "/robocache/episode");
	int rc = shard_group(s, s->info_place, err);
	for (size_t i = 0; !rc && i < RC_ARRAY_LEN(attrs); i++)
		if (shard_given(attrs[i].value))
			rc = shard_attr_string(s, s->info_place, attrs[i].name, attrs[i].value,
					       err);
	return rc;
}

static int make_time(struct rc_shard *s, struct rc_err *err)
{
	const struct rc_out_episode *e = s->e;
	char origin[32];
	if (!e->ticks)
		return 0;
	snprintf(origin, sizeof origin, "%lld", (long long)e->origin_ns);
	int rc = shard_array(s, s->time_place, H5T_NATIVE_INT64, e->n_ticks, e->ticks, err);
	if (!rc)
		rc = shard_attr_string(s, s->time_place, "unit", "ns", err);
	if (!rc && shard_given(e->clock))
		rc = shard_attr_string(s, s->time_place, "clock", e->clock, err);
	return rc ? rc : shard_attr_string(s, s->time_place, "origin_ns", origin, err);
}

static int make_info(struct rc_shard *s, struct rc_err *err)
{
	const struct rc_out_episode *e = s->e;
	int rc = shard_group(s, s->info_place, err);
	if (!rc)
		rc = shard_attr_string(s, s->info_place, "source", e->id, err);
	if (!rc && shard_given(e->split))
		rc = shard_attr_string(s, s->info_place, "split", e->split, err);
	if (!rc && e->success >= 0)
		rc = shard_attr_bool(s, s->info_place, "success", e->success > 0, err);
	/* a file has room for one env_args; the others are kept here */
	if (!rc && shard_given(e->env_args) && s->env_args && strcmp(e->env_args, s->env_args) != 0)
		rc = shard_attr_string(s, s->info_place, "env_args", e->env_args, err);
	return rc;
}

static int fill_episode(struct rc_shard *s, struct rc_err *err)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < s->e->n_streams; i++)
		rc = resolve_path(s, i, err);
	if (!rc)
		rc = check_collisions(s, err);
	if (!rc)
		rc = s->layout->begin_episode(s, s->e, err);
	for (size_t i = 0; !rc && i < s->e->n_streams; i++)
		rc = make_stream(s, i, err);
	if (!rc)
		rc = make_time(s, err);
	return rc ? rc : make_info(s, err);
}

int rc_shard_begin_episode(struct rc_shard *s, const struct rc_out_episode *e, struct rc_err *err)
{
	if (s->e || (s->layout->one_episode_per_shard && s->n_episodes > 0))
		return rc_fail(err, RC_E_BUG, "bad_episode", "'%s' has no room for episode '%s'",
			       s->path, e->id);
	int rc = rc_grow_array(&s->streams, &s->cap_streams, e->n_streams, sizeof *s->streams, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < e->n_streams; i++)
		s->streams[i] = (struct shard_stream){.id = H5I_INVALID_HID};
	s->e = e;
	rc = fill_episode(s, err);
	if (rc)
		rc_shard_drop_episode(s, NULL);
	return rc;
}

static struct shard_stream *stream_to_write(struct rc_shard *s, size_t i, bool chunked,
					    uint64_t row0, uint64_t n)
{
	if (!s->e || i >= s->e->n_streams)
		return NULL;
	struct shard_stream *ss = &s->streams[i];
	uint64_t n_rows = s->e->streams[i].dims[0];
	bool fits = row0 <= n_rows && n <= n_rows - row0;
	return ss->chunked == chunked && fits ? ss : NULL;
}

static int bad_write(const struct rc_shard *s, size_t i, uint64_t row0, struct rc_err *err)
{
	return rc_fail(err, RC_E_BUG, "bad_write", "rows from %llu on do not fit stream %zu of the "
		       "episode being written to '%s'", (unsigned long long)row0, i, s->path);
}

int rc_shard_write_rows(struct rc_shard *s, size_t i_stream, uint64_t row0, uint64_t n,
			const void *rows, struct rc_err *err)
{
	struct shard_stream *ss = stream_to_write(s, i_stream, false, row0, n);
	hsize_t start[RC_MAX_RANK] = {0}, count[RC_MAX_RANK];
	if (!ss)
		return bad_write(s, i_stream, row0, err);
	const struct rc_out_stream *st = &s->e->streams[i_stream];
	ss->n_rows_done += n;
	if (n == 0 || ss->row_bytes == 0)
		return 0;
	for (uint32_t k = 0; k < st->rank; k++)
		count[k] = st->dims[k];
	start[0] = row0;
	count[0] = n;
	hid_t type = rc_h5_type(st->dtype);
	hid_t mem = H5Screate_simple((int)st->rank, count, NULL), file = H5Dget_space(ss->id);
	int rc = 0;
	if (type < 0 || mem < 0 || file < 0 ||
	    H5Sselect_hyperslab(file, H5S_SELECT_SET, start, NULL, count, NULL) < 0 ||
	    H5Dwrite(ss->id, type, mem, file, H5P_DEFAULT, rows) < 0)
		rc = rc_h5_fail(err, RC_E_OUTPUT, "write_failed", "cannot write '%s/%s' in '%s'",
				s->place, ss->path, s->path);
	if (type >= 0)
		H5Tclose(type);
	if (mem >= 0)
		H5Sclose(mem);
	if (file >= 0)
		H5Sclose(file);
	return rc;
}

int rc_shard_write_chunk(struct rc_shard *s, size_t i_stream, uint64_t row0, const void *bytes,
			 size_t n, uint32_t mask, struct rc_err *err)
{
	struct shard_stream *ss = stream_to_write(s, i_stream, true, row0, 0);
	hsize_t offset[RC_MAX_RANK] = {row0};
	if (!ss)
		return bad_write(s, i_stream, row0, err);
	const struct rc_out_stream *st = &s->e->streams[i_stream];
	bool plain = !st->n_filters && st->encoding.codec == RC_CODEC_NONE &&
		     !st->encoding.shuffle;
	/* without filters the file keeps no length: it must be the chunk's own */
	if (row0 >= st->dims[0] || row0 % st->chunk_rows || n == 0 ||
	    (plain && n != st->chunk_rows * ss->row_bytes))
		return bad_write(s, i_stream, row0, err);
	if (H5Dwrite_chunk(ss->id, H5P_DEFAULT, mask, offset, n, bytes) < 0)
		return rc_h5_fail(err, RC_E_OUTPUT, "write_failed", "cannot write '%s/%s' in '%s'",
				  s->place, ss->path, s->path);
	uint64_t left = st->dims[0] - row0;
	ss->n_rows_done += left < st->chunk_rows ? left : st->chunk_rows;
	return 0;
}

static int check_written(const struct rc_shard *s, struct rc_err *err)
{
	for (size_t i = 0; i < s->e->n_streams; i++) {
		const struct rc_out_stream *st = &s->e->streams[i];
		const struct shard_stream *ss = &s->streams[i];
		if (ss->row_bytes > 0 && ss->n_rows_done != st->dims[0])
			return rc_fail(err, RC_E_BUG, "incomplete_stream", "%llu of %llu rows of "
				       "stream '%s' of '%s' were written",
				       (unsigned long long)ss->n_rows_done,
				       (unsigned long long)st->dims[0], st->name, s->e->id);
	}
	return 0;
}

static int close_datasets(struct rc_shard *s, struct rc_err *err)
{
	int rc = 0;
	for (size_t i = 0; i < s->e->n_streams; i++) {
		if (s->streams[i].id >= 0 && H5Dclose(s->streams[i].id) < 0 && !rc)
			rc = rc_h5_fail(err, RC_E_OUTPUT, "write_failed",
					"cannot write '%s' in '%s'", s->streams[i].path, s->path);
		s->streams[i].id = H5I_INVALID_HID;
	}
	return rc;
}

static int add_to_split(struct rc_shard *s, const char *name, struct rc_err *err)
{
	struct shard_split *sp = NULL;
	for (size_t i = 0; i < s->n_splits && !sp; i++)
		if (strcmp(s->splits[i].name, name) == 0)
			sp = &s->splits[i];
	int rc = 0;
	if (!sp) {
		rc = rc_grow_array(&s->splits, &s->cap_splits, s->n_splits + 1, sizeof *s->splits,
				   err);
		if (!rc)
			rc = rc_strdup(&s->splits[s->n_splits].name, name, err);
		if (rc)
			return rc;
		sp = &s->splits[s->n_splits++];
	}
	rc = rc_grow_array(&sp->episodes, &sp->cap, sp->n + 1, sizeof *sp->episodes, err);
	if (!rc)
		sp->episodes[sp->n++] = s->n_episodes;
	return rc;
}

static void forget_episode(struct rc_shard *s)
{
	rc_arena_reset(&s->arena);
	s->n_made = 0;
	s->e = NULL;
}

int rc_shard_end_episode(struct rc_shard *s, struct rc_err *err)
{
	const struct rc_out_episode *e = s->e;
	if (!e)
		return rc_fail(err, RC_E_BUG, "bad_episode", "no episode is being written to '%s'",
			       s->path);
	int rc = check_written(s, err);
	if (!rc)
		rc = close_datasets(s, err);
	if (!rc && shard_given(e->env_args) && !s->env_args)
		rc = rc_strdup(&s->env_args, e->env_args, err);
	if (!rc && shard_given(e->split))
		rc = add_to_split(s, e->split, err);
	if (rc)
		return rc;
	s->n_ticks += e->n_ticks;
	s->sim = e->sim > 0;
	s->encoded = false;
	for (size_t i = 0; i < e->n_streams; i++)
		s->encoded |= e->streams[i].kind == RC_KIND_ENCODED;
	s->n_episodes++;
	forget_episode(s);
	return 0;
}

int rc_shard_drop_episode(struct rc_shard *s, struct rc_err *err)
{
	if (!s->e)
		return 0;
	for (size_t i = 0; i < s->e->n_streams; i++)
		if (s->streams[i].n_rows_done > 0)
			s->dropped_data = true;
	int rc = close_datasets(s, err);
	for (size_t i = s->n_made; i-- > 0;) {
		htri_t there = H5Lexists(s->file, s->made[i], H5P_DEFAULT);
		if (there > 0)
			there = H5Ldelete(s->file, s->made[i], H5P_DEFAULT);
		if (there < 0 && !rc)
			rc = rc_h5_fail(err, RC_E_OUTPUT, "write_failed",
					"cannot take '%s' out of '%s'", s->made[i], s->path);
	}
	forget_episode(s);
	return rc;
}
