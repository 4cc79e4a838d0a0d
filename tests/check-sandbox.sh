#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a conversion of files that name other files opens, starts and connects to: nothing else.
# Skipped without h5py; the part that watches system calls needs strace.
modules='h5py, numpy'
. "$top_srcdir/tests/need-python.sh"
plain_environment
TMPDIR=$work
export TMPDIR
"$py" "$top_srcdir/tests/check-sandbox.py" "$top_builddir/robocache" \
	"$top_builddir/examples/record_sample" "$work"
