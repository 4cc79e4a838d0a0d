# SPDX-License-Identifier: Apache-2.0
# An episode of which not even one frame fits is skipped, and the message says what would do.
. "$CLI_LIB"
record_sample -o raw --episodes 2 --seconds 1 --size 16x16 >/dev/null
record_sample -o big --episodes 1 --seconds 1 --size 2048x2048 >/dev/null
cp big/episode_0000.h5 raw/episode_0002.h5
robocache convert raw -o o1 --rate 5 -q -q && echo all
try robocache convert raw -o o2 --rate 5 --memory 32M -j1 2>&1 | grep -v shape_differs
episodes o2
grep -c '"reason":.*"memory"' o2/report.json
try robocache convert raw -o o3 --rate 5 --memory 50M -q 2>/dev/null
cmp o1/shard-00000.h5 o3/shard-00000.h5 && echo same
try robocache convert big -o o4 --rate 5 --memory 32M
show .
