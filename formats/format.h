/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layouts: how a dataset family arranges its HDF5 groups.  Runs in reader processes only.
 *
 * To add a layout:
 *  1. formats/layout_x.c defines `const struct rc_layout rc_layout_x` with the four fields below.
 *  2. A row RC_LAYOUT(x) in formats/formats.def, the file in Makefile.am, a paragraph in
 *     man/robocache-layouts.7; tests/check-registry.sh compares them.
 *  3. A good and a bad sample with what is expected of them in tests/data_layouts.py;
 *     tests/check-layouts.py walks them, and complains of a layout without samples.
 * Where names and clocks follow from paths, the layout is a table: see rules.h.
 *
 * `describe` lists episodes and streams from metadata alone, except for the first 65 and the
 * last stamp of clocks and up to three rows of things named like quaternions.  What layouts share
 * is in describe.h.
 */
#ifndef RC_FORMAT_H
#define RC_FORMAT_H

#include "formats/h5util.h"
#include "formats/index.h"

struct rc_layout {
	const char *name;
	const char *summary; /* one line: what it recognises */
	/* 0: not this layout; 100: certain.  reason says what was seen, lower case. */
	int (*probe)(const struct rc_h5_tree *tree, char *reason, size_t cap);
	int (*describe)(const struct rc_h5_tree *tree, struct rc_index_builder *b,
			struct rc_err *err);
};

extern const struct rc_layout *const rc_layouts[];
extern const size_t rc_n_layouts;

/* Chooses by probe (or `wanted`, a name or the text of a map), describes, and finishes the
 * builder's layout fields.
 * Nothing recognised is RC_E_FORMAT "unknown_layout", with what was seen. */
int rc_layout_scan(const struct rc_h5_tree *tree, const char *wanted, struct rc_index_builder *b,
		   struct rc_err *err);

#endif
