/* SPDX-License-Identifier: Apache-2.0 */
/* Archives of recordings: libarchive reads tar and nothing else here, which keeps its other parsers
 * away from files that nobody vouches for. */
#include "base/compat.h"

#include "formats/container_private.h"

#ifdef HAVE_ARCHIVE

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

#include "base/mem.h"

enum { IN_BYTES = 128 << 10, MAX_MEMBERS = 1000000, MAX_NAME = 1024, END_BYTES = 1024 };

struct tar {
	struct archive *a;
	struct rc_bytes *from;
	const struct rc_unwrap *u;
	struct rc_err err;   /* of reading `from` */
	uint64_t zeros;      /* at the end of what was read: a tar ends in two blocks of them */
	unsigned char room[IN_BYTES];
};

bool rc_has_tar(void)
{
	return true;
}

void rc_container_versions(struct rc_buf *b)
{
	rc_buf_printf(b, ", %s", archive_version_string());
}

static la_ssize_t read_tar(struct archive *a, void *arg, const void **p_out)
{
	struct tar *t = arg;
	size_t n = 0, k;

	if (rc_bytes_read(t->from, t->room, sizeof t->room, &n, &t->err)) {
		archive_set_error(a, EIO, "cannot read");
		return -1;
	}
	for (k = n; k && !t->room[k - 1]; k--)
		;
	t->zeros = k ? n - k : t->zeros + n;
	*p_out = t->room;
	return (la_ssize_t)n;
}

/* What libarchive said, unless reading failed below it. */
static int fail_tar(struct tar *t, const char *name, struct rc_err *err)
{
	const char *text = archive_error_string(t->a);

	if (t->err.code) {
		if (err)
			*err = t->err;
		return t->err.code;
	}
	if (text && strstr(text, "runcated"))
		return rc_fail(err, RC_E_INPUT, "truncated",
			       "'%s' is truncated; copy or download it again", name);
	if (archive_errno(t->a) == ENOMEM)
		return rc_fail_nomem(err, sizeof *t);
	return rc_fail(err, RC_E_FORMAT, "bad_tar", "'%s' is damaged: %s", name,
		       text ? text : "it is no tar archive");
}

/* --- a member --------------------------------------------------------------------------------- */

struct member_bytes {
	struct rc_bytes base;
	struct tar *t;
};

static int read_member(struct rc_bytes *b, void *dst, size_t n, size_t *n_out, struct rc_err *err)
{
	struct member_bytes *m = (struct member_bytes *)b;
	la_ssize_t got = archive_read_data(m->t->a, dst, n);

	if (got < 0)
		return fail_tar(m->t, b->name, err);
	*n_out = (size_t)got;
	return 0;
}

static void close_member(struct rc_bytes *b)
{
	free(b);
}

/* Tells the member with its bytes, unpacked once more where it is zstd. */
static int tell(struct tar *t, const char *name, uint64_t size, struct rc_err *err)
{
	struct rc_bytes *inner = NULL;
	struct rc_member m = {.name = name};
	struct member_bytes *b;
	struct rc_err why = {0};
	const unsigned char *p;
	char *full;
	size_t n;
	int rc = rc_sprintf(&full, err, "%s:%s", t->from->name, name);

	if (!rc)
		rc = rc_new(&b, err);
	if (rc) {
		free(full);
		return rc;
	}
	*b = (struct member_bytes){
		.base = {.read = read_member, .close = close_member, .name = full,
			 .expected = size},
		.t = t,
	};
	m.bytes = &b->base;
	rc = rc_bytes_peek(&b->base, &p, &n, &why);
	if (!rc && rc_is_zstd(p, n)) {
		rc = rc_bytes_of_zstd(&b->base, &inner, &why);
		m.bytes = inner;
	}
	if (rc) {
		m.bytes = NULL;
		m.why = &why;
	}
	rc = t->u->member(t->u->arg, &m, err);
	rc_bytes_close(inner);
	rc_bytes_close(&b->base);
	free(full);
	return rc;
}

/* --- names ------------------------------------------------------------------------------------ */

/* "./a//b" is "a/b"; characters that are no text become '?'. */
static void clean(const char *from, char to[MAX_NAME])
{
	size_t n = 0;

	while (n + 1 < MAX_NAME && *from) {
		unsigned char c = (unsigned char)*from;
		bool begins = n == 0 || to[n - 1] == '/';

		if (begins && from[0] == '.' && from[1] == '/')
			from += 2;
		else if (n && begins && c == '/')
			from++;
		else {
			to[n++] = c < 32 || c == 127 ? '?' : (char)c;
			from++;
		}
	}
	to[n] = '\0';
}

enum name_is { NAME_GOOD, NAME_HIDDEN, NAME_OUTSIDE };

static enum name_is judge_name(const char *name)
{
	enum name_is is = *name == '/' ? NAME_OUTSIDE : NAME_GOOD;

	for (const char *c = name; *c;) {
		size_t n = strcspn(c, "/");

		if (n == 2 && c[0] == '.' && c[1] == '.')
			return NAME_OUTSIDE;
		if (n && c[0] == '.' && is == NAME_GOOD)
			is = NAME_HIDDEN;
		c += n + (c[n] == '/');
	}
	return is;
}

static int refuse(struct tar *t, const char *name, const char *what, struct rc_err *err)
{
	struct rc_err why = {0};

	rc_fail(&why, RC_E_FORMAT, "bad_member",
		"'%s' in '%s' %s; pack the archive again without it", name, t->from->name, what);
	return t->u->member(t->u->arg, &(struct rc_member){.name = name, .why = &why}, err);
}

static int take_entry(struct tar *t, struct archive_entry *e, struct rc_err *err)
{
	const char *given = archive_entry_pathname_utf8(e);
	char name[MAX_NAME];
	enum rc_container kind;
	enum name_is is;

	if (!given)
		given = archive_entry_pathname(e);
	if (!given)
		return 0; /* no text in any encoding, so no suffix either */
	clean(given, name);
	kind = rc_container_of_name(name);
	if ((kind != RC_CONTAINER_HDF5 && kind != RC_CONTAINER_PACKED) ||
	    archive_entry_filetype(e) == AE_IFDIR)
		return 0;
	is = judge_name(name);
	if (is == NAME_HIDDEN)
		return 0;
	if (is == NAME_OUTSIDE)
		return refuse(t, name, "has a name that leads out of the archive", err);
	if (archive_entry_hardlink(e) || archive_entry_symlink(e))
		return refuse(t, name, "is a link and not a file", err);
	if (archive_entry_filetype(e) != AE_IFREG)
		return refuse(t, name, "is a device and not a file", err);
	return tell(t, name, archive_entry_size_is_set(e) ? (uint64_t)archive_entry_size(e) : 0,
		    err);
}

/* --- the archive ------------------------------------------------------------------------------ */

/* What follows the end of the archive belongs to the stream: a checksum, say. */
static int drain(struct tar *t, struct rc_err *err)
{
	const void *p;
	la_ssize_t n;

	do
		n = read_tar(t->a, t, &p);
	while (n > 0);
	if (n < 0)
		return fail_tar(t, t->from->name, err);
	if (t->zeros < END_BYTES)
		return rc_fail(err, RC_E_INPUT, "truncated",
			       "'%s' is truncated: it has no end of archive; copy or download it "
			       "again", t->from->name);
	return 0;
}

static int walk(struct tar *t, struct rc_err *err)
{
	struct archive_entry *e;
	int rc = 0;

	if (archive_read_support_format_tar(t->a) != ARCHIVE_OK ||
	    archive_read_open(t->a, t, NULL, read_tar, NULL) != ARCHIVE_OK)
		return fail_tar(t, t->from->name, err);
	for (size_t n = 0; !rc; n++) {
		int got = archive_read_next_header(t->a, &e);

		if (got == ARCHIVE_EOF)
			return drain(t, err);
		if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
			return fail_tar(t, t->from->name, err);
		if (n == MAX_MEMBERS)
			return rc_fail(err, RC_E_UNSUPPORTED, "too_many_members",
				       "'%s' has more than %d members; split it", t->from->name,
				       MAX_MEMBERS);
		rc = take_entry(t, e, err);
	}
	return rc;
}

int container_walk(struct rc_bytes *tar, const struct rc_unwrap *u, struct rc_err *err)
{
	struct tar *t;
	int rc = rc_new(&t, err);

	if (rc)
		return rc;
	t->from = tar;
	t->u = u;
	t->a = archive_read_new();
	rc = t->a ? walk(t, err) : rc_fail_nomem(err, sizeof *t);
	archive_read_free(t->a);
	free(t);
	return rc;
}

#else

bool rc_has_tar(void)
{
	return false;
}

void rc_container_versions(struct rc_buf *b)
{
	(void)b;
}

int container_walk(struct rc_bytes *tar, const struct rc_unwrap *u, struct rc_err *err)
{
	(void)u;
	return rc_fail(err, RC_E_UNSUPPORTED, "no_tar",
		       "'%s' is a tar archive, which this robocache was built without; unpack it "
		       "with tar, or build with libarchive", tar->name);
}

#endif
