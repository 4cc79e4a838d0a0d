/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "scan.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "each.h"
#include "formats/unpack.h"
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

int rc_scanned_same(const struct rc_scanned *f, struct rc_err *err)
{
	struct stat st;

	if (f->piped || (stat(f->path, &st) != 0 && f->unpacked))
		return 0;
	if (stat(f->path, &st) != 0)
		return rc_fail_errno(err, RC_E_INPUT, errno == ENOENT ? "missing" : "unreadable",
				     errno, "'%s' was there when its episode was begun", f->path);
	if ((f->unpacked || (uint64_t)st.st_size == f->index->file_bytes) &&
	    rc_mtime_ns(&st) == f->index->mtime_ns)
		return 0;
	return rc_fail(err, RC_E_INPUT, "input_changed",
		       "'%s' changed while it was read; let its writer finish and run again",
		       f->path);
}

struct scanner {
	struct rc_scan_options opt;
	struct rc_scanned **files; /* that are not known yet */
};

static void scan_one(void *arg, struct rc_input *in, size_t i)
{
	struct scanner *sc = arg;
	struct rc_scanned *f = sc->files[i];
	struct rc_readers *pool = rc_reader_pool(rc_input_reader(in));
	int64_t t0 = rc_now_ns();

	if (!rc_readers_hold(pool, f->path, &f->err)) {
		rc_reader_scan(rc_input_reader(in), f->path, &sc->opt, &f->index, &f->err);
		rc_readers_release(pool, f->path);
	}
	f->scan_ns = rc_now_ns() - t0;
}

static int scan_unknown(const struct rc_scan_ask *ask, struct rc_scan *scan, struct rc_err *err)
{
	struct scanner sc = {.opt = {.layout = ask->layout}};
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
static void save(const struct rc_scan_ask *ask, const struct rc_scan *scan)
{
	struct rc_err err = {0};

	if (!ask->index_file || ask->keep_index || scan->n_reused == scan->n)
		return;
	if (rc_scan_index_save(ask->index_file, ask->layout, scan, &err))
		rc_log(RC_LOG_WARN, "%s; the next scan starts anew", err.msg);
}

int rc_scan_run(const struct rc_scan_ask *ask, struct rc_scan *scan_out, struct rc_err *err)
{
	const struct rc_inputs *in = ask->inputs;
	struct rc_scan scan = {.n = in->n};
	int rc = rc_new_array(&scan.files, in->n, sizeof *scan.files, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < in->n; i++) {
		scan.files[i].path = in->files[i].path;
		scan.files[i].label = in->files[i].label;
		scan.files[i].unpacked = in->files[i].unpacked;
	}
	if (ask->index_file)
		rc = rc_scan_index_load(ask->index_file, ask->layout, &scan, &scan.n_reused, err);
	for (size_t i = 0; i < in->n && !rc; i++) {
		look_at(ask->readers, &scan.files[i]);
		if (ask->known && !scan.files[i].index)
			rc_known_find(ask->known, &scan.files[i]);
	}
	if (!rc)
		rc = scan_unknown(ask, &scan, err);
	if (rc) {
		rc_scan_release(&scan);
		return rc;
	}
	save(ask, &scan);
	for (size_t i = 0; i < scan.n; i++) /* behind the index file, which is good for both */
		if (scan.files[i].index)
			rc_index_decode(scan.files[i].index, ask->decode);
	*scan_out = scan;
	return 0;
}

void rc_scan_release(struct rc_scan *s)
{
	for (size_t i = 0; i < s->n && s->files; i++)
		rc_index_free(s->files[i].index);
	free(s->files);
	*s = (struct rc_scan){0};
}
