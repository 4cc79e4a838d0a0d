/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "commit.h"

#include "base/clock.h"
#include "base/mem.h"
#include "formats/pack.h"
#include "signals.h"

static const char packed_suffix[] = ".zst";

void rc_commit_name(bool pack, char *name, size_t cap)
{
	size_t n = strlen(name);

	if (pack)
		snprintf(name + n, cap - n, "%s", packed_suffix);
}

static int digest(struct rc_commit *c)
{
	int rc = rc_digest_file(c->file.tmp_path, rc_stop_asked, &c->digest, &c->bytes, &c->err);

	if (rc && !rc_is_fatal(rc)) /* of our own output: the directory went away, say */
		rc = c->err.code = RC_E_OUTPUT;
	return rc;
}

/* Puts a packed file in the place of the file. */
static int pack(struct rc_commit *c)
{
	struct rc_outfile packed = {0};
	char *path;
	int rc = rc_sprintf(&path, &c->err, "%s%s", c->file.path, packed_suffix);

	if (rc)
		return rc;
	rc = rc_outfile_open(&packed, path, &c->err);
	if (!rc)
		rc = rc_pack_file(c->file.tmp_path, packed.tmp_path, &c->err);
	free(path);
	rc_outfile_abandon(&c->file);
	c->file = packed;
	c->unpacked_digest = c->digest;
	c->unpacked_bytes = c->bytes;
	return rc ? rc : digest(c);
}

static void *finish(void *arg)
{
	struct rc_commit *c = arg;
	int64_t t0 = rc_now_ns();

	if (c->file.flusher) /* a large one: the disk is busy while the bytes are hashed */
		rc_outfile_start_sync(&c->file);
	c->rc = digest(c);
	if (!c->rc && c->q->pack)
		c->rc = pack(c);
	if (!c->rc)
		c->rc = rc_outfile_commit(&c->file, &c->err);
	c->named = !c->rc;
	if (!c->rc && c->q->done)
		c->rc = c->q->done(c->q->arg, c, &c->err);
	rc_outfile_abandon(&c->file);
	c->busy_ns = rc_now_ns() - t0;
	return NULL;
}

void rc_commits_begin(struct rc_commits *q, struct rc_outfile *file, size_t tag)
{
	struct rc_commit *c = &q->c[(q->first + q->n++) % RC_MAX_COMMITS];

	*c = (struct rc_commit){.tag = tag, .file = *file, .q = q};
	*file = (struct rc_outfile){0};
	c->threaded = !pthread_create(&c->thread, NULL, finish, c);
	if (!c->threaded) /* no room for a thread: slower, and as good */
		finish(c);
}

const struct rc_commit *rc_commits_end(struct rc_commits *q)
{
	struct rc_commit *c = &q->c[q->first];

	if (!q->n)
		return NULL;
	if (c->threaded)
		pthread_join(c->thread, NULL);
	q->first = (q->first + 1) % RC_MAX_COMMITS;
	q->n--;
	return c;
}
