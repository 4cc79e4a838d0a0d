/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "commit.h"

#include "base/clock.h"
#include "base/mem.h"
#include "formats/pack.h"

static int digest(struct rc_commit *c)
{
	int rc = rc_digest_file(c->file.tmp_path, &c->digest, &c->bytes, &c->err);

	if (rc) /* reading, but of our own output: the directory went away, say */
		rc = c->err.code = RC_E_OUTPUT;
	return rc;
}

/* Puts a packed file in the place of the file. */
static int pack(struct rc_commit *c)
{
	struct rc_outfile packed = {0};
	char *path;
	int rc = rc_sprintf(&path, &c->err, "%s.zst", c->file.path);

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

	rc_outfile_start_sync(&c->file); /* the disk is busy while the bytes are hashed */
	c->rc = digest(c);
	if (!c->rc && c->pack)
		c->rc = pack(c);
	if (!c->rc)
		c->rc = rc_outfile_commit(&c->file, &c->err);
	rc_outfile_abandon(&c->file);
	c->busy_ns = rc_now_ns() - t0;
	return NULL;
}

void rc_commits_begin(struct rc_commits *q, struct rc_outfile *file, size_t tag)
{
	struct rc_commit *c = &q->c[(q->first + q->n++) % RC_MAX_COMMITS];

	*c = (struct rc_commit){.tag = tag, .file = *file, .pack = q->pack};
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
