# SPDX-License-Identifier: Apache-2.0
# --on-gpu-error: what it may say, and what the next attempt of a run knows of the one before.
. "$CLI_LIB"
sample
try robocache convert raw -o o1 --rate 10 --on-gpu-error wait
cat raw/episode_0000.h5 | try robocache convert - -o o1 --rate 10 --on-gpu-error retry
ls raw/*.h5 | try robocache convert --files-from - -o o1 --rate 10 --on-gpu-error retry
robocache convert raw -o - --rate 10 --on-gpu-error retry >stream || echo "status $?"
ls -A
# as after a GPU that failed: the variable is for the process that it names
ROBOCACHE_RETRY="$$ 1 0 the GPU is gone" robocache convert raw -o o2 --rate 10 -q
grep -E '"retr(ies|y_reason)' o2/report.json
sh -c 'ROBOCACHE_RETRY="$$ 1 0 the GPU is gone" exec robocache convert raw -o o3 --rate 10 -q'
grep -E '"retr(ies|y_reason)' o3/report.json
# the limit is for all attempts together
sh -c 'ROBOCACHE_RETRY="$$ 1 0 gone" exec robocache convert raw -o o4 --rate 10 -q --time-limit 1s'
echo "status $?"
