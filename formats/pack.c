/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "formats/pack_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/mem.h"

enum { LEVEL = 3, PIECE_BYTES = 128 << 10 };

struct rc_packer {
	struct rc_pack_sink sink;
	struct tar_writer *tar; /* or NULL */
	ZSTD_CCtx *z;
	unsigned char in[PIECE_BYTES], out[PIECE_BYTES];
};

static int compress(struct rc_packer *p, const void *bytes, size_t n, ZSTD_EndDirective how,
		    struct rc_err *err)
{
	ZSTD_inBuffer in = {bytes, n, 0};
	size_t left = 1;

	while (in.pos < in.size || (how == ZSTD_e_end && left)) {
		ZSTD_outBuffer out = {p->out, sizeof p->out, 0};
		int rc = 0;

		left = ZSTD_compressStream2(p->z, &out, &in, how);
		if (ZSTD_isError(left))
			return rc_fail(err, RC_E_NOMEM, "out_of_memory", "cannot pack: %s",
				       ZSTD_getErrorName(left));
		if (out.pos)
			rc = p->sink.write(p->sink.arg, p->out, out.pos, err);
		if (rc)
			return rc;
	}
	return 0;
}

static int take_tar(void *arg, const void *bytes, size_t n, struct rc_err *err)
{
	return compress(arg, bytes, n, ZSTD_e_continue, err);
}

int rc_packer_new(const struct rc_pack_sink *sink, bool tar, struct rc_packer **p_out,
		  struct rc_err *err)
{
	struct rc_packer *p;
	int rc = rc_new(&p, err);

	if (rc)
		return rc;
	p->sink = *sink;
	p->z = ZSTD_createCCtx();
	if (!p->z || ZSTD_isError(ZSTD_CCtx_setParameter(p->z, ZSTD_c_compressionLevel, LEVEL)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(p->z, ZSTD_c_checksumFlag, 1)))
		rc = rc_fail_nomem(err, sizeof *p);
	if (!rc && tar)
		rc = tar_writer_new(&(struct rc_pack_sink){take_tar, p}, &p->tar, err);
	if (rc)
		rc_packer_free(p);
	else
		*p_out = p;
	return rc;
}

void rc_packer_free(struct rc_packer *p)
{
	if (!p)
		return;
	tar_writer_free(p->tar);
	ZSTD_freeCCtx(p->z);
	free(p);
}

static int fail_read(const char *path, int sys, struct rc_err *err)
{
	return rc_fail_errno(err, RC_E_OUTPUT, "output_failed", sys, "cannot read '%s' again",
			     path);
}

static int add_pieces(struct rc_packer *p, int fd, const char *path, uint64_t left,
		      struct rc_err *err)
{
	int rc = 0;

	while (!rc && left) {
		ssize_t n = read(fd, p->in, left < sizeof p->in ? (size_t)left : sizeof p->in);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail_read(path, n ? errno : EIO, err);
		rc = p->tar ? tar_writer_data(p->tar, p->in, (size_t)n, err)
			    : compress(p, p->in, (size_t)n, ZSTD_e_continue, err);
		left -= (uint64_t)n;
	}
	return rc;
}

int rc_packer_add(struct rc_packer *p, const char *name, const char *path, struct rc_err *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;

	if (fd < 0 || fstat(fd, &st) != 0)
		rc = fail_read(path, errno, err);
	else if (p->tar)
		rc = tar_writer_member(p->tar, name, (uint64_t)st.st_size, err);
	else
		ZSTD_CCtx_setPledgedSrcSize(p->z, (unsigned long long)st.st_size);
	if (!rc)
		rc = add_pieces(p, fd, path, (uint64_t)st.st_size, err);
	if (fd >= 0)
		close(fd);
	return rc;
}

int rc_packer_end(struct rc_packer *p, struct rc_err *err)
{
	int rc = p->tar ? tar_writer_end(p->tar, err) : 0;

	return rc ? rc : compress(p, NULL, 0, ZSTD_e_end, err);
}

/* --- into a file ------------------------------------------------------------------------------ */

struct to_file {
	int fd;
	const char *path;
};

static int write_file(void *arg, const void *bytes, size_t n, struct rc_err *err)
{
	const struct to_file *f = arg;
	const char *p = bytes;

	while (n) {
		ssize_t done = write(f->fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return rc_fail_errno(err, RC_E_OUTPUT, "output_failed", done ? errno : EIO,
					     "cannot write '%s'", f->path);
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

int rc_pack_file(const char *from, const char *to, struct rc_err *err)
{
	struct to_file f = {.fd = open(to, O_WRONLY | O_TRUNC | O_CLOEXEC), .path = to};
	struct rc_packer *p = NULL;
	int rc = 0;

	if (f.fd < 0)
		return rc_fail_errno(err, RC_E_OUTPUT, "output_failed", errno, "cannot write '%s'",
				     to);
	rc = rc_packer_new(&(struct rc_pack_sink){write_file, &f}, false, &p, err);
	if (!rc)
		rc = rc_packer_add(p, NULL, from, err);
	if (!rc)
		rc = rc_packer_end(p, err);
	rc_packer_free(p);
	if (close(f.fd) != 0 && !rc)
		rc = rc_fail_errno(err, RC_E_OUTPUT, "output_failed", errno, "cannot write '%s'",
				   to);
	return rc;
}
