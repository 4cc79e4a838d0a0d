/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TARGET FILE...          runs files, such as those that a fuzzer found
 * TARGET --seeds DIR      writes the seeds
 * TARGET --mutants N [S]  runs N inputs made of the seeds, by the random seed S
 */
#include "base/compat.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_SEEDS = 64, MORE = 64 };

static const char *dir;
static struct {
	uint8_t *p;
	size_t n;
} seeds[MAX_SEEDS];
static size_t n_seeds;
static uint64_t state;

static void keep(const char *name, const void *p, size_t n)
{
	(void)name;
	if (n_seeds == MAX_SEEDS)
		return;
	seeds[n_seeds].p = malloc(n + 1);
	memcpy(seeds[n_seeds].p, p, n);
	seeds[n_seeds++].n = n;
}

static void write_seed(const char *name, const void *p, size_t n)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "wb");
	if (!f || fwrite(p, 1, n, f) != n || fclose(f))
		exit(1);
}

/* Knuth's MMIX generator; the upper half is random enough here. */
static size_t below(size_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return n ? (size_t)(state >> 33) % n : 0;
}

static void mutate_once(uint8_t *p, size_t *n, size_t cap)
{
	static const uint8_t odd[] = {0, 1, 0x7f, 0x80, 0xff, '"', '[', '{', '9', '-'};
	size_t at = below(*n), len = 1 + below(8);

	switch (below(6)) {
	case 0: p[at] ^= (uint8_t)(1u << below(8)); break;
	case 1: p[at] = odd[below(sizeof odd)]; break;
	case 2: memset(p + at, odd[below(5)], at + len <= *n ? len : *n - at); break;
	case 3: *n = below(20) ? *n : at + 1; break;
	case 4:
		if (at + len <= *n)
			memmove(p + below(*n - len + 1), p + at, len);
		break;
	default:
		if (*n + len <= cap) {
			memmove(p + at + len, p + at, *n - at);
			*n += len;
		}
	}
}

static void run_mutants(long n)
{
	for (long i = 0; i < n; i++) {
		size_t k = below(n_seeds), len = seeds[k].n, cap = len + MORE;
		uint8_t *p = malloc(cap); /* of the right size, for AddressSanitizer */
		uint8_t *exact;

		memcpy(p, seeds[k].p, len);
		for (size_t m = 1 + below(4); m > 0 && len; m--)
			mutate_once(p, &len, cap);
		exact = malloc(len ? len : 1);
		memcpy(exact, p, len);
		LLVMFuzzerTestOneInput(exact, len);
		free(exact);
		free(p);
	}
	printf("%ld mutants of %zu seeds\n", n, n_seeds);
}

static void run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *p = malloc(1 << 20);
	size_t n;

	if (!f)
		exit(1);
	n = fread(p, 1, 1 << 20, f);
	fclose(f);
	p = realloc(p, n ? n : 1);
	LLVMFuzzerTestOneInput(p, n);
	free(p);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--seeds")) {
		dir = argv[2];
		fuzz_seeds(write_seed);
		return 0;
	}
	fuzz_seeds(keep);
	for (size_t i = 0; i < n_seeds; i++)
		LLVMFuzzerTestOneInput(seeds[i].p, seeds[i].n);
	if (argc >= 3 && !strcmp(argv[1], "--mutants")) {
		state = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
		run_mutants(strtol(argv[2], NULL, 10));
	} else {
		for (int i = 1; i < argc; i++)
			run_file(argv[i]);
	}
	for (size_t i = 0; i < n_seeds; i++)
		free(seeds[i].p);
	return 0;
}
