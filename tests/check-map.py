# SPDX-License-Identifier: Apache-2.0
"""Converts files of an unknown layout with the map of robocache-recipe(5), as an option and in a
recipe, and tries maps that are wrong.

usage: check-map.py ROBOCACHE WORK_DIR   (WORK_DIR/map.json: the map of the manual)
"""
import json
import os
import subprocess
import sys

import h5py
import numpy as np

robocache, work = sys.argv[1:3]
os.chdir(work)
failures = []
passed = 0


def check(ok, *what):
    global passed
    passed += bool(ok)
    if not ok:
        failures.append(what)
        print("not ok:", *what)
    return ok


def run(*args, status=0):
    r = subprocess.run([robocache, *args], capture_output=True, text=True, timeout=120)
    check(r.returncode == status, args, "status", r.returncode, r.stderr[-500:])
    return r


def poses(n):
    q = np.random.default_rng(3).normal(size=(n, 4))
    return np.hstack([np.arange(3 * n).reshape(n, 3), q / np.linalg.norm(q, axis=1)[:, None]])


def make(path):
    with h5py.File(path, "w") as f:
        f.attrs["task"] = "weld the seam"
        f["sync/front"] = 1_700_000_000.0 + np.arange(30) / 30
        f["sync/front"].attrs["units"] = "s"
        for run_ in ("a", "b"):
            g = f.create_group("runs/" + run_)
            for arm in ("left", "right"):
                g[f"arms/{arm}/q"] = np.arange(700.0).reshape(100, 7)
                g[f"arms/{arm}/pose"] = poses(100)
                g[f"arms/{arm}/pose"].attrs["quaternion_order"] = "xyzw"
                g[f"arms/{arm}/t"] = 1_700_000_000_000_000 + np.arange(100) * 10_000
                g[f"arms/{arm}/t"].attrs["unit"] = "ns"  # wrong: the map says better
            g["cams/front/frames"] = np.zeros((30, 10, 12, 3), "u1")
            g["command"] = np.arange(100.0).reshape(50, 2)
            g["debug/x"] = np.arange(9)
            g["other"] = np.arange(9)
            g["result/ok"] = run_ == "a"


def inspect(*args):
    return json.loads(run("inspect", "--json", *args).stdout)["files"][0]


make("odd.h5")
found = inspect("--map", "map.json", "odd.h5")
check(found["layout"] == "map", found["layout"])
check([e["key"] for e in found["episodes"]] == ["runs/a", "runs/b"], found["episodes"])
first = found["episodes"][0]
check(first["language"] == "weld the seam" and first["success"] is True, first["language"])
check(found["episodes"][1]["success"] is False, "success of b")
streams = {s["name"]: s for s in first["streams"]}
check(set(streams) == {"left_joint_pos", "right_joint_pos", "left_pose", "right_pose", "front",
                       "actions"}, set(streams))
clock = streams["left_joint_pos"]["clock"]
check(clock["unit"] == "us" and clock["unit_origin"] == "map" and
      clock["path"] == "/runs/a/arms/left/t", clock)
check(streams["front"]["clock"]["path"] == "/sync/front", streams["front"]["clock"])
check(streams["left_pose"]["kind"] == "pose" and streams["left_pose"]["quaternion_order"] == "wxyz"
      and streams["left_pose"]["quaternion_origin"] == "map", streams["left_pose"])
check(streams["actions"]["role"] == "action" and streams["actions"]["clock"]["rate_hz"] == 50,
      streams["actions"])
check("map_unused" not in {n["code"] for n in found["notes"]}, found["notes"])

run("convert", "-qq", "--map", "map.json", "odd.h5", "-o", "one", "--rate", "10",
    "--drop", "actions", "--index", "index")
with open("recipe.json", "w") as out:
    json.dump({"rate": 10, "drop": "actions", "map": json.load(open("map.json"))}, out)
run("convert", "-qq", "-c", "recipe.json", "odd.h5", "-o", "two", "--index", "index")
with open("one/shard-00000.h5", "rb") as a, open("two/shard-00000.h5", "rb") as b:
    check(a.read() == b.read(), "an option and a recipe make different shards")
with h5py.File("one/shard-00000.h5") as f:
    check(np.allclose(f["data/demo_0/obs/left_joint_pos"][3], 210 + np.arange(7)), "values")
    used = json.loads(f.attrs["recipe_json"])["map"]
    check(json.loads(used) == json.load(open("map.json")), "the shard has another map", used)

# another map, the same index
m = json.load(open("map.json"))
m["streams"][0]["unit"] = "ms"
with open("other.json", "w") as out:
    json.dump(m, out)
r = run("convert", "-n", "--map", "other.json", "odd.h5", "-o", "x", "--index", "index", "--drop",
        "actions", "--rate", "10")
check("--map" in r.stderr, "the index of another map was taken", r.stderr)

WRONG = [
    ("[]", "not a JSON object"),
    ('{"stream": []}', "did you mean 'streams'?"),
    ('{"streams": []}', "at least one"),
    ('{"streams": [1]}', "stream 1: it is not an object"),
    ('{"streams": [{"name": "x"}]}', "stream 1: it has no 'path'"),
    ('{"streams": [{"path": "a"}, {"path": "*", "name": "$2"}]}', "stream 2: 'name' has $2"),
    ('{"streams": [{"path": "a", "clock": "$1"}]}', "has $1, but 'path' has 0 stars"),
    ('{"streams": [{"path": "/a"}]}', "begins with '/'"),
    ('{"streams": [{"path": "*/*/*/*/*"}]}', "more than 4 stars"),
    ('{"streams": [{"path": "a", "role": "actoin"}]}', "did you mean 'action'?"),
    ('{"streams": [{"path": "a", "kind": "video"}]}', "no kind 'video'"),
    ('{"streams": [{"path": "a", "clock": "t", "unit": "h"}]}', "no unit 'h'"),
    ('{"streams": [{"path": "a", "unit": "s"}]}', "'unit' without 'clock'"),
    ('{"streams": [{"path": "a", "clock": "t", "rate": 5}]}', "both 'clock' and 'rate'"),
    ('{"streams": [{"path": "a", "rate": 0}]}', "'rate' needs"),
    ('{"streams": [{"path": "a", "skip": 1}]}', "'skip' needs"),
    ('{"streams": [{"path": "a"}], "quaternion_order": "wzyx"}', "xyzw or wxyz"),
    ('{"streams": [{"path": "a", "path": "b"}]}', "the key 'path' twice"),
    ('{"streams": [{"path": ""}]}', "'path' needs a text"),
    ('{"streams": [{"path": "' + "a" * 30000 + '"}]}', "too long"),
    ('{"streams": ', ""),
]
for text, words in WRONG:
    with open("bad.json", "w") as out:
        out.write(text)
    for command in (["inspect"], ["convert", "-o", "y"]):
        r = run(*command, "--map", "bad.json", "odd.h5", status=2)
        check(words in r.stderr and "bad.json" in r.stderr, text[:60], r.stderr)
run("inspect", "--map", "map.json", "--layout-in", "aloha", "odd.h5", status=2)
run("inspect", "--map", "missing.json", "odd.h5", status=2)

# maps that are right but do not fit
with open("unfit.json", "w") as out:
    json.dump({"episodes": "nothing/*", "streams": [{"path": "**"}]}, out)
r = run("inspect", "--map", "unfit.json", "odd.h5", status=1)
check("'nothing/*'" in r.stderr, r.stderr)
with open("unfit.json", "w") as out:
    json.dump({"episodes": "runs/*", "streams": [
        {"path": "arms/*/q", "name": "$1", "clock": "no/$1"}, {"path": "zip"},
        {"path": "arms/*/pose", "kind": "image"}]}, out)
codes = {n["code"] for n in inspect("--map", "unfit.json", "odd.h5")["notes"]}
check({"map_unused", "missing_clock", "kind_does_not_fit"} <= codes, codes)

# a clock is no stream beside those that it is for
with open("clock.json", "w") as out:
    json.dump({"streams": [{"path": "runs/a/arms/left/*", "clock": "runs/a/arms/left/t",
                            "unit": "us", "name": "$1"}]}, out)
names = {s["name"] for s in inspect("--map", "clock.json", "odd.h5")["episodes"][0]["streams"]}
check(names == {"q", "pose"}, names)

print(f"{passed} checks passed, {len(failures)} failed")
sys.exit(bool(failures))
