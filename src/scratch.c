/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "scratch.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/path.h"
#include "machine.h"
#include "signals.h"

static int near_output(const char *output, char **dir_out, struct rc_err *err)
{
	int rc = rc_path_nearest_dir(output, dir_out, err);

	return rc || *dir_out ? rc : rc_strdup(dir_out, "/var/tmp", err);
}

int rc_scratch_dir(const char *given, const char *output, char **dir_out, struct rc_err *err)
{
	const char *tmp = getenv("TMPDIR");

	if (given && !rc_path_is_dir(given))
		return rc_fail(err, RC_E_USAGE, "output",
			       "--scratch-dir '%s' is not a directory; make it, or name another",
			       given);
	if (given)
		return rc_strdup(dir_out, given, err);
	if (tmp && *tmp && rc_path_is_dir(tmp))
		return rc_strdup(dir_out, tmp, err);
	return output ? near_output(output, dir_out, err) : rc_strdup(dir_out, "/var/tmp", err);
}

int rc_scratch_unpacked(const char *scratch_dir, uint64_t memory_bytes,
			struct rc_unpacked **u_out, struct rc_err *err)
{
	const struct rc_unpack_options opt = {
		.memory_bytes = memory_bytes ? memory_bytes : rc_allowed_memory() / 16,
		.scratch_dir = scratch_dir,
		.stop = rc_stop_asked,
	};

	return rc_unpacked_new(&opt, u_out, err);
}
