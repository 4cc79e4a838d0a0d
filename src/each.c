/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "each.h"

#include <pthread.h>

#include "base/mem.h"
#include "signals.h"

struct crew {
	const struct rc_each *e;
	pthread_mutex_t lock;
	size_t next;       /* under lock */
	struct rc_err err; /* under lock: the first failure that is no piece's fault */
};

static bool take(struct crew *c, size_t *i_out)
{
	bool got = false;

	pthread_mutex_lock(&c->lock);
	if (!c->err.code && c->next < c->e->n && !rc_stop_asked()) {
		*i_out = c->next++;
		got = true;
	}
	pthread_mutex_unlock(&c->lock);
	return got;
}

static void *work(void *arg)
{
	struct crew *c = arg;
	struct rc_input *in = NULL;
	struct rc_err err = {0};
	size_t i;

	if (rc_input_new(c->e->readers, &in, &err)) {
		pthread_mutex_lock(&c->lock);
		if (!c->err.code)
			c->err = err;
		pthread_mutex_unlock(&c->lock);
		return NULL;
	}
	while (take(c, &i))
		c->e->piece(c->e->arg, in, i);
	rc_input_free(in);
	return NULL;
}

int rc_each_run(const struct rc_each *e, struct rc_err *err)
{
	struct crew c = {.e = e};
	pthread_t *threads = NULL;
	size_t n_threads = e->n_threads > 0 ? (size_t)e->n_threads : 1, n_started = 0;
	int rc;

	if (e->n == 0)
		return 0;
	if (n_threads > e->n)
		n_threads = e->n;
	rc = rc_new_array(&threads, n_threads, sizeof *threads, err);
	if (rc)
		return rc;
	pthread_mutex_init(&c.lock, NULL);
	while (n_started < n_threads &&
	       pthread_create(&threads[n_started], NULL, work, &c) == 0)
		n_started++;
	if (n_started == 0)
		rc = rc_fail(err, RC_E_NOMEM, "threads", "cannot start a thread for reading");
	for (size_t i = 0; i < n_started; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&c.lock);
	free(threads);
	if (!rc && c.err.code) {
		if (err)
			*err = c.err;
		rc = c.err.code;
	}
	if (!rc && rc_stop_asked())
		rc = rc_fail(err, RC_E_INTERRUPTED, "interrupted", "stopped by a signal");
	return rc;
}
