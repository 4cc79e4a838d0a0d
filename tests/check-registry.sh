# SPDX-License-Identifier: Apache-2.0
# Where one thing is written down in several places, they agree: files, rows, lists of the build
# and manual pages.
set -eu
cd "${top_srcdir:?}"
status=0

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# same WHAT A B: the sorted words of two files are equal
same() {
	sort "$2" >"$tmp/a"
	sort "$3" >"$tmp/b"
	cmp -s "$tmp/a" "$tmp/b" && return
	status=1
	echo "$1:"
	comm -3 "$tmp/a" "$tmp/b" | sed 's/^\t/  only second: /; t; s/^/  only first: /'
}

# rows FILE MACRO: the x of MACRO(x...)
rows() {
	sed -nE "s/^$2\\(([a-z0-9_]+).*/\\1/p" "$1"
}

# names GLOB PREFIX SUFFIX: the x of PREFIXxSUFFIX
names() {
	# shellcheck disable=SC2086 # a pattern
	ls $1 | sed -nE "s,^$2([a-z0-9]+)$3\$,\\1,p"
}

# items FILE SECTION: the x of `.It Cm x` in a section of a manual page
items() {
	sed -nE "/^\\.Sh $2\$/,/^\\.Sh /s/^\\.It Cm ([a-z0-9]+)\$/\\1/p" "$1"
}

rows formats/formats.def RC_LAYOUT >"$tmp/layouts"
names 'formats/layout_*.c' formats/layout_ '\.c' >"$tmp/files"
items man/robocache-layouts.7 LAYOUTS >"$tmp/pages"
same "formats/layout_*.c and formats/formats.def" "$tmp/files" "$tmp/layouts"
same "LAYOUTS in man/robocache-layouts.7 and formats/formats.def" "$tmp/pages" "$tmp/layouts"

rows formats/shards.def RC_SHARD_LAYOUT >"$tmp/layouts"
names 'formats/shard_*.c' formats/shard_ '\.c' >"$tmp/files"
items man/robocache-convert.1 'OUTPUT LAYOUTS' >"$tmp/pages"
same "formats/shard_*.c and formats/shards.def" "$tmp/files" "$tmp/layouts"
same "OUTPUT LAYOUTS in man/robocache-convert.1 and formats/shards.def" "$tmp/pages" "$tmp/layouts"

rows src/commands.def RC_COMMAND >"$tmp/commands"
names 'src/cmd_*.c' src/cmd_ '\.c' >"$tmp/files"
names 'man/robocache-*.1' man/robocache- '\.1' >"$tmp/pages"
same "src/cmd_*.c and src/commands.def" "$tmp/files" "$tmp/commands"
same "man/robocache-*.1 and src/commands.def" "$tmp/pages" "$tmp/commands"

rows kernels/backends.def RC_BACKEND >"$tmp/backends"
while read -r x; do
	[ -f "kernels/$x.c" ] || [ -d "kernels/$x" ] || {
		status=1
		echo "kernels/backends.def has '$x', kernels/ does not"
	}
done <"$tmp/backends"

# Every source and page is in the build, and so in the tarball.
find src formats kernels man docs -type f | grep -E '\.([ch]|cuh?|def|sh|[1-8]|json|md)$' |
	sort -u >"$tmp/files"
grep -oE '(src|formats|kernels|man|docs)/[A-Za-z0-9_./-]+' Makefile.am | grep -v '/$' |
	sort -u >"$tmp/build"
same "files and Makefile.am" "$tmp/files" "$tmp/build"
find bench -type f | grep -E '\.(c|py|sh)$' | sort >"$tmp/files"
grep -oE 'bench/[a-z_]+\.(c|py|sh)' Makefile.am | sort -u >"$tmp/build"
same "bench and Makefile.am" "$tmp/files" "$tmp/build"
# The cases of tests/cli are shipped as a folder, and run.t takes what is there.
find tests -type f \( -name '*.[ch]' -o -name '*.sh' -o -name '*.t' -o -name '*.py' \) |
	grep -v '^tests/cli/.*\.sh$' | sort -u >"$tmp/files"
grep -ohE 'tests/[A-Za-z0-9_./-]+\.(c|h|sh|t|py)' tests/tests.am | sort -u >"$tmp/build"
same "files and tests/tests.am" "$tmp/files" "$tmp/build"
find tests/unit -name 'test_*.c' | sed 's/\.c$/.crit/' >"$tmp/files"
sed -nE 's,^\t(tests/unit/test_[a-z0-9_]+\.crit).*,\1,p' tests/tests.am >"$tmp/build"
same "unit tests and tests/tests.am" "$tmp/files" "$tmp/build"
exit $status
