#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Maps: the example of robocache-recipe(5) converts what it describes; wrong maps say what is wrong.
# Skipped without h5py.
modules='h5py, numpy'
. "$top_srcdir/tests/need-python.sh"
sed -n '/example-map/,/^\.Ed/p' "$top_srcdir/man/robocache-recipe.5" |
	grep -v '^\.' >"$work/map.json"
"$py" "$top_srcdir/tests/check-map.py" "$top_builddir/robocache" "$work"
