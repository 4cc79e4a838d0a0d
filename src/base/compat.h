/* SPDX-License-Identifier: Apache-2.0 */
/* First include of every source: what configure found, and the few macros the whole tree uses. */
#ifndef RC_COMPAT_H
#define RC_COMPAT_H

#include "config.h"

#include <stddef.h>

#define RC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define RC_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#include "base/banned.h"

#endif
