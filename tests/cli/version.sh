# SPDX-License-Identifier: Apache-2.0
# The first line is the name and three numbers.
. "$CLI_LIB"
robocache --version | sed -n '1s/[0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*$/X.Y.Z/p'
robocache -V | grep -c '^libraries: '
