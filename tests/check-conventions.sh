#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# --convert and --convention against numpy; skipped without h5py.
modules='h5py, numpy'
. "$top_srcdir/tests/need-python.sh"
mkdir "$work/plugin" "$work/run"
cp "$top_builddir/libh5zstd.so" "$work/plugin/"
cd "$work/run"
HDF5_PLUGIN_PATH=$work/plugin
export HDF5_PLUGIN_PATH
"$py" "$top_srcdir/tests/check-conventions.py" "$top_builddir/robocache"
