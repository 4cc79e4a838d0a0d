#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Maps: the example of robocache-recipe(5) converts what it describes; wrong maps say what is wrong.
# Skipped without h5py.
set -eu
py=${PYTHON3:-python3}
"$py" -c 'import h5py, numpy' 2>/dev/null || {
	echo "skipped: needs python3 with h5py and numpy"
	exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed -n '/example-map/,/^\.Ed/p' "$top_srcdir/man/robocache-recipe.5" |
	grep -v '^\.' >"$work/map.json"
"$py" "$top_srcdir/tests/check-map.py" "$top_builddir/robocache" "$work"
