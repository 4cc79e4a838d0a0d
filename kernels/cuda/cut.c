/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "kernels/cuda/cut.h"

#include <string.h>

enum {
	ANY_ELEMENTS = 512, /* wanted elements of a warp of any.cu */
	BLOCK_BYTES = 512,  /* of output, that a block has on average or more */
	MAX_WARPS = 16384,  /* more than any device holds at once, for the size of the table */
	MAX_GRID_Y = 65535  /* CUDA's limit */
};

static uint32_t div_up(uint64_t a, uint64_t b)
{
	return (uint32_t)((a + b - 1) / b);
}

static bool small_float(uint8_t dtype)
{
	return dtype == RC_F32 || dtype == RC_F16 || dtype == RC_BF16;
}

static enum rc_gpu_kernel kernel_of(const struct rc_job *j)
{
	if (j->method == RC_METHOD_SLERP || !small_float(j->src_dtype) ||
	    !small_float(j->dst_dtype))
		return RC_GPU_K_ANY;
	if (j->src_dtype == RC_F32)
		return RC_GPU_K_F32;
	return j->src_dtype == RC_F16 ? RC_GPU_K_F16 : RC_GPU_K_BF16;
}

/* The most elements that a lane may load and store at once: at most 16 bytes, and every row of
 * both sides begins at a multiple of it. */
static uint8_t vector_of(const struct rc_job *j)
{
	const size_t src = rc_dtype_size((enum rc_dtype)j->src_dtype);
	const size_t dst = rc_dtype_size((enum rc_dtype)j->dst_dtype);
	size_t vec = 16 / (src > dst ? src : dst);

	while (vec > 1 && (j->width % vec || j->dst_stride % vec || j->src % (vec * src) ||
			   j->dst % (vec * dst)))
		vec /= 2;
	return (uint8_t)vec;
}

static void set_path(const struct rc_job *j, struct rc_gpu_job *g)
{
	g->reps = 1;
	g->vec = 1;
	if (kernel_of(j) == RC_GPU_K_ANY) {
		g->path = RC_GPU_ANY;
		g->n_vec = j->width;
		return;
	}
	g->vec = vector_of(j);
	if (g->vec == 2 && j->width / 2 >= RC_GPU_LANES)
		g->vec = 1;
	g->n_vec = j->width / g->vec;
	g->path = g->n_vec >= RC_GPU_LANES ? RC_GPU_STRIPS : RC_GPU_FLAT;
}

static struct rc_gpu_job job_of(const struct rc_job *j, const struct rc_gpu_place *place)
{
	struct rc_gpu_job g = {
		.src = place->in + j->src,
		.t = (const int64_t *)(place->in + j->src_t),
		.ticks = (const int64_t *)(place->in + j->ticks),
		.dst = place->out + j->dst,
		.n_src = j->n_src,
		.n_ticks = j->n_ticks,
		.width = j->width,
		.dst_stride = j->dst_stride,
		.src_dtype = j->src_dtype,
		.dst_dtype = j->dst_dtype,
		.method = j->method,
		.quat_first = j->quat_first,
	};

	set_path(j, &g);
	return g;
}

/* Blocks of one tile. */
static uint32_t groups_of(const struct rc_gpu_job *g)
{
	return g->path == RC_GPU_STRIPS ? div_up(g->n_vec, RC_GPU_LANES) : 1;
}

static uint64_t blocks_of(const struct rc_gpu_job *g, uint32_t run)
{
	const uint64_t ticks = (uint64_t)run * g->reps;
	uint64_t warps;

	if (g->path != RC_GPU_ANY)
		return (uint64_t)div_up(g->n_ticks, ticks * RC_GPU_WARPS) * groups_of(g);
	warps = (uint64_t)div_up(g->n_ticks, ticks) * div_up(g->n_vec, RC_GPU_ANY_COLUMNS);
	return div_up(warps, RC_GPU_WARPS);
}

/* Narrow rows make little work for a warp: several runs, as long as there is work for all. */
static void set_reps(struct rc_gpu_job *g, uint32_t run, bool plenty)
{
	const uint64_t elements = (uint64_t)g->n_vec * run;

	if (g->path == RC_GPU_ANY && plenty && elements < ANY_ELEMENTS)
		g->reps = (uint16_t)(ANY_ELEMENTS / elements);
}

/* A block of full size writes kilobytes.  Where many are smaller, the table may not hold all of
 * them: then there is none, see cut_kernel(). */
size_t rc_gpu_table_bytes(const struct rc_lane_size *size)
{
	const size_t blocks = size->n_jobs + size->out_bytes / BLOCK_BYTES +
			      RC_GPU_K_COUNT * (size_t)MAX_WARPS / RC_GPU_WARPS;

	return size->n_jobs * sizeof(struct rc_gpu_job) + blocks * sizeof(struct rc_gpu_block);
}

/* --- one kernel ------------------------------------------------------------------------------- */

/* Ticks of an item: as many as leave an item for every warp that the device holds. */
static uint32_t run_for(const struct rc_gpu_job *jobs, uint32_t n, const struct rc_gpu_place *place,
			bool *plenty_out)
{
	const uint32_t warps = place->warps < MAX_WARPS ? place->warps : MAX_WARPS;
	uint32_t run = RC_GPU_RUN_MAX;
	uint64_t have;

	for (;; run /= 2) {
		have = 0;
		for (uint32_t i = 0; i < n; i++)
			have += blocks_of(&jobs[i], run) * RC_GPU_WARPS;
		if (have >= warps || run == RC_GPU_RUN_MIN)
			break;
	}
	*plenty_out = have >= 4 * (uint64_t)warps;
	return run;
}

static uint32_t most_blocks(const struct rc_gpu_job *jobs, uint32_t n, uint32_t run)
{
	uint64_t most = 0;

	for (uint32_t i = 0; i < n; i++)
		most = blocks_of(&jobs[i], run) > most ? blocks_of(&jobs[i], run) : most;
	return (uint32_t)most;
}

static uint64_t count_blocks(const struct rc_gpu_job *jobs, uint32_t n, uint32_t run)
{
	uint64_t blocks = 0;

	for (uint32_t i = 0; i < n; i++)
		blocks += blocks_of(&jobs[i], run);
	return blocks;
}

/* Jobs whose rows are columns of the same tensor stand one after the other. */
static bool same_tensor(const struct rc_gpu_job *a, const struct rc_gpu_job *b)
{
	return a->ticks == b->ticks && a->n_ticks == b->n_ticks && a->dst_dtype == b->dst_dtype &&
	       a->dst_stride == b->dst_stride;
}

/*
 * The blocks of the jobs [i, end) of one tensor, tile by tile: what writes to the same rows runs at
 * about the same time.  Columns of different jobs share sectors of memory, and a sector that leaves
 * the cache half written has to be read back later.
 */
static struct rc_gpu_block *deal_tensor(const struct rc_gpu_job *jobs, uint32_t i, uint32_t end,
					uint32_t run, struct rc_gpu_block *out)
{
	bool more = true;

	for (uint32_t tile = 0; more; tile++) {
		more = false;
		for (uint32_t k = i; k < end; k++) {
			const uint32_t n = (uint32_t)blocks_of(&jobs[k], run);
			const uint32_t groups = groups_of(&jobs[k]), first = tile * groups;

			for (uint32_t g = 0; g < groups && first + g < n; g++)
				*out++ = (struct rc_gpu_block){k, first + g};
			more |= first + groups < n;
		}
	}
	return out;
}

static void deal_jobs(const struct rc_gpu_job *jobs, const struct rc_gpu_launch *l,
		      struct rc_gpu_block *out)
{
	for (uint32_t i = 0, end; i < l->n_jobs; i = end) {
		for (end = i + 1; end < l->n_jobs && same_tensor(&jobs[i], &jobs[end]);)
			end++;
		out = deal_tensor(jobs, i, end, l->run, out);
	}
}

/*
 * Few jobs travel as parameters, one a row of the grid, unless that makes many empty blocks;
 * otherwise a table says what each block does; and where that has no room, the jobs are rows of the
 * grid from where they stand in the table.  `at`: where in the table room is free.
 */
static int cut_kernel(const struct rc_gpu_place *place, struct rc_gpu_cuts *cuts,
		      struct rc_gpu_job *jobs, struct rc_gpu_launch *l, size_t *at)
{
	const size_t jobs_at = (size_t)((char *)jobs - cuts->table);
	uint64_t blocks, end;
	bool plenty;

	l->run = run_for(jobs, l->n_jobs, place, &plenty);
	for (uint32_t i = 0; i < l->n_jobs; i++)
		set_reps(&jobs[i], l->run, plenty);
	blocks = count_blocks(jobs, l->n_jobs, l->run);
	end = *at + blocks * sizeof(struct rc_gpu_block);
	l->n_blocks = most_blocks(jobs, l->n_jobs, l->run);
	l->jobs = NULL;
	l->blocks = NULL;
	if (l->n_jobs <= RC_GPU_INLINE && (uint64_t)l->n_blocks * l->n_jobs <= 2 * blocks + 64) {
		memcpy(l->few, jobs, l->n_jobs * sizeof *jobs);
		return 0;
	}
	l->jobs = (const struct rc_gpu_job *)(place->table + jobs_at);
	cuts->used = *at; /* all jobs at least */
	if (end > cuts->cap)
		return l->n_jobs > MAX_GRID_Y ? RC_E_BUG : 0;
	deal_jobs(jobs, l, (struct rc_gpu_block *)(cuts->table + *at));
	l->blocks = (const struct rc_gpu_block *)(place->table + *at);
	l->n_blocks = (uint32_t)blocks;
	cuts->used = *at = end;
	return 0;
}

/* Puts the jobs into the table, those of one kernel side by side. */
static int place_jobs(const struct rc_batch *b, const struct rc_gpu_place *place,
		      struct rc_gpu_cuts *cuts, struct rc_err *err)
{
	struct rc_gpu_job *jobs = (struct rc_gpu_job *)cuts->table;

	for (int k = 0; k < RC_GPU_K_COUNT; k++)
		cuts->launch[k].n_jobs = cuts->launch[k].n_blocks = 0;
	for (int k = 0; k < RC_GPU_K_COUNT; k++)
		for (size_t i = 0; i < b->n_jobs; i++) {
			const struct rc_job *j = &b->jobs[i];

			if ((int)kernel_of(j) != k || !j->n_ticks || !j->width)
				continue;
			if (j->n_src > RC_GPU_ROWS_MAX)
				return rc_fail(err, RC_E_BUG, "gpu_rows",
					       "job %zu: %u rows are more than %d", i, j->n_src,
					       RC_GPU_ROWS_MAX);
			*jobs++ = job_of(j, place);
			cuts->launch[k].n_jobs++;
		}
	return 0;
}

int rc_gpu_cut(const struct rc_batch *b, const struct rc_gpu_place *place, struct rc_gpu_cuts *cuts,
	       struct rc_err *err)
{
	struct rc_gpu_job *jobs = (struct rc_gpu_job *)cuts->table;
	size_t at = b->n_jobs * sizeof *jobs;
	int rc = place_jobs(b, place, cuts, err);

	cuts->used = 0;
	for (int k = 0; k < RC_GPU_K_COUNT && !rc; k++) {
		struct rc_gpu_launch *l = &cuts->launch[k];

		if (l->n_jobs && cut_kernel(place, cuts, jobs, l, &at))
			rc = rc_fail(err, RC_E_BUG, "gpu_table", "too many jobs in a batch: %u",
				     l->n_jobs);
		jobs += l->n_jobs;
	}
	return rc;
}
