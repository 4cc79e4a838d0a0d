/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/shard_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Bounds that every reader of the last fifteen years opens, and that leave no lock or consistency
 * flag in the file. */
static hid_t access_plist(void)
{
	hid_t p = H5Pcreate(H5P_FILE_ACCESS);
	if (p >= 0 && (H5Pset_libver_bounds(p, H5F_LIBVER_EARLIEST, H5F_LIBVER_V18) < 0 ||
		       H5Pset_fclose_degree(p, H5F_CLOSE_STRONG) < 0 ||
		       H5Pset_file_locking(p, 0, 1) < 0)) {
		H5Pclose(p);
		p = H5I_INVALID_HID;
	}
	return p;
}

hid_t shard_plist_untimed(hid_t cls)
{
	hid_t p = H5Pcreate(cls);
	if (p >= 0 && H5Pset_obj_track_times(p, 0) < 0) {
		H5Pclose(p);
		p = H5I_INVALID_HID;
	}
	return p;
}

int shard_file_create(const char *path, hid_t *file_out, struct rc_err *err)
{
	hid_t access = access_plist(), create = shard_plist_untimed(H5P_FILE_CREATE);
	hid_t file = H5I_INVALID_HID;
	int rc = 0;
	if (access >= 0 && create >= 0)
		file = H5Fcreate(path, H5F_ACC_TRUNC, create, access);
	if (file < 0)
		rc = rc_h5_fail(err, RC_E_OUTPUT, "create_failed", "cannot create '%s'", path);
	if (access >= 0)
		H5Pclose(access);
	if (create >= 0)
		H5Pclose(create);
	*file_out = file;
	return rc;
}

/*
 * libhdf5 cannot close a file without writing its cached metadata, and on a full disk that close
 * fails and leaves the library broken.  Nobody wants these bytes any more, so the descriptor is
 * first pointed at an empty file in memory.
 */
static void detach(hid_t file)
{
	int *fd = NULL;
	int mem = memfd_create("robocache-abandoned", MFD_CLOEXEC);
	if (mem < 0)
		return;
	if (H5Fget_vfd_handle(file, H5P_DEFAULT, (void **)&fd) >= 0 && fd)
		dup2(mem, *fd);
	close(mem);
}

void shard_file_discard(hid_t file)
{
	if (file < 0)
		return;
	detach(file);
	if (H5Fclose(file) < 0)
		rc_h5_broken();
}

/* Copies what lies below the root, stored chunks as they are. */
static int copy_objects(hid_t from, hid_t to)
{
	char name[SHARD_PATH_LEN];
	H5G_info_t root;
	if (H5Gget_info(from, &root) < 0)
		return -1;
	for (hsize_t i = 0; i < root.nlinks; i++)
		if (H5Lget_name_by_idx(from, "/", H5_INDEX_NAME, H5_ITER_INC, i, name, sizeof name,
				       H5P_DEFAULT) < 0 ||
		    H5Ocopy(from, name, to, name, H5P_DEFAULT, H5P_DEFAULT) < 0)
			return -1;
	return 0;
}

int shard_file_compact(struct rc_shard *s, struct rc_err *err)
{
	char *path = NULL;
	hid_t file = H5I_INVALID_HID;
	int rc = rc_sprintf(&path, err, "%s.compact", s->path);
	if (!rc)
		rc = shard_file_create(path, &file, err);
	if (rc)
		goto done;
	if (copy_objects(s->file, file) < 0)
		rc = rc_h5_fail(err, RC_E_OUTPUT, "write_failed", "cannot write '%s'", path);
	else if (rename(path, s->path) < 0)
		rc = rc_fail_errno(err, RC_E_OUTPUT, "write_failed", errno,
				   "cannot rename '%s' to '%s'", path, s->path);
	if (rc) {
		unlink(path);
		goto done;
	}
	hid_t old = s->file;
	s->file = file;
	file = old;
done:
	shard_file_discard(file);
	free(path);
	return rc;
}
