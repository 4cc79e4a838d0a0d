/* SPDX-License-Identifier: Apache-2.0 */
/* Who this program is.  The first line of the text is exactly "robocache X.Y.Z". */
#ifndef RC_VERSION_H
#define RC_VERSION_H

#include "base/buf.h"

#define RC_VERSION PACKAGE_VERSION

/* Version, libraries, backends and the plugin folder, a line each. */
void rc_version_text(struct rc_buf *b);

#endif
