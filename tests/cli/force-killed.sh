# SPDX-License-Identifier: Apache-2.0
# A run that replaces a larger dataset and is killed leaves nothing of that one in the end.
. "$CLI_LIB"
sample --episodes 12 --size 64x48
robocache convert raw -o out --rate 10 --shard-episodes 1 -q
how="--rate 60 -j1 --shard-episodes 3 -q --compression zstd:12"
# shellcheck disable=SC2086 # options
for again in --force --resume --resume; do
	robocache convert raw -o out $how $again &
	until grep -qs 'rate[^,]*60' out/journal.ndjson; do
		sleep 0.01
	done
	sleep 0.1
	kill -s KILL $!
	{ wait $!; } 2>/dev/null
done
# shellcheck disable=SC2086
robocache convert raw -o out $how --resume
show out
robocache verify out
