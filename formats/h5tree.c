/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/h5private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/names.h"
#include "formats/codec.h"

enum { MAX_OBJECTS = 2000000, MAX_DEPTH = 64, MAX_PATH = 4096, MAX_SKIPPED = 100 };
enum { MAX_FILES = 8 }; /* that a link in one leads to the next of */

/* A group that was entered: its address in the file, and how often a link led to a file before. */
struct seen {
	haddr_t addr; /* HADDR_UNDEF: a free place of the table */
	uint64_t visit;
};

struct walk {
	struct rc_h5_tree *t;
	size_t n_objects;
	struct seen *seen; /* open addressing */
	size_t n_seen, cap_seen;
	uint64_t visit, n_visits; /* of the file at hand; of all */
	struct { dev_t dev; ino_t ino; } files[MAX_FILES]; /* from the input to the one at hand */
	size_t n_files;
	struct rc_err *err;
};

struct link {
	char *name;
	H5L_type_t type;
	haddr_t addr;
};

struct links {
	struct link *p;
	size_t n, cap, room;
	int rc; /* why the callback stopped, or 0 */
	struct rc_err *err;
};

/* --- the set of groups already entered -------------------------------------------------------- */

static size_t seen_slot(const struct walk *w, haddr_t addr, uint64_t visit)
{
	uint64_t hash = (addr ^ visit << 40) * 0x9e3779b97f4a7c15u;
	size_t i = (size_t)(hash >> 20) & (w->cap_seen - 1);

	while (w->seen[i].addr != HADDR_UNDEF &&
	       (w->seen[i].addr != addr || w->seen[i].visit != visit))
		i = (i + 1) & (w->cap_seen - 1);
	return i;
}

static int seen_grow(struct walk *w)
{
	struct seen *old = w->seen, *fresh;
	size_t n_old = w->cap_seen, cap = n_old ? 2 * n_old : 256;
	int rc = rc_new_array(&fresh, cap, sizeof *fresh, w->err);

	if (rc)
		return rc;
	for (size_t i = 0; i < cap; i++)
		fresh[i].addr = HADDR_UNDEF;
	w->seen = fresh;
	w->cap_seen = cap;
	for (size_t i = 0; i < n_old; i++)
		if (old[i].addr != HADDR_UNDEF)
			fresh[seen_slot(w, old[i].addr, old[i].visit)] = old[i];
	free(old);
	return 0;
}

static bool seen_has(const struct walk *w, haddr_t addr)
{
	return w->cap_seen && w->seen[seen_slot(w, addr, w->visit)].addr == addr;
}

static int seen_add(struct walk *w, haddr_t addr)
{
	if (2 * (w->n_seen + 1) > w->cap_seen) {
		int rc = seen_grow(w);
		if (rc)
			return rc;
	}
	w->seen[seen_slot(w, addr, w->visit)] = (struct seen){ addr, w->visit };
	w->n_seen++;
	return 0;
}

/* --- nodes ------------------------------------------------------------------------------------ */

void h5_problem(struct rc_h5_node *n, const char *code, const char *fmt, ...)
{
	char text[512], *copy;
	va_list ap;

	n->usable = false;
	if (n->problem_code)
		return;
	n->problem_code = code;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (rc_strdup(&copy, text, NULL) == 0)
		n->problem = copy;
}

static void node_free(struct rc_h5_node *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->n_children; i++)
		node_free(n->children[i]);
	free(n->children);
	free((char *)n->problem);
	free(n->path);
	free(n);
}

/* What has no form: groups, and what cannot be opened. */
static struct rc_dataset formless;

int h5_node_new(struct rc_h5_node *parent, const char *name, struct rc_h5_node **n_out,
		struct rc_err *err)
{
	struct rc_h5_node *n = NULL;
	bool below_root = parent && parent->parent;
	int rc = rc_new(&n, err);

	if (rc == 0)
		rc = rc_sprintf(&n->path, err, "%s/%s", below_root ? parent->path : "", name);
	if (rc) {
		node_free(n);
		return rc;
	}
	n->name = strrchr(n->path, '/') + 1;
	n->parent = parent;
	n->i_dataset = RC_NO_DATASET;
	n->dataset = &formless;
	*n_out = n;
	return 0;
}

static int skip_link(struct walk *w, const struct rc_h5_node *group, const char *name)
{
	struct rc_h5_tree *t = w->t;
	const char *base = group->parent ? group->path : "";
	int rc = 0;

	if (!t->skipped_links)
		rc = rc_new_array(&t->skipped_links, MAX_SKIPPED, sizeof(char *), w->err);
	if (rc == 0 && t->n_skipped_links < MAX_SKIPPED)
		rc = rc_sprintf(&t->skipped_links[t->n_skipped_links], w->err, "%s/%.200s", base,
				name);
	if (rc == 0)
		t->n_skipped_links++;
	return rc;
}

static int note_external(struct walk *w, const struct rc_h5_node *group, const char *name)
{
	if (w->t->n_external_links++)
		return 0;
	return rc_sprintf(&w->t->external_link, w->err, "%s/%.200s",
			  group->parent ? group->path : "", name);
}

/* --- listing one group ------------------------------------------------------------------------ */

static herr_t take_link(hid_t group, const char *name, const H5L_info_t *info, void *arg)
{
	struct links *l = arg;

	(void)group;
	if (l->n >= l->room) {
		l->rc = rc_fail(l->err, RC_E_FORMAT, "too_many_objects",
				"it holds more than %d objects", MAX_OBJECTS);
		return 1;
	}
	l->rc = rc_grow_array(&l->p, &l->cap, l->n + 1, sizeof *l->p, l->err);
	if (l->rc == 0)
		l->rc = rc_strdup(&l->p[l->n].name, name, l->err);
	if (l->rc)
		return 1;
	l->p[l->n].type = info->type;
	l->p[l->n].addr = info->type == H5L_TYPE_HARD ? info->u.address : HADDR_UNDEF;
	l->n++;
	return 0;
}

int h5_name_cmp(const char *a, const char *b)
{
	int c = rc_natural_cmp(a, b);
	return c ? c : strcmp(a, b);
}

static int link_cmp(const void *a, const void *b)
{
	return h5_name_cmp(((const struct link *)a)->name, ((const struct link *)b)->name);
}

static void links_release(struct links *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->p[i].name);
	free(l->p);
}

/* A group whose list breaks off keeps what was listed until then. */
static int list_group(struct walk *w, struct rc_h5_node *node, hid_t group, struct links *l)
{
	l->room = MAX_OBJECTS - w->n_objects;
	l->err = w->err;
	if (H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, take_link, l) < 0 && !l->rc) {
		char cause[256];
		h5_cause(cause, sizeof cause);
		h5_problem(node, "unreadable", "the list of its members is damaged: %s", cause);
	}
	if (l->n > 1)
		qsort(l->p, l->n, sizeof *l->p, link_cmp);
	return l->rc;
}

/* --- the walk --------------------------------------------------------------------------------- */

static int walk_group(struct walk *w, struct rc_h5_node *node, hid_t group, int depth);

static void append_child(struct rc_h5_node *parent, struct rc_h5_node *child)
{
	parent->children[parent->n_children++] = child;
}

static int enter_dataset(struct walk *w, struct rc_h5_node *n, hid_t id)
{
	size_t n_members = 0;
	int rc = h5_classify(w->t, n, id, w->err);

	n->linked = n->composed ? n->linked : w->t->linked;
	if (rc == 0 && n->composed)
		return 0;
	if (rc == 0 && n->problem_code && strcmp(n->problem_code, "compound") == 0)
		rc = h5_add_members(w->t, n, id, MAX_OBJECTS - w->n_objects, &n_members, w->err);
	else if (rc == 0)
		rc = h5_find_frames(w->t, n, w->err);
	w->n_objects += n_members;
	return rc;
}

static int enter_object(struct walk *w, struct rc_h5_node *n, hid_t id, haddr_t addr, int depth)
{
	H5O_info_t info;

	/* asking once here spares the layouts a search for each attribute they know */
	n->no_attributes = H5Oget_info2(id, &info, H5O_INFO_NUM_ATTRS) >= 0 && !info.num_attrs;
	if (!n->is_group)
		return enter_dataset(w, n, id);
	int rc = seen_add(w, addr);
	if (rc == 0 && depth >= MAX_DEPTH)
		h5_problem(n, "too_deep", "it lies more than %d groups deep", MAX_DEPTH);
	else if (rc == 0)
		rc = walk_group(w, n, id, depth + 1);
	return rc;
}

static int add_object(struct walk *w, struct rc_h5_node *group, const char *name, hid_t id,
		      haddr_t addr, int depth)
{
	H5I_type_t type = id < 0 ? H5I_BADID : H5Iget_type(id);
	struct rc_h5_node *n = NULL;
	char cause[256];
	int rc;

	if (type == H5I_DATATYPE) /* a named type holds no data */
		return 0;
	rc = h5_node_new(group, name, &n, w->err);
	if (rc)
		return rc;
	append_child(group, n);
	if (type == H5I_GROUP || type == H5I_DATASET) {
		n->is_group = type == H5I_GROUP;
		return enter_object(w, n, id, addr, depth);
	}
	h5_cause(cause, sizeof cause);
	if (*h5_refusal())
		h5_problem(n, "broken_link", "it is a link to another file, %s", h5_refusal());
	else
		h5_problem(n, "unreadable", "it cannot be opened: %s%s", cause,
			   strstr(cause, "version")
				   ? "; was it made by a newer HDF5 than the one here?"
				   : "");
	return 0;
}

/* Whether the links so far lead to this file again. */
static bool file_again(const struct walk *w, const struct stat *st)
{
	for (size_t i = 0; i < w->n_files; i++)
		if (w->files[i].dev == st->st_dev && w->files[i].ino == st->st_ino)
			return true;
	return false;
}

static int too_many_files(struct walk *w, struct rc_h5_node *group, const char *name)
{
	struct rc_h5_node *n = NULL;
	int rc = h5_node_new(group, name, &n, w->err);

	if (rc)
		return rc;
	append_child(group, n);
	h5_problem(n, "broken_link", "it is a link to another file, behind links through %d files",
		   MAX_FILES);
	return 0;
}

/* Another file, as long as the object that a link leads to is looked at. */
static int visit_file(struct walk *w, struct rc_h5_node *group, const char *name, hid_t id,
		      int depth)
{
	const struct h5_lent *l;
	uint64_t visit = w->visit;
	struct h5_here before;
	H5O_info_t info;
	struct stat st = { 0 }; /* of the input: no file that a link leads to */
	bool is_group;
	int rc;

	if (id < 0 || !h5_enter(w->t, id, &before))
		return add_object(w, group, name, -1, 0, depth);
	l = h5_lent_of(w->t->here);
	is_group = H5Iget_type(id) == H5I_GROUP;
	if (!l || (l->position && fstat(l->fd, &st)) ||
	    H5Oget_info2(id, &info, H5O_INFO_BASIC) < 0) {
		rc = skip_link(w, group, name);
	} else if (is_group && (!l->position || file_again(w, &st))) {
		rc = skip_link(w, group, name); /* in a circle, perhaps */
	} else if (w->n_files == MAX_FILES) {
		rc = too_many_files(w, group, name);
	} else {
		w->files[w->n_files].dev = st.st_dev;
		w->files[w->n_files++].ino = st.st_ino;
		w->visit = ++w->n_visits;
		rc = add_object(w, group, name, id, info.addr, depth);
		w->visit = visit;
		w->n_files--;
	}
	h5_leave(w->t, &before);
	return rc;
}

static int visit_link(struct walk *w, struct rc_h5_node *group, hid_t gid, const struct link *l,
		      int depth)
{
	bool external = l->type == H5L_TYPE_EXTERNAL;
	hid_t id;
	int rc;

	if (external && !w->t->links)
		return note_external(w, group, l->name);
	if ((l->type != H5L_TYPE_HARD && !external) || (!external && seen_has(w, l->addr)) ||
	    strlen(group->path) + strlen(l->name) >= MAX_PATH)
		return skip_link(w, group, l->name);
	w->n_objects++;
	h5_forget_refusal();
	id = H5Oopen(gid, l->name, w->t->lapl);
	rc = external ? visit_file(w, group, l->name, id, depth)
		      : add_object(w, group, l->name, id, l->addr, depth);
	if (id >= 0)
		H5Oclose(id);
	return rc;
}

static int walk_group(struct walk *w, struct rc_h5_node *node, hid_t group, int depth)
{
	struct links l = { 0 };
	int rc = list_group(w, node, group, &l);

	if (rc == 0)
		rc = rc_new_array(&node->children, l.n, sizeof(void *), w->err);
	for (size_t i = 0; rc == 0 && i < l.n; i++)
		rc = visit_link(w, node, group, &l.p[i], depth);
	links_release(&l);
	return rc;
}

static int walk_root(struct rc_h5_tree *t, struct rc_err *err)
{
	struct walk w = { .t = t, .err = err };
	hid_t root = H5Oopen(t->file, "/", t->lapl);
	const struct h5_lent *own = h5_lent_of(t->file);
	struct stat st = { 0 };
	H5O_info_t info;
	int rc;

	if (own && !fstat(own->fd, &st)) {
		w.files[0].dev = st.st_dev;
		w.files[w.n_files++].ino = st.st_ino;
	}

	if (root < 0 || H5Iget_type(root) != H5I_GROUP ||
	    H5Oget_info2(root, &info, H5O_INFO_BASIC) < 0) {
		rc = rc_h5_fail(err, RC_E_FORMAT, "damaged", "its root group cannot be opened");
		goto done;
	}
	rc = h5_node_new(NULL, "", &t->root, err);
	if (rc)
		goto done;
	t->root->is_group = true;
	rc = seen_add(&w, info.addr);
	if (rc == 0)
		rc = walk_group(&w, t->root, root, 0);
done:
	if (root >= 0)
		H5Oclose(root);
	H5Eclear2(H5E_DEFAULT);
	free(w.seen);
	return rc;
}

/* --- opening ---------------------------------------------------------------------------------- */

static int open_tree(int fd, uint64_t file_bytes, const char *below, bool walk,
		     struct rc_h5_tree **t_out, struct rc_err *err)
{
	struct rc_h5_tree *t = NULL;
	int rc = rc_new(&t, err);

	if (rc)
		return rc;
	t->file = t->here = t->lapl = -1;
	t->file_bytes = file_bytes;
	rc = h5_find_signature(fd, file_bytes, &t->user_block, err);
	if (rc == 0)
		rc = rc_codec_ctx_new(&t->codec, err);
	if (rc == 0)
		rc = h5_open_input(t, fd, below, err);
	if (rc == 0 && walk)
		rc = walk_root(t, err);
	if (rc)
		goto done;
	*t_out = t;
	t = NULL;
done:
	rc_h5_tree_close(t);
	return rc;
}

int rc_h5_tree_open(int fd, uint64_t file_bytes, const char *below, struct rc_h5_tree **t_out,
		    struct rc_err *err)
{
	return open_tree(fd, file_bytes, below, true, t_out, err);
}

int rc_h5_file_open(int fd, uint64_t file_bytes, const char *below, struct rc_h5_tree **t_out,
		    struct rc_err *err)
{
	return open_tree(fd, file_bytes, below, false, t_out, err);
}

void rc_h5_tree_forget(struct rc_h5_tree *t)
{
	node_free(t->root);
	rc_forms_release(&t->forms);
	for (size_t i = 0; t->skipped_links && i < MAX_SKIPPED; i++)
		free(t->skipped_links[i]);
	free(t->skipped_links);
	free(t->external_link);
	t->external_link = NULL;
	t->n_external_links = 0;
	t->root = NULL;
	t->skipped_links = NULL;
	t->n_skipped_links = 0;
}

void rc_h5_tree_close(struct rc_h5_tree *t)
{
	if (!t)
		return;
	rc_h5_tree_forget(t);
	rc_codec_ctx_free(t->codec);
	if (t->file >= 0)
		H5Fclose(t->file);
	if (t->lapl >= 0)
		H5Pclose(t->lapl);
	H5Eclear2(H5E_DEFAULT);
	free(t);
}

/* --- finding ---------------------------------------------------------------------------------- */

static int key_cmp(const void *key, const void *child)
{
	return h5_name_cmp(key, (*(struct rc_h5_node *const *)child)->name);
}

struct rc_h5_node *rc_h5_child(const struct rc_h5_node *group, const char *name)
{
	struct rc_h5_node **at = NULL;

	if (group && group->n_children)
		at = bsearch(name, group->children, group->n_children, sizeof *group->children,
			     key_cmp);
	return at ? *at : NULL;
}

struct rc_h5_node *rc_h5_find(const struct rc_h5_tree *t, const struct rc_h5_node *from,
			      const char *path)
{
	const struct rc_h5_node *at = *path == '/' || !from ? t->root : from;
	char name[MAX_PATH];

	while (at && *(path += strspn(path, "/"))) {
		size_t n = strcspn(path, "/");
		if (n >= sizeof name)
			return NULL;
		memcpy(name, path, n);
		name[n] = 0;
		at = rc_h5_child(at, name);
		path += n;
	}
	return (struct rc_h5_node *)at;
}
