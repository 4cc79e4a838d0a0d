# SPDX-License-Identifier: Apache-2.0
# Any change of a manifest is seen, and --resume puts it right.
. "$CLI_LIB"
sample
robocache convert raw -o out --rate 10 -q
for lie in s/episode_0001/episode_0002/ 's/"ticks": 30/"ticks": 31/' 's/"ticks": 10/"ticks": 11/' \
	's/"content_xxh3_128": "./&0/' 's/"rate": "10"/"rate": "20"/' s/self_xxh3/other/; do
	cp out/manifest.json kept
	sed -i "$lie" out/manifest.json
	cmp -s out/manifest.json kept && echo "no change: $lie"
	robocache verify -q out | grep -c manifest_changed
	robocache convert raw -o out --rate 10 -q --resume
	cmp out/manifest.json kept
done
