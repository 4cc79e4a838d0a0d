/* SPDX-License-Identifier: Apache-2.0 */
/* Scanning inputs with several reader processes at once.  An input that cannot be read is an
 * outcome of that input, never the end of the scan. */
#ifndef RC_SCAN_H
#define RC_SCAN_H

#include "base/digest.h"
#include "formats/reader.h"
#include "inputs.h"
#include "problems.h"

struct rc_known;

struct rc_scanned {
	const char *path, *label; /* borrowed from the inputs */
	const char *root;     /* directory whose files it may refer to; NULL: it may to none */
	bool unpacked;        /* as of the inputs */
	struct rc_index *index; /* NULL when the scan failed */
	struct rc_err err;    /* then: why */
	bool known;           /* then: it was not opened, as it is known to fail */
	uint64_t bytes;       /* of the file before the scan; 0 where nobody could tell */
	int64_t mtime_ns;
	bool piped;           /* from standard input: neither time nor name tell it from another, */
	struct rc_digest content; /* but this, of its bytes */
	int64_t scan_ns;
};

struct rc_scan {
	struct rc_scanned *files; /* same order as the inputs */
	size_t n, n_failed;
	size_t n_reused;          /* known from the index file */
	int64_t busy_ns;
};

struct rc_scan_ask {
	struct rc_readers *readers;
	const struct rc_inputs *inputs; /* borrowed for the life of the scan */
	const char *layout;             /* a name or the text of a map; NULL: probe each file */
	const struct rc_known *known;   /* inputs that need not be opened; see quarantine.h */
	enum rc_frame_order decode;     /* what becomes of encoded frames */
	const char *index_file;         /* --index, or NULL; see scan_index.h */
	bool keep_index;                /* do not write it */
	bool external;                  /* files may refer to others of the directory named */
	int n_threads;
};

/* Fails only on out of memory, on failing threads, on an index file that is something else or,
 * with RC_E_INTERRUPTED, when a signal asked to stop.  That the index file cannot be written is a
 * warning. */
int rc_scan_run(const struct rc_scan_ask *ask, struct rc_scan *scan_out, struct rc_err *err);
/* RC_E_INPUT when the file at its path, or one that this episode of it is in, is not the one that
 * was scanned any more.  What was unpacked is a copy of its own: of that, only a container that was
 * written to meanwhile. */
int rc_scanned_same(const struct rc_scanned *f, uint32_t i_episode, struct rc_err *err);
/* Warns of inputs that another input refers to, whose episodes come twice. */
void rc_scan_tell_twice(const struct rc_scan *s, struct rc_problems *problems);
void rc_scan_release(struct rc_scan *s);

#endif
