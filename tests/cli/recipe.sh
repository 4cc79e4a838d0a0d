# SPDX-License-Identifier: Apache-2.0
# Recipes from a file and from standard input.
. "$CLI_LIB"
sample
cat >r.json <<'END'
{"rate": 10, "keep": ["action", "joint_*"], "fuse": {"state": ["joint_pos", "joint_vel"]},
 "dtype": {"state": "f64"}, "shard_episodes": 2}
END
try robocache convert raw -o out -c r.json -n
try robocache convert raw -o out -c - -n --rate 20 --shard-episodes 0 <r.json | head -n 3
