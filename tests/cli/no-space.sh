# SPDX-License-Identifier: Apache-2.0
# A write that fails is status 74 and leaves no shard and no temporary file.
. "$CLI_LIB"
sample --episodes 1 --size 128x128
(
	ulimit -f 33000 # blocks of 512 or 1024 bytes; the shard needs 39 MB
	try robocache convert raw -o out --rate 400 -q 2>err
)
sed -n "s/^\(robocache: error: cannot write\).*\(File too large\).*/\1 ... \2/p" err
show out
try robocache convert raw -o out --rate 400 -q --force
