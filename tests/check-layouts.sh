#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every input layout: samples of each family are recognised, described and converted; recordings of
# others, where they are, too.  Skipped without h5py.
modules='h5py, numpy'
. "$top_srcdir/tests/need-python.sh"
"$py" "$top_srcdir/tests/make_data.py" "$work/data"
"$py" "$top_srcdir/tests/check-layouts.py" "$top_builddir/robocache" "$work" \
	"${RC_SHARED_DATA:-$top_srcdir/../shared/data}"
