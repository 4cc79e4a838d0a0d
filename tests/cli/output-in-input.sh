# SPDX-License-Identifier: Apache-2.0
# An output below the input is not read again.
. "$CLI_LIB"
sample
try robocache convert raw -o raw/out --rate 10 -q
try robocache convert raw -o raw/out --rate 10 -q --force
episodes raw/out
try robocache convert . -o raw/out --rate 10 -q --force
episodes raw/out
try robocache convert raw/out -o raw/out --rate 10 --force
