# SPDX-License-Identifier: Apache-2.0
# Help goes to standard output; a bare command line is a mistake.
. "$CLI_LIB"
try robocache --help
robocache -h | cmp - "$(robocache help >h && echo h)" && echo "the same in three ways"
robocache convert --help | head -n 1
robocache convert -h | cmp - "$(robocache help convert >c && echo c)" && echo "and of a command"
robocache inspect --help | head -n 1
robocache verify --help | head -n 1
robocache bench --help | head -n 1
try robocache >usage
tail -n 1 usage
