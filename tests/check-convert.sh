#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# robocache convert against numpy and scipy; skipped without them.
set -eu
py=${PYTHON3:-python3}
"$py" -c 'import h5py, numpy, scipy' 2>/dev/null || {
	echo "skipped: needs python3 with h5py, numpy and scipy"
	exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/plugin"
cp "$top_builddir/libh5zstd.so" "$work/plugin/"
"$py" "$top_srcdir/tests/check-convert.py" "$top_builddir/robocache" \
	"$top_builddir/examples/record_sample" "$work/plugin" "$work"
