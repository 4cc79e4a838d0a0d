#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Encoded frames and optional filters against Pillow and h5py; skipped without those.
modules='h5py, numpy, PIL'
. "$top_srcdir/tests/need-python.sh"
"$py" "$top_srcdir/tests/check-images.py" "$top_builddir/robocache" "$work"
