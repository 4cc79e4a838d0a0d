#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Encoded frames and optional filters against Pillow and h5py; skipped without those.
set -eu
py=${PYTHON3:-python3}
"$py" -c 'import h5py, numpy, PIL' 2>/dev/null || {
	echo "skipped: needs python3 with h5py, numpy and PIL"
	exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$py" "$top_srcdir/tests/check-images.py" "$top_builddir/robocache" "$work"
