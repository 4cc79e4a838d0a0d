# SPDX-License-Identifier: Apache-2.0
# What a formatter cannot be asked, as numbers: sizes of files, functions and lines, the licence
# line, and tabs.
set -eu
cd "${top_srcdir:?}"

bad=$(
	find . -name 'build*' ! -name build-aux -prune -o -name '[a-z]*-[0-9].*[0-9]' -prune -o \
		-type f -print | sed 's,^\./,,' | grep -E \
		'^(src|formats|kernels|tests|bench|examples|m4|docs|man)/|^[^/]*\.(am|ac|md)$' |
		grep -E '\.([ch]|cuh?|def|sh|t|py|m4|am|ac|md|[1-8])$' | sort |
		while read -r f; do
		expand -t 8 "$f" | awk -v f="$f" '
		function complain(line, why) { printf "%s:%d: %s\n", f, line, why }
		/[ \t]$/ { complain(FNR, "spaces at the end of the line") }
		FNR <= 3 && /SPDX-License-Identifier: Apache-2.0/ { licence = 1 }
		length($0) > 100 && f !~ /\.md$/ {
			complain(FNR, length($0) " columns; 100 are allowed")
		}
		END {
			if (!licence && f !~ /\.md$/)
				complain(1, "no SPDX line")
			if (FNR > 600 && f ~ /\.(c|h|sh|py|cu)$/)
				complain(FNR, FNR " lines; 600 are allowed")
		}'
		case $f in
		*.c | *.h | *.cu | *.cuh)
			# kernel style: a function opens and closes in the first column
			awk -v f="$f" '
			FNR == 1 && $0 !~ /^\/\* SPDX/ { printf "%s:1: SPDX comes first\n", f }
			/^        / && !/^ *\\$/ {
				printf "%s:%d: indented with spaces\n", f, FNR
			}
			/^{/ { start = FNR }
			/^}/ && start {
				if (FNR - start + 1 > 100)
					printf "%s:%d: a function of %d lines; 100 are allowed\n",
						f, start, FNR - start + 1
				start = 0
			}' "$f"
			;;
		*.am | *.ac)
			awk -v f="$f" '
			/^        / { printf "%s:%d: indented with spaces\n", f, FNR }' "$f"
			;;
		esac
	done
)
if [ -n "$bad" ]; then
	printf '%s\n' "$bad"
	exit 1
fi
