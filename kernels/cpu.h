/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to kernels/cpu*.c: what cpu_rows.c gives, once for each instruction set it is compiled
 * for.  All of them give the same bits; nothing here may be called before cpu.c has seen that the
 * processor has the set.
 */
#ifndef RC_KERNELS_CPU_H
#define RC_KERNELS_CPU_H

#include "kernels/kernels.h"

struct rc_cpu_rows {
	/* Does one checked job of a batch. */
	void (*job)(const struct rc_job *j, const void *in, void *out);
};

extern const struct rc_cpu_rows rc_cpu_rows_baseline;
#ifdef HAVE_ISA_AVX2
extern const struct rc_cpu_rows rc_cpu_rows_avx2;
#endif
#ifdef HAVE_ISA_AVX512
extern const struct rc_cpu_rows rc_cpu_rows_avx512;
#endif

#endif
