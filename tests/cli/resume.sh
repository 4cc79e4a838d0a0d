# SPDX-License-Identifier: Apache-2.0
# An interrupted run goes on to the same bytes; what is missing or damaged is made again.
. "$CLI_LIB"
sample --episodes 12 --size 64x48
run() {
	robocache convert raw --rate 60 -j1 --shard-episodes 1 -q --compression zstd:12 "$@"
}
same() {
	for f in whole/*.h5 whole/manifest.json; do
		cmp "$f" "$1/${f##*/}" || echo "$f differs"
	done
	show "$1"
}
run -o whole
for sig in TERM KILL USR2; do
	run -o $sig 2>/dev/null &
	wait_for $sig/shard-00001.h5
	# the child of a subshell that the shell made for the function
	kill -s $sig "$(sed -n 's/.* //p' $sig/.robocache.lock)"
	status=0
	{ wait $! || status=$?; } 2>/dev/null
	echo "$sig: status $status"
	[ ! -e $sig/shard-00011.h5 ] || echo "it was done already"
	try run -o $sig --resume
	same $sig
done
rm TERM/shard-00003.h5
printf x | dd of=TERM/shard-00005.h5 bs=1 seek=3000 conv=notrunc status=none
: >TERM/shard-00007.h5
touch TERM/.shard-00008.h5.tmp-1-1
try run -o TERM --resume
same TERM
# nothing to do: not a file is touched but the report
before=$(ls -l --time-style=full-iso TERM/*.h5 TERM/[jm]*)
try run -o TERM --resume
[ "$before" = "$(ls -l --time-style=full-iso TERM/*.h5 TERM/[jm]*)" ] || echo "files were touched"
try run -o fresh --resume
same fresh
