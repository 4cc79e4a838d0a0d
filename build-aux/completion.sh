#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints a bash completion made from the option tables: completion.sh PROGRAM COMMANDS.DEF
# Where PROGRAM cannot run (a cross build) only the commands are completed.
set -eu
program=$1
commands=$(sed -nE 's/^RC_COMMAND\(([a-z0-9]+).*/\1/p' "$2" | tr '\n' ' ')

cat <<END
# bash completion for robocache; made from its options when it was built
_robocache()
{
	local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} options=
	if [[ \$cur == = ]]; then
		cur=
	elif [[ \$prev == = ]]; then
		prev=\${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if ((COMP_CWORD == 1)); then
		COMPREPLY=(\$(compgen -W '${commands}help --help --version' -- "\$cur"))
		return
	fi
	case \${COMP_WORDS[1]} in
	help)
		options='$commands'
		;;
END
for command in $commands; do
	"$program" "$command" --dump-options 2>/dev/null | awk -F '\t' -v command="$command" '
	{ list = list " --" $1 }
	$3 != "" && $3 != "FILE" && $3 != "DIR" {
		word = $2 == "" ? "--" $1 : "-" $2 " | --" $1
		gsub(/\|/, " ", $5)
		act = $5 == "" ? "return" : "options=\047" $5 "\047"
		cases = cases "\t\t" word ") " act " ;;\n"
	}
	END {
		if (!list)
			exit
		printf "\t%s)\n\t\t[[ $cur == -* ]] && options=\047%s\047\n", command, \
			substr(list, 2)
		printf "\t\tcase $prev in\n%s\t\tesac\n\t\t;;\n", cases
	}'
done
cat <<'END'
	esac
	COMPREPLY=($(compgen -W "$options" -- "$cur"))
}
complete -o bashdefault -o default -F _robocache robocache
END
