/* SPDX-License-Identifier: Apache-2.0 */
/* Which unpacked files there are, who uses them, and which may go. */
#include "base/compat.h"

#include "formats/unpack_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/names.h"

/* Every file that is there has a descriptor. */
static void allow_many_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
}

int rc_unpacked_new(const struct rc_unpack_options *opt, struct rc_unpacked **u_out,
		    struct rc_err *err)
{
	struct rc_unpacked *u;
	int rc = rc_new(&u, err);

	if (rc)
		return rc;
	u->opt = *opt;
	u->space[IN_MEMORY].most = opt->memory_bytes;
	pthread_mutex_init(&u->lock, NULL);
	pthread_cond_init(&u->changed, NULL);
	*u_out = u;
	return 0;
}

static void free_entry(struct entry *e)
{
	if (!e)
		return;
	if (e->fd >= 0)
		close(e->fd);
	free(e->name);
	free(e->path);
	free(e->why);
	free(e);
}

void rc_unpacked_free(struct rc_unpacked *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < u->n; i++)
		free_entry(u->entries[i]);
	free(u->entries);
	pthread_mutex_destroy(&u->lock);
	pthread_cond_destroy(&u->changed);
	free(u);
}

bool rc_unpacked_empty(const struct rc_unpacked *u)
{
	return u->n == 0;
}

/* --- adding ----------------------------------------------------------------------------------- */

static int add(struct rc_unpacked *u, const char *name, const char *path, struct entry **e_out,
	       struct rc_err *err)
{
	struct entry *e;
	int rc = rc_grow_array(&u->entries, &u->cap, u->n + 1, sizeof *u->entries, err);

	if (!rc)
		rc = rc_new(&e, err);
	if (rc)
		return rc;
	e->fd = -1;
	rc = rc_strdup(&e->name, name, err);
	if (!rc && path)
		rc = rc_strdup(&e->path, path, err);
	if (rc) {
		free_entry(e);
		return rc;
	}
	if (!u->n)
		allow_many_files();
	u->sorted = false;
	e->order = u->n;
	u->entries[u->n++] = e;
	*e_out = e;
	return 0;
}

int rc_unpacked_add_file(struct rc_unpacked *u, const char *path, struct rc_err *err)
{
	struct entry *e;

	return add(u, path, path, &e, err);
}

static int keep_why(struct entry *e, const struct rc_err *why, struct rc_err *err)
{
	int rc = rc_new(&e->why, err);

	if (!rc)
		*e->why = *why;
	return rc;
}

static bool is_stdin(const char *path)
{
	return !strcmp(path, "-");
}

/* A container on its way. */
struct adding {
	struct rc_unpacked *u;
	const char *path;
	struct fill_meter meter;
	int64_t mtime_ns;
};

/* A name that no file has, and that says where the member is. */
static int member_name(const struct adding *a, const char *member, char **name_out,
		       struct rc_err *err)
{
	char *name = NULL;
	int rc = rc_sprintf(&name, err, "%s:%s", a->path, member);

	for (size_t n = 2; !rc && access(name, F_OK) == 0; n++) {
		free(name);
		rc = rc_sprintf(&name, err, "%s:%zu:%s", a->path, n, member);
	}
	*name_out = name;
	return rc;
}

static int add_member(void *arg, const struct rc_member *m, struct rc_err *err)
{
	struct adding *a = arg;
	struct rc_err why = {0};
	struct entry *e;
	char *name = NULL;
	int rc = m->name ? member_name(a, m->name, &name, err) : rc_strdup(&name, a->path, err);

	if (!rc)
		rc = add(a->u, name, NULL, &e, err);
	free(name);
	if (rc)
		return rc;
	e->member = m->name ? e->name + strlen(e->name) - strlen(m->name) : NULL;
	e->mtime_ns = a->mtime_ns;
	e->piped = is_stdin(a->path);
	if (!m->bytes)
		return keep_why(e, m->why, err);
	rc = unpack_fill(a->u, e, m->bytes, &a->meter, &why);
	if (rc_is_fatal(rc)) {
		if (err)
			*err = why;
		return rc;
	}
	e->ready = !rc;
	return rc ? keep_why(e, &why, err) : 0;
}

static int by_nature(const void *x, const void *y)
{
	const struct entry *const *a = x, *const *b = y;
	int diff = rc_natural_cmp((*a)->name, (*b)->name);

	return diff ? diff : (*a)->order < (*b)->order ? -1 : 1;
}

/* Tells the new ones, from `first`, in order; of those with one name the last. */
static int tell(struct rc_unpacked *u, size_t first, rc_unpacked_found found, void *arg,
		struct rc_err *err)
{
	size_t kept = first;
	int rc = 0;

	if (u->n > first)
		qsort(u->entries + first, u->n - first, sizeof *u->entries, by_nature);
	for (size_t i = first; i < u->n; i++) {
		struct entry *e = u->entries[i];

		if (i + 1 < u->n && !strcmp(e->name, u->entries[i + 1]->name)) {
			unpack_drop(u, e);
			free_entry(e);
			continue;
		}
		u->entries[kept++] = e;
	}
	u->n = kept;
	for (size_t i = first; i < u->n && !rc; i++)
		rc = found(arg, u->entries[i]->name, u->entries[i]->member, err);
	return rc;
}

int rc_unpacked_add_all(struct rc_unpacked *u, const char *path, rc_unpacked_found found,
			void *arg, struct rc_err *err)
{
	struct adding a = {.u = u, .path = path};
	struct rc_unwrap walk = {.member = add_member, .arg = &a};
	size_t first = u->n;
	struct rc_err why = {0};
	struct entry *e;
	int rc = is_stdin(path) ? rc_hasher_new(&a.meter.hash, &why) : 0;

	if (!rc)
		rc = unpack_container(u, path, &walk, &a.meter, &a.mtime_ns, &why);
	rc_hasher_free(a.meter.hash);
	if (!rc && u->n == first)
		rc = rc_fail(&why, RC_E_FORMAT, "no_members",
			     "'%s' holds no member named *.h5 or *.hdf5", path);
	if (rc_is_fatal(rc) || rc == RC_E_USAGE) {
		if (err)
			*err = why;
		return rc;
	}
	if (rc) { /* what came before the damage is as good as any */
		rc = add(u, path, NULL, &e, err);
		if (!rc)
			rc = keep_why(e, &why, err);
		if (!rc)
			e->piped = is_stdin(path);
	}
	return rc ? rc : tell(u, first, found, arg, err);
}

/* --- finding ---------------------------------------------------------------------------------- */

static int by_name(const void *x, const void *y)
{
	const struct entry *const *a = x, *const *b = y;

	return strcmp((*a)->name, (*b)->name);
}

/* Under the lock. */
static struct entry *find(struct rc_unpacked *u, const char *name)
{
	struct entry key = {.name = (char *)name}, *k = &key, **hit;

	if (!u->n)
		return NULL;
	if (!u->sorted)
		qsort(u->entries, u->n, sizeof *u->entries, by_name);
	u->sorted = true;
	hit = bsearch(&k, u->entries, u->n, sizeof *u->entries, by_name);
	return hit ? *hit : NULL;
}

static struct entry *lock_and_find(struct rc_unpacked *u, const char *name)
{
	pthread_mutex_lock(&u->lock);
	return find(u, name);
}

bool rc_unpacked_look(struct rc_unpacked *u, const char *name, struct rc_unpacked_id *id_out)
{
	const struct entry *e = lock_and_find(u, name);
	bool stays = e && !e->path;

	if (stays)
		*id_out = (struct rc_unpacked_id){.bytes = e->bytes, .mtime_ns = e->mtime_ns,
						  .piped = e->piped, .content = e->content};
	pthread_mutex_unlock(&u->lock);
	return stays;
}

/* --- using ------------------------------------------------------------------------------------ */

static void expect(struct rc_unpacked *u, struct entry *e, uint64_t due)
{
	u->due += due - e->due;
	e->due = due;
}

void rc_unpacked_claim(struct rc_unpacked *u, const char *name)
{
	struct entry *e = lock_and_find(u, name);

	if (e && e->path && e->claims++ == 0) {
		u->n_active++;
		unpack_not_idle(u, e);
		expect(u, e, e->ready ? 0 : e->known);
	}
	pthread_mutex_unlock(&u->lock);
}

void rc_unpacked_release(struct rc_unpacked *u, const char *name)
{
	struct entry *e = lock_and_find(u, name);

	if (e && e->path && --e->claims == 0) {
		u->n_active--;
		expect(u, e, 0);
		unpack_idle(u, e);
		u->epoch++;
		pthread_cond_broadcast(&u->changed);
	}
	pthread_mutex_unlock(&u->lock);
}

bool rc_unpacked_has_room(struct rc_unpacked *u, const char *name)
{
	struct entry *e = lock_and_find(u, name);
	bool room = true;

	if (e && e->path && !e->claims && !e->ready && u->n_active)
		room = unpack_could_take(u, u->due + e->known);
	pthread_mutex_unlock(&u->lock);
	return room;
}

static bool lacks_room(int rc, const struct rc_err *why)
{
	return rc == RC_E_HOST && !strcmp(why->reason, "no_scratch");
}

/* Unpacks e, which nobody else does meanwhile.  Called and left with the lock. */
static int unpack(struct rc_unpacked *u, struct entry *e, bool wait, struct rc_err *why)
{
	for (;;) {
		uint64_t epoch = u->epoch;
		int rc;

		pthread_mutex_unlock(&u->lock);
		rc = unpack_file(u, e, why);
		pthread_mutex_lock(&u->lock);
		if (!wait || !lacks_room(rc, why))
			return rc;
		if (u->epoch != epoch) /* somebody made room since it was tried */
			continue;
		if (u->n_active == 1)
			return rc;
		u->n_active--;
		epoch = ++u->epoch;
		pthread_cond_broadcast(&u->changed);
		while (u->epoch == epoch && u->n_active)
			pthread_cond_wait(&u->changed, &u->lock);
		u->n_active++;
	}
}

int rc_unpacked_ready(struct rc_unpacked *u, const char *name, bool wait, struct rc_err *err)
{
	struct entry *e = lock_and_find(u, name);
	struct rc_err why = {0};
	int rc = 0;

	while (e && e->busy)
		pthread_cond_wait(&u->changed, &u->lock);
	if (e && e->why) {
		why = *e->why;
		rc = why.code;
	} else if (e && !e->ready) {
		e->busy = true;
		rc = unpack(u, e, wait, &why);
		e->busy = false;
		e->ready = !rc;
		expect(u, e, 0);
		if (!rc)
			e->known = e->bytes;
		pthread_cond_broadcast(&u->changed);
	}
	pthread_mutex_unlock(&u->lock);
	if (rc && err)
		*err = why;
	return rc;
}

int rc_unpacked_open(struct rc_unpacked *u, const char *name, int *fd_out, bool *is_out,
		     struct rc_err *err)
{
	struct entry *e = lock_and_find(u, name);
	char path[32];
	int rc = 0;

	*is_out = e != NULL;
	if (e && e->why) {
		rc = e->why->code;
		if (err)
			*err = *e->why;
	} else if (e && !e->ready) {
		rc = rc_fail(err, RC_E_BUG, "bug", "'%s' was opened and not unpacked", name);
	} else if (e) {
		/* by its name in /proc, as that gives a descriptor that cannot write */
		snprintf(path, sizeof path, "/proc/self/fd/%d", e->fd);
		*fd_out = open(path, O_RDONLY | O_CLOEXEC);
		if (*fd_out < 0)
			*fd_out = fcntl(e->fd, F_DUPFD_CLOEXEC, 0);
		if (*fd_out < 0)
			rc = rc_fail_errno(err, RC_E_HOST, "no_descriptor", errno,
					   "cannot open '%s' again", name);
	}
	pthread_mutex_unlock(&u->lock);
	return rc;
}
