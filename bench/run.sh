#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sh bench/run.sh [--build DIR] [--data DIR] [--full] [--rounds N] [--json FILE] [SET...]
# Builds the data, checks robocache's results against numpy, then times it and its peers in turn.
# Needs h5py, scipy and h5repack.  Data goes below the build folder and is removed at the end,
# unless --data names another place, where it stays for the next time.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
build=$top/build data=
for arg; do
	shift
	case $arg in
	--build=*) build=${arg#*=} ;;
	--data=*) data=${arg#*=} ;;
	*) set -- "$@" "$arg" ;;
	esac
done
build=$(cd "$build" && pwd)
make -s -C "$build" robocache bench/floor libh5zstd.so
# the filter for zstd that peers need too
HDF5_PLUGIN_PATH=$build
PYTHONDONTWRITEBYTECODE=1
export HDF5_PLUGIN_PATH PYTHONDONTWRITEBYTECODE

for python in ${PYTHON3:-python3 /usr/bin/python3} ''; do
	if [ -z "$python" ]; then
		echo "run.sh: no Python with h5py and scipy; PYTHON3 names one" >&2
		exit 2
	fi
	"$python" -c 'import h5py, scipy' 2>/dev/null && break
done
if ! command -v h5repack >/dev/null; then
	echo "run.sh: h5repack is missing; it comes with the HDF5 tools" >&2
	exit 2
fi
if [ -z "$data" ]; then
	data=$(mktemp -d "$build/bench-data.XXXXXX")
	trap 'rm -rf "$data"' EXIT
fi
"$python" "$top/bench/run.py" --build "$build" --data "$data" "$@"
