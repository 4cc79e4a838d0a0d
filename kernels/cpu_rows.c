/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The row loops, and with kernels/shared_math.h the definition of correct.  Compiled once for each
 * instruction set with -DRC_ISA=<name>; plain loops that the compiler vectorises.  A job goes
 * through in blocks of ticks: first the samples that make each tick (struct rc_tap), then the rows,
 * so that the inner loops over columns know nothing of time.
 */
#include "kernels/cpu.h"

#include "kernels/shared_math.h"

enum {
	BLOCK = 256,    /* ticks; their taps are 4 KiB of stack */
	QUAT_BLOCK = 64 /* quaternions in flight; their columns are 7 KiB of stack */
};

/* A block of rows of one job.  near and far of a tap are row numbers of src. */
struct rows {
	const void *src;
	void *dst;
	const struct rc_tap *taps;
	size_t n, width, stride;
};

typedef void (*rows_fn)(const struct rows *r);

#define LOAD_f16(v) rc_f16_to_f32(v)
#define LOAD_bf16(v) rc_bf16_to_f32(v)
#define LOAD_f32(v) (v)
#define LOAD_f64(v) (v)
#define LOAD_i8(v) (v)
#define LOAD_i16(v) (v)
#define LOAD_i32(v) (v)
#define LOAD_i64(v) (v)
#define LOAD_u8(v) (v)
#define LOAD_u16(v) (v)
#define LOAD_u32(v) (v)
#define LOAD_u64(v) (v)
/* Of a finite value, so that nothing needs to be said about NaN. */
#define STORE_f16(v) _Generic((v), float: rc_f32_to_f16, double: rc_f64_to_f16)(v)
#define STORE_bf16(v) _Generic((v), float: rc_f32_to_bf16, double: rc_f64_to_bf16)(v)
#define STORE_f32(v) ((float)(v))
#define STORE_f64(v) (v)

#define RC_COLD __attribute__((cold, noinline))
typedef uint32_t rare_f32;
typedef uint64_t rare_f64;

/*
 * Three ways to fill a row of n columns: plain_ interpolates and says whether a result was not
 * finite, which is rare and then done again by exact_; copy_ changes the type only.  rows_ goes
 * through a block; a copy that needs no conversion keeps all bits.
 */
#define ROWS(S, s_type, D, d_type, C, c_type, same)                                                \
	static inline bool plain_##S##_##D(const s_type *restrict a, const s_type *restrict b,     \
					   d_type *restrict d, size_t n, c_type w)                 \
	{                                                                                          \
		rare_##C rare = 0;                                                                 \
                                                                                                   \
		for (size_t c = 0; c < n; c++) {                                                   \
			c_type v = rc_lerp_plain_##C((c_type)LOAD_##S(a[c]),                       \
						     (c_type)LOAD_##S(b[c]), w);                   \
			rare |= rc_rare_##C(v);                                                    \
			d[c] = STORE_##D(v);                                                       \
		}                                                                                  \
		return rare >> (8 * sizeof rare - 1);                                              \
	}                                                                                          \
	static RC_COLD void exact_##S##_##D(const s_type *restrict a, const s_type *restrict b,    \
					    d_type *restrict d, size_t n, c_type w)                \
	{                                                                                          \
		for (size_t c = 0; c < n; c++)                                                     \
			d[c] = rc_put_##D##_from_##C(rc_lerp_##C((c_type)LOAD_##S(a[c]),           \
								 (c_type)LOAD_##S(b[c]), w));      \
	}                                                                                          \
	static inline void copy_##S##_##D(const s_type *restrict a, d_type *restrict d, size_t n)  \
	{                                                                                          \
		for (size_t c = 0; c < n; c++)                                                     \
			d[c] = rc_put_##D##_from_##C((c_type)LOAD_##S(a[c]));                      \
	}                                                                                          \
	static void rows_##S##_##D(const struct rows *r)                                           \
	{                                                                                          \
		const size_t n = r->width;                                                         \
                                                                                                   \
		for (size_t k = 0; k < r->n; k++) {                                                \
			const struct rc_tap *tap = &r->taps[k];                                    \
			const s_type *a = (const s_type *)r->src + tap->near * n;                  \
			const s_type *b = (const s_type *)r->src + tap->far * n;                   \
			d_type *d = (d_type *)r->dst + k * r->stride;                              \
                                                                                                   \
			if (a == b && same)                                                        \
				memcpy(d, a, n * sizeof *d);                                       \
			else if (a == b)                                                           \
				copy_##S##_##D(a, d, n);                                           \
			else if (plain_##S##_##D(a, b, d, n, (c_type)tap->w))                      \
				exact_##S##_##D(a, b, d, n, (c_type)tap->w);                       \
		}                                                                                  \
	}

#define ROWS_OF_INTEGER(S, s_type)                                                                 \
	ROWS(S, s_type, f16, uint16_t, f32, float, 0)                                              \
	ROWS(S, s_type, bf16, uint16_t, f32, float, 0)                                             \
	ROWS(S, s_type, f32, float, f32, float, 0)                                                 \
	ROWS(S, s_type, f64, double, f64, double, 0)

ROWS(f16, uint16_t, f16, uint16_t, f32, float, 1)
ROWS(f16, uint16_t, bf16, uint16_t, f32, float, 0)
ROWS(f16, uint16_t, f32, float, f32, float, 0)
ROWS(f16, uint16_t, f64, double, f64, double, 0)
ROWS(bf16, uint16_t, f16, uint16_t, f32, float, 0)
ROWS(bf16, uint16_t, bf16, uint16_t, f32, float, 1)
ROWS(bf16, uint16_t, f32, float, f32, float, 0)
ROWS(bf16, uint16_t, f64, double, f64, double, 0)
ROWS(f32, float, f16, uint16_t, f32, float, 0)
ROWS(f32, float, bf16, uint16_t, f32, float, 0)
ROWS(f32, float, f32, float, f32, float, 1)
ROWS(f32, float, f64, double, f64, double, 0)
ROWS(f64, double, f16, uint16_t, f64, double, 0)
ROWS(f64, double, bf16, uint16_t, f64, double, 0)
ROWS(f64, double, f32, float, f64, double, 0)
ROWS(f64, double, f64, double, f64, double, 1)
ROWS_OF_INTEGER(i8, int8_t)
ROWS_OF_INTEGER(i16, int16_t)
ROWS_OF_INTEGER(i32, int32_t)
ROWS_OF_INTEGER(i64, int64_t)
ROWS_OF_INTEGER(u8, uint8_t)
ROWS_OF_INTEGER(u16, uint16_t)
ROWS_OF_INTEGER(u32, uint32_t)
ROWS_OF_INTEGER(u64, uint64_t)

#define LOAD4(S, s_type)                                                                           \
	static void load4_##S(const void *row, size_t i, struct rc_quat *q_out)                    \
	{                                                                                          \
		const s_type *p = (const s_type *)row + i;                                         \
		q_out->a = (double)LOAD_##S(p[0]);                                                 \
		q_out->b = (double)LOAD_##S(p[1]);                                                 \
		q_out->c = (double)LOAD_##S(p[2]);                                                 \
		q_out->d = (double)LOAD_##S(p[3]);                                                 \
	}

#define STORE4(D, d_type)                                                                          \
	static void store4_##D(void *row, size_t i, const struct rc_quat *q)                       \
	{                                                                                          \
		d_type *p = (d_type *)row + i;                                                     \
		p[0] = rc_put_##D##_from_f64(q->a);                                                \
		p[1] = rc_put_##D##_from_f64(q->b);                                                \
		p[2] = rc_put_##D##_from_f64(q->c);                                                \
		p[3] = rc_put_##D##_from_f64(q->d);                                                \
	}

LOAD4(f16, uint16_t)
LOAD4(bf16, uint16_t)
LOAD4(f32, float)
LOAD4(f64, double)
LOAD4(i8, int8_t)
LOAD4(i16, int16_t)
LOAD4(i32, int32_t)
LOAD4(i64, int64_t)
LOAD4(u8, uint8_t)
LOAD4(u16, uint16_t)
LOAD4(u32, uint32_t)
LOAD4(u64, uint64_t)
STORE4(f16, uint16_t)
STORE4(bf16, uint16_t)
STORE4(f32, float)
STORE4(f64, double)

static const struct {
	rows_fn to[4]; /* of the float types, which come first in enum rc_dtype */
	void (*load4)(const void *row, size_t i, struct rc_quat *q_out);
} of_source[RC_DTYPE_COUNT] = {
#define OF(S)                                                                                      \
	{ { [RC_F16] = rows_##S##_f16, [RC_BF16] = rows_##S##_bf16, [RC_F32] = rows_##S##_f32,     \
	    [RC_F64] = rows_##S##_f64 }, load4_##S }
	[RC_F16] = OF(f16), [RC_BF16] = OF(bf16), [RC_F32] = OF(f32), [RC_F64] = OF(f64),
	[RC_I8] = OF(i8), [RC_I16] = OF(i16), [RC_I32] = OF(i32), [RC_I64] = OF(i64),
	[RC_U8] = OF(u8), [RC_U16] = OF(u16), [RC_U32] = OF(u32), [RC_U64] = OF(u64),
	[RC_BOOL] = OF(u8),
#undef OF
};

static void (*const store4_of[])(void *row, size_t i, const struct rc_quat *q) = {
	[RC_F16] = store4_f16, [RC_BF16] = store4_bf16, [RC_F32] = store4_f32,
	[RC_F64] = store4_f64
};

/* Picked rows of a type that stays as it is. */
static void copy_rows(const struct rows *r, size_t size)
{
	for (size_t k = 0; k < r->n; k++)
		memcpy((char *)r->dst + k * r->stride * size,
		       (const char *)r->src + r->taps[k].near * r->width * size, r->width * size);
}

/* Quaternions by column, so that a vector instruction works on as many as it has lanes. */
struct quats {
	double p[4][QUAT_BLOCK], q[4][QUAT_BLOCK], r[4][QUAT_BLOCK];
	double t[QUAT_BLOCK], use[QUAT_BLOCK];
};

static void slerp_all(struct quats *s, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		struct rc_quat p = { s->p[0][k], s->p[1][k], s->p[2][k], s->p[3][k] };
		struct rc_quat q = { s->q[0][k], s->q[1][k], s->q[2][k], s->q[3][k] };
		struct rc_quat r;

		s->use[k] = rc_slerp(p, q, s->t[k], &r);
		s->r[0][k] = r.a;
		s->r[1][k] = r.b;
		s->r[2][k] = r.c;
		s->r[3][k] = r.d;
	}
}

static void put_quat(double columns[4][QUAT_BLOCK], size_t k, const struct rc_quat *q)
{
	columns[0][k] = q->a;
	columns[1][k] = q->b;
	columns[2][k] = q->c;
	columns[3][k] = q->d;
}

/* Puts rotations where the rows, already linear in all columns, lie between two samples. */
static void slerp_rows(const struct rc_job *j, const struct rows *r)
{
	const size_t first = (size_t)j->quat_first;
	struct quats s;
	uint32_t row[QUAT_BLOCK];
	size_t n, k = 0;

	while (k < r->n) {
		for (n = 0; k < r->n && n < QUAT_BLOCK; k++) {
			const struct rc_tap *tap = &r->taps[k];
			const bool onward = tap->near < tap->far;
			const size_t lo = onward ? tap->near : tap->far, hi = lo + 1;
			struct rc_quat q;

			if (tap->near == tap->far)
				continue;
			of_source[j->src_dtype].load4(r->src, lo * r->width + first, &q);
			put_quat(s.p, n, &q);
			of_source[j->src_dtype].load4(r->src, hi * r->width + first, &q);
			put_quat(s.q, n, &q);
			s.t[n] = onward ? tap->w : 1.0 - tap->w;
			row[n++] = (uint32_t)k;
		}
		slerp_all(&s, n);
		for (size_t i = 0; i < n; i++) {
			struct rc_quat q = { s.r[0][i], s.r[1][i], s.r[2][i], s.r[3][i] };
			if (s.use[i] != 0.0)
				store4_of[j->dst_dtype](r->dst, row[i] * r->stride + first, &q);
		}
	}
}

/* rc_last_not_after(), when i is the answer for an earlier tick: looks near i first. */
static int64_t advance(const int64_t *t, int64_t n, int64_t i, int64_t tick)
{
	int64_t step = 1, lo;

	if (i < 0 || t[i] > tick)
		return rc_last_not_after(t, n, tick);
	for (lo = i; n - lo > step && t[lo + step] <= tick; step *= 2)
		lo += step;
	if (step == 1)
		return lo;
	if (step > n - lo)
		step = n - lo;
	return lo + 1 + rc_last_not_after(t + lo + 1, step - 1, tick);
}

static struct rc_tap tap_at(const struct rc_job *j, const int64_t *t, int64_t i, int64_t tick)
{
	switch (j->method) {
	case RC_METHOD_NEAREST:
		return rc_tap_nearest(t, j->n_src, i, tick);
	case RC_METHOD_PREVIOUS:
		return rc_tap_previous(i);
	default:
		return rc_tap_linear(t, j->n_src, i, tick);
	}
}

static void do_rows(const struct rc_job *j, const struct rows *r)
{
	if (j->src_dtype == j->dst_dtype && rc_method_picks((enum rc_method)j->method))
		copy_rows(r, rc_dtype_size((enum rc_dtype)j->src_dtype));
	else
		of_source[j->src_dtype].to[j->dst_dtype](r);
	if (j->method == RC_METHOD_SLERP)
		slerp_rows(j, r);
}

static void do_job(const struct rc_job *j, const void *in, void *out)
{
	const int64_t *t = (const int64_t *)((const char *)in + j->src_t);
	const int64_t *ticks = (const int64_t *)((const char *)in + j->ticks);
	const size_t dst_size = rc_dtype_size((enum rc_dtype)j->dst_dtype);
	struct rc_tap taps[BLOCK];
	struct rows r = { (const char *)in + j->src, NULL, taps, 0, j->width, j->dst_stride };
	int64_t i = -1;

	if (!j->width)
		return;
	for (size_t k = 0; k < j->n_ticks; k += r.n) {
		r.n = j->n_ticks - k < BLOCK ? j->n_ticks - k : BLOCK;
		for (size_t m = 0; m < r.n; m++) {
			i = advance(t, j->n_src, i, ticks[k + m]);
			taps[m] = tap_at(j, t, i, ticks[k + m]);
		}
		r.dst = (char *)out + j->dst + k * r.stride * dst_size;
		do_rows(j, &r);
	}
}

#define PASTE(a, b) a##b
#define ROWS_NAME(isa) PASTE(rc_cpu_rows_, isa)
const struct rc_cpu_rows ROWS_NAME(RC_ISA) = { do_job };
