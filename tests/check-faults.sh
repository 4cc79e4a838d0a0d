# SPDX-License-Identifier: Apache-2.0
# Runs that are killed, meet faults of the system, a full disk, and each other; see
# tests/faults/run.py.  A small slice, another one each time; all of it, in minutes:
#
#	FAULTS='kill random=1000 fault=2000 full many power=200' \
#		make check TESTS=tests/check-faults.sh
set -eu
: "${top_builddir:?}" "${top_srcdir:?}"
py=${PYTHON3:-python3}
"$py" -c '' 2>/dev/null || {
	echo "skipped: needs python3"
	exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name in $(env | sed -n 's/^\(ROBOCACHE_[A-Z_]*\)=.*/\1/p'); do
	unset "$name"
done
# libhdf5 loses a block when a file cannot be written
echo leak:libhdf5 >"$work/lsan"
LSAN_OPTIONS=${LSAN_OPTIONS:+$LSAN_OPTIONS:}suppressions=$work/lsan:print_suppressions=0
export LSAN_OPTIONS
ROBOCACHE_DEVICE=cpu
export ROBOCACHE_DEVICE
# shellcheck disable=SC2086 # a list of words
"$py" "$top_srcdir/tests/faults/run.py" "$top_builddir/robocache" \
	"$top_builddir/examples/record_sample" "$work" \
	${FAULTS:-kill=400 random=4 fault=8 full many power=2}
