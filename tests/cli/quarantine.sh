# SPDX-License-Identifier: Apache-2.0
# What is bad is listed, and not opened again until it changes; --max-bad stops.
. "$CLI_LIB"
sample --episodes 4
echo "no HDF5" >raw/bad.h5
head -c 5000 raw/episode_0001.h5 >raw/cut.h5
run() {
	try robocache convert raw --rate 10 -q "$@" 2>err
	sed -n 's/^robocache: \(error\|[0-9]\)/\1/p' err
}
list() {
	grep -oE '"(input|stage|code)":"[^"]*"' out/quarantine.ndjson | tr '\n' ' '
	echo
}
run -o out
list
cp -r out kept
run -o out --force
list
cmp out/quarantine.ndjson kept/quarantine.ndjson
run -o out --force --retry-quarantined
cmp out/quarantine.ndjson kept/quarantine.ndjson
run -o out --resume
run -o out --resume --retry-quarantined
cp raw/episode_0000.h5 raw/bad.h5
run -o out --resume
run -o out --resume --force
list
rm raw/cut.h5
run -o out --resume --force
show out
echo "no HDF5" >raw/bad.h5
for n in 0 1 20% 19% x; do
	run -o "bad-$n" --max-bad $n
done
ls bad-0
