/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vocabulary that formats/, kernels/ and src/ share: element types, what a stream is, how it
 * is sampled.  Plain values, no I/O.  Time is int64 nanoseconds everywhere.
 */
#ifndef RC_EPISODE_H
#define RC_EPISODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RC_MAX_RANK = 8 }; /* including the time axis */

enum rc_dtype {
	RC_F16, RC_BF16, RC_F32, RC_F64,
	RC_I8, RC_I16, RC_I32, RC_I64,
	RC_U8, RC_U16, RC_U32, RC_U64,
	RC_BOOL, /* one byte, 0 or 1; in HDF5 the enum int8 {FALSE, TRUE} */
	RC_DTYPE_COUNT
};
size_t rc_dtype_size(enum rc_dtype t);
const char *rc_dtype_name(enum rc_dtype t); /* "float32", "uint8", "bool" */
bool rc_dtype_is_float(enum rc_dtype t);
/* "f32", "float32", ...; false when the name is unknown. */
bool rc_dtype_parse(const char *name, enum rc_dtype *t_out);

/* What the values of a stream are; decides the default method. */
enum rc_kind {
	RC_KIND_LOWDIM, /* vectors of numbers */
	RC_KIND_QUAT,   /* a unit quaternion per row: (T, 4) */
	RC_KIND_POSE,   /* position and unit quaternion per row: (T, 7), that in columns 3..6 */
	RC_KIND_IMAGE,  /* frames (T, H, W) or (T, H, W, C) */
	RC_KIND_ENCODED,/* a JPEG or PNG picture per row: (T, L) uint8, zeros behind its end */
	RC_KIND_QUATS,  /* several unit quaternions per row: (T, N, 4) */
	RC_KIND_COUNT
};
const char *rc_kind_name(enum rc_kind k); /* "lowdim" "quaternion" ... */

/* What a stream is for; decides where a writer puts it. */
enum rc_role {
	RC_ROLE_OBS, RC_ROLE_NEXT_OBS, RC_ROLE_ACTION, RC_ROLE_REWARD, RC_ROLE_DONE, RC_ROLE_STATE,
	RC_ROLE_COUNT
};
const char *rc_role_name(enum rc_role r); /* "obs" "next_obs" "action" "reward" "done" "state" */
bool rc_role_parse(const char *name, enum rc_role *r_out); /* false when the name is unknown */

enum rc_clock_kind {
	RC_CLOCK_NONE,     /* step index only */
	RC_CLOCK_MEASURED, /* stamps in the file */
	RC_CLOCK_NOMINAL   /* a rate */
};
const char *rc_clock_kind_name(enum rc_clock_kind k); /* "none" "measured" "nominal" */

/* How a stream gets its value at a tick. */
enum rc_method {
	RC_METHOD_LINEAR,
	RC_METHOD_SLERP,    /* quaternion columns on the sphere, the others linear */
	RC_METHOD_NEAREST,  /* a tie goes to the earlier sample */
	RC_METHOD_PREVIOUS, /* the latest sample not after the tick; causal */
	RC_METHOD_KERNELS,  /* how many of them kernels know; the rest is done as rows are read */
	RC_METHOD_MEAN = RC_METHOD_KERNELS, /* of the samples of the tick's window: src/reduce.h */
	RC_METHOD_MAX,
	RC_METHOD_MIN,
	RC_METHOD_COUNT
};
const char *rc_method_name(enum rc_method m);
bool rc_method_parse(const char *name, enum rc_method *m_out);
/* True when the method only picks samples, so that any dtype is copied unchanged. */
bool rc_method_picks(enum rc_method m);
/* True when values come between those of samples, so that integers become floats. */
bool rc_method_mixes(enum rc_method m);
/* True when it makes one value of many samples. */
bool rc_method_reduces(enum rc_method m);
/* images, encoded ones too, and lists of quaternions nearest; quaternions and poses slerp, integers
 * and bools previous, floats linear */
enum rc_method rc_method_default(enum rc_kind k, enum rc_dtype t);

enum rc_severity { RC_NOTE_INFO, RC_NOTE_WARNING, RC_NOTE_ERROR };
const char *rc_severity_name(enum rc_severity s); /* "info" "warning" "error" */

#endif
