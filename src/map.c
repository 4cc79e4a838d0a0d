/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "map.h"

#include "formats/map.h"

enum { MAX_FILE_BYTES = 1 << 20 };

static int parse(const char *text, size_t n, const char *name, struct rc_buf *out,
		 struct rc_err *err)
{
	struct rc_json *root = NULL;
	struct rc_map *m = NULL;
	int rc = rc_json_parse(text, n, name, &root, err);

	if (!rc)
		rc = rc_map_new(root, name, &m, err);
	rc_map_free(m);
	if (!rc)
		rc = rc_json_text(root, false, out, err);
	rc_json_free(root);
	while (!rc && out->len && out->p[out->len - 1] == '\n')
		out->p[--out->len] = '\0';
	if (!rc && out->len > RC_MAP_MAX_TEXT)
		rc = rc_fail(err, RC_E_USAGE, "map",
			     "map '%s' is too long: %zu bytes on one line, %d are allowed", name,
			     out->len, RC_MAP_MAX_TEXT);
	return rc;
}

const char *rc_reading_name(const char *layout_or_map, bool external, char room[RC_READING_ROOM])
{
	bool map = layout_or_map && rc_map_is_text(layout_or_map);
	const char *behind = external ? " with other files" : "";
	char hex[RC_DIGEST_HEX];

	if (!map && !external)
		return layout_or_map;
	if (map) {
		rc_digest_hex(rc_digest_of(layout_or_map, strlen(layout_or_map)), hex);
		snprintf(room, RC_READING_ROOM, "map %s%s", hex, behind);
	} else {
		snprintf(room, RC_READING_ROOM, "%.200s%s",
			 layout_or_map ? layout_or_map : "any layout", behind);
	}
	return room;
}

int rc_map_load(const char **map, const char *layout, struct rc_buf *text, struct rc_err *err)
{
	struct rc_buf file;
	int rc = 0;

	if (!*map)
		return 0;
	if (layout)
		return rc_fail(err, RC_E_USAGE, "map",
			       "--map and --layout-in both say how to read the inputs; give one");
	rc_buf_init(&file);
	if (rc_map_is_text(*map)) {
		rc = parse(*map, strlen(*map), "of the recipe", text, err);
	} else {
		rc = rc_buf_read_file(&file, *map, MAX_FILE_BYTES, err);
		if (!rc)
			rc = parse(file.p, file.len, *map, text, err);
	}
	rc_buf_release(&file);
	if (rc) { /* a mistake in the command: nothing was done yet */
		if (err)
			err->code = RC_E_USAGE;
		return RC_E_USAGE;
	}
	*map = text->p;
	return 0;
}
