/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/kernels.h"

#include "base/mem.h"

#define RC_BACKEND(name) extern const struct rc_backend rc_be_##name;
#include "kernels/backends.def"
#undef RC_BACKEND

#define RC_BACKEND(name) &rc_be_##name,
const struct rc_backend *const rc_backends[] = {
#include "kernels/backends.def"
};
#undef RC_BACKEND
const size_t rc_n_backends = RC_ARRAY_LEN(rc_backends);

enum { STAMP_ALIGN = 8 };

/* n elements of `size` bytes at byte offset `at` of a buffer of `bytes` bytes. */
struct region {
	const char *what;
	uint64_t at, n;
	size_t size, bytes;
};

const struct rc_backend *rc_backend_find(const char *name)
{
	for (size_t i = 0; i < rc_n_backends; i++)
		if (!strcmp(rc_backends[i]->name, name))
			return rc_backends[i];
	return NULL;
}

static int check_region(size_t i_job, const struct region *r, struct rc_err *err)
{
	uint64_t len, end;

	if (r->at % r->size)
		return rc_fail(err, RC_E_BUG, "batch_align",
			       "job %zu: '%s' at offset %llu is not aligned to %zu bytes", i_job,
			       r->what, (unsigned long long)r->at, r->size);
	if (!rc_mul(r->n, r->size, &len) || !rc_add(r->at, len, &end) || end > r->bytes)
		return rc_fail(err, RC_E_BUG, "batch_bounds",
			       "job %zu: '%s', %llu elements of %zu bytes at offset %llu, ends"
			       " behind the buffer of %zu bytes",
			       i_job, r->what, (unsigned long long)r->n, r->size,
			       (unsigned long long)r->at, r->bytes);
	return 0;
}

static int check_types(size_t i_job, const struct rc_job *j, struct rc_err *err)
{
	bool same, slerp = j->method == RC_METHOD_SLERP;

	if (j->method >= RC_METHOD_KERNELS || j->src_dtype >= RC_DTYPE_COUNT ||
	    j->dst_dtype >= RC_DTYPE_COUNT)
		return rc_fail(err, RC_E_BUG, "batch_enum",
			       "job %zu: no such method or type: method %d, source type %d,"
			       " destination type %d",
			       i_job, j->method, j->src_dtype, j->dst_dtype);
	same = j->dst_dtype == j->src_dtype && rc_method_picks((enum rc_method)j->method);
	if (!same && !rc_dtype_is_float((enum rc_dtype)j->dst_dtype))
		return rc_fail(err, RC_E_BUG, "batch_dtype",
			       "job %zu: method '%s' cannot turn '%s' into '%s'", i_job,
			       rc_method_name((enum rc_method)j->method),
			       rc_dtype_name((enum rc_dtype)j->src_dtype),
			       rc_dtype_name((enum rc_dtype)j->dst_dtype));
	if (j->dst_stride < j->width)
		return rc_fail(err, RC_E_BUG, "batch_stride",
			       "job %zu: rows of %u columns do not fit into a stride of %u", i_job,
			       j->width, j->dst_stride);
	if (slerp && j->width && (j->quat_first < 0 || (uint32_t)j->quat_first + 4 > j->width))
		return rc_fail(err, RC_E_BUG, "batch_quat",
			       "job %zu: no four quaternion columns from column %d in a width of"
			       " %u",
			       i_job, j->quat_first, j->width);
	return 0;
}

static int check_job(const struct rc_batch *b, size_t i_job, struct rc_err *err)
{
	const struct rc_job *j = &b->jobs[i_job];
	int rc = check_types(i_job, j, err);
	struct region regions[4];

	if (rc || !j->n_ticks || !j->width)
		return rc;
	if (!j->n_src)
		return rc_fail(err, RC_E_BUG, "batch_empty_source",
			       "job %zu: %u ticks of a stream without samples", i_job, j->n_ticks);
	regions[0] = (struct region){ "src", j->src, (uint64_t)j->n_src * j->width,
				      rc_dtype_size((enum rc_dtype)j->src_dtype), b->in_bytes };
	regions[1] = (struct region){ "src_t", j->src_t, j->n_src, STAMP_ALIGN, b->in_bytes };
	regions[2] = (struct region){ "ticks", j->ticks, j->n_ticks, STAMP_ALIGN, b->in_bytes };
	regions[3] = (struct region){ "dst", j->dst,
				      (uint64_t)(j->n_ticks - 1) * j->dst_stride + j->width,
				      rc_dtype_size((enum rc_dtype)j->dst_dtype), b->out_bytes };
	for (size_t i = 0; !rc && i < RC_ARRAY_LEN(regions); i++)
		rc = check_region(i_job, &regions[i], err);
	return rc;
}

static int check_buffer(const char *what, const void *p, size_t bytes, struct rc_err *err)
{
	if (bytes && (!p || (uintptr_t)p % RC_BUFFER_ALIGN))
		return rc_fail(err, RC_E_BUG, "batch_buffer",
			       "the '%s' buffer of %zu bytes is not aligned to %d bytes", what,
			       bytes, RC_BUFFER_ALIGN);
	return 0;
}

int rc_batch_check(const struct rc_batch *b, struct rc_err *err)
{
	int rc = check_buffer("in", b->in, b->in_bytes, err);

	if (!rc)
		rc = check_buffer("out", b->out, b->out_bytes, err);
	for (size_t i = 0; !rc && i < b->n_jobs; i++)
		rc = check_job(b, i, err);
	return rc;
}

int rc_lane_check(const struct rc_lane *lane, const struct rc_batch *b, struct rc_err *err)
{
	if (b->in != lane->in || b->out != lane->out || b->in_bytes > lane->in_cap ||
	    b->out_bytes > lane->out_cap || b->n_jobs > lane->cap_jobs)
		return rc_fail(err, RC_E_BUG, "batch_lane",
			       "a batch of %zu and %zu bytes and %zu jobs is not of the lane, or"
			       " does not fit it: %zu and %zu bytes, %zu jobs",
			       b->in_bytes, b->out_bytes, b->n_jobs, lane->in_cap, lane->out_cap,
			       lane->cap_jobs);
	return rc_batch_check(b, err);
}
