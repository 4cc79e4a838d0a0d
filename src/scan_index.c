/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "scan_index.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/outfile.h"
#include "formats/linked.h"
#include "formats/sidecar.h"

/* Counts up when readers begin to find something else in the same file. */
enum { REVISION = 5 };

enum { MAX_TEXT = 255, MAX_PATH_BYTES = 1 << 16 };

/* The file is made and read by one program on one machine, so numbers are as in memory; the sizes
 * of records stand for the form of the blocks. */
struct head {
	char magic[16];
	uint32_t byte_order, revision;
	uint32_t dataset_bytes, stream_bytes, episode_bytes, note_bytes;
	char version[MAX_TEXT + 1], layout[MAX_TEXT + 1];
	uint64_t n_records;
	struct rc_digest digest; /* of the fields above */
};

struct record {
	uint64_t path_bytes, block_bytes; /* which follow, without NUL */
	uint64_t file_bytes;
	int64_t mtime_ns;
	struct rc_sidecar_id beside;
	struct rc_digest root;            /* of the path of the directory of linked files */
	uint64_t refused;                 /* names of linked files that led nowhere */
	struct rc_digest digest;          /* of the fields above, the path and the block */
};

static const char magic[16] = "robocache-index";

static void fill_head(struct head *h, const char *reading, uint64_t n_records)
{
	memset(h, 0, sizeof *h);
	memcpy(h->magic, magic, sizeof magic);
	h->byte_order = 0x01020304;
	h->revision = REVISION;
	h->dataset_bytes = sizeof(struct rc_dataset);
	h->stream_bytes = sizeof(struct rc_stream);
	h->episode_bytes = sizeof(struct rc_index_episode);
	h->note_bytes = sizeof(struct rc_note);
	snprintf(h->version, sizeof h->version, "%s", PACKAGE_VERSION);
	snprintf(h->layout, sizeof h->layout, "%s", reading ? reading : "");
	h->n_records = n_records;
	h->digest = rc_digest_of(h, offsetof(struct head, digest));
}

static struct rc_digest digest_of(struct rc_hasher *hash, const struct record *r, const char *path,
				  const void *block)
{
	rc_hasher_reset(hash);
	rc_hasher_add(hash, r, offsetof(struct record, digest));
	rc_hasher_add(hash, path, r->path_bytes);
	rc_hasher_add(hash, block, r->block_bytes);
	return rc_hasher_end(hash);
}

/* --- reading ---------------------------------------------------------------------------------- */

struct loader {
	FILE *f;
	const char *path; /* of the index file */
	uint64_t left;    /* bytes not read yet */
	struct rc_scan *scan;
	struct rc_scanned **by_path;
	struct rc_hasher *hash;
	size_t n_loaded;
};

static bool take(struct loader *l, void *dst, uint64_t n)
{
	if (n > l->left || fread(dst, 1, n, l->f) != n)
		return false;
	l->left -= n;
	return true;
}

static int by_path(const void *a, const void *b)
{
	const struct rc_scanned *const *x = a, *const *y = b;

	return strcmp((*x)->path, (*y)->path);
}

static struct rc_scanned *find(const struct loader *l, const char *path)
{
	struct rc_scanned key = {.path = path}, *k = &key, **hit;

	hit = bsearch(&k, l->by_path, l->scan->n, sizeof *l->by_path, by_path);
	return hit ? *hit : NULL;
}

/* The file is still the one that was scanned, and so is what lies beside it. */
static bool unchanged(const struct record *r, const char *path)
{
	struct rc_sidecar_id beside;
	struct stat st;
	int fd = rc_sidecar_open(NULL, path, &beside);

	if (fd >= 0)
		close(fd);
	if (beside.bytes != r->beside.bytes || beside.mtime_ns != r->beside.mtime_ns)
		return false;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == r->file_bytes &&
	       rc_mtime_ns(&st) == r->mtime_ns;
}

/* That of nothing where no file is linked: then the directory does not matter. */
static struct rc_digest root_digest(const struct rc_index *ix, const struct rc_scanned *f)
{
	char *real = ix->n_linked && f->root ? realpath(f->root, NULL) : NULL;
	struct rc_digest d = rc_digest_of(real ? real : "", real ? strlen(real) : 0);

	free(real);
	return d;
}

/* Of one that refers to other files, those too, in the same directory.  A name that led nowhere may
 * lead somewhere now. */
static int keep_linked(struct rc_index *ix, const struct record *r, const struct rc_scanned *f,
		       bool *keep_out, struct rc_err *err)
{
	int rc = f->root ? rc_strdup(&ix->root, f->root, err) : 0;

	*keep_out = !rc && !r->refused && !rc_linked_same(ix, UINT32_MAX, NULL) &&
		    rc_digest_same(r->root, root_digest(ix, f));
	return rc;
}

/* Takes the next record; false when it is damaged. */
static int take_record(struct loader *l, bool *good_out, struct rc_err *err)
{
	struct rc_scanned *f;
	struct rc_index *ix = NULL;
	struct record r;
	char *path = NULL;
	void *block = NULL;
	bool keep = false;
	int rc = 0;

	*good_out = take(l, &r, sizeof r) && r.path_bytes && r.path_bytes < MAX_PATH_BYTES &&
		    r.path_bytes <= l->left && r.block_bytes <= l->left - r.path_bytes;
	if (!*good_out)
		return 0;
	rc = rc_new_array(&path, r.path_bytes + 1, 1, err);
	if (!rc)
		rc = rc_new_array(&block, r.block_bytes, 1, err);
	if (rc)
		goto done;
	*good_out = take(l, path, r.path_bytes) && take(l, block, r.block_bytes) &&
		    rc_digest_same(r.digest, digest_of(l->hash, &r, path, block));
	f = *good_out ? find(l, path) : NULL;
	if (!f || f->index || !unchanged(&r, path))
		goto done;
	*good_out = !rc_index_open(block, r.block_bytes, f->path, r.file_bytes, &ix, NULL);
	block = NULL; /* taken, or freed */
	if (*good_out)
		rc = keep_linked(ix, &r, f, &keep, err);
	if (*good_out && !rc && keep) {
		f->index = ix;
		ix = NULL;
		f->index->mtime_ns = r.mtime_ns;
		f->index->refused = r.refused;
		f->index->beside_bytes = r.beside.bytes;
		f->index->beside_mtime_ns = r.beside.mtime_ns;
		l->n_loaded++;
	}
done:
	rc_index_free(ix);
	free(path);
	free(block);
	return rc;
}

static int prepare(struct loader *l, struct rc_err *err)
{
	int rc = rc_new_array(&l->by_path, l->scan->n, sizeof *l->by_path, err);

	if (!rc)
		rc = rc_hasher_new(&l->hash, err);
	for (size_t i = 0; !rc && i < l->scan->n; i++)
		l->by_path[i] = &l->scan->files[i];
	if (!rc)
		qsort(l->by_path, l->scan->n, sizeof *l->by_path, by_path);
	return rc;
}

static void warn(const struct loader *l, const char *what)
{
	rc_log(RC_LOG_WARN, "index '%s' %s; %s is scanned again", l->path, what,
	       l->n_loaded ? "the rest" : "everything");
}

static int load_records(struct loader *l, const char *reading, struct rc_err *err)
{
	struct head h = {.magic = ""}, want;
	uint64_t n = l->left < sizeof h ? l->left : sizeof h;
	bool good;
	int rc = 0;

	if (!n)
		return 0; /* as mktemp makes it: there is nothing to lose */
	good = take(l, &h, n);
	if (!good || memcmp(h.magic, magic, sizeof magic))
		return rc_fail(err, RC_E_USAGE, "index",
			       "'%s' is not an index that robocache wrote; name another file "
			       "with --index, or remove it", l->path);
	fill_head(&want, reading, h.n_records);
	if (!rc_digest_same(h.digest, rc_digest_of(&h, offsetof(struct head, digest)))) {
		warn(l, "is damaged");
		return 0;
	}
	if (memcmp(&h, &want, sizeof h)) {
		warn(l, memcmp(h.layout, want.layout, sizeof h.layout)
				? "was made with another --layout-in, --map or --allow-external"
				: "was made by another version of robocache");
		return 0;
	}
	rc = prepare(l, err);
	for (uint64_t i = 0; !rc && good && i < h.n_records; i++)
		rc = take_record(l, &good, err);
	if (!rc && (!good || l->left))
		warn(l, "is damaged");
	return rc;
}

int rc_scan_index_load(const char *path, const char *reading, struct rc_scan *scan, size_t *n_out,
		       struct rc_err *err)
{
	struct loader l = {.f = fopen(path, "re"), .path = path, .scan = scan};
	struct stat st;
	int rc;

	*n_out = 0;
	if (!l.f && errno == ENOENT)
		return 0;
	if (!l.f || fstat(fileno(l.f), &st) != 0)
		rc = rc_fail_errno(err, RC_E_USAGE, "index", errno, "cannot read the index '%s'",
				   path);
	else if (!S_ISREG(st.st_mode))
		rc = rc_fail(err, RC_E_USAGE, "index", "the index '%s' is not a file", path);
	else {
		l.left = (uint64_t)st.st_size;
		rc = load_records(&l, reading, err);
	}
	if (l.f)
		fclose(l.f);
	rc_hasher_free(l.hash);
	free(l.by_path);
	*n_out = l.n_loaded;
	return rc;
}

/* --- writing ---------------------------------------------------------------------------------- */

static bool put_record(FILE *f, struct rc_hasher *hash, const struct rc_scanned *s)
{
	struct record r = {
		.path_bytes = strlen(s->path),
		.block_bytes = s->index->block_bytes,
		.file_bytes = s->index->file_bytes,
		.mtime_ns = s->index->mtime_ns,
		.beside = {s->index->beside_bytes, s->index->beside_mtime_ns},
		.root = root_digest(s->index, s),
		.refused = s->index->refused,
	};

	r.digest = digest_of(hash, &r, s->path, s->index->block);
	return fwrite(&r, sizeof r, 1, f) == 1 &&
	       fwrite(s->path, 1, r.path_bytes, f) == r.path_bytes &&
	       fwrite(s->index->block, 1, r.block_bytes, f) == r.block_bytes;
}

static bool put_all(FILE *f, const char *reading, const struct rc_scan *scan,
		    struct rc_hasher *hash)
{
	struct head h;
	bool ok;

	fill_head(&h, reading, scan->n - scan->n_failed);
	ok = fwrite(&h, sizeof h, 1, f) == 1;
	for (size_t i = 0; ok && i < scan->n; i++)
		if (scan->files[i].index)
			ok = put_record(f, hash, &scan->files[i]);
	return ok;
}

int rc_scan_index_save(const char *path, const char *reading, const struct rc_scan *scan,
		       struct rc_err *err)
{
	struct rc_hasher *hash = NULL;
	struct rc_outfile out = {0};
	FILE *f = NULL;
	bool ok;
	int rc = rc_hasher_new(&hash, err);

	if (!rc)
		rc = rc_outfile_open(&out, path, err);
	if (rc)
		goto done;
	f = fopen(out.tmp_path, "we");
	ok = f && put_all(f, reading, scan, hash);
	if (f && fclose(f))
		ok = false;
	rc = ok ? rc_outfile_commit(&out, err)
		: rc_fail_errno(err, RC_E_OUTPUT, "output_failed", errno,
				"cannot write the index '%s'", path);
done:
	rc_outfile_abandon(&out);
	rc_hasher_free(hash);
	return rc;
}
