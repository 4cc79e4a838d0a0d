/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "scan.h"

#include "base/clock.h"
#include "base/mem.h"
#include "each.h"

struct scanner {
	struct rc_scan_options opt;
	struct rc_scan *scan;
};

static void scan_one(void *arg, struct rc_input *in, size_t i)
{
	struct scanner *sc = arg;
	struct rc_scanned *f = &sc->scan->files[i];
	int64_t t0 = rc_now_ns();

	rc_reader_scan(rc_input_reader(in), f->path, &sc->opt, &f->index, &f->err);
	f->scan_ns = rc_now_ns() - t0;
}

int rc_scan_run(struct rc_readers *readers, const struct rc_inputs *in, const char *layout,
		int n_threads, struct rc_scan *scan_out, struct rc_err *err)
{
	struct rc_scan scan = {.n = in->n};
	struct scanner sc = {.opt = {.layout = layout}, .scan = &scan};
	const struct rc_each each = {.readers = readers, .n_threads = n_threads, .n = in->n,
				     .piece = scan_one, .arg = &sc};
	int rc = rc_new_array(&scan.files, in->n, sizeof *scan.files, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < in->n; i++) {
		scan.files[i].path = in->files[i].path;
		scan.files[i].label = in->files[i].label;
	}
	rc = rc_each_run(&each, err);
	for (size_t i = 0; i < scan.n; i++) {
		scan.n_failed += scan.files[i].index == NULL;
		scan.busy_ns += scan.files[i].scan_ns;
	}
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
