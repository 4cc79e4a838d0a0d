# SPDX-License-Identifier: Apache-2.0
# inspect and verify: what they say of good data, and that no damage goes unseen.
set -eu
: "${top_builddir:?}" "${PYTHON3:?}"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
robocache=$top_builddir/robocache
cd "$tmp"

fail() {
	echo "$*"
	cat out err
	exit 1
}
# expect STATUS COMMAND...: standard output goes to out, standard error to err.
expect() {
	want=$1
	shift
	got=0
	"$@" >out 2>err || got=$?
	[ "$got" = "$want" ] || fail "exit status $got, not $want: $*"
}
says() { # says FILE PATTERN
	grep -q -- "$2" "$1" || fail "no '$2' in $1"
}

record=$top_builddir/examples/record_sample
"$record" --seconds 2 --episodes 3 --size 32x24 --compression gzip -o raw
expect 0 "$robocache" convert raw -o train --rate 20 --shard-episodes 1

# --- inspect ---
expect 0 "$robocache" inspect raw
says out '3 files, layout generic, 3 episodes'
says out '^  joint_pos  *obs  *float64 \[7\]'
says out '^  joint_pos, joint_vel  *stamps in ns (attribute)'
says out 'quaternion_order = xyzw (attribute'
expect 0 "$robocache" inspect --long raw
[ "$(grep -c '^  episode ' out)" = 3 ] || fail "--long does not show 3 episodes"
expect 0 "$robocache" inspect train
says out 'train: a dataset made by robocache convert, 3 shards, 3 episodes'
says out '^  all streams  *stamps in ns'

echo "this is text" >bad.h5
expect 3 "$robocache" inspect raw bad.h5
says err "'bad.h5'"
says out '3 files'
expect 1 "$robocache" inspect bad.h5
expect 2 "$robocache" inspect nowhere
expect 2 "$robocache" inspect
expect 2 "$robocache" inspect --layout-in alohaa raw
says err "did you mean 'aloha'"
find raw -name '*.h5' -print0 >list
expect 0 "$robocache" inspect --files-from list -0
says out '3 files'

# --- verify ---
expect 0 "$robocache" verify -v train
says out '^ok shard-00000.h5$'
says out '^3 shards ok, 0 damaged$'
expect 0 "$robocache" verify --deep -q train/manifest.json
[ ! -s out ] || fail "-q printed something"
expect 1 "$robocache" verify raw
says err 'robocache inspect raw'
expect 2 "$robocache" verify nowhere
expect 2 "$robocache" verify raw/episode_0000.h5
expect 1 "$robocache" verify train raw
says out '3 shards ok, 0 damaged, 1 dataset not checked'

damaged() { # damaged CODE [OPTION]...: of the dataset `hurt`, which then is made anew
	code=$1
	shift
	expect 3 "$robocache" verify "$@" hurt
	says out "\[$code"
	rm -rf hurt
	cp -r train hurt
}
cp -r train hurt
rm hurt/shard-00001.h5
damaged missing_shard
cp hurt/shard-00000.h5 hurt/shard-00003.h5
damaged extra_shard
printf x >>hurt/shard-00002.h5
damaged size_mismatch
at=$(($(wc -c <hurt/shard-00001.h5) / 2))
printf 'xxxxxxxx' | dd of=hurt/shard-00001.h5 bs=1 seek="$at" conv=notrunc 2>dd.err
damaged digest_mismatch
printf 'xxxxxxxx' | dd of=hurt/shard-00001.h5 bs=1 conv=notrunc 2>dd.err
damaged not_hdf5 --deep
sed 's/^  "episodes": 3,$/  "episodes": 4,/' train/manifest.json >hurt/manifest.json
damaged manifest_totals
sed 's/"ticks": \([0-9]*\),$/"ticks": 1,/; s/"ticks": \([0-9]*\)$/"ticks": 1/' \
	train/manifest.json >hurt/manifest.json
damaged episode_length --deep
echo '{"schema": "something else"}' >hurt/manifest.json
expect 1 "$robocache" verify hurt
says err 'robocache-manifest-1'
rm -rf hurt

if [ "$PYTHON3" = : ]; then
	echo "no Python with h5py: JSON, NaN and backward clocks not checked"
	exit 77
fi
"$PYTHON3" - raw/episode_0000.h5 <<'END'
import sys, h5py
with h5py.File(sys.argv[1], "r+") as f:
    def visit(name, d):
        if name.endswith("joint_pos") and isinstance(d, h5py.Dataset):
            d[7, 2] = float("nan")
            d[8, :] = float("inf")
    f.visititems(visit)
END
expect 0 "$robocache" convert raw -o odd --reference joint_pos
expect 0 "$robocache" verify odd
expect 0 "$robocache" verify --deep odd
says out "^warning shard-00000.h5: 'joint_pos': .*first in row 7, element 2 .*non_finite, 8 times"
says out ', 1 warning$'
expect 3 "$robocache" verify --deep --strict odd
expect 0 "$robocache" verify --deep --json odd
"$PYTHON3" - out <<'END'
import json, sys
v = json.load(open(sys.argv[1]))
assert v["schema"] == "robocache-verify-1" and v["status"] == "ok", v
shard = v["datasets"][0]["shards"][0]
assert shard["status"] == "ok" and shard["decoded_bytes"] > 10000, shard
assert [(p["code"], p["count"]) for p in shard["problems"]] == [("non_finite", 8)], shard
END

cp -r train hurt
"$PYTHON3" - hurt/shard-00000.h5 <<'END'
import sys, h5py
with h5py.File(sys.argv[1], "r+") as f:
    t = f["robocache/time/demo_0"]
    t[5] = t[3]
END
damaged clock_backward --deep

expect 3 "$robocache" inspect --json raw bad.h5 train
"$PYTHON3" - out <<'END'
import json, sys
import h5py, numpy as np
v = json.load(open(sys.argv[1]))
assert v["schema"] == "robocache-inspect-1"
assert [(d["directory"], d["shards"], d["episodes"]) for d in v["datasets"]] == [("train", 3, 3)]
status = [f["status"] for f in v["files"]]
assert status == ["ok"] * 3 + ["unreadable"] + ["ok"] * 3, status
assert v["files"][3]["reason"] and v["files"][3]["message"]
for f in v["files"][:3]:
    (episode,) = f["episodes"]
    with h5py.File(f["path"]) as h:
        for s in episode["streams"]:
            d = h[s["path"]]
            assert tuple(s["shape"]) == d.shape and s["dtype"] == d.dtype.name, s
            assert tuple(s["chunk"]) == (d.chunks or ()), s
            assert s["stored_bytes"] == d.id.get_storage_size(), s
            c = s["clock"]
            assert c["kind"] == "measured" and c["unit"] == "ns", c
            t = h[c["path"]][:]
            step = np.sort(np.diff(t))
            assert int(c["first_ns"]) == t[0] and int(c["last_ns"]) == t[-1]
            assert abs(c["rate_hz"] - len(step) / ((t[-1] - t[0]) / 1e9)) < 1e-6, c
            assert c["interval_ms"]["p50"] == step[len(step) // 2] / 1e6, c
            assert c["interval_ms"]["max"] == step[-1] / 1e6, c
            assert c["duplicated"] == np.sum(step == 0)
            assert c["out_of_order"] == np.sum(step < 0)
            assert c["gaps"] == np.sum(step // 3 > step[len(step) // 2]), (c, s)
END
