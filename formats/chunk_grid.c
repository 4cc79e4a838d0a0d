/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "formats/chunk_private.h"

static uint64_t n_chunks(const struct rc_dataset *d, uint32_t axis)
{
	return d->dims[axis] / d->chunk[axis] + (d->dims[axis] % d->chunk[axis] != 0);
}

void chunk_grid_of(const struct rc_dataset *d, struct chunk_grid *g_out)
{
	struct chunk_grid g = { .per_row = 1, .whole_rows = true };

	g.bytes = rc_dtype_size((enum rc_dtype)d->dtype) * d->chunk[0];
	for (uint32_t i = 1; i < d->rank; i++) {
		g.per_row *= n_chunks(d, i);
		g.bytes *= d->chunk[i];
		g.whole_rows &= d->chunk[i] == d->dims[i];
	}
	g.n = g.per_row * n_chunks(d, 0);
	*g_out = g;
}

/* Goes to the first row of chunks at or after `from` that holds rows of a run. */
static void find_row(struct chunk_walk *w, const struct rc_dataset *d, uint64_t from)
{
	for (; w->i_run < w->n_runs; w->i_run++) {
		const struct rc_row_run *run = &w->runs[w->i_run];
		uint64_t first = run->row0 / d->chunk[0];
		if (!run->n || (run->row0 + run->n - 1) / d->chunk[0] < from)
			continue;
		w->i_row = first > from ? first : from;
		return;
	}
}

void chunk_walk_begin(struct chunk_walk *w, const struct rc_dataset *d,
		      const struct rc_row_run *runs, size_t n_runs)
{
	*w = (struct chunk_walk){ .runs = runs, .n_runs = n_runs };
	find_row(w, d, 0);
}

bool chunk_walk_next(struct chunk_walk *w, const struct rc_dataset *d,
		     const struct chunk_grid *g, uint64_t *id_out)
{
	if (w->i_run == w->n_runs)
		return false;
	*id_out = w->i_row * g->per_row + w->i_side;
	if (++w->i_side == g->per_row) {
		w->i_side = 0;
		find_row(w, d, w->i_row + 1);
	}
	return true;
}

/* A box of elements on both sides; strides in bytes, the first axis is the slowest. */
struct box {
	uint32_t rank;
	uint64_t count[RC_MAX_RANK], src_stride[RC_MAX_RANK], dst_stride[RC_MAX_RANK];
};

/* n pieces of `span` bytes each.  Inlined for the spans below, where a call for each would cost
 * more than the copy. */
RC_INLINED void copy_pieces(const struct box *b, uint32_t axis, const char *src, char *dst,
			    size_t span)
{
	uint64_t from = b->src_stride[axis], to = b->dst_stride[axis], n = b->count[axis];

	RC_UNROLL
	for (uint64_t i = 0; i < n; i++)
		memcpy(dst + i * to, src + i * from, span);
}

static void copy_row(const struct box *b, uint32_t axis, const char *src, char *dst, size_t span)
{
	switch (span) {
	case 1: copy_pieces(b, axis, src, dst, 1); break;
	case 2: copy_pieces(b, axis, src, dst, 2); break;
	case 4: copy_pieces(b, axis, src, dst, 4); break;
	case 8: copy_pieces(b, axis, src, dst, 8); break;
	case 12: copy_pieces(b, axis, src, dst, 12); break;
	case 16: copy_pieces(b, axis, src, dst, 16); break;
	case 32: copy_pieces(b, axis, src, dst, 32); break;
	default: copy_pieces(b, axis, src, dst, span);
	}
}

static void copy_box(const struct box *b, size_t element_size, const char *src, char *dst)
{
	uint64_t at[RC_MAX_RANK] = { 0 };
	size_t span = element_size;
	uint32_t n = b->rank, k;

	/* Axes that are dense on both sides become one run of bytes. */
	for (; n > 0 && b->src_stride[n - 1] == span && b->dst_stride[n - 1] == span; n--)
		span *= b->count[n - 1];
	if (!n) {
		memcpy(dst, src, span);
		return;
	}
	do {
		copy_row(b, n - 1, src, dst, span);
		for (k = n - 1; k-- > 0;) {
			src += b->src_stride[k];
			dst += b->dst_stride[k];
			if (++at[k] < b->count[k])
				break;
			src -= b->count[k] * b->src_stride[k];
			dst -= b->count[k] * b->dst_stride[k];
			at[k] = 0;
		}
	} while (k != UINT32_MAX);
}

void chunk_scatter(const struct rc_dataset *d, const struct chunk_grid *g, uint64_t id,
		   const void *chunk, uint64_t row0, uint64_t n, void *dst)
{
	size_t element_size = rc_dtype_size((enum rc_dtype)d->dtype);
	struct box b = { .rank = d->rank };
	uint64_t side = id % g->per_row, to = 0;
	uint64_t src_stride = element_size, dst_stride = element_size;

	for (uint32_t i = d->rank; i-- > 1;) {
		uint64_t first = side % n_chunks(d, i) * d->chunk[i];
		uint64_t left = d->dims[i] - first;
		side /= n_chunks(d, i);
		b.count[i] = left < d->chunk[i] ? left : d->chunk[i];
		b.src_stride[i] = src_stride;
		b.dst_stride[i] = dst_stride;
		to += first * dst_stride;
		src_stride *= d->chunk[i];
		dst_stride *= d->dims[i];
	}
	b.count[0] = n;
	b.src_stride[0] = src_stride;
	b.dst_stride[0] = dst_stride;
	row0 -= id / g->per_row * d->chunk[0];
	copy_box(&b, element_size, (const char *)chunk + row0 * src_stride, (char *)dst + to);
}

void chunk_swap(void *values, size_t n_bytes, size_t element_size)
{
	char *p = values;

	for (size_t i = 0; element_size == 2 && i < n_bytes; i += 2) {
		uint16_t v;
		memcpy(&v, p + i, sizeof v);
		v = __builtin_bswap16(v);
		memcpy(p + i, &v, sizeof v);
	}
	for (size_t i = 0; element_size == 4 && i < n_bytes; i += 4) {
		uint32_t v;
		memcpy(&v, p + i, sizeof v);
		v = __builtin_bswap32(v);
		memcpy(p + i, &v, sizeof v);
	}
	for (size_t i = 0; element_size == 8 && i < n_bytes; i += 8) {
		uint64_t v;
		memcpy(&v, p + i, sizeof v);
		v = __builtin_bswap64(v);
		memcpy(p + i, &v, sizeof v);
	}
}
