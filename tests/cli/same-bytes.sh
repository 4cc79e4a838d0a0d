# SPDX-License-Identifier: Apache-2.0
# Threads, SIMD paths and the name of the directory change no byte.
. "$CLI_LIB"
sample
robocache convert raw -o o1 --rate 30000/1001 -q -j1 --compression gzip
robocache convert ./raw/ -o o2 --rate 30000/1001 -q -j4 --compression gzip --simd baseline
cmp o1/shard-00000.h5 o2/shard-00000.h5 && cmp o1/manifest.json o2/manifest.json && echo same
robocache convert raw -o o3 --rate 30000/1001 -q --compression none
for o in o1 o3; do sed -n 's/.*"content_xxh3_128"/content/p' $o/manifest.json; done | uniq | wc -l
