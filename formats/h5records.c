/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datasets of records (compound types): each member is read as if it were a dataset of its own.
 * And the one place that reads rows through libhdf5, with members and transposed.
 */
#include "base/compat.h"

#include "formats/h5private.h"

#include "base/mem.h"

/* --- in the tree ------------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
	const struct rc_h5_node *const *x = a, *const *y = b;

	return h5_name_cmp((*x)->name, (*y)->name);
}

static int add_member(struct rc_h5_tree *t, struct rc_h5_node *table, hid_t dset, unsigned member,
		      const char *name, struct rc_err *err)
{
	struct rc_h5_node *n;
	int rc = h5_node_new(table, name, &n, err);

	if (rc)
		return rc;
	n->is_member = n->no_attributes = true;
	table->children[table->n_children++] = n;
	return h5_classify_member(t, n, dset, member, err);
}

int h5_add_members(struct rc_h5_tree *t, struct rc_h5_node *n, hid_t dset, size_t room,
		   size_t *n_out, struct rc_err *err)
{
	hid_t type = H5Dget_type(dset);
	int n_members = type < 0 ? 0 : H5Tget_nmembers(type), rc = 0;

	*n_out = 0;
	if (n_members > 0 && (size_t)n_members > room)
		rc = rc_fail(err, RC_E_FORMAT, "too_many_objects",
			     "it holds too many objects: '%s' has %d members", n->path, n_members);
	if (rc == 0 && n_members > 0)
		rc = rc_new_array(&n->children, (size_t)n_members, sizeof(void *), err);
	for (int i = 0; rc == 0 && i < n_members; i++) {
		char *name = H5Tget_member_name(type, (unsigned)i);
		if (name && *name && !strchr(name, '/')) /* others have no path */
			rc = add_member(t, n, dset, (unsigned)i, name, err);
		H5free_memory(name);
	}
	if (type >= 0)
		H5Tclose(type);
	H5Eclear2(H5E_DEFAULT);
	if (rc || n->n_children == 0)
		return rc;
	qsort(n->children, n->n_children, sizeof *n->children, by_name);
	n->is_group = true;
	free((char *)n->problem);
	n->problem = n->problem_code = NULL;
	*n_out = n->n_children;
	return 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

hid_t h5_open_values(hid_t file, const char *path, hid_t access, const char **member_out)
{
	const char *slash = strrchr(path, '/');
	hid_t dset = H5Dopen2(file, path, access);
	char *table = NULL;

	*member_out = NULL;
	if (dset >= 0 || !slash || slash == path ||
	    rc_sprintf(&table, NULL, "%.*s", (int)(slash - path), path))
		return dset;
	dset = H5Dopen2(file, table, access);
	free(table);
	if (dset >= 0)
		*member_out = slash + 1;
	return dset;
}

/* The type of a member of the records of dset; -1 when there is none. */
static hid_t member_type(hid_t dset, const char *member)
{
	hid_t type = H5Dget_type(dset), part = -1;
	int i = -1;

	if (type >= 0 && H5Tget_class(type) == H5T_COMPOUND)
		i = H5Tget_member_index(type, member);
	if (i >= 0)
		part = H5Tget_member_type(type, (unsigned)i);
	if (type >= 0)
		H5Tclose(type);
	return part;
}

bool h5_member_dims(hid_t dset, const char *member, uint32_t *rank, hsize_t *dims)
{
	hid_t part = member_type(dset, member);
	hsize_t more[H5S_MAX_RANK];
	int n = 0;

	if (part >= 0 && H5Tget_class(part) == H5T_ARRAY)
		n = H5Tget_array_ndims(part);
	if (n > 0 && H5Tget_array_dims2(part, more) != n)
		n = -1;
	if (part >= 0)
		H5Tclose(part);
	if (part < 0 || n < 0 || *rank + (uint32_t)n > RC_MAX_RANK)
		return false;
	for (int i = 0; i < n; i++)
		dims[(*rank)++] = more[i];
	return true;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Records of one member, in native values. */
static hid_t record_type(hid_t dset, const char *member, hid_t base)
{
	hid_t part = member_type(dset, member), value, record = -1;
	hsize_t dims[H5S_MAX_RANK];
	int n;

	if (part < 0)
		return -1;
	value = base;
	if (H5Tget_class(part) == H5T_ARRAY) {
		n = H5Tget_array_ndims(part);
		value = n > 0 && H5Tget_array_dims2(part, dims) == n
				? H5Tarray_create2(base, (unsigned)n, dims) : -1;
	}
	if (value >= 0)
		record = H5Tcreate(H5T_COMPOUND, H5Tget_size(value));
	if (record >= 0 && H5Tinsert(record, member, 0, value) < 0) {
		H5Tclose(record);
		record = -1;
	}
	if (value >= 0 && value != base)
		H5Tclose(value);
	H5Tclose(part);
	return record;
}

static void transpose(const char *src, char *dst, uint64_t width, uint64_t rows, size_t size)
{
	for (uint64_t r = 0; r < rows; r++)
		for (uint64_t c = 0; c < width; c++)
			memcpy(dst + (r * width + c) * size, src + (c * rows + r) * size, size);
}

static bool read_block(const struct h5_rows *r, hid_t type, hid_t space, void *dst)
{
	hsize_t start[H5S_MAX_RANK] = { 0 }, count[H5S_MAX_RANK];
	int rank = H5Sget_simple_extent_dims(space, count, NULL), axis = r->time_last ? 1 : 0;
	bool ok = false;
	hid_t memory;

	if (rank <= axis)
		return false;
	start[axis] = r->row0;
	count[axis] = r->n_rows;
	memory = H5Screate_simple(rank, count, NULL);
	if (memory < 0)
		return false;
	if (!r->time_last) {
		ok = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
		     H5Dread(r->dset, type, memory, space, H5P_DEFAULT, dst) >= 0;
	} else {
		size_t size = rc_dtype_size(r->dtype), bytes = (size_t)(count[0] * count[1]) * size;
		char *columns = malloc(bytes ? bytes : 1); /* as large as dst, which is there */
		ok = columns &&
		     H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
		     H5Dread(r->dset, type, memory, space, H5P_DEFAULT, columns) >= 0;
		if (ok)
			transpose(columns, dst, count[0], count[1], size);
		free(columns);
	}
	H5Sclose(memory);
	return ok;
}

bool h5_read_rows(const struct h5_rows *r, void *dst)
{
	hid_t base = rc_h5_type(r->dtype), space = H5Dget_space(r->dset);
	hid_t type = r->member && base >= 0 ? record_type(r->dset, r->member, base) : base;
	bool ok = type >= 0 && space >= 0 && read_block(r, type, space, dst);

	if (type >= 0 && type != base)
		H5Tclose(type);
	if (base >= 0)
		H5Tclose(base);
	if (space >= 0)
		H5Sclose(space);
	return ok;
}
