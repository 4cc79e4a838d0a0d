# SPDX-License-Identifier: Apache-2.0
# When no input can be read the run has failed, and no dataset is made.
. "$CLI_LIB"
mkfifo pipe.h5
echo text >text.h5
try robocache convert pipe.h5 -o out
try robocache convert text.h5 -o out
try robocache convert /dev/null -o out
sample
try robocache convert raw --rate 10 -o out -q
show out
