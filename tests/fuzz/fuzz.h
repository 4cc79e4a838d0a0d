/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a fuzz target gives.  With --enable-fuzzers libFuzzer calls it; else driver.c, which runs
 * files, or changes the seeds a little many times, in every build.
 */
#ifndef RC_FUZZ_H
#define RC_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Returns 0; ends the process where something is wrong that a sanitizer does not see. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
/* Good inputs to start from: each is put under a name. */
void fuzz_seeds(void (*put)(const char *name, const void *p, size_t n));

#define FUZZ_CHECK(x)            \
	do {                     \
		if (!(x))        \
			__builtin_trap(); \
	} while (0)

#endif
