#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Memory, descriptors and threads of one run over many small episodes: sh tests/soak.sh [EPISODES]
# in a build directory.  10000 if nothing is said.  From a quarter of the run on they must not grow
# but for the lists of results, 1/2 KiB of memory an episode, and for the up to four shards that are
# finished beside the others, a thread and two descriptors each.  The last line is the sum; the
# status is 1 when something grew.
set -eu
top=${top_builddir:-.}
episodes=${1:-10000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/raw"
"$top/examples/record_sample" -o "$work/made" --episodes 100 --seconds 1 --size 16x16 \
	--layout robomimic --compression gzip >/dev/null
made=$(ls "$work"/made/*)
files=$(((episodes + 99) / 100))
i=0
while [ $i -lt $files ]; do
	cp "$made" "$work/raw/part_$i.hdf5"
	i=$((i + 1))
done

ROBOCACHE_DEVICE=cpu "$top/robocache" convert "$work/raw" -o "$work/out" --shard-episodes 10 -q \
	--compression gzip:1 --memory 256M &
run=$!
while kill -0 $run 2>/dev/null; do
	done=$(find "$work/out" -name 'shard-*' 2>/dev/null | wc -l)
	rss=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' /proc/$run/status 2>/dev/null) || :
	threads=$(sed -n 's/^Threads:\t//p' /proc/$run/status 2>/dev/null) || :
	fds=$(find /proc/$run/fd -type l 2>/dev/null | wc -l)
	[ -z "$rss" ] || [ "$done" -eq 0 ] || echo "$((done * 10)) $rss $fds $threads"
	sleep 0.2
done >"$work/samples"
wait $run
"$top/robocache" verify -q "$work/out"

awk -v all=$((files * 100)) '
function most(a, b) { return a > b ? a : b }
$1 < all / 4 { next }
$1 < all / 2 {
	early++; rss = most(rss, $2); fds = most(fds, $3); threads = most(threads, $4)
	next
}
$1 < all { late++; rss2 = most(rss2, $2); fds2 = most(fds2, $3); threads2 = most(threads2, $4) }
END {
	printf "%d episodes, %d and %d samples of the second quarter and the second half: ", all,
		early, late
	printf "%d and %d KiB, %d and %d descriptors, %d and %d threads\n", rss, rss2, fds, fds2,
		threads, threads2
	exit !(early > 2 && late > 2) || rss2 > rss + all / 2 || fds2 > fds + 8 ||
		threads2 > threads + 4
}' "$work/samples"
