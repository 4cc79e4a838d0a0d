# SPDX-License-Identifier: Apache-2.0
# --device: what it may say, and a build or a machine without a GPU.
. "$CLI_LIB"
sample
unset ROBOCACHE_DEVICE
try robocache convert raw -o o1 --rate 10 --device gpu
try robocache convert raw -o o1 --rate 10 --device cuda:
try env ROBOCACHE_DEVICE=cuda:x robocache convert raw -o o1 --rate 10
ls -A
robocache convert raw -o o2 --rate 10 --device cpu -q
sed -n '/"device": {/,/}/p' o2/report.json | grep -E 'kind|fallback|recomputed|error'
