#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sh tests/compat.sh [--readers] [BUILD]: converted samples read by the system's h5py with our
# plugin, by the current h5py with hdf5plugin, and by h5dump; and, without --readers, loaded by
# robomimic.
# Installs what is from PyPI into a virtual environment of its own, some GB with torch, so this is
# not part of `make check`.  COMPAT_VENV=DIR keeps the environment for the next time.
set -eu

readers_only=
if [ "${1-}" = --readers ]; then
	readers_only=1
	shift
fi
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
"$venv/bin/pip" install --quiet h5py hdf5plugin numpy

# --- readers ----------------------------------------------------------------------------------
# Long streams, so that their chunks are cut into planes; every codec, and levels of either sign.
"$record" -o "$tmp/long" --episodes 2 --seconds 60 --size 32x24
for codec in none gzip:6 zstd:1 zstd:19 zstd:-5 images=zstd:-1,low-dim=gzip; do
	"$robocache" convert "$tmp/long" -o "$tmp/read-$codec" -q --rate 100 \
		--compression "$codec" --fuse 'state=joint_pos,eef_pose' --keep-members
done
mkdir "$tmp/plugins"
cp "$build/libh5zstd.so" "$tmp/plugins/"

system=
for python in ${PYTHON3:-python3 /usr/bin/python3}; do
	if "$python" -c 'import h5py' 2>/dev/null; then
		system=$python
		break
	fi
done
if [ -z "$system" ]; then
	echo "compat.sh: no system Python with h5py; PYTHON3 names one" >&2
	exit 2
fi
(cd "$tmp" && "$venv/bin/python" "$top/tests/compat_read.py" read-*/*.h5) >"$tmp/current"
(cd "$tmp" && HDF5_PLUGIN_PATH=$tmp/plugins "$system" "$top/tests/compat_read.py" read-*/*.h5) \
	>"$tmp/system"
if ! cmp "$tmp/current" "$tmp/system" || [ "$(wc -l <"$tmp/current")" -lt 50 ]; then
	echo "compat.sh: the two builds of h5py read different values" >&2
	exit 1
fi
# the codec must not show in the values
if [ "$(sed 's/^[^ ]*//' "$tmp/current" | sort -u | wc -l)" != \
	"$(grep -c '^read-none/' "$tmp/current")" ]; then
	echo "compat.sh: values differ between codecs" >&2
	exit 1
fi
for f in "$tmp"/read-*/*.h5; do
	HDF5_PLUGIN_PATH=$tmp/plugins h5dump -o "$tmp/dump" "$f" >/dev/null
done
echo "compat.sh: $("$system" -c 'import h5py; print("h5py", h5py.__version__)') with our plugin," \
	"$("$venv/bin/python" -c 'import h5py, hdf5plugin as p
print("h5py", h5py.__version__, "with hdf5plugin", p.version)') and h5dump agree"
[ -z "$readers_only" ] || exit 0

# --- robomimic --------------------------------------------------------------------------------
# six: robomimic imports it and does not declare it
"$venv/bin/pip" install --quiet robomimic six

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
