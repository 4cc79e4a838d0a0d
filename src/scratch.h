/* SPDX-License-Identifier: Apache-2.0 */
/* Where large temporary files go, and what unpacked inputs may take. */
#ifndef RC_SCRATCH_H
#define RC_SCRATCH_H

#include "base/err.h"
#include "formats/unpack.h"

/*
 * The directory: `given` (--scratch-dir) if that is not NULL, else $TMPDIR, else the output
 * directory `output` or, as long as that does not exist, the nearest one above it, else /var/tmp.
 * RC_E_USAGE when the one that was given is no directory.  The caller frees *dir_out.
 */
int rc_scratch_dir(const char *given, const char *output, char **dir_out, struct rc_err *err);

/* Takes what containers hold: in memory up to memory_bytes, or for 0 a sixteenth of what the
 * process may use, beyond that in scratch_dir, which outlives it. */
int rc_scratch_unpacked(const char *scratch_dir, uint64_t memory_bytes,
			struct rc_unpacked **u_out, struct rc_err *err);

#endif
