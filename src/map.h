/* SPDX-License-Identifier: Apache-2.0 */
/* The option --map: a file with a map (formats/map.h), or, from a recipe, its text. */
#ifndef RC_MAP_OPTION_H
#define RC_MAP_OPTION_H

#include "base/buf.h"
#include "base/digest.h"

/* Reads and checks the map that *map names, puts it on one line into *text, which the caller
 * releases last, and lets *map point there.  Nothing when *map is NULL.  RC_E_USAGE also where
 * `layout` (--layout-in) is given besides. */
int rc_map_load(const char **map, const char *layout, struct rc_buf *text, struct rc_err *err);

/* How inputs are read, in few words for what a later run compares: the name of a layout, NULL where
 * files are probed, or of the text of a map "map" and its digest; with `external` behind it that
 * links to other files are followed.  Made in room where need be. */
enum { RC_READING_ROOM = 256 };
const char *rc_reading_name(const char *layout_or_map, bool external, char room[RC_READING_ROOM]);

#endif
