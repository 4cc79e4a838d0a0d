# SPDX-License-Identifier: Apache-2.0
# Outputs that cannot be, told before anything is done.
. "$CLI_LIB"
sample
echo text >file
try robocache convert raw --rate 10 -o out.h5
try robocache convert raw --rate 10 -o file
try robocache convert raw --rate 10 -o file/below
try robocache convert raw --rate 10 -o ''
try robocache convert raw --rate 10 -o /proc/nowhere
try robocache convert raw --rate 10 -qqq -o /proc/nowhere
try robocache convert raw --rate 10
cat file
ls -A
