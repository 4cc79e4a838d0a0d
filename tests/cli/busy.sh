# SPDX-License-Identifier: Apache-2.0
# A second run into the same directory is refused by name, whatever it was told to do.
. "$CLI_LIB"
sample --episodes 20 --size 64x48
robocache convert raw -o out --rate 60 -j1 --shard-episodes 1 -q --compression zstd:12 2>/dev/null &
wait_for out/shard-00000.h5
for how in --force --resume "--resume --force"; do
	# shellcheck disable=SC2086 # two options
	robocache convert raw -o out --rate 10 -q $how 2>err || echo "status $?"
	sed "s/process $! on host '$(hostname)'/process P on host 'H'/" err
done
kill $!
{ wait $!; } 2>/dev/null
[ ! -e out/.robocache.lock ] || echo "the lock is still there"
