/* SPDX-License-Identifier: Apache-2.0 */
/* How --memory is divided, and what --device may say. */
#include "base/compat.h"

#include "budget.h"
#include "machine.h"
#include "tests/unit/plan_made.h"

#define MIB (UINT64_C(1) << 20)
#define TABLE 4096

static uint64_t gpu_bytes;

static uint64_t gpu_memory(const struct rc_device *dev)
{
	(void)dev;
	return gpu_bytes;
}

static uint64_t gpu_lane(const struct rc_lane_size *z)
{
	return z->in_bytes + z->out_bytes + TABLE;
}

static const struct rc_backend gpu = {.name = "gpu", .memory = gpu_memory,
				      .lane_memory = gpu_lane};

static int divide(struct job *j, size_t n_gpus, int n_workers, struct rc_amount memory,
		  struct rc_budget *b)
{
	static struct rc_devices d;
	struct rc_budget_ask ask = {.plan = &j->plan, .devices = &d, .memory = memory,
				    .device_memory = {.percent = 50}, .shared_bytes = MIB,
				    .n_workers = n_workers};

	d = (struct rc_devices){.cpu_backend = rc_backend_find("cpu"), .n = n_gpus ? n_gpus : 1};
	d.backend = n_gpus ? &gpu : d.cpu_backend;
	return rc_budget_make(&ask, b, &j->err);
}

/* Less memory is smaller batches first, then fewer slots, then fewer workers; never more than was
 * given. */
Test(budget, shrinks_in_order)
{
	struct rc_budget b, last = {0};
	uint64_t full = 0;
	struct job j;
	int n_ok = 0;

	start(&j);
	ADD(&j, "a.h5", 3, ARM);
	j.set.rate = (struct rc_rate){20, 1};
	good(&j);
	for (uint64_t m = 4096; m > 0; m = m * 9 / 10) {
		int rc = divide(&j, 0, 8, (struct rc_amount){m * MIB, 0}, &b);

		if (rc) {
			cr_assert_eq(rc, RC_E_USAGE);
			cr_assert_neq(strstr(j.err.msg, "--memory"), NULL, "%s", j.err.msg);
			continue;
		}
		cr_assert_eq(n_ok == 0 || last.n_workers > 0, true);
		cr_assert_leq(b.used, m * MIB);
		cr_assert_eq(b.bytes, m * MIB);
		cr_assert_gt(b.n_slots, b.n_workers);
		cr_assert_geq(b.n_workers, 1);
		cr_assert_eq(b.slot_bytes, rc_slot_bytes(&b.slot));
		cr_assert_leq(b.n_slots * b.slot_bytes, b.used);
		if (n_ok == 0) {
			cr_assert_eq(b.n_slots, 12, "half as many to spare as workers");
			full = b.slot.want;
		}
		if (b.n_slots > b.n_workers + 2)
			cr_assert_eq(b.slot.want, full, "spare slots make no batch smaller");
		if (n_ok++) {
			cr_assert_leq(b.n_workers, last.n_workers);
			cr_assert(b.n_slots <= last.n_slots || b.n_workers < last.n_workers);
			cr_assert(b.slot.want <= last.slot.want || b.n_slots < last.n_slots ||
				  b.n_workers < last.n_workers);
		}
		last = b;
	}
	cr_assert_gt(n_ok, 20);
	cr_assert_eq(last.n_workers, 1);
	cr_assert_leq(last.n_slots, 3);
	/* what the message says is enough */
	cr_assert_eq(divide(&j, 0, 1, (struct rc_amount){1000, 0}, &b), RC_E_USAGE);
	n_ok = (int)strtol(strstr(j.err.msg, "at least ") + 9, NULL, 10);
	cr_assert_eq(divide(&j, 0, 1, (struct rc_amount){(uint64_t)n_ok * MIB, 0}, &b), 0);
	end(&j);
}

Test(budget, a_giant_is_left_out)
{
	struct rc_need giant = {.out = 0};
	struct rc_budget b, more;
	char advice[64];
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 2, STEPS(50));
	/* one frame of 48 MB, copied into a chunk of its own */
	ADD(&j, "b.h5", 1, {"cam", RC_U8, RC_KIND_IMAGE, RC_ROLE_OBS, 50, 4000, 4000, 0, 0});
	good(&j);
	cr_assert_eq(divide(&j, 0, 2, (struct rc_amount){64 * MIB, 0}, &b), 0, "%s", j.err.msg);
	cr_assert_lt(b.slot.out, 48000000);
	cr_assert_eq(divide(&j, 0, 2, (struct rc_amount){512 * MIB, 0}, &more), 0);
	cr_assert_geq(more.slot.out, 48000000);
	giant.out = giant.in = 48000000;
	rc_budget_advice(&b, &giant, 1, advice, sizeof advice);
	cr_assert_eq(strncmp(advice, "--memory ", 9), 0, "%s", advice);
	cr_assert_gt(strtol(advice + 9, NULL, 10), 200);
	/* where nothing else is there, it is the whole run that cannot be done */
	cr_assert_eq(divide(&j, 0, 2, (struct rc_amount){10 * MIB, 0}, &b), 0);
	end(&j);
	start(&j);
	ADD(&j, "b.h5", 1, {"cam", RC_U8, RC_KIND_IMAGE, RC_ROLE_OBS, 50, 4000, 4000, 0, 0});
	good(&j);
	cr_assert_eq(divide(&j, 0, 2, (struct rc_amount){64 * MIB, 0}, &b), RC_E_USAGE);
	end(&j);
}

/* An episode that the slots were not made for may have longer chunks than the lists of rows that
 * workers hold, and yet fewer bytes than a slot. */
Test(budget, no_tile_is_longer_than_the_lists)
{
	int n_refused = 0;
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 1, {"flag", RC_U8, RC_KIND_LOWDIM, RC_ROLE_OBS, 100, 1, 0, 0, 0});
	ADD(&j, "b.h5", 1, {"flag", RC_U8, RC_KIND_LOWDIM, RC_ROLE_OBS, 1 << 18, 1, 0, 0, 0});
	j.set.compression = "gzip";
	good(&j);
	for (uint64_t m = 4; m < 64; m++) {
		struct rc_budget b;
		struct rc_work_ask ask = {.plan = &j.plan, .set = &j.set, .budget = &b};

		if (divide(&j, 0, 1, (struct rc_amount){m * MIB, 0}, &b))
			continue;
		for (ask.i_order = 0; ask.i_order < 2; ask.i_order++) {
			struct rc_work w = {0};

			cr_assert_eq(rc_work_prepare(&w, &ask, &j.err), 0);
			cr_assert(!w.err.code || !strcmp(w.err.reason, "memory"), "%s", w.err.msg);
			n_refused += w.err.code != 0;
			for (size_t i = 0; i < w.n_tiles; i++)
				cr_assert_leq(w.tiles[i].n_rows, b.slot.tile_rows);
			if (w.err.code) { /* what the message says is enough */
				m = strtoull(strstr(w.err.msg, "--memory ") + 9, NULL, 10);
				cr_assert_eq(divide(&j, 0, 1, (struct rc_amount){m * MIB, 0}, &b),
					     0);
				cr_assert_geq(b.slot.tile_rows, 1 << 18);
			}
			rc_work_release(&w);
		}
	}
	cr_assert_eq(n_refused, 1);
	end(&j);
}

Test(budget, devices)
{
	struct rc_budget b;
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 3, ARM);
	j.set.rate = (struct rc_rate){20, 1};
	good(&j);
	gpu_bytes = 4096 * MIB;
	cr_assert_eq(divide(&j, 3, 1, (struct rc_amount){4096 * MIB, 0}, &b), 0);
	cr_assert_geq(b.n_slots, 6, "two for each device");
	cr_assert_leq(b.device_used, b.device_bytes);
	cr_assert_eq(b.device_bytes, gpu_bytes / 2);
	cr_assert_eq(b.slot_bytes, rc_slot_bytes(&b.slot) + TABLE, "the table is on both sides");
	gpu_bytes = 16 * MIB;
	cr_assert_eq(divide(&j, 1, 8, (struct rc_amount){4096 * MIB, 0}, &b), 0);
	cr_assert_leq(b.device_used, 8 * MIB);
	gpu_bytes = MIB / 2;
	cr_assert_eq(divide(&j, 1, 8, (struct rc_amount){4096 * MIB, 0}, &b), RC_E_DEVICE);
	cr_assert_neq(strstr(j.err.msg, "--device-memory"), NULL, "%s", j.err.msg);
	end(&j);
}

/* What no stream needs is not there. */
Test(budget, only_what_is_needed)
{
	struct rc_budget b;
	struct job j;

	start(&j);
	ADD(&j, "a.h5", 3, STEPS(500));
	good(&j);
	cr_assert_eq(divide(&j, 0, 2, (struct rc_amount){.percent = 50}, &b), 0);
	cr_assert_eq(b.bytes, rc_allowed_memory() / 2);
	cr_assert_eq(b.slot.in, 0, "copies");
	cr_assert_eq(b.slot.enc, 0, "no codec");
	cr_assert_gt(b.slot.out, MIB);
	end(&j);
}

Test(device, texts)
{
	static const struct {
		const char *text;
		enum rc_device_mode mode;
		const char *number;
	} good_ones[] = {{"auto", RC_DEVICE_AUTO, ""},
			 {"cpu", RC_DEVICE_CPU, ""},
			 {"cuda", RC_DEVICE_CUDA, ""},
			 {"cuda:0", RC_DEVICE_CUDA, "0"},
			 {"cuda:12", RC_DEVICE_CUDA, "12"},
			 {"cuda:all", RC_DEVICE_CUDA_ALL, ""}};
	static const char *const bad_ones[] = {"", "gpu", "CPU", "cuda:", "cuda:x", "cuda:1x",
					       "cuda:-1", "cuda:99999", "cuda:all ", "cud"};
	struct rc_device_choice c;
	struct rc_err err = {0};

	for (size_t i = 0; i < RC_ARRAY_LEN(good_ones); i++) {
		cr_assert_eq(rc_device_parse(good_ones[i].text, &c, &err), 0, "%s", err.msg);
		cr_assert_eq(c.mode, good_ones[i].mode);
		cr_assert_str_eq(c.number, good_ones[i].number);
	}
	for (size_t i = 0; i < RC_ARRAY_LEN(bad_ones); i++) {
		cr_assert_eq(rc_device_parse(bad_ones[i], &c, &err), RC_E_USAGE, "%s", bad_ones[i]);
		cr_assert_neq(strstr(err.msg, RC_DEVICE_FORMS), NULL);
	}
}

Test(device, the_processor_is_always_there)
{
	struct rc_device_choice c = {.mode = RC_DEVICE_CPU};
	struct rc_devices d;
	struct rc_err err = {0};

	cr_assert_eq(rc_devices_open(&d, &c, "baseline", true, &err), 0);
	cr_assert_eq(d.dev[0], d.cpu);
	cr_assert_str_eq(d.fallback, "");
	cr_assert_str_eq(d.backend->describe(d.cpu), "baseline");
	rc_devices_close(&d);
	c.mode = RC_DEVICE_AUTO;
	cr_assert_eq(rc_devices_open(&d, &c, NULL, false, &err), 0);
	cr_assert_eq(d.dev[0], d.cpu);
	cr_assert_str_eq(d.fallback, "nothing to compute");
	rc_devices_close(&d);
	cr_assert_eq(rc_devices_open(&d, &c, "sse9", true, &err), RC_E_USAGE);
	rc_devices_close(&d);
}

/* What becomes of a GPU that fails, and of one that has no room. */
Test(device, on_gpu_error)
{
	static const struct {
		enum rc_device_mode mode;
		enum rc_gpu_error on_error;
		bool recovers, falls_back;
	} rows[] = {
		{RC_DEVICE_AUTO, RC_GPU_ERROR_AUTO, true, true},
		{RC_DEVICE_CPU, RC_GPU_ERROR_AUTO, false, false},
		{RC_DEVICE_AUTO, RC_GPU_ERROR_CPU, true, true},
		{RC_DEVICE_AUTO, RC_GPU_ERROR_RETRY, false, true},
		{RC_DEVICE_AUTO, RC_GPU_ERROR_STOP, false, false},
		{RC_DEVICE_CPU, RC_GPU_ERROR_CPU, true, true},
	};

	for (size_t i = 0; i < RC_ARRAY_LEN(rows); i++) {
		struct rc_device_choice c = {.mode = rows[i].mode, .on_error = rows[i].on_error};
		struct rc_devices d;

		cr_assert_eq(rc_devices_open(&d, &c, NULL, false, NULL), 0);
		cr_assert_eq(d.recovers, rows[i].recovers, "row %zu", i);
		cr_assert_eq(d.falls_back, rows[i].falls_back, "row %zu", i);
		rc_devices_close(&d);
	}
}
