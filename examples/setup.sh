# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Read by quickstart.sh, tests/run.sh and .ci/run: installs missing Debian packages and builds.
# Whoever reads it has set `top`, the root of the source tree.

: "${top:?}"

packages_build="gcc libc6-dev make autoconf automake pkgconf libhdf5-dev libzstd-dev
	libcjson-dev libdeflate-dev libxxhash-dev libarchive-dev libturbojpeg0-dev libpng-dev
	libblosc-dev liblz4-dev"
packages_tests="libcriterion-dev python3 python3-h5py python3-numpy python3-pil python3-scipy
	python3-jsonschema mandoc zstd"

say() {
	printf '%s: %s\n' "$(basename "$0")" "$*"
}

die() {
	say "$*" >&2
	exit 1
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	else
		die "needs root or sudo to run: $*"
	fi
}

# need_packages NAME...: what is missing is named, then installed from the configured archive.
need_packages() {
	if ! command -v apt-get >/dev/null 2>&1; then
		say "no apt-get here: expecting the equivalents of $*"
		return
	fi
	missing=
	for package in "$@"; do
		# shellcheck disable=SC2016 # the ${} is dpkg-query's own
		state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
		[ "$state" = installed ] || missing="$missing $package"
	done
	if [ -z "$missing" ]; then
		return
	fi
	say "installing with apt-get:$missing"
	as_root apt-get -qq update
	# shellcheck disable=SC2086 # a list of words
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -qq install -y --no-install-recommends $missing >/dev/null
}

# What configure saw: the packages' versions and its own arguments.
seen() {
	printf '%s\n' "$@"
	# shellcheck disable=SC2086 # lists of words
	dpkg-query -W $packages_build $packages_tests 2>/dev/null || :
}

# build DIR [CONFIGURE-ARGUMENT...]: configures only where something changed since the last time.
build() {
	dir=$1
	shift
	if [ ! -x "$top/configure" ]; then
		say "making configure"
		(cd "$top" && ./bootstrap) >"$top/bootstrap.log" 2>&1 ||
			die "bootstrap failed; see $top/bootstrap.log"
		rm -f "$top/bootstrap.log"
	fi
	mkdir -p "$dir"
	seen "$@" >"$dir/seen.new"
	if [ ! -f "$dir/Makefile" ] || ! cmp -s "$dir/seen.new" "$dir/seen"; then
		say "configuring in $dir"
		(cd "$dir" && "$top/configure" "$@") >"$dir/configure.out" 2>&1 ||
			die "configure failed: $(tail -n 5 "$dir/configure.out")"
		sed -n '/^configure: *$/,$p' "$dir/configure.out" | sed 1d
		mv "$dir/seen.new" "$dir/seen"
	fi
	say "building in $dir"
	make -s -C "$dir" -j "$(nproc)"
}
