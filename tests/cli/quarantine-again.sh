# SPDX-License-Identifier: Apache-2.0
# What was found bad when it was read in another way is opened again, and so is what --force goes on
# with.
. "$CLI_LIB"
sample --episodes 2
echo "no HDF5" >raw/bad.h5
echo '{"streams":[{"path":"joint_state/joint_pos","clock":"joint_state/timestamp"}]}' >map.json
run() {
	robocache convert raw --rate 10 "$@" >/dev/null 2>err || true
	grep -o '1 input known.*opened' err || echo "all opened"
}
run -o out
run -o out --force
run -o out --force --layout-in generic
run -o out --force --map map.json
run -o out --force --map map.json
sed -i 's/joint_pos/joint_vel/g' map.json
run -o out --force --map map.json
# a journal alone, as of a run that was killed: the plan is to be the same, or with --force not
rm out/quarantine.ndjson
run -o out --resume --map map.json
rm out/quarantine.ndjson
run -o out --map map.json --resume --force
# storage that hung once may answer today
run -o out --map map.json --force
sed -i 's/"code":"[a-z_0-9]*"/"code":"reader_timeout"/' out/quarantine.ndjson
run -o out --map map.json --force
