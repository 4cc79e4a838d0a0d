/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "scan.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "each.h"
#include "formats/linked.h"
#include "formats/unpack.h"
#include "map.h"
#include "quarantine.h"
#include "scan_index.h"

static void look_at(const struct rc_readers *readers, struct rc_scanned *f)
{
	struct rc_unpacked_id id;
	struct stat st;

	if (rc_readers_look(readers, f->path, &id)) {
		f->bytes = id.bytes;
		f->mtime_ns = id.mtime_ns;
		f->piped = id.piped;
		f->content = id.content;
		return;
	}
	if (stat(f->path, &st) != 0)
		return;
	f->bytes = (uint64_t)st.st_size;
	f->mtime_ns = rc_mtime_ns(&st);
}

int rc_scanned_same(const struct rc_scanned *f, uint32_t i_episode, struct rc_err *err)
{
	struct stat st;

	if (f->piped || (stat(f->path, &st) != 0 && f->unpacked))
		return 0;
	if (stat(f->path, &st) != 0)
		return rc_fail_errno(err, RC_E_INPUT, errno == ENOENT ? "missing" : "unreadable",
				     errno, "'%s' was there when its episode was begun", f->path);
	if ((f->unpacked || (uint64_t)st.st_size == f->index->file_bytes) &&
	    rc_mtime_ns(&st) == f->index->mtime_ns)
		return rc_linked_same(f->index, i_episode, err);
	return rc_fail(err, RC_E_INPUT, "input_changed",
		       "'%s' changed while it was read; let its writer finish and run again",
		       f->path);
}

struct scanner {
	const char *layout;
	struct rc_scanned **files; /* that are not known yet */
};

static void scan_one(void *arg, struct rc_input *in, size_t i)
{
	struct scanner *sc = arg;
	struct rc_scanned *f = sc->files[i];
	struct rc_scan_options opt = {.layout = sc->layout, .root = f->root};
	struct rc_readers *pool = rc_reader_pool(rc_input_reader(in));
	int64_t t0 = rc_now_ns();

	if (!rc_readers_hold(pool, f->path, &f->err)) {
		rc_reader_scan(rc_input_reader(in), f->path, &opt, &f->index, &f->err);
		rc_readers_release(pool, f->path);
	}
	f->scan_ns = rc_now_ns() - t0;
}

static int scan_unknown(const struct rc_scan_ask *ask, struct rc_scan *scan, struct rc_err *err)
{
	struct scanner sc = {.layout = ask->layout};
	struct rc_each each = {.readers = ask->readers, .n_threads = ask->n_threads,
			       .piece = scan_one, .arg = &sc};
	int rc = rc_new_array(&sc.files, scan->n, sizeof *sc.files, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < scan->n; i++)
		if (!scan->files[i].index && !scan->files[i].known)
			sc.files[each.n++] = &scan->files[i];
	rc = rc_each_run(&each, err);
	for (size_t i = 0; i < scan->n; i++) {
		scan->n_failed += scan->files[i].index == NULL;
		scan->busy_ns += scan->files[i].scan_ns;
	}
	free(sc.files);
	return rc;
}

/* The run goes on without: what it makes does not depend on the index file. */
static void save(const struct rc_scan_ask *ask, const char *reading, const struct rc_scan *scan)
{
	struct rc_err err = {0};

	if (!ask->index_file || ask->keep_index || scan->n_reused == scan->n)
		return;
	if (rc_scan_index_save(ask->index_file, reading, scan, &err))
		rc_log(RC_LOG_WARN, "%s; the next scan starts anew", err.msg);
}

int rc_scan_run(const struct rc_scan_ask *ask, struct rc_scan *scan_out, struct rc_err *err)
{
	char room[RC_READING_ROOM];
	const char *reading = rc_reading_name(ask->layout, ask->external, room);
	const struct rc_inputs *in = ask->inputs;
	struct rc_scan scan = {.n = in->n};
	int rc = rc_new_array(&scan.files, in->n, sizeof *scan.files, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < in->n; i++) {
		scan.files[i].path = in->files[i].path;
		scan.files[i].label = in->files[i].label;
		scan.files[i].unpacked = in->files[i].unpacked;
		scan.files[i].root = ask->external ? in->files[i].root : NULL;
	}
	if (ask->index_file)
		rc = rc_scan_index_load(ask->index_file, reading, &scan, &scan.n_reused, err);
	for (size_t i = 0; i < in->n && !rc; i++) {
		look_at(ask->readers, &scan.files[i]);
		/* what an input refers to may be better by now, and nothing tells */
		if (ask->known && !ask->external && !scan.files[i].index)
			rc_known_find(ask->known, &scan.files[i]);
	}
	if (!rc)
		rc = scan_unknown(ask, &scan, err);
	if (rc) {
		rc_scan_release(&scan);
		return rc;
	}
	save(ask, reading, &scan);
	for (size_t i = 0; i < scan.n; i++) /* behind the index file, which is good for both */
		if (scan.files[i].index)
			rc_index_decode(scan.files[i].index, ask->decode);
	*scan_out = scan;
	return 0;
}

struct on_disk {
	struct rc_file_id id;
	const struct rc_scanned *of;
};

static int by_id(const void *a, const void *b)
{
	const struct on_disk *x = a, *y = b;

	return rc_file_id_cmp(x->id, y->id);
}

static void tell_twice(const struct rc_scanned *f, const struct on_disk *sorted, size_t n,
		       struct rc_problems *problems)
{
	const struct rc_scanned *first = NULL;
	size_t n_twice = 0;

	for (uint32_t i = 0; i < f->index->n_linked; i++) {
		struct rc_index_file of;
		const struct on_disk *hit;
		struct on_disk key;

		if (rc_index_file(f->index, i + 1, &of, NULL))
			return;
		key.id = rc_file_id(of.path);
		hit = key.id.ino ? bsearch(&key, sorted, n, sizeof *sorted, by_id) : NULL;
		if (hit && hit->of->index && hit->of->index->n_episodes && n_twice++ == 0)
			first = hit->of;
		free(of.path);
	}
	if (first)
		rc_problems_add(problems, RC_NOTE_WARNING, "linked_input", f->label,
				"'%s' refers to %zu other input%s, such as '%s', whose episodes "
				"come twice now; name it alone, or leave out --allow-external",
				f->path, n_twice, rc_plural(n_twice), first->path);
}

void rc_scan_tell_twice(const struct rc_scan *s, struct rc_problems *problems)
{
	struct on_disk *sorted = NULL;
	bool any = false;

	for (size_t i = 0; i < s->n; i++)
		any |= s->files[i].index && s->files[i].index->n_linked;
	if (!any || s->n < 2 || rc_new_array(&sorted, s->n, sizeof *sorted, NULL))
		return;
	for (size_t i = 0; i < s->n; i++) {
		sorted[i].id = rc_file_id(s->files[i].path);
		sorted[i].of = &s->files[i];
	}
	qsort(sorted, s->n, sizeof *sorted, by_id);
	for (size_t i = 0; i < s->n; i++)
		if (s->files[i].index)
			tell_twice(&s->files[i], sorted, s->n, problems);
	free(sorted);
}

void rc_scan_release(struct rc_scan *s)
{
	for (size_t i = 0; i < s->n && s->files; i++)
		rc_index_free(s->files[i].index);
	free(s->files);
	*s = (struct rc_scan){0};
}
