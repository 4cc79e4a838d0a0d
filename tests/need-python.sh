# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Read by the scripts whose check is a Python program: `py` is the interpreter, `work` a folder that
# goes when the script ends.  Whoever reads it has set `modules`; without one of them the test is
# skipped.
set -eu
: "${modules?}" "${top_builddir:?}" "${top_srcdir:?}"
py=${PYTHON3:-python3}
"$py" -c "import $modules" 2>/dev/null || {
	echo "skipped: needs python3 with $modules"
	exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# No option from the environment, and no word about GPUs.
plain_environment() {
	for name in $(env | sed -n 's/^\(ROBOCACHE_[A-Z_]*\)=.*/\1/p'); do
		unset "$name"
	done
	ROBOCACHE_DEVICE=cpu
	export ROBOCACHE_DEVICE
}
