# SPDX-License-Identifier: Apache-2.0
# Reports of runs that end in different ways, against docs/report-1.schema.json and the manifest.
set -eu
: "${top_builddir:?}" "${top_srcdir:?}"

python=${PYTHON3:-python3}
if ! "$python" -c 'from jsonschema import Draft202012Validator' 2>/dev/null; then
	echo "skipped: $python has no jsonschema (Debian: python3-jsonschema)"
	exit 77
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
record=$top_builddir/examples/record_sample
robocache=$top_builddir/robocache
cd "$tmp"

# convert STATUS INPUT... OPTION...: the exit status must be this one
convert() {
	want=$1
	shift
	got=0
	"$robocache" convert -qq "$@" || got=$?
	if [ "$got" != "$want" ]; then
		echo "exit status $got instead of $want: convert $*"
		exit 1
	fi
}

"$record" -o raw --episodes 2 --seconds 2 --size 32x24
"$record" -o demo --episodes 4 --seconds 2 --size 32x24 --layout robomimic --compression gzip
"$record" -o aloha --episodes 2 --seconds 2 --size 32x24 --layout aloha
echo "not HDF5" >junk.h5

convert 0 raw -o whole --rate 20 --fuse state=joint_pos,gripper,eef_pose --split 'a:0.5,b:0.5'
convert 3 raw junk.h5 -o partial --reference cam_front --max-gap 20ms --latency cam_front=35
convert 0 demo -o steps --compression zstd --shard-episodes 2
convert 0 aloha -o aligned --source-rate 50 --rate 20 --layout act
convert 1 junk.h5 -o none --report failed.json 2>/dev/null
convert 0 aloha -o elsewhere --report - >stdout.json
[ ! -e elsewhere/report.json ]

convert 4 raw junk.h5 -o stopped --rate 20 --max-bad 0 2>/dev/null
convert 3 raw junk.h5 -o resumed --rate 20 --shard-episodes 1
rm resumed/shard-00001.h5
convert 3 raw junk.h5 -o resumed --rate 20 --shard-episodes 1 --resume

# neither a plan nor a usage error leaves anything behind
"$robocache" convert raw -o planned --rate 20 --dry-run >/dev/null
convert 2 raw -o misused --rate 20 --keep no_such_stream 2>/dev/null
[ ! -e planned ]
[ ! -e misused ]

"$python" "$top_srcdir/tests/check-report.py" "$top_srcdir/docs/report-1.schema.json" \
	whole partial steps aligned resumed failed.json stdout.json stopped/report.json
