# SPDX-License-Identifier: Apache-2.0
# What is said at the end, and with -q.
. "$CLI_LIB"
sample
robocache convert raw -o out --rate 10 --shard-episodes 2 | sed 's/, [0-9.]* KiB/, SIZE/'
try robocache convert raw -o out1 --rate 10 -q
try robocache convert raw -o out2 --rate 10 -qq
robocache convert raw -o out3 --rate 10 -v --shard-episodes 2 2>&1 >/dev/null |
	sed 's/[0-9.]* KiB/SIZE/'
