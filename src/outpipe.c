/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "outpipe.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "base/mem.h"
#include "formats/pack.h"
#include "manifest.h"
#include "signals.h"

int rc_outpipe_open(struct rc_outpipe *s, int fd, const char *scratch_dir, struct rc_err *err)
{
	int rc;

	*s = (struct rc_outpipe){.fd = fd};
	rc = rc_sprintf(&s->dir, err, "%s/robocache-XXXXXX", scratch_dir);
	if (rc)
		return rc;
	if (!mkdtemp(s->dir)) {
		rc = rc_fail_errno(err, RC_E_OUTPUT, "output", errno,
				   "cannot make a directory in '%s'; name another with "
				   "--scratch-dir", scratch_dir);
		free(s->dir);
		s->dir = NULL;
	}
	return rc;
}

static int write_out(void *arg, const void *bytes, size_t n, struct rc_err *err)
{
	const struct rc_outpipe *s = arg;
	const char *p = bytes;

	while (n) {
		ssize_t done = write(s->fd, p, n);

		if (done < 0 && errno == EINTR && !rc_stop_asked())
			continue;
		if (done < 0 && errno == EPIPE)
			rc_stop_for_pipe();
		if (done < 0 && rc_stop_asked())
			return rc_fail(err, RC_E_INTERRUPTED, "interrupted",
				       "stopped by a signal");
		if (done <= 0)
			return rc_fail_errno(err, RC_E_OUTPUT, "output", done ? errno : EIO,
					     "cannot write to standard output");
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

int rc_outpipe_begin(struct rc_outpipe *s, size_t n_shards, struct rc_err *err)
{
	const struct rc_pack_sink sink = {write_out, s};

	s->several = n_shards > 1;
	return rc_packer_new(&sink, s->several, &s->packer, err);
}

int rc_outpipe_shard(struct rc_outpipe *s, const char *name, struct rc_err *err)
{
	char *path;
	int rc = rc_sprintf(&path, err, "%s/%s", s->dir, name);

	if (rc)
		return rc;
	rc = rc_packer_add(s->packer, name, path, err);
	unlink(path);
	free(path);
	return rc;
}

int rc_outpipe_end(struct rc_outpipe *s, struct rc_err *err)
{
	int rc = s->several ? rc_outpipe_shard(s, RC_MANIFEST_NAME, err) : 0;

	return rc ? rc : rc_packer_end(s->packer, err);
}

void rc_outpipe_release(struct rc_outpipe *s)
{
	DIR *d = s->dir ? opendir(s->dir) : NULL;
	struct dirent *e;

	rc_packer_free(s->packer);
	while (d && (e = readdir(d)))
		unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	if (s->dir)
		rmdir(s->dir);
	free(s->dir);
	*s = (struct rc_outpipe){.fd = -1};
}
