# SPDX-License-Identifier: Apache-2.0
"""check-clocks.py ROBOCACHE, in an empty folder: --clock-repair against numpy, flags at the end of
an episode, and the first and last of the windows of mean and max."""
import json
import os
import shutil
import subprocess
import sys

import h5py
import numpy as np

robocache = sys.argv[1]
failures = checks = 0
S = 10**9


def check(ok, *what):
    global failures, checks
    checks += 1
    if not ok:
        failures += 1
        print("not ok:", *what, flush=True)


def write(stamps, unit="ns", name="raw"):
    """One stream whose row k holds k, and one without anything wrong."""
    shutil.rmtree(name, ignore_errors=True)
    os.mkdir(name)
    n = len(stamps)
    with h5py.File(name + "/a.h5", "w") as f:
        f["arm/timestamp_" + unit] = stamps
        f["arm/q"] = np.arange(n, dtype="f8").reshape(n, 1)


def run(*args, expect=0):
    shutil.rmtree("out", ignore_errors=True)
    env = {k: v for k, v in os.environ.items() if not k.startswith("ROBOCACHE_")}
    p = subprocess.run([robocache, "convert", "raw", "-o", "out", "-q", *args],
                       capture_output=True, text=True, env=env)
    check(p.returncode == expect, args, p.returncode, p.stderr[-400:])
    return p.stderr


def stamps_of(*args):
    """Stamps as repaired, step for step, and what the report says of them."""
    run(*args)
    with open("out/report.json") as f:
        s = json.load(f)["streams"][0]
    with h5py.File("out/shard-00000.h5") as f:
        t = f["robocache/time/demo_0"]
        return t[()] + int(t.attrs["origin_ns"]), s


def spread_of(t):
    """What convert(1) says, run by run."""
    cuts = np.flatnonzero(np.diff(t)) + 1
    runs = [list(map(int, r)) for r in np.split(t, cuts)]
    own = [(b[0] - a[0]) // len(a) for a, b in zip(runs, runs[1:])]
    inner = sorted(own[1:] if len(own) > 1 else own)
    d = inner[len(inner) // 2]
    out = []
    for i, r in enumerate(runs):
        k, v = len(r), r[0]
        if k == 1:
            out.append(v)
        elif i + 1 == len(runs) or own[i] // 3 > d:
            out += [v + j * d for j in range(k)]
        elif i == 0 and d <= own[0]:
            out += [runs[1][0] - (k - j) * d for j in range(k)]
        else:
            gap = runs[i + 1][0] - v
            out += [v + gap // k * j + gap % k * j // k for j in range(k)]
    return np.array(out)


def check_spread(t, unit, scale, what):
    write(t, unit)
    ns = (np.floor(t.astype("f8") * scale + 0.5)).astype("i8")
    got, s = stamps_of("--clock-repair", "spread")
    want = spread_of(ns)
    bad = np.flatnonzero(got != want)[:5]
    check(len(bad) == 0, what, bad, got[bad], want[bad])
    check(s["repaired"] == int((want != ns).sum()), what, s["repaired"])
    check(abs(s["worst_repair_ms"] - np.abs(want - ns).max() / 1e6) < 1e-6, what, s)
    check(s["duplicated"] == int((np.diff(ns) == 0).sum()), what, "is told as it was")
    return got


def spread():
    rng = np.random.default_rng(8)
    exact = 1_700_000_000 * S + 400_000_000 + np.arange(300) * 33_333_333
    got = check_spread(exact // S, "s", S, "whole seconds")
    check(np.abs(got - exact).max() < 40_000_000, "near the truth", np.abs(got - exact).max())
    half = (np.arange(2500) * 0.05).astype("f2")
    got = check_spread(half, "s", S, "float16")
    check((np.diff(got) > 0).all(), "float16 rises")
    check(np.abs(got - np.arange(2500) * 50_000_000).max() < 40_000_000, "float16 near the truth")
    jitter = np.cumsum(rng.integers(1, 5, 400)) * 7_000_000 // 10_000_000 * 10
    check_spread(jitter, "ms", 10**6, "hundredths of a second")
    pause = np.concatenate([np.arange(50) // 5, 100 + np.arange(50) // 5])
    check_spread(pause, "s", S, "a pause")
    check_spread(np.array([5, 5, 5, 6, 6]), "s", S, "two runs")
    late = np.concatenate([[0, 0, 0], 20 + np.arange(50) // 5])
    got = check_spread(late, "s", S, "a pause behind the first run")
    check(got[0] == 0 and got[2] < S, "which stays where it was", got[:4])
    # all alike is nothing to go by
    write(np.full(9, 4), "s")
    got, s = stamps_of("--clock-repair", "spread")
    check((got == 4 * S).all() and s["repaired"] == 0, "all alike", got)
    # and values follow
    write(exact // S, "s")
    run("--clock-repair", "q:spread", "--rate", "10")
    with h5py.File("out/shard-00000.h5") as f:
        q = f["data/demo_0/obs/q"][:, 0]
        t = f["robocache/time/demo_0"][()] + int(f["robocache/time/demo_0"].attrs["origin_ns"])
    want = np.interp(t - exact[0], spread_of(exact // S * S) - exact[0], np.arange(300.))
    check(np.abs(q - want).max() < 1e-6, "values", np.abs(q - want).max())


def restamp():
    t = np.arange(300) * 20_000_000 + S
    bad = t.copy()
    bad[40], bad[120:122] = t[90], 3
    write(bad)
    check("runs backwards" in run("--rate", "20", expect=1), "is refused without")
    check("--clock-repair" in run("--rate", "20", expect=1), "the way out is named")
    got, s = stamps_of("--clock-repair", "restamp")
    check(np.array_equal(got, t), "rows between", np.flatnonzero(got != t))
    check(s["repaired"] == 3 and s["out_of_order"] == 2, s)
    check(s["worst_repair_ms"] == (t[121] - 3) / 1e6, s["worst_repair_ms"])
    for at, what in ((0, "the first"), (-1, "the last")):
        bad = t.copy()
        bad[at] = t[200] if at == 0 else t[3]
        write(bad)
        got, s = stamps_of("--clock-repair", "restamp")
        check(np.array_equal(got, t) and s["repaired"] == 1, what, got[:3], got[-3:])
    run("--rate", "20", "--clock-repair", "spread", expect=1)
    run("--rate", "20", "--clock-repair", "restamp", "--clock-repair", "q:none", expect=1)
    # a clock that was set back is no glitch
    write(np.concatenate([t, t]))
    text = run("--rate", "20", "--clock-repair", "restamp", expect=1)
    check("299 of 600 stamps out of order" in text, text)
    # limits of times
    most = 46 * 10**17  # the longest that is taken for a time
    write(np.array([0, 10, most, 30, 40, 50]))
    got, s = stamps_of("--clock-repair", "restamp")
    check(np.array_equal(got, [0, 10, 20, 30, 40, 50]), "the largest stamp", got)
    for bad in ([-most, 5, 5, most, 9, 10], [-most, -most, 0, most, most],
                [most, -most, most, -most]):
        write(np.array(bad))
        p = subprocess.run([robocache, "convert", "raw", "-o", "o2", "-f", "--rate", "20", "-qq",
                            "--clock-repair", "spread+restamp"], capture_output=True, text=True)
        check(p.returncode in (0, 1), bad, p.returncode, p.stderr)


def both():
    """A glitch in a coarse clock; the same bytes again when the run is resumed."""
    t = np.arange(400) // 8 + 10
    bad = t.copy()
    bad[201] = 3
    write(bad, "s")
    got, s = stamps_of("--clock-repair", "spread+restamp")
    check(np.array_equal(got, spread_of(t * S)), "both", got[196:206])
    with open("recipe.json", "w") as f:
        json.dump({"clock_repair": "restamp+spread"}, f)
    again, _ = stamps_of("-c", "recipe.json")
    check(np.array_equal(got, again), "a recipe")
    p = subprocess.run([robocache, "convert", "raw", "-o", "out", "--resume", "--clock-repair",
                        "spread"], capture_output=True, text=True)
    check(p.returncode == 2 and "cannot resume" in p.stderr, "resumed otherwise", p.stderr)
    for args, words in ((["--clock-repair", "smooth"], "is not spread, restamp"),
                        (["--clock-repair", "leg/*:spread"], "matches no stream")):
        check(words in run(*args, expect=2), args)


def ends():
    """The flag that an episode is done is in its last tick, whenever that was."""
    for dtype in ("i8", "f4", "?"):
        shutil.rmtree("raw")
        os.mkdir("raw")
        n = 200
        with h5py.File("raw/a.h5", "w") as f:
            g = f.create_group("data/demo_0")
            g["timestamps_ns"] = np.arange(n) * 33_333_333
            g["obs/q"] = np.arange(n, dtype="f8").reshape(n, 1)
            g["dones"] = (np.arange(n) == n - 1).astype(dtype)
        for how in ([], ["--dtype", "dones:f64"], ["--compression", "gzip:1"], ["--rate", "7.3"],
                    ["--memory", "24M", "--rate", "900"], ["--rate", "1/100"],
                    ["--method", "linear"], ["--method", "min"], ["--method", "dones:max"],
                    ["--rate", "1/100", "--method", "dones:max"]):
            run("--rate", "20", *how)
            with h5py.File("out/shard-00000.h5") as f:
                done = f["data/demo_0/dones"][()]
                ticks = f["robocache/time/demo_0"][()]
            check(ticks[-1] < (n - 1) * 33_333_333, "the last tick is before the end")
            check(np.array_equal(np.flatnonzero(done), [len(done) - 1]) and done[-1] == 1, dtype,
                  how, np.flatnonzero(done), len(done), done[-1])
        run("--reference", "q", "--keep", "q,dones")
        with h5py.File("out/shard-00000.h5") as f:
            check(f["data/demo_0/dones"][-1] == 1, "a reference")
        run("--rate", "7.3", "--method", "dones:nearest")
        with h5py.File("out/shard-00000.h5") as f:
            check(not f["data/demo_0/dones"][()].any(), "another method was asked for")


def write_done(stamps):
    shutil.rmtree("raw")
    os.mkdir("raw")
    with h5py.File("raw/a.h5", "w") as f:
        f["timestamp_ns"] = np.array(stamps)
        f["actions"] = np.zeros((len(stamps), 7))
        f["done"] = (np.arange(len(stamps)) == len(stamps) - 1).astype("u1")


def done_of(*args):
    run(*args)
    with h5py.File("out/shard-00000.h5") as f:
        return next(d[()] for n, d in f["data/demo_0"].items() if n in ("dones", "done")).tolist()


def last_moments():
    """The ticks of 30 Hz are 33,333,333 or 33,333,334 ns apart; the tick after the last counts."""
    for end, last in ((99_999_999, [0, 0, 1]), (100_000_000, [0, 0, 0, 1])):
        write_done([0, 50_000_000, end])
        check(done_of("--rate", "30") == last, end, "at 30 Hz")


def windows():
    """Of ticks that have no other before or after them, or only equal ones."""
    shutil.rmtree("raw")
    os.mkdir("raw")
    t = np.arange(201) * (S // 10)
    for ref, args, first in (([10.], [], 0), ([10., 10.], [], 0), ([10., 10., 10.5], [], 9.5),
                             ([10., 10.5], [], 9.5), ([10., 10.5], ["--rate", "1"], 9.),
                             ([10.], ["--rate", "3"], 10 - 1 / 3)):
        with h5py.File("raw/a.h5", "w") as f:
            f["timestamp_ns"] = t
            f["actions"] = np.arange(len(t), dtype="f8").reshape(-1, 1)
            f["cue/timestamp"] = np.array(ref)
            f["cue/x"] = np.zeros((len(ref), 1))
        run("--reference", "x", "--method", "mean", *args)
        with h5py.File("out/shard-00000.h5") as f:
            got = f["data/demo_0/actions"][0, 0]
        inside = np.flatnonzero((t <= 10 * S) & (t > (round(first * S) if first else -1)))
        check(got == inside.mean(), "the first window of", ref, args, got, inside.mean())


def wide():
    """Long chunks side by side, of which no cache has a row."""
    shutil.rmtree("raw")
    os.mkdir("raw")
    n, rng = 4000, np.random.default_rng(5)
    x = rng.integers(-1000, 1000, (n, 400)).astype("f4")
    with h5py.File("raw/a.h5", "w") as f:
        f["arm/timestamp_ns"] = np.arange(n) * (S // 1000)
        f.create_dataset("arm/q", data=x, chunks=(1900, 40), compression=1)
    for method in ("mean", "max"):
        run("--rate", "100", "--method", method)
        with h5py.File("out/shard-00000.h5") as f:
            got = f["data/demo_0/obs/q"][()]
        rows = [x[max(0, 10 * k - 9):10 * k + 1] for k in range(n // 10)]
        want = np.array([getattr(r.astype("f8"), method)(0) for r in rows])
        check(np.array_equal(got, want.astype(got.dtype)), method, "of wide rows")


def cut():
    """An episode that is cut by another stream is not done at the cut."""
    shutil.rmtree("raw")
    os.mkdir("raw")
    with h5py.File("raw/a.h5", "w") as f:
        f["timestamp"] = np.arange(20) * .1
        f["actions"] = np.zeros((20, 7))
        f["x/timestamp"] = np.arange(60) * 1.
        f["x/done"] = (np.arange(60) == 59).astype("u1")
    run("--rate", "10")
    with h5py.File("out/shard-00000.h5") as f:
        done = next(d[()] for n, d in f["data/demo_0"].items() if n in ("dones", "done"))
    check(len(done) == 20 and not done.any(), "cut", done)


spread()
restamp()
both()
ends()
last_moments()
windows()
wide()
cut()
print(f"{checks} checks, {failures} failures")
sys.exit(failures != 0)
