#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Damaged and hostile files; see check-hostile.py.  A slice, other mutants each time; all of it, in
# half an hour:
#
#	HOSTILE='kinds mutants=2000 flips=1000' make check TESTS=tests/check-hostile.sh
modules='h5py, numpy'
. "$top_srcdir/tests/need-python.sh"
TMPDIR=$work
export TMPDIR
# shellcheck disable=SC2086 # a list of words
"$py" "$top_srcdir/tests/check-hostile.py" "$top_builddir/robocache" "$work" \
	${HOSTILE:-kinds mutants=10 flips=40}
