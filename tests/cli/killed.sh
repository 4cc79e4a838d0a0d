# SPDX-License-Identifier: Apache-2.0
# Killed outright: nothing half done under a final name, no process left, and the next run works.
. "$CLI_LIB"
sample --episodes 60 --size 64x48
robocache convert raw -o out --rate 60 -j1 --shard-episodes 1 -q --compression zstd:12 &
wait_for out/shard-00001.h5
kill -s KILL $!
wait $! 2>/dev/null || echo "status $?"
[ -e out/manifest.json ] || echo "no manifest"
robocache inspect out/shard-*.h5 >/dev/null && echo "what is there is whole"
robocache convert raw -o out --rate 10 -q --shard-episodes 30 2>/dev/null || echo "refused: $?"
robocache convert raw -o out --rate 10 -q --shard-episodes 30 --force && show out
