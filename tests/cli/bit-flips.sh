# SPDX-License-Identifier: Apache-2.0
# verify sees every flipped bit of a shard, and --resume puts it right.
. "$CLI_LIB"
sample
robocache convert raw -o out --rate 10 -q
cp out/shard-00000.h5 kept
bytes=$(wc -c <kept)
seen=0
for i in $(seq 0 48); do
	at=$((i * (bytes - 1) / 48))
	byte=$(od -An -tu1 -j $at -N 1 kept)
	# shellcheck disable=SC2059 # the format is the byte
	printf "\\$(printf %o $((byte ^ 1 << i % 8)))" |
		dd of=out/shard-00000.h5 bs=1 seek=$at conv=notrunc status=none
	robocache verify -q out | grep -q digest_mismatch && seen=$((seen + 1))
	cp kept out/shard-00000.h5
done
echo "$seen of 49 seen"
# shellcheck disable=SC2059
printf "\\$(printf %o $((byte ^ 1)))" |
	dd of=out/shard-00000.h5 bs=1 seek=$at conv=notrunc status=none
robocache verify --deep -qq out
echo "status $?"
robocache convert raw -o out --rate 10 -q --resume
cmp kept out/shard-00000.h5
touch out/shard-00001.h5
robocache verify -q out
rm out/shard-00000.h5 out/shard-00001.h5
robocache verify -q out
