/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "verify.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/names.h"
#include "each.h"
#include "formats/container.h"
#include "formats/protocol.h"
#include "formats/shard.h"
#include "outdir.h"
#include "scratch.h"
#include "signals.h"

/* --- findings --------------------------------------------------------------------------------- */

static int add_new(struct rc_findings *fs, const struct rc_finding *kind, const char *message)
{
	struct rc_finding f = {.severity = kind->severity, .count = kind->count};
	int rc = rc_grow_array(&fs->f, &fs->cap, fs->n + 1, sizeof *fs->f, NULL);

	if (!rc)
		rc = rc_strdup(&f.code, kind->code, NULL);
	if (!rc)
		rc = rc_strdup(&f.where, kind->where, NULL);
	if (!rc)
		rc = rc_strdup(&f.message, message, NULL);
	if (rc) {
		free(f.code);
		free(f.where);
		return rc;
	}
	fs->f[fs->n++] = f;
	return 0;
}

/* What is found counts even where there is no memory to say it. */
void rc_findings_add(struct rc_findings *fs, const struct rc_finding *kind, const char *fmt, ...)
{
	char message[RC_ERR_MSG_LEN];
	va_list ap;

	for (size_t i = 0; i < fs->n; i++) {
		struct rc_finding *f = &fs->f[i];

		if (!strcmp(f->code, kind->code) && !strcmp(f->where, kind->where)) {
			f->count += kind->count;
			return;
		}
	}
	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	if (kind->severity == RC_NOTE_ERROR)
		fs->n_errors++;
	else
		fs->n_warnings++;
	if (add_new(fs, kind, message))
		fs->lost = true;
}

static void forget(struct rc_findings *fs)
{
	for (size_t i = 0; i < fs->n; i++) {
		free(fs->f[i].code);
		free(fs->f[i].where);
		free(fs->f[i].message);
	}
	free(fs->f);
	*fs = (struct rc_findings){0};
}

static struct rc_finding damage(const char *code)
{
	return (struct rc_finding){.severity = RC_NOTE_ERROR, .code = (char *)code,
				   .where = (char *)"", .count = 1};
}

/* --- one shard -------------------------------------------------------------------------------- */

/* Is the file there with the bytes of the manifest?  False: there is nothing to look into. */
static bool check_bytes(struct rc_verified_shard *s, const char *path)
{
	const struct rc_manifest_shard *x = s->expected;
	struct rc_finding kind;
	struct rc_err err = {0};
	struct rc_digest digest;
	char hex[RC_DIGEST_HEX];
	uint64_t bytes;
	struct stat st;

	if (stat(path, &st) != 0) {
		s->missing = errno == ENOENT;
		kind = damage(s->missing ? "missing_shard" : "unreadable_shard");
		rc_findings_add(&s->findings, &kind, "the file is not there: %s", strerror(errno));
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		kind = damage("unreadable_shard");
		rc_findings_add(&s->findings, &kind, "it is not a regular file");
		return false;
	}
	if ((uint64_t)st.st_size != x->bytes) {
		kind = damage("size_mismatch");
		rc_findings_add(&s->findings, &kind,
				"the file has %lld bytes, the manifest says %llu",
				(long long)st.st_size, (unsigned long long)x->bytes);
		return true;
	}
	if (rc_digest_file(path, rc_stop_asked, &digest, &bytes, &err)) {
		kind = damage("unreadable_shard");
		rc_findings_add(&s->findings, &kind, "%s", err.msg);
		return false;
	}
	rc_digest_hex(digest, hex);
	if (strcmp(hex, x->digest) != 0) {
		kind = damage("digest_mismatch");
		rc_findings_add(&s->findings, &kind,
				"the bytes differ from what was written: their xxh3-128 is %s, "
				"the manifest says %s", hex, x->digest);
	}
	return true;
}

/* Of a packed shard, what is in it. */
static void check_unpacked(struct rc_input *in, struct rc_verified_shard *s, const char *path)
{
	struct rc_readers *pool = rc_reader_pool(rc_input_reader(in));
	struct rc_finding kind = damage("digest_mismatch");
	struct rc_err err = {0};
	struct rc_digest digest;
	char hex[RC_DIGEST_HEX];
	uint64_t bytes;
	struct stat st;
	int fd, rc = rc_input_open(pool, path, &fd, &st, &err);

	if (rc) /* the deep check says so */
		return;
	rc = rc_digest_fd(fd, rc_stop_asked, &digest, &bytes, &err);
	close(fd);
	rc_digest_hex(digest, hex);
	if (!rc && strcmp(hex, s->expected->unpacked_digest) != 0)
		rc_findings_add(&s->findings, &kind,
				"what is in it differs from what was packed: its xxh3-128 is %s, "
				"the manifest says %s", hex, s->expected->unpacked_digest);
}

struct job {
	struct rc_verified *v;
	const struct rc_json **lists; /* per shard: the manifest's episodes */
	const char *layout;           /* to read the shards as; NULL: probe */
	bool deep;
};

static const char *input_layout(const struct rc_manifest *m)
{
	const char *name = rc_json_string(rc_json_get(m->root, "layout"));
	const struct rc_shard_layout *l = name ? rc_shard_layout_find(name) : NULL;

	return l ? l->input_layout : NULL;
}

static void look_inside(struct job *j, struct rc_input *in, const char *path, size_t i)
{
	struct rc_readers *pool = rc_reader_pool(rc_input_reader(in));
	struct rc_verified_shard *s = &j->v->shards[i];
	struct rc_err err = {0};

	if (rc_readers_hold(pool, path, &err)) {
		struct rc_finding kind = damage(err.reason);

		rc_findings_add(&s->findings, &kind, "%s", err.msg);
		return;
	}
	if (s->expected->unpacked_digest)
		check_unpacked(in, s, path);
	rc_verify_deep(in, path, j->layout, j->lists[i], s);
	rc_readers_release(pool, path);
}

static void check_shard(void *arg, struct rc_input *in, size_t i)
{
	struct job *j = arg;
	struct rc_verified_shard *s = &j->v->shards[i];
	struct rc_finding kind;
	struct rc_err err = {0};
	char *path;

	if (rc_sprintf(&path, &err, "%s/%s", j->v->dir, s->expected->path)) {
		kind = damage("out_of_memory");
		rc_findings_add(&s->findings, &kind, "%s", err.msg);
		return;
	}
	if (check_bytes(s, path) && j->deep)
		look_inside(j, in, path, i);
	free(path);
}

/* --- the dataset as a whole ------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int by_nature(const void *a, const void *b)
{
	return rc_natural_cmp(*(char *const *)a, *(char *const *)b);
}

/* known: paths of the manifest, sorted. */
static int list_extra(struct rc_verified *v, const char **known, struct rc_err *err)
{
	size_t n_known = v->manifest.n_shards;
	DIR *d = opendir(v->dir);
	struct dirent *e;
	int rc = 0;

	if (!d)
		return rc_fail_errno(err, RC_E_INPUT, "input", errno, "cannot list directory '%s'",
				     v->dir);
	while (!rc && (e = readdir(d))) {
		const char *name = e->d_name;

		if (!rc_outdir_is_shard(name) ||
		    (n_known && bsearch(&name, known, n_known, sizeof *known, by_name)))
			continue;
		rc = rc_grow_array(&v->extra, &v->cap_extra, v->n_extra + 1, sizeof *v->extra, err);
		if (!rc)
			rc = rc_strdup(&v->extra[v->n_extra], name, err);
		if (!rc)
			v->n_extra++;
	}
	closedir(d);
	if (v->n_extra)
		qsort(v->extra, v->n_extra, sizeof *v->extra, by_nature);
	return rc;
}

static int check_extra(struct rc_verified *v, struct rc_err *err)
{
	const char **known;
	int rc = rc_new_array(&known, v->manifest.n_shards, sizeof *known, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < v->manifest.n_shards; i++)
		known[i] = v->manifest.shards[i].path;
	if (v->manifest.n_shards)
		qsort(known, v->manifest.n_shards, sizeof *known, by_name);
	rc = list_extra(v, known, err);
	for (size_t i = 0; i < v->n_extra && !rc; i++) {
		struct rc_finding kind = damage("extra_shard");

		kind.where = v->extra[i];
		rc_findings_add(&v->findings, &kind,
				"the file is not part of the dataset, but programs that take every "
				"shard of the directory would read it");
	}
	free(known);
	return rc;
}

static void check_total(struct rc_verified *v, const char *key, uint64_t sum)
{
	struct rc_finding kind = damage("manifest_totals");
	int64_t total;

	if (rc_json_int(rc_json_get(v->manifest.root, key), &total) && total >= 0 &&
	    (uint64_t)total == sum)
		return;
	kind.where = (char *)RC_MANIFEST_NAME;
	rc_findings_add(&v->findings, &kind,
			"its number of %s is not the sum over its shards, which is %llu", key,
			(unsigned long long)sum);
}

static void check_totals(struct rc_verified *v)
{
	struct rc_finding kind = damage("manifest_changed");
	uint64_t episodes = 0, bytes = 0;

	kind.where = (char *)RC_MANIFEST_NAME;
	if (!v->manifest.as_written)
		rc_findings_add(&v->findings, &kind,
				"it is not as robocache convert wrote it: its digest of itself is "
				"missing or wrong");
	for (size_t i = 0; i < v->manifest.n_shards; i++) {
		episodes += v->manifest.shards[i].n_episodes;
		bytes += v->manifest.shards[i].bytes;
	}
	check_total(v, "episodes", episodes);
	check_total(v, "bytes", bytes);
}

static void count(struct rc_verified *v)
{
	v->n_warnings = v->findings.n_warnings;
	for (size_t i = 0; i < v->manifest.n_shards; i++) {
		const struct rc_verified_shard *s = &v->shards[i];

		v->n_ok += s->findings.n_errors == 0;
		v->n_damaged += s->findings.n_errors != 0;
		v->n_missing += s->missing;
		v->n_warnings += s->findings.n_warnings;
	}
}

/* --- finding it ------------------------------------------------------------------------------- */

/* The directory that `name` stands for. */
static int find_dir(const char *name, char **dir_out, struct rc_err *err)
{
	struct stat st;

	if (stat(name, &st) != 0)
		return rc_fail_errno(err, RC_E_USAGE, "input", errno, "cannot open '%s'", name);
	if (S_ISDIR(st.st_mode))
		return rc_strdup(dir_out, name, err);
	if (strcmp(rc_path_last(name), RC_MANIFEST_NAME) != 0)
		return rc_fail(err, RC_E_USAGE, "input",
			       "'%s' is a single file; name the directory of the dataset, or see "
			       "what the file holds with 'robocache inspect'", name);
	return rc_path_parent(name, dir_out, err);
}

static int read_manifest(struct rc_verified *v, struct rc_err *err)
{
	struct stat st;
	char *path;
	int rc = rc_sprintf(&path, err, "%s/" RC_MANIFEST_NAME, v->dir);

	if (rc)
		return rc;
	if (stat(path, &st) != 0 && errno == ENOENT)
		rc = rc_fail(err, RC_E_INPUT, "no_manifest",
			     "'%s' holds no " RC_MANIFEST_NAME ", so there is nothing to check it "
			     "against; run 'robocache inspect %s' to look at files that robocache "
			     "did not write", v->dir, v->dir);
	else
		rc = rc_manifest_read(v->dir, &v->manifest, err);
	free(path);
	return rc;
}

static int check_shards(struct rc_verified *v, const struct rc_verify_options *opt,
			struct rc_err *err)
{
	struct job job = {.v = v, .layout = input_layout(&v->manifest), .deep = opt->deep};
	struct rc_each each = {.readers = opt->readers, .n_threads = opt->n_threads,
			       .n = v->manifest.n_shards, .piece = check_shard, .arg = &job};
	const struct rc_json *c = rc_json_child(rc_json_get(v->manifest.root, "shards"));
	int rc = rc_new_array(&v->shards, v->manifest.n_shards, sizeof *v->shards, err);

	if (!rc)
		rc = rc_new_array(&job.lists, v->manifest.n_shards, sizeof *job.lists, err);
	for (size_t i = 0; i < v->manifest.n_shards && !rc; i++) {
		v->shards[i].expected = &v->manifest.shards[i];
		job.lists[i] = rc_json_get(c, "episodes");
		c = rc_json_next(c);
	}
	if (!rc)
		rc = rc_each_run(&each, err);
	free(job.lists);
	return rc;
}

/* Packed shards become files that can be read. */
static int add_packed(struct rc_unpacked *u, const struct rc_verified *v, struct rc_err *err)
{
	int rc = 0;

	for (size_t i = 0; i < v->manifest.n_shards && !rc; i++) {
		const char *name = v->manifest.shards[i].path;
		char *path;

		if (rc_container_of_name(name) != RC_CONTAINER_PACKED)
			continue;
		rc = rc_sprintf(&path, err, "%s/%s", v->dir, name);
		if (rc)
			break;
		rc = rc_unpacked_add_file(u, path, err);
		free(path);
	}
	return rc;
}

static int check_unpacking(struct rc_verified *v, const struct rc_verify_options *opt,
			   struct rc_err *err)
{
	struct rc_unpacked *u = NULL;
	int rc = rc_scratch_unpacked(opt->scratch_dir, 0, &u, err);

	if (!rc && opt->deep)
		rc = add_packed(u, v, err);
	if (!rc) {
		rc_readers_use(opt->readers, u);
		rc = check_shards(v, opt, err);
		rc_readers_use(opt->readers, NULL);
	}
	rc_unpacked_free(u);
	return rc;
}

int rc_verify_dataset(const struct rc_verify_options *opt, const char *name,
		      struct rc_verified *v_out, struct rc_err *err)
{
	struct rc_verified v = {0};
	int rc = find_dir(name, &v.dir, err);

	if (!rc)
		rc = read_manifest(&v, err);
	if (!rc)
		rc = check_unpacking(&v, opt, err);
	if (!rc)
		rc = check_extra(&v, err);
	if (!rc) {
		check_totals(&v);
		count(&v);
		*v_out = v;
	} else {
		rc_verified_release(&v);
	}
	return rc;
}

void rc_verified_release(struct rc_verified *v)
{
	for (size_t i = 0; v->shards && i < v->manifest.n_shards; i++)
		forget(&v->shards[i].findings);
	free(v->shards);
	for (size_t i = 0; i < v->n_extra; i++)
		free(v->extra[i]);
	free(v->extra);
	forget(&v->findings);
	rc_manifest_release(&v->manifest);
	free(v->dir);
	*v = (struct rc_verified){0};
}
