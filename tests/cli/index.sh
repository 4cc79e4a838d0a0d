# SPDX-License-Identifier: Apache-2.0
# --index: what is known is not scanned again, what changed is, and nothing else is replaced.
. "$CLI_LIB"
sample
from_index() {
	sed -n 's/^ *"files_from_index": \([0-9]*\),*$/from the index: \1/p' "$1/report.json"
}
robocache convert raw -o o1 --rate 10 -qq --index ix -n >/dev/null
ls
try robocache convert raw -o o1 --rate 10 -qq --index ix
from_index o1
try robocache convert raw -o o2 --rate 10 -qq --index ix
from_index o2
cmp o1/shard-00000.h5 o2/shard-00000.h5
touch raw/episode_0001.h5
try robocache convert raw -o o3 --rate 10 -qq --index ix
from_index o3
robocache inspect raw >plain
robocache inspect raw --index ix | cmp - plain
# damage
head -c 3000 ix >cut
try robocache convert raw -o o4 --rate 10 -q --index cut
cmp -s cut ix || echo "not made anew"
printf 'x' | dd of=ix bs=1 seek=2000 conv=notrunc 2>/dev/null
robocache inspect raw -q --index ix | cmp - plain
robocache inspect raw -q --index ix --layout-in generic >/dev/null
# something else
try robocache inspect raw --index raw/episode_0000.h5
try robocache inspect raw --index raw
robocache inspect raw -q --index none/ix >/dev/null
