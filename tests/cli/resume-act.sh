# SPDX-License-Identifier: Apache-2.0
# Files that are numbered without holes stay so: a bad episode in the middle, files that are lost,
# and an episode in front of others that cannot be converted any more.
. "$CLI_LIB"
sample --episodes 6 --size 64x48
robocache convert raw -o packed --rate 10 --layout act --compression gzip -q
run() {
	try robocache convert packed --layout act --compression none -q "$@" 2>err
	sed -n 's/^robocache: error/error/p' err
}
# hurt FILE: in the middle of its frames, so that only reading them finds it
hurt() {
	cp -p "$1" as-it-was
	printf 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' |
		dd of="$1" bs=1 seek=$(($(wc -c <"$1") / 2)) conv=notrunc status=none
	touch -r as-it-was "$1"
}
same() {
	for f in "$1"/*.hdf5 "$1/manifest.json"; do
		cmp "$f" "out/${f##*/}"
	done
	show out
}
hurt packed/episode_2.hdf5
run -o whole
run -o out
same whole
rm out/episode_0.hdf5 out/episode_3.hdf5
run -o out --resume
same whole
hurt packed/episode_1.hdf5
run -o out --resume
rm out/episode_1.hdf5
run -o out --resume
run -o out --resume
run -o worse
same worse
