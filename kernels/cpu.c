/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu.h"

#include "base/mem.h"

struct isa {
	const char *name;
	bool (*supported)(void);
	const struct rc_cpu_rows *rows;
};

struct rc_device {
	const struct isa *isa;
};

enum { BUFFER_ALIGN = 64 };

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

static int cpu_alloc(struct rc_device *dev, size_t bytes, void **p_out, struct rc_err *err)
{
	size_t padded = bytes ? (bytes + BUFFER_ALIGN - 1) / BUFFER_ALIGN * BUFFER_ALIGN
			      : BUFFER_ALIGN;
	void *p = padded < bytes ? NULL : aligned_alloc(BUFFER_ALIGN, padded);

	(void)dev;
	if (!p)
		return rc_fail_nomem(err, bytes);
	*p_out = p;
	return 0;
}

static void cpu_free(struct rc_device *dev, void *p)
{
	(void)dev;
	free(p);
}

static int cpu_submit(struct rc_device *dev, struct rc_batch *b, struct rc_err *err)
{
	int rc = rc_batch_check(b, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < b->n_jobs; i++)
		dev->isa->rows->job(&b->jobs[i], b->in, b->out);
	return 0;
}

/* The caller's thread has done it all in submit. */
static int cpu_wait(struct rc_device *dev, struct rc_batch *b, struct rc_err *err)
{
	(void)dev;
	(void)b;
	(void)err;
	return 0;
}

extern const struct rc_backend rc_be_cpu;
const struct rc_backend rc_be_cpu = {
	.name = "cpu",
	.summary = "the processor, with its best vector instructions",
	.open = cpu_open,
	.close = cpu_close,
	.describe = cpu_describe,
	.alloc = cpu_alloc,
	.free = cpu_free,
	.submit = cpu_submit,
	.wait = cpu_wait,
};
