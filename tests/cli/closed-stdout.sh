# SPDX-License-Identifier: Apache-2.0
# A reader that went away, no standard output at all, and a full one.
. "$CLI_LIB"
sample
robocache convert --help | head -n 1
robocache convert raw -o o1 --rate 10 -n | head -n 1
robocache convert raw -o o2 --rate 10 >&- || echo "status $?"
show o2
robocache convert raw -o o3 --rate 10 <&- >&- 2>&- || echo "status $?"
show o3
robocache convert raw -o o3 --rate 10 <&- >&- 2>&- || echo "status $?"
if [ -w /dev/full ]; then
	robocache convert --help >/dev/full || echo "status $?"
	robocache convert raw -o o4 --rate 10 >/dev/full || echo "status $?"
	show o4
fi
