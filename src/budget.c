/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "budget.h"

#include "machine.h"

/*
 * A batch of 3 MiB stays in the cache of a processor from reading to encoding.  A GPU wants its
 * copies large enough that what each costs to start does not show.
 */
enum {
	CPU_BATCH_BYTES = 3 << 20,     /* of in and out together, and the size of each */
	DEVICE_BATCH_BYTES = 16 << 20, /* each direction */
	LEAST_BATCH_BYTES = 256 << 10,
	MORE_SLOTS = 2,               /* than workers: one that is written, one that is filled */
	SPARE_PART = 2,               /* workers for one more slot: see spare() */
	LEAST_SLOTS = 2,              /* a device */
	DEVICE_SLOTS = 6,             /* a device, wanted: with fewer its link idles at times */
	AHEAD_BYTES = 128 << 20,      /* clocks: at most, and at most this part of the memory: */
	AHEAD_PART = 8,
	MAX_TILES = 256, MAX_ITEMS = 2048, MAX_JOBS = 1024,
	TILE_ROWS = 64 << 10,
	INPUT_BYTES = 1 << 20         /* scratch of an input: bridges, stored chunks read ahead */
};

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* --- what the plan needs ---------------------------------------------------------------------- */

static void need_most(struct rc_need *n, const struct rc_need *other)
{
	n->in = most(n->in, other->in);
	n->out = most(n->out, other->out);
	n->enc = most(n->enc, other->enc);
	n->jobs = most(n->jobs, other->jobs);
	n->items = most(n->items, other->items);
	n->chunk = most(n->chunk, other->chunk);
}

/* The least part of an episode that can be written: of each stream one row or chunk.  The number
 * of ticks is an estimate here, so a little more is allowed for. */
static struct rc_need episode_need(const struct rc_plan *plan, const struct rc_plan_episode *e,
				   uint64_t *rows_io)
{
	const struct rc_index *ix = rc_plan_index(plan, e);
	uint64_t ticks = e->est_ticks + e->est_ticks / 4 + 64;
	struct rc_need all = {0}, one;

	for (size_t i = 0; i < e->n_streams; i++) {
		uint64_t rows = least(rc_chunk_most(&e->streams[i]), ticks);

		rc_stream_need(ix, e, i, rows ? rows : 1, rows, &one);
		need_most(&all, &one);
		*rows_io = most(*rows_io, rows);
	}
	return all;
}

/* --- dividing --------------------------------------------------------------------------------- */

static uint64_t bounded(uint64_t v, uint64_t lo, uint64_t hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

static bool on_cpu(const struct rc_devices *d)
{
	return d->backend == d->cpu_backend;
}

/* A slot for batches of this many bytes and parts of this need.  What no stream needs is not
 * there at all. */
static struct rc_slot_size slot_for(const struct rc_devices *d, uint64_t batch,
				    const struct rc_need *n, uint64_t tile_rows)
{
	return (struct rc_slot_size){
		.in = n->in ? most(batch, n->in) : 0,
		.out = n->out ? most(batch, n->out) : 0,
		.enc = n->enc ? most(batch + batch / 32, n->enc) : 0,
		.want = on_cpu(d) ? batch : 2 * batch,
		.jobs = most(n->jobs, bounded(batch / (4 << 10), 64, MAX_JOBS)),
		.items = most(n->items, bounded(batch / (2 << 10), 128, MAX_ITEMS)),
		.tiles = bounded(batch / (16 << 10), 16, MAX_TILES),
		.tile_rows = tile_rows,
		.chunk = n->chunk,
	};
}

static uint64_t device_bytes_of(const struct rc_devices *d, const struct rc_slot_size *z,
				uint64_t n_slots)
{
	struct rc_lane_size lane = {z->in, z->out, z->jobs};

	return d->backend->lane_memory(&lane) * ((n_slots + d->n - 1) / d->n);
}

/* Of the host.  A lane stages all that it has on its device, with the tables of the backend. */
static uint64_t slot_bytes_of(const struct rc_devices *d, const struct rc_slot_size *z)
{
	uint64_t staged = z->in + z->out, all = device_bytes_of(d, z, 1);

	return rc_slot_bytes(z) + (all > staged ? all - staged : 0);
}

/* Of one worker, beside slots: a chunk as it is shared, and where it is decoded, at most through
 * two filters; the lists of rows. */
static uint64_t worker_bytes(const struct rc_budget *b, const struct rc_slot_size *z)
{
	return most(b->shared_bytes, z->chunk) + 3 * z->chunk + INPUT_BYTES +
	       z->tile_rows * (sizeof(struct rc_row_run) + sizeof(uint64_t));
}

/* Tries n_workers with n_slots of batches of this size. */
static bool try(struct rc_budget *b, int n_workers, int n_slots, uint64_t batch)
{
	b->slot = slot_for(b->devices, batch, &b->need, b->slot.tile_rows);
	b->slot_bytes = slot_bytes_of(b->devices, &b->slot);
	b->n_workers = n_workers;
	b->n_slots = n_slots;
	b->used = (uint64_t)n_workers * worker_bytes(b, &b->slot) + b->ahead_bytes +
		  (uint64_t)n_slots * b->slot_bytes;
	b->device_used = device_bytes_of(b->devices, &b->slot, (uint64_t)n_slots);
	return b->used <= b->bytes && b->device_used <= b->device_bytes;
}

static int larger(int a, int b)
{
	return a > b ? a : b;
}

static int least_slots(const struct rc_devices *d)
{
	return LEAST_SLOTS * (int)d->n;
}

static uint64_t smaller_batch(uint64_t batch)
{
	return batch > LEAST_BATCH_BYTES ? most(batch / 2, LEAST_BATCH_BYTES) : 0;
}

/* Batches leave in the order of the plan: while a slow one or the writer holds that up, sixteen
 * workers with two slots more than they are wait a tenth of their time. */
static bool spare(struct rc_budget *b, int n_workers, uint64_t batch)
{
	for (int n = n_workers / SPARE_PART; n > MORE_SLOTS; n--)
		if (try(b, n_workers, n_workers + n, batch))
			return true;
	return false;
}

/* Smaller batches first, then fewer slots, then fewer workers: one without a slot would idle. */
static bool divide(struct rc_budget *b, int n_workers)
{
	uint64_t batch = on_cpu(b->devices) ? CPU_BATCH_BYTES : DEVICE_BATCH_BYTES;
	const int link = on_cpu(b->devices) ? 0 : DEVICE_SLOTS * (int)b->devices->n;

	if (on_cpu(b->devices) && spare(b, n_workers, batch))
		return true;
	for (int w = n_workers; w > 0; w--) {
		int fewest = larger(w + 1, least_slots(b->devices));

		for (int s = larger(larger(w + MORE_SLOTS, link), fewest); s >= fewest; s--)
			for (uint64_t n = batch; n; n = smaller_batch(n))
				if (try(b, w, s, n))
					return true;
	}
	return false;
}

/* The memory with which the leanest run could hold parts of this need. */
static uint64_t least_memory(const struct rc_budget *b, const struct rc_need *n)
{
	struct rc_slot_size z = slot_for(b->devices, LEAST_BATCH_BYTES, n, b->slot.tile_rows);
	uint64_t rest = worker_bytes(b, &z) +
			(uint64_t)least_slots(b->devices) * slot_bytes_of(b->devices, &z);

	return least(rest / (AHEAD_PART - 1) * AHEAD_PART + AHEAD_PART, rest + AHEAD_BYTES);
}

static uint64_t least_device_memory(const struct rc_budget *b, const struct rc_need *n)
{
	struct rc_slot_size z = slot_for(b->devices, LEAST_BATCH_BYTES, n, b->slot.tile_rows);

	return device_bytes_of(b->devices, &z, (uint64_t)least_slots(b->devices));
}

static bool least_fits(const struct rc_budget *b, const struct rc_need *n)
{
	return least_memory(b, n) <= b->bytes && least_device_memory(b, n) <= b->device_bytes;
}

/* What the episodes need that cannot be done. */
struct too_much {
	size_t n;
	uint64_t memory, device_memory; /* the least of them */
};

/* The need of all episodes that fit.  One that does not is found again when its turn comes. */
static struct too_much count_needs(struct rc_budget *b, const struct rc_plan *plan)
{
	struct too_much no = {0, UINT64_MAX, UINT64_MAX};

	for (size_t i = 0; i < plan->n_order; i++) {
		uint64_t rows = b->slot.tile_rows;
		struct rc_need n = episode_need(plan, &plan->episodes[plan->order[i]],
						&b->slot.tile_rows);

		need_most(&n, &b->need);
		if (least_fits(b, &n)) {
			b->need = n;
			continue;
		}
		no.n++;
		no.memory = least(no.memory, least_memory(b, &n));
		no.device_memory = least(no.device_memory, least_device_memory(b, &n));
		b->slot.tile_rows = rows;
	}
	return no;
}

static uint64_t in_mib(uint64_t bytes)
{
	return (bytes >> 20) + 1;
}

/* What --memory would be where so much of it is for the budget. */
static uint64_t whole(const struct rc_budget *b, uint64_t bytes)
{
	return b->unpacks ? bytes / (RC_UNPACKED_PART - 1) * RC_UNPACKED_PART : bytes;
}

/* Nothing of the plan can be done. */
static int fail_all(const struct rc_budget *b, const struct too_much *no, struct rc_err *err)
{
	bool host = no->memory > b->bytes;
	char have[32];

	rc_format_bytes(have, sizeof have, host ? whole(b, b->bytes) : b->device_bytes);
	return rc_fail(err, host ? RC_E_USAGE : RC_E_DEVICE, host ? "memory" : "device_memory",
		       "%s: %s is too little; these data need at least %lluM",
		       host ? "--memory" : "--device-memory", have,
		       (unsigned long long)in_mib(host ? whole(b, no->memory) : no->device_memory));
}

static uint64_t device_share(const struct rc_budget_ask *ask)
{
	const struct rc_devices *d = ask->devices;
	uint64_t bytes = UINT64_MAX;

	for (size_t i = 0; i < d->n; i++)
		bytes = least(bytes, d->backend->memory(d->dev[i]));
	return least(bytes, rc_amount_of(ask->device_memory, bytes));
}

int rc_budget_make(const struct rc_budget_ask *ask, struct rc_budget *b_out, struct rc_err *err)
{
	struct rc_budget b = {.devices = ask->devices, .unpacks = ask->unpacks};
	struct too_much no;

	b.bytes = rc_amount_of(ask->memory, rc_allowed_memory());
	if (ask->unpacks)
		b.bytes -= b.bytes / RC_UNPACKED_PART;
	b.device_bytes = device_share(ask);
	b.ahead_bytes = least(AHEAD_BYTES, b.bytes / AHEAD_PART);
	b.shared_bytes = ask->shared_bytes;
	b.slot.tile_rows = TILE_ROWS;
	no = count_needs(&b, ask->plan);
	if (no.n == ask->plan->n_order || !divide(&b, ask->n_workers))
		return fail_all(&b, &no, err);
	*b_out = b;
	return 0;
}

void rc_budget_advice(const struct rc_budget *b, const struct rc_need *need, uint64_t rows,
		      char *dst, size_t cap)
{
	struct rc_budget wanted = *b;
	struct rc_need n = *need;

	need_most(&n, &b->need);
	wanted.slot.tile_rows = most(rows, b->slot.tile_rows);
	if (least_device_memory(&wanted, &n) > b->device_bytes)
		snprintf(dst, cap, "--device-memory %lluM",
			 (unsigned long long)in_mib(least_device_memory(&wanted, &n)));
	else
		snprintf(dst, cap, "--memory %lluM",
			 (unsigned long long)in_mib(whole(b, least_memory(&wanted, &n))));
}
