#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh FUZZ-BUILD BUILD SECONDS [CORPUS]
# Runs every fuzzer of FUZZ-BUILD (configured with --enable-fuzzers) for that long, as many at a
# time as there are processors, from the seeds of BUILD and what CORPUS has kept.  A finding is left
# in FUZZ-BUILD as found-TARGET-..., and makes the exit status 1.
set -eu
fuzz=$1 build=$2 seconds=$3
corpus=${4:-$fuzz/corpus}
targets="chunk clock container index text"

# shellcheck disable=SC2086 # a list of words
make -s -C "$build" $(printf 'tests/fuzz/%s ' $targets)
for target in $targets; do
	mkdir -p "$corpus/$target"
	"$build/tests/fuzz/$target" --seeds "$corpus/$target"
done
export fuzz corpus seconds
# shellcheck disable=SC2016 # the inner shell's
printf '%s\n' $targets | xargs -n 1 -P "$(nproc)" sh -c '
	if "$fuzz/tests/fuzz/$1" -max_total_time="$seconds" -max_len=8192 -timeout=20 \
		-rss_limit_mb=1500 -artifact_prefix="$fuzz/found-$1-" -print_final_stats=1 \
		"$corpus/$1" >"$fuzz/$1.log" 2>&1; then
		runs=$(sed -n "s/^stat::number_of_executed_units: *//p" "$fuzz/$1.log")
		echo "$1: $runs runs in $seconds s, nothing found"
	else
		tail -n 40 "$fuzz/$1.log"
		echo "$1: FAILED"
		exit 1
	fi' sh
