/* SPDX-License-Identifier: Apache-2.0 */
/* Measurements for `robocache bench`, with CUDA events. */
#include "base/compat.h"

#include "kernels/cuda/gpu.h"

#include <string.h>
#include <sys/mman.h>

static double elapsed(cudaEvent_t from, cudaEvent_t to, cudaError_t *e)
{
	float ms = 0;

	if (!*e)
		*e = cudaEventElapsedTime(&ms, from, to);
	return (double)ms / 1e3;
}

/* The second-level cache is filled with other data, clean, so that nothing of it has to be written
 * back on the clock. */
static cudaError_t time_once(struct rc_gpu_lane *l, const char *flush, size_t bytes, double *s_out)
{
	cudaError_t e = rc_gpu_launch_flush(flush, bytes, l->stream);

	if (!e)
		e = cudaEventRecord(l->mark[RC_GPU_UPLOADED], l->stream);
	if (!e)
		e = rc_gpu_launch(l);
	if (!e)
		e = cudaEventRecord(l->mark[RC_GPU_COMPUTED], l->stream);
	if (!e)
		e = cudaStreamSynchronize(l->stream);
	*s_out = elapsed(l->mark[RC_GPU_UPLOADED], l->mark[RC_GPU_COMPUTED], &e);
	return e;
}

int rc_gpu_time_batch(struct rc_lane *lane, const struct rc_batch *b, int n, double *s_out,
		      struct rc_err *err)
{
	struct rc_gpu_lane *l = (struct rc_gpu_lane *)lane;
	const size_t bytes = lane->dev->l2_bytes * 2 / 16 * 16;
	char *flush = NULL;
	cudaError_t e;
	int rc = rc_gpu_submit(lane, b, err);

	if (!rc)
		rc = rc_gpu_wait(lane, err);
	if (rc)
		return rc;
	l->timed = false;
	e = cudaMalloc((void **)&flush, bytes);
	if (!e)
		e = cudaMemset(flush, 0, bytes);
	for (int i = 0; i < n && !e; i++)
		e = time_once(l, flush, bytes, &s_out[i]);
	cudaFree(flush);
	return e ? rc_gpu_lose(lane->dev, e, "while it was timed", err) : 0;
}

/* Two streams with a mark before and after. */
struct pair {
	cudaStream_t stream[2];
	cudaEvent_t before, after[2];
};

static cudaError_t open_pair(struct pair *p)
{
	cudaError_t e = cudaEventCreate(&p->before);

	for (int i = 0; i < 2 && !e; i++) {
		e = cudaStreamCreateWithFlags(&p->stream[i], cudaStreamNonBlocking);
		if (!e)
			e = cudaEventCreate(&p->after[i]);
	}
	return e;
}

static void close_pair(struct pair *p)
{
	for (int i = 0; i < 2; i++) {
		if (p->stream[i])
			cudaStreamDestroy(p->stream[i]);
		if (p->after[i])
			cudaEventDestroy(p->after[i]);
	}
	if (p->before)
		cudaEventDestroy(p->before);
}

/* Copies on one or both streams, from the first start to the last end. */
struct copy {
	void *dst;
	const void *src;
	size_t bytes;
	enum cudaMemcpyKind kind;
};

static cudaError_t time_copies(struct pair *p, const struct copy *c, int n_copies, double *s_out)
{
	cudaError_t e = cudaEventRecord(p->before, p->stream[0]);
	double s[2] = {0};

	if (!e && n_copies > 1)
		e = cudaStreamWaitEvent(p->stream[1], p->before, 0);
	for (int i = 0; i < n_copies && !e; i++) {
		e = cudaMemcpyAsync(c[i].dst, c[i].src, c[i].bytes, c[i].kind, p->stream[i]);
		if (!e)
			e = cudaEventRecord(p->after[i], p->stream[i]);
	}
	for (int i = 0; i < n_copies && !e; i++) {
		e = cudaStreamSynchronize(p->stream[i]);
		s[i] = elapsed(p->before, p->after[i], &e);
	}
	*s_out = s[0] > s[1] ? s[0] : s[1];
	return e;
}

int rc_gpu_time_copy(struct rc_device *dev, size_t bytes, int n, double *s_out, struct rc_err *err)
{
	struct pair p = {.before = NULL};
	struct copy c = {.bytes = bytes, .kind = cudaMemcpyDeviceToDevice};
	char *gpu = NULL;
	cudaError_t e;
	int rc = rc_gpu_enter(dev, err);

	if (rc)
		return rc;
	e = cudaMalloc((void **)&gpu, 2 * bytes);
	if (!e)
		e = cudaMemset(gpu, 1, 2 * bytes);
	if (!e)
		e = open_pair(&p);
	c.dst = gpu;
	c.src = gpu + bytes;
	for (int i = -1; i < n && !e; i++) /* the first one warms up */
		e = time_copies(&p, &c, 1, &s_out[i < 0 ? 0 : i]);
	close_pair(&p);
	cudaFree(gpu);
	return e ? rc_gpu_fail(dev, e, "to time a copy", err) : 0;
}

int rc_gpu_time_link(struct rc_device *dev, size_t bytes, int n, double *s_out, struct rc_err *err)
{
	struct pair p = {.before = NULL};
	char *gpu = NULL, *host = NULL;
	cudaError_t e;
	int rc = rc_gpu_enter(dev, err);

	if (rc)
		return rc;
	e = cudaMalloc((void **)&gpu, 2 * bytes);
	if (!e)
		e = cudaMallocHost((void **)&host, 2 * bytes);
	if (!e)
		e = open_pair(&p);
	if (!e) {
		struct copy both[2] = {
			{gpu, host, bytes, cudaMemcpyHostToDevice},
			{host + bytes, gpu + bytes, bytes, cudaMemcpyDeviceToHost},
		};
		memset(host, 1, 2 * bytes);
		e = cudaMemset(gpu, 1, 2 * bytes);
		for (int i = -1; i < n && !e; i++)
			e = time_copies(&p, both, 2, &s_out[i < 0 ? 0 : i]);
	}
	close_pair(&p);
	cudaFreeHost(host);
	cudaFree(gpu);
	return e ? rc_gpu_fail(dev, e, "to time the link", err) : 0;
}
