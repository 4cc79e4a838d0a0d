/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "inputs.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/path.h"
#include "formats/container.h"
#include "formats/unpack.h"

enum { MAX_DEPTH = 64, MAX_LIST_BYTES = 256 << 20 };

struct walk {
	struct rc_inputs *in;
	const char *root;
	size_t label_at; /* where the label starts in paths of the operand at hand */
	dev_t skip_dev; /* the output directory, when it exists */
	ino_t skip_ino;
	bool skip;
};

static void free_file(struct rc_input_file *f)
{
	free(f->path);
	free(f->label);
	free(f->root);
	*f = (struct rc_input_file){0};
}

static int add_path(struct walk *w, const char *path, struct rc_err *err)
{
	struct rc_inputs *in = w->in;
	struct rc_input_file f = {0};
	int rc = rc_grow_array(&in->files, &in->cap, in->n + 1, sizeof *in->files, err);

	if (!rc)
		rc = rc_strdup(&f.path, path, err);
	if (!rc)
		rc = rc_strdup(&f.label, path + w->label_at, err);
	if (!rc && w->root)
		rc = rc_strdup(&f.root, w->root, err);
	if (rc)
		free_file(&f);
	else
		in->files[in->n++] = f;
	return rc;
}

/* Where in an operand its last component starts, which is also where labels start: labels must
 * not depend on where the dataset lies on this machine.  "." and ".." name nothing. */
static size_t label_start(const char *operand)
{
	size_t end = strlen(operand), at;

	while (end > 1 && operand[end - 1] == '/')
		end--;
	for (at = end; at > 0 && operand[at - 1] != '/'; at--)
		;
	if (operand[at] == '.' && (end - at == 1 || (end - at == 2 && operand[at + 1] == '.')))
		return end + 1;
	return at;
}

static int by_nature(const void *a, const void *b)
{
	return rc_natural_cmp(*(char *const *)a, *(char *const *)b);
}

static int walk_dir(struct walk *w, const char *dir, int depth, struct rc_err *err);

static int walk_entry(struct walk *w, const char *dir, const char *name, int depth,
		      struct rc_err *err)
{
	struct stat st, target;
	char *path;
	const char *slash = dir[strlen(dir) - 1] == '/' ? "" : "/";
	int rc = rc_sprintf(&path, err, "%s%s%s", dir, slash, name);

	if (rc)
		return rc;
	if (lstat(path, &st) != 0) /* vanished while we looked: not there */
		goto done;
	if (S_ISDIR(st.st_mode)) {
		rc = walk_dir(w, path, depth + 1, err);
	} else if (rc_container_of_name(name) != RC_CONTAINER_NONE) {
		if (S_ISLNK(st.st_mode) && stat(path, &target) == 0)
			st = target;
		if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode)) /* to nowhere: the scan says so */
			rc = add_path(w, path, err);
		else if (!S_ISDIR(st.st_mode))
			rc_log(RC_LOG_WARN, "left out '%s': it is a device, a pipe or a socket",
			       path);
	}
done:
	free(path);
	return rc;
}

/* zstd leaves what it packs where it is; one recording must not become two. */
static bool is_twin(char *const *names, size_t n, const char *dir, const char *name)
{
	char plain[NAME_MAX + 1], *key = plain;

	if (rc_container_of_name(name) != RC_CONTAINER_PACKED)
		return false;
	snprintf(plain, sizeof plain, "%.*s", (int)(strlen(name) - strlen(".zst")), name);
	if (!bsearch(&key, names, n, sizeof *names, by_nature))
		return false;
	rc_log(RC_LOG_WARN, "left out '%s/%s': '%s' lies beside it", dir, name, plain);
	return true;
}

static int walk_dir(struct walk *w, const char *dir, int depth, struct rc_err *err)
{
	char **names = NULL;
	size_t n = 0, cap = 0;
	struct dirent *e;
	struct stat st;
	DIR *d = NULL;
	int rc = 0;

	if (w->skip && stat(dir, &st) == 0 && st.st_dev == w->skip_dev && st.st_ino == w->skip_ino)
		return 0;
	if (depth > MAX_DEPTH)
		return rc_fail(err, RC_E_USAGE, "input", "'%s' is nested more than %d levels deep",
			       dir, MAX_DEPTH);
	d = opendir(dir);
	if (!d)
		return rc_fail_errno(err, RC_E_USAGE, "input", errno, "cannot list directory '%s'",
				     dir);
	while (!rc && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		rc = rc_grow_array(&names, &cap, n + 1, sizeof *names, err);
		if (!rc)
			rc = rc_strdup(&names[n], e->d_name, err);
		if (!rc)
			n++;
	}
	closedir(d);
	if (n)
		qsort(names, n, sizeof *names, by_nature);
	for (size_t i = 0; i < n && !rc; i++)
		if (!is_twin(names, n, dir, names[i]))
			rc = walk_entry(w, dir, names[i], depth, err);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return rc;
}

static int add_operand(struct walk *w, const char *path, size_t before, struct rc_err *err)
{
	struct stat st;
	char *parent;
	int rc;

	w->label_at = 0;
	w->root = NULL;
	if (!strcmp(path, "-"))
		return add_path(w, path, err);
	if (stat(path, &st) != 0)
		return rc_fail_errno(err, RC_E_USAGE, "input", errno, "cannot open input '%s'",
				     path);
	w->label_at = label_start(path);
	if (!S_ISDIR(st.st_mode)) {
		rc = rc_path_parent(path, &parent, err);
		if (rc)
			return rc;
		w->root = parent;
		rc = add_path(w, path, err);
		free(parent);
		return rc;
	}
	w->root = path;
	rc = walk_dir(w, path, 0, err);
	if (!rc && w->in->n == before)
		return rc_fail(err, RC_E_USAGE, "input",
			       "no *.h5, *.hdf5 or *.tar file in directory '%s'; name files of "
			       "other suffixes one by one",
			       path);
	return rc;
}

static int add_named(struct walk *w, const char *operand, struct rc_err *err)
{
	size_t before = w->in->n, len = strlen(operand);
	char *path;
	int rc;

	while (len > 1 && operand[len - 1] == '/') /* raw// is raw */
		len--;
	rc = rc_sprintf(&path, err, "%.*s", (int)len, operand);
	if (rc)
		return rc;
	rc = add_operand(w, path, before, err);
	free(path);
	return rc;
}

static int add_list(struct walk *w, const struct rc_input_options *opt, struct rc_err *err)
{
	struct rc_buf text;
	char sep = opt->null_separated ? '\0' : '\n';
	int rc;

	rc_buf_init(&text);
	rc = rc_buf_read_file(&text, opt->files_from, MAX_LIST_BYTES, err);
	if (rc) { /* a mistake in the command: nothing was done yet */
		rc = RC_E_USAGE;
		if (err)
			err->code = rc;
	}
	for (size_t at = 0; !rc && at < text.len;) {
		char *line = text.p + at;
		char *end = memchr(line, sep, text.len - at);
		size_t len = end ? (size_t)(end - line) : text.len - at;

		line[len] = '\0'; /* a buf always has room for its NUL */
		at += len + 1;
		if (sep == '\n' && len && line[len - 1] == '\r')
			line[--len] = '\0';
		if (len)
			rc = add_named(w, line, err);
	}
	if (rc)
		rc_err_while(err, "reading the list '%s'", opt->files_from);
	rc_buf_release(&text);
	return rc;
}

struct named {
	struct rc_file_id id;
	size_t at;
};

static int by_id(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int c = rc_file_id_cmp(x->id, y->id);

	return c ? c : (x->at > y->at) - (x->at < y->at);
}

/* Of two names of one file the first stays, with the wider directory of files that it may refer
 * to. */
static void widen_root(struct rc_input_file *stays, struct rc_input_file *goes)
{
	char *a = stays->root ? realpath(stays->root, NULL) : NULL;
	char *b = goes->root ? realpath(goes->root, NULL) : NULL;
	size_t n = b ? strlen(b) : 0;

	if (a && b && !strncmp(a, b, n) && (a[n] == '/' || n == 1)) {
		struct rc_input_file was = *stays;

		stays->path = goes->path;
		stays->root = goes->root;
		goes->path = was.path;
		goes->root = was.root;
	}
	free(a);
	free(b);
}

/* The same file named twice, by whatever path, is one input: the first mention stays. */
static int drop_repeats(struct rc_inputs *in, struct rc_err *err)
{
	const struct rc_file_id standard_input = {.ino = 1}; /* on device 0, which is none */
	struct named *f;
	size_t kept = 0;
	int rc = rc_new_array(&f, in->n, sizeof *f, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < in->n; i++) {
		f[i].at = i;
		f[i].id = strcmp(in->files[i].path, "-") ? rc_file_id(in->files[i].path)
							 : standard_input;
	}
	qsort(f, in->n, sizeof *f, by_id);
	for (size_t i = 1; i < in->n; i++) {
		if (!f[i].id.ino || rc_file_id_cmp(f[i].id, f[i - 1].id))
			continue;
		widen_root(&in->files[f[i - 1].at], &in->files[f[i].at]);
		free_file(&in->files[f[i].at]);
		f[i].at = f[i - 1].at; /* the one that stays */
	}
	for (size_t i = 0; i < in->n; i++)
		if (in->files[i].path)
			in->files[kept++] = in->files[i];
	in->n = kept;
	free(f);
	return 0;
}

/* --- containers ------------------------------------------------------------------------------- */

/* What takes the place of the inputs as they were named. */
struct unpacking {
	struct rc_inputs out;
	const char *label; /* of the container at hand */
};

/* The same data have the same identifiers, packed or not. */
static size_t without_zst(const char *label)
{
	size_t n = strlen(label);

	return n > 4 && !strcasecmp(label + n - 4, ".zst") ? n - 4 : n;
}

static int found(void *arg, const char *name, const char *member, struct rc_err *err)
{
	struct unpacking *u = arg;
	struct rc_input_file f = {.unpacked = true};
	int n = (int)without_zst(u->label), n_member = member ? (int)without_zst(member) : 0;
	int rc = rc_grow_array(&u->out.files, &u->out.cap, u->out.n + 1, sizeof f, err);

	if (!rc)
		rc = rc_strdup(&f.path, name, err);
	if (!rc)
		rc = rc_sprintf(&f.label, err, "%.*s%s%.*s", n, u->label, member ? ":" : "",
				n_member, member ? member : "");
	if (rc)
		free(f.path);
	else
		u->out.files[u->out.n++] = f;
	return rc;
}

/* What a file is by its suffix where it has one of ours, else by its first bytes. */
static enum rc_container container_of(const char *path)
{
	enum rc_container by_name = rc_container_of_name(path);

	return by_name == RC_CONTAINER_NONE ? rc_container_of_file(path) : by_name;
}

static int unpack_one(struct unpacking *u, struct rc_input_file *f, struct rc_unpacked *to,
		      struct rc_err *err)
{
	bool standard = !strcmp(f->path, "-");
	enum rc_container is = standard ? RC_CONTAINER_ARCHIVE : container_of(f->path);
	int rc = 0;

	u->label = standard ? "stdin" : f->label;
	if (is == RC_CONTAINER_ARCHIVE)
		return rc_unpacked_add_all(to, f->path, found, u, err);
	if (is == RC_CONTAINER_PACKED) {
		rc = rc_unpacked_add_file(to, f->path, err);
		return rc ? rc : found(u, f->path, NULL, err);
	}
	rc = rc_grow_array(&u->out.files, &u->out.cap, u->out.n + 1, sizeof *f, err);
	if (!rc) {
		u->out.files[u->out.n++] = *f;
		*f = (struct rc_input_file){0};
	}
	return rc;
}

static int unpack_all(struct rc_inputs *in, struct rc_unpacked *to, struct rc_err *err)
{
	struct unpacking u = {0};
	int rc = 0;

	for (size_t i = 0; i < in->n && !rc; i++)
		rc = unpack_one(&u, &in->files[i], to, err);
	rc_inputs_release(in);
	*in = u.out;
	return rc;
}

/* Labels go through JSON, and are compared with those of the run before. */
static int clean_labels(struct rc_inputs *in, struct rc_err *err)
{
	int rc = 0;

	for (size_t i = 0; i < in->n && !rc; i++) {
		char *clean;

		rc = rc_json_clean(in->files[i].label, &clean, err);
		if (rc)
			break;
		free(in->files[i].label);
		in->files[i].label = clean;
	}
	return rc;
}

static int by_label(const void *a, const void *b)
{
	const struct rc_input_file *const *x = a, *const *y = b;

	return strcmp((*x)->label, (*y)->label);
}

/* Files of different directories may have the same label; those are told apart by their paths. */
static int split_labels(struct rc_inputs *in, struct rc_err *err)
{
	struct rc_input_file **f = NULL;
	int rc = rc_new_array(&f, in->n, sizeof *f, err);

	for (size_t i = 0; i < in->n && !rc; i++)
		f[i] = &in->files[i];
	if (!rc && in->n)
		qsort(f, in->n, sizeof *f, by_label);
	for (size_t i = 0, end; i < in->n && !rc; i = end) {
		for (end = i + 1; end < in->n && !by_label(&f[i], &f[end]); end++)
			;
		for (size_t k = i; k < end && end - i > 1 && !rc; k++) {
			char *path;
			rc = rc_json_clean(f[k]->path, &path, err);
			if (!rc) {
				free(f[k]->label);
				f[k]->label = path;
			}
		}
	}
	free(f);
	return rc;
}

int rc_inputs_collect(const struct rc_input_options *opt, struct rc_inputs *in_out,
		      struct rc_err *err)
{
	struct rc_inputs in = {0};
	struct walk w = {.in = &in};
	struct stat st;
	int rc = 0;

	if (opt->exclude_dir && stat(opt->exclude_dir, &st) == 0) {
		w.skip = true;
		w.skip_dev = st.st_dev;
		w.skip_ino = st.st_ino;
	}
	for (int i = 0; i < opt->n_operands && !rc; i++)
		rc = add_named(&w, opt->operands[i], err);
	if (!rc && opt->files_from)
		rc = add_list(&w, opt, err);
	if (!rc)
		rc = drop_repeats(&in, err);
	if (!rc)
		rc = unpack_all(&in, opt->unpacked, err);
	if (!rc)
		rc = clean_labels(&in, err);
	if (!rc)
		rc = split_labels(&in, err);
	if (!rc && in.n == 0)
		rc = rc_fail(err, RC_E_USAGE, "input",
			     "no input; name HDF5 files or a directory of them");
	if (rc)
		rc_inputs_release(&in);
	else
		*in_out = in;
	return rc;
}

void rc_inputs_release(struct rc_inputs *in)
{
	for (size_t i = 0; i < in->n; i++)
		free_file(&in->files[i]);
	free(in->files);
	*in = (struct rc_inputs){0};
}
