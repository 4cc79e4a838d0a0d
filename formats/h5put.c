/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/shard_private.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static int out_of_room(struct rc_err *err, const char *name)
{
	return rc_fail(err, RC_E_USAGE, "name_too_long",
		       "the path of '%.100s' in the output is longer than %d bytes; shorten it "
		       "with --rename", name, SHARD_PATH_LEN - 1);
}

static void flatten_from(char *s)
{
	for (; *s; s++)
		if (*s == '/')
			*s = '_';
}

bool shard_flat_path(char *dst, size_t cap, const char *prefix, const char *name)
{
	int n = snprintf(dst, cap, "%s%s", prefix, name);
	if (n < 0 || (size_t)n >= cap)
		return false;
	flatten_from(dst + strlen(prefix));
	return true;
}

int shard_path(char dst[SHARD_PATH_LEN], const char *prefix, const char *name, bool flatten,
	       struct rc_err *err)
{
	int n = snprintf(dst, SHARD_PATH_LEN, "%s/%s", prefix, name);
	if (n < 0 || n >= SHARD_PATH_LEN)
		return out_of_room(err, name);
	if (flatten)
		flatten_from(dst + strlen(prefix) + 1);
	return 0;
}

bool shard_is_one_of(const char *name, const char *words)
{
	size_t n = strlen(name);
	for (const char *w = words; *w; w += strspn(w, " ")) {
		size_t len = strcspn(w, " ");
		if (len == n && strncasecmp(w, name, n) == 0)
			return true;
		w += len;
	}
	return false;
}

bool shard_known_path(const char *name, const char *words, const char *known, char *dst, size_t cap)
{
	return shard_flat_path(dst, cap, "", shard_is_one_of(name, words) ? known : name);
}

const char *shard_skip(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);
	return strncmp(s, prefix, n) == 0 && s[n] ? s + n : s;
}

static int cannot_write(const struct rc_shard *s, const char *path, struct rc_err *err)
{
	return rc_h5_fail(err, RC_E_OUTPUT, "write_failed", "cannot write '%s' in '%s'", path,
			  s->path);
}

/* True when the path lies below a link that the episode in progress already made. */
static bool below_made(const struct rc_shard *s, const char *path)
{
	for (size_t i = 0; i < s->n_made; i++) {
		size_t n = strlen(s->made[i]);
		if (strncmp(path, s->made[i], n) == 0 && path[n] == '/')
			return true;
	}
	return false;
}

static int note_link(struct rc_shard *s, const char *path, struct rc_err *err)
{
	if (!s->e || below_made(s, path))
		return 0;
	size_t n = strlen(path) + 1;
	int rc = rc_grow_array(&s->made, &s->cap_made, s->n_made + 1, sizeof *s->made, err);
	if (!rc)
		rc = rc_arena_array(&s->arena, &s->made[s->n_made], n, 1, err);
	if (!rc)
		memcpy(s->made[s->n_made++], path, n);
	return rc;
}

static int make_group(struct rc_shard *s, const char *path, struct rc_err *err)
{
	int rc = note_link(s, path, err);
	if (rc)
		return rc;
	hid_t plist = shard_plist_untimed(H5P_GROUP_CREATE), id = H5I_INVALID_HID;
	if (plist >= 0)
		id = H5Gcreate2(s->file, path, H5P_DEFAULT, plist, H5P_DEFAULT);
	if (id < 0 || H5Gclose(id) < 0)
		rc = cannot_write(s, path, err);
	if (plist >= 0)
		H5Pclose(plist);
	return rc;
}

int shard_group(struct rc_shard *s, const char *path, struct rc_err *err)
{
	char part[SHARD_PATH_LEN];
	for (const char *end = path; *end;) {
		end = strchr(end + 1, '/');
		if (!end)
			end = path + strlen(path);
		snprintf(part, sizeof part, "%.*s", (int)(end - path), path);
		htri_t there = H5Lexists(s->file, part, H5P_DEFAULT);
		int rc = 0;
		if (there < 0)
			rc = cannot_write(s, part, err);
		else if (!there)
			rc = make_group(s, part, err);
		if (rc)
			return rc;
	}
	return 0;
}

static int make_parent(struct rc_shard *s, const char *path, struct rc_err *err)
{
	char parent[SHARD_PATH_LEN];
	const char *slash = strrchr(path, '/');
	if (!slash || slash == path)
		return 0;
	snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path);
	return shard_group(s, parent, err);
}

int shard_dataset(struct rc_shard *s, const char *path, const struct shard_dataset *d,
		  hid_t *id_out, struct rc_err *err)
{
	hsize_t dims[RC_MAX_RANK];
	hid_t space = H5I_INVALID_HID, id = H5I_INVALID_HID;
	int rc = make_parent(s, path, err);
	if (!rc)
		rc = note_link(s, path, err);
	if (rc)
		return rc;
	for (uint32_t k = 0; k < d->rank; k++)
		dims[k] = d->dims[k];
	space = H5Screate_simple((int)d->rank, dims, NULL);
	if (space >= 0)
		id = H5Dcreate2(s->file, path, d->type, space, H5P_DEFAULT, d->plist, H5P_DEFAULT);
	if (id < 0)
		rc = cannot_write(s, path, err);
	if (space >= 0)
		H5Sclose(space);
	*id_out = id;
	return rc;
}

hid_t shard_plist_contiguous(void)
{
	hid_t p = shard_plist_untimed(H5P_DATASET_CREATE);
	if (p >= 0 && (H5Pset_layout(p, H5D_CONTIGUOUS) < 0 ||
		       H5Pset_alloc_time(p, H5D_ALLOC_TIME_EARLY) < 0 ||
		       H5Pset_fill_time(p, H5D_FILL_TIME_NEVER) < 0)) {
		H5Pclose(p);
		p = H5I_INVALID_HID;
	}
	return p;
}

int shard_array(struct rc_shard *s, const char *path, hid_t type, uint64_t n, const void *values,
		struct rc_err *err)
{
	hid_t id = H5I_INVALID_HID, plist = shard_plist_contiguous();
	struct shard_dataset d = {.type = type, .plist = plist, .rank = 1, .dims = &n};
	int rc = type < 0 || plist < 0 ? cannot_write(s, path, err)
				       : shard_dataset(s, path, &d, &id, err);
	if (!rc && n > 0 && H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
		rc = cannot_write(s, path, err);
	if (id >= 0 && H5Dclose(id) < 0 && !rc)
		rc = cannot_write(s, path, err);
	if (plist >= 0)
		H5Pclose(plist);
	return rc;
}

static int attr(struct rc_shard *s, const char *path, const char *name, hid_t type,
		const void *value, struct rc_err *err)
{
	char where[SHARD_PATH_LEN + 128];
	const char *object = *path ? path : "/";
	hid_t space = H5Screate(H5S_SCALAR), id = H5I_INVALID_HID;
	if (space >= 0 && type >= 0)
		id = H5Acreate_by_name(s->file, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT,
				       H5P_DEFAULT);
	int rc = 0;
	if (id < 0 || H5Awrite(id, type, value) < 0) {
		snprintf(where, sizeof where, "%s@%s", object, name);
		rc = cannot_write(s, where, err);
	}
	if (id >= 0)
		H5Aclose(id);
	if (space >= 0)
		H5Sclose(space);
	return rc;
}

int shard_attr_string(struct rc_shard *s, const char *path, const char *name, const char *value,
		      struct rc_err *err)
{
	hid_t type = H5Tcopy(H5T_C_S1);
	if (type >= 0) {
		H5Tset_size(type, H5T_VARIABLE);
		H5Tset_cset(type, H5T_CSET_UTF8);
	}
	int rc = attr(s, path, name, type, &value, err);
	if (type >= 0)
		H5Tclose(type);
	return rc;
}

int shard_attr_int(struct rc_shard *s, const char *path, const char *name, int64_t value,
		   struct rc_err *err)
{
	return attr(s, path, name, H5T_NATIVE_INT64, &value, err);
}

int shard_attr_bool(struct rc_shard *s, const char *path, const char *name, bool value,
		    struct rc_err *err)
{
	int8_t v = value;
	hid_t type = rc_h5_type(RC_BOOL);
	int rc = attr(s, path, name, type, &v, err);
	if (type >= 0)
		H5Tclose(type);
	return rc;
}

/* --- filter pipelines ----------------------------------------------------------------------- */

/* Stored chunks are written as they are, so a filter needs a name in the library, not code. */
static size_t never_called(unsigned flags, size_t n_values, const unsigned values[], size_t n,
			   size_t *cap, void **buf)
{
	(void)flags, (void)n_values, (void)values, (void)n, (void)cap, (void)buf;
	return 0;
}

static int announce_filter(int32_t id)
{
	static const struct {
		int32_t id;
		const char *name;
	} known[] = {
		{RC_FILTER_LZF, "lzf"}, {RC_FILTER_BLOSC, "blosc"}, {307, "bzip2"},
		{RC_FILTER_LZ4, "lz4"}, {RC_FILTER_ZSTD, "zstd"},   {32026, "blosc2"},
	};
	H5Z_class2_t c = {H5Z_CLASS_T_VERS, id, 1, 1, "stored", NULL, NULL, never_called};
	for (size_t i = 0; i < RC_ARRAY_LEN(known); i++)
		if (known[i].id == id)
			c.name = known[i].name;
	if (H5Zfilter_avail(id) > 0)
		return 0;
	return H5Zregister(&c) < 0 ? -1 : 0;
}

hid_t shard_plist_chunked(const struct rc_out_stream *st, const struct rc_filter *filters,
			  uint32_t n_filters)
{
	hsize_t chunk[RC_MAX_RANK];
	hid_t p = shard_plist_untimed(H5P_DATASET_CREATE);
	chunk[0] = st->chunk_rows;
	for (uint32_t k = 1; k < st->rank; k++)
		chunk[k] = st->dims[k];
	bool ok = p >= 0 && H5Pset_fill_time(p, H5D_FILL_TIME_NEVER) >= 0 &&
		  H5Pset_chunk(p, (int)st->rank, chunk) >= 0;
	for (uint32_t i = 0; ok && i < n_filters; i++) {
		const struct rc_filter *f = &filters[i];
		ok = announce_filter(f->id) == 0 &&
		     H5Pset_filter(p, f->id, f->flags & H5Z_FLAG_DEFMASK, f->n_values,
				   f->values) >= 0;
	}
	if (ok)
		return p;
	if (p >= 0)
		H5Pclose(p);
	return H5I_INVALID_HID;
}

bool shard_pipeline_kept(hid_t dataset, const struct rc_filter *filters, uint32_t n_filters)
{
	hid_t p = H5Dget_create_plist(dataset);
	bool same = p >= 0 && H5Pget_nfilters(p) == (int)n_filters;
	for (uint32_t i = 0; same && i < n_filters; i++) {
		unsigned flags, values[RC_MAX_FILTER_VALUES] = {0};
		size_t n = RC_MAX_FILTER_VALUES;
		H5Z_filter_t id = H5Pget_filter2(p, i, &flags, &n, values, 0, NULL, NULL);
		same = id == filters[i].id && n >= filters[i].n_values;
		for (uint32_t k = 0; same && k < filters[i].n_values; k++)
			same = values[k] == filters[i].values[k];
	}
	if (p >= 0)
		H5Pclose(p);
	return same;
}
