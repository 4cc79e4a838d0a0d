/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What HDF5 files come wrapped in: zstd around one file, tar, zstd around tar.  Names and contents
 * of members are untrusted: a name only ever becomes an identifier and never a path.
 */
#ifndef RC_CONTAINER_H
#define RC_CONTAINER_H

#include "base/buf.h"
#include "formats/bytes.h"

enum rc_container {
	RC_CONTAINER_NONE,
	RC_CONTAINER_HDF5,   /* the file itself */
	RC_CONTAINER_PACKED, /* one file in zstd */
	RC_CONTAINER_ARCHIVE /* tar, perhaps in zstd */
};

/* What a name says, letter case apart: ".h5" and ".hdf5", with ".zst" behind them; ".tar" and
 * ".tar.zst".  NONE for others. */
enum rc_container rc_container_of_name(const char *name);
/* What a file is by its first bytes; HDF5 stands for everything that is not wrapped.  A file that
 * cannot be read is HDF5, too: whoever opens it says why. */
enum rc_container rc_container_of_file(const char *path);
/* Can this build read and write tar? */
bool rc_has_tar(void);
/* ", libarchive 3.6.2", or nothing. */
void rc_container_versions(struct rc_buf *b);

/* One file that was found inside. */
struct rc_member {
	const char *name;           /* in the archive, cleaned; NULL: the stream is this one file */
	struct rc_bytes *bytes;     /* unpacked; NULL where it cannot be read, then: */
	const struct rc_err *why;
};

struct rc_unwrap {
	/* Called for each, in the order of the stream.  `bytes` is valid until it returns.  Not 0
	 * ends the walk; what is wrong with one member is no reason to. */
	int (*member)(void *arg, const struct rc_member *m, struct rc_err *err);
	void *arg;
};

/*
 * Walks the files inside of raw, whatever it is.  In archives these are regular members named *.h5
 * or *.hdf5, with ".zst" or without; links and devices of such names, and names that are absolute
 * or hold "..", are told with a reason; names of which a part starts with a dot and other suffixes
 * are left out.  Fails where the stream itself is damaged; then the members before that were told.
 */
int rc_unwrap(struct rc_bytes *raw, const struct rc_unwrap *u, struct rc_err *err);

#endif
