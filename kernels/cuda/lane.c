/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "kernels/cuda/gpu.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"

enum { ALIGN = 256 };

static struct rc_gpu_lane *of(struct rc_lane *lane)
{
	return (struct rc_gpu_lane *)lane;
}

static size_t aligned(size_t n)
{
	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

uint64_t rc_gpu_lane_memory(const struct rc_lane_size *size)
{
	return aligned(size->in_bytes) + aligned(size->out_bytes) + rc_gpu_table_bytes(size);
}

/* --- opening ---------------------------------------------------------------------------------- */

/* Host memory is our own mapping, registered with CUDA: it is still there, with the input in it,
 * when the device is lost. */
static int map_host(struct rc_gpu_lane *l, struct rc_err *err)
{
	void *p = mmap(NULL, l->host_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	cudaError_t e;

	if (p == MAP_FAILED)
		return rc_fail_nomem(err, l->host_bytes);
	l->host = p;
	madvise(p, l->host_bytes, MADV_HUGEPAGE);
	e = cudaHostRegister(p, l->host_bytes, cudaHostRegisterDefault);
	l->pinned = !e;
	return e ? rc_gpu_fail(l->lane.dev, e, "to pin host memory (less --memory may help)", err)
		 : 0;
}

static cudaError_t make_gpu(struct rc_gpu_lane *l)
{
	struct rc_device *dev = l->lane.dev;
	bool full = dev->room && dev->held + l->host_bytes > dev->room;
	cudaError_t e = full ? cudaErrorMemoryAllocation
			     : cudaMalloc((void **)&l->gpu, l->host_bytes);

	if (!e)
		dev->held += l->host_bytes;
	if (!e) /* gaps between tiles travel too: let them be something */
		e = cudaMemset(l->gpu, 0, l->host_bytes);
	if (!e)
		e = cudaStreamCreateWithFlags(&l->stream, cudaStreamNonBlocking);
	for (int i = 0; i < RC_GPU_N_MARKS && !e; i++)
		e = cudaEventCreateWithFlags(&l->mark[i], i == RC_GPU_DONE ? cudaEventBlockingSync
									   : cudaEventDefault);
	return e ? e : cudaDeviceSynchronize();
}

static void lay_out(struct rc_gpu_lane *l, const struct rc_lane_size *size)
{
	const size_t out = aligned(size->in_bytes), table = out + aligned(size->out_bytes);

	l->lane.in = l->host;
	l->lane.out = l->host + out;
	l->lane.in_cap = size->in_bytes;
	l->lane.out_cap = size->out_bytes;
	l->lane.cap_jobs = size->n_jobs;
	l->cuts.table = l->host + table;
	l->cuts.cap = rc_gpu_table_bytes(size);
	l->place = (struct rc_gpu_place){
		.in = l->gpu,
		.out = l->gpu + out,
		.table = l->gpu + table,
		.warps = l->lane.dev->warps,
	};
}

int rc_gpu_lane_open(struct rc_device *dev, const struct rc_lane_size *size,
		     struct rc_lane **lane_out, struct rc_err *err)
{
	struct rc_gpu_lane *l = NULL;
	cudaError_t e;
	int rc = rc_gpu_enter(dev, err);

	if (!rc)
		rc = rc_new(&l, err);
	if (rc)
		return rc;
	l->lane.dev = dev;
	l->host_bytes = aligned(rc_gpu_lane_memory(size));
	rc = rc_new_array(&l->lane.jobs, size->n_jobs, sizeof *l->lane.jobs, err);
	if (!rc)
		rc = map_host(l, err);
	if (!rc) {
		e = make_gpu(l);
		if (e)
			rc = rc_gpu_fail(dev, e, "to set up a lane (less --device-memory may help)",
					 err);
	}
	if (rc) {
		rc_gpu_lane_close(&l->lane);
		return rc;
	}
	lay_out(l, size);
	*lane_out = &l->lane;
	return 0;
}

void rc_gpu_lane_close(struct rc_lane *lane)
{
	struct rc_gpu_lane *l = of(lane);

	if (!l)
		return;
	cudaSetDevice(lane->dev->ordinal);
	if (l->stream)
		cudaStreamSynchronize(l->stream); /* nothing may write to what is unmapped below */
	for (int i = 0; i < RC_GPU_N_MARKS; i++)
		if (l->mark[i])
			cudaEventDestroy(l->mark[i]);
	if (l->stream)
		cudaStreamDestroy(l->stream);
	cudaFree(l->gpu);
	if (l->gpu)
		lane->dev->held -= l->host_bytes;
	if (l->pinned)
		cudaHostUnregister(l->host);
	if (l->host)
		munmap(l->host, l->host_bytes);
	cudaGetLastError(); /* of a lost device: said before */
	free(lane->jobs);
	free(l);
}

/* --- a batch ---------------------------------------------------------------------------------- */

cudaError_t rc_gpu_launch(const struct rc_gpu_lane *l)
{
	static cudaError_t (*const launch[])(const struct rc_gpu_launch *, cudaStream_t) = {
		[RC_GPU_K_F32] = rc_gpu_launch_rows_f32,
		[RC_GPU_K_F16] = rc_gpu_launch_rows_f16,
		[RC_GPU_K_BF16] = rc_gpu_launch_rows_bf16,
		[RC_GPU_K_ANY] = rc_gpu_launch_any,
	};
	cudaError_t e = cudaSuccess;

	cudaGetLastError(); /* an older one of this thread: a launch would return it as its own */
	for (int k = 0; k < RC_GPU_K_COUNT && !e; k++)
		if (l->cuts.launch[k].n_blocks)
			e = launch[k](&l->cuts.launch[k], l->stream);
	return e;
}

static cudaError_t upload(struct rc_gpu_lane *l, size_t in_bytes)
{
	cudaError_t e = cudaSuccess;

	if (in_bytes)
		e = cudaMemcpyAsync((void *)l->place.in, l->lane.in, in_bytes,
				    cudaMemcpyHostToDevice, l->stream);
	if (!e && l->cuts.used)
		e = cudaMemcpyAsync((void *)l->place.table, l->cuts.table, l->cuts.used,
				    cudaMemcpyHostToDevice, l->stream);
	return e;
}

static cudaError_t start(struct rc_gpu_lane *l, const struct rc_batch *b)
{
	cudaError_t e = cudaEventRecord(l->mark[RC_GPU_BEGIN], l->stream);

	if (!e)
		e = upload(l, b->in_bytes);
	if (!e)
		e = cudaEventRecord(l->mark[RC_GPU_UPLOADED], l->stream);
	if (!e &&
	    atomic_fetch_add(&l->lane.dev->submits, 1) + 1 == atomic_load(&l->lane.dev->poison_at))
		e = rc_gpu_launch_trap(l->stream);
	if (!e)
		e = rc_gpu_launch(l);
	if (!e)
		e = cudaEventRecord(l->mark[RC_GPU_COMPUTED], l->stream);
	if (!e && b->out_bytes)
		e = cudaMemcpyAsync(b->out, l->place.out, b->out_bytes, cudaMemcpyDeviceToHost,
				    l->stream);
	return e ? e : cudaEventRecord(l->mark[RC_GPU_DONE], l->stream);
}

static int check(const struct rc_gpu_lane *l, const struct rc_batch *b, struct rc_err *err)
{
	const struct rc_lane *lane = &l->lane;

	if (atomic_load(&lane->dev->lost))
		return rc_fail(err, RC_E_DEVICE, "device_failed",
			       "CUDA device %d ('%s') failed before", lane->dev->ordinal,
			       lane->dev->name);
	return rc_lane_check(lane, b, err);
}

int rc_gpu_submit(struct rc_lane *lane, const struct rc_batch *b, struct rc_err *err)
{
	struct rc_gpu_lane *l = of(lane);
	cudaError_t e;
	int rc = check(l, b, err);

	l->timed = false;
	if (!rc)
		rc = rc_gpu_enter(lane->dev, err);
	if (!rc)
		rc = rc_gpu_cut(b, &l->place, &l->cuts, err);
	if (rc)
		return rc;
	e = start(l, b);
	return e ? rc_gpu_lose(lane->dev, e, "when work was started", err) : 0;
}

bool rc_gpu_ready(struct rc_lane *lane)
{
	return rc_gpu_enter(lane->dev, NULL) ||
	       cudaEventQuery(of(lane)->mark[RC_GPU_DONE]) != cudaErrorNotReady;
}

int rc_gpu_wait(struct rc_lane *lane, struct rc_err *err)
{
	struct rc_gpu_lane *l = of(lane);
	cudaError_t e = cudaSetDevice(lane->dev->ordinal);

	if (!e)
		e = cudaEventSynchronize(l->mark[RC_GPU_DONE]);
	if (e)
		return rc_gpu_lose(lane->dev, e, "while computing", err);
	if (atomic_load(&lane->dev->lost)) /* by another lane: this result may be anything */
		return rc_fail(err, RC_E_DEVICE, "device_failed",
			       "CUDA device %d ('%s') failed meanwhile", lane->dev->ordinal,
			       lane->dev->name);
	l->timed = true;
	return 0;
}

static double seconds(cudaEvent_t from, cudaEvent_t to)
{
	float ms = 0;

	return cudaEventElapsedTime(&ms, from, to) ? 0 : (double)ms / 1e3;
}

void rc_gpu_times(const struct rc_lane *lane, struct rc_lane_times *t_out)
{
	const struct rc_gpu_lane *l = (const struct rc_gpu_lane *)lane;
	double at[RC_GPU_N_MARKS];

	memset(t_out, 0, sizeof *t_out);
	if (!l->timed)
		return;
	/* one coarse step (a float of ms), then fine ones */
	at[0] = seconds(lane->dev->epoch, l->mark[0]);
	for (int i = 1; i < RC_GPU_N_MARKS; i++)
		at[i] = at[i - 1] + seconds(l->mark[i - 1], l->mark[i]);
	t_out->upload = (struct rc_span){at[RC_GPU_BEGIN], at[RC_GPU_UPLOADED]};
	t_out->kernels = (struct rc_span){at[RC_GPU_UPLOADED], at[RC_GPU_COMPUTED]};
	t_out->download = (struct rc_span){at[RC_GPU_COMPUTED], at[RC_GPU_DONE]};
}
