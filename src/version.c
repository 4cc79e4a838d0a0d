/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include "version.h"

#include <stdlib.h>

#include "formats/codec.h"
#include "formats/shard.h"
#include "kernels/kernels.h"

static void add_backends(struct rc_buf *b)
{
	struct rc_device *dev;

	for (size_t i = 0; i < rc_n_backends; i++) {
		const struct rc_backend *be = rc_backends[i];
		struct rc_err err = {0};

		if (be->open(NULL, &dev, &err)) {
			rc_buf_printf(b, "backend %s: no: %s\n", be->name, err.msg);
			continue;
		}
		rc_buf_printf(b, "backend %s: %s\n", be->name, be->describe(dev));
		be->close(dev);
	}
}

void rc_version_text(struct rc_buf *b)
{
	rc_buf_printf(b, "robocache %s\n", RC_VERSION);
	rc_buf_puts(b, "libraries: ");
	rc_codec_versions(b);
	rc_buf_puts(b, "\n");
	add_backends(b);
	rc_buf_printf(b, "HDF5 zstd plugin: %s (set HDF5_PLUGIN_PATH to it for h5py and h5dump)\n",
		      RC_PLUGIN_DIR);
	rc_buf_puts(b, "licence: Apache-2.0\n");
}
