/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compute backends.  A batch is a table of jobs over two staging buffers: everything that goes
 * to the device lies in `in`, everything that comes back in `out`, and jobs name both by byte
 * offset, so that the same table serves the CPU and a GPU.  One job samples one stream of one tile
 * at its ticks and writes the result as columns of a row-major tensor: fusing is several jobs with
 * the same destination and different first columns.  Ragged by nature: no two jobs need agree.
 *
 * Results do not depend on the backend, the instruction set, or how jobs are batched: formulas are
 * in kernels/shared_math.h, read by every compiler involved.
 *
 * To add a kernel: a method or job field here, the definition of correct in kernels/cpu_rows.c
 * (compiled once per instruction set), the CUDA twin in kernels/cuda/, a case in
 * tests/unit/test_kernels.c, which compares every backend with the CPU twin and with float64.
 */
#ifndef RC_KERNELS_H
#define RC_KERNELS_H

#include "base/episode.h"
#include "base/err.h"

struct rc_job {
	uint64_t src;        /* offset in `in`: n_src rows of width elements of src_dtype, dense */
	uint64_t src_t;      /* offset in `in`: n_src int64 stamps, non-decreasing, 8-aligned */
	uint64_t ticks;      /* offset in `in`: n_ticks int64 ticks, ascending, 8-aligned */
	uint64_t dst;        /* offset in `out`: element (0, 0) of this job's columns */
	uint32_t n_src;      /* at least 1 unless n_ticks is 0 */
	uint32_t n_ticks;
	uint32_t width;      /* columns of this stream; may be 0 */
	uint32_t dst_stride; /* elements of dst_dtype from one destination row to the next */
	uint8_t src_dtype;   /* enum rc_dtype */
	uint8_t dst_dtype;   /* any for picking methods if equal to src_dtype; else a float type */
	uint8_t method;      /* enum rc_method */
	int8_t quat_first;   /* SLERP: first of the four quaternion columns, others are linear */
};

struct rc_batch {
	void *in, *out;             /* from the backend's alloc */
	size_t in_bytes, out_bytes; /* used bytes */
	struct rc_job *jobs;
	size_t n_jobs;
};

struct rc_device; /* one opened backend */

struct rc_backend {
	const char *name;    /* "cpu", "cuda" */
	const char *summary;
	/* option: backend specific text such as an instruction set or device number; NULL: best. */
	int (*open)(const char *option, struct rc_device **dev_out, struct rc_err *err);
	void (*close)(struct rc_device *dev);
	/* One line for the report: "avx512" or "NVIDIA H100 80GB HBM3". */
	const char *(*describe)(const struct rc_device *dev);
	/* Staging memory, 64-byte aligned (pinned where that helps).  Any thread. */
	int (*alloc)(struct rc_device *dev, size_t bytes, void **p_out, struct rc_err *err);
	void (*free)(struct rc_device *dev, void *p);
	/* submit checks the batch, starts the work and may return before it is done; wait returns
	 * when `out` is complete.  Different batches may be in flight from different threads. */
	int (*submit)(struct rc_device *dev, struct rc_batch *b, struct rc_err *err);
	int (*wait)(struct rc_device *dev, struct rc_batch *b, struct rc_err *err);
};

/* The rows of backends.def in order of preference. */
extern const struct rc_backend *const rc_backends[];
extern const size_t rc_n_backends;
const struct rc_backend *rc_backend_find(const char *name);

/* "baseline|avx2|avx512": what the CPU backend accepts as option; NULL past the end. */
const char *rc_cpu_isa_name(size_t i);

/* Checks offsets, alignment and dtypes of a batch; backends call it in submit and then trust it.
 * A job without ticks or columns is not looked at further than its types. */
int rc_batch_check(const struct rc_batch *b, struct rc_err *err);

#endif
