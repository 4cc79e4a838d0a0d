/* SPDX-License-Identifier: Apache-2.0 */
/* First include of every source: what configure found, and the few macros the whole tree uses. */
#ifndef RC_COMPAT_H
#define RC_COMPAT_H

#include "config.h"

#include <stddef.h>

#define RC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define RC_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Of functions that are made anew for the constants in each call. */
#define RC_INLINED static inline __attribute__((always_inline))

/* Before a loop whose body is a copy or a few vectors: gcc's -O2 leaves it as it is.  clang unrolls
 * by itself, and warns where it is told to and does not. */
#ifdef __clang__
#define RC_UNROLL
#else
#define RC_UNROLL _Pragma("GCC unroll 8")
#endif

#include "base/banned.h"

#endif
