# SPDX-License-Identifier: Apache-2.0
# --resume says which option or input is not what it was; with --force it takes what is there.
. "$CLI_LIB"
sample --episodes 4
run() {
	try robocache convert raw --rate 10 --shard-episodes 1 -q "$@"
}
run -o out
cp -r out before
run -o out --resume --rate 20
run -o out --resume --split train:0.5,valid:0.5
run -o out --resume --keep-members -j1 --memory 99M
touch -d 2001-01-01 raw/episode_0002.h5
run -o out --resume
cp raw/episode_0000.h5 raw/episode_0009.h5
run -o out --resume
mv raw/episode_0001.h5 there.h5
run -o out --resume
rm raw/episode_0009.h5
run -o out --resume
robocache convert raw --rate 10 --shard-episodes 1 -o out --resume --force
robocache convert raw --rate 10 --shard-episodes 1 -o fresh -q
for f in fresh/*.h5 fresh/manifest.json; do
	cmp "$f" "out/${f##*/}"
done
show out
printf x | dd of=out/journal.ndjson bs=1 seek=900 conv=notrunc status=none
run -o out --resume
run -o out --resume --force
rm before/journal.ndjson
run -o before --resume
run -o before
