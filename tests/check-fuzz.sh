# SPDX-License-Identifier: Apache-2.0
# Random datasets and recipes against an independent reference; skipped without numpy and h5py.
# More of them: FUZZ_SEED=100000 FUZZ_COUNT=5000 sh tests/check-fuzz.sh, with top_builddir set.
modules='h5py, numpy, scipy'
. "$top_srcdir/tests/need-python.sh"
mkdir "$work/plugin"
cp "$top_builddir/libh5zstd.so" "$work/plugin/"
"$py" "$top_srcdir/tests/fuzz_convert.py" "$top_builddir/robocache" "$work/plugin" "$work" \
	"${FUZZ_SEED:-1}" "${FUZZ_COUNT:-40}"
