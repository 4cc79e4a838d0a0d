#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds and runs all tests on Debian 12: sh tests/run.sh [CONFIGURE-ARGUMENT...]
# Installs the packages that are missing (and says which), builds in ./build, or in $BUILD, and
# runs `make check`.  The last line is the sum; the exit status is 1 when something failed.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=examples/setup.sh
. "$top/examples/setup.sh"
dir=${BUILD:-$top/build}
log=$dir/test-suite.log

# Until the tests have run, the sum is one failure: of the build.
passed=0 failed=1 skipped=0
finish() {
	printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
	[ "$failed" -eq 0 ] || exit 1
}
trap finish EXIT

# shellcheck disable=SC2086 # lists of words
need_packages $packages_build $packages_tests
build "$dir" "$@"
rm -f "$log"
status=0
make -s -C "$dir" -j "$(nproc)" check VERBOSE=1 || status=$?

# count WORD...: the sum of these results in the head of the log
count() {
	for word in "$@"; do
		sed -n "s/^# $word: *\([0-9]*\)\$/\1/p" "$log"
	done | awk '{ n += $1 } END { print n + 0 }'
}
[ -f "$log" ] || die "make check stopped before it ran a test"
passed=$(count PASS XFAIL)
failed=$(count FAIL XPASS ERROR)
skipped=$(count SKIP)
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
	failed=1
fi
