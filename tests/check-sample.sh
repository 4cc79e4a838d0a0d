# SPDX-License-Identifier: Apache-2.0
# The sample recorder: the same bytes twice, nothing overwritten, and data that is what it says.
set -eu
: "${top_builddir:?}" "${top_srcdir:?}" "${PYTHON3:?}"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
record() {
	"$top_builddir/examples/record_sample" --seconds 2 --episodes 2 --size 32x24 "$@"
}

for layout in raw robomimic aloha; do
	for codec in none gzip zstd; do
		record --layout $layout --compression $codec -o "$tmp/$layout-$codec"
		record --layout $layout --compression $codec -o "$tmp/again"
		diff -r "$tmp/$layout-$codec" "$tmp/again"
		rm -r "$tmp/again"
	done
done
record --seed 2 -o "$tmp/other"
if cmp -s "$tmp/other/episode_0000.h5" "$tmp/raw-none/episode_0000.h5"; then
	echo "another seed gave the same bytes"
	exit 1
fi
if record -o "$tmp/raw-none" 2>"$tmp/err"; then
	echo "an existing recording was overwritten"
	exit 1
fi
grep -q "episode_0000.h5' exists" "$tmp/err"

if [ "$PYTHON3" = : ]; then
	echo "no Python with h5py: contents not checked"
	exit 77
fi
HDF5_PLUGIN_PATH=$top_builddir "$PYTHON3" "$top_srcdir/tests/check-sample.py" "$tmp"
