/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks of what a thread does, for the timeline of a profiler: push a stage, pop it when it is
 * done; they nest.  Nothing without CUDA.
 */
#ifndef RC_MARKS_H
#define RC_MARKS_H

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
