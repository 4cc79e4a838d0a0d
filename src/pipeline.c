/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "pipeline.h"

#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "signals.h"

enum {
	BATCH_BYTES = 4 << 20,      /* tiles are added to a batch up to this */
	BATCH_TILES = 256,
	AHEAD_EPISODES = 16,        /* prepared and not yet dispatched, at most */
	AHEAD_BYTES = 32 << 20,     /* memory of those, at most (one is always allowed) */
	WAKE_MS = 100
};

enum episode_state { EP_WAITING, EP_PREPARING, EP_READY, EP_DISPATCHED };

struct episode {
	enum episode_state state;
	struct rc_work *work;
};

enum slot_state { SLOT_FREE, SLOT_BUSY, SLOT_DONE };

struct slot {
	enum slot_state state;
	struct rc_slot s;
};

struct pipeline {
	/* set once */
	const struct rc_plan *plan;
	const struct rc_settings *set;
	struct rc_readers *readers;
	const struct rc_pipeline_options *opt;
	/* under lock */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct episode *ep;      /* plan->n_order */
	size_t next_prepare;     /* first episode nobody prepares yet */
	size_t cursor, tile;     /* next to dispatch */
	size_t ahead_bytes;
	struct slot *slots;
	size_t n_slots;
	uint64_t next_seq, n_running;
	bool stop;
	struct rc_err err;       /* first failure that ends the run */
	struct rc_pipeline_stats stats;
};

static void fail_run(struct pipeline *p, const struct rc_err *err)
{
	if (!p->err.code)
		p->err = *err;
	p->stop = true;
	pthread_cond_broadcast(&p->changed);
}

/* --- taking work (all under the lock) --------------------------------------------------------- */

static struct slot *free_slot(struct pipeline *p)
{
	for (size_t i = 0; i < p->n_slots; i++)
		if (p->slots[i].state == SLOT_FREE)
			return &p->slots[i];
	return NULL;
}

/* Moves tiles at the cursor into the slot until it is full or the next episode is not ready. */
static int fill_slot(struct pipeline *p, struct slot *sl, struct rc_err *err)
{
	uint64_t bytes = 0;
	int rc = 0;

	rc_slot_clear(&sl->s);
	while (!rc && p->cursor < p->plan->n_order && p->ep[p->cursor].state == EP_READY) {
		struct rc_work *w = p->ep[p->cursor].work;
		const struct rc_tile *t = p->tile < w->n_tiles ? &w->tiles[p->tile] : NULL;
		uint64_t more = t ? rc_tile_bytes(w, t) : 0;
		bool last = p->tile + 1 >= w->n_tiles;

		if (sl->s.n_placed && (bytes + more > BATCH_BYTES || sl->s.n_placed >= BATCH_TILES))
			break;
		rc = rc_slot_add(&sl->s, w, t, p->tile == 0, last, err);
		if (rc)
			break;
		bytes += more;
		p->tile++;
		if (last) {
			p->ahead_bytes -= w->bytes;
			p->ep[p->cursor].state = EP_DISPATCHED;
			p->ep[p->cursor].work = NULL; /* the writer frees it */
			p->cursor++;
			p->tile = 0;
		}
	}
	return rc;
}

static bool may_prepare(const struct pipeline *p)
{
	size_t ahead = p->next_prepare - p->cursor;

	if (p->next_prepare >= p->plan->n_order)
		return false;
	return ahead == 0 || (ahead < AHEAD_EPISODES && p->ahead_bytes < AHEAD_BYTES);
}

static bool may_dispatch(const struct pipeline *p)
{
	return p->cursor < p->plan->n_order && p->ep[p->cursor].state == EP_READY;
}

/* --- workers ---------------------------------------------------------------------------------- */

static int run_batch(struct pipeline *p, struct slot *sl, struct rc_worker_tools *tools,
		     struct rc_err *err)
{
	int rc = fill_slot(p, sl, err);

	sl->state = SLOT_BUSY;
	sl->s.seq = p->next_seq++;
	pthread_cond_broadcast(&p->changed); /* room to prepare more */
	pthread_mutex_unlock(&p->lock);
	if (!rc)
		rc = rc_slot_run(&sl->s, tools, err);
	pthread_mutex_lock(&p->lock);
	if (!rc)
		sl->state = SLOT_DONE;
	pthread_cond_broadcast(&p->changed);
	return rc;
}

static int prepare_next(struct pipeline *p, struct rc_worker_tools *tools, struct rc_err *err)
{
	size_t i = p->next_prepare++;
	struct rc_work *w = NULL;
	int64_t t0 = rc_now_ns();
	int rc;

	p->ep[i].state = EP_PREPARING;
	pthread_mutex_unlock(&p->lock);
	rc = rc_work_prepare(tools->input, p->plan, i, p->set, &w, err);
	pthread_mutex_lock(&p->lock);
	p->stats.prepare_ns += rc_now_ns() - t0;
	p->stats.n_prepared++;
	if (!rc) {
		p->ep[i].work = w;
		p->ep[i].state = EP_READY;
		p->ahead_bytes += w->bytes;
	}
	pthread_cond_broadcast(&p->changed);
	return rc;
}

static int work_loop(struct pipeline *p, struct rc_worker_tools *tools, struct rc_err *err)
{
	int rc = 0;

	while (!p->stop && !rc && p->cursor < p->plan->n_order) {
		struct slot *sl = may_dispatch(p) ? free_slot(p) : NULL;

		if (sl) {
			rc = run_batch(p, sl, tools, err);
		} else if (may_prepare(p)) {
			rc = prepare_next(p, tools, err);
		} else {
			int64_t t0 = rc_now_ns();
			pthread_cond_wait(&p->changed, &p->lock);
			p->stats.worker_wait_ns += rc_now_ns() - t0;
		}
	}
	return rc;
}

static void add_time(struct rc_stage_time *to, const struct rc_stage_time *from)
{
	to->busy_ns += from->busy_ns;
	to->items += from->items;
	to->bytes += from->bytes;
}

static void add_stats(struct pipeline *p, const struct rc_worker_tools *t)
{
	struct rc_input_counters c = {0};

	if (t->input)
		rc_input_counters(t->input, &c);
	add_time(&p->stats.read,
		 &(struct rc_stage_time){c.read_ns, c.reads + c.chunks, c.read_bytes});
	add_time(&p->stats.decode, &(struct rc_stage_time){c.decode_ns, c.chunks, c.decoded_bytes});
	add_time(&p->stats.compute, &t->compute);
	add_time(&p->stats.encode, &t->encode);
}

static void *worker(void *arg)
{
	struct pipeline *p = arg;
	struct rc_worker_tools tools = {.backend = p->opt->backend, .device = p->opt->device};
	struct rc_err err = {0};
	int rc = rc_input_new(p->readers, &tools.input, &err);

	if (!rc)
		rc = rc_codec_ctx_new(&tools.codec, &err);
	pthread_mutex_lock(&p->lock);
	if (!rc)
		rc = work_loop(p, &tools, &err);
	if (rc)
		fail_run(p, &err);
	add_stats(p, &tools);
	p->n_running--;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	rc_input_free(tools.input);
	rc_codec_ctx_free(tools.codec);
	free(tools.runs);
	free(tools.picks);
	return NULL;
}

/* --- the writing thread ----------------------------------------------------------------------- */

static struct slot *done_slot(struct pipeline *p, uint64_t seq)
{
	for (size_t i = 0; i < p->n_slots; i++)
		if (p->slots[i].state == SLOT_DONE && p->slots[i].s.seq == seq)
			return &p->slots[i];
	return NULL;
}

static bool all_written(const struct pipeline *p, uint64_t written)
{
	return p->cursor >= p->plan->n_order && written == p->next_seq;
}

static void wait_changed(struct pipeline *p)
{
	struct timespec until;
	int64_t t0 = rc_now_ns();

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += WAKE_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_cond_timedwait(&p->changed, &p->lock, &until);
	p->stats.writer_wait_ns += rc_now_ns() - t0;
}

static int write_slot(struct rc_writer *writer, struct rc_slot *s, struct rc_err *err)
{
	int rc = 0;

	for (size_t i = 0; i < s->n_items && !rc; i++) {
		const struct rc_work *w = s->items[i].work;

		rc = rc_writer_item(writer, &s->items[i], err);
		if (s->items[i].kind != RC_ITEM_END)
			continue;
		for (size_t k = 0; k < s->n_placed; k++) /* freed: not left over */
			if (s->placed[k].work == w)
				s->placed[k].last = false;
	}
	return rc;
}

/* Frees the episodes whose END nobody wrote when the run ends early.  The slot that holds the last
 * tile of an episode owns it; before that one is dispatched, the table does. */
static void free_left_over(struct pipeline *p, uint64_t written)
{
	for (uint64_t seq = written; seq < p->next_seq; seq++)
		for (size_t i = 0; i < p->n_slots; i++) {
			const struct rc_slot *s = &p->slots[i].s;

			if (p->slots[i].state == SLOT_FREE || s->seq != seq)
				continue;
			for (size_t k = 0; k < s->n_placed; k++)
				if (s->placed[k].last)
					rc_work_free(s->placed[k].work);
		}
	for (size_t i = 0; i < p->plan->n_order; i++)
		if (p->ep[i].state == EP_READY)
			rc_work_free(p->ep[i].work);
}

static int write_loop(struct pipeline *p, struct rc_writer *writer, uint64_t *written_out,
		      struct rc_err *err)
{
	uint64_t written = 0;
	int64_t last_tick = 0;
	int rc = 0;

	while (!rc && !p->stop && !all_written(p, written)) {
		struct slot *sl = done_slot(p, written);

		if (rc_stop_asked()) {
			rc = rc_fail(err, RC_E_INTERRUPTED, "interrupted", "stopped by a signal");
			break;
		}
		if (!sl) {
			wait_changed(p);
		} else {
			pthread_mutex_unlock(&p->lock);
			rc = write_slot(writer, &sl->s, err);
			pthread_mutex_lock(&p->lock);
			if (!rc) {
				written++;
				sl->state = SLOT_FREE;
				pthread_cond_broadcast(&p->changed);
			}
		}
		if (p->opt->tick && rc_now_ns() - last_tick > WAKE_MS * 1000000LL) {
			last_tick = rc_now_ns();
			pthread_mutex_unlock(&p->lock); /* a terminal may be slow */
			p->opt->tick(p->opt->tick_arg, writer);
			pthread_mutex_lock(&p->lock);
		}
	}
	if (!rc && p->err.code) {
		if (err)
			*err = p->err;
		rc = p->err.code;
	}
	p->stop = true;
	pthread_cond_broadcast(&p->changed);
	while (p->n_running)
		pthread_cond_wait(&p->changed, &p->lock);
	*written_out = written;
	return rc;
}

/* Starts as many workers as it can; at least one. */
static int start_workers(struct pipeline *p, pthread_t *threads, int *n_out, struct rc_err *err)
{
	int n = 0;

	pthread_mutex_lock(&p->lock);
	while (n < p->opt->n_workers) {
		p->n_running++;
		if (pthread_create(&threads[n], NULL, worker, p)) {
			p->n_running--;
			break;
		}
		n++;
	}
	pthread_mutex_unlock(&p->lock);
	*n_out = n;
	return n ? 0 : rc_fail(err, RC_E_NOMEM, "threads", "cannot start a worker thread");
}

int rc_pipeline_run(const struct rc_plan *plan, struct rc_readers *readers,
		    const struct rc_pipeline_options *opt, struct rc_writer *writer,
		    struct rc_pipeline_stats *stats, struct rc_err *err)
{
	struct pipeline p = {.plan = plan, .set = writer->set, .readers = readers, .opt = opt};
	pthread_t *threads = NULL;
	uint64_t written = 0;
	int n = 0, rc;

	p.n_slots = (size_t)opt->n_workers + 2;
	rc = rc_new_array(&p.ep, plan->n_order, sizeof *p.ep, err);
	if (!rc)
		rc = rc_new_array(&p.slots, p.n_slots, sizeof *p.slots, err);
	if (!rc)
		rc = rc_new_array(&threads, (size_t)opt->n_workers, sizeof *threads, err);
	pthread_mutex_init(&p.lock, NULL);
	pthread_cond_init(&p.changed, NULL);
	if (!rc)
		rc = start_workers(&p, threads, &n, err);
	if (!rc) {
		pthread_mutex_lock(&p.lock);
		rc = write_loop(&p, writer, &written, err);
		pthread_mutex_unlock(&p.lock);
	}
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	if (!rc)
		rc = rc_writer_finish(writer, err);
	if (rc && p.slots && p.ep)
		free_left_over(&p, written);
	for (size_t i = 0; i < p.n_slots && p.slots; i++)
		rc_slot_release(&p.slots[i].s, opt->backend);
	p.stats.n_workers = n;
	p.stats.n_slots = (int)p.n_slots;
	*stats = p.stats;
	pthread_mutex_destroy(&p.lock);
	pthread_cond_destroy(&p.changed);
	free(p.ep);
	free(p.slots);
	free(threads);
	return rc;
}
