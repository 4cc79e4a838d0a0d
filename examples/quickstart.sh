#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# From a fresh Debian 12 to a converted dataset: sh examples/quickstart.sh [FOLDER]
# Installs the packages that are missing (and says which), builds in ./build, records a sample
# dataset into FOLDER (default ./quickstart-data), converts it, and shows the result.  Running it
# again repeats only the build of what changed and the conversion.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
data=${1:-quickstart-data}
# shellcheck source=examples/setup.sh
. "$top/examples/setup.sh"

run() {
	printf '\n$ %s\n' "$*"
	shift
	"$top/build/robocache" "$@"
}

# shellcheck disable=SC2086 # a list of words
need_packages $packages_build
build "$top/build"

mkdir -p "$data"
if [ -d "$data/raw" ]; then
	say "using the recording in $data/raw"
else
	say "recording five episodes of a simulated arm into $data/raw"
	rm -rf "$data/raw.part"
	"$top/build/examples/record_sample" -o "$data/raw.part"
	mv "$data/raw.part" "$data/raw"
fi

force=
[ ! -e "$data/train" ] || force=--force
run robocache convert "$data/raw" -o "$data/train" --rate 20 \
	--fuse state=joint_pos,gripper,eef_pose ${force:+"$force"}
run robocache inspect "$data/train"
printf '\n'
say "the run report is $data/train/report.json"
say "the program is $top/build/robocache; make -C $top/build install puts it into /usr/local"
