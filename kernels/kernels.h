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

enum { RC_BUFFER_ALIGN = 64 }; /* of staging memory, bytes */

/* The used parts of a lane: what goes in, what comes out, and how one is made of the other. */
struct rc_batch {
	void *in, *out;             /* host memory; of the lane where a lane is involved */
	size_t in_bytes, out_bytes; /* used bytes */
	struct rc_job *jobs;
	size_t n_jobs;
};

struct rc_device; /* one opened device of a backend */

/*
 * A lane is what one slot of a pipeline holds of a device: host staging memory of a fixed size
 * (64-byte aligned, pinned where that helps) and, on a GPU, arenas of the same size and a stream.
 * Everything is allocated when it is opened and nothing after that.  A lane belongs to one thread
 * at a time; different lanes may be used from different threads at once.  Backends put their own
 * fields behind these.
 */
struct rc_lane {
	struct rc_device *dev;
	void *in, *out;
	struct rc_job *jobs;
	size_t in_cap, out_cap, cap_jobs;
};
struct rc_lane_size {
	size_t in_bytes, out_bytes, n_jobs;
};

/* When the parts of the last batch of a lane ran, in seconds since the device was opened. */
struct rc_span {
	double begin, end;
};
struct rc_lane_times {
	struct rc_span upload, kernels, download;
};

struct rc_backend {
	const char *name;    /* "cpu", "cuda" */
	const char *summary;
	/* Devices that can be opened; none is RC_E_DEVICE with the cause and the remedy. */
	int (*count)(int *n_out, struct rc_err *err);
	/* option: backend specific text such as an instruction set or a device number; NULL: the
	 * best one. */
	int (*open)(const char *option, struct rc_device **dev_out, struct rc_err *err);
	/* Its lanes must have been closed. */
	void (*close)(struct rc_device *dev);
	/* One line for the report: "avx512" or "NVIDIA H100 80GB HBM3". */
	const char *(*describe)(const struct rc_device *dev);
	/* Bytes of device memory that lanes may take, and what a lane of this size takes of it;
	 * 0 where lanes need none. */
	uint64_t (*memory)(const struct rc_device *dev);
	uint64_t (*lane_memory)(const struct rc_lane_size *size);
	/* RC_E_DEVICE "device_memory" when the device has no room for it. */
	int (*lane_open)(struct rc_device *dev, const struct rc_lane_size *size,
			 struct rc_lane **lane_out, struct rc_err *err);
	void (*lane_close)(struct rc_lane *lane);
	/* submit checks the batch, whose buffers are the lane's, starts the work and may return
	 * before it is done; wait returns when `out` is complete, and must be called after every
	 * submit that succeeded before the lane is used again.  Meanwhile the caller may use what
	 * lies behind in_bytes and out_bytes.  ready: wait would not block, because the work is
	 * done or the device is lost; any thread, at once.  On RC_E_DEVICE the device is lost:
	 * `out` is undefined, `in` and the jobs are as they were, nothing writes to `out` any
	 * more, and every later submit on the device fails. */
	int (*submit)(struct rc_lane *lane, const struct rc_batch *b, struct rc_err *err);
	bool (*ready)(struct rc_lane *lane);
	int (*wait)(struct rc_lane *lane, struct rc_err *err);
	/* Of the batch that was waited for last. */
	void (*times)(const struct rc_lane *lane, struct rc_lane_times *t_out);

	/* For `robocache bench`: n measurements, in seconds, into s_out.  time_batch: the kernels
	 * of a batch whose input is on the device, launches included, caches cold.  time_copy:
	 * copying `bytes` bytes in device memory (bytes are read and as many written).  time_link:
	 * moving `bytes` bytes to the device and as many back at the same time; NULL where there
	 * is no link. */
	int (*time_batch)(struct rc_lane *lane, const struct rc_batch *b, int n, double *s_out,
			  struct rc_err *err);
	int (*time_copy)(struct rc_device *dev, size_t bytes, int n, double *s_out,
			 struct rc_err *err);
	int (*time_link)(struct rc_device *dev, size_t bytes, int n, double *s_out,
			 struct rc_err *err);
};

/* The rows of backends.def in order of preference. */
extern const struct rc_backend *const rc_backends[];
extern const size_t rc_n_backends;
const struct rc_backend *rc_backend_find(const char *name);

/* "baseline|avx2|avx512": what the CPU backend accepts as option; NULL past the end. */
const char *rc_cpu_isa_name(size_t i);

/* Computes a batch on the processor, in the calling thread, whatever memory its buffers are: the
 * twin that every other backend is compared with, and what takes over when a device is lost. */
int rc_cpu_compute(struct rc_device *cpu, const struct rc_batch *b, struct rc_err *err);

/* Checks offsets, alignment and dtypes of a batch; backends check in submit and then trust it.
 * A job without ticks or columns is not looked at further than its types. */
int rc_batch_check(const struct rc_batch *b, struct rc_err *err);
/* The same, and that the buffers are the lane's and the batch fits it. */
int rc_lane_check(const struct rc_lane *lane, const struct rc_batch *b, struct rc_err *err);

#endif
