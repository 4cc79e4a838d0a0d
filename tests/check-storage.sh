#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Element types, filters, chunk indexes and versions of HDF5; skipped without h5py and numpy.
modules='h5py, numpy'
. "$top_srcdir/tests/need-python.sh"
mkdir "$work/plugin"
cp "$top_builddir/libh5zstd.so" "$work/plugin/"
HDF5_PLUGIN_PATH=$work/plugin "$py" "$top_srcdir/tests/check-storage.py" \
	"$top_builddir/robocache" "$work"
