/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader process: answers requests of one thread of the run until its socket closes.  It holds
 * nothing that matters and may die at any line: what it parses is untrusted.
 */
#include "base/compat.h"

#include "formats/protocol.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "formats/format.h"
#include "formats/h5util.h"

#ifdef __has_feature
#define HAS_FEATURE(f) __has_feature(f)
#else
#define HAS_FEATURE(f) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
	HAS_FEATURE(address_sanitizer) || HAS_FEATURE(thread_sanitizer)
enum { SANITIZED = 1 }; /* needs terabytes of address space, and a place for its report */
#else
enum { SANITIZED = 0 };
#endif

/* Decoded chunks are cached by libhdf5 for datasets that it decodes, so few of those stay open. */
enum { MAX_DATASETS = 64, MAX_ROW_DATASETS = 4, ROW_CACHE_BYTES = 32 << 20, MAX_FDS = 32 };

struct open_file {
	int fd; /* -1: free */
	uint64_t bytes;
	struct rc_h5_tree *tree; /* opened when first needed */
};

struct open_dataset {
	char *path; /* NULL: free */
	hid_t id;
	uint32_t slot, rank;
	bool for_rows, chunked;
	uint64_t used;
	hsize_t dims[RC_MAX_RANK], chunk[RC_MAX_RANK];
};

struct server {
	int sock;
	const struct rc_reader_limits *limits;
	unsigned char *shared;
	size_t shared_bytes;
	struct open_file files[RC_READER_SLOTS];
	struct open_dataset datasets[MAX_DATASETS];
	uint64_t n_uses;
	void *index; /* of the last scan, until all of it was fetched */
	size_t index_bytes;
	/* the request in hand, its descriptor or -1, and the answer */
	const struct rc_request *q;
	const uint64_t *ids;
	const char *text;
	int fd;
	struct rc_reply *a;
};

/* --- setting up ----------------------------------------------------------------------------- */

static void limit(int what, uint64_t soft, uint64_t hard)
{
	struct rlimit lim = { .rlim_cur = soft, .rlim_max = hard }, now;

	if (!getrlimit(what, &now) && now.rlim_max < hard) {
		lim.rlim_max = now.rlim_max;
		if (lim.rlim_cur > lim.rlim_max)
			lim.rlim_cur = lim.rlim_max;
	}
	setrlimit(what, &lim);
}

static void limit_memory(const struct server *s)
{
	if (!SANITIZED)
		limit(RLIMIT_AS, s->limits->memory_bytes + s->shared_bytes,
		      s->limits->memory_bytes + RC_SHARED_MAX);
}

static void take_limits(const struct server *s)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	/* A dying libc or libhdf5 must not write on the user's terminal. */
	if (null >= 0 && !SANITIZED)
		dup2(null, STDERR_FILENO);
	if (null >= 0)
		close(null);
	limit(RLIMIT_CORE, 0, 0);
	limit(RLIMIT_NOFILE, MAX_FDS, MAX_FDS);
	if (!SANITIZED)
		limit(RLIMIT_FSIZE, 0, 0);
	limit_memory(s);
}

/* --- files and datasets --------------------------------------------------------------------- */

static void close_dataset(struct open_dataset *d)
{
	if (!d->path)
		return;
	H5Dclose(d->id);
	free(d->path);
	memset(d, 0, sizeof *d);
}

/* The descriptor stays, so that the next use opens it again. */
static void close_tree(struct server *s, uint32_t slot)
{
	for (int i = 0; i < MAX_DATASETS; i++)
		if (s->datasets[i].slot == slot)
			close_dataset(&s->datasets[i]);
	rc_h5_tree_close(s->files[slot].tree);
	s->files[slot].tree = NULL;
}

/* libhdf5 gives what it remembers of a file that is open under another descriptor: forget it. */
static void forget(struct server *s, const struct stat *file)
{
	struct stat st;

	for (uint32_t i = 0; i < RC_READER_SLOTS; i++)
		if (s->files[i].fd >= 0 && !fstat(s->files[i].fd, &st) &&
		    st.st_dev == file->st_dev && st.st_ino == file->st_ino)
			close_tree(s, i);
}

static int serve_open(struct server *s, struct rc_err *err)
{
	struct open_file *f = &s->files[s->q->slot];
	struct stat st;

	close_tree(s, s->q->slot);
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	if (s->fd < 0 || fstat(s->fd, &st))
		return rc_fail(err, RC_E_BUG, "no_descriptor", "no descriptor came along");
	forget(s, &st);
	f->fd = s->fd;
	f->bytes = s->q->bytes;
	s->fd = -1;
	return 0;
}

/* The file of the request; its objects are walked only for a scan. */
static int need_file(struct server *s, bool walk, struct open_file **f_out, struct rc_err *err)
{
	struct open_file *f = &s->files[s->q->slot];
	int rc = 0;

	if (f->fd < 0)
		return rc_fail(err, RC_E_BUG, "no_file", "the slot of the request is empty");
	if (f->tree && walk && !f->tree->root)
		close_tree(s, s->q->slot);
	if (!f->tree)
		rc = walk ? rc_h5_tree_open(f->fd, f->bytes, &f->tree, err)
			  : rc_h5_file_open(f->fd, f->bytes, &f->tree, err);
	*f_out = f;
	return rc;
}

static herr_t refuse_external(const char *parent_file, const char *parent_group,
			      const char *child_file, const char *child_object, unsigned *flags,
			      hid_t fapl, void *arg)
{
	(void)parent_file, (void)parent_group, (void)child_file, (void)child_object;
	(void)flags, (void)fapl, (void)arg;
	return -1;
}

static hid_t access_list(bool for_rows)
{
	hid_t p = H5Pcreate(H5P_DATASET_ACCESS);

	if (p < 0)
		return p;
	H5Pset_nlinks(p, 1);
	H5Pset_elink_cb(p, refuse_external, NULL);
	H5Pset_chunk_cache(p, 521, for_rows ? ROW_CACHE_BYTES : 0, H5D_CHUNK_CACHE_W0_DEFAULT);
	return p;
}

/* The scan refused what lies outside the file; the path may since come from a lying reader. */
static int describe(struct open_dataset *d, const char *path, struct rc_err *err)
{
	hid_t plist = H5Dget_create_plist(d->id), space = -1;
	int rc = 0, rank = -1;

	if (plist < 0 || H5Pget_layout(plist) == H5D_VIRTUAL || H5Pget_external_count(plist) > 0) {
		rc = rc_h5_fail(err, RC_E_FORMAT, "external", "'%s' is not stored in the file",
				path);
		goto done;
	}
	space = H5Dget_space(d->id);
	if (space >= 0)
		rank = H5Sget_simple_extent_ndims(space);
	if (rank < 1 || rank > RC_MAX_RANK ||
	    H5Sget_simple_extent_dims(space, d->dims, NULL) != rank) {
		rc = rc_h5_fail(err, RC_E_FORMAT, "unreadable", "the shape of '%s' cannot be read",
				path);
		goto done;
	}
	d->rank = (uint32_t)rank;
	d->chunked = H5Pget_layout(plist) == H5D_CHUNKED;
	if (d->chunked && H5Pget_chunk(plist, rank, d->chunk) != rank)
		rc = rc_h5_fail(err, RC_E_FORMAT, "unreadable",
				"the chunk shape of '%s' cannot be read", path);
done:
	if (space >= 0)
		H5Sclose(space);
	if (plist >= 0)
		H5Pclose(plist);
	return rc;
}

static int open_dataset(struct open_dataset *d, const struct open_file *f, const char *path,
			struct rc_err *err)
{
	hid_t access = access_list(d->for_rows);
	int rc;

	d->id = access < 0 ? -1 : H5Dopen2(f->tree->file, path, access);
	if (access >= 0)
		H5Pclose(access);
	if (d->id < 0)
		return rc_h5_fail(err, RC_E_FORMAT, "unreadable", "cannot open '%s'", path);
	rc = describe(d, path, err);
	if (!rc)
		rc = rc_strdup(&d->path, path, err);
	if (rc)
		H5Dclose(d->id);
	return rc;
}

/* A free place, or that of the dataset not used for longest. */
static struct open_dataset *make_place(struct server *s, bool for_rows)
{
	struct open_dataset *oldest = NULL, *oldest_rows = NULL, *d;
	int n_rows = 0;

	for (d = s->datasets; d < s->datasets + MAX_DATASETS; d++) {
		if (!oldest || d->used < oldest->used)
			oldest = d;
		if (d->path && d->for_rows && (!oldest_rows || d->used < oldest_rows->used))
			oldest_rows = d;
		n_rows += d->path && d->for_rows;
	}
	d = for_rows && n_rows >= MAX_ROW_DATASETS ? oldest_rows : oldest;
	close_dataset(d);
	return d;
}

/* The dataset of the request, which must still have the shape that the run checked. */
static int need_dataset(struct server *s, struct open_dataset **d_out, struct rc_err *err)
{
	const struct rc_request *q = s->q;
	bool for_rows = q->op == RC_OP_ROWS;
	struct open_dataset *d, *end = s->datasets + MAX_DATASETS;
	struct open_file *f;
	int rc = need_file(s, false, &f, err);

	if (rc)
		return rc;
	for (d = s->datasets; d < end; d++)
		if (d->path && d->slot == q->slot && d->for_rows == for_rows &&
		    !strcmp(d->path, s->text))
			break;
	if (d == end) {
		d = make_place(s, for_rows);
		d->slot = q->slot;
		d->for_rows = for_rows;
		rc = open_dataset(d, f, s->text, err);
		if (rc) {
			memset(d, 0, sizeof *d);
			return rc;
		}
	}
	d->used = ++s->n_uses;
	if (d->rank != q->rank || memcmp(d->dims, q->dims, q->rank * sizeof *q->dims) ||
	    (!for_rows &&
	     (!d->chunked || memcmp(d->chunk, q->chunk, q->rank * sizeof *q->chunk))))
		return rc_fail(err, RC_E_INPUT, "input_changed",
			       "the shape of '%s' changed since the scan", s->text);
	*d_out = d;
	return 0;
}

/* --- requests ------------------------------------------------------------------------------- */

static int serve_shared(struct server *s, struct rc_err *err)
{
	struct stat st;
	void *p;

	if (s->fd < 0 || fstat(s->fd, &st) || (uint64_t)st.st_size != s->q->bytes)
		return rc_fail(err, RC_E_BUG, "bad_shared", "no shared block came along");
	if (s->shared)
		munmap(s->shared, s->shared_bytes);
	s->shared = NULL;
	s->shared_bytes = s->q->bytes;
	limit_memory(s);
	p = mmap(NULL, s->shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (p == MAP_FAILED)
		return rc_fail_nomem(err, s->shared_bytes);
	s->shared = p;
	return 0;
}

static void share_index(struct server *s, uint64_t from)
{
	size_t n = from < s->index_bytes ? s->index_bytes - (size_t)from : 0;

	if (n > s->shared_bytes)
		n = s->shared_bytes;
	if (n)
		memcpy(s->shared, (char *)s->index + from, n);
	s->a->n = s->index_bytes;
}

static int serve_scan(struct server *s, struct rc_err *err)
{
	struct rc_index_builder *b = NULL;
	struct open_file *f;
	int rc = need_file(s, true, &f, err);

	free(s->index);
	s->index = NULL;
	s->index_bytes = 0;
	if (!rc)
		rc = rc_index_builder_new(&b, err);
	if (!rc)
		rc = rc_layout_scan(f->tree, *s->text ? s->text : NULL, b, err);
	if (!rc)
		rc = rc_index_builder_end(b, &s->index, &s->index_bytes, err);
	if (!rc)
		share_index(s, 0);
	rc_index_builder_free(b);
	return rc;
}

/* The element offset of chunk `id` of the grid, last axis fastest. */
static bool chunk_offset(const struct open_dataset *d, uint64_t id, hsize_t *offset)
{
	for (uint32_t i = d->rank; i-- > 0;) {
		uint64_t n = d->dims[i] / d->chunk[i] + (d->dims[i] % d->chunk[i] != 0);
		if (!n)
			return false;
		offset[i] = id % n * d->chunk[i];
		id /= n;
	}
	return id == 0;
}

/* Zero bytes mean that the chunk does not exist: never read as fill values, since a damaged index
 * of chunks looks the same. */
static int stored_size(const struct open_dataset *d, const hsize_t *offset, hsize_t *n_out,
		       struct rc_err *err)
{
	if (H5Dget_chunk_storage_size(d->id, offset, n_out) < 0)
		return rc_h5_fail(err, RC_E_FORMAT, "missing_chunk",
				  "the chunk at row %llu of '%s' cannot be found",
				  (unsigned long long)offset[0], d->path);
	if (!*n_out)
		return rc_fail(err, RC_E_FORMAT, "missing_chunk",
			       "the chunk at row %llu of '%s' was never written or its entry is "
			       "damaged", (unsigned long long)offset[0], d->path);
	return 0;
}

static int serve_chunks(struct server *s, struct rc_err *err)
{
	struct rc_reply *a = s->a;
	hsize_t offset[RC_MAX_RANK], n;
	struct open_dataset *d;
	size_t at = 0;
	int rc = need_dataset(s, &d, err);

	for (uint32_t i = 0; !rc && i < s->q->n_ids; i++) {
		struct rc_reply_chunk *c = &a->u.chunks[i];
		if (!chunk_offset(d, s->ids[i], offset))
			return rc_fail(err, RC_E_BUG, "bad_chunk_id", "no such chunk in '%s'",
				       d->path);
		rc = stored_size(d, offset, &n, err);
		if (rc)
			break;
		if (n > s->shared_bytes - at) {
			a->need = i ? 0 : n;
			break;
		}
		if (H5Dread_chunk(d->id, H5P_DEFAULT, offset, &c->mask, s->shared + at) < 0)
			return rc_h5_fail(err, RC_E_FORMAT, "unreadable",
					  "cannot read the chunk at row %llu of '%s'",
					  (unsigned long long)offset[0], d->path);
		c->offset = at;
		c->n = (uint32_t)n;
		a->n_chunks = i + 1;
		at += (n + RC_SHARED_ALIGN - 1) / RC_SHARED_ALIGN * RC_SHARED_ALIGN;
		if (at > s->shared_bytes)
			at = s->shared_bytes;
	}
	return rc;
}

/* libhdf5 would give fill values for chunks that do not exist. */
static int check_written(const struct open_dataset *d, uint64_t row0, uint64_t n_rows,
			 struct rc_err *err)
{
	uint64_t per_row = 1, first, last;
	hsize_t offset[RC_MAX_RANK], n;
	int rc = 0;

	if (!d->chunked)
		return 0;
	for (uint32_t i = 1; i < d->rank; i++)
		per_row *= d->dims[i] / d->chunk[i] + (d->dims[i] % d->chunk[i] != 0);
	first = row0 / d->chunk[0] * per_row;
	last = ((row0 + n_rows - 1) / d->chunk[0] + 1) * per_row;
	for (uint64_t id = first; !rc && id < last && chunk_offset(d, id, offset); id++)
		rc = stored_size(d, offset, &n, err);
	return rc;
}

static int read_rows(const struct server *s, const struct open_dataset *d, hid_t type,
		     struct rc_err *err)
{
	hsize_t start[RC_MAX_RANK] = { s->q->row0 }, count[RC_MAX_RANK];
	hid_t file_space = H5Dget_space(d->id), memory = -1;
	int rc = 0;

	memcpy(count, d->dims, sizeof count);
	count[0] = s->q->n_rows;
	if (file_space >= 0)
		memory = H5Screate_simple((int)d->rank, count, NULL);
	if (memory < 0 ||
	    H5Sselect_hyperslab(file_space, H5S_SELECT_SET, start, NULL, count, NULL) < 0 ||
	    H5Dread(d->id, type, memory, file_space, H5P_DEFAULT, s->shared) < 0)
		rc = rc_h5_fail(err, RC_E_FORMAT, "unreadable",
				"cannot read rows %llu to %llu of '%s'",
				(unsigned long long)s->q->row0,
				(unsigned long long)(s->q->row0 + s->q->n_rows - 1), d->path);
	if (memory >= 0)
		H5Sclose(memory);
	if (file_space >= 0)
		H5Sclose(file_space);
	return rc;
}

static int serve_rows(struct server *s, struct rc_err *err)
{
	const struct rc_request *q = s->q;
	uint64_t bytes = rc_dtype_size((enum rc_dtype)q->dtype);
	struct open_dataset *d;
	hid_t type;
	int rc = need_dataset(s, &d, err);

	if (rc)
		return rc;
	if (!q->n_rows || q->row0 > d->dims[0] || q->n_rows > d->dims[0] - q->row0)
		return rc_fail(err, RC_E_BUG, "bad_rows", "no such rows in '%s'", d->path);
	for (uint32_t i = 1; i < d->rank; i++)
		if (!rc_mul(bytes, d->dims[i], &bytes))
			bytes = UINT64_MAX;
	if (!rc_mul(bytes, q->n_rows, &bytes) || bytes > s->shared_bytes) {
		s->a->need = bytes;
		return 0;
	}
	rc = check_written(d, q->row0, q->n_rows, err);
	if (rc)
		return rc;
	type = rc_h5_type((enum rc_dtype)q->dtype);
	if (type < 0)
		return rc_h5_fail(err, RC_E_BUG, "hdf5_type", "libhdf5 has no such type");
	rc = read_rows(s, d, type, err);
	H5Tclose(type);
	s->a->n = bytes;
	return rc;
}

static int eat_memory(struct rc_err *err)
{
	const size_t bite = 16 << 20;

	for (int i = 0; i < 1024; i++) {
		volatile char *p = malloc(bite);
		if (!p)
			return rc_fail_nomem(err, bite);
		for (size_t at = 0; at < bite; at += 4096)
			p[at] = 1;
	}
	return rc_fail(err, RC_E_BUG, "no_limit", "no limit was met");
}

static int serve_misbehave(struct server *s, struct rc_err *err)
{
	if (!strcmp(s->text, "memory"))
		return eat_memory(err);
	if (!strcmp(s->text, "crash")) {
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
	}
	if (!strcmp(s->text, "hang"))
		for (;;)
			pause();
	if (!strcmp(s->text, "lie")) {
		s->a->n_chunks = 1;
		s->a->u.chunks[0] = (struct rc_reply_chunk){ .offset = s->shared_bytes, .n = 1 };
		return 0;
	}
	return rc_fail(err, RC_E_BUG, "misbehave", "'%s' is not a way to misbehave", s->text);
}

/* --- the loop ------------------------------------------------------------------------------- */

static int serve(struct server *s, struct rc_err *err)
{
	switch (s->q->op) {
	case RC_OP_SHARED: return serve_shared(s, err);
	case RC_OP_OPEN: return serve_open(s, err);
	case RC_OP_SCAN: return serve_scan(s, err);
	case RC_OP_INDEX: share_index(s, s->q->row0); return 0;
	case RC_OP_CHUNKS: return serve_chunks(s, err);
	case RC_OP_ROWS: return serve_rows(s, err);
	case RC_OP_MISBEHAVE: return serve_misbehave(s, err);
	}
	return rc_fail(err, RC_E_BUG, "bad_request", "operation %u", s->q->op);
}

static void take_request(struct server *s, const void *msg, size_t n)
{
	const struct rc_request *q = msg;

	if (n < sizeof *q || q->slot >= RC_READER_SLOTS || q->n_ids > RC_MAX_IDS ||
	    q->rank > RC_MAX_RANK || q->n_text < 1 || q->n_text > RC_MAX_TEXT ||
	    n != sizeof *q + q->n_ids * sizeof *s->ids + q->n_text)
		_exit(1);
	s->q = q;
	s->ids = (const uint64_t *)(q + 1);
	s->text = (const char *)(s->ids + q->n_ids);
	if (s->text[q->n_text - 1])
		_exit(1);
}

static void answer(struct server *s, int code, const struct rc_err *err)
{
	struct rc_reply *a = s->a;
	struct iovec part = { a, RC_REPLY_HEAD };

	a->code = code;
	if (code) {
		memcpy(a->u.err.reason, err->reason, sizeof a->u.err.reason);
		memcpy(a->u.err.msg, err->msg, sizeof a->u.err.msg);
		part.iov_len += sizeof a->u.err;
	} else {
		part.iov_len += a->n_chunks * sizeof *a->u.chunks;
	}
	if (rc_msg_send(s->sock, &part, 1, -1, RC_NO_DEADLINE))
		_exit(0);
}

void rc_reader_serve(int sock, const struct rc_reader_limits *limits)
{
	static union { /* aligned for what is in it */
		struct rc_request q;
		char bytes[RC_REQUEST_MAX];
	} msg;
	static struct rc_reply reply;
	static struct server s;

	s.sock = sock;
	s.limits = limits;
	s.a = &reply;
	for (int i = 0; i < RC_READER_SLOTS; i++)
		s.files[i].fd = -1;
	take_limits(&s);
	for (;;) {
		struct rc_err err = { 0 };
		size_t n;
		/* The run is gone, or does not want this reader any more. */
		if (rc_msg_recv(sock, &msg, sizeof msg, &n, &s.fd, RC_NO_DEADLINE))
			_exit(0);
		take_request(&s, &msg, n);
		memset(&reply, 0, RC_REPLY_HEAD);
		answer(&s, serve(&s, &err), &err);
		if (s.fd >= 0)
			close(s.fd);
	}
}
