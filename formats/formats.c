/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/format.h"

#include <stdio.h>
#include <string.h>

#include "base/names.h"
#include "formats/layouts.h"
#include "formats/map.h"

#define RC_LAYOUT(x) extern const struct rc_layout rc_layout_##x;
#include "formats/formats.def"
#undef RC_LAYOUT

#define RC_LAYOUT(x) &rc_layout_##x,
const struct rc_layout *const rc_layouts[] = {
#include "formats/formats.def"
};
#undef RC_LAYOUT
const size_t rc_n_layouts = sizeof rc_layouts / sizeof rc_layouts[0];

size_t rc_layout_count(void)
{
	return rc_n_layouts;
}

const char *rc_layout_name(size_t i)
{
	return rc_layouts[i]->name;
}

const char *rc_layout_summary(size_t i)
{
	return rc_layouts[i]->summary;
}

enum { REASON_LEN = 320, FITS_TOO = 60, MAX_DAMAGE = 1000 };

static int unknown_name(const char *wanted, struct rc_err *err)
{
	const char *names[RC_ARRAY_LEN(rc_layouts)], *near;

	for (size_t n = 0; n < rc_n_layouts; n++)
		names[n] = rc_layouts[n]->name;
	near = rc_nearest_name(wanted, names, rc_n_layouts);
	return rc_fail(err, RC_E_USAGE, "unknown_layout",
		       "no input layout '%s'%s%s%s; robocache layouts lists them", wanted,
		       near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

/* "'actions' (array), 'obs' (group)" of the root, for people whose file is not understood. */
static void list_top(const struct rc_h5_tree *t, char *dst, size_t cap)
{
	size_t len = 0;

	snprintf(dst, cap, "nothing");
	for (size_t i = 0; i < t->root->n_children; i++) {
		const struct rc_h5_node *n = t->root->children[i];
		const char *what = n->is_group ? "group" : n->usable ? "array" : n->problem_code;
		int k = snprintf(dst + len, cap - len, "%s'%s' (%s)", i ? ", " : "", n->name, what);
		if (k < 0 || (size_t)k >= cap - len) {
			snprintf(dst + len, cap - len, "%s", cap - len > 4 ? " ..." : "");
			return;
		}
		len += (size_t)k;
	}
}

static int not_recognised(const struct rc_h5_tree *t, const char *why, struct rc_err *err)
{
	char seen[300], links[400] = "";

	list_top(t, seen, sizeof seen);
	if (t->n_external_links)
		snprintf(links, sizeof links,
			 "; %zu link%s to other files %s followed with --allow-external only, and "
			 "not at all in containers",
			 t->n_external_links, t->n_external_links == 1 ? "" : "s",
			 t->n_external_links == 1 ? "is" : "are");
	for (size_t i = 0; i < t->root->n_children && !*links; i++) {
		const struct rc_h5_node *n = t->root->children[i];

		if (n->problem && !strcmp(n->problem_code, "broken_link"))
			snprintf(links, sizeof links, "; '%s': %s", n->path, n->problem);
	}
	return rc_fail(err, RC_E_FORMAT, "unknown_layout",
		       "no known layout: %s; the top of the file holds %s%s", why, seen, links);
}

static void note_skipped(const struct rc_h5_tree *t, struct rc_index_builder *b)
{
	if (t->n_skipped_links)
		rc_ixb_note(b, RC_NOTE_INFO, "links_not_followed", "/",
			    "%zu soft links, or second ways into a group, were not followed, such "
			    "as '%s'", t->n_skipped_links, t->skipped_links[0]);
	if (t->n_external_links)
		rc_ixb_note(b, RC_NOTE_WARNING, "external_links", "/",
			    "%zu link%s to other files, such as '%s', not followed; "
			    "--allow-external follows those that stay in the directory of the "
			    "input",
			    t->n_external_links, t->n_external_links == 1 ? "" : "s",
			    t->external_link);
}

/* What cannot be read may have been an episode, of which the layout saw nothing. */
static void note_damage(const struct rc_h5_node *n, struct rc_index_builder *b, int *left)
{
	if (n->problem_code && *left > 0 &&
	    (!strcmp(n->problem_code, "unreadable") || !strcmp(n->problem_code, "broken_link")) &&
	    !rc_ixb_noted(b, n->problem_code, n->path)) {
		rc_ixb_note(b, RC_NOTE_WARNING, n->problem_code, n->path, "'%s' %s: %s", n->path,
			    n->is_group ? "is incomplete" : "is left out",
			    n->problem ? n->problem : "damaged");
		--*left;
	}
	for (size_t i = 0; i < n->n_children; i++)
		note_damage(n->children[i], b, left);
}

static int describe(const struct rc_layout *l, const struct rc_h5_tree *t, int score,
		    const char *reason, struct rc_index_builder *b, struct rc_err *err)
{
	int rc, left = MAX_DAMAGE;

	rc_ixb_layout(b, l->name, (uint32_t)score, reason, t->user_block);
	note_skipped(t, b);
	rc = l->describe(t, b, err);
	if (!rc)
		note_damage(t->root, b, &left);
	return rc;
}

static int scan_as(const struct rc_h5_tree *t, const char *wanted, struct rc_index_builder *b,
		   struct rc_err *err)
{
	char reason[REASON_LEN + 64], seen[REASON_LEN] = "";
	int score;

	for (size_t i = 0; i < rc_n_layouts; i++) {
		if (strcmp(rc_layouts[i]->name, wanted) != 0)
			continue;
		score = rc_layouts[i]->probe(t, seen, sizeof seen);
		snprintf(reason, sizeof reason, "asked for; the probe says %d: %s", score, seen);
		return describe(rc_layouts[i], t, score, reason, b, err);
	}
	return unknown_name(wanted, err);
}

int rc_layout_scan(const struct rc_h5_tree *tree, const char *wanted, struct rc_index_builder *b,
		   struct rc_err *err)
{
	char reason[REASON_LEN] = "", best_reason[REASON_LEN + 64] = "";
	const struct rc_layout *best = NULL, *second = NULL;
	int best_score = 0, second_score = FITS_TOO - 1;

	if (wanted && rc_map_is_text(wanted)) {
		note_skipped(tree, b);
		return rc_map_scan(wanted, tree, b, err);
	}
	if (wanted)
		return scan_as(tree, wanted, b, err);
	for (size_t i = 0; i < rc_n_layouts; i++) {
		int score = rc_layouts[i]->probe(tree, reason, sizeof reason);
		if (score > best_score) {
			if (best_score > second_score) {
				second = best;
				second_score = best_score;
			}
			best = rc_layouts[i];
			best_score = score;
			memcpy(best_reason, reason, sizeof reason);
		} else if (score > second_score) {
			second = rc_layouts[i];
			second_score = score;
		}
	}
	/* the last row is the least picky one: its reason says what is missing */
	if (!best)
		return not_recognised(tree, reason, err);
	if (second)
		snprintf(best_reason + strlen(best_reason),
			 sizeof best_reason - strlen(best_reason), "; %s fits too (%d to %d)",
			 second->name, second_score, best_score);
	return describe(best, tree, best_score, best_reason, b, err);
}
