/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "confine.h"

#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"

struct places {
	struct rc_sandbox_place *p; /* the paths are owned */
	size_t n, cap;
};

static int add(struct places *ps, unsigned access, const char *path, size_t len, struct rc_err *err)
{
	char *copy;
	int rc = rc_grow_array(&ps->p, &ps->cap, ps->n + 1, sizeof *ps->p, err);

	if (!rc)
		rc = rc_sprintf(&copy, err, "%.*s", (int)len, path);
	if (!rc)
		ps->p[ps->n++] = (struct rc_sandbox_place){copy, access};
	return rc;
}

static int add_all(struct places *ps, unsigned access, const char *const *paths, size_t n,
		   struct rc_err *err)
{
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++)
		if (paths[i] && *paths[i])
			rc = add(ps, access, paths[i], strlen(paths[i]), err);
	return rc;
}

static int add_written(struct places *ps, const char *path, struct rc_err *err)
{
	char *dir;
	int rc = rc_path_nearest_dir(path, &dir, err);

	if (!rc && dir)
		rc = add(ps, RC_SANDBOX_WRITE, dir, strlen(dir), err);
	free(dir);
	return rc;
}

/* Its directory, for what lies beside it, unless that was the last one. */
static int add_beside(struct places *ps, const char *path, struct rc_err *err)
{
	char *dir;
	int rc = rc_path_parent(path, &dir, err);

	if (!rc && (!ps->n || strcmp(ps->p[ps->n - 1].path, dir) != 0))
		rc = add(ps, RC_SANDBOX_READ, dir, strlen(dir), err);
	free(dir);
	return rc;
}

/* Links may lead anywhere: they were named by the user, or lie where the user said. */
static int add_target(struct places *ps, const char *path, struct rc_err *err)
{
	char real[PATH_MAX];

	if (readlink(path, real, sizeof real) < 0 || !realpath(path, real))
		return 0;
	return add_beside(ps, real, err);
}

static int add_roots(struct places *ps, const struct rc_inputs *in, struct rc_err *err)
{
	const char *last = "";
	int rc = 0;

	for (size_t i = 0; i < in->n && !rc; i++) {
		const char *root = in->files[i].root;

		if (root && strcmp(root, last) != 0) {
			rc = add(ps, RC_SANDBOX_READ, root, strlen(root), err);
			last = root;
		}
	}
	return rc;
}

static int add_inputs(struct places *ps, const struct rc_inputs *in, struct rc_err *err)
{
	int rc = 0;

	for (size_t i = 0; i < in->n && !rc; i++)
		rc = add_beside(ps, in->files[i].path, err);
	for (size_t i = 0; i < in->n && !rc; i++)
		rc = add_target(ps, in->files[i].path, err);
	return rc;
}

/* What the C library and the codecs look at. */
static int add_system(struct places *ps, struct rc_err *err)
{
	static const char *const read[] = {"/proc", "/sys", "/etc/localtime",
					   "/usr/share/zoneinfo"};
	static const char *const used[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/tty",
					   "/dev/random", "/dev/urandom"};
	int rc = add_all(ps, RC_SANDBOX_READ, read, RC_ARRAY_LEN(read), err);

	return rc ? rc : add_all(ps, RC_SANDBOX_DEVICE, used, RC_ARRAY_LEN(used), err);
}

/* The libraries of the driver, which are loaded when a GPU is opened, or of this program. */
static int add_libraries(struct places *ps, unsigned access, struct rc_err *err)
{
	static const char *const places[] = {"/usr", "/lib", "/lib32", "/lib64", "/opt", "/etc",
					     "/proc/self/exe"};
	const char *more = getenv("LD_LIBRARY_PATH");
	int rc = add_all(ps, access, places, RC_ARRAY_LEN(places), err);

	while (more && *more && !rc) {
		size_t n = strcspn(more, ":");

		if (n)
			rc = add(ps, access, more, n, err);
		more += n + (more[n] == ':');
	}
	return rc;
}

static int add_matches(struct places *ps, const char *pattern, struct rc_err *err)
{
	glob_t g;
	int rc = 0;

	if (glob(pattern, 0, NULL, &g) == 0) {
		rc = add_all(ps, RC_SANDBOX_DEVICE, (const char *const *)g.gl_pathv, g.gl_pathc,
			     err);
		globfree(&g);
	}
	return rc;
}

/* Of NVIDIA's drivers on servers, on Jetson and below WSL; the multi-process service; the cache of
 * kernels that were compiled for this GPU; names of threads. */
static int add_devices(struct places *ps, struct rc_err *err)
{
	const char *run[] = {"/run", "/var/run", "/tmp/nvidia-mps",
			     getenv("CUDA_MPS_PIPE_DIRECTORY")};
	const char *cache[] = {"/dev/shm", getenv("CUDA_CACHE_PATH"), "/proc/self/task"};
	const char *home = getenv("HOME");
	char *nv = NULL;
	int rc = add(ps, RC_SANDBOX_LIST, "/dev", 4, err); /* for the patterns, the next time */

	if (!rc)
		rc = add_matches(ps, "/dev/nv*", err);
	if (!rc)
		rc = add_matches(ps, "/dev/host1x*", err);
	if (!rc)
		rc = add_matches(ps, "/dev/dxg", err);
	if (!rc)
		rc = add_matches(ps, "/dev/dri", err);
	if (!rc)
		rc = add_all(ps, RC_SANDBOX_READ, run, RC_ARRAY_LEN(run), err);
	if (!rc)
		rc = add_all(ps, RC_SANDBOX_WRITE, cache, RC_ARRAY_LEN(cache), err);
	if (!rc && home)
		rc = rc_sprintf(&nv, err, "%s/.nv", home);
	if (!rc && nv)
		rc = add(ps, RC_SANDBOX_WRITE, nv, strlen(nv), err);
	free(nv);
	return rc;
}

static int collect(const struct rc_confine_ask *a, struct places *ps, struct rc_err *err)
{
	unsigned libraries = a->executes ? RC_SANDBOX_READ | RC_SANDBOX_EXECUTE : RC_SANDBOX_READ;
	int rc = a->inputs ? add_inputs(ps, a->inputs, err) : add(ps, RC_SANDBOX_READ, "/", 1, err);

	if (!rc && a->inputs && a->external)
		rc = add_roots(ps, a->inputs, err);
	for (size_t i = 0; i < a->n_written && !rc; i++)
		if (a->written[i] && strcmp(a->written[i], "-") != 0)
			rc = add_written(ps, a->written[i], err);
	if (!rc && a->inputs)
		rc = add_all(ps, RC_SANDBOX_READ, a->read, a->n_read, err);
	if (!rc)
		rc = add_system(ps, err);
	if (!rc && (a->devices || a->executes))
		rc = add_libraries(ps, libraries, err);
	if (!rc && a->devices)
		rc = add_devices(ps, err);
	return rc;
}

int rc_confine(const struct rc_confine_ask *a, struct rc_sandbox *s, struct rc_err *err)
{
	bool first = !s->files && !s->files_errno;
	struct places ps = {0};
	int rc = 0;

	if (a->mode == RC_SANDBOX_OFF)
		return 0;
	if (!RC_SANITIZED)
		rc = collect(a, &ps, err);
	if (!rc && !RC_SANITIZED && (first || s->files))
		rc_sandbox_files(ps.p, ps.n, s);
	if (!rc && !RC_SANITIZED && first)
		rc_sandbox_calls(a->executes ? RC_CALLS_RUN_AND_EXEC : RC_CALLS_RUN, s);
	if (!rc && a->mode == RC_SANDBOX_REQUIRE && !(s->files && s->calls))
		rc = rc_sandbox_lacks(s, err);
	for (size_t i = 0; i < ps.n; i++)
		free((char *)ps.p[i].path);
	free(ps.p);
	return rc;
}
