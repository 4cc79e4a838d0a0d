# SPDX-License-Identifier: Apache-2.0
# Names of streams that are none, and methods that do not fit.
. "$CLI_LIB"
sample
try robocache convert raw -o out --reference cam_fornt
try robocache convert raw -o out --rate 10 --fuse state=joint_pos,griper
try robocache convert raw -o out --rate 10 --drop 'camera_*'
try robocache convert raw -o out --rate 10 --latency cam=5
try robocache convert raw -o out --rate 10 --method joint_pos:slrep
try robocache convert raw -o out --rate 10 --method joint_pos:average
try robocache convert raw -o out --rate 10 --method wrench:slerp
try robocache convert raw -o out --rate 10 --method cam_front:linear
try robocache convert raw -o out --rate 10 --fuse s=joint_pos,cam_front
try robocache convert raw -o out --rate 10 --rename joint_pos=gripper
try robocache convert raw -o out --rate 10 --rename joint_pos=../x
try robocache convert raw -o out --rate 10 --fuse .=joint_pos
try robocache convert raw -o out --rate 10 --layout-in robomimc
try robocache convert raw -o out --rate 10 --layout atc
try robocache convert raw -o out --rate 10 --compression lz4
try robocache convert raw -o out --rate 10 --compression image=none
try robocache convert raw -o out --rate 10 --compression images=lz4,low-dim=none
ls -A
