# SPDX-License-Identifier: Apache-2.0
# Readers that somebody else kills are replaced without a word, and the bytes are the same.
. "$CLI_LIB"
sample --episodes 40 --size 64x48
robocache convert raw -o packed --rate 60 --layout act --compression gzip -q
how="--compression zstd:5 -j2 -q --shard-episodes 4"
# shellcheck disable=SC2086 # options
robocache convert packed -o whole $how
# shellcheck disable=SC2086
robocache convert packed -o out $how &
wait_for out/.robocache.lock
children() {
	cat "/proc/$1/task/$1/children" 2>/dev/null
}
shards() {
	find out -name 'shard-*.h5' | wc -l
}
# A request whose reader was killed twice is given up: two shards later none of them is left.
killed=0 next=0
while kill -0 $! 2>/dev/null && [ $killed -lt 5 ]; do
	if [ "$(shards)" -ge $next ]; then
		for spawner in $(children $!); do
			for reader in $(children "$spawner"); do
				kill -s KILL "$reader" 2>/dev/null && killed=$((killed + 1))
			done
		done
		next=$(($(shards) + 2))
	fi
	sleep 0.02
done
try wait $!
[ $killed -gt 0 ] || echo "none was killed"
for f in whole/*.h5 whole/manifest.json; do
	cmp "$f" "out/${f##*/}"
done
