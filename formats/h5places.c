/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the chunks of a dataset are, from the file itself: libhdf5 before 1.10.10 walks the whole
 * index for each chunk that it is asked about.  Only what nearly all writers make is understood, a
 * version 3 layout message and its version 1 B-tree; for the rest the answer is false, and chunks
 * are read through the library.  Runs in the reader process, as all that parses files does.
 */
#include "base/compat.h"

#include "formats/serve_private.h"

#include <unistd.h>

enum {
	MAX_BLOCK = 64 << 10,   /* of an object header */
	MAX_BLOCKS = 32,
	NODE_HEAD = 24,
	MAX_ENTRIES = 1024,     /* of a node; the default is 64 */
	MAX_LEVELS = 12,
	MSG_LAYOUT = 8,
	MSG_CONTINUATION = 16
};

struct block {
	uint64_t address, n;
};

struct walk {
	int fd;
	uint64_t file_bytes;
	const struct rc_request *q;
	struct rc_place *p;
	uint64_t n, n_found;
	/* of the object header */
	bool version2;
	uint32_t message_head; /* bytes */
	struct block blocks[MAX_BLOCKS];
	int n_blocks;
	uint64_t root; /* of the B-tree; UINT64_MAX: no chunk was written */
	bool has_layout;
};

static uint64_t le(const uint8_t *p, int n)
{
	uint64_t v = 0;

	for (int i = n; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

static bool get(const struct walk *w, uint64_t at, void *dst, uint64_t n)
{
	return at <= w->file_bytes && n <= w->file_bytes - at &&
	       pread(w->fd, dst, n, (off_t)at) == (ssize_t)n;
}

/* --- the object header ------------------------------------------------------------------------ */

static bool take_layout(struct walk *w, const uint8_t *m, uint64_t n)
{
	uint32_t rank = w->q->rank;

	/* version, class, rank and one for the element, address, extents of a chunk */
	if (n < 11 + 4 * (rank + 1) || m[0] != 3 || m[1] != 2 || m[2] != rank + 1)
		return false;
	for (uint32_t i = 0; i < rank; i++)
		if (le(m + 11 + 4 * i, 4) != w->q->chunk[i])
			return false;
	w->root = le(m + 3, 8);
	w->has_layout = true;
	return true;
}

static bool take_messages(struct walk *w, const uint8_t *p, uint64_t n)
{
	uint64_t head = w->message_head, at = 0;

	while (!w->has_layout && n - at >= head) {
		uint64_t type = w->version2 ? p[at] : le(p + at, 2);
		uint64_t size = le(p + at + (w->version2 ? 1 : 2), 2);
		const uint8_t *m = p + at + head;
		if (size > n - at - head)
			return false;
		if (type == MSG_LAYOUT && !take_layout(w, m, size))
			return false;
		if (type == MSG_CONTINUATION) {
			if (size < 16 || w->n_blocks == MAX_BLOCKS)
				return false;
			w->blocks[w->n_blocks++] = (struct block){le(m, 8), le(m + 8, 8)};
		}
		at += head + size;
	}
	return true;
}

/* Version 2: flags say which fields there are before the first message. */
static bool begin_header2(struct walk *w, const uint8_t *h, uint64_t at)
{
	uint32_t flags = h[5], width = 1u << (flags & 3), skip = 6;

	skip += (flags & 32 ? 16 : 0) + (flags & 16 ? 4 : 0);
	w->version2 = true;
	w->message_head = flags & 4 ? 6 : 4;
	w->blocks[0] = (struct block){at + skip + width, le(h + skip, (int)width)};
	return true;
}

static bool begin_header(struct walk *w, uint64_t at)
{
	uint8_t h[64];

	if (!get(w, at, h, sizeof h))
		return false;
	w->n_blocks = 1;
	if (!memcmp(h, "OHDR\2", 5))
		return begin_header2(w, h, at);
	w->message_head = 8;
	w->blocks[0] = (struct block){at + 16, le(h + 8, 4)};
	return h[0] == 1;
}

static bool find_layout(struct walk *w, uint64_t header)
{
	uint8_t *p = NULL;
	bool ok = begin_header(w, header);

	for (int i = 0; ok && !w->has_layout && i < w->n_blocks; i++) {
		const struct block b = w->blocks[i];
		uint64_t skip = 0, n = b.n;
		uint8_t *grown = n <= MAX_BLOCK ? realloc(p, n + 1) : NULL;
		if (!grown)
			break;
		p = grown;
		ok = get(w, b.address, p, n);
		if (ok && w->version2 && i > 0) { /* "OCHK" before, a checksum behind */
			ok = n >= 8 && !memcmp(p, "OCHK", 4);
			skip = 4;
			n -= 4;
		}
		ok = ok && take_messages(w, p + skip, n - skip);
	}
	free(p);
	return ok && w->has_layout;
}

/* --- the B-tree ------------------------------------------------------------------------------- */

static bool take_chunk(struct walk *w, const uint8_t *key, uint64_t address)
{
	uint64_t id = 0;

	for (uint32_t i = 0; i < w->q->rank; i++) {
		uint64_t c = w->q->chunk[i], from = le(key + 8 + 8 * i, 8);
		uint64_t along = w->q->dims[i] / c + (w->q->dims[i] % c != 0);
		if (from % c)
			return false;
		if (from / c >= along) /* left from before the dataset shrank */
			return true;
		id = id * along + from / c;
	}
	if (id >= w->n || w->p[id].n)
		return false;
	w->p[id] = (struct rc_place){address, (uint32_t)le(key, 4), (uint32_t)le(key + 4, 4)};
	return true;
}

static bool take_node(struct walk *w, uint64_t at, int levels)
{
	uint64_t key = 8 + 8 * (w->q->rank + 1), n, bytes;
	uint8_t head[NODE_HEAD], *p;
	bool ok;

	if (!get(w, at, head, sizeof head) || memcmp(head, "TREE\1", 5) || head[5] >= levels)
		return false;
	n = le(head + 6, 2);
	bytes = n * (key + 8);
	p = n <= MAX_ENTRIES ? malloc(bytes + 1) : NULL;
	ok = p && get(w, at + NODE_HEAD, p, bytes);
	for (uint64_t i = 0; ok && i < n; i++) {
		const uint8_t *e = p + i * (key + 8);
		uint64_t child = le(e + key, 8);
		/* the nodes of a damaged tree may be one another's children */
		ok = w->n_found++ <= 2 * w->n + 64 &&
		     (head[5] ? take_node(w, child, head[5]) : take_chunk(w, e, child));
	}
	free(p);
	return ok;
}

bool h5_chunk_places(int fd, uint64_t file_bytes, uint64_t header, const struct rc_request *q,
		     struct rc_place *p, uint64_t n)
{
	struct walk w = {.fd = fd, .file_bytes = file_bytes, .q = q, .p = p, .n = n};

	if (!find_layout(&w, header))
		return false;
	return w.root == UINT64_MAX || take_node(&w, w.root, MAX_LEVELS);
}
