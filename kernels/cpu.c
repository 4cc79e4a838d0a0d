/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu.h"

#include "base/clock.h"
#include "base/mem.h"

struct isa {
	const char *name;
	bool (*supported)(void);
	const struct rc_cpu_rows *rows;
};

struct rc_device {
	const struct isa *isa;
	int64_t opened_ns;
};


static bool always(void)
{
	return true;
}

#ifdef HAVE_ISA_AVX2
static bool has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}
#endif

#ifdef HAVE_ISA_AVX512
static bool has_avx512(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
#endif

/* From the plainest to the widest, which is also from the slowest to the fastest. */
static const struct isa isas[] = {
	{ "baseline", always, &rc_cpu_rows_baseline },
#ifdef HAVE_ISA_AVX2
	{ "avx2", has_avx2, &rc_cpu_rows_avx2 },
#endif
#ifdef HAVE_ISA_AVX512
	{ "avx512", has_avx512, &rc_cpu_rows_avx512 },
#endif
};

const char *rc_cpu_isa_name(size_t i)
{
	return i < RC_ARRAY_LEN(isas) ? isas[i].name : NULL;
}

static const struct isa *best_isa(void)
{
	size_t i = RC_ARRAY_LEN(isas) - 1;

	while (!isas[i].supported())
		i--;
	return &isas[i];
}

static const struct isa *find_isa(const char *name)
{
	for (size_t i = 0; i < RC_ARRAY_LEN(isas); i++)
		if (!strcmp(isas[i].name, name))
			return &isas[i];
	return NULL;
}

static int cpu_count(int *n_out, struct rc_err *err)
{
	(void)err;
	*n_out = 1;
	return 0;
}

static int cpu_open(const char *option, struct rc_device **dev_out, struct rc_err *err)
{
	const struct isa *isa = option ? find_isa(option) : best_isa();
	struct rc_device *dev = NULL;
	int rc;

	if (!isa)
		return rc_fail(err, RC_E_USAGE, "isa_unknown",
			       "this build has no instruction set '%s'; the best one here is '%s'",
			       option, best_isa()->name);
	if (!isa->supported())
		return rc_fail(err, RC_E_USAGE, "isa_missing",
			       "this processor does not have '%s'; the best one here is '%s'",
			       option, best_isa()->name);
	rc = rc_new(&dev, err);
	if (rc)
		return rc;
	dev->isa = isa;
	dev->opened_ns = rc_now_ns();
	*dev_out = dev;
	return 0;
}

static void cpu_close(struct rc_device *dev)
{
	free(dev);
}

static const char *cpu_describe(const struct rc_device *dev)
{
	return dev->isa->name;
}

/* --- lanes ------------------------------------------------------------------------------------ */

struct cpu_lane {
	struct rc_lane lane; /* first: what the caller sees */
	struct rc_lane_times times;
};

static double since_open(const struct rc_device *dev)
{
	return (double)(rc_now_ns() - dev->opened_ns) / 1e9;
}

static int new_buffer(size_t bytes, void **p_out, struct rc_err *err)
{
	size_t padded = bytes ? (bytes + RC_BUFFER_ALIGN - 1) / RC_BUFFER_ALIGN * RC_BUFFER_ALIGN
			      : RC_BUFFER_ALIGN;
	void *p = padded < bytes ? NULL : aligned_alloc(RC_BUFFER_ALIGN, padded);

	if (!p)
		return rc_fail_nomem(err, bytes);
	*p_out = p;
	return 0;
}

static void cpu_lane_close(struct rc_lane *lane)
{
	if (!lane)
		return;
	free(lane->in);
	free(lane->out);
	free(lane->jobs);
	free((struct cpu_lane *)lane);
}

static int cpu_lane_open(struct rc_device *dev, const struct rc_lane_size *size,
			 struct rc_lane **lane_out, struct rc_err *err)
{
	struct cpu_lane *l = NULL;
	int rc = rc_new(&l, err);

	if (rc)
		return rc;
	l->lane = (struct rc_lane){ .dev = dev, .in_cap = size->in_bytes,
				    .out_cap = size->out_bytes, .cap_jobs = size->n_jobs };
	rc = new_buffer(size->in_bytes, &l->lane.in, err);
	if (!rc)
		rc = new_buffer(size->out_bytes, &l->lane.out, err);
	if (!rc)
		rc = rc_new_array(&l->lane.jobs, size->n_jobs, sizeof *l->lane.jobs, err);
	if (rc) {
		cpu_lane_close(&l->lane);
		return rc;
	}
	*lane_out = &l->lane;
	return 0;
}

static uint64_t cpu_memory(const struct rc_device *dev)
{
	(void)dev;
	return 0;
}

static uint64_t cpu_lane_memory(const struct rc_lane_size *size)
{
	(void)size;
	return 0;
}

static void compute(const struct rc_device *dev, const struct rc_batch *b)
{
	for (size_t i = 0; i < b->n_jobs; i++)
		dev->isa->rows->job(&b->jobs[i], b->in, b->out);
}

int rc_cpu_compute(struct rc_device *cpu, const struct rc_batch *b, struct rc_err *err)
{
	int rc = rc_batch_check(b, err);

	if (!rc)
		compute(cpu, b);
	return rc;
}

static int cpu_submit(struct rc_lane *lane, const struct rc_batch *b, struct rc_err *err)
{
	struct rc_lane_times *t = &((struct cpu_lane *)lane)->times;
	int rc = rc_lane_check(lane, b, err);

	if (rc)
		return rc;
	t->upload.begin = t->upload.end = t->kernels.begin = since_open(lane->dev);
	compute(lane->dev, b);
	t->kernels.end = t->download.begin = t->download.end = since_open(lane->dev);
	return 0;
}

/* The caller's thread has done it all in submit. */
static bool cpu_ready(struct rc_lane *lane)
{
	(void)lane;
	return true;
}

static int cpu_wait(struct rc_lane *lane, struct rc_err *err)
{
	(void)lane;
	(void)err;
	return 0;
}

static void cpu_times(const struct rc_lane *lane, struct rc_lane_times *t_out)
{
	*t_out = ((const struct cpu_lane *)lane)->times;
}

/* --- for the benchmark ------------------------------------------------------------------------ */

/* Larger than any last-level cache that matters: writing it throws everything else out. */
enum { EVICT_BYTES = 64 << 20 };

static void evict(void *p, int round)
{
	memset(p, round, EVICT_BYTES);
	__asm__ volatile("" : : "r"(p) : "memory");
}

static int cpu_time_batch(struct rc_lane *lane, const struct rc_batch *b, int n, double *s_out,
			  struct rc_err *err)
{
	void *other = NULL;
	int rc = rc_lane_check(lane, b, err);

	if (!rc)
		rc = new_buffer(EVICT_BYTES, &other, err);
	for (int i = 0; !rc && i < n; i++) {
		int64_t t0;

		evict(other, i);
		t0 = rc_now_ns();
		compute(lane->dev, b);
		s_out[i] = (double)(rc_now_ns() - t0) / 1e9;
	}
	free(other);
	return rc;
}

static int cpu_time_copy(struct rc_device *dev, size_t bytes, int n, double *s_out,
			 struct rc_err *err)
{
	void *from = NULL, *to = NULL, *other = NULL;
	int rc = new_buffer(bytes, &from, err);

	(void)dev;
	if (!rc)
		rc = new_buffer(bytes, &to, err);
	if (!rc)
		rc = new_buffer(EVICT_BYTES, &other, err);
	if (!rc) { /* the first touch of a page is the kernel's work */
		memset(from, 1, bytes);
		memset(to, 2, bytes);
	}
	for (int i = 0; !rc && i < n; i++) {
		int64_t t0;

		evict(other, i);
		t0 = rc_now_ns();
		memcpy(to, from, bytes);
		__asm__ volatile("" : : "r"(to) : "memory");
		s_out[i] = (double)(rc_now_ns() - t0) / 1e9;
	}
	free(from);
	free(to);
	free(other);
	return rc;
}

extern const struct rc_backend rc_be_cpu;
const struct rc_backend rc_be_cpu = {
	.name = "cpu",
	.summary = "the processor, with its best vector instructions",
	.count = cpu_count,
	.open = cpu_open,
	.close = cpu_close,
	.describe = cpu_describe,
	.memory = cpu_memory,
	.lane_memory = cpu_lane_memory,
	.lane_open = cpu_lane_open,
	.lane_close = cpu_lane_close,
	.submit = cpu_submit,
	.ready = cpu_ready,
	.wait = cpu_wait,
	.times = cpu_times,
	.time_batch = cpu_time_batch,
	.time_copy = cpu_time_copy,
};
