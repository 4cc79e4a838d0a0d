# SPDX-License-Identifier: Apache-2.0
# One file an episode, counted without holes, although an episode turns out to have a gap.
. "$CLI_LIB"
record_sample -o raw --episodes 3 --seconds 3 --size 16x16 >/dev/null
try robocache convert raw -o out --rate 10 --layout act --keep wrench,gripper \
	--max-gap 50ms --gap-policy drop -q
show out
episodes out
try robocache verify --deep out
