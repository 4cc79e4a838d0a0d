#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Inputs in zstd and tar, and output into them; skipped without h5py, numpy and the zstd program.
modules='h5py, numpy'
. "$top_srcdir/tests/need-python.sh"
command -v zstd >/dev/null || {
	echo "skipped: needs the zstd program"
	exit 77
}
mkdir "$work/plugin"
cp "$top_builddir/libh5zstd.so" "$work/plugin/"
# without a word about GPUs, where the program knows them
ROBOCACHE_DEVICE=cpu
export ROBOCACHE_DEVICE
"$py" "$top_srcdir/tests/check-containers.py" "$top_builddir/robocache" \
	"$top_builddir/examples/record_sample" "$work/plugin" "$work"
