# SPDX-License-Identifier: Apache-2.0
# Runs tests/cli/*.sh, each in an empty directory of its own, and compares what it printed.
#
#   name.sh    the case: about ten lines, with lib.inc's functions and robocache in PATH
#   name.out   expected standard output, name.err standard error; absent: nothing
#   name.exit  expected exit status of the whole script; absent: 0
#
# To add a case: write name.sh, `REGEN=name make check TESTS=tests/check-cli.t` (REGEN=1 for all),
# and read what came before committing it.
: "${top_builddir:?}" "${top_srcdir:?}"

cases=$(cd "$top_srcdir/tests/cli" && printf '%s\n' *.sh)
home=$(cd "$top_srcdir/tests/cli" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

mkdir "$work/bin"
ln -s "$(cd "$top_builddir" && pwd)/robocache" "$work/bin/robocache"
ln -s "$(cd "$top_builddir" && pwd)/examples/record_sample" "$work/bin/record_sample"
for name in $(env | sed -n 's/^\(ROBOCACHE_[A-Z_]*\)=.*/\1/p'); do
	unset "$name"
done
# A build with CUDA on a machine without a GPU would say so.
ROBOCACHE_DEVICE=cpu
PATH=$work/bin:$PATH LC_ALL=C TERM=dumb CLI_LIB=$home/lib.inc
export ROBOCACHE_DEVICE PATH LC_ALL TERM CLI_LIB
umask 022

# keep NAME PART: what a case printed becomes what is expected
keep() {
	if [ -s "$work/$2" ]; then
		cp "$work/$2" "$home/$1.$2"
	else
		rm -f "$home/$1.$2"
	fi
}

# differs NAME PART: prints the difference as TAP comments; true when there is one
differs() {
	expected=$home/$1.$2
	[ -f "$expected" ] || expected=/dev/null
	diff -u "$expected" "$work/$2" >"$work/diff" && return 1
	sed "s/^/#   /" "$work/diff"
}

n=0 failed=0
printf '1..%d\n' "$(printf '%s\n' "$cases" | wc -l)"
for case in $cases; do
	name=${case%.sh}
	n=$((n + 1))
	mkdir "$work/here"
	status=0
	(cd "$work/here" && exec timeout -k 5 120 sh -u "$home/$case") </dev/null \
		>"$work/out" 2>"$work/err" || status=$?
	rm -rf "$work/here"
	if [ "$status" -eq 77 ]; then
		echo "ok $n - $name # SKIP $(head -n 1 "$work/out")"
		continue
	fi
	: >"$work/exit"
	[ "$status" -eq 0 ] || echo "$status" >"$work/exit"
	bad=
	for part in out err exit; do
		case ${REGEN-} in
		1 | "$name") keep "$name" $part ;;
		esac
		if differs "$name" $part; then
			bad=1
		fi
	done
	if [ "$bad" ]; then
		echo "not ok $n - $name"
		failed=1
	else
		echo "ok $n - $name"
	fi
done
exit $failed
