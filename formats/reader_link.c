/* SPDX-License-Identifier: Apache-2.0 */
/* The process behind a reader handle: starting it, asking it, watching it, ending it.  Nothing
 * that it says is believed before it was checked. */
#include "base/compat.h"

#include "formats/reader_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"

#define NS_PER_BYTE 50 /* 20 MB/s: what the slowest file system gets */

void reader_free_shared(struct rc_reader *r)
{
	if (r->shared)
		munmap(r->shared, r->shared_bytes);
	if (r->memfd >= 0)
		close(r->memfd);
	r->shared = NULL;
	r->shared_bytes = 0;
	r->memfd = -1;
	r->has_shared = false;
}

int reader_end_process(struct rc_reader *r)
{
	int status = -1;

	if (r->sock < 0)
		return -1;
	close(r->sock);
	r->sock = -1;
	pthread_mutex_lock(&r->pool->lock);
	rc_spawner_kill(&r->pool->spawner, r->id, &status, NULL);
	pthread_mutex_unlock(&r->pool->lock);
	r->has_shared = false;
	r->n_files = 0;
	for (int i = 0; i < RC_READER_SLOTS; i++)
		r->slots[i].sent = false;
	if (status == -1) /* it may still be there and write */
		reader_free_shared(r);
	return status;
}

/* --- a reader that is lost ------------------------------------------------------------------ */

static const char *signal_name(int sig)
{
	switch (sig) {
	case SIGSEGV: return "SIGSEGV, an invalid memory access";
	case SIGBUS: return "SIGBUS, a file that shrank or an invalid memory access";
	case SIGABRT: return "SIGABRT, damaged memory";
	case SIGFPE: return "SIGFPE, a division by zero";
	case SIGILL: return "SIGILL, an invalid instruction";
	case SIGSYS: return "SIGSYS, a forbidden system call";
	case SIGXCPU: return "SIGXCPU, too much processor time";
	case SIGXFSZ: return "SIGXFSZ, an attempt to write";
	default: return NULL;
	}
}

/* Replaces the process and says why.  sys is what the socket said: ETIMEDOUT, EPIPE, EPROTO. */
int reader_lose(struct rc_reader *r, const char *path, int sys, struct rc_err *err)
{
	bool others = r->n_files > 1, killed;
	int status = reader_end_process(r);
	const char *name;
	int sig;

	killed = sys == EPIPE && status != -1 && WIFSIGNALED(status) &&
		 WTERMSIG(status) == SIGKILL;
	/* a second wait for one that hangs is not worth it */
	r->again = killed || (others && sys != ECANCELED && sys != ETIMEDOUT);
	if (sys == ECANCELED)
		return rc_fail(err, RC_E_INTERRUPTED, "interrupted", "stopped by a signal");
	if (sys == ETIMEDOUT)
		return rc_fail(err, RC_E_READER, "reader_timeout",
			       "'%s': the process that read it gave no answer in time and was "
			       "ended; the file is probably damaged, or its storage hangs", path);
	if (sys == EPROTO)
		return rc_fail(err, RC_E_READER, "reader_protocol",
			       "'%s': the process that read it gave an answer that makes no sense; "
			       "the file may be built to mislead", path);
	if (killed)
		return rc_fail(err, RC_E_READER, "reader_killed",
			       "'%s': the process that read it was killed twice, perhaps by the "
			       "kernel for want of memory; see the system log, or give the machine "
			       "less to do", path);
	if (sys == EPIPE && status != -1 && WIFSIGNALED(status)) {
		sig = WTERMSIG(status);
		name = signal_name(sig);
		return rc_fail(err, RC_E_READER, "reader_crash",
			       "'%s': the process that read it died of signal %d (%s); the file is "
			       "probably damaged", path, sig, name ? name : "an unusual one");
	}
	if (sys == EPIPE && status != -1)
		return rc_fail(err, RC_E_READER, "reader_crash",
			       "'%s': the process that read it ended with status %d; the file is "
			       "probably damaged", path, WEXITSTATUS(status));
	if (sys == EPIPE) /* how it ended, nobody can tell: the spawner is gone too */
		return rc_fail(err, RC_E_HOST, "spawner_gone",
			       "'%s': the process that starts readers is gone", path);
	return rc_fail_errno(err, RC_E_READER, "reader_crash", sys,
			     "'%s': lost the process that read it", path);
}

#define STOP_TURN_NS 100000000LL

/* --- one request ---------------------------------------------------------------------------- */

/* By the time that reading a file takes. */
static int64_t later(int64_t deadline, uint64_t file_bytes)
{
	uint64_t most = INT64_MAX / 4;
	uint64_t extra = file_bytes > most / NS_PER_BYTE ? most : file_bytes * NS_PER_BYTE;

	return deadline > (int64_t)most * 3 ? deadline : deadline + (int64_t)extra;
}

static int64_t deadline_of(const struct rc_reader *r, const struct ask *k)
{
	uint64_t most = INT64_MAX / 4, limit = (uint64_t)r->pool->limits.timeout_ns;

	return later(rc_now_ns() + (int64_t)(limit > most ? most : limit), k->file_bytes);
}

/* Waits in short turns, to hear that the run is to stop. */
static int await_reply(struct rc_reader *r, size_t *n_out, int *fd_out, int64_t deadline)
{
	bool (*stop)(void) = r->pool->limits.stop;

	for (;;) {
		int64_t turn = rc_now_ns() + STOP_TURN_NS;
		bool last = !stop || turn > deadline;
		int sys = rc_msg_recv(r->sock, &r->reply, sizeof r->reply, n_out, fd_out,
				      last ? deadline : turn);

		if (sys != ETIMEDOUT || last)
			return sys;
		if (stop())
			return ECANCELED;
	}
}

/* Whether the reader asks for a file: *name_out. */
static bool wants_file(const struct rc_reader *r, size_t n, const char **name_out)
{
	const char *name = (const char *)&r->reply + RC_REPLY_HEAD;

	*name_out = name;
	return n > RC_REPLY_HEAD && n <= RC_REPLY_HEAD + RC_MAX_LENT_NAME &&
	       r->reply.code == RC_REPLY_LEND && !name[n - RC_REPLY_HEAD - 1];
}

static int open_lent(struct rc_reader *r, const struct ask *k, const char *name, char **below_out,
		     int *fd_out, struct stat *st_out, struct rc_err *why)
{
	bool refused = true;
	int rc;

	if (!k->root)
		return rc_fail(why, RC_E_INPUT, "outside", "no other file may be read");
	if (!k->ix)
		return rc_linked_open(k->root, name, below_out, fd_out, st_out, why);
	rc = rc_linked_known(k->ix, name, &r->linked_hint, below_out, fd_out, st_out, &refused,
			     why);
	if (rc && !refused)
		r->lend_err = *why;
	return rc;
}

/* Lends it, or says why not; the reader gets time to read it. */
static int lend(struct rc_reader *r, const struct ask *k, const char *name, int64_t *deadline)
{
	struct rc_request q = { .op = RC_OP_LEND };
	struct rc_err why = {0};
	char *below = NULL;
	const char *text;
	struct iovec parts[2];
	struct stat st;
	int fd = -1, sys;

	text = open_lent(r, k, name, &below, &fd, &st, &why) ? why.msg : below;
	r->n_refused += fd < 0;
	if (fd >= 0) {
		q.bytes = (uint64_t)st.st_size;
		q.row0 = (uint64_t)rc_mtime_ns(&st);
		*deadline = later(*deadline, q.bytes);
	}
	q.n_text = (uint32_t)strlen(text) + 1;
	parts[0] = (struct iovec){ &q, sizeof q };
	parts[1] = (struct iovec){ (void *)text, q.n_text };
	sys = q.n_text > RC_MAX_LENT_NAME ? EMSGSIZE
					  : rc_msg_send(r->sock, parts, 2, fd, *deadline);
	if (fd >= 0)
		close(fd);
	free(below);
	return sys;
}

static int exchange(struct rc_reader *r, struct ask *k, size_t *n_out)
{
	int64_t deadline = deadline_of(r, k);
	struct iovec parts[3];
	const char *name;
	int fd = -1, sys;

	r->lend_err = (struct rc_err){0};
	k->q.n_text = (uint32_t)strlen(k->text) + 1;
	parts[0] = (struct iovec){ &k->q, sizeof k->q };
	parts[1] = (struct iovec){ (void *)k->ids, k->q.n_ids * sizeof *k->ids };
	parts[2] = (struct iovec){ (void *)k->text, k->q.n_text };
	sys = rc_msg_send(r->sock, parts, 3, k->fd, deadline);
	if (!sys)
		sys = await_reply(r, n_out, &fd, deadline);
	while (!sys && fd < 0 && wants_file(r, *n_out, &name)) {
		sys = lend(r, k, name, &deadline);
		if (!sys)
			sys = await_reply(r, n_out, &fd, deadline);
	}
	if (fd >= 0)
		close(fd);
	return sys == EMSGSIZE ? EPROTO : sys;
}

static bool reply_ok(const struct rc_reader *r, const struct ask *k, size_t n)
{
	const struct rc_reply *a = &r->reply;

	if (n < RC_REPLY_HEAD)
		return false;
	if (a->code)
		return n == RC_REPLY_HEAD + sizeof a->u.err;
	if (a->n_chunks > k->q.n_ids || n != RC_REPLY_HEAD + a->n_chunks * sizeof *a->u.chunks)
		return false;
	for (uint32_t i = 0; i < a->n_chunks; i++) {
		const struct rc_reply_chunk *c = &a->u.chunks[i];
		if (!c->n || c->offset > r->shared_bytes || c->n > r->shared_bytes - c->offset)
			return false;
	}
	return true;
}

/* An error that the reader reports; its code and words are taken with care. */
static int reported(struct rc_reader *r, const struct ask *k, struct rc_err *err)
{
	struct rc_reply *a = &r->reply;
	bool others = r->n_files > 1;
	char size[32];

	a->u.err.reason[sizeof a->u.err.reason - 1] = 0;
	a->u.err.msg[sizeof a->u.err.msg - 1] = 0;
	switch (a->code) {
	case RC_E_FORMAT:
		reader_end_process(r); /* who knows what the damage did to libhdf5 */
		r->again = others;
		/* fall through */
	case RC_E_INPUT:
	case RC_E_UNSUPPORTED:
	case RC_E_USAGE:
		return rc_fail(err, a->code, a->u.err.reason, "'%s': %s", k->path, a->u.err.msg);
	case RC_E_NOMEM:
		reader_end_process(r); /* libhdf5 is not to be trusted after a failed allocation */
		r->again = others;
		rc_format_bytes(size, sizeof size, r->pool->limits.memory_bytes);
		return rc_fail(err, RC_E_READER, "reader_memory",
			       "'%s': reading it takes more than the %s that a reader may have",
			       k->path, size);
	default:
		reader_end_process(r);
		r->again = others;
		return rc_fail(err, RC_E_READER, "reader_failed", "'%s': %s", k->path,
			       a->u.err.msg);
	}
}

int reader_ask_process(struct rc_reader *r, struct ask *k, struct rc_err *err)
{
	size_t n = 0;
	int sys = exchange(r, k, &n);

	if (!sys && !reply_ok(r, k, n))
		sys = EPROTO;
	if (sys)
		return reader_lose(r, k->path, sys, err);
	if (!r->lend_err.code)
		return r->reply.code ? reported(r, k, err) : 0;
	if (r->reply.code)
		reported(r, k, NULL);
	r->again = false;
	if (err)
		*err = r->lend_err;
	return r->lend_err.code;
}

/* --- a process with its block --------------------------------------------------------------- */

static int new_shared(struct rc_reader *r, size_t bytes, struct rc_err *err)
{
	int sys;
	void *p;

	reader_free_shared(r);
	r->memfd = memfd_create("robocache-reader", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (r->memfd < 0 || ftruncate(r->memfd, (off_t)bytes) ||
	    fcntl(r->memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		goto fail;
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, r->memfd, 0);
	if (p == MAP_FAILED)
		goto fail;
	r->shared = p;
	r->shared_bytes = bytes;
	return 0;
fail:
	sys = errno;
	reader_free_shared(r);
	if (sys == EFBIG) /* it counts as a file */
		return rc_fail(err, RC_E_NOMEM, "reader_shared",
			       "files may not have %zu bytes, which a reader process needs; raise "
			       "the limit of file sizes (ulimit -f)", bytes);
	return rc_fail_errno(err, RC_E_NOMEM, "reader_shared", sys,
			     "cannot have %zu bytes of memory to share with a reader process",
			     bytes);
}

int reader_need_process(struct rc_reader *r, const char *path, struct rc_err *err)
{
	struct ask k = { .q.op = RC_OP_SHARED, .text = "", .path = path };
	int rc = 0;

	if (r->sock < 0) {
		pthread_mutex_lock(&r->pool->lock);
		rc = rc_spawner_new(&r->pool->spawner, &r->id, &r->sock, err);
		pthread_mutex_unlock(&r->pool->lock);
	}
	if (!rc && !r->shared)
		rc = new_shared(r, r->pool->limits.shared_bytes, err);
	if (rc || r->has_shared)
		return rc;
	k.q.bytes = r->shared_bytes;
	k.fd = r->memfd;
	rc = reader_ask_process(r, &k, err);
	r->has_shared = !rc;
	return rc;
}

/* At least doubled, as the next chunk may be a bit larger. */
int reader_grow_shared(struct rc_reader *r, const struct ask *k, uint64_t need,
		       struct rc_err *err)
{
	char have[32], want[32];
	size_t bytes = r->shared_bytes;

	if (need > RC_SHARED_MAX) {
		rc_format_bytes(want, sizeof want, need);
		rc_format_bytes(have, sizeof have, RC_SHARED_MAX);
		return rc_fail(err, RC_E_UNSUPPORTED, "chunk_too_large",
			       "'%s': one chunk or row of '%s' takes %s, and at most %s can be "
			       "read at once; h5repack -l CHUNK=... makes a copy with smaller ones",
			       k->path, k->text, want, have);
	}
	while (bytes < need)
		bytes *= 2;
	if (bytes > RC_SHARED_MAX)
		bytes = RC_SHARED_MAX;
	return new_shared(r, bytes, err);
}

