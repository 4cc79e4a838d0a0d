/* SPDX-License-Identifier: Apache-2.0 */
/* Datasets of one value: rates, instructions, versions. */
#include "base/compat.h"

#include "formats/h5private.h"

#include "base/mem.h"

enum { MAX_TEXT_BYTES = 1 << 20 };

struct scalar {
	hid_t dset, type, space;
	bool one; /* it has one element */
};

static void scalar_close(struct scalar *s)
{
	if (s->space >= 0)
		H5Sclose(s->space);
	if (s->type >= 0)
		H5Tclose(s->type);
	if (s->dset >= 0)
		H5Oclose(s->dset);
	H5Eclear2(H5E_DEFAULT);
}

/* A dataset of one element that the walk found inside the file. */
static bool scalar_open(const struct rc_h5_tree *t, const struct rc_h5_node *n, struct scalar *s)
{
	*s = (struct scalar){ -1, -1, -1, false };
	if (!n || n->is_group ||
	    !(n->usable || !strcmp(n->problem_code, "scalar") || !strcmp(n->problem_code, "text")))
		return false;
	s->dset = h5_open_dataset(t, n, NULL);
	if (s->dset < 0)
		return false;
	s->type = H5Dget_type(s->dset);
	s->space = H5Dget_space(s->dset);
	s->one = s->type >= 0 && s->space >= 0 && H5Sget_simple_extent_npoints(s->space) == 1;
	return s->one;
}

/* An integer, or a bool as an enum of two names. */
static bool is_whole(hid_t type)
{
	H5T_class_t c = H5Tget_class(type);

	return (c == H5T_INTEGER || c == H5T_ENUM) && H5Tget_size(type) <= 8;
}

bool rc_h5_scalar_double(const struct rc_h5_tree *t, const struct rc_h5_node *n, double *v_out)
{
	struct scalar s;
	bool ok = false;
	int64_t i = 0;
	double v = 0;

	if (scalar_open(t, n, &s) && H5Tget_class(s.type) == H5T_FLOAT) {
		ok = H5Dread(s.dset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &v) >= 0;
	} else if (s.one && is_whole(s.type)) {
		ok = H5Dread(s.dset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &i) >= 0;
		v = (double)i;
	}
	scalar_close(&s);
	if (ok)
		*v_out = v;
	return ok;
}

static bool read_various(const struct scalar *s, char **s_out)
{
	char *lib = NULL;
	bool ok = H5Dread(s->dset, s->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, &lib) >= 0 && lib &&
		  strlen(lib) <= MAX_TEXT_BYTES && rc_strdup(s_out, lib, NULL) == 0;

	H5free_memory(lib);
	return ok;
}

static bool read_fixed(const struct scalar *s, char **s_out)
{
	size_t n = H5Tget_size(s->type);
	char *text = NULL;

	if (n == 0 || n > MAX_TEXT_BYTES || rc_new_array(&text, n + 1, 1, NULL))
		return false;
	if (H5Dread(s->dset, s->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) < 0) {
		free(text);
		return false;
	}
	*s_out = text;
	return true;
}

bool rc_h5_scalar_text(const struct rc_h5_tree *t, const struct rc_h5_node *n, char **s_out)
{
	struct scalar s;
	bool ok = false;

	*s_out = NULL;
	if (scalar_open(t, n, &s) && H5Tget_class(s.type) == H5T_STRING)
		ok = H5Tis_variable_str(s.type) > 0 ? read_various(&s, s_out)
						    : read_fixed(&s, s_out);
	scalar_close(&s);
	return ok;
}
