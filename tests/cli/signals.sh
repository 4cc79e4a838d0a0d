# SPDX-License-Identifier: Apache-2.0
# Stopped in the middle: by the signal itself, with whole shards and nothing else.
. "$CLI_LIB"
sample --episodes 60 --size 64x48
for sig in TERM INT HUP; do
	env --default-signal=INT robocache convert raw -o $sig --rate 60 -j1 --shard-episodes 1 -q \
		--compression zstd:12 2>err &
	wait_for $sig/shard-00001.h5
	kill -s $sig $!
	status=0
	{ wait $! || status=$?; } 2>/dev/null
	sed 's/ [0-9]* of 60/ N of 60/' err
	echo "$sig: status $((status - 128)) is $(kill -l $status)"
	ls -A $sig | grep -v '^shard-[0-9]*\.h5$'
	[ ! -e $sig/shard-00059.h5 ] || echo "it was done already"
	robocache inspect $sig/shard-0000[01].h5 >/dev/null && echo "two whole shards"
	robocache convert raw -o $sig --rate 10 -q --shard-episodes 30 --force && show $sig
done
