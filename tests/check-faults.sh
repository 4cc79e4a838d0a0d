# SPDX-License-Identifier: Apache-2.0
# Runs that are killed, meet faults of the system, a full disk, and each other; see
# tests/faults/run.py.  A small slice, another one each time; all of it, in minutes:
#
#	FAULTS='kill random=1000 fault=2000 full many power=200' \
#		make check TESTS=tests/check-faults.sh
modules='sys'
. "$top_srcdir/tests/need-python.sh"
plain_environment
# libhdf5 loses a block when a file cannot be written
echo leak:libhdf5 >"$work/lsan"
LSAN_OPTIONS=${LSAN_OPTIONS:+$LSAN_OPTIONS:}suppressions=$work/lsan:print_suppressions=0
export LSAN_OPTIONS
# shellcheck disable=SC2086 # a list of words
"$py" "$top_srcdir/tests/faults/run.py" "$top_builddir/robocache" \
	"$top_builddir/examples/record_sample" "$work" \
	${FAULTS:-kill=400 random=4 fault=8 full many power=2}
