# SPDX-License-Identifier: Apache-2.0
# --strict stops at the first bad input or episode.
. "$CLI_LIB"
sample
echo text >raw/a.h5
try robocache convert raw -o out --rate 10 --strict
record_sample -o steps --layout aloha --episodes 1 --seconds 1 --size 16x16 >/dev/null
cp steps/episode_0.hdf5 raw/b.hdf5 2>/dev/null || cp steps/* raw/
rm raw/a.h5
try robocache convert raw -o out --rate 10 -q
try robocache convert raw -o out2 --rate 10 --strict
ls -d out2 2>/dev/null
