# SPDX-License-Identifier: Apache-2.0
# --time-limit stops with status 4 and whole shards, and the run can go on.
. "$CLI_LIB"
sample --episodes 40 --size 128x96
run() {
	try robocache convert raw --rate 60 -j1 --shard-episodes 1 -q --compression zstd:19 "$@"
}
run -o out --time-limit 3s 2>err
sed 's/[0-9]* of 40/N of 40/' err
sed -n 's/^ *"status": "\(stopped\)",/\1/p' out/report.json
ls -A out | grep -v '^shard-[0-9]*.h5$'
run -o out --resume --compression none 2>/dev/null
run -o out --time-limit -1s --force
robocache convert raw --rate 60 --shard-episodes 1 -q --compression zstd:1 -o out --resume --force
robocache verify out
