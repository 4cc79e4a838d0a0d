#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# --clock-repair and the end of episodes against numpy; skipped without h5py.
modules='h5py, numpy'
. "$top_srcdir/tests/need-python.sh"
cd "$work"
"$py" "$top_srcdir/tests/check-clocks.py" "$top_builddir/robocache"
