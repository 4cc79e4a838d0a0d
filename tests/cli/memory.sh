# SPDX-License-Identifier: Apache-2.0
# --memory: the same bytes with little of it, and what is said when it is too little.
. "$CLI_LIB"
sample
robocache convert raw -o o1 --rate 100 --compression gzip -q
robocache convert raw -o o2 --rate 100 --compression gzip -q --memory 32M -j2
cmp o1/shard-00000.h5 o2/shard-00000.h5 && echo same
try robocache convert raw -o o3 --rate 100 --memory 1M
try robocache convert raw -o o3 --rate 100 --memory 0%
try robocache convert raw -o o3 --rate 100 --memory lots
try robocache convert raw -o o3 --rate 100 --memory 5%5
robocache convert raw -o o3 --rate 10 -q --memory 5% --device-memory 1G
ls -A
