# SPDX-License-Identifier: Apache-2.0
# Shards of every layout, encoding and element type, opened with h5py.  Needs python3-h5py.
set -eu

python=${PYTHON3:-python3}
if ! "$python" -c 'import h5py, numpy' 2>/dev/null; then
	echo "skipped: $python has no h5py (Debian: python3-h5py)"
	exit 77
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/a" "$tmp/b" "$tmp/plugins"
"$top_builddir/tests/oracle/shard_dump" "$tmp/a"
"$top_builddir/tests/oracle/shard_dump" "$tmp/b"
for f in "$tmp"/a/*; do
	cmp "$f" "$tmp/b/${f##*/}"
done

"$python" "$top_srcdir/tests/check-shards.py" "$tmp/a" none gzip

cp "$top_builddir/libh5zstd.so" "$tmp/plugins/"
HDF5_PLUGIN_PATH=$tmp/plugins "$python" "$top_srcdir/tests/check-shards.py" "$tmp/a" zstd
