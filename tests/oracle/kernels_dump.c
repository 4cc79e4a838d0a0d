/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernels_dump SEED JOBS [ISA]: makes up one ragged batch, computes it on the CPU backend and
 * writes it to standard output for tests/oracle/check_kernels.py.  All little-endian, 8-byte words:
 * "RCBATCH1", n_jobs, in_bytes, out_bytes; for each job the 12 fields of struct rc_job in their
 * order; then the bytes of `in` and of `out`, which was all 0xa5 before.
 */
#include "kernels/kernels.h"

#include <math.h>

#include "base/num.h"
#include "kernels/shared_math.h"

enum { N_FIELDS = 12, N_HEAD = 3 };

static uint64_t state;

static uint64_t rng(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1du;
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)(rng() % n);
}

static double uniform(double lo, double hi)
{
	return lo + (hi - lo) * ((double)(rng() >> 11) * 0x1p-53);
}

/* Room for n elements of `size` bytes behind *end, at a multiple of size but of nothing more. */
static uint64_t place(size_t *end, uint64_t n, size_t size)
{
	uint64_t at = (*end + size - 1) / size * size + below(4) * size;

	*end = at + n * size;
	return at;
}

static void make_job(struct rc_job *j, size_t *in_end, size_t *out_end)
{
	static const uint32_t widths[] = { 1, 3, 4, 6, 7, 8, 14, 17, 31, 64 };
	size_t dst_size;
	uint32_t col;

	j->method = (uint8_t)below(RC_METHOD_KERNELS);
	j->src_dtype = (uint8_t)(below(2) ? below(4) : below(RC_DTYPE_COUNT));
	j->dst_dtype = (uint8_t)(below(2) ? RC_F32 : below(4));
	if (rc_method_picks((enum rc_method)j->method) && below(3) == 0)
		j->dst_dtype = j->src_dtype;
	j->width = below(40) ? widths[below(RC_ARRAY_LEN(widths))] : 512;
	if (j->method == RC_METHOD_SLERP && j->width < 4)
		j->width = 4;
	if (j->method == RC_METHOD_SLERP)
		j->quat_first = (int8_t)below(j->width - 3 < 28 ? j->width - 3 : 28);
	j->n_src = below(8) ? 2 + below(200) : 1;
	j->n_ticks = below(20) ? 1 + below(300) : 0;
	col = below(5);
	j->dst_stride = j->width + col + below(4);
	dst_size = rc_dtype_size((enum rc_dtype)j->dst_dtype);
	j->src = place(in_end, (uint64_t)j->n_src * j->width,
		       rc_dtype_size((enum rc_dtype)j->src_dtype));
	j->src_t = place(in_end, j->n_src, 8);
	j->ticks = place(in_end, j->n_ticks, 8);
	j->dst = place(out_end, (uint64_t)j->n_ticks * j->dst_stride, dst_size) + col * dst_size;
}

/* A source of 20 Hz to 1 kHz with jitter and, in one of three, equal stamps; ticks from a little
 * before to a little after it, some of them on stamps. */
static void fill_times(const struct rc_job *j, int64_t *t, int64_t *ticks)
{
	int64_t period = 1000000 * (1 + below(50)), end, now = below(1000000);
	uint32_t repeat = below(3) ? 0 : 5, i = 0;

	for (uint32_t k = 0; k < j->n_src; k++) {
		t[k] = now;
		if (!repeat || below(repeat))
			now += (int64_t)(uniform(0.6, 1.4) * (double)period);
	}
	end = now + 3 * period;
	now = t[0] - 2 * period;
	for (uint32_t k = 0; k < j->n_ticks; k++) {
		while (i + 1 < j->n_src && t[i] < now)
			i++;
		ticks[k] = below(6) == 0 && k && t[i] >= now && t[i] < now + period ? t[i] : now;
		now = ticks[k] + (end - t[0]) / j->n_ticks + below(1000) + 1;
	}
}

static void put(enum rc_dtype t, void *base, size_t i, double v)
{
	uint64_t bits = rng();
	size_t size = rc_dtype_size(t);

	if (t == RC_F16)
		((uint16_t *)base)[i] = rc_f64_to_f16(v);
	else if (t == RC_BF16)
		((uint16_t *)base)[i] = rc_f64_to_bf16(v);
	else if (t == RC_F32)
		((float *)base)[i] = (float)v;
	else if (t == RC_F64)
		((double *)base)[i] = v;
	else if (t == RC_BOOL)
		((uint8_t *)base)[i] = bits & 1;
	else
		memcpy((char *)base + i * size, &bits, size);
}

/* Columns of different magnitude and sign; quaternions that turn by little or by much, some with
 * the other sign, none quite of unit length. */
static void fill_values(const struct rc_job *j, void *base)
{
	double speed = exp(uniform(-12, 1)), q[4] = { 1, 0, 0, 0 };

	for (size_t i = 0; i < j->n_src; i++) {
		double length = 0, sign = below(8) ? 1 : -1;

		for (int c = 0; c < 4; c++) {
			q[c] += speed * uniform(-1, 1);
			length += q[c] * q[c];
		}
		length = sqrt(length) * uniform(0.999, 1.001);
		for (uint32_t c = 0; c < j->width; c++) {
			uint32_t k = c - (uint32_t)j->quat_first;
			bool quat = j->method == RC_METHOD_SLERP && k < 4;
			double scale = ldexp(1, (int)(c * 7 % 25) - 12);

			put((enum rc_dtype)j->src_dtype, base, i * j->width + c,
			    quat ? sign * q[k] / length : scale * uniform(-1, 1) + scale * (c % 3));
		}
	}
}

static int write_words(const int64_t *words, size_t n)
{
	return fwrite(words, sizeof *words, n, stdout) == n ? 0 : -1;
}

static int write_batch(const struct rc_batch *b)
{
	const int64_t head[N_HEAD] = { (int64_t)b->n_jobs, (int64_t)b->in_bytes,
				       (int64_t)b->out_bytes };
	int rc = fwrite("RCBATCH1", 1, 8, stdout) == 8 ? write_words(head, N_HEAD) : -1;

	for (size_t i = 0; !rc && i < b->n_jobs; i++) {
		const struct rc_job *j = &b->jobs[i];
		const int64_t fields[N_FIELDS] = {
			(int64_t)j->src, (int64_t)j->src_t, (int64_t)j->ticks, (int64_t)j->dst,
			j->n_src, j->n_ticks, j->width, j->dst_stride,
			j->src_dtype, j->dst_dtype, j->method, j->quat_first,
		};
		rc = write_words(fields, N_FIELDS);
	}
	if (!rc && (fwrite(b->in, 1, b->in_bytes, stdout) != b->in_bytes ||
		    fwrite(b->out, 1, b->out_bytes, stdout) != b->out_bytes || fflush(stdout)))
		rc = -1;
	return rc;
}

static int compute(struct rc_batch *b, const char *isa, struct rc_err *err)
{
	const struct rc_backend *be = rc_backend_find("cpu");
	const struct rc_lane_size size = { b->in_bytes, b->out_bytes, b->n_jobs };
	struct rc_device *dev = NULL;
	struct rc_lane *lane = NULL;
	int rc = be->open(isa, &dev, err);

	if (!rc)
		rc = be->lane_open(dev, &size, &lane, err);
	if (rc)
		goto done;
	b->in = lane->in;
	b->out = lane->out;
	memset(b->in, 0, b->in_bytes);
	memset(b->out, 0xa5, b->out_bytes);
	for (size_t i = 0; i < b->n_jobs; i++) {
		const struct rc_job *j = &b->jobs[i];
		char *in = b->in;

		fill_values(j, in + j->src);
		fill_times(j, (int64_t *)(in + j->src_t), (int64_t *)(in + j->ticks));
	}
	rc = be->submit(lane, b, err);
	if (!rc)
		rc = be->wait(lane, err);
	if (!rc && write_batch(b))
		rc = rc_fail(err, RC_E_OUTPUT, "write", "cannot write standard output");
done:
	be->lane_close(lane);
	be->close(dev);
	return rc;
}

int main(int argc, char **argv)
{
	struct rc_batch b = { 0 };
	struct rc_err err = { 0 };
	int64_t seed = 0, n = 0;
	int rc;

	if (argc != 3 && argc != 4) {
		fprintf(stderr, "usage: kernels_dump SEED JOBS [ISA]\n");
		return 2;
	}
	rc = rc_parse_int(argv[1], "SEED", 1, INT64_MAX, &seed, &err);
	if (!rc)
		rc = rc_parse_int(argv[2], "JOBS", 1, 100000, &n, &err);
	b.n_jobs = (size_t)n;
	b.jobs = calloc(b.n_jobs + 1, sizeof *b.jobs);
	if (!rc && !b.jobs)
		rc = rc_fail_nomem(&err, b.n_jobs * sizeof *b.jobs);
	state = (uint64_t)seed * 0x9e3779b97f4a7c15u | 1;
	for (size_t i = 0; !rc && i < b.n_jobs; i++)
		make_job(&b.jobs[i], &b.in_bytes, &b.out_bytes);
	if (!rc)
		rc = compute(&b, argc == 4 ? argv[3] : NULL, &err);
	if (rc)
		fprintf(stderr, "kernels_dump: %s\n", err.msg);
	free(b.jobs);
	return rc ? 1 : 0;
}
