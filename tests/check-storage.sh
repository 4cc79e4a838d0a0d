#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Element types, filters, chunk indexes and versions of HDF5; skipped without h5py and numpy.
set -eu
py=${PYTHON3:-python3}
"$py" -c 'import h5py, numpy' 2>/dev/null || {
	echo "skipped: needs python3 with h5py and numpy"
	exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/plugin"
cp "$top_builddir/libh5zstd.so" "$work/plugin/"
HDF5_PLUGIN_PATH=$work/plugin "$py" "$top_srcdir/tests/check-storage.py" \
	"$top_builddir/robocache" "$work"
