/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader process: answers requests of one thread of the run until its socket closes.  It holds
 * nothing that matters and may die at any line: what it parses is untrusted.
 */
#include "base/compat.h"

#include "formats/serve_private.h"

#include <malloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "formats/format.h"
#include "formats/h5private.h"
#include "formats/sidecar.h"

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

/* A sanitizer needs terabytes of address space, and a place for its report. */
static void limit_memory(const struct server *s)
{
	if (!RC_SANITIZED)
		limit(RLIMIT_AS, s->limits->memory_bytes + s->shared_bytes,
		      s->limits->memory_bytes + RC_SHARED_MAX);
}

static void take_limits(struct server *s)
{
	/* A dying libc or libhdf5 must not write on the user's terminal. */
	if (!RC_SANITIZED)
		dup2(STDOUT_FILENO, STDERR_FILENO);
	limit(RLIMIT_CORE, 0, 0);
	limit(RLIMIT_NOFILE, MAX_FDS, MAX_FDS);
	if (!RC_SANITIZED)
		limit(RLIMIT_FSIZE, 0, 0);
	limit_memory(s);
	if (s->limits->sandbox != RC_SANDBOX_OFF && !RC_SANITIZED)
		rc_sandbox_calls(RC_CALLS_READER, &s->box);
}

/* --- files --------------------------------------------------------------------- */

/* The descriptor stays, so that the next use opens it again. */
static void close_tree(struct server *s, uint32_t slot)
{
	for (int i = 0; i < MAX_DATASETS; i++)
		if (s->datasets[i].slot == slot)
			serve_close_dataset(&s->datasets[i]);
	rc_h5_tree_close(s->files[slot].tree);
	s->files[slot].tree = NULL;
	for (size_t i = 0; i < s->files[slot].n_lent; i++)
		free(s->files[slot].lent[i].path);
	s->files[slot].n_lent = 0;
	free(s->files[slot].lent_slots);
	s->files[slot].lent_slots = NULL;
	s->files[slot].n_slots = 0;
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
	if (f->beside >= 0)
		close(f->beside);
	free(f->below);
	f->below = NULL;
	f->fd = f->beside = -1;
	if (s->fd < 0 || fstat(s->fd, &st))
		return rc_fail(err, RC_E_BUG, "no_descriptor", "no descriptor came along");
	forget(s, &st);
	f->fd = s->fd;
	f->bytes = s->q->bytes;
	s->fd = -1;
	return *s->text ? rc_strdup(&f->below, s->text, err) : 0;
}

static int serve_beside(struct server *s, struct rc_err *err)
{
	struct open_file *f = &s->files[s->q->slot];

	if (s->fd < 0 || f->beside >= 0)
		return rc_fail(err, RC_E_BUG, "no_descriptor", "no descriptor came along");
	f->beside = s->fd;
	f->beside_bytes = s->q->bytes;
	s->fd = -1;
	return 0;
}

int serve_need_file(struct server *s, bool walk, struct open_file **f_out, struct rc_err *err)
{
	struct open_file *f = &s->files[s->q->slot];
	int rc = 0;

	if (f->fd < 0)
		return rc_fail(err, RC_E_BUG, "no_file", "the slot of the request is empty");
	if (f->tree && walk && !f->tree->root)
		close_tree(s, s->q->slot);
	if (!f->tree)
		rc = walk ? rc_h5_tree_open(f->fd, f->bytes, f->below, &f->tree, err)
			  : rc_h5_file_open(f->fd, f->bytes, f->below, &f->tree, err);
	*f_out = f;
	return rc;
}

/* --- files that a file refers to ------------------------------------------------------------ */

/* Asks the run, in the middle of a request of it, and takes its answer into *q. */
static void ask_run(struct server *s, const char *name, struct rc_request *q, char *text, int *fd)
{
	static union {
		struct rc_request q;
		char bytes[RC_REQUEST_MAX];
	} msg;
	struct rc_reply head = { .code = RC_REPLY_LEND };
	struct iovec parts[2] = { { &head, RC_REPLY_HEAD }, { (void *)name, strlen(name) + 1 } };
	size_t n;

	if (rc_msg_send(s->sock, parts, 2, -1, RC_NO_DEADLINE) ||
	    rc_msg_recv(s->sock, &msg, sizeof msg, &n, fd, RC_NO_DEADLINE))
		_exit(0);
	if (n < sizeof msg.q || msg.q.op != RC_OP_LEND || msg.q.n_ids || !msg.q.n_text ||
	    msg.q.n_text > RC_MAX_LENT_NAME || n != sizeof msg.q + msg.q.n_text ||
	    msg.bytes[n - 1])
		_exit(1);
	*q = msg.q;
	memcpy(text, msg.bytes + sizeof msg.q, msg.q.n_text);
}

/* The place of a path in the table: where it is, or belongs. */
static size_t lent_slot(const struct open_file *f, const char *path)
{
	uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a */
	size_t i;

	for (const char *p = path; *p; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3ull;
	for (i = (size_t)h & (f->n_slots - 1); f->lent_slots[i]; i = (i + 1) & (f->n_slots - 1))
		if (!strcmp(f->lent[f->lent_slots[i] - 1].path, path))
			break;
	return i;
}

static int more_slots(struct open_file *f)
{
	size_t n = f->n_slots ? 2 * f->n_slots : 64;
	uint32_t *slots;

	if (2 * (f->n_lent + 1) <= f->n_slots)
		return 0;
	if (rc_new_array(&slots, n, sizeof *slots, NULL))
		return -1;
	free(f->lent_slots);
	f->lent_slots = slots;
	f->n_slots = n;
	for (uint32_t i = 0; i < f->n_lent; i++)
		slots[lent_slot(f, f->lent[i].path)] = i + 1;
	return 0;
}

/* Its position among those that were lent, counted from 1; 0: no memory. */
static uint32_t position_of(struct open_file *f, const char *path, const struct rc_request *q)
{
	struct lent_file *l;
	size_t slot;

	if (f->n_lent >= RC_MAX_LENT || more_slots(f))
		return 0;
	slot = lent_slot(f, path);
	if (f->lent_slots[slot])
		return f->lent_slots[slot];
	if (rc_grow_array(&f->lent, &f->cap_lent, f->n_lent + 1, sizeof *f->lent, NULL))
		return 0;
	l = &f->lent[f->n_lent];
	if (rc_strdup(&l->path, path, NULL))
		return 0;
	l->bytes = q->bytes;
	l->mtime_ns = (int64_t)q->row0;
	f->lent_slots[slot] = (uint32_t)++f->n_lent;
	return f->lent_slots[slot];
}

static bool lend(void *arg, const char *name, struct h5_lent *l, char *why, size_t cap)
{
	static char text[RC_MAX_LENT_NAME];
	struct server *s = arg;
	struct open_file *f = &s->files[s->q->slot];
	struct rc_request q;
	int fd;

	if (!f->below || strlen(name) + 1 > RC_MAX_LENT_NAME)
		return false;
	ask_run(s, name, &q, text, &fd);
	if (fd < 0) {
		snprintf(why, cap, "%s", text);
		return false;
	}
	l->fd = fd;
	l->bytes = q.bytes;
	l->position = position_of(f, text, &q);
	if (l->position)
		return true;
	snprintf(why, cap, "it refers to too many files");
	close(fd);
	return false;
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

static void drop_index(struct server *s)
{
	free(s->index);
	s->index = NULL;
}

static void share_index(struct server *s, uint64_t from)
{
	size_t left = s->index && from < s->index_bytes ? s->index_bytes - (size_t)from : 0;
	size_t n = left < s->shared_bytes ? left : s->shared_bytes;

	if (n)
		memcpy(s->shared, (char *)s->index + from, n);
	s->a->n = s->index_bytes;
	if (n == left)
		drop_index(s);
}

static void give_back_heap(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

static int serve_scan(struct server *s, struct rc_err *err)
{
	struct rc_index_builder *b = NULL;
	struct rc_json *beside = NULL;
	struct open_file *f = NULL;
	int rc = serve_need_file(s, true, &f, err);

	drop_index(s);
	s->index_bytes = 0;
	if (!rc)
		rc = rc_index_builder_new(&b, err);
	if (!rc)
		rc_sidecar_read(f->beside, f->beside_bytes, &beside, b);
	if (!rc)
		f->tree->sidecar = beside;
	if (!rc)
		rc = rc_layout_scan(f->tree, *s->text ? s->text : NULL, b, err);
	if (f && f->tree)
		f->tree->sidecar = NULL;
	rc_json_free(beside);
	for (size_t i = 0; !rc && i < f->n_lent; i++)
		rc_ixb_linked(b, f->lent[i].path, f->lent[i].bytes, f->lent[i].mtime_ns);
	if (!rc) { /* its objects would wait beside the index for nothing */
		rc_h5_tree_forget(f->tree);
		give_back_heap();
	}
	if (!rc)
		rc = rc_index_builder_end(b, &s->index, &s->index_bytes, err);
	if (!rc)
		share_index(s, 0);
	rc_index_builder_free(b);
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
	if (!strcmp(s->text, "sicken")) {
		s->sick = true;
		return 0;
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
	/* The spawner had its own, so this is rare; but nothing is read with less. */
	if (s->limits->sandbox == RC_SANDBOX_REQUIRE && !s->box.calls)
		return rc_sandbox_lacks(&s->box, err);
	if (s->sick && s->q->op == RC_OP_SCAN)
		raise(SIGABRT);
	switch (s->q->op) {
	case RC_OP_SHARED: return serve_shared(s, err);
	case RC_OP_OPEN: return serve_open(s, err);
	case RC_OP_BESIDE: return serve_beside(s, err);
	case RC_OP_SCAN: return serve_scan(s, err);
	case RC_OP_INDEX: share_index(s, s->q->row0); return 0;
	case RC_OP_PLACES: return serve_places(s, err);
	case RC_OP_CHUNKS: return serve_chunks(s, err);
	case RC_OP_ROWS: return serve_rows(s, err);
	case RC_OP_MISBEHAVE: return serve_misbehave(s, err);
	case RC_OP_LEND: break; /* an answer, which is not awaited here */
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
		s.files[i].fd = s.files[i].beside = -1;
	take_limits(&s);
	h5_set_lender(lend, &s);
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
