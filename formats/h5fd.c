/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libhdf5 on descriptors.  Its own drivers open files by their names, which a reader process may
 * not, and refuse names in /proc that lead to a file without any, as unpacked inputs are.
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

/*
 * Files are known to the library by names that begin with this, as if it were the directory whose
 * files an input may refer to: so it makes names of other files from names in a file, and they come
 * here.
 */
#define TOP "/\1/"

enum { MAX_NAME = 4096 };

struct fd_file {
	H5FD_t pub; /* the library's part, first */
	struct h5_lent lent;
	bool owned; /* the descriptor */
	haddr_t eoa, eof;
};

/* One reader process serves one thread. */
static struct {
	int opening; /* the descriptor of the input that is being opened, or -1 */
	h5_lender *lend;
	void *arg;
	char refusal[MAX_NAME + 256];
} state = { .opening = -1 };

void h5_set_lender(h5_lender *lend, void *arg)
{
	state.lend = lend;
	state.arg = arg;
}

const char *h5_refusal(void)
{
	return state.refusal;
}

void h5_forget_refusal(void)
{
	state.refusal[0] = 0;
}

/* name: as the library has it.  Others than below TOP are tried for the working directory, which is
 * nobody's business. */
static bool lend(const char *name, struct h5_lent *l)
{
	char why[256] = "no other file may be read";
	bool below = strncmp(name, TOP, strlen(TOP)) == 0;

	if (*name != '/' || strlen(name) >= MAX_NAME)
		return false;
	if (below)
		name += strlen(TOP);
	if (state.lend && state.lend(state.arg, name, l, why, sizeof why))
		return true;
	if (!*state.refusal)
		snprintf(state.refusal, sizeof state.refusal, "'%s': %s", name, why);
	return false;
}

static H5FD_t *fd_open(const char *name, unsigned flags, hid_t fapl, haddr_t maxaddr)
{
	struct fd_file *f;
	struct stat st;

	(void)fapl;
	(void)maxaddr;
	if (flags & H5F_ACC_RDWR)
		return NULL;
	f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	f->owned = state.opening < 0;
	f->lent.fd = state.opening;
	if (f->owned && !lend(name, &f->lent)) {
		free(f);
		return NULL;
	}
	if (fstat(f->lent.fd, &st) != 0) {
		if (f->owned)
			close(f->lent.fd);
		free(f);
		return NULL;
	}
	f->eof = (haddr_t)st.st_size;
	f->lent.bytes = (uint64_t)st.st_size;
	return &f->pub;
}

static herr_t fd_close(H5FD_t *file)
{
	struct fd_file *f = (struct fd_file *)file;

	if (f->owned)
		close(f->lent.fd);
	free(f);
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
	*handle = &((struct fd_file *)file)->lent.fd;
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
		ssize_t n = pread(f->lent.fd, p, size, (off_t)addr);

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

hid_t h5_open_fd(int fd, const char *below, hid_t fapl)
{
	static hid_t driver = H5I_INVALID_HID;
	char name[MAX_NAME + sizeof TOP];
	hid_t file;

	if (driver < 0)
		driver = H5FDregister(&fd_class);
	if (driver < 0 || H5Pset_driver(fapl, driver, NULL) < 0)
		return H5I_INVALID_HID;
	snprintf(name, sizeof name, TOP "%s", below ? below : "input");
	state.opening = fd;
	file = H5Fopen(name, H5F_ACC_RDONLY, fapl);
	state.opening = -1;
	return file;
}

const struct h5_lent *h5_lent_of(hid_t file)
{
	void *fd = NULL;

	if (H5Fget_vfd_handle(file, H5P_DEFAULT, &fd) < 0 || !fd)
		return NULL;
	return (const struct h5_lent *)fd; /* of which the descriptor is the first member */
}

/* --- files that an object names --------------------------------------------------------------- */

/* The k-th name to try; false: there are no more. */
static bool candidate(hid_t from, const char *name, int k, char *dst, size_t cap)
{
	const char *last = strrchr(name, '/');
	char *end;
	size_t n;

	if (*name == '/' && k == 0)
		return (size_t)snprintf(dst, cap, "%s", name) < cap;
	if (k > (*name == '/') || H5Fget_name(from, dst, cap) <= 0)
		return false;
	end = strrchr(dst, '/');
	if (!end)
		return false;
	n = (size_t)(end + 1 - dst);
	return (size_t)snprintf(dst + n, cap - n, "%s", *name == '/' ? last + 1 : name) < cap - n;
}

bool h5_lend_named(hid_t from, const char *name, struct h5_lent *l)
{
	char path[MAX_NAME];

	for (int k = 0; candidate(from, name, k, path, sizeof path); k++)
		if (lend(path, l))
			return true;
	return false;
}

hid_t h5_open_named(hid_t from, const char *name)
{
	hid_t own = H5Iget_file_id(from), fapl = own < 0 ? -1 : H5Fget_access_plist(own);
	hid_t file = H5I_INVALID_HID;
	char path[MAX_NAME];

	for (int k = 0; file < 0 && fapl >= 0 && candidate(from, name, k, path, sizeof path); k++)
		file = H5Fopen(path, H5F_ACC_RDONLY, fapl);
	if (fapl >= 0)
		H5Pclose(fapl);
	if (own >= 0)
		H5Fclose(own);
	return file;
}
