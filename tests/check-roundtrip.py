# SPDX-License-Identifier: Apache-2.0
"""Converts a sample of each dataset family to every output layout, step for step and with a rate
where it has clocks, and reads the result back with h5py and with `robocache inspect`: every stream
is there with its values, its kind and what is known of its episode.  What went through layout keep
converts to the same as the sample itself.

usage: check-roundtrip.py ROBOCACHE WORK_DIR   (WORK_DIR/data: made by make_data.py)
"""
import glob
import json
import os
import shutil
import subprocess
import sys

robocache, work = sys.argv[1:3]
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import h5py  # noqa: E402
import numpy as np  # noqa: E402

from data_layouts import source_rows  # noqa: E402
from data_layouts2 import FAMILIES  # noqa: E402

passed = 0
failures = []


def check(ok, *what):
    global passed
    if ok:
        passed += 1
    else:
        failures.append(what)
        print("not ok:", *what)
    return ok


def run(*args):
    r = subprocess.run([robocache, *args], capture_output=True, text=True, timeout=300)
    check(0 <= r.returncode < 100, "died", args, r.returncode, r.stderr[-400:])
    return r


def inspect(*paths):
    r = run("inspect", "--json", *paths)
    return json.loads(r.stdout)["files"]


def convert(name, source, layout, *more):
    out = os.path.join(work, layout + "".join(more).replace("-", "").replace(" ", ""))
    shutil.rmtree(out, ignore_errors=True)
    r = run("convert", "-qq", "--layout", layout, "-o", out, source, *more)
    check(r.returncode in (0, 3), name, layout, more, "convert", r.returncode, r.stderr[-500:])
    if not os.path.exists(out + "/manifest.json"):
        return None
    v = run("verify", "--deep", out)
    check(v.returncode == 0, name, layout, more, "verify", v.stdout[-600:], v.stderr[-300:])
    return out


def shards(out):
    with open(os.path.join(out, "manifest.json")) as f:
        return [os.path.join(out, s["path"]) for s in json.load(f)["shards"]]


# --- with h5py --------------------------------------------------------------------------------


def same_rows(x, rows):
    """Encoded frames are padded to the longest, from whatever they lay in."""
    if x.dtype == np.uint8 and rows.dtype.kind in "OS":
        lists = [np.frombuffer(bytes(r), "u1") for r in rows]
        return all(np.array_equal(a[:len(b)], b) and not a[len(b):].any()
                   for a, b in zip(x, lists))
    if x.dtype == np.uint8 and rows.dtype == np.uint8 and x.shape != rows.shape:
        n = min(x.shape[1], rows.shape[1])
        return np.array_equal(x[:, :n], rows[:, :n]) and not rows[:, n:].any()
    if rows.dtype == bool:
        rows = rows.astype(x.dtype)
    return x.shape == rows.shape and np.array_equal(x, rows, equal_nan=rows.dtype.kind == "f")


def datasets(group):
    """{path in the source: dataset} of the streams below a group."""
    found = {}

    def visit(_, o):
        if isinstance(o, h5py.Dataset) and "robocache_source" in o.attrs:
            found[o.attrs["robocache_source"]] = o
    group.visititems(visit)
    return found


def compare_values(name, layout, source, found, out):
    with h5py.File(source) as f:
        groups = list(zip(found["episodes"], episodes_of(out, layout)))
        check(len(groups) == len(found["episodes"]), name, layout, "episodes", len(groups))
        for episode, (path, at) in groups:
            with h5py.File(path) as g:
                made = datasets(g[at])
                for s in episode["streams"]:
                    if layout == "act" and s["role"] == "next_obs":
                        continue
                    where = s["path"] if s["path"].startswith("/") else "/" + s["path"]
                    x = made.get(where)
                    if not check(x is not None, name, layout, where, "is not there", *made):
                        continue
                    rows = source_rows(f, s)
                    short = len(rows) - len(x)
                    check(0 <= short <= 1 and same_rows(x[()], rows[:len(x)]), name, layout,
                          where, "differs", x.shape, rows.shape)
                    if layout == "keep":
                        check(x.name.strip("/") == below(where, episode["key"]), name, "path",
                              x.name, where, episode["key"])


def below(path, key):
    path, key = path.strip("/"), key.strip("/")
    return path[len(key) + 1:] if key and path.startswith(key + "/") else path


def episodes_of(out, layout):
    """(file, group) of each episode."""
    for path in shards(out):
        with h5py.File(path) as f:
            n = len(f["data"]) if layout == "robomimic" else 1
        for i in range(n):
            yield path, f"data/demo_{i}" if layout == "robomimic" else "/"


# --- with the program's own reader ------------------------------------------------------------


def compare_described(name, found, out):
    """Layout keep loses nothing: names, roles, kinds, orders and what is known of the episode."""
    back = [f["episodes"][0] for f in inspect(*shards(out))]
    for a, b in zip(found["episodes"], back):
        for key in ("language", "success"):
            check(a.get(key) == b.get(key), name, key, a.get(key), b.get(key))
        streams = {s["name"]: s for s in b["streams"]}
        check(set(streams) == {s["name"] for s in a["streams"]}, name, "streams", *streams)
        for s in a["streams"]:
            t = streams.get(s["name"])
            for key in ("role", "kind", "unit", "quaternion_order"):
                check(t and t.get(key) == s.get(key), name, s["name"], key, s.get(key),
                      t and t.get(key))
            check(t and t["dtype"] == s["dtype"] and t["shape"][1:] == s["shape"][1:] or
                  s["kind"] == "encoded", name, s["name"], t)


def contents(out):
    """{path: values} of a robomimic dataset."""
    found = {}
    for path in shards(out):
        with h5py.File(path) as f:
            f["data"].visititems(
                lambda n, o: found.__setitem__((os.path.basename(path), n), o[()])
                if isinstance(o, h5py.Dataset) else None)
            for key in ("total", "env_args"):
                found[os.path.basename(path), key] = f["data"].attrs[key]
    return found


def compare_contents(name, direct, through):
    a, b = contents(direct), contents(through)
    check(set(a) == set(b), name, "through keep", *(set(a) ^ set(b)))
    for key in set(a) & set(b):
        x, y = np.asarray(a[key]), np.asarray(b[key])
        same = x.shape == y.shape and x.dtype == y.dtype and x.tobytes() == y.tobytes()
        check(same, name, "through keep", key, x.shape, y.shape)


# --- the samples ------------------------------------------------------------------------------


def check_sample(make):
    name = make.__name__.replace("_", "-") + ".h5"
    source = os.path.join(work, "data", name)
    want = make.expect
    if "reason" in want or "fails" in want or want.get("rate") is None:
        return 0
    found = inspect(source)[0]
    clocks = {s["clock"]["kind"] for e in found["episodes"] for s in e["streams"]}
    lengths = {s["shape"][0] for s in found["episodes"][0]["streams"]}
    rates = [()]
    if max(lengths) - min(lengths) > 1:  # no steps that all have
        rates = []
    if clocks == {"measured"} or clocks == {"nominal"}:
        rates.append(("--rate", "7"))
    for more in rates:
        outs = {layout: convert(name, source, layout, *more)
                for layout in ("robomimic", "act", "keep")}
        if None in outs.values():
            continue
        for layout, out in outs.items():
            if not more:
                compare_values(name, layout, source, found, out)
        compare_described(name, found, outs["keep"])
        again = convert(name, outs["keep"], "robomimic", "--compression", "none")
        compare_contents(name, outs["robomimic"], again)
    return len(rates)


def check_names():
    """--rename and --fuse lie where they say; what would be in the way is refused."""
    source = os.path.join(work, "data", "robomimic-libero.h5")
    streams = {s["name"]: s for s in inspect(source)[0]["episodes"][0]["streams"]}
    old = next(n for n, s in streams.items() if s["kind"] == "lowdim" and s["role"] == "obs")
    other = [n for n, s in streams.items() if s["kind"] == "lowdim" and s["role"] == "obs"][1]
    out = convert("names", source, "keep", "--rename", old + "=proprio/q", "--fuse",
                  "proprio/both=" + old + "," + other, "--keep-members")
    if out:
        with h5py.File(shards(out)[0]) as f:
            check("proprio/q" in f and "proprio/both" in f, "names", *f)
            check(below(streams[other]["path"], "data/demo_0") in f, "names", *f)
    for bad in ("obs", "obs/" + other + "/x", "robocache/x"):
        r = run("convert", "-qq", "--layout", "keep", "-o", os.path.join(work, "bad"), source,
                "--rename", old + "=" + bad)
        check(r.returncode in (1, 2) and "--rename" in r.stderr, bad, r.returncode, r.stderr)
        check(not glob.glob(os.path.join(work, "bad", "episode*")), bad, "left files")


trips = sum(check_sample(sample) for sample in FAMILIES)
check_names()
check(trips > len(FAMILIES) / 2, "round trips", trips)
print(f"{trips} round trips, {passed} checks passed, {len(failures)} failed")
sys.exit(bool(failures))
