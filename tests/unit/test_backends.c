/* SPDX-License-Identifier: Apache-2.0 */
/* The table of backends, what the CPU backend accepts, and the check of a batch. */
#include <criterion/criterion.h>

#include "kernels/kernels.h"

/* Four samples of a quaternion and three more columns, five ticks into columns 1..7 of nine. */
struct run {
	struct rc_device *dev;
	struct rc_batch b;
	struct rc_job job;
};

static const struct rc_backend *cpu(void)
{
	const struct rc_backend *be = rc_backend_find("cpu");

	cr_assert_not_null(be);
	return be;
}

static void make(struct run *r)
{
	const size_t in_bytes = 4 * 7 * 4 + 4 * 8 + 5 * 8, out_bytes = 5 * 9 * 4;

	*r = (struct run){ .job = { .src_t = 112, .ticks = 144, .dst = 4, .n_src = 4, .n_ticks = 5,
				    .width = 7, .dst_stride = 9, .src_dtype = RC_F32,
				    .dst_dtype = RC_F32, .method = RC_METHOD_SLERP,
				    .quat_first = 3 } };
	cr_assert_eq(cpu()->open("baseline", &r->dev, NULL), 0);
	cr_assert_eq(cpu()->alloc(r->dev, in_bytes, &r->b.in, NULL), 0);
	cr_assert_eq(cpu()->alloc(r->dev, out_bytes, &r->b.out, NULL), 0);
	r->b.in_bytes = in_bytes;
	r->b.out_bytes = out_bytes;
	r->b.jobs = &r->job;
	r->b.n_jobs = 1;
}

static void release(struct run *r)
{
	cpu()->free(r->dev, r->b.in);
	cpu()->free(r->dev, r->b.out);
	cpu()->close(r->dev);
}

static void expect_refused(struct run *r, const struct rc_job *bad, const char *reason)
{
	struct rc_err err = { 0 };
	struct rc_job good = r->job;

	cr_assert_eq(rc_batch_check(&r->b, &err), 0, "%s", err.msg);
	r->job = *bad;
	cr_assert_eq(rc_batch_check(&r->b, &err), RC_E_BUG, "%s", reason);
	cr_assert_str_eq(err.reason, reason, "%s", err.msg);
	cr_assert_eq(cpu()->submit(r->dev, &r->b, &err), RC_E_BUG);
	r->job = good;
}

#define REFUSE(reason, change)                                                                     \
	do {                                                                                       \
		struct rc_job j = r.job;                                                           \
		change;                                                                            \
		expect_refused(&r, &j, reason);                                                    \
	} while (0)

Test(backends, bad_batches_are_refused)
{
	struct run r;
	void *in;

	make(&r);
	REFUSE("batch_enum", j.method = RC_METHOD_COUNT);
	REFUSE("batch_enum", j.src_dtype = RC_DTYPE_COUNT);
	REFUSE("batch_enum", j.dst_dtype = 255);
	REFUSE("batch_dtype", j.dst_dtype = RC_I32);
	REFUSE("batch_dtype", (j.src_dtype = j.dst_dtype = RC_I32, j.method = RC_METHOD_LINEAR));
	REFUSE("batch_stride", j.dst_stride = 6);
	REFUSE("batch_quat", j.quat_first = 4);
	REFUSE("batch_quat", j.quat_first = -1);
	REFUSE("batch_empty_source", j.n_src = 0);
	REFUSE("batch_align", j.src = 2);
	REFUSE("batch_align", j.src_t += 4);
	REFUSE("batch_align", j.ticks += 4);
	REFUSE("batch_align", j.dst += 2);
	REFUSE("batch_bounds", j.src = r.b.in_bytes - 108);
	REFUSE("batch_bounds", j.src = UINT64_MAX - 3);
	REFUSE("batch_bounds", j.src_t += 56);
	REFUSE("batch_bounds", j.ticks += 8);
	REFUSE("batch_bounds", j.dst += 8);
	REFUSE("batch_bounds", j.n_ticks = 6);
	REFUSE("batch_bounds", j.n_src = UINT32_MAX);
	REFUSE("batch_bounds", j.width = j.dst_stride = UINT32_MAX);
	in = r.b.in;
	r.b.in = (char *)in + 8;
	cr_assert_eq(rc_batch_check(&r.b, NULL), RC_E_BUG);
	r.b.in = in;
	r.job.n_ticks = 0;
	r.job.src = 1;
	cr_assert_eq(rc_batch_check(&r.b, NULL), 0, "nothing is read");
	release(&r);
}

Test(backends, backend)
{
	struct rc_device *dev = NULL;
	struct rc_err err = { 0 };
	void *p = NULL;

	cr_assert_null(rc_backend_find("abacus"));
	cr_assert_eq(cpu()->open("sse9", &dev, &err), RC_E_USAGE);
	cr_assert_not_null(strstr(err.msg, "'sse9'"));
	cr_assert_eq(cpu()->open(NULL, &dev, &err), 0);
	for (size_t bytes = 0; bytes < 200; bytes += 33) {
		cr_assert_eq(cpu()->alloc(dev, bytes, &p, &err), 0);
		cr_assert_eq((uintptr_t)p % 64, 0);
		cpu()->free(dev, p);
	}
	cpu()->free(dev, NULL);
	cr_assert_eq(cpu()->alloc(dev, SIZE_MAX - 1, &p, &err), RC_E_NOMEM);
	cpu()->close(dev);
	cpu()->close(NULL);
}
