/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "commit.h"

#include "base/clock.h"
#include "signals.h"

static void *finish(void *arg)
{
	struct rc_commit *c = arg;
	int64_t t0 = rc_now_ns();

	rc_outfile_start_sync(&c->file); /* the disk is busy while the bytes are hashed */
	c->rc = rc_digest_file(c->file.tmp_path, rc_stop_asked, &c->digest, &c->bytes, &c->err);
	if (c->rc && !rc_is_fatal(c->rc)) /* of our own output: the directory went away, say */
		c->rc = c->err.code = RC_E_OUTPUT;
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
