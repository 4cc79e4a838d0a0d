/* SPDX-License-Identifier: Apache-2.0 */
/* Names of stages for a profiler's timeline (NVTX); nothing in a build without CUDA.  Any thread;
 * push and pop in pairs, on the same thread. */
#ifndef RC_KERNELS_MARKS_H
#define RC_KERNELS_MARKS_H

#include "base/compat.h"

#ifdef HAVE_CUDA
void rc_mark_push(const char *stage);
void rc_mark_pop(void);
#else
static inline void rc_mark_push(const char *stage)
{
	(void)stage;
}
static inline void rc_mark_pop(void)
{
}
#endif

#endif
