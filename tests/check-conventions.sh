#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# --convert and --convention against numpy; skipped without h5py.
set -eu
py=${PYTHON3:-python3}
"$py" -c 'import h5py, numpy' 2>/dev/null || {
	echo "skipped: needs python3 with h5py and numpy"
	exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/plugin" "$work/run"
cp "$top_builddir/libh5zstd.so" "$work/plugin/"
cd "$work/run"
HDF5_PLUGIN_PATH=$work/plugin
export HDF5_PLUGIN_PATH
"$py" "$top_srcdir/tests/check-conventions.py" "$top_builddir/robocache"
