# SPDX-License-Identifier: Apache-2.0
# The manual against the program: options, exit statuses, codes, and what mandoc says.
set -eu
: "${top_builddir:?}"
cd "${top_srcdir:?}"
robocache=$top_builddir/robocache
status=0

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

complain() {
	printf '%s\n' "$*"
	status=1
}

# --- options ------------------------------------------------------------------------------------
# A page has an item for every row of --dump-options and no other, in the same order, with the same
# letter and argument.  Its text has "default is X" exactly where the row has a default, and names
# every choice.

# Options of a page: name, letter, argument and text of each item, as --dump-options writes them.
page_options() {
	sed -nE '/^\.Sh OPTIONS/,/^\.Sh /p' "$1" | awk '
	function flush() { if (name) printf "%s\t%s\t%s\t%s \n", name, letter, arg, text }
	/^\.It Fl / {
		flush()
		name = letter = arg = text = ""
		n = split($0, word, " ")
		for (i = 2; i <= n; i++) {
			if (word[i] == "Fl" && word[i + 1] ~ /^-/)
				name = substr(word[i + 1], 2)
			else if (word[i] == "Fl")
				letter = word[i + 1]
			else if (word[i] == "Ar")
				arg = word[i + 1]
		}
		next
	}
	{ sub(/^\.[A-Z][a-z]( |$)/, ""); gsub(/ (Ns|Op) /, " "); text = text " " $0 }
	END { flush() }'
}

commands=$(sed -nE 's/^RC_COMMAND\(([a-z0-9]+).*/\1/p' src/commands.def)
for command in $commands; do
	page=man/robocache-$command.1
	if [ ! -f "$page" ]; then
		complain "$page is missing"
		continue
	fi
	"$robocache" "$command" --dump-options >"$tmp/rows"
	"$robocache" "$command" --help >"$tmp/help"
	page_options "$page" >"$tmp/items"
	[ -s "$tmp/rows" ] || complain "'$command --dump-options' is empty"
	cut -f 1-3 "$tmp/rows" >"$tmp/a"
	cut -f 1-3 "$tmp/items" >"$tmp/b"
	diff "$tmp/a" "$tmp/b" >"$tmp/diff" ||
		complain "$page (>) and the options of '$command' (<) differ:
$(cat "$tmp/diff")"
	cut -f 1 "$tmp/rows" | while read -r name; do
		grep -qE -- "--$name([= ]|\$)" "$tmp/help" ||
			echo "'$command --help' does not mention --$name"
	done >"$tmp/out"
	awk -F '\t' -v page="$page" '
	NR == FNR { text[$1] = $4; next }
	!($1 in text) { next }
	{ says = text[$1] ~ /default is / }
	$4 != "" && index(text[$1], "default is " $4 " ") == 0 {
		printf "%s: --%s does not say that the default is %s\n", page, $1, $4
	}
	$4 == "" && says { printf "%s: --%s has no default\n", page, $1 }
	{
		n = split($5, choice, "|")
		for (i = 1; i <= n; i++)
			if (index(text[$1], " " choice[i] " ") == 0)
				printf "%s: --%s does not explain %s\n", page, $1, choice[i]
	}' "$tmp/items" "$tmp/rows" >>"$tmp/out"
	[ ! -s "$tmp/out" ] || complain "$(cat "$tmp/out")"
	grep -q "^\.Xr robocache-$command 1" man/robocache.1 ||
		complain "man/robocache.1 does not refer to robocache-$command(1)"
done

# Keys of a recipe are the options of convert that it does not refuse.
"$robocache" convert --dump-options | cut -f 1 | tr - _ | sort >"$tmp/a"
sed -nE '/^\.Sh KEYS/,/^\.Ss Patterns/p' man/robocache-recipe.5 |
	sed -nE 's/^(\.It )?\.?Cm //p; /^\.It Cm /s/^\.It Cm //p' | tr ' ' '\n' |
	grep -xE '[a-z_]+' | grep -vxE 'true|false' | sort -u >"$tmp/b"
diff "$tmp/a" "$tmp/b" | sed -n 's/^[<>] //p' | grep -vxE 'help' >"$tmp/diff" || :
[ ! -s "$tmp/diff" ] ||
	complain "KEYS of man/robocache-recipe.5 and the options of convert differ:
$(cat "$tmp/diff")"

# --- exit statuses ------------------------------------------------------------------------------
sed -nE 's/^\tRC_EXIT_[A-Z]+ = ([0-9]+).*/\1/p' src/run.h >"$tmp/statuses"
[ -s "$tmp/statuses" ] || complain "src/run.h has no exit statuses"
while read -r n; do
	grep -qx "\.It $n" man/robocache.1 || complain "man/robocache.1 lacks exit status $n"
done <"$tmp/statuses"

# --- codes --------------------------------------------------------------------------------------
# What a report or verify can show.  Not: bugs; options and recipes, whose errors leave no report.
for f in $(find src formats kernels -name '*.c' | sort); do
	usage='|RC_E_USAGE'
	case $f in
	kernels/* | src/base/* | src/device.c | src/recipe*.c | src/resume.c | src/inputs.c | \
		src/run.c | src/scan_index.c | src/cmd_*.c | src/map.c | formats/formats.c | \
		formats/map.c)
		usage=
		;;
	esac
	call="(RC_E_(NOMEM|INPUT|FORMAT|UNSUPPORTED|READER|OUTPUT|MISMATCH|INTERRUPTED|DEVICE"
	call="$call|STOPPED)"
	call="$call$usage|RC_NOTE_[A-Z]+), *|damage\\("
	call="$call|(h5_problem|describe_warn|emit_list)\\([^\"()]*"
	tr '\n\t' '  ' <"$f" | grep -oE "($call)\"[a-z0-9_]+\"" || :
done | sed 's/"$//; s/.*"//' | grep -vxE 'input|output|layout' | sort -u >"$tmp/codes"
sed -nE '/^\.Sh (CODES|DIAGNOSTICS)/,/^\.Sh (EXAMPLES|SEE ALSO)/s/^\.It Li //p' \
	man/robocache-report.5 man/robocache-verify.1 | sed 's/ , /\n/g' | sort >"$tmp/listed"
[ "$(wc -l <"$tmp/codes")" -gt 50 ] || complain "few codes were found in the sources"
comm -23 "$tmp/codes" "$tmp/listed" >"$tmp/diff"
[ ! -s "$tmp/diff" ] || complain "codes that robocache-report(5) does not explain:
$(cat "$tmp/diff")"
uniq -d "$tmp/listed" >"$tmp/diff"
[ ! -s "$tmp/diff" ] || complain "codes that are explained twice:
$(cat "$tmp/diff")"
while read -r code; do
	grep -rqF "\"$code\"" src formats kernels || complain "no source knows the code '$code'"
done <"$tmp/listed"

# --- fields -------------------------------------------------------------------------------------
# Every key that is written is a `Va` of a page, and so is every property of the schema.
keys() {
	tr '\n\t' '  ' <"$1" |
		grep -oE 'rc_json_add_[a-z0-9]+\([^,]+, +"[a-z0-9_]+"' | sed 's/"$//; s/.*"//'
}
fields() {
	grep -hE '^\.(It |Po )?Va ' "$@" | sed 's/^\.It //; s/^\.Po //; s/^\.Va //' |
		tr ' ' '\n' | sort -u
}
for pair in report.c:report.5 quality.c:report.5 problems.c:report.5 manifest.c:report.5 \
	cmd_bench.c:bench.1 cmd_inspect.c:inspect.1 survey_json.c:inspect.1 \
	cmd_verify.c:verify.1; do
	keys "src/${pair%:*}" | sort -u >"$tmp/keys"
	fields "man/robocache-${pair#*:}" >"$tmp/fields"
	[ -s "$tmp/keys" ] || complain "src/${pair%:*} writes no JSON"
	comm -23 "$tmp/keys" "$tmp/fields" >"$tmp/diff"
	[ ! -s "$tmp/diff" ] || complain "fields of src/${pair%:*} that robocache-${pair#*:} lacks:
$(cat "$tmp/diff")"
done

# --- mandoc -------------------------------------------------------------------------------------
case ${MANDOC:-:} in
:) echo "no mandoc: the pages were not linted" ;;
*)
	for page in man/*.[1-8]; do
		"$MANDOC" -T lint -W warning "$page" || status=1
	done
	;;
esac
exit $status
