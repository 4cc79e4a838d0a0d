/* SPDX-License-Identifier: Apache-2.0 */
/* Archives of shards.  Members have the same owner, mode and time on every machine. */
#include "base/compat.h"

#include "formats/pack_private.h"

#ifdef HAVE_ARCHIVE

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

#include "base/mem.h"

struct tar_writer {
	struct archive *a;
	struct rc_pack_sink sink;
	struct rc_err err; /* of the sink */
};

static la_ssize_t write_tar(struct archive *a, void *arg, const void *p, size_t n)
{
	struct tar_writer *t = arg;

	if (t->sink.write(t->sink.arg, p, n, &t->err)) {
		archive_set_error(a, EIO, "cannot write");
		return -1;
	}
	return (la_ssize_t)n;
}

static int fail(struct tar_writer *t, struct rc_err *err)
{
	const char *text = archive_error_string(t->a);

	if (!t->err.code)
		return rc_fail(err, RC_E_OUTPUT, "output_failed", "cannot write the archive: %s",
			       text ? text : "no reason known");
	if (err)
		*err = t->err;
	return t->err.code;
}

int tar_writer_new(const struct rc_pack_sink *sink, struct tar_writer **t_out, struct rc_err *err)
{
	struct tar_writer *t;
	int rc = rc_new(&t, err);

	if (rc)
		return rc;
	t->sink = *sink;
	t->a = archive_write_new();
	if (!t->a)
		rc = rc_fail_nomem(err, sizeof *t);
	else if (archive_write_set_format_pax_restricted(t->a) != ARCHIVE_OK ||
		 archive_write_open(t->a, t, NULL, write_tar, NULL) != ARCHIVE_OK)
		rc = fail(t, err);
	if (rc)
		tar_writer_free(t);
	else
		*t_out = t;
	return rc;
}

void tar_writer_free(struct tar_writer *t)
{
	if (!t)
		return;
	/* whoever gives up wants no end of archive behind what there is */
	if (t->a)
		archive_write_fail(t->a);
	archive_write_free(t->a);
	free(t);
}

int tar_writer_member(struct tar_writer *t, const char *name, uint64_t bytes, struct rc_err *err)
{
	struct archive_entry *e = archive_entry_new();
	int rc = 0;

	if (!e)
		return rc_fail_nomem(err, sizeof *t);
	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_size(e, (la_int64_t)bytes);
	archive_entry_set_mtime(e, 0, 0);
	if (archive_write_header(t->a, e) != ARCHIVE_OK)
		rc = fail(t, err);
	archive_entry_free(e);
	return rc;
}

int tar_writer_data(struct tar_writer *t, const void *p, size_t n, struct rc_err *err)
{
	return archive_write_data(t->a, p, n) == (la_ssize_t)n ? 0 : fail(t, err);
}

int tar_writer_end(struct tar_writer *t, struct rc_err *err)
{
	return archive_write_close(t->a) == ARCHIVE_OK ? 0 : fail(t, err);
}

#else

int tar_writer_new(const struct rc_pack_sink *sink, struct tar_writer **t_out, struct rc_err *err)
{
	(void)sink;
	(void)t_out;
	return rc_fail(err, RC_E_UNSUPPORTED, "no_tar",
		       "this robocache was built without libarchive and cannot write tar; give "
		       "--shard-size 0 for one shard, or write into a directory");
}

void tar_writer_free(struct tar_writer *t)
{
	(void)t;
}

int tar_writer_member(struct tar_writer *t, const char *name, uint64_t bytes, struct rc_err *err)
{
	(void)t;
	(void)name;
	(void)bytes;
	return rc_fail(err, RC_E_BUG, "bug", "no tar");
}

int tar_writer_data(struct tar_writer *t, const void *p, size_t n, struct rc_err *err)
{
	(void)p;
	return tar_writer_member(t, NULL, n, err);
}

int tar_writer_end(struct tar_writer *t, struct rc_err *err)
{
	return tar_writer_member(t, NULL, 0, err);
}

#endif
