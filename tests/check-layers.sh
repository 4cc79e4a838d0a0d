# SPDX-License-Identifier: Apache-2.0
# The layers of docs/architecture.md: what each folder may include, which file alone may include
# a library, and who may write to standard output or end the process.
set -eu
cd "${top_srcdir:?}"

bad=$(
	# path and header of every include, <> kept to tell the two kinds apart
	find src formats kernels -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' | sort |
		xargs grep -HE '^[[:space:]]*#[[:space:]]*include' |
		sed -nE 's/^([^:]*):[^"<]*(["<])([^">]*)[">].*/\1 \2 \3/p' |
		awk '
	function complain(why) { printf "%s includes %s: %s\n", $1, $3, why }
	function only(pattern) { if ($1 !~ pattern) complain("only " pattern " may") }
	{ layer = "L3" }
	$1 ~ /^src\/base\// { layer = "base" }
	$1 ~ /^formats\// { layer = "formats" }
	$1 ~ /^kernels\// { layer = "kernels" }
	$1 ~ /^src\/(main|cmd|cmd_[a-z0-9_]+|version)\.[ch]$/ { layer = "L4" }
	!first[$1]++ && $1 ~ /\.c$/ && $2 == "<" {
		complain("the first include is base/compat.h or a header that starts with it")
	}
	$1 == "src/base/compat.h" && $3 == "config.h" { next }
	$2 == "\"" && layer == "base" && $3 !~ /^base\// {
		complain("base/ stands alone")
	}
	$2 == "\"" && layer == "formats" && $3 !~ /^(base|formats)\// {
		complain("formats/ may use base/ and formats/")
	}
	$2 == "\"" && layer == "kernels" && $3 !~ /^(base|kernels)\// {
		complain("kernels/ may use base/ and kernels/")
	}
	$2 == "\"" && layer == "L3" && $3 ~ /^(cmd|version)\.h$|^commands\.def$/ {
		complain("it belongs to the commands")
	}
	$2 == "\"" && $3 ~ /_private\.h$/ { only("^" substr($3, 1, index($3, "/"))) }
	$3 ~ /cJSON\.h$/ { only("^src/base/json\\.c$") }
	$3 == "getopt.h" { only("^src/base/opt\\.c$") }
	$3 == "xxhash.h" { only("^src/base/digest\\.c$") }
	$3 ~ /^(hdf5|H5[A-Za-z]*|zstd[a-z_]*|libdeflate)\.h$/ { only("^formats/") }
	$3 ~ /^(turbojpeg|png|blosc|lz4)\.h$/ { only("^formats/") }
	$3 ~ /^archive[a-z_]*\.h$/ { only("^formats/tar_") }
	$3 ~ /^(cuda|cuda_[a-z_]+|nvtx3\/.*)\.h$/ { only("^kernels/cuda/") }
	'

	# below the commands nobody prints results or ends the run; log and progress write messages
	find src formats kernels -name '*.c' | sort | while read -r f; do
		case $f in
		src/main.c | src/cmd*.c) continue ;;
		esac
		awk -v f="$f" '
		{ gsub(/"([^"\\]|\\.)*"/, "\"\""); sub(/\/\*.*/, "") }
		/^[ \t]*\*/ { next }
		/(^|[^a-z_])(printf|puts|putchar|exit|abort)[ ]*\(/ || /(^|[^A-Za-z_])stdout/ {
			printf "%s:%d: only the commands write results or end the run\n", f, FNR
		}
		/(^|[^A-Za-z_])(stderr|STDERR_FILENO|perror)/ &&
		!/dup2/ && f !~ /^src\/(base\/log|progress)\.c$/ {
			printf "%s:%d: messages go through rc_log()\n", f, FNR
		}' "$f"
	done
)
if [ -n "$bad" ]; then
	printf '%s\n' "$bad"
	exit 1
fi
