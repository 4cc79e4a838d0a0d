# SPDX-License-Identifier: Apache-2.0
# The CPU kernels against numpy and scipy on random ragged batches; the plainest instruction set and
# the best one must write the same bytes.  Needs python3-numpy and python3-scipy.
set -eu

python=${PYTHON3:-python3}
if ! "$python" -c 'import numpy, scipy.spatial.transform' 2>/dev/null; then
	echo "skipped: $python has no numpy or no scipy (Debian: python3-numpy python3-scipy)"
	exit 77
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for seed in 1 2; do
	"$top_builddir/tests/oracle/kernels_dump" $seed 400 >"$tmp/$seed"
	"$top_builddir/tests/oracle/kernels_dump" $seed 400 baseline >"$tmp/$seed.baseline"
	cmp "$tmp/$seed" "$tmp/$seed.baseline"
done
"$python" "$top_srcdir/tests/oracle/check_kernels.py" "$tmp/1" "$tmp/2"
