# SPDX-License-Identifier: Apache-2.0
# The plan, and nothing written.
. "$CLI_LIB"
sample
try robocache convert raw -o out --rate 10 -n --fuse 'state=joint_*,gripper' --drop wrench \
	--rename cam_front=front --dtype f32 --compression zstd --shard-episodes 2
try robocache convert raw -o out --rate 10 -nq --keep action | tail -n 2
ls -A
