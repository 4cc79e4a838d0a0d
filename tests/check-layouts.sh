#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every input layout: samples of each family are recognised, described and converted; recordings of
# others, where they are, too.  Skipped without h5py.
set -eu
py=${PYTHON3:-python3}
"$py" -c 'import h5py, numpy' 2>/dev/null || {
	echo "skipped: needs python3 with h5py and numpy"
	exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$py" "$top_srcdir/tests/make_data.py" "$work/data"
"$py" "$top_srcdir/tests/check-layouts.py" "$top_builddir/robocache" "$work" \
	"${RC_SHARED_DATA:-$top_srcdir/../shared/data}"
