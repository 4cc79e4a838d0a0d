# SPDX-License-Identifier: Apache-2.0
# A build without CUDA: auto is the processor and nothing is said, cuda is the end.
. "$CLI_LIB"
sample
unset ROBOCACHE_DEVICE
if ! robocache convert raw -o probe --rate 10 --device cuda 2>&1 | grep -q 'no CUDA support'; then
	echo "this build has CUDA"
	exit 77
fi
try robocache convert raw -o o1 --rate 10 --device cuda
try robocache convert raw -o o1 --rate 10 --device cuda:all
try robocache convert raw -o o1 --rate 10 --device cuda:0 --dry-run -q | tail -n 1
ls -A
robocache convert raw -o o2 --rate 10
grep fallback_reason o2/report.json
