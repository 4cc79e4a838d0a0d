# SPDX-License-Identifier: Apache-2.0
# Option over environment over recipe.
. "$CLI_LIB"
sample
echo '{"rate": 5, "keep": "action", "shard_episodes": 1}' >r.json
export ROBOCACHE_RATE=10
try robocache convert raw -o out -n -c r.json | sed -n 1,2p
try robocache convert raw -o out -n -c r.json -r 20 | sed -n 1,2p
ROBOCACHE_RATE=soon
try robocache convert raw -o out -n
try robocache convert raw -o out -nr 20 | sed -n 2p
ROBOCACHE_RATE='' ROBOCACHE_KEEP='action;gripper' \
	robocache convert raw -o out -q --report - -r 10 |
	sed -n '/"name": "\(rate\|keep\)"/,/source/s/^ *//p'
