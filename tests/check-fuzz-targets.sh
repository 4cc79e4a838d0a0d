#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each target of tests/fuzz/ on its seeds, and on inputs made of them: others each time, the same
# ones with FUZZ_SEED.  docs/testing.md says how to run the fuzzers themselves.
set -eu
seed=${FUZZ_SEED:-$(date +%s)}
for target in chunk clock container index text; do
	"$top_builddir/tests/fuzz/$target" --mutants "${FUZZ_COUNT:-3000}" "$seed" || {
		echo "FAILED: tests/fuzz/$target --mutants ${FUZZ_COUNT:-3000} $seed"
		exit 1
	}
done
