/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "formats/bytes.h"

#include <errno.h>
#include <unistd.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/mem.h"

int rc_bytes_read(struct rc_bytes *b, void *dst, size_t n, size_t *n_out, struct rc_err *err)
{
	size_t left = b->n_head - b->at_head;

	if (!left)
		return b->read(b, dst, n, n_out, err);
	if (n > left)
		n = left;
	memcpy(dst, b->head + b->at_head, n);
	b->at_head += n;
	*n_out = n;
	return 0;
}

int rc_bytes_peek(struct rc_bytes *b, const unsigned char **p_out, size_t *n_out,
		  struct rc_err *err)
{
	size_t got = 1;
	int rc = 0;

	while (!rc && got && b->n_head < sizeof b->head) {
		rc = b->read(b, b->head + b->n_head, sizeof b->head - b->n_head, &got, err);
		if (!rc)
			b->n_head += got;
	}
	*p_out = b->head;
	*n_out = b->n_head;
	return rc;
}

void rc_bytes_close(struct rc_bytes *b)
{
	if (b)
		b->close(b);
}

/* --- a descriptor ----------------------------------------------------------------------------- */

struct fd_bytes {
	struct rc_bytes base;
	int fd;
	uint64_t *counted;
	bool (*stop)(void);
};

static int read_fd(struct rc_bytes *b, void *dst, size_t n, size_t *n_out, struct rc_err *err)
{
	struct fd_bytes *f = (struct fd_bytes *)b;
	ssize_t got;

	do {
		if (f->stop && f->stop())
			return rc_fail(err, RC_E_INTERRUPTED, "interrupted",
				       "stopped by a signal");
		got = read(f->fd, dst, n);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return rc_fail_errno(err, RC_E_INPUT, "unreadable", errno, "cannot read '%s'",
				     b->name);
	*f->counted += (uint64_t)got;
	*n_out = (size_t)got;
	return 0;
}

static void close_fd(struct rc_bytes *b)
{
	free(b);
}

int rc_bytes_of_fd(int fd, const char *name, uint64_t *counted, bool (*stop)(void),
		   struct rc_bytes **b_out, struct rc_err *err)
{
	struct fd_bytes *f;
	int rc = rc_new(&f, err);

	if (rc)
		return rc;
	*f = (struct fd_bytes){
		.base = {.read = read_fd, .close = close_fd, .name = name},
		.fd = fd, .counted = counted, .stop = stop,
	};
	*b_out = &f->base;
	return 0;
}

/* --- zstd ------------------------------------------------------------------------------------- */

#define ZSTD_MAGIC UINT32_C(0xfd2fb528)
#define SKIPPABLE_MAGIC UINT32_C(0x184d2a50) /* and the 15 after it */

bool rc_is_zstd(const unsigned char *p, size_t n)
{
	uint32_t magic;

	if (n < 4)
		return false;
	magic = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
	return magic == ZSTD_MAGIC || (magic & ~UINT32_C(15)) == SKIPPABLE_MAGIC;
}

enum { IN_BYTES = 128 << 10 };

struct zstd_bytes {
	struct rc_bytes base, *from;
	ZSTD_DCtx *d;
	ZSTD_inBuffer in;
	bool in_frame; /* a frame was begun and not ended */
	bool at_end;   /* of `from` */
	unsigned char room[IN_BYTES];
};

static int fail_zstd(const struct zstd_bytes *z, size_t code, struct rc_err *err)
{
	const char *name = z->base.name;

	switch (ZSTD_getErrorCode(code)) {
	case ZSTD_error_frameParameter_windowTooLarge:
		return rc_fail(err, RC_E_UNSUPPORTED, "zstd_window",
			       "'%s' was compressed with a window of more than 128 MiB; unpack it "
			       "with 'zstd -d --long=31', or compress it without --long", name);
	case ZSTD_error_prefix_unknown:
		return rc_fail(err, RC_E_FORMAT, "bad_zstd",
			       "'%s': what follows a zstd frame is no zstd frame", name);
	case ZSTD_error_memory_allocation:
		return rc_fail(err, RC_E_NOMEM, "out_of_memory",
			       "out of memory while '%s' was unpacked", name);
	default:
		return rc_fail(err, RC_E_FORMAT, "bad_zstd", "'%s' is damaged: %s", name,
			       ZSTD_getErrorName(code));
	}
}

/* More input, unless there is some. */
static int refill(struct zstd_bytes *z, struct rc_err *err)
{
	size_t got = 0;
	int rc = 0;

	if (z->in.pos < z->in.size || z->at_end)
		return 0;
	rc = rc_bytes_read(z->from, z->room, sizeof z->room, &got, err);
	if (rc)
		return rc;
	z->in = (ZSTD_inBuffer){z->room, got, 0};
	z->at_end = got == 0;
	return 0;
}

static int read_zstd(struct rc_bytes *b, void *dst, size_t n, size_t *n_out, struct rc_err *err)
{
	struct zstd_bytes *z = (struct zstd_bytes *)b;
	ZSTD_outBuffer out = {dst, n, 0};

	while (out.pos == 0) {
		size_t before, left;
		int rc = refill(z, err);

		if (rc)
			return rc;
		if (z->at_end && !z->in_frame)
			break;
		before = z->in.pos;
		left = ZSTD_decompressStream(z->d, &out, &z->in);
		if (ZSTD_isError(left))
			return fail_zstd(z, left, err);
		if (z->at_end && out.pos == 0)
			return rc_fail(err, RC_E_INPUT, "truncated",
				       "'%s' is truncated: it ends inside a zstd frame; copy or "
				       "download it again", b->name);
		z->in_frame = left != 0;
		if (z->in.pos == before && out.pos == 0 && z->in.pos < z->in.size)
			return rc_fail(err, RC_E_FORMAT, "bad_zstd", "'%s' is damaged", b->name);
	}
	*n_out = out.pos;
	return 0;
}

static void close_zstd(struct rc_bytes *b)
{
	ZSTD_freeDCtx(((struct zstd_bytes *)b)->d);
	free(b);
}

int rc_bytes_of_zstd(struct rc_bytes *from, struct rc_bytes **b_out, struct rc_err *err)
{
	const unsigned char *head;
	struct zstd_bytes *z;
	unsigned long long size;
	size_t n_head;
	int rc = rc_bytes_peek(from, &head, &n_head, err);

	if (!rc)
		rc = rc_new(&z, err);
	if (rc)
		return rc;
	z->base = (struct rc_bytes){.read = read_zstd, .close = close_zstd, .name = from->name};
	z->from = from;
	z->d = ZSTD_createDCtx();
	if (!z->d) {
		free(z);
		return rc_fail_nomem(err, sizeof *z);
	}
	size = ZSTD_getFrameContentSize(head, n_head);
	if (size != ZSTD_CONTENTSIZE_UNKNOWN && size != ZSTD_CONTENTSIZE_ERROR)
		z->base.expected = size;
	*b_out = &z->base;
	return 0;
}
