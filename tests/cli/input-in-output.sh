# SPDX-License-Identifier: Apache-2.0
# Inputs are never replaced, whatever name they are given by.
. "$CLI_LIB"
sample
robocache convert raw -o out --rate 10 -q
cp out/shard-00000.h5 before
ln -s out/shard-00000.h5 link.h5
try robocache convert out/shard-00000.h5 -o out --force
try robocache convert link.h5 -o out --force
try robocache convert raw/../out/shard-00000.h5 -o ./out/ --force
cmp before out/shard-00000.h5 && echo untouched
