/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compat.h"

#include <libdeflate.h>
#include <zstd.h>

#include "formats/codec.h"
#include "formats/codec_optional.h"
#include "formats/container.h"
#include "formats/frames.h"
#include "formats/h5util.h"

void rc_codec_versions(struct rc_buf *b)
{
	unsigned major = 0, minor = 0, release = 0;

	rc_h5_init(); /* any call initialises the library, and this one in the way we want it */
	H5get_libversion(&major, &minor, &release);
	rc_buf_printf(b, "HDF5 %u.%u.%u, zstd %s, libdeflate %s", major, minor, release,
		      ZSTD_versionString(), LIBDEFLATE_VERSION_STRING);
	rc_container_versions(b);
	codec_optional_versions(b);
	frames_versions(b);
}
