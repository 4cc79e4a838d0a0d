/* SPDX-License-Identifier: Apache-2.0 */
/* Opening an input with libhdf5, and what to say of one that is something else. */
#include "formats/h5private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { CACHE_BYTES = 4 << 20, LINKED_FILES = 8, LINKS_IN_A_ROW = 16 };

struct magic {
	const char *bytes;
	size_t n;
	const char *what;
};

/* What people keep beside HDF5 under its names. */
static const struct magic magics[] = {
	{ "version https://git-lfs", 23, "a git-lfs pointer; git lfs pull fetches the file" },
	{ "\x28\xb5\x2f\xfd", 4, "compressed with zstd; decompress it first with zstd -d" },
	{ "\x1f\x8b", 2, "compressed with gzip; decompress it first with gunzip" },
	{ "PK\x03\x04", 4, "a zip archive (npz, zarr); it must be converted to HDF5 first" },
	{ "\x93NUMPY", 6, "a numpy array; it must be converted to HDF5 first" },
	{ "#ROSBAG", 7, "a ROS bag, which this program does not read" },
	{ "\x89MCAP", 5, "an MCAP recording, which this program does not read" },
	{ "ULog", 4, "a PX4 log, which this program does not read" },
	{ "CDF", 3, "a classic netCDF file, which this program does not read" },
	{ "SQLite format 3", 15, "an SQLite database, perhaps of rosbag2, which is not read" },
	{ "\x80\x04", 2, "a Python pickle, which this program does not read" },
	{ "<", 1, "text; was an error page saved instead of the data?" },
};

static int not_hdf5(int fd, uint64_t file_bytes, struct rc_err *err)
{
	char head[32] = { 0 };
	ssize_t n = pread(fd, head, sizeof head, 0);

	if (n < 0)
		return rc_fail_errno(err, RC_E_INPUT, "unreadable", errno, "cannot read it");
	if (file_bytes == 0 || n == 0)
		return rc_fail(err, RC_E_FORMAT, "not_hdf5", "it is empty");
	for (size_t i = 0; i < RC_ARRAY_LEN(magics); i++)
		if ((size_t)n >= magics[i].n && memcmp(head, magics[i].bytes, magics[i].n) == 0)
			return rc_fail(err, RC_E_FORMAT, "not_hdf5", "it is not HDF5 but %s",
				       magics[i].what);
	return rc_fail(err, RC_E_FORMAT, "not_hdf5",
		       "it is not HDF5: no signature at offset 0, 512, 1024 ...");
}

int h5_find_signature(int fd, uint64_t file_bytes, uint32_t *offset_out, struct rc_err *err)
{
	static const char signature[8] = "\x89HDF\r\n\x1a\n";
	char at[8];

	for (uint64_t off = 0; off + 8 <= file_bytes && off <= UINT32_MAX;
	     off = off ? 2 * off : 512)
		if (pread(fd, at, 8, (off_t)off) == 8 && memcmp(at, signature, 8) == 0) {
			*offset_out = (uint32_t)off;
			return 0;
		}
	return not_hdf5(fd, file_bytes, err);
}

static int open_failed(struct rc_err *err)
{
	char cause[256];

	h5_cause(cause, sizeof cause);
	if (strstr(cause, "truncated"))
		return rc_fail(err, RC_E_INPUT, "truncated",
			       "it is shorter than its header says (copy cut short?): %s", cause);
	if (strstr(cause, "already open for write") || strstr(cause, "consistency"))
		return rc_fail(err, RC_E_INPUT, "open_for_write",
			       "it is marked as open for writing: wait for its writer, or if that "
			       "died, repair a copy with h5clear -s");
	return rc_fail(err, RC_E_FORMAT, "damaged", "libhdf5 cannot open it: %s", cause);
}

static herr_t refuse_external(const char *parent_file, const char *parent_group,
			      const char *child_file, const char *child_object, unsigned *flags,
			      hid_t fapl, void *arg)
{
	(void)parent_file;
	(void)parent_group;
	(void)child_file;
	(void)child_object;
	(void)flags;
	(void)fapl;
	(void)arg;
	return -1;
}

/* By default the metadata cache grows to 32 MiB, counted as stored, over any file of many objects,
 * and the headers of small ones take six times that in memory.  Here it grows for large entries
 * only: the names of a group of many members are one, and where they do not fit they are read again
 * for each member. */
static bool bound_cache(hid_t fapl)
{
	H5AC_cache_config_t c = { .version = H5AC__CURR_CACHE_CONFIG_VERSION };

	if (H5Pget_mdc_config(fapl, &c) < 0)
		return false;
	c.set_initial_size = 1;
	c.initial_size = CACHE_BYTES;
	c.incr_mode = H5C_incr__off;
	c.flash_incr_mode = H5C_flash_incr__add_space;
	c.decr_mode = H5C_decr__off;
	return H5Pset_mdc_config(fapl, &c) >= 0;
}

/* Where links to other files are followed, each of these would be opened again for every look at an
 * object in it. */
bool h5_set_links(hid_t access, bool links)
{
	if (links)
		return H5Pset_nlinks(access, LINKS_IN_A_ROW) >= 0;
	return H5Pset_nlinks(access, 1) >= 0 &&
	       H5Pset_elink_cb(access, refuse_external, NULL) >= 0;
}

int h5_open_input(struct rc_h5_tree *t, int fd, const char *below, struct rc_err *err)
{
	hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
	int rc = 0;

	t->links = below != NULL;
	t->lapl = H5Pcreate(H5P_LINK_ACCESS);
	if (fapl < 0 || t->lapl < 0 || H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG) < 0 ||
	    (t->links && H5Pset_elink_file_cache_size(fapl, LINKED_FILES) < 0) ||
	    !h5_set_links(t->lapl, t->links) || !bound_cache(fapl)) {
		rc = rc_h5_fail(err, RC_E_BUG, "hdf5_setup", "libhdf5 refused its settings");
		goto done;
	}
	t->file = t->here = h5_open_fd(fd, below, fapl);
	if (t->file < 0)
		rc = open_failed(err);
done:
	if (fapl >= 0)
		H5Pclose(fapl);
	return rc;
}

/* --- the file that an object is in ------------------------------------------------------------ */

uint32_t h5_user_block(hid_t file)
{
	hid_t p = H5Fget_create_plist(file);
	hsize_t n = 0;

	if (p < 0)
		return 0;
	if (H5Pget_userblock(p, &n) < 0)
		n = 0;
	H5Pclose(p);
	return (uint32_t)n;
}

bool h5_enter(struct rc_h5_tree *t, hid_t object, struct h5_here *before)
{
	const struct h5_lent *l;
	hid_t file;

	*before = (struct h5_here){ t->here, t->file_bytes, t->user_block, t->linked };
	if (!t->links)
		return true;
	file = H5Iget_file_id(object);
	l = file < 0 ? NULL : h5_lent_of(file);
	if (!l || l->position == t->linked) {
		if (file >= 0)
			H5Fclose(file);
		return l != NULL;
	}
	t->here = file;
	t->file_bytes = l->bytes;
	t->user_block = h5_user_block(file);
	t->linked = l->position;
	return true;
}

void h5_leave(struct rc_h5_tree *t, const struct h5_here *before)
{
	if (t->here != before->file)
		H5Fclose(t->here);
	t->here = before->file;
	t->file_bytes = before->bytes;
	t->user_block = before->user_block;
	t->linked = before->linked;
}
