/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "kernels/cuda/gpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"

static const char remedy_cpu[] = "or use --device cpu";

/* "13.0" of 13000 */
static void format_version(char dst[16], int v)
{
	snprintf(dst, 16, "%d.%d", v / 1000, v % 1000 / 10);
}

static int fail_driver(struct rc_err *err)
{
	char have[16], want[16];
	int v = 0;

	cudaDriverGetVersion(&v);
	if (!v)
		return rc_fail(err, RC_E_DEVICE, "no_driver",
			       "this machine has no NVIDIA driver; install one, %s", remedy_cpu);
	format_version(have, v);
	format_version(want, CUDART_VERSION);
	return rc_fail(err, RC_E_DEVICE, "old_driver",
		       "the NVIDIA driver knows CUDA up to %s, and this build needs %s; update the "
		       "driver, %s",
		       have, want, remedy_cpu);
}

int rc_gpu_fail(const struct rc_device *dev, cudaError_t e, const char *what, struct rc_err *err)
{
	return rc_fail(err, RC_E_DEVICE,
		       e == cudaErrorMemoryAllocation ? "device_memory" : "device_failed",
		       "CUDA device %d ('%s') failed %s: %s (%s)", dev->ordinal, dev->name, what,
		       cudaGetErrorString(e), cudaGetErrorName(e));
}

int rc_gpu_lose(struct rc_device *dev, cudaError_t e, const char *what, struct rc_err *err)
{
	atomic_store(&dev->lost, true);
	cudaDeviceSynchronize(); /* transfers of other lanes end, one way or the other */
	return rc_gpu_fail(dev, e, what, err);
}

int rc_gpu_enter(const struct rc_device *dev, struct rc_err *err)
{
	cudaError_t e = cudaSetDevice(dev->ordinal);

	return e ? rc_gpu_fail(dev, e, "when it was selected", err) : 0;
}

static int gpu_count(int *n_out, struct rc_err *err)
{
	cudaError_t e = cudaGetDeviceCount(n_out);

	if (e == cudaErrorInsufficientDriver)
		return fail_driver(err);
	if (e == cudaErrorNoDevice || (!e && !*n_out))
		return rc_fail(err, RC_E_DEVICE, "no_device",
			       "no CUDA device is visible; look at nvidia-smi and at "
			       "CUDA_VISIBLE_DEVICES, %s",
			       remedy_cpu);
	if (e)
		return rc_fail(err, RC_E_DEVICE, "no_device",
			       "CUDA does not start: %s (%s); look at nvidia-smi, %s",
			       cudaGetErrorString(e), cudaGetErrorName(e), remedy_cpu);
	return 0;
}

static int choose(const char *option, int *ordinal_out, struct rc_err *err)
{
	int64_t v = 0;
	int n, rc = gpu_count(&n, err);

	if (!rc && option)
		rc = rc_parse_int(option, "CUDA device", 0, INT32_MAX, &v, err);
	if (!rc && v >= n)
		rc = rc_fail(err, RC_E_DEVICE, "no_device",
			     "there is no CUDA device %lld; the last of this machine is %d",
			     (long long)v, n - 1);
	*ordinal_out = (int)v;
	return rc;
}

static int64_t test_number(const char *variable)
{
	const char *s = getenv(variable);
	int64_t n = 0;

	return s && !rc_parse_int(s, variable, 1, INT64_MAX, &n, NULL) ? n : 0;
}

/*
 * Faults for tests.  ROBOCACHE_TEST_POISON=N: the N-th batch breaks the context, as a bad memory
 * access would; with ROBOCACHE_TEST_POISON_ONCE=FILE only where that file can be removed.
 * ROBOCACHE_TEST_ROOM=BYTES: another program has the memory beyond that, but had not when the
 * device was opened.
 */
static void read_faults(struct rc_device *dev)
{
	const char *once = getenv("ROBOCACHE_TEST_POISON_ONCE");
	int64_t n = test_number("ROBOCACHE_TEST_POISON");

	if (n && once && unlink(once) != 0)
		n = 0;
	atomic_init(&dev->poison_at, (long)n);
	dev->room = (size_t)test_number("ROBOCACHE_TEST_ROOM");
	atomic_init(&dev->submits, 0);
	atomic_init(&dev->lost, false);
}

static cudaError_t look(struct rc_device *dev)
{
	struct cudaDeviceProp p;
	size_t unused, free_bytes = 0;
	cudaError_t e = cudaSetDevice(dev->ordinal);

	if (!e)
		e = cudaGetDeviceProperties(&p, dev->ordinal);
	if (!e)
		e = cudaMemGetInfo(&free_bytes, &unused);
	if (!e)
		e = rc_gpu_probe();
	if (!e)
		e = cudaEventCreate(&dev->epoch);
	if (!e)
		e = cudaEventRecord(dev->epoch, cudaStreamPerThread);
	if (e)
		return e;
	snprintf(dev->name, sizeof dev->name, "%s", p.name);
	dev->free_bytes = free_bytes;
	dev->l2_bytes = (size_t)p.l2CacheSize;
	dev->warps = (uint32_t)(p.multiProcessorCount * (p.maxThreadsPerMultiProcessor / 32));
	return cudaSuccess;
}

static void gpu_close(struct rc_device *dev)
{
	if (dev && dev->epoch)
		cudaEventDestroy(dev->epoch);
	free(dev);
}

static int gpu_open(const char *option, struct rc_device **dev_out, struct rc_err *err)
{
	struct rc_device *dev = NULL;
	cudaError_t e;
	int rc = rc_new(&dev, err);

	if (!rc)
		rc = choose(option, &dev->ordinal, err);
	if (!rc) {
		read_faults(dev);
		e = look(dev);
		if (e == cudaErrorNoKernelImageForDevice)
			rc = rc_fail(err, RC_E_DEVICE, "no_kernels",
				     "this build has no kernels for CUDA device %d; configure it "
				     "with CUDA_GENCODE for that GPU, %s",
				     dev->ordinal, remedy_cpu);
		else if (e)
			rc = rc_gpu_fail(dev, e, "when it was opened", err);
	}
	if (rc) {
		gpu_close(dev);
		return rc;
	}
	*dev_out = dev;
	return 0;
}

static const char *gpu_describe(const struct rc_device *dev)
{
	return dev->name;
}

static uint64_t gpu_memory(const struct rc_device *dev)
{
	return dev->free_bytes;
}

extern const struct rc_backend rc_be_cuda;
const struct rc_backend rc_be_cuda = {
	.name = "cuda",
	.summary = "NVIDIA GPUs",
	.count = gpu_count,
	.open = gpu_open,
	.close = gpu_close,
	.describe = gpu_describe,
	.memory = gpu_memory,
	.lane_memory = rc_gpu_lane_memory,
	.lane_open = rc_gpu_lane_open,
	.lane_close = rc_gpu_lane_close,
	.submit = rc_gpu_submit,
	.ready = rc_gpu_ready,
	.wait = rc_gpu_wait,
	.times = rc_gpu_times,
	.time_batch = rc_gpu_time_batch,
	.time_copy = rc_gpu_time_copy,
	.time_link = rc_gpu_time_link,
};
