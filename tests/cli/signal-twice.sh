# SPDX-License-Identifier: Apache-2.0
# The second signal ends the run where it is; even then it can go on.
. "$CLI_LIB"
sample --episodes 40 --size 64x48
how="--rate 60 -j1 --shard-episodes 1 -q --compression zstd:12"
# shellcheck disable=SC2086 # options
robocache convert raw -o out $how 2>/dev/null &
wait_for out/shard-00001.h5
kill -s STOP $!
kill -s TERM $!
kill -s INT $! # ignored in the background: no second one
kill -s HUP $!
kill -s CONT $!
status=0
{ wait $! || status=$?; } 2>/dev/null
[ $status -eq 143 ] || [ $status -eq 129 ] || echo "status $status"
# shellcheck disable=SC2086
try robocache convert raw -o out $how --resume
robocache verify out
