/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/h5private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A file that claims longer attributes than this has none. */
enum { ATTR_MAX_BYTES = 16 << 20 };

static bool is_broken;

void rc_h5_broken(void)
{
	is_broken = true;
}

static void close_library(void)
{
	if (!is_broken)
		H5close();
}

void rc_h5_init(void)
{
	static bool done;
	if (done)
		return;
	done = true;
	/* Locks fail on many network file systems and only writers in place need them.  The
	 * variable is what every 1.10 release looks at; it is read when the library starts. */
	setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1);
	/* where files that others refer to are looked for is said in h5private.h */
	unsetenv("HDF5_EXT_PREFIX");
	unsetenv("HDF5_VDS_PREFIX");
	H5dont_atexit();
	H5open();
	atexit(close_library);
	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
	H5PLset_loading_state(0);
}

static herr_t take_innermost(unsigned n, const H5E_error2_t *e, void *arg)
{
	(void)n;
	*(const char **)arg = e->desc;
	return 1; /* the walk starts at the innermost entry: stop there */
}

void h5_cause(char *dst, size_t cap)
{
	const char *desc = NULL;

	H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_innermost, &desc);
	/* A failed system call comes with clock times and buffer addresses: keep its errno. */
	const char *sys = desc ? strstr(desc, "errno = ") : NULL;
	if (sys)
		snprintf(dst, cap, "%s", strerror((int)strtol(sys + 8, NULL, 10)));
	else
		snprintf(dst, cap, "%s", desc && *desc ? desc : "libhdf5 gives no cause");
	H5Eclear2(H5E_DEFAULT);
}

int rc_h5_fail(struct rc_err *err, int code, const char *reason, const char *fmt, ...)
{
	char text[RC_ERR_MSG_LEN], cause[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	h5_cause(cause, sizeof cause);
	return rc_fail(err, code, reason, "%s: %s", text, cause);
}

/* A float of two bytes: sign, exponent, fraction. */
static hid_t half_type(size_t exp_bits, size_t bias)
{
	size_t frac_bits = 15 - exp_bits;
	hid_t t = H5Tcopy(H5T_NATIVE_FLOAT);

	if (t < 0)
		return t;
	if (H5Tset_fields(t, 15, frac_bits, exp_bits, 0, frac_bits) < 0 || H5Tset_size(t, 2) < 0 ||
	    H5Tset_ebias(t, bias) < 0) {
		H5Tclose(t);
		return -1;
	}
	return t;
}

static hid_t bool_type(void)
{
	hid_t t = H5Tenum_create(H5T_NATIVE_INT8);
	const signed char no = 0, yes = 1;
	if (t < 0)
		return t;
	if (H5Tenum_insert(t, "FALSE", &no) < 0 || H5Tenum_insert(t, "TRUE", &yes) < 0) {
		H5Tclose(t);
		return -1;
	}
	return t;
}

hid_t rc_h5_type(enum rc_dtype t)
{
	switch (t) {
	case RC_F16: return half_type(5, 15);
	case RC_BF16: return half_type(8, 127);
	case RC_F32: return H5Tcopy(H5T_NATIVE_FLOAT);
	case RC_F64: return H5Tcopy(H5T_NATIVE_DOUBLE);
	case RC_I8: return H5Tcopy(H5T_NATIVE_INT8);
	case RC_I16: return H5Tcopy(H5T_NATIVE_INT16);
	case RC_I32: return H5Tcopy(H5T_NATIVE_INT32);
	case RC_I64: return H5Tcopy(H5T_NATIVE_INT64);
	case RC_U8: return H5Tcopy(H5T_NATIVE_UINT8);
	case RC_U16: return H5Tcopy(H5T_NATIVE_UINT16);
	case RC_U32: return H5Tcopy(H5T_NATIVE_UINT32);
	case RC_U64: return H5Tcopy(H5T_NATIVE_UINT64);
	case RC_BOOL: return bool_type();
	case RC_DTYPE_COUNT: break;
	}
	return -1;
}

/* --- attributes ----------------------------------------------------------------------------- */

/* An attribute of exactly one element, with its type; both ids are -1 when there is none. */
struct attr {
	hid_t id, type;
};

static void attr_close(struct attr *a)
{
	if (a->type >= 0)
		H5Tclose(a->type);
	if (a->id >= 0)
		H5Aclose(a->id);
	H5Eclear2(H5E_DEFAULT);
}

static bool attr_open(const struct rc_h5_tree *t, const struct rc_h5_node *n, const char *name,
		      struct attr *a)
{
	hid_t space = -1;
	bool one = false;

	a->id = a->type = -1;
	if (n->no_attributes || H5Aexists_by_name(t->file, n->path, name, t->lapl) <= 0)
		return false;
	a->id = H5Aopen_by_name(t->file, n->path, name, H5P_DEFAULT, t->lapl);
	if (a->id >= 0)
		space = H5Aget_space(a->id);
	if (space >= 0) {
		one = H5Sget_simple_extent_npoints(space) == 1;
		H5Sclose(space);
	}
	if (one)
		a->type = H5Aget_type(a->id);
	return a->type >= 0;
}

static bool read_vlen_string(const struct attr *a, char **s_out)
{
	char *lib = NULL;
	bool ok = false;

	if (H5Aread(a->id, a->type, &lib) >= 0 && lib && strlen(lib) <= ATTR_MAX_BYTES)
		ok = rc_strdup(s_out, lib, NULL) == 0;
	if (lib)
		H5free_memory(lib);
	return ok;
}

static bool read_fixed_string(const struct attr *a, char **s_out)
{
	size_t n = H5Tget_size(a->type);
	char *s = NULL;

	if (n == 0 || n > ATTR_MAX_BYTES || rc_new_array(&s, n + 1, 1, NULL))
		return false;
	if (H5Aread(a->id, a->type, s) < 0) {
		free(s);
		return false;
	}
	s[n] = 0;
	if (H5Tget_strpad(a->type) == H5T_STR_SPACEPAD)
		for (n = strlen(s); n > 0 && s[n - 1] == ' '; n--)
			s[n - 1] = 0;
	*s_out = s;
	return true;
}

bool rc_h5_attr_string(const struct rc_h5_tree *t, const struct rc_h5_node *n, const char *name,
		       char **s_out)
{
	struct attr a;
	bool ok = false;

	*s_out = NULL;
	if (attr_open(t, n, name, &a) && H5Tget_class(a.type) == H5T_STRING)
		ok = H5Tis_variable_str(a.type) > 0 ? read_vlen_string(&a, s_out)
						    : read_fixed_string(&a, s_out);
	attr_close(&a);
	return ok;
}

static bool attr_is_int(const struct attr *a)
{
	H5T_class_t c = H5Tget_class(a->type);
	return (c == H5T_INTEGER || c == H5T_ENUM) && H5Tget_size(a->type) <= 8;
}

bool rc_h5_attr_int(const struct rc_h5_tree *t, const struct rc_h5_node *n, const char *name,
		    int64_t *v_out)
{
	struct attr a;
	bool ok = false;
	int64_t v;

	if (attr_open(t, n, name, &a))
		ok = attr_is_int(&a) && H5Aread(a.id, H5T_NATIVE_INT64, &v) >= 0;
	attr_close(&a);
	if (ok)
		*v_out = v;
	return ok;
}

bool rc_h5_attr_double(const struct rc_h5_tree *t, const struct rc_h5_node *n, const char *name,
		       double *v_out)
{
	struct attr a;
	bool ok = false;
	double v;

	if (attr_open(t, n, name, &a))
		ok = (H5Tget_class(a.type) == H5T_FLOAT || H5Tget_class(a.type) == H5T_INTEGER) &&
		     H5Aread(a.id, H5T_NATIVE_DOUBLE, &v) >= 0;
	attr_close(&a);
	if (ok)
		*v_out = v;
	return ok;
}
