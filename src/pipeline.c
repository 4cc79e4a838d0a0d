/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "pipeline.h"

#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kernels/marks.h"
#include "pool.h"
#include "ring.h"
#include "signals.h"

enum {
	AHEAD_EPISODES = 16, /* prepared and not yet dispatched, at most */
	WAKE_MS = 100,
	WARM_ROUNDS = 3,     /* each episode's memory was used so often before all is steady */
	WARM_BATCHES = 32,
	WARM_WORKER = 8      /* batches and episodes of a worker */
};

enum episode_state { EP_WAITING, EP_PREPARING, EP_READY, EP_DISPATCHED };

struct episode {
	enum episode_state state;
	struct rc_work *work;
};

struct self;

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
	uint64_t next_bytes;     /* that next_prepare will take */
	const char *next_path;   /* its file */
	struct rc_ring ring;
	size_t last_slot;        /* that was filled: slots take turns, and so do devices */
	struct rc_pool pool;     /* the memory of episodes */
	uint64_t next_seq, n_running;
	bool stop;
	struct rc_err err;       /* first failure that ends the run */
	struct self *selves;     /* of the workers; each its own */
	struct rc_pipeline_stats stats;
};

/* What a worker counts for itself. */
struct self {
	struct pipeline *p;
	pthread_t thread;
	struct rc_worker_time time;
	struct rc_worker_tools tools;
	struct rc_scratch scratch;
	uint64_t scratch_counted; /* by the pool */
	bool warm;
	uint64_t allocs;         /* when it was warm */
};

static void fail_run(struct pipeline *p, const struct rc_err *err)
{
	if (!p->err.code)
		p->err = *err;
	p->stop = true;
	pthread_cond_broadcast(&p->changed);
}

/* --- taking work (all under the lock) --------------------------------------------------------- */

static struct rc_ring_slot *free_slot(struct pipeline *p)
{
	for (size_t i = 1; i <= p->ring.n; i++) {
		size_t k = (p->last_slot + i) % p->ring.n;

		if (p->ring.slots[k].state == RC_SLOT_FREE)
			return &p->ring.slots[k];
	}
	return NULL;
}

/* A batch whose device is done; else, with `any`, the oldest one that a device has. */
static struct rc_ring_slot *submitted_slot(struct pipeline *p, bool any)
{
	struct rc_ring_slot *oldest = NULL;

	for (size_t i = 0; i < p->ring.n; i++) {
		struct rc_ring_slot *sl = &p->ring.slots[i];

		if (sl->state == RC_SLOT_SUBMITTED && (!oldest || sl->s.seq < oldest->s.seq) &&
		    (any || rc_slot_ready(&sl->s)))
			oldest = sl;
	}
	return oldest;
}

/* Moves tiles at the cursor into the slot until it is full or the next episode is not ready. */
static void fill_slot(struct pipeline *p, struct rc_ring_slot *sl)
{
	rc_slot_clear(&sl->s);
	while (p->cursor < p->plan->n_order && p->ep[p->cursor].state == EP_READY) {
		struct rc_work *w = p->ep[p->cursor].work;
		const struct rc_tile *t = p->tile < w->n_tiles ? &w->tiles[p->tile] : NULL;
		bool last = p->tile + 1 >= w->n_tiles;

		if (!rc_slot_add(&sl->s, w, t, p->tile == 0, last))
			break;
		p->tile++;
		if (last) {
			p->ep[p->cursor].state = EP_DISPATCHED;
			p->ep[p->cursor].work = NULL; /* comes back from the writer */
			p->cursor++;
			p->tile = 0;
		}
	}
}

static bool may_prepare(const struct pipeline *p)
{
	size_t ahead = p->next_prepare - p->cursor;

	return p->next_prepare < p->plan->n_order && ahead < AHEAD_EPISODES &&
	       rc_pool_has_room(&p->pool, p->next_bytes) &&
	       rc_readers_have_room(p->readers, p->next_path);
}

static bool may_dispatch(const struct pipeline *p)
{
	return p->cursor < p->plan->n_order && p->ep[p->cursor].state == EP_READY;
}

/* --- workers ---------------------------------------------------------------------------------- */

/* Called and left with the lock held; works without it. */
static int finish_batch(struct pipeline *p, struct rc_ring_slot *sl, struct self *self,
			struct rc_err *err)
{
	int64_t t0 = rc_now_ns(), waited;
	int rc;

	sl->state = RC_SLOT_FINISHING;
	pthread_mutex_unlock(&p->lock);
	rc = rc_slot_wait(&sl->s, &self->tools, err);
	waited = rc_now_ns() - t0;
	if (!rc)
		rc = rc_slot_emit(&sl->s, &self->tools, err);
	self->time.n_batches++;
	pthread_mutex_lock(&p->lock);
	self->time.device_wait_ns += waited;
	if (!rc)
		sl->state = RC_SLOT_DONE;
	pthread_cond_broadcast(&p->changed);
	return rc;
}

static int run_batch(struct pipeline *p, struct rc_ring_slot *sl, struct self *self,
		     struct rc_err *err)
{
	int rc;

	fill_slot(p, sl);
	p->last_slot = (size_t)(sl - p->ring.slots);
	sl->state = RC_SLOT_READING;
	sl->s.seq = p->next_seq++;
	p->stats.n_batches++;
	pthread_cond_broadcast(&p->changed); /* room to prepare more */
	pthread_mutex_unlock(&p->lock);
	rc = rc_slot_read(&sl->s, &self->tools, err);
	pthread_mutex_lock(&p->lock);
	if (rc)
		return rc;
	if (rc_slot_ready(&sl->s))
		return finish_batch(p, sl, self, err);
	sl->state = RC_SLOT_SUBMITTED;
	pthread_cond_broadcast(&p->changed);
	return 0;
}

static void guess_next(struct pipeline *p)
{
	const struct rc_plan_episode *e;

	if (p->next_prepare >= p->plan->n_order)
		return;
	e = &p->plan->episodes[p->plan->order[p->next_prepare]];
	p->next_bytes = rc_pool_guess(rc_plan_index(p->plan, e), e);
	p->next_path = rc_plan_index(p->plan, e)->path;
}

static int prepare_next(struct pipeline *p, struct self *self, struct rc_err *err)
{
	size_t i = p->next_prepare++;
	struct rc_work *w = rc_pool_take(&p->pool, p->next_bytes);
	struct rc_work_ask ask = {
		.plan = p->plan,
		.i_order = i,
		.set = p->set,
		.budget = p->opt->budget,
		.input = self->tools.input,
		.scratch = &self->scratch,
	};
	int64_t t0 = rc_now_ns();
	int rc;

	rc_readers_claim(p->readers, p->next_path);
	p->ep[i].state = EP_PREPARING;
	guess_next(p);
	pthread_mutex_unlock(&p->lock);
	rc_work_reset(w);
	rc = rc_work_prepare(w, &ask, err);
	self->time.n_prepared++;
	pthread_mutex_lock(&p->lock);
	self->time.prepare_ns += rc_now_ns() - t0;
	rc_pool_settle(&p->pool, w, &self->scratch, &self->scratch_counted);
	if (!rc) {
		p->ep[i].work = w;
		p->ep[i].state = EP_READY;
	}
	pthread_cond_broadcast(&p->changed);
	return rc;
}

/* From here on equal episodes cost no memory: every slot and every episode's memory was in use, so
 * that what grows with the data has grown. */
static bool steady(const struct pipeline *p)
{
	return p->next_seq > WARM_BATCHES && p->next_seq > 2 * p->ring.n &&
	       p->next_prepare > WARM_ROUNDS * p->pool.n;
}

static void note_warm(const struct pipeline *p, struct self *self)
{
	if (self->warm || self->time.n_batches < WARM_WORKER ||
	    self->time.n_prepared < WARM_WORKER)
		return;
	self->warm = steady(p);
	self->allocs = rc_alloc_count();
}

static int work_loop(struct pipeline *p, struct self *self, struct rc_err *err)
{
	int rc = 0;

	while (!p->stop && !rc) {
		struct rc_ring_slot *done = submitted_slot(p, false), *empty = NULL;

		note_warm(p, self);
		if (!done && may_dispatch(p))
			empty = free_slot(p);
		if (!done && !empty && !may_prepare(p))
			done = submitted_slot(p, true);
		if (done) {
			rc = finish_batch(p, done, self, err);
		} else if (empty) {
			rc = run_batch(p, empty, self, err);
		} else if (may_prepare(p)) {
			rc = prepare_next(p, self, err);
		} else if (p->cursor < p->plan->n_order) {
			int64_t t0 = rc_now_ns();
			pthread_cond_wait(&p->changed, &p->lock);
			self->time.work_wait_ns += rc_now_ns() - t0;
		} else { /* all is dispatched; what is read now will be finished by its reader */
			break;
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

static void add_worker(struct rc_worker_time *all, const struct rc_worker_time *t)
{
	all->life_ns += t->life_ns;
	all->work_wait_ns += t->work_wait_ns;
	all->device_wait_ns += t->device_wait_ns;
	all->prepare_ns += t->prepare_ns;
	all->read_ns += t->read_ns;
	all->decode_ns += t->decode_ns;
	all->encode_ns += t->encode_ns;
	all->n_batches += t->n_batches;
	all->n_prepared += t->n_prepared;
}

static void add_stats(struct pipeline *p, struct self *self)
{
	const struct rc_worker_tools *t = &self->tools;
	struct rc_input_counters c = {0};

	if (t->input)
		rc_input_counters(t->input, &c);
	add_time(&p->stats.read,
		 &(struct rc_stage_time){c.read_ns, c.reads + c.chunks, c.read_bytes});
	add_time(&p->stats.decode, &(struct rc_stage_time){c.decode_ns, c.chunks, c.decoded_bytes});
	add_time(&p->stats.upload, &t->upload);
	add_time(&p->stats.compute, &t->compute);
	add_time(&p->stats.download, &t->download);
	add_time(&p->stats.encode, &t->encode);
	self->time.read_ns = c.read_ns;
	self->time.decode_ns = c.decode_ns;
	self->time.encode_ns = t->encode.busy_ns;
	p->stats.workers[self - p->selves] = self->time;
	add_worker(&p->stats.all, &self->time);
	p->stats.n_recomputed += t->n_recomputed;
	p->stats.n_grown += t->n_grown;
	if (!p->stats.device_err.code)
		p->stats.device_err = t->device_err;
	p->stats.steady |= self->warm;
	p->stats.late_allocs += self->warm ? rc_alloc_count() - self->allocs : 0;
}

static int open_tools(struct pipeline *p, struct rc_worker_tools *t, struct rc_err *err)
{
	const struct rc_budget *b = p->opt->budget;
	int rc = rc_input_new(p->readers, &t->input, err);

	if (!rc)
		rc = rc_codec_ctx_new(&t->codec, err);
	if (!rc)
		rc = rc_new_array(&t->runs, b->slot.tile_rows, sizeof *t->runs, err);
	if (!rc)
		rc = rc_new_array(&t->picks, b->slot.tile_rows, sizeof *t->picks, err);
	t->devices = p->opt->devices;
	return rc;
}

static void *worker(void *arg)
{
	struct self *self = arg;
	struct pipeline *p = self->p;
	struct rc_err err = {0};
	int64_t t0 = rc_now_ns();
	int rc = open_tools(p, &self->tools, &err);

	pthread_mutex_lock(&p->lock);
	if (!rc)
		rc = work_loop(p, self, &err);
	if (rc)
		fail_run(p, &err);
	self->time.life_ns = rc_now_ns() - t0;
	add_stats(p, self);
	p->n_running--;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	rc_input_free(self->tools.input);
	rc_codec_ctx_free(self->tools.codec);
	free(self->tools.runs);
	free(self->tools.picks);
	free(self->scratch.p);
	return NULL;
}

/* --- the writing thread ----------------------------------------------------------------------- */

static struct rc_ring_slot *done_slot(struct pipeline *p, uint64_t seq)
{
	for (size_t i = 0; i < p->ring.n; i++)
		if (p->ring.slots[i].state == RC_SLOT_DONE && p->ring.slots[i].s.seq == seq)
			return &p->ring.slots[i];
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

/* Writes a batch.  The memory of episodes that are done goes to the next ones. */
static int write_slot(struct pipeline *p, struct rc_writer *writer, struct rc_slot *s,
		      struct rc_err *err)
{
	int rc = 0;

	rc_mark_push("write");
	if (s->recomputed)
		rc_writer_recomputed(writer, s);
	for (size_t i = 0; i < s->n_items && !rc; i++) {
		rc = rc_writer_item(writer, &s->items[i], err);
		if (rc || s->items[i].kind != RC_ITEM_END)
			continue;
		rc_readers_release(p->readers, s->items[i].work->ix->path);
		pthread_mutex_lock(&p->lock);
		rc_pool_give(&p->pool, s->items[i].work);
		pthread_mutex_unlock(&p->lock);
	}
	rc_mark_pop();
	return rc;
}

static int write_loop(struct pipeline *p, struct rc_writer *writer, struct rc_err *err)
{
	uint64_t written = 0, allocs = 0;
	int64_t last_tick = 0;
	bool warm = false;
	int rc = 0;

	while (!rc && !p->stop && !all_written(p, written)) {
		struct rc_ring_slot *sl = done_slot(p, written);

		if (!warm) {
			warm = steady(p);
			allocs = rc_alloc_count();
		}
		if (rc_stop_asked()) {
			rc = rc_fail(err, RC_E_INTERRUPTED, "interrupted", "stopped by a signal");
			break;
		}
		if (!sl) {
			wait_changed(p);
		} else {
			pthread_mutex_unlock(&p->lock);
			rc = write_slot(p, writer, &sl->s, err);
			pthread_mutex_lock(&p->lock);
			if (!rc) {
				written++;
				sl->state = RC_SLOT_FREE;
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
	p->stats.late_writer_allocs = warm ? rc_alloc_count() - allocs : 0;
	return rc;
}

/* Starts as many workers as it can; at least one. */
static int start_workers(struct pipeline *p, struct rc_err *err)
{
	size_t most = (size_t)p->opt->budget->n_workers;
	int rc = rc_new_array(&p->selves, most, sizeof *p->selves, err);

	if (!rc)
		rc = rc_new_array(&p->stats.workers, most, sizeof *p->stats.workers, err);
	if (rc)
		return rc;
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < most; i++) {
		struct self *self = &p->selves[i];

		self->p = p;
		p->n_running++;
		if (pthread_create(&self->thread, NULL, worker, self)) {
			p->n_running--;
			break;
		}
		p->stats.n_workers++;
	}
	pthread_mutex_unlock(&p->lock);
	return p->stats.n_workers ? 0 : rc_fail(err, RC_E_NOMEM, "threads",
						"cannot start a worker thread");
}

/* --- memory ----------------------------------------------------------------------------------- */

/* As many episodes are in flight as were prepared ahead for every slot, at most. */
static int make_works(struct pipeline *p, struct rc_err *err)
{
	guess_next(p);
	return rc_pool_open(&p->pool, AHEAD_EPISODES * (p->ring.n + 1) + 1,
			    p->opt->budget->ahead_bytes, err);
}

static void release(struct pipeline *p)
{
	rc_ring_close(&p->ring);
	rc_pool_close(&p->pool);
	free(p->ep);
	free(p->selves);
}

int rc_pipeline_run(const struct rc_plan *plan, struct rc_readers *readers,
		    const struct rc_pipeline_options *opt, struct rc_writer *writer,
		    struct rc_pipeline_stats *stats, struct rc_err *err)
{
	struct pipeline p = {.plan = plan, .set = writer->set, .readers = readers, .opt = opt};
	int rc;

	pthread_mutex_init(&p.lock, NULL);
	pthread_cond_init(&p.changed, NULL);
	rc = rc_new_array(&p.ep, plan->n_order, sizeof *p.ep, err);
	if (!rc)
		rc = rc_ring_open(&p.ring, opt->ask, opt->budget, opt->devices, err);
	if (!rc)
		rc = make_works(&p, err);
	if (!rc)
		rc = start_workers(&p, err);
	if (!rc) {
		pthread_mutex_lock(&p.lock);
		rc = write_loop(&p, writer, err);
		pthread_mutex_unlock(&p.lock);
	}
	for (int i = 0; i < p.stats.n_workers; i++)
		pthread_join(p.selves[i].thread, NULL);
	if (!rc)
		rc = rc_writer_finish(writer, err);
	p.stats.n_slots = (int)p.ring.n;
	*stats = p.stats;
	release(&p);
	pthread_mutex_destroy(&p.lock);
	pthread_cond_destroy(&p.changed);
	return rc;
}

void rc_pipeline_stats_release(struct rc_pipeline_stats *stats)
{
	free(stats->workers);
	stats->workers = NULL;
}
