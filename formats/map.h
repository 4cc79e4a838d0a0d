/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A map: a layout that a user writes as JSON.  It travels to the reader process as text, in place
 * of the name of a layout.  robocache-recipe(5) describes it.
 */
#ifndef RC_MAP_H
#define RC_MAP_H

#include "base/json.h"

enum { RC_MAP_MAX_TEXT = 24 << 10 };

struct rc_map;

/* Checks all of it; RC_E_USAGE "map" says what is wrong and where.  `name` is for messages; the
 * values are borrowed from root. */
int rc_map_new(const struct rc_json *root, const char *name, struct rc_map **map_out,
	       struct rc_err *err);
void rc_map_free(struct rc_map *m);
/* Whether what is asked for in place of a layout's name is the text of a map. */
bool rc_map_is_text(const char *wanted);

struct rc_h5_tree;
struct rc_index_builder;
/* In the reader: describes a file by the text of a map. */
int rc_map_scan(const char *text, const struct rc_h5_tree *t, struct rc_index_builder *b,
		struct rc_err *err);

#endif
