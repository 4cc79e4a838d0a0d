#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Recordings and test files of others, a folder each in $RC_SHARED_DATA or beside the checkout:
# every file gives data or a reason, see check-hostile.py; what came of each folder is printed.
modules='h5py, numpy'
. "$top_srcdir/tests/need-python.sh"
TMPDIR=$work
export TMPDIR
status=77
for folder in "${RC_SHARED_DATA:-$top_srcdir/../shared/data}"/*/; do
	[ -d "$folder" ] || break
	[ $status -ne 77 ] || status=0
	mkdir "$work/run"
	printf '%s: ' "$(basename "$folder")"
	"$py" "$top_srcdir/tests/check-hostile.py" "$top_builddir/robocache" "$work/run" \
		"files=$folder" || status=1
	rm -rf "$work/run"
done
[ $status -ne 77 ] || echo "skipped: no recordings of others are here"
exit $status
