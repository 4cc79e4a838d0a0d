#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# --allow-external: links to other files, virtual datasets and external storage, against copies that
# hold the values, and what must not be followed; skipped without h5py.
modules='h5py, numpy'
. "$top_srcdir/tests/need-python.sh"
cd "$work"
"$py" "$top_srcdir/tests/check-external.py" "$top_builddir/robocache"
