/* SPDX-License-Identifier: Apache-2.0 */
/* Where unpacked bytes lie: in memory as long as that lasts, then in files without names. */
#include "base/compat.h"

#include "formats/unpack_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"

#define MAX_RATIO 1000
#define FREE_BYTES ((uint64_t)256 << 20) /* of which no ratio is asked */
#define MAX_BYTES ((uint64_t)1 << 40)

enum { PIECE_BYTES = 128 << 10 };

/* --- what may go ------------------------------------------------------------------------------ */

void unpack_idle(struct rc_unpacked *u, struct entry *e)
{
	struct space *s = &u->space[e->in_memory];

	if (!e->ready)
		return;
	e->idle = true;
	e->prev = s->last;
	e->next = NULL;
	*(s->last ? &s->last->next : &s->first) = e;
	s->last = e;
	s->idle_bytes += e->bytes;
}

void unpack_not_idle(struct rc_unpacked *u, struct entry *e)
{
	struct space *s = &u->space[e->in_memory];

	if (!e->idle)
		return;
	*(e->prev ? &e->prev->next : &s->first) = e->next;
	*(e->next ? &e->next->prev : &s->last) = e->prev;
	e->idle = false;
	s->idle_bytes -= e->bytes;
}

/* Readers may still have the file open; cut to nothing it takes no room whoever has it. */
static void empty(struct rc_unpacked *u, struct entry *e)
{
	if (e->fd >= 0 && ftruncate(e->fd, 0) == 0)
		u->space[e->in_memory].used -= e->bytes;
	if (e->fd >= 0)
		close(e->fd);
	e->fd = -1;
	e->bytes = 0;
	e->ready = false;
}

void unpack_drop(struct rc_unpacked *u, struct entry *e)
{
	pthread_mutex_lock(&u->lock);
	empty(u, e);
	pthread_mutex_unlock(&u->lock);
}

/* Three quarters of what is free when it is first asked. */
static void measure_scratch(struct rc_unpacked *u)
{
	struct statvfs fs;

	if (u->scratch_known)
		return;
	u->scratch_known = true;
	if (statvfs(u->opt.scratch_dir, &fs) == 0)
		u->space[IN_SCRATCH].most = (uint64_t)fs.f_bavail * fs.f_frsize / 4 * 3;
}

static bool fits(const struct space *s, uint64_t n)
{
	return s->used <= s->most && n <= s->most - s->used;
}

static bool reserve(struct rc_unpacked *u, int where, uint64_t n)
{
	struct space *s = &u->space[where];
	bool ok;

	pthread_mutex_lock(&u->lock);
	measure_scratch(u);
	while (!fits(s, n) && s->first) {
		struct entry *e = s->first;

		unpack_not_idle(u, e);
		empty(u, e);
	}
	ok = fits(s, n);
	if (ok)
		s->used += n;
	pthread_mutex_unlock(&u->lock);
	return ok;
}

static void give_back(struct rc_unpacked *u, int where, uint64_t n)
{
	pthread_mutex_lock(&u->lock);
	u->space[where].used -= n;
	pthread_mutex_unlock(&u->lock);
}

bool unpack_could_take(struct rc_unpacked *u, uint64_t bytes)
{
	measure_scratch(u);
	for (int i = 0; i < 2; i++) {
		const struct space *s = &u->space[i];

		if (s->used - s->idle_bytes <= s->most &&
		    bytes <= s->most - (s->used - s->idle_bytes))
			return true;
	}
	return false;
}

/* --- where it lies ---------------------------------------------------------------------------- */

static int fail_room(const struct rc_unpacked *u, const struct entry *e, struct rc_err *err)
{
	char most[32];

	rc_format_bytes(most, sizeof most, u->space[IN_SCRATCH].most);
	return rc_fail(err, RC_E_HOST, "no_scratch",
		       "no room to unpack '%s': '%s' has %s for this, three quarters of what was "
		       "free; name a directory with more in --scratch-dir",
		       e->name, u->opt.scratch_dir, most);
}

static int open_scratch(const struct rc_unpacked *u, int *fd_out, struct rc_err *err)
{
	const char *dir = u->opt.scratch_dir;
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char *path;
	int rc;

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
		rc = rc_sprintf(&path, err, "%s/.robocache-XXXXXX", dir);
		if (rc)
			return rc;
		fd = mkostemp(path, O_CLOEXEC);
		if (fd >= 0)
			unlink(path);
		free(path);
	}
	if (fd < 0)
		return rc_fail_errno(err, RC_E_HOST, "no_scratch_file", errno,
				     "cannot make a scratch file in '%s'; name another directory "
				     "with --scratch-dir", dir);
	*fd_out = fd;
	return 0;
}

/* From memory to a file, which then goes on. */
static int spill(struct rc_unpacked *u, struct entry *e, uint64_t room, struct rc_err *err)
{
	uint64_t left = e->bytes;
	off_t at = 0;
	int fd = -1, rc;

	if (!reserve(u, IN_SCRATCH, room))
		return fail_room(u, e, err);
	rc = open_scratch(u, &fd, err);
	while (!rc && left) {
		ssize_t n = sendfile(fd, e->fd, &at, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			rc = fail_room(u, e, err);
		else
			left -= (uint64_t)n;
	}
	if (rc) {
		if (fd >= 0)
			close(fd);
		give_back(u, IN_SCRATCH, room);
		return rc;
	}
	close(e->fd);
	give_back(u, IN_MEMORY, e->bytes);
	e->fd = fd;
	e->in_memory = false;
	return 0;
}

/* Opens e where there is room for what is expected; a claim that no container of this size could
 * keep was not passed on. */
static int begin(struct rc_unpacked *u, struct entry *e, uint64_t expected, struct rc_err *err)
{
	e->in_memory = false;
	if (!reserve(u, IN_MEMORY, expected)) {
		if (!reserve(u, IN_SCRATCH, expected))
			return fail_room(u, e, err);
		give_back(u, IN_SCRATCH, expected);
		return open_scratch(u, &e->fd, err);
	}
	give_back(u, IN_MEMORY, expected);
	e->fd = memfd_create("robocache-unpacked", MFD_CLOEXEC);
	if (e->fd < 0)
		return rc_fail_errno(err, RC_E_HOST, "no_descriptor", errno,
				     "cannot keep '%s' in memory; allow more open files with "
				     "'ulimit -n', or unpack the archive by hand", e->name);
	e->in_memory = true;
	return 0;
}

static int put(struct rc_unpacked *u, struct entry *e, const unsigned char *p, size_t n,
	       struct rc_err *err)
{
	int where = e->in_memory ? IN_MEMORY : IN_SCRATCH, rc = 0;

	if (!reserve(u, where, n)) {
		if (where == IN_SCRATCH)
			return fail_room(u, e, err);
		rc = spill(u, e, e->bytes + n, err);
		if (rc)
			return rc;
	}
	e->bytes += n; /* counted before it is written: a failure gives all back */
	while (n) {
		ssize_t done = write(e->fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && (errno == ENOSPC || errno == EDQUOT))
			return fail_room(u, e, err);
		if (done <= 0)
			return rc_fail_errno(err, RC_E_HOST, "no_scratch_file", errno,
					     "cannot write what was unpacked from '%s'", e->name);
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* --- unpacking -------------------------------------------------------------------------------- */

static int check_bomb(const struct entry *e, const struct fill_meter *m, struct rc_err *err)
{
	if (m->out > FREE_BYTES && m->out / MAX_RATIO > m->in)
		return rc_fail(err, RC_E_FORMAT, "bomb",
			       "'%s' unpacks to more than %d times its size, as no recording does; "
			       "unpack it by hand if you trust it", e->name, MAX_RATIO);
	if (m->out > MAX_BYTES)
		return rc_fail(err, RC_E_UNSUPPORTED, "unpacked_too_large",
			       "'%s' unpacks to more than 1 TiB; unpack it by hand", e->name);
	return 0;
}

static int64_t mtime_of(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* Its time is that of its container, whenever it is unpacked. */
static int set_time(const struct entry *e, struct rc_err *err)
{
	struct timespec t = {.tv_sec = (time_t)(e->mtime_ns / 1000000000),
			     .tv_nsec = (long)(e->mtime_ns % 1000000000)};

	if (t.tv_nsec < 0) {
		t.tv_nsec += 1000000000;
		t.tv_sec--;
	}
	if (futimens(e->fd, (struct timespec[]){t, t}) != 0)
		return rc_fail_errno(err, RC_E_HOST, "no_scratch_file", errno,
				     "cannot set the time of what was unpacked from '%s'", e->name);
	return 0;
}

static int copy(struct rc_unpacked *u, struct entry *e, struct rc_bytes *b,
		struct fill_meter *meter, unsigned char *room, struct rc_err *err)
{
	for (;;) {
		size_t n;
		int rc = rc_bytes_read(b, room, PIECE_BYTES, &n, err);

		if (rc || n == 0)
			return rc;
		meter->out += n;
		if (meter->hash)
			rc_hasher_add(meter->hash, room, n);
		rc = check_bomb(e, meter, err);
		if (!rc)
			rc = put(u, e, room, n, err);
		if (rc)
			return rc;
	}
}

int unpack_fill(struct rc_unpacked *u, struct entry *e, struct rc_bytes *b,
		struct fill_meter *meter, struct rc_err *err)
{
	struct rc_scratch room = {0};
	int rc = rc_scratch_need(&room, PIECE_BYTES, err);

	if (rc)
		return rc;
	if (meter->hash)
		rc_hasher_reset(meter->hash);
	rc = begin(u, e, b->expected / MAX_RATIO <= meter->size ? b->expected : 0, err);
	if (!rc)
		rc = copy(u, e, b, meter, room.p, err);
	if (!rc)
		rc = set_time(e, err);
	if (meter->hash)
		e->content = rc_hasher_end(meter->hash);
	if (rc)
		unpack_drop(u, e);
	free(room.p);
	return rc;
}

static int open_container(const char *path, int *fd_out, struct stat *st, struct rc_err *err)
{
	*fd_out = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*fd_out < 0 || fstat(*fd_out, st) != 0)
		return rc_fail_errno(err, RC_E_INPUT, errno == ENOENT ? "missing" : "unreadable",
				     errno, "cannot open '%s'", path);
	if (!S_ISREG(st->st_mode))
		return rc_fail(err, RC_E_INPUT, "not_a_file", "'%s' is not a file", path);
	return 0;
}

static int check_same(int fd, const char *path, const struct stat *before, struct rc_err *err)
{
	struct stat now;

	if (fstat(fd, &now) == 0 && now.st_size == before->st_size &&
	    mtime_of(&now) == mtime_of(before))
		return 0;
	return rc_fail(err, RC_E_INPUT, "input_changed",
		       "'%s' changed while it was unpacked; let its writer finish and run again",
		       path);
}

int unpack_container(struct rc_unpacked *u, const char *path, const struct rc_unwrap *walk,
		     struct fill_meter *meter, int64_t *mtime_out, struct rc_err *err)
{
	bool standard = !strcmp(path, "-");
	struct rc_bytes *raw = NULL;
	struct stat st = {0};
	int fd = STDIN_FILENO, rc = 0;

	if (!standard)
		rc = open_container(path, &fd, &st, err);
	else if (isatty(fd))
		rc = rc_fail(err, RC_E_USAGE, "input",
			     "- is standard input, which is a terminal here; pipe a file into it");
	*mtime_out = mtime_of(&st);
	meter->size = (uint64_t)st.st_size;
	if (!rc)
		rc = rc_bytes_of_fd(fd, standard ? "standard input" : path, &meter->in,
				    u->opt.stop, &raw, err);
	if (!rc)
		rc = rc_unwrap(raw, walk, err);
	if (!rc && !standard)
		rc = check_same(fd, path, &st, err);
	rc_bytes_close(raw);
	if (!standard && fd >= 0)
		close(fd);
	return rc;
}

/* The one file that a file in zstd is. */
struct one {
	struct rc_unpacked *u;
	struct entry *e;
	struct fill_meter meter;
};

static int take_one(void *arg, const struct rc_member *m, struct rc_err *err)
{
	struct one *o = arg;

	if (m->name || !m->bytes)
		return rc_fail(err, RC_E_FORMAT, "bad_member",
			       "'%s' holds a tar archive and is not named so; name it *.tar.zst",
			       o->e->path);
	return unpack_fill(o->u, o->e, m->bytes, &o->meter, err);
}

int unpack_file(struct rc_unpacked *u, struct entry *e, struct rc_err *err)
{
	struct one o = {.u = u, .e = e};
	struct rc_unwrap walk = {.member = take_one, .arg = &o};
	int rc = unpack_container(u, e->path, &walk, &o.meter, &e->mtime_ns, err);

	if (rc && e->fd >= 0)
		unpack_drop(u, e);
	return rc;
}
