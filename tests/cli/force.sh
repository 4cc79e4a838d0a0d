# SPDX-License-Identifier: Apache-2.0
# A dataset is not overwritten unasked; --force replaces it and leaves other files alone.
. "$CLI_LIB"
sample
try robocache convert raw -o out --rate 10 -q --shard-episodes 1
echo mine >out/notes.txt
echo mine >out/shard-notes.h5
robocache convert raw -o out --rate 10 -q 2>err || echo "status $?"
sed "s,'out/[^']*','out/...'," err
try robocache convert raw -o out --rate 10 -q --force
show out
cat out/notes.txt out/shard-notes.h5
