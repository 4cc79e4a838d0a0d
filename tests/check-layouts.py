# SPDX-License-Identifier: Apache-2.0
"""Compares what `robocache inspect --json` says of each sample with what the sample expects,
converts it, and compares every value with h5py.  Then inspects and converts the recordings of
others below SHARED, where that folder is.

usage: check-layouts.py ROBOCACHE WORK_DIR SHARED   (WORK_DIR/data: made by make_data.py)
"""
import glob
import json
import os
import shutil
import subprocess
import sys

robocache, work, shared = sys.argv[1:4]
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import h5py  # noqa: E402
import numpy as np  # noqa: E402

from data_layouts import source_rows  # noqa: E402
from data_layouts2 import FAMILIES  # noqa: E402

passed = 0
failures = []
MOST_CHANGES = int(os.environ.get("RC_TEST_CHANGES", 6))  # a dataset at a time; all: 1000
UNIT = {"ns": 1, "us": 1000, "ms": 10**6, "s": 10**9}


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
    check(r.returncode >= 0 and r.returncode < 100, "died", args, r.returncode, r.stderr[-400:])
    return r


def inspect(path, *more):
    r = run("inspect", "--json", *more, path)
    files = json.loads(r.stdout)["files"] if r.stdout.strip() else []
    for f in files:  # a reader that died, or whose index did not hold, is no answer
        reason = f.get("reason") or ""
        check(not reason.startswith("reader") and reason != "bad_index", path, f.get("message"))
    return (files[0] if files else None), r


# --- what inspect says ------------------------------------------------------------------------


def clock_text(clock):
    if clock["kind"] == "measured":
        return f"{clock['unit']} {clock['path']}"
    return "" if clock["kind"] == "none" else f"{clock['rate_hz']:g} Hz"


def compare(name, want, found):
    check(found["layout"] == want["layout"], name, "layout", found["layout"])
    check(want.get("says", "") in found["layout_reason"], name, found["layout_reason"])
    check(len(found["episodes"]) == want.get("episodes", 1), name, len(found["episodes"]))
    first = found["episodes"][0]
    streams = {s["name"]: s for s in first["streams"]}
    if "streams" in want:
        check({n: clock_text(s["clock"]) for n, s in streams.items()} == want["streams"], name,
              {n: clock_text(s["clock"]) for n, s in streams.items()
               if want["streams"].get(n) != clock_text(s["clock"])},
              set(want["streams"]) - set(streams))
    kinds = {n: s["kind"] for n, s in streams.items() if s["kind"] != "lowdim"}
    if "streams" in want:
        check(kinds == want.get("kinds", {}), name, "kinds", kinds)
    roles = {n: s["role"] for n, s in streams.items() if s["role"] != "obs"}
    check(roles == want.get("roles", {}), name, "roles", roles)
    for key in ("language", "success"):
        if key in want:
            check(first[key] == want[key], name, key, first[key])
    if "ranges" in want:
        ranges = [(e["streams"][0]["first_row"], e["streams"][0]["shape"][0])
                  for e in found["episodes"]]
        check(ranges == want["ranges"], name, "ranges", ranges)
    for stream, rows in want.get("rows", {}).items():
        check(streams[stream]["shape"][0] == rows, name, stream, streams[stream]["shape"])
    codes = {n["code"] for n in found["notes"]}
    check(set(want.get("notes", [])) <= codes, name, "notes", codes)
    ledger = {c["key"]: c["value"] for c in found["conventions"]}
    for key, value in want.get("ledger", {}).items():
        check(ledger.get(key) == value, name, "ledger", ledger)


# --- what convert makes -----------------------------------------------------------------------


def stamps(f, s):
    clock = s["clock"]
    n = s["shape"][0]
    if clock["kind"] == "measured":
        if "rows" in clock:
            t = f[clock["path"]][()][f[clock["rows"]][()]]
        else:
            t = source_rows(f, dict(path=clock["path"], first_row=0, shape=[n]))
        if np.issubdtype(t.dtype, np.floating):
            return np.round(t.astype("f8") * UNIT[clock["unit"]]).astype("i8")
        return t.astype("i8") * UNIT[clock["unit"]]
    start = int(clock.get("first_ns") or 0)
    return start + np.floor(np.arange(n) * 1e9 / clock["rate_hz"]).astype("i8")


def output_of(demo, name, role):
    if role == "action":
        short = name.removeprefix("action_dict/")
        at = "actions" if name in ("action", "actions") else "action_dict/" + short
    elif role in ("reward", "done", "state"):
        at = {"reward": "rewards", "done": "dones", "state": "states"}[role]
    else:
        at = name if name.startswith("next_obs/") else "obs/" + name
    head, _, tail = at.partition("/")
    for path in (at, head + "/" + tail.replace("/", "_"), name.replace("/", "_")):
        if path in demo:
            return demo[path][()]
    return None


def same(a, b):
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def compare_steps(name, f, s, out):
    x = source_rows(f, s)
    check(same(out, x[:len(out)]) and 0 <= len(x) - len(out) <= 1, name, s["name"],
          "differs step for step", out.shape, x.shape)


def compare_ticks(name, f, s, out, ticks):
    x, t = source_rows(f, s), stamps(f, s)
    check(len(out) == len(ticks), name, s["name"], "ticks", len(out), len(ticks))
    if s["kind"] in ("quaternion", "pose") or np.any(np.diff(t) <= 0):
        check(bool(np.isfinite(out).all()), name, s["name"], "is not finite")
        return
    if x.dtype.kind != "f" or s["kind"] == "quaternion_list":
        at = np.clip(np.searchsorted(t, ticks, "right") - 1, 0, len(t) - 1)
        after = np.minimum(at + 1, len(t) - 1)
        check(all(np.array_equal(o, x[a]) or np.array_equal(o, x[b])
                  for o, a, b in zip(out, at, after)), name, s["name"], "is no sample")
        return
    flat = x.reshape(len(x), -1).astype("f8")
    want = np.stack([np.interp(ticks - t[0], t - t[0], c) for c in flat.T], 1)
    got = out.reshape(len(out), -1).astype("f8")
    bound = 1e-3 if x.dtype == np.float16 else 1e-5
    worst = np.nanmax(np.abs(got - want) / np.maximum(1, np.abs(want)), initial=0)
    check(worst < bound, name, s["name"], "is off by", worst)


def convert(name, path, found, rate):
    out = os.path.join(work, "out")
    shutil.rmtree(out, ignore_errors=True)
    r = run("convert", "-qq", "--compression", "none", "-o", out, path,
            *(["--rate", rate] if rate else []))
    if not check(r.returncode in (0, 3), name, "convert", r.stderr[-600:]):
        return
    n = 0
    with h5py.File(path) as f, h5py.File(os.path.join(out, "shard-00000.h5")) as shard:
        for i, episode in enumerate(found["episodes"]):
            demo = shard[f"data/demo_{i}"]
            placed = [s for s in episode["streams"] if s["clock"]["kind"] != "none"]
            ticks = None
            if rate:
                ticks = shard[f"robocache/time/demo_{i}"][()]
                ticks = ticks + min(int(stamps(f, s)[0]) for s in placed)
            for s in placed if rate else episode["streams"]:
                x = output_of(demo, s["name"], s["role"])
                if x is None:
                    check(s["role"] == "next_obs" and rate, name, s["name"], "is not there")
                elif rate:
                    compare_ticks(name, f, s, x, ticks)
                else:
                    compare_steps(name, f, s, x)
                n += 1
    check(n > 0, name, "no stream was compared")
    with open(os.path.join(out, "report.json")) as f:
        return {p["code"] for p in json.load(f)["problems"]}


def check_sample(make):
    name = make.__name__.replace("_", "-") + ".h5"
    path = os.path.join(work, "data", name)
    want = make.expect
    found, r = inspect(path)
    if "reason" in want:
        check(r.returncode == 1 and found and found.get("reason") == want["reason"], name,
              r.returncode, found and found.get("reason"))
        return
    if not check(found and found["status"] == "ok", name, r.stderr[-400:]):
        return
    compare(name, want, found)
    if "fails" in want:
        r = run("convert", "--rate", want["rate"], "-o", os.path.join(work, "fails"), path)
        check(r.returncode == 1 and want["fails"] in r.stderr, name, r.returncode, r.stderr)
    elif want.get("rate") is not None:
        finds = convert(name, path, found, want["rate"]) or set()
        check(set(want.get("finds", [])) <= finds, name, "finds", finds)


# --- damage -----------------------------------------------------------------------------------


def check_cut(make):
    """A copy cut short is refused, or described, and never more."""
    path = os.path.join(work, "data", make.__name__.replace("_", "-") + ".h5")
    with open(path, "rb") as f:
        content = f.read()
    cut = os.path.join(work, "cut.h5")
    for part in (0.3, 0.9):
        with open(cut, "wb") as f:
            f.write(content[:int(len(content) * part)])
        found, r = inspect(cut)
        check(r.returncode in (0, 1, 3), make.__name__, "cut", r.returncode, r.stderr[-300:])


def datasets_of(path):
    found = []
    with h5py.File(path) as f:
        f.visititems(lambda n, o: found.append(n) if isinstance(o, h5py.Dataset) else None)
    return found


def check_changed(make):
    """A dataset at a time is text, one value, empty, shorter or gone: never more than a message."""
    path = os.path.join(work, "data", make.__name__.replace("_", "-") + ".h5")
    changed, out = os.path.join(work, "changed.h5"), os.path.join(work, "out")
    ways = ("text", "one", "empty", "short", "gone")
    for i, name in enumerate(datasets_of(path)[:MOST_CHANGES]):
        for how in (ways[i % 5], ways[(i + 3) % 5]):
            shutil.copy(path, changed)
            with h5py.File(changed, "r+") as f:
                x = f[name][()]
                del f[name]
                if how == "text":
                    f[name] = np.full(max(1, np.shape(x)[0] if np.ndim(x) else 1), b"when")
                elif how == "one":
                    f[name] = 3
                elif how == "empty":
                    f[name] = np.zeros((0,) + np.shape(x)[1:])
                elif how == "short" and np.ndim(x) and len(x) > 1:
                    f[name] = x[:-1]
            found, r = inspect(changed)
            check(r.returncode in (0, 1), make.__name__, name, how, r.returncode, r.stderr)
            check(r.returncode == 0 or "changed.h5" in r.stderr, make.__name__, name, how, r.stderr)
            if r.returncode == 0 and how in ("short", "text"):
                shutil.rmtree(out, ignore_errors=True)
                r = run("convert", "-qq", "-o", out, changed)
                check(r.returncode in (0, 3) or len(r.stderr) > 20, make.__name__, name, how,
                      r.stderr)


# --- the table --------------------------------------------------------------------------------


def check_table():
    listed = json.loads(run("layouts", "--json").stdout)["layouts"]
    names = {l["name"] for l in listed}
    good = {m.expect["layout"] for m in FAMILIES if "reason" not in m.expect}
    check(names == good, "layouts without a sample", names ^ good)
    for layout in names - {"generic"}:
        bad = [m for m in FAMILIES if m.__name__.startswith(layout) and
               ("reason" in m.expect or m.__name__.endswith(("skeleton", "unequal")))]
        check(bad, "no bad sample of", layout)


# --- the file beside an input -----------------------------------------------------------------


def check_beside():
    """A change of x.json makes what an index file says of x.h5 void."""
    for name in ("maniskill-flat.h5", "maniskill-flat.json"):
        shutil.copy(os.path.join(work, "data", name), work)
    path, index = os.path.join(work, "maniskill-flat.h5"), os.path.join(work, "index")

    def rate():
        found, _ = inspect(path, "--index", index)
        clock = found["episodes"][0]["streams"][0]["clock"]
        return clock.get("rate_hz"), found["episodes"][0]["success"]
    check(rate() == (20, True), "rate beside the file", rate())
    beside_path = os.path.join(work, "maniskill-flat.json")
    with open(beside_path) as f:
        content = json.load(f)
    content["env_info"]["env_kwargs"] = {"control_freq": 50}
    with open(beside_path, "w") as f:
        json.dump(content, f)
    check(rate() == (50, True), "an old rate comes from the index", rate())
    os.remove(beside_path)
    check(rate() == (None, None), "the JSON file is gone, its rate is not", rate())
    os.mkfifo(beside_path)
    check(rate() == (None, None), "a pipe beside the file", rate())
    os.remove(beside_path)
    check_beside_names(path, content)


def check_beside_names(path, content):
    """The name without its suffix, whatever that is."""
    where = os.path.join(work, "dir.d")
    os.mkdir(where)
    named = {"plain": "plain.json", ".hidden": ".hidden.json", "a.b.h5": "a.b.json"}
    for name in named:
        shutil.copy(path, os.path.join(where, name))
    if shutil.which("zstd"):
        named["packed.h5.zst"] = "packed.json"
        subprocess.run(["zstd", "-q", path, "-o", os.path.join(where, "packed.h5.zst")],
                       check=True)
    for name, beside in named.items():
        with open(os.path.join(where, beside), "w") as f:
            json.dump(content, f)
        found, _ = inspect(os.path.join(where, name))
        check(found["episodes"][0]["streams"][0]["clock"].get("rate_hz") == 50, name, beside)


# --- recordings of others ---------------------------------------------------------------------


def check_shared():
    """Every recording converts; every file of the corpora gives data or says why not."""
    counts = {}
    for path in sorted(glob.glob(os.path.join(shared, "*", "*"))):
        folder = os.path.basename(os.path.dirname(path))
        if not path.endswith((".h5", ".hdf5", ".nwb")):
            continue
        c = counts.setdefault(folder, dict(files=0, described=0, converted=0, refused=0))
        c["files"] += 1
        found, r = inspect(path)
        if not found or found["status"] != "ok":
            c["refused"] += 1
            check(r.returncode in (1, 3) and len(r.stderr) > 20, path, r.returncode, r.stderr)
            continue
        c["described"] += 1
        out = os.path.join(work, "out")
        shutil.rmtree(out, ignore_errors=True)
        r = run("convert", "-qq", "-o", out, path)
        c["converted"] += r.returncode in (0, 3) and os.path.exists(out + "/manifest.json")
        check(r.returncode in (0, 3) or len(r.stderr) > 20, path, r.returncode)
    for folder, c in counts.items():
        print(folder, *(f"{k} {v}" for k, v in c.items()), sep=", ")
    return counts


for sample in FAMILIES:
    check_sample(sample)
    check_cut(sample)
    check_changed(sample)
check_table()
check_beside()
if os.path.isdir(shared):
    check_shared()
else:
    print("recordings are not here:", shared)
print(f"{len(FAMILIES)} samples, {passed} checks passed, {len(failures)} failed")
sys.exit(bool(failures))
