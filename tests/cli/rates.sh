# SPDX-License-Identifier: Apache-2.0
# Streams at different rates, and data without clocks.
. "$CLI_LIB"
sample
record_sample -o steps --layout aloha --episodes 2 --seconds 1 --size 16x16 >/dev/null
try robocache convert raw -o o1
try robocache convert steps -o o2 --rate 10 -q
try robocache convert steps -o o2 --rate 10 --source-rate 20 -q
episodes o2
try robocache convert steps -o o3 -q
try robocache convert raw -o o4 --rate 10 --source-rate gripper:50
ls -A
