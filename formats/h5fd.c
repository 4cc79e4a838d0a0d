/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libhdf5 on a descriptor.  Its own drivers open files by their names and, where a name in /proc
 * leads to a file without any, as unpacked inputs are, refuse it.
 */
#include "formats/h5private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#define NAME_FORM "descriptor %d"

struct fd_file {
	H5FD_t pub; /* the library's part, first */
	int fd;     /* borrowed */
	haddr_t eoa, eof;
};

static H5FD_t *fd_open(const char *name, unsigned flags, hid_t fapl, haddr_t maxaddr)
{
	struct fd_file *f;
	struct stat st;
	int fd;

	(void)fapl;
	(void)maxaddr;
	if (flags & H5F_ACC_RDWR || sscanf(name, NAME_FORM, &fd) != 1 || fstat(fd, &st) != 0)
		return NULL;
	f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	f->fd = fd;
	f->eof = (haddr_t)st.st_size;
	return &f->pub;
}

static herr_t fd_close(H5FD_t *file)
{
	free(file);
	return 0;
}

static herr_t fd_query(const H5FD_t *file, unsigned long *flags)
{
	(void)file;
	if (flags) /* what the library may do between itself and the driver to read less often */
		*flags = H5FD_FEAT_ACCUMULATE_METADATA_READ | H5FD_FEAT_DATA_SIEVE;
	return 0;
}

static haddr_t fd_get_eoa(const H5FD_t *file, H5FD_mem_t type)
{
	(void)type;
	return ((const struct fd_file *)file)->eoa;
}

static herr_t fd_set_eoa(H5FD_t *file, H5FD_mem_t type, haddr_t addr)
{
	(void)type;
	((struct fd_file *)file)->eoa = addr;
	return 0;
}

static haddr_t fd_get_eof(const H5FD_t *file, H5FD_mem_t type)
{
	(void)type;
	return ((const struct fd_file *)file)->eof;
}

/* For those that read beside the library, as of sequences (h5frames.c). */
static herr_t fd_get_handle(H5FD_t *file, hid_t fapl, void **handle)
{
	(void)fapl;
	*handle = &((struct fd_file *)file)->fd;
	return 0;
}

/* What lies behind the end of the file is zero, as with the library's own drivers. */
static herr_t fd_read(H5FD_t *file, H5FD_mem_t type, hid_t dxpl, haddr_t addr, size_t size,
		      void *buffer)
{
	const struct fd_file *f = (const struct fd_file *)file;
	unsigned char *p = buffer;

	(void)type;
	(void)dxpl;
	while (size) {
		ssize_t n = pread(f->fd, p, size, (off_t)addr);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0) {
			memset(p, 0, size);
			return 0;
		}
		p += n;
		addr += (haddr_t)n;
		size -= (size_t)n;
	}
	return 0;
}

static herr_t fd_write(H5FD_t *file, H5FD_mem_t type, hid_t dxpl, haddr_t addr, size_t size,
		       const void *buffer)
{
	(void)file;
	(void)type;
	(void)dxpl;
	(void)addr;
	(void)size;
	(void)buffer;
	return -1;
}

/* Nothing is locked (rc_h5_init()), but only of a driver that could does the library look for the
 * mark of a writer in the file. */
static herr_t fd_lock(H5FD_t *file, hbool_t rw)
{
	(void)file;
	(void)rw;
	return 0;
}

static herr_t fd_unlock(H5FD_t *file)
{
	(void)file;
	return 0;
}

static const H5FD_class_t fd_class = {
#if H5_VERSION_GE(1, 13, 0)
	.version = H5FD_CLASS_VERSION,
	.value = (H5FD_class_value_t)400, /* of those for everybody's use */
#endif
	.name = "robocache",
	.maxaddr = INT64_MAX,
	.fc_degree = H5F_CLOSE_WEAK,
	.open = fd_open,
	.close = fd_close,
	.query = fd_query,
	.get_eoa = fd_get_eoa,
	.set_eoa = fd_set_eoa,
	.get_eof = fd_get_eof,
	.get_handle = fd_get_handle,
	.read = fd_read,
	.write = fd_write,
	.lock = fd_lock,
	.unlock = fd_unlock,
	.fl_map = H5FD_FLMAP_DICHOTOMY,
};

hid_t h5_open_fd(int fd, hid_t fapl)
{
	static hid_t driver = H5I_INVALID_HID;
	char name[32];

	if (driver < 0)
		driver = H5FDregister(&fd_class);
	if (driver < 0 || H5Pset_driver(fapl, driver, NULL) < 0)
		return H5I_INVALID_HID;
	snprintf(name, sizeof name, NAME_FORM, fd);
	return H5Fopen(name, H5F_ACC_RDONLY, fapl);
}
