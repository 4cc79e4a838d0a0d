/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline over a device that does not exist: a backend that computes in threads of its own,
 * takes its time, and fails when told to.  Whatever happens on it, the shards are the same.
 */
#include "base/compat.h"

#include <criterion/criterion.h>
#include <hdf5.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "pipeline.h"

static char dir[] = "/tmp/test-pipeline-XXXXXX";
static struct rc_err err;

static void make_dir(void)
{
	cr_assert(mkdtemp(dir));
}

static void remove_dir(void)
{
	char command[64];

	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	if (system(command))
		cr_log_warn("%s is left", dir);
}

TestSuite(pipeline, .init = make_dir, .fini = remove_dir, .timeout = 120);

/* --- the device ------------------------------------------------------------------------------- */

struct rc_device {
	atomic_int lanes;
};

struct fake_lane {
	struct rc_lane lane; /* the buffers are those of: */
	struct rc_lane *real;
	uint64_t bytes;
	pthread_t thread;
	bool fails;
	atomic_bool done;
};

static struct rc_device fakes[4];
static struct rc_device *real_device; /* of the processor */
static atomic_int n_submits, n_lanes, n_running, most_running;
static atomic_bool lost;
static int fail_submit, fail_wait; /* 0: never */
static uint64_t room, held;        /* bytes of all lanes; 0: any */
static bool slow_first;

static const struct rc_backend *cpu(void)
{
	return rc_backend_find("cpu");
}

static const char *fake_describe(const struct rc_device *dev)
{
	(void)dev;
	return "a fake";
}

static uint64_t fake_memory(const struct rc_device *dev)
{
	(void)dev;
	return UINT64_C(1) << 30;
}

static uint64_t fake_lane_memory(const struct rc_lane_size *z)
{
	return z->in_bytes + z->out_bytes + z->n_jobs * sizeof(struct rc_job);
}

static int fake_lane_open(struct rc_device *dev, const struct rc_lane_size *size,
			  struct rc_lane **lane_out, struct rc_err *e)
{
	struct fake_lane *l = calloc(1, sizeof *l);

	l->bytes = fake_lane_memory(size);
	if (room && held + l->bytes > room) {
		free(l);
		return rc_fail(e, RC_E_DEVICE, "device_memory", "the fake is full");
	}
	cr_assert_eq(cpu()->lane_open(real_device, size, &l->real, e), 0);
	l->lane = *l->real;
	l->lane.dev = dev;
	dev->lanes++;
	n_lanes++;
	held += l->bytes;
	*lane_out = &l->lane;
	return 0;
}

static void fake_lane_close(struct rc_lane *lane)
{
	struct fake_lane *l = (struct fake_lane *)lane;

	if (!l)
		return;
	cpu()->lane_close(l->real);
	n_lanes--;
	held -= l->bytes;
	free(l);
}

/* What was in the memory of the device. */
static void scribble(struct rc_lane *lane, const struct rc_batch *b)
{
	memset(lane->out, 0x5a, b->out_bytes);
}

struct fake_job {
	struct fake_lane *l;
	struct rc_batch b;
	int n;
	bool slow;
};

static void *fake_run(void *arg)
{
	struct fake_job *j = arg;
	struct timespec nap = {.tv_nsec = (j->slow ? 400 : j->n % 3) * 1000000L};
	int now = ++n_running, most = most_running;

	while (now > most && !atomic_compare_exchange_weak(&most_running, &most, now))
		;
	nanosleep(&nap, NULL);
	scribble(&j->l->lane, &j->b); /* a device also writes what lies between the results */
	if (cpu()->submit(j->l->real, &j->b, NULL))
		abort();
	if (j->l->fails)
		scribble(&j->l->lane, &j->b);
	n_running--;
	j->l->done = true;
	free(j);
	return NULL;
}

static int fake_submit(struct rc_lane *lane, const struct rc_batch *b, struct rc_err *e)
{
	struct fake_lane *l = (struct fake_lane *)lane;
	struct fake_job *j;
	int n = ++n_submits, rc = rc_lane_check(lane, b, e);

	if (rc)
		return rc;
	if (lost || n == fail_submit) {
		lost = true;
		scribble(lane, b);
		return rc_fail(e, RC_E_DEVICE, "device_lost", "the fake broke at batch %d", n);
	}
	j = malloc(sizeof *j);
	*j = (struct fake_job){l, *b, n, slow_first && n == 1};
	l->fails = n == fail_wait;
	l->done = false;
	cr_assert_eq(pthread_create(&l->thread, NULL, fake_run, j), 0);
	return 0;
}

static bool fake_ready(struct rc_lane *lane)
{
	return ((struct fake_lane *)lane)->done;
}

static int fake_wait(struct rc_lane *lane, struct rc_err *e)
{
	struct fake_lane *l = (struct fake_lane *)lane;

	pthread_join(l->thread, NULL);
	if (!l->fails)
		return 0;
	lost = true;
	return rc_fail(e, RC_E_DEVICE, "device_lost", "the fake broke in the middle");
}

static void fake_times(const struct rc_lane *lane, struct rc_lane_times *t)
{
	(void)lane;
	*t = (struct rc_lane_times){{1, 2}, {2, 4}, {4, 7}};
}

static const struct rc_backend fake = {
	.name = "fake",
	.describe = fake_describe,
	.memory = fake_memory,
	.lane_memory = fake_lane_memory,
	.lane_open = fake_lane_open,
	.lane_close = fake_lane_close,
	.submit = fake_submit,
	.ready = fake_ready,
	.wait = fake_wait,
	.times = fake_times,
};

static void fake_close(struct rc_device *dev)
{
	(void)dev;
}

/* --- the data --------------------------------------------------------------------------------- */

static void put(hid_t group, const char *name, hid_t type, const hsize_t *dims, int rank)
{
	hid_t space = H5Screate_simple(rank, dims, NULL), set;
	size_t n = 1;
	double *v;

	for (int i = 0; i < rank; i++)
		n *= dims[i];
	v = malloc(n * sizeof *v);
	for (size_t i = 0; i < n; i++)
		v[i] = (double)(i * 7919 % 251) - (rank == 4 ? 0 : 0.25 * (double)(i % 5));
	set = H5Dcreate2(group, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	cr_assert_geq(set, 0);
	cr_assert_geq(H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, v), 0);
	free(v);
	H5Dclose(set);
	H5Sclose(space);
}

static const char *make_file(int n_demos, hsize_t rows)
{
	static char path[64];
	hid_t file, data, demo, obs;
	char name[32];

	snprintf(path, sizeof path, "%s/in.hdf5", dir);
	file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
	data = H5Gcreate2(file, "data", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	for (int i = 0; i < n_demos; i++) {
		snprintf(name, sizeof name, "demo_%d", i);
		demo = H5Gcreate2(data, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
		obs = H5Gcreate2(demo, "obs", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
		put(demo, "actions", H5T_IEEE_F64LE, (hsize_t[]){rows, 100}, 2);
		put(obs, "qpos", H5T_IEEE_F32LE, (hsize_t[]){rows, 9}, 2);
		put(obs, "cam", H5T_STD_U8LE, (hsize_t[]){rows, 8, 8, 3}, 4);
		H5Gclose(obs);
		H5Gclose(demo);
	}
	H5Gclose(data);
	H5Fclose(file);
	return path;
}

/* --- a run ------------------------------------------------------------------------------------ */

struct ask {
	size_t n_devices; /* 0: the processor */
	int n_workers;
	uint64_t memory;
	bool stops;       /* as --device cuda does */
};

struct outcome {
	int rc;
	struct rc_digest digest;
	struct rc_pipeline_stats stats;
	uint64_t n_batches; /* of all workers, each as it counted them */
	struct rc_budget budget;
	char fallback[128];
	size_t n_devices;
	uint64_t n_ok, n_recomputed; /* of the shard */
};

struct data {
	struct rc_readers *readers;
	struct rc_inputs inputs;
	struct rc_scan scan;
	struct rc_settings set;
	struct rc_recipe recipe;
	struct rc_problems problems;
	struct rc_plan plan;
};

static void plan(struct data *d, int n_demos, hsize_t rows)
{
	static char out[64];
	static const char *rate[] = {"20"};
	struct rc_reader_limits limits = {.shared_bytes = 1 << 20};
	char *operand = (char *)(uintptr_t)make_file(n_demos, rows);
	struct rc_input_options opt = {.operands = &operand, .n_operands = 1};
	struct rc_scan_ask scan;

	*d = (struct data){.set = {.layout_out = "robomimic", .compression = "gzip:1",
				   .rate = {50, 1}, .source_rate = {rate, 1, 1}, .output = out}};
	snprintf(out, sizeof out, "%s/out", dir);
	mkdir(out, 0755);
	rc_problems_init(&d->problems);
	cr_assert_eq(rc_readers_start(&limits, &d->readers, &err), 0, "%s", err.msg);
	cr_assert_eq(rc_inputs_collect(&opt, &d->inputs, &err), 0, "%s", err.msg);
	scan = (struct rc_scan_ask){.readers = d->readers, .inputs = &d->inputs, .n_threads = 1};
	cr_assert_eq(rc_scan_run(&scan, &d->scan, &err), 0);
	cr_assert_eq(rc_recipe_compile(&d->set, &d->recipe, &err), 0, "%s", err.msg);
	cr_assert_eq(rc_plan_make(&d->scan, &d->recipe, &d->problems, &d->plan, &err), 0, "%s",
		     err.msg);
	cr_assert_eq(d->plan.n_order, (size_t)n_demos);
	rc_shard_init();
}

static void end(struct data *d)
{
	rc_plan_release(&d->plan);
	rc_recipe_release(&d->recipe);
	rc_scan_release(&d->scan);
	rc_inputs_release(&d->inputs);
	rc_problems_release(&d->problems);
	rc_readers_stop(d->readers);
}

static struct outcome run(struct data *d, struct ask a)
{
	static struct rc_backend backend;
	struct rc_devices devices = {.backend = cpu(), .n = 1, .cpu_backend = cpu(),
				     .recovers = !a.stops, .falls_back = !a.stops};
	struct rc_shard_info info = {"1.0.0", "{}"};
	struct outcome o = {0};
	struct rc_writer writer;
	struct rc_budget_ask budget = {.plan = &d->plan, .devices = &devices,
				       .memory = {a.memory ? a.memory : 256 << 20, 0},
				       .device_memory = {.percent = 50},
				       .shared_bytes = 1 << 20, .n_workers = a.n_workers};
	struct rc_pipeline_options opt = {&budget, &o.budget, &devices, NULL, NULL};

	cr_assert_eq(cpu()->open(NULL, &devices.cpu, NULL), 0);
	real_device = devices.cpu;
	devices.dev[0] = devices.cpu;
	backend = fake;
	backend.close = fake_close;
	n_submits = n_lanes = n_running = most_running = 0;
	lost = false;
	if (a.n_devices) {
		devices.backend = &backend;
		devices.n = a.n_devices;
		for (size_t i = 0; i < a.n_devices; i++) {
			fakes[i].lanes = 0;
			devices.dev[i] = &fakes[i];
		}
	}
	err = (struct rc_err){0};
	cr_assert_eq(rc_writer_init(&writer, &d->plan, &d->set, &info, &err), 0);
	o.rc = rc_budget_make(&budget, &o.budget, &err);
	if (!o.rc)
		o.rc = rc_pipeline_run(&d->plan, d->readers, &opt, &writer, &o.stats, &err);
	o.digest = writer.shards[0].digest;
	o.n_ok = writer.n_ok;
	o.n_recomputed = writer.shards[0].n_recomputed;
	o.n_devices = devices.n;
	snprintf(o.fallback, sizeof o.fallback, "%.100s", devices.fallback);
	for (int i = 0; i < o.stats.n_workers; i++)
		o.n_batches += o.stats.workers[i].n_batches;
	rc_pipeline_stats_release(&o.stats);
	cr_assert_eq(n_lanes, 0, "lanes are left");
	cr_assert_eq(n_running, 0, "a batch is left");
	rc_writer_release(&writer);
	rc_devices_close(&devices);
	return o;
}

static void same(const struct outcome *a, const struct outcome *b)
{
	cr_assert_eq(a->rc, 0, "%s", err.msg);
	cr_assert_eq(b->rc, 0, "%s", err.msg);
	cr_assert_eq(a->n_ok, b->n_ok);
	cr_assert_eq(b->n_batches, b->stats.n_batches);
	cr_assert_eq(a->digest.hi, b->digest.hi);
	cr_assert_eq(a->digest.lo, b->digest.lo);
}

/* --- the tests -------------------------------------------------------------------------------- */

/* 1251 ticks of 800 bytes: four chunks, the last one padded. */
enum { DEMOS = 16, ROWS = 501 };

Test(pipeline, a_device_changes_nothing)
{
	const struct ask asks[] = {{1, 1, 0, false}, {1, 3, 0, false}, {3, 2, 0, true},
				   {2, 4, 12 << 20, false}, {0, 3, 12 << 20, false}};
	struct outcome want, got;
	struct data d;

	plan(&d, DEMOS, ROWS);
	want = run(&d, (struct ask){0, 1, 0, false});
	cr_assert_eq(want.n_ok, DEMOS);
	cr_assert_eq(want.stats.upload.busy_ns, 0);
	for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
		got = run(&d, asks[i]);
		same(&want, &got);
		cr_assert_eq(got.stats.n_recomputed, 0);
		for (size_t k = 0; k < asks[i].n_devices; k++)
			cr_assert_geq(fakes[k].lanes, 2, "slots of device %zu", k);
		if (!asks[i].n_devices)
			continue;
		cr_assert_eq(n_submits > 0, true);
		cr_assert_gt(got.stats.upload.bytes, 0);
		/* the fake's clock: each batch takes 1, 2 and 3 s */
		cr_assert_eq(got.stats.upload.busy_ns / 1000000000, n_submits);
		cr_assert_eq(got.stats.download.busy_ns / 1000000000, 3 * n_submits);
	}
	end(&d);
}

/* One worker has several batches on the device at a time, and opens lanes at the start only. */
Test(pipeline, batches_overlap)
{
	struct outcome got;
	struct data d;
	int lanes;

	plan(&d, DEMOS, ROWS);
	slow_first = true;
	got = run(&d, (struct ask){1, 1, 0, false});
	cr_assert_eq(got.rc, 0);
	lanes = fakes[0].lanes;
	cr_assert_eq(lanes, got.stats.n_slots);
	cr_assert_gt(n_submits, 2 * lanes);
	cr_assert_geq(most_running, 2);
	end(&d);
}

Test(pipeline, a_lost_device_costs_no_byte)
{
	struct outcome want, got;
	struct data d;

	plan(&d, DEMOS, ROWS);
	want = run(&d, (struct ask){0, 1, 0, false});
	for (int i = 0; i < 6; i++) {
		fail_submit = i < 3 ? 1 + 2 * i : 0;
		fail_wait = i < 3 ? 0 : 1 + 2 * (i - 3);
		got = run(&d, (struct ask){1 + (size_t)(i & 1), 2, 12 << 20, false});
		same(&want, &got);
		cr_assert_gt(got.stats.n_recomputed, 0);
		cr_assert_eq(got.n_recomputed, got.stats.n_recomputed);
		cr_assert_eq(got.stats.device_err.code, RC_E_DEVICE);
		cr_assert_str_eq(got.stats.device_err.reason, "device_lost");
		/* with the device demanded it is the end */
		got = run(&d, (struct ask){1, 2, 12 << 20, true});
		cr_assert_eq(got.rc, RC_E_DEVICE);
		cr_assert_neq(strstr(err.msg, "the fake broke"), NULL, "%s", err.msg);
		cr_assert_eq(got.stats.n_recomputed, 0);
	}
	end(&d);
}

Test(pipeline, no_room_on_the_device)
{
	struct outcome want, got;
	struct data d;

	plan(&d, DEMOS, ROWS);
	want = run(&d, (struct ask){0, 1, 0, false});
	room = 4096;
	got = run(&d, (struct ask){2, 2, 0, false});
	same(&want, &got);
	cr_assert_eq(n_submits, 0);
	cr_assert_eq(got.n_devices, 1);
	cr_assert_str_eq(got.fallback, "the fake is full");
	got = run(&d, (struct ask){2, 2, 0, true});
	cr_assert_eq(got.rc, RC_E_DEVICE);
	cr_assert_str_eq(err.reason, "device_memory");
	end(&d);
}

/* Another program took some of it after the budget was made. */
Test(pipeline, less_room_than_there_was)
{
	struct outcome want, got;
	struct data d;
	uint64_t whole;

	plan(&d, DEMOS, ROWS);
	want = run(&d, (struct ask){0, 1, 0, false});
	whole = run(&d, (struct ask){1, 2, 0, true}).budget.device_used;
	for (uint64_t part = 2; part < 10; part++) {
		room = whole / part;
		got = run(&d, (struct ask){1, 2, 0, true});
		same(&want, &got);
		cr_assert_gt(n_submits, 0);
		cr_assert_str_eq(got.fallback, "");
		cr_assert_leq(got.budget.device_used, room);
		cr_assert_gt(got.budget.device_used, room / 4, "no less than it must be");
	}
	end(&d);
}

/* A run of equal episodes takes all its memory at the beginning. */
Test(pipeline, steady_state_allocates_nothing)
{
	struct outcome got;
	struct data d;

	plan(&d, 700, 40);
	for (size_t n_devices = 0; n_devices < 2; n_devices++) {
		got = run(&d, (struct ask){n_devices, 2, 8 << 20, false});
		cr_assert_eq(got.rc, 0, "%s", err.msg);
		cr_assert(got.stats.steady, "%d slots, %llu batches", got.stats.n_slots,
			  (unsigned long long)got.stats.n_batches);
		cr_assert_eq(got.stats.late_allocs, 0);
		/* the list of episodes of a shard, which doubles */
		cr_assert_leq(got.stats.late_writer_allocs, 2);
		cr_assert_eq(got.stats.n_grown, 0);
	}
	end(&d);
}
