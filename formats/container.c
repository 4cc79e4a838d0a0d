/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "formats/container_private.h"

#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static bool ends_in(const char *name, size_t n, const char *suffix)
{
	size_t k = strlen(suffix);

	return n > k && !strncasecmp(name + n - k, suffix, k);
}

enum rc_container rc_container_of_name(const char *name)
{
	size_t n = strlen(name);
	bool zstd = ends_in(name, n, ".zst");

	if (zstd)
		n -= 4;
	if (ends_in(name, n, ".tar"))
		return RC_CONTAINER_ARCHIVE;
	if (!ends_in(name, n, ".h5") && !ends_in(name, n, ".hdf5"))
		return RC_CONTAINER_NONE;
	return zstd ? RC_CONTAINER_PACKED : RC_CONTAINER_HDF5;
}

static bool is_hdf5(const unsigned char *p, size_t n)
{
	return n >= 8 && !memcmp(p, "\211HDF\r\n\032\n", 8);
}

/* Archives from before there was a magic are known by their names. */
static bool is_tar(const unsigned char *p, size_t n, const char *name)
{
	if (is_hdf5(p, n))
		return false;
	return (n >= 262 && !memcmp(p + 257, "ustar", 5)) ||
	       rc_container_of_name(name) == RC_CONTAINER_ARCHIVE;
}

static enum rc_container look(struct rc_bytes *raw)
{
	struct rc_bytes *inner = NULL;
	enum rc_container kind = RC_CONTAINER_HDF5;
	const unsigned char *p;
	size_t n;

	if (rc_bytes_peek(raw, &p, &n, NULL))
		return kind;
	if (!rc_is_zstd(p, n))
		return is_tar(p, n, raw->name) ? RC_CONTAINER_ARCHIVE : kind;
	kind = RC_CONTAINER_PACKED;
	if (!rc_bytes_of_zstd(raw, &inner, NULL) && !rc_bytes_peek(inner, &p, &n, NULL) &&
	    is_tar(p, n, raw->name))
		kind = RC_CONTAINER_ARCHIVE;
	rc_bytes_close(inner);
	return kind;
}

enum rc_container rc_container_of_file(const char *path)
{
	enum rc_container kind = RC_CONTAINER_HDF5;
	struct rc_bytes *raw = NULL;
	uint64_t counted = 0;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return kind;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) &&
	    !rc_bytes_of_fd(fd, path, &counted, NULL, &raw, NULL))
		kind = look(raw);
	rc_bytes_close(raw);
	close(fd);
	return kind;
}

static int unwrap_plain(struct rc_bytes *b, const struct rc_unwrap *u, struct rc_err *err)
{
	const unsigned char *p;
	size_t n;
	int rc = rc_bytes_peek(b, &p, &n, err);

	if (rc)
		return rc;
	if (is_tar(p, n, b->name))
		return container_walk(b, u, err);
	return u->member(u->arg, &(struct rc_member){.bytes = b}, err);
}

int rc_unwrap(struct rc_bytes *raw, const struct rc_unwrap *u, struct rc_err *err)
{
	struct rc_bytes *inner = NULL;
	const unsigned char *p;
	size_t n;
	int rc = rc_bytes_peek(raw, &p, &n, err);

	if (rc)
		return rc;
	if (!rc_is_zstd(p, n))
		return unwrap_plain(raw, u, err);
	rc = rc_bytes_of_zstd(raw, &inner, err);
	if (!rc)
		rc = unwrap_plain(inner, u, err);
	rc_bytes_close(inner);
	return rc;
}
