# SPDX-License-Identifier: Apache-2.0
# Packed shards are kept, made again and refused as others are.
. "$CLI_LIB"
sample --episodes 6 --size 64x48
for layout in robomimic act; do
	run() {
		robocache convert raw --rate 60 --shard-episodes 1 --layout $layout -q "$@"
	}
	run --container h5.zst -o whole-$layout
	cp -r whole-$layout part
	first=$(cd part && echo ./*0.h*)
	rm part/"$(cd part && echo ./*3.h*)" part/manifest.json
	printf x | dd of=part/"$first" bs=1 seek=300 conv=notrunc status=none
	try run -o part --resume
	try run --container h5.zst -o part --resume
	for f in whole-$layout/*.zst whole-$layout/manifest.json; do
		cmp "$f" "part/${f##*/}"
	done
	try run --container h5.zst -o part --resume
	rm -r part
done
try robocache convert raw --rate 60 -o - --resume
