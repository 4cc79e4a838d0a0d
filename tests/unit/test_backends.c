/* SPDX-License-Identifier: Apache-2.0 */
/* The table of backends, what the CPU backend accepts, and the check of a batch. */
#include <criterion/criterion.h>

#include "kernels/kernels.h"

/* Four samples of a quaternion and three more columns, five ticks into columns 1..7 of nine. */
struct run {
	struct rc_device *dev;
	struct rc_lane *lane;
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
	const struct rc_lane_size size = { 4 * 7 * 4 + 4 * 8 + 5 * 8, 5 * 9 * 4, 3 };

	*r = (struct run){ .job = { .src_t = 112, .ticks = 144, .dst = 4, .n_src = 4, .n_ticks = 5,
				    .width = 7, .dst_stride = 9, .src_dtype = RC_F32,
				    .dst_dtype = RC_F32, .method = RC_METHOD_SLERP,
				    .quat_first = 3 } };
	cr_assert_eq(cpu()->open("baseline", &r->dev, NULL), 0);
	cr_assert_eq(cpu()->lane_open(r->dev, &size, &r->lane, NULL), 0);
	r->b.in = r->lane->in;
	r->b.out = r->lane->out;
	r->b.in_bytes = size.in_bytes;
	r->b.out_bytes = size.out_bytes;
	r->b.jobs = &r->job;
	r->b.n_jobs = 1;
}

static void release(struct run *r)
{
	cpu()->lane_close(r->lane);
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
	cr_assert_eq(cpu()->submit(r->lane, &r->b, &err), RC_E_BUG);
	cr_assert_eq(rc_cpu_compute(r->dev, &r->b, &err), RC_E_BUG);
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
	REFUSE("batch_enum", j.method = RC_METHOD_KERNELS);
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

/* What is right in itself but not of the lane. */
Test(backends, strange_lanes_are_refused)
{
	struct rc_job many[4];
	struct rc_err err = { 0 };
	struct rc_batch b;
	struct run r;
	void *other = aligned_alloc(64, 512);

	make(&r);
	for (size_t i = 0; i < 4; i++)
		many[i] = r.job;
	for (int i = 0; i < 5; i++) {
		b = r.b;
		if (i == 0)
			b.in = other;
		else if (i == 1)
			b.out = other;
		else if (i == 2)
			b.in_bytes++;
		else if (i == 3)
			b.out_bytes++;
		else
			b.jobs = many, b.n_jobs = 4;
		memset(other, 0, 512);
		cr_assert_eq(cpu()->submit(r.lane, &b, &err), RC_E_BUG, "case %d", i);
		cr_assert_str_eq(err.reason, "batch_lane");
	}
	free(other);
	release(&r);
}

Test(backends, backend)
{
	struct rc_device *dev = NULL;
	struct rc_err err = { 0 };
	struct rc_lane_size size = { 0 };
	struct rc_lane *lane = NULL;
	int n = 0;

	cr_assert_null(rc_backend_find("abacus"));
	cr_assert_eq(cpu()->open("sse9", &dev, &err), RC_E_USAGE);
	cr_assert_not_null(strstr(err.msg, "'sse9'"));
	cr_assert_eq(cpu()->count(&n, &err), 0);
	cr_assert_eq(n, 1);
	cr_assert_eq(cpu()->open(NULL, &dev, &err), 0);
	cr_assert_eq(cpu()->memory(dev), 0);
	for (size_t bytes = 0; bytes < 200; bytes += 33) {
		size = (struct rc_lane_size){ bytes, bytes / 2, bytes };
		cr_assert_eq(cpu()->lane_open(dev, &size, &lane, &err), 0);
		cr_assert_eq((uintptr_t)lane->in % 64, 0);
		cr_assert_eq((uintptr_t)lane->out % 64, 0);
		cr_assert_eq(lane->dev, dev);
		cr_assert_eq(lane->in_cap, bytes);
		cr_assert_eq(lane->out_cap, bytes / 2);
		cr_assert_eq(lane->cap_jobs, bytes);
		cr_assert_eq(cpu()->lane_memory(&size), 0);
		cpu()->lane_close(lane);
	}
	cpu()->lane_close(NULL);
	size.out_bytes = SIZE_MAX - 1;
	cr_assert_eq(cpu()->lane_open(dev, &size, &lane, &err), RC_E_NOMEM);
	cpu()->close(dev);
	cpu()->close(NULL);
}

/* The clock of a lane, and what the benchmark asks for. */
Test(backends, times)
{
	struct rc_lane_times t;
	double s[3] = { -1, -1, -1 };
	uint8_t out[5 * 9 * 4];
	struct run r;

	make(&r);
	memset(r.b.in, 0, r.b.in_bytes);
	memset(r.b.out, 0, r.b.out_bytes);
	cr_assert_eq(cpu()->submit(r.lane, &r.b, NULL), 0);
	cr_assert(cpu()->ready(r.lane));
	cr_assert_eq(cpu()->wait(r.lane, NULL), 0);
	cpu()->times(r.lane, &t);
	cr_assert_leq(0, t.upload.begin);
	cr_assert_eq(t.upload.begin, t.upload.end);
	cr_assert_leq(t.upload.end, t.kernels.begin);
	cr_assert_leq(t.kernels.begin, t.kernels.end);
	cr_assert_leq(t.kernels.end, t.download.begin);
	cr_assert_eq(t.download.begin, t.download.end);
	memcpy(out, r.b.out, sizeof out);
	cr_assert_eq(cpu()->time_batch(r.lane, &r.b, 2, s, NULL), 0);
	cr_assert(s[0] >= 0 && s[1] >= 0 && s[2] < 0);
	cr_assert_eq(memcmp(out, r.b.out, sizeof out), 0);
	cr_assert_eq(cpu()->time_copy(r.dev, 1000, 3, s, NULL), 0);
	cr_assert(s[2] >= 0);
	cr_assert_null(cpu()->time_link);
	release(&r);
}
