/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"
#include "base/flusher.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/outfile.h"

struct rc_flusher {
	pthread_t thread;
	int fd; /* of the thread */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* under the lock */
	bool asked, end;
	int sys; /* of the first sync that failed */
};

static void *flush(void *arg)
{
	struct rc_flusher *f = arg;

	pthread_mutex_lock(&f->lock);
	for (;;) {
		int sys;

		while (!f->asked && !f->end)
			pthread_cond_wait(&f->wake, &f->lock);
		if (f->end) /* whoever ends it syncs the whole file */
			break;
		f->asked = false;
		pthread_mutex_unlock(&f->lock);
		sys = rc_sync_data_fd(f->fd);
		pthread_mutex_lock(&f->lock);
		if (!f->sys)
			f->sys = sys;
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

static void release(struct rc_flusher *f)
{
	close(f->fd);
	pthread_cond_destroy(&f->wake);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

struct rc_flusher *rc_flusher_start(const char *path)
{
	struct rc_flusher *f;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	if (rc_new(&f, NULL)) {
		close(fd);
		return NULL;
	}
	f->fd = fd;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->wake, NULL);
	if (pthread_create(&f->thread, NULL, flush, f)) {
		release(f);
		return NULL;
	}
	return f;
}

void rc_flusher_ask(struct rc_flusher *f)
{
	pthread_mutex_lock(&f->lock);
	f->asked = true;
	pthread_cond_signal(&f->wake);
	pthread_mutex_unlock(&f->lock);
}

int rc_flusher_end(struct rc_flusher *f)
{
	int sys;

	if (!f)
		return 0;
	pthread_mutex_lock(&f->lock);
	f->end = true;
	pthread_cond_signal(&f->wake);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	sys = f->sys;
	release(f);
	return sys;
}
