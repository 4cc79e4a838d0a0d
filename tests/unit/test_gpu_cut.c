/* SPDX-License-Identifier: Apache-2.0 */
/* How a batch is cut for the GPU, checked without one: every element of every job is made by
 * exactly one warp, whatever the device and the room in the table. */
#include <criterion/criterion.h>

#include "kernels/cuda/cut.h"

#include <stdlib.h>

enum { MAX_JOBS = 70 };

/* Where the buffers would be: nothing is read there. */
#define BASE ((char *)(uintptr_t)4096)

static uint64_t state = 5;

static uint32_t below(uint32_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % n;
}

struct made {
	struct rc_batch b;
	struct rc_job jobs[MAX_JOBS];
	uint32_t *seen[MAX_JOBS]; /* warps that make element (tick, column) */
};

static void add_job(struct made *m, uint64_t ticks, uint32_t n_ticks)
{
	static const uint8_t types[] = {RC_F32, RC_F32, RC_BF16, RC_F16, RC_F64, RC_U8};
	struct rc_job *j = &m->jobs[m->b.n_jobs];

	*j = (struct rc_job){.ticks = ticks,
			     .n_ticks = n_ticks,
			     .n_src = 1 + below(50),
			     .width = below(12) ? 1 + below(below(4) ? 40 : 600) : 0,
			     .src_dtype = types[below(6)],
			     .dst_dtype = (uint8_t)below(4),
			     .method = (uint8_t)below(RC_METHOD_KERNELS)};
	j->dst_stride = j->width + below(3);
	j->src = 64 * below(3) + 4 * below(4);
	m->seen[m->b.n_jobs++] = calloc((size_t)n_ticks * j->width + 1, sizeof(uint32_t));
}

static void make(struct made *m, uint32_t groups)
{
	*m = (struct made){.b = {.jobs = m->jobs}};
	for (uint32_t g = 0; g < groups; g++) {
		const uint32_t n_ticks = below(10) ? 1 + below(below(5) ? 70 : 1000) : 0;

		for (uint32_t i = 1 + below(3); i && m->b.n_jobs < MAX_JOBS; i--)
			add_job(m, 8 * g, n_ticks);
	}
}

/* The element range [c0, c1) of ticks [k0, k1), clipped to the job. */
static void mark(uint32_t *seen, const struct rc_gpu_job *g, uint32_t k0, uint32_t n, uint32_t c0,
		 uint32_t n_c)
{
	for (uint32_t k = k0; k < k0 + n && k < g->n_ticks; k++)
		for (uint32_t c = c0; c < c0 + n_c && c < g->width; c++)
			seen[(size_t)k * g->width + c]++;
}

/* What work.h says that block i of the job does. */
static void do_block(uint32_t *seen, const struct rc_gpu_job *g, uint32_t i, uint32_t run)
{
	const uint32_t strips = (g->n_vec + RC_GPU_LANES - 1) / RC_GPU_LANES;
	const uint32_t columns = (g->width + RC_GPU_ANY_COLUMNS - 1) / RC_GPU_ANY_COLUMNS;
	const uint32_t tile = run * RC_GPU_WARPS;

	if (g->path == RC_GPU_STRIPS)
		mark(seen, g, i / strips * tile, tile, i % strips * RC_GPU_LANES * g->vec,
		     RC_GPU_LANES * g->vec);
	else if (g->path == RC_GPU_FLAT)
		mark(seen, g, i * tile, tile, 0, g->width);
	else
		for (uint32_t w = 0; w < RC_GPU_WARPS; w++) {
			const uint32_t item = i * RC_GPU_WARPS + w;
			mark(seen, g, item / columns * g->reps * run, g->reps * run,
			     item % columns * RC_GPU_ANY_COLUMNS, RC_GPU_ANY_COLUMNS);
		}
}

static void do_launch(struct made *m, const struct rc_gpu_launch *l, const struct rc_gpu_cuts *cuts)
{
	const struct rc_gpu_job *jobs = l->jobs ? l->jobs : l->few;
	const uint32_t rows = l->blocks ? 1 : l->n_jobs;

	cr_assert(l->jobs == NULL || (const char *)l->jobs >= cuts->table);
	for (uint32_t y = 0; y < rows; y++)
		for (uint32_t x = 0; x < l->n_blocks; x++) {
			const struct rc_gpu_block b =
				l->blocks ? l->blocks[x] : (struct rc_gpu_block){y, x};
			const struct rc_gpu_job *g = &jobs[b.job];
			const size_t i = (size_t)((char *)g->dst - BASE) / 8;

			cr_assert_lt(b.job, l->n_jobs);
			do_block(m->seen[i], g, b.i, l->run);
		}
}

static void check(struct made *m, uint32_t warps, size_t room)
{
	struct rc_gpu_cuts cuts = {.table = malloc(room), .cap = room};
	const struct rc_gpu_place place = {
		.in = BASE, .out = BASE, .table = cuts.table, .warps = warps};
	struct rc_err err = {0};

	for (size_t i = 0; i < m->b.n_jobs; i++)
		m->jobs[i].dst = 8 * i; /* its name, for do_launch() */
	cr_assert_eq(rc_gpu_cut(&m->b, &place, &cuts, &err), 0, "%s", err.msg);
	cr_assert_leq(cuts.used, room);
	for (int k = 0; k < RC_GPU_K_COUNT; k++)
		if (cuts.launch[k].n_blocks)
			do_launch(m, &cuts.launch[k], &cuts);
	for (size_t i = 0; i < m->b.n_jobs; i++) {
		const size_t n = (size_t)m->jobs[i].n_ticks * m->jobs[i].width;

		for (size_t e = 0; e < n; e++)
			cr_assert_eq(m->seen[i][e], 1, "job %zu element %zu: made %u times", i, e,
				     m->seen[i][e]);
		free(m->seen[i]);
	}
	free(cuts.table);
}

Test(gpu_cut, every_element_is_made_once)
{
	static const uint32_t warps[] = {1, 40, 600, 8448};
	struct made m;

	for (int round = 0; round < 120; round++) {
		const struct rc_lane_size size = {0, 4 << 20, MAX_JOBS};

		make(&m, 1 + below(30));
		check(&m, warps[round % 4], rc_gpu_table_bytes(&size));
	}
}

Test(gpu_cut, without_room_for_a_table_of_blocks)
{
	struct made m;

	for (int round = 0; round < 20; round++) {
		make(&m, 25);
		check(&m, 64, MAX_JOBS * sizeof(struct rc_gpu_job) + 64);
	}
}

/* Vectors must not cross what alignment allows. */
Test(gpu_cut, vectors_are_aligned)
{
	struct made m;
	char table[4096];
	struct rc_gpu_cuts cuts = {.table = table, .cap = sizeof table};
	const struct rc_gpu_place place = {
		.in = BASE, .out = BASE, .table = table, .warps = 1};
	static const struct {
		uint32_t width, stride;
		uint64_t src, dst;
		uint8_t src_dtype, dst_dtype, vec;
	} cases[] = {
		{512, 588, 0, 0, RC_F32, RC_F32, 4},   {512, 588, 0, 0, RC_BF16, RC_BF16, 4},
		{512, 592, 0, 0, RC_BF16, RC_BF16, 8}, {512, 592, 8, 0, RC_BF16, RC_BF16, 4},
		{512, 592, 0, 4, RC_F32, RC_BF16, 1},  {512, 592, 0, 8, RC_F32, RC_BF16, 4},
		{14, 14, 0, 0, RC_F32, RC_F32, 2},     {7, 8, 0, 0, RC_F32, RC_F32, 1},
		{90, 90, 0, 0, RC_F32, RC_F32, 1},     {16, 16, 4, 0, RC_F16, RC_F32, 2},
	};

	for (size_t i = 0; i < RC_ARRAY_LEN(cases); i++) {
		m = (struct made){.b = {.jobs = m.jobs, .n_jobs = 1}};
		m.jobs[0] = (struct rc_job){.src = cases[i].src,
					    .dst = cases[i].dst,
					    .n_src = 3,
					    .n_ticks = 3,
					    .width = cases[i].width,
					    .dst_stride = cases[i].stride,
					    .src_dtype = cases[i].src_dtype,
					    .dst_dtype = cases[i].dst_dtype};
		cr_assert_eq(rc_gpu_cut(&m.b, &place, &cuts, NULL), 0);
		const int k = cases[i].src_dtype == RC_F32   ? RC_GPU_K_F32
			      : cases[i].src_dtype == RC_F16 ? RC_GPU_K_F16
							     : RC_GPU_K_BF16;
		cr_assert_eq(cuts.launch[k].few[0].vec, cases[i].vec, "case %zu: %u", i,
			     cuts.launch[k].few[0].vec);
	}
}

/* Rows so wide that the elements of a run are more than 32 bits count. */
Test(gpu_cut, giant_rows)
{
	char table[4096];
	struct rc_gpu_cuts cuts = {.table = table, .cap = sizeof table};
	const struct rc_gpu_place place = {
		.in = BASE, .out = BASE, .table = table, .warps = 1};
	struct rc_job j = {.n_src = 64, .n_ticks = 64, .width = 1u << 27, .dst_stride = 1u << 27,
			   .src_dtype = RC_F64, .dst_dtype = RC_F64};
	const struct rc_batch b = {.jobs = &j, .n_jobs = 1};

	cr_assert_eq(rc_gpu_cut(&b, &place, &cuts, NULL), 0);
	cr_assert_eq(cuts.launch[RC_GPU_K_ANY].few[0].reps, 1);
	cr_assert_eq(cuts.launch[RC_GPU_K_ANY].n_blocks, (1u << 27) / RC_GPU_ANY_COLUMNS * 2 / 4);
}
