#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Samples of each family go through every output layout and come back.  Skipped without h5py.
modules='h5py, numpy'
. "$top_srcdir/tests/need-python.sh"
plain_environment
"$py" "$top_srcdir/tests/make_data.py" "$work/data"
"$py" "$top_srcdir/tests/check-roundtrip.py" "$top_builddir/robocache" "$work"
