#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# robocache convert against numpy and scipy; skipped without them.
modules='h5py, numpy, scipy'
. "$top_srcdir/tests/need-python.sh"
mkdir "$work/plugin"
cp "$top_builddir/libh5zstd.so" "$work/plugin/"
"$py" "$top_srcdir/tests/check-convert.py" "$top_builddir/robocache" \
	"$top_builddir/examples/record_sample" "$work/plugin" "$work"
