/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "scan.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/mem.h"
#include "signals.h"

struct scanner {
	struct rc_readers *readers;
	const char *layout;
	struct rc_scan *scan;
	pthread_mutex_t lock;
	size_t next;       /* under lock */
	struct rc_err err; /* under lock: the first failure that is no input's fault */
};

static void fail_once(struct scanner *sc, const struct rc_err *err)
{
	pthread_mutex_lock(&sc->lock);
	if (!sc->err.code)
		sc->err = *err;
	pthread_mutex_unlock(&sc->lock);
}

static bool take(struct scanner *sc, size_t *i_out)
{
	bool got = false;

	pthread_mutex_lock(&sc->lock);
	if (!sc->err.code && sc->next < sc->scan->n && !rc_stop_asked()) {
		*i_out = sc->next++;
		got = true;
	}
	pthread_mutex_unlock(&sc->lock);
	return got;
}

static void *scan_thread(void *arg)
{
	struct scanner *sc = arg;
	struct rc_scan_options opt = {.layout = sc->layout};
	struct rc_reader *reader = NULL;
	struct rc_err err = {0};
	size_t i;

	if (rc_reader_new(sc->readers, &reader, &err)) {
		fail_once(sc, &err);
		return NULL;
	}
	while (take(sc, &i)) {
		struct rc_scanned *f = &sc->scan->files[i];
		int64_t t0 = rc_now_ns();

		rc_reader_scan(reader, f->path, &opt, &f->index, &f->err);
		f->scan_ns = rc_now_ns() - t0;
	}
	rc_reader_free(reader);
	return NULL;
}

int rc_scan_run(struct rc_readers *readers, const struct rc_inputs *in, const char *layout,
		int n_threads, struct rc_scan *scan_out, struct rc_err *err)
{
	struct rc_scan scan = {.n = in->n};
	struct scanner sc = {.readers = readers, .layout = layout, .scan = &scan};
	pthread_t *threads = NULL;
	int n_started = 0, rc;

	if ((size_t)n_threads > in->n)
		n_threads = (int)in->n;
	rc = rc_new_array(&scan.files, in->n, sizeof *scan.files, err);
	if (!rc)
		rc = rc_new_array(&threads, (size_t)n_threads, sizeof *threads, err);
	if (rc)
		goto done;
	for (size_t i = 0; i < in->n; i++) {
		scan.files[i].path = in->files[i].path;
		scan.files[i].label = in->files[i].label;
	}
	pthread_mutex_init(&sc.lock, NULL);
	while (n_started < n_threads &&
	       pthread_create(&threads[n_started], NULL, scan_thread, &sc) == 0)
		n_started++;
	if (n_started == 0)
		rc = rc_fail(err, RC_E_NOMEM, "threads", "cannot start a thread for scanning");
	for (int i = 0; i < n_started; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&sc.lock);
	if (!rc && sc.err.code) {
		if (err)
			*err = sc.err;
		rc = sc.err.code;
	}
	if (!rc && rc_stop_asked())
		rc = rc_fail(err, RC_E_INTERRUPTED, "interrupted", "stopped by a signal");
	for (size_t i = 0; i < scan.n; i++) {
		scan.n_failed += scan.files[i].index == NULL;
		scan.busy_ns += scan.files[i].scan_ns;
	}
done:
	free(threads);
	if (rc)
		rc_scan_release(&scan);
	else
		*scan_out = scan;
	return rc;
}

void rc_scan_release(struct rc_scan *s)
{
	for (size_t i = 0; i < s->n && s->files; i++)
		rc_index_free(s->files[i].index);
	free(s->files);
	*s = (struct rc_scan){0};
}
