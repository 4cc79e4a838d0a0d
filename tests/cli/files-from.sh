# SPDX-License-Identifier: Apache-2.0
# Lists of names, by line and by NUL, and names that are hard to write.
. "$CLI_LIB"
sample
mv raw/episode_0000.h5 'raw/a b.h5'
mv raw/episode_0001.h5 'raw/new
line.h5'
mv raw/episode_0002.h5 ./-dash.h5
find raw -name '*.h5' -print0 | sort -z | try robocache convert --files-from - -0 -o o1 --rate 10 -q
episodes o1
printf 'raw/a b.h5\r\n\n-dash.h5\n' >list
try robocache convert --files-from list -o o2 --rate 10 -q
episodes o2
try robocache convert -o o3 --rate 10 -q -- -dash.h5 'raw/a b.h5' raw ./-dash.h5
episodes o3
printf 'raw/a b.h5\nraw/gone.h5\n' | try robocache convert --files-from - -o o4 --rate 10
