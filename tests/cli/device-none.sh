# SPDX-License-Identifier: Apache-2.0
# No GPU, in a build with or without CUDA: auto is the processor and the report says why, cuda is
# the end and says what helps.
. "$CLI_LIB"
sample
unset ROBOCACHE_DEVICE
if robocache convert raw -o probe -q -q --rate 10 --device cuda; then
	echo "this machine has a GPU"
	exit 77
fi 2>/dev/null
for device in cuda cuda:all; do
	try robocache convert raw -o o1 --rate 10 --device $device 2>err
	grep -c 'error: .*, or use --device cpu$' err
done
try robocache convert raw -o o1 --rate 10 --device cuda:0 --dry-run -q | tail -n 1
ls -A
robocache convert raw -o o2 --rate 10 2>err
sed 's/^robocache: computing on the processor: .*, or use --device cpu$//' err | grep .
grep -o '"fallback_reason": "this' o2/report.json
