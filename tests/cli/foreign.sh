# SPDX-License-Identifier: Apache-2.0
# Files of others with names like ours are never replaced, whatever the options.
. "$CLI_LIB"
sample
mkdir theirs
record_sample -o theirs --layout aloha --episodes 1 --seconds 1 --size 16x16 >/dev/null
cksum theirs/episode_0.hdf5 >before
try robocache convert raw -o theirs --rate 10 --layout act --force
cksum theirs/episode_0.hdf5 | cmp - before && echo "theirs is as it was"
mkdir other && echo mine >other/report.json
try robocache convert raw -o other --rate 10 --force
cat other/report.json
try robocache convert raw -o out --rate 10 -q --report out/report.json
show out
try robocache convert raw -o out --rate 10 -q --force --report elsewhere.json
show out
