/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"
#include "base/episode.h"

#define NAME_IN(table, i) ((size_t)(i) < RC_ARRAY_LEN(table) ? table[i] : "unknown")

static const struct {
	const char *name, *brief;
	size_t size;
} dtypes[RC_DTYPE_COUNT] = {
	[RC_F16] = {"float16", "f16", 2}, [RC_BF16] = {"bfloat16", "bf16", 2},
	[RC_F32] = {"float32", "f32", 4}, [RC_F64] = {"float64", "f64", 8},
	[RC_I8] = {"int8", "i8", 1},
	[RC_I16] = {"int16", "i16", 2},   [RC_I32] = {"int32", "i32", 4},
	[RC_I64] = {"int64", "i64", 8},   [RC_U8] = {"uint8", "u8", 1},
	[RC_U16] = {"uint16", "u16", 2},  [RC_U32] = {"uint32", "u32", 4},
	[RC_U64] = {"uint64", "u64", 8},  [RC_BOOL] = {"bool", "bool", 1},
};

static const char *const kinds[RC_KIND_COUNT] = {
	[RC_KIND_LOWDIM] = "lowdim",
	[RC_KIND_QUAT] = "quaternion",
	[RC_KIND_POSE] = "pose",
	[RC_KIND_IMAGE] = "image",
	[RC_KIND_ENCODED] = "encoded",
	[RC_KIND_QUATS] = "quaternion_list",
};

static const char *const roles[RC_ROLE_COUNT] = {
	[RC_ROLE_OBS] = "obs",       [RC_ROLE_NEXT_OBS] = "next_obs",
	[RC_ROLE_ACTION] = "action", [RC_ROLE_REWARD] = "reward",
	[RC_ROLE_DONE] = "done",     [RC_ROLE_STATE] = "state",
};

static const char *const clock_kinds[] = {
	[RC_CLOCK_NONE] = "none",
	[RC_CLOCK_MEASURED] = "measured",
	[RC_CLOCK_NOMINAL] = "nominal",
};

static const char *const methods[RC_METHOD_COUNT] = {
	[RC_METHOD_LINEAR] = "linear",
	[RC_METHOD_SLERP] = "slerp",
	[RC_METHOD_NEAREST] = "nearest",
	[RC_METHOD_PREVIOUS] = "previous",
	[RC_METHOD_MEAN] = "mean",
	[RC_METHOD_MAX] = "max",
	[RC_METHOD_MIN] = "min",
};

static const char *const severities[] = {
	[RC_NOTE_INFO] = "info",
	[RC_NOTE_WARNING] = "warning",
	[RC_NOTE_ERROR] = "error",
};

size_t rc_dtype_size(enum rc_dtype t)
{
	return (size_t)t < RC_DTYPE_COUNT ? dtypes[t].size : 0;
}

const char *rc_dtype_name(enum rc_dtype t)
{
	return (size_t)t < RC_DTYPE_COUNT ? dtypes[t].name : "unknown";
}

bool rc_dtype_is_float(enum rc_dtype t)
{
	return t == RC_F16 || t == RC_BF16 || t == RC_F32 || t == RC_F64;
}

bool rc_dtype_parse(const char *name, enum rc_dtype *t_out)
{
	int i;

	for (i = 0; i < RC_DTYPE_COUNT; i++) {
		if (!strcmp(name, dtypes[i].name) || !strcmp(name, dtypes[i].brief)) {
			*t_out = (enum rc_dtype)i;
			return true;
		}
	}
	return false;
}

const char *rc_kind_name(enum rc_kind k)
{
	return NAME_IN(kinds, k);
}

const char *rc_role_name(enum rc_role r)
{
	return NAME_IN(roles, r);
}

bool rc_role_parse(const char *name, enum rc_role *r_out)
{
	for (int i = 0; i < RC_ROLE_COUNT; i++) {
		if (!strcmp(name, roles[i])) {
			*r_out = (enum rc_role)i;
			return true;
		}
	}
	return false;
}

const char *rc_clock_kind_name(enum rc_clock_kind k)
{
	return NAME_IN(clock_kinds, k);
}

const char *rc_method_name(enum rc_method m)
{
	return NAME_IN(methods, m);
}

bool rc_method_parse(const char *name, enum rc_method *m_out)
{
	int i;

	for (i = 0; i < RC_METHOD_COUNT; i++) {
		if (!strcmp(name, methods[i])) {
			*m_out = (enum rc_method)i;
			return true;
		}
	}
	return false;
}

bool rc_method_picks(enum rc_method m)
{
	return m == RC_METHOD_NEAREST || m == RC_METHOD_PREVIOUS;
}

bool rc_method_mixes(enum rc_method m)
{
	return m == RC_METHOD_LINEAR || m == RC_METHOD_SLERP || m == RC_METHOD_MEAN;
}

bool rc_method_reduces(enum rc_method m)
{
	return m >= RC_METHOD_KERNELS && m < RC_METHOD_COUNT;
}

enum rc_method rc_method_default(enum rc_kind k, enum rc_dtype t)
{
	if (k == RC_KIND_IMAGE || k == RC_KIND_ENCODED)
		return RC_METHOD_NEAREST;
	if (!rc_dtype_is_float(t)) /* integers are no rotation, whatever their name says */
		return RC_METHOD_PREVIOUS;
	if (k == RC_KIND_QUATS) /* slerp is for one of a row, and linear leaves the sphere */
		return RC_METHOD_NEAREST;
	return k == RC_KIND_QUAT || k == RC_KIND_POSE ? RC_METHOD_SLERP : RC_METHOD_LINEAR;
}

const char *rc_severity_name(enum rc_severity s)
{
	return NAME_IN(severities, s);
}
