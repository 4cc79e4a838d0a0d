/* SPDX-License-Identifier: Apache-2.0 */
/* Stored chunks without a request for each: a reader tells once where those of a dataset are, and
 * neighbours in the file are read together. */
#include "base/compat.h"

#include "formats/chunk_private.h"
#include "formats/protocol.h"

enum {
	READ_TOGETHER = 512 << 10, /* neighbours wanted, at most */
	READ_AHEAD = 32 << 10      /* and at least, as small chunks come one by one */
};

/* A damaged index may call most of the file one chunk, for which this process would take memory. */
static bool credible(const struct rc_place *p, const struct chunk_grid *g)
{
	uint64_t most = 2 * g->bytes + READ_AHEAD;

	for (uint64_t i = 0; i < g->n; i++)
		if (p[i].n > most || p[i].n > RC_SHARED_MAX)
			return false;
	return true;
}

/* Fills in->places for the dataset; known is false where chunks must come from the reader. */
static int need_places(struct rc_input *in, const struct rc_index *ix, uint32_t i_dataset,
		       struct rc_err *err)
{
	struct chunk_places *pl = &in->places;
	struct chunk_cache *cache = rc_reader_cache(in->reader);
	struct chunk_key key = {ix->serial, i_dataset, CHUNK_PLACES};
	struct chunk_grid grid;
	size_t bytes;
	int rc;

	if (pl->index == ix->serial && pl->dataset == i_dataset)
		return 0;
	pl->index = 0;
	pl->known = false;
	chunk_grid_of(&ix->datasets[i_dataset], &grid);
	if (grid.n <= RC_MAX_PLACES) {
		bytes = grid.n * sizeof *pl->p;
		rc = rc_grow_array(&pl->p, &pl->cap, grid.n, sizeof *pl->p, err);
		if (rc)
			return rc;
		pl->known = chunk_cache_get(cache, &key, 0, pl->p, bytes);
		if (!pl->known) {
			rc = rc_reader_places(in->reader, ix, i_dataset, pl->p, grid.n, &pl->known,
					      err);
			if (rc)
				return rc;
			if (pl->known)
				chunk_cache_put(cache, &key, pl->p, bytes);
		}
	}
	pl->known = pl->known && credible(pl->p, &grid);
	pl->index = ix->serial;
	pl->dataset = i_dataset;
	return 0;
}

/* How many of the chunks lie one behind the other, and the bytes up to the end of the last. */
static size_t neighbours(const struct rc_place *p, const uint64_t *ids, size_t n_ids,
			 uint64_t *bytes_out)
{
	uint64_t first = p[ids[0]].address, bytes = p[ids[0]].n;
	size_t n = 1;

	for (; n < n_ids && p[ids[n]].n && p[ids[n]].address == first + bytes; n++) {
		if (bytes + p[ids[n]].n > READ_TOGETHER)
			break;
		bytes += p[ids[n]].n;
	}
	*bytes_out = bytes;
	return n;
}

static bool inside(const struct chunk_window *w, const struct rc_index *ix, uint32_t linked,
		   const struct rc_place *p)
{
	return w->index == ix->serial && w->linked == linked && p->n && p->address >= w->address &&
	       p->n <= w->n && p->address - w->address <= w->n - p->n;
}

static int fill_window(struct rc_input *in, const struct rc_index *ix, const struct rc_dataset *d,
		       uint64_t address, uint64_t n, struct rc_err *err)
{
	struct chunk_window *w = &in->window;
	uint64_t left = rc_index_file_bytes(ix, d) - address;
	int fd = -1, rc = chunk_need_fd(in, ix, d, &fd, err);

	if (n < READ_AHEAD)
		n = left < READ_AHEAD ? left : READ_AHEAD;
	w->index = 0;
	if (!rc)
		rc = rc_scratch_need(&w->room, n, err);
	if (!rc)
		rc = chunk_read_at(fd, ix->path, address, w->room.p, n, err);
	if (rc)
		return rc;
	w->index = ix->serial;
	w->linked = d->linked;
	w->address = address;
	w->n = n;
	return 0;
}

int chunk_fetch(struct rc_input *in, const struct rc_index *ix, uint32_t i_dataset,
		const uint64_t *ids, size_t n_ids, struct rc_stored_chunk *chunks_out,
		size_t *n_done_out, struct rc_err *err)
{
	const struct rc_dataset *d = &ix->datasets[i_dataset];
	const struct rc_place *p;
	uint64_t bytes;
	size_t n = 0;
	int rc = need_places(in, ix, i_dataset, err);

	if (rc)
		return rc;
	p = in->places.p;
	/* of one that is missing, the reader knows what to say */
	if (!in->places.known || !p[ids[0]].n)
		return rc_reader_chunks(in->reader, ix, i_dataset, ids, n_ids, chunks_out,
					n_done_out, err);
	if (!inside(&in->window, ix, d->linked, &p[ids[0]])) {
		neighbours(p, ids, n_ids, &bytes);
		rc = fill_window(in, ix, d, p[ids[0]].address, bytes, err);
		if (rc)
			return rc;
	}
	for (; n < n_ids && inside(&in->window, ix, d->linked, &p[ids[n]]); n++)
		chunks_out[n] = (struct rc_stored_chunk){
			.bytes = (char *)in->window.room.p +
				 (p[ids[n]].address - in->window.address),
			.n = p[ids[n]].n,
			.mask = p[ids[n]].mask,
		};
	*n_done_out = n;
	return 0;
}
