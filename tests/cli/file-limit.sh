# SPDX-License-Identifier: Apache-2.0
# A limit of file sizes that leaves no room for what readers share is an error that says so.
. "$CLI_LIB"
sample
(
	ulimit -f 2000
	try robocache convert raw -o out --rate 30 -q
)
