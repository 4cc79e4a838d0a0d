# SPDX-License-Identifier: Apache-2.0
# robocache bench on the processor: what it takes, what it prints, and that it can be stopped.
. "$CLI_LIB"
bench() {
	robocache bench --device cpu "$@"
}
bench --list | awk '{ print $1 }'
bench -n 1 seed-fuse seed-fuse | sed -n 's/^\(seed[^ ]* *[^ ]*\) .*%$/\1/p'
bench -n 2 --depth 2 --json pipeline | grep -E '"(schema|runs|preset|equals_cpu|depth)"'
try bench seed-fus
try bench none
try bench -n 0
try bench --depth 17
try bench --device gpu
if [ -w /dev/full ]; then
	bench -n 1 seed-fuse >/dev/full || echo "status $?"
	bench --list >/dev/full || echo "status $?"
fi
# minutes of runs
robocache bench --device cpu -n 100000 seed-resample >out &
sleep 1
kill $!
try wait $! 2>/dev/null
