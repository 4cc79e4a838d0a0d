# SPDX-License-Identifier: Apache-2.0
# Files that cannot be read are skipped and said so; the rest is converted.
. "$CLI_LIB"
sample
echo "this is no HDF5" >raw/a_text.h5
: >raw/b_empty.h5
head -c 3000 raw/episode_0001.h5 >raw/c_cut.h5
head -c 200000 /dev/zero >raw/d_zeros.h5
mkfifo raw/e_pipe.h5
mkdir raw/f_dir.h5
try robocache convert raw -o out --rate 10 -q 2>err
sed -n "s/^robocache: warning: //; s/'\(raw[^']*\)'.*/\1 .../p" err
show out
episodes out
grep -c '"status": "skipped"' out/report.json
try robocache convert raw -o out --rate 10 -qqf
