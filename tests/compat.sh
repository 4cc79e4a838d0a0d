#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sh tests/compat.sh [BUILD]: converted samples loaded by robomimic and by the current h5py with
# hdf5plugin.  Installs them from PyPI into a virtual environment of its own, some GB with torch, so
# this is not part of `make check`.  COMPAT_VENV=DIR keeps the environment for the next time.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "${1:-$top/build}" && pwd)
robocache=$build/robocache
record=$build/examples/record_sample
for program in "$robocache" "$record"; do
	if [ ! -x "$program" ]; then
		echo "compat.sh: '$program' is missing; build first, or give the build folder" >&2
		exit 2
	fi
done

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
venv=${COMPAT_VENV:-$tmp/venv}
if [ ! -x "$venv/bin/python" ]; then
	python3 -m venv "$venv"
fi
# six: robomimic imports it and does not declare it
"$venv/bin/pip" install --quiet robomimic six h5py hdf5plugin numpy

# the sample recordings: aligned as training reads it, and raw with a clock for every sensor
"$record" -o "$tmp/demo" --layout robomimic --episodes 3 --seconds 2 --size 32x24
"$record" -o "$tmp/raw" --episodes 3 --seconds 2 --size 32x24
"$record" -o "$tmp/raw-zstd" --episodes 2 --seconds 2 --size 32x24 --compression zstd:3

check() { # SOURCE NAME OPTION...
	source=$1 name=$2
	shift 2
	echo "convert $source $*"
	"$robocache" convert "$tmp/$source" -o "$tmp/out-$name" "$@"
	"$venv/bin/python" "$top/tests/compat.py" "$tmp/$source" "$tmp/out-$name"
}
check demo demo-none --compression none
check demo demo-gzip --compression gzip:1 --split train:0.7,valid:0.3 --seed 1
check demo demo-zstd --compression zstd:3
check raw raw-none --rate 20
check raw raw-gzip --rate 20 --compression gzip:1 --fuse 'state=joint_pos,eef_pose'
check raw raw-zstd --rate 20 --compression zstd:3 --shard-episodes 2
check raw-zstd keep --rate 20 --compression keep
echo "compat.sh: all passed"
