# SPDX-License-Identifier: Apache-2.0
# Inputs that change or go away while the run is under way are skipped for that reason, and the run
# cannot go on with them.
. "$CLI_LIB"
sample --episodes 12 --size 64x48
how="--rate 60 -j1 --shard-episodes 1 -q --compression zstd:12"
# shellcheck disable=SC2086 # options
robocache convert raw -o out $how 2>/dev/null &
wait_for out/shard-00000.h5
touch raw/episode_0009.h5
rm raw/episode_0011.h5
try wait $!
grep -oE '"(input|stage|code)":"[^"]*"' out/quarantine.ndjson | tr '\n' ' '
echo
robocache verify out
# shellcheck disable=SC2086
try robocache convert raw -o out $how --resume
