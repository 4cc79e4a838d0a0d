#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a conversion of files that name other files opens, starts and connects to: nothing else.
# Skipped without h5py; the part that watches system calls needs strace.
set -eu
py=${PYTHON3:-python3}
"$py" -c 'import h5py, numpy' 2>/dev/null || {
	echo "skipped: needs python3 with h5py and numpy"
	exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name in $(env | sed -n 's/^\(ROBOCACHE_[A-Z_]*\)=.*/\1/p'); do
	unset "$name"
done
TMPDIR=$work
ROBOCACHE_DEVICE=cpu
export TMPDIR ROBOCACHE_DEVICE
"$py" "$top_srcdir/tests/check-sandbox.py" "$top_builddir/robocache" \
	"$top_builddir/examples/record_sample" "$work"
