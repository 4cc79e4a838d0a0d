# SPDX-License-Identifier: Apache-2.0
"""Random datasets and recipes: every tick, value, mask, exit status and figure of the report is
compared with what robocache-recipe(5) and robocache-report(5) say, computed in long double.

usage: fuzz_convert.py ROBOCACHE PLUGIN_DIR WORK_DIR SEED COUNT

Case N of seed S is case 0 of seed S + N; the files of a case that disagrees stay in
WORK_DIR/caseNUMBER, with the command in the file of that name.
"""
import filecmp
import json
import os
import shutil
import subprocess
import sys

robocache, plugin_dir, work, seed, count = sys.argv[1:6]
os.environ["HDF5_PLUGIN_PATH"] = plugin_dir
sys.dont_write_bytecode = True

import h5py  # noqa: E402  (after HDF5_PLUGIN_PATH)
import numpy as np  # noqa: E402

from fuzz_data import dataset  # noqa: E402
from fuzz_recipe import REDUCING, Recipe  # noqa: E402
from fuzz_reference import (check, check_values, expected, grid_around, picked,  # noqa: E402
                            validity, wrong)

CODECS = {"none": [], "gzip": [1], "gzip:9": [1], "zstd": [32015], "zstd:1": [32015]}
# Facts of a run; threads enter shards into the journal as they are done.
OF_THE_RUN = ("report.json", "journal.ndjson")


# --- one episode ------------------------------------------------------------------------------

class Skip(Exception):
    pass


def steps_of(streams, fused):
    rows = [len(s.x) for s in streams]
    action = [len(s.x) for s in streams if s.role == "action"]
    if max(abs(n - (action or [min(rows)])[0]) for n in rows) > 1:
        raise Skip("length_mismatch different_rates")
    good = [s for s in streams if s.t is not None and (np.diff(s.t) >= 0).all()]
    clocks = [s for s in good if s.role == "action" and s.name not in fused] or good
    return min(rows), [s.t[:min(rows)] for s in clocks]


def grid(t0, t1, rate):
    n = (t1 - t0) * rate.numerator // (10**9 * rate.denominator) + 2
    ticks = [t0 + k * 10**9 * rate.denominator // rate.numerator for k in range(n)]
    return np.array([t for t in ticks if t <= t1], np.int64)


def timeline_of(ep, streams, r):
    ref = [s for s in ep.streams if r.reference and
           r.reference in (s.name, r.rename.get(s.name))]
    if r.reference and not ref:
        raise Skip("reference")
    used = streams + ref
    if len({s.clock for s in used}) > 1:
        raise Skip("mixed_clocks no_clock reference")
    if any((np.diff(s.t) < 0).any() for s in used):
        raise Skip("clock_backwards")
    if r.reference and not r.rate:
        return ref[0].t, True
    how = ("reference" if r.reference else "intersection") if r.timeline == "auto" else r.timeline
    first, last = [s.t[0] for s in streams], [s.t[-1] for s in streams]
    span = {"intersection": lambda: (max(first), min(last)),
            "union": lambda: (min(first), max(last)),
            "reference": lambda: (ref[0].t[0], ref[0].t[-1])}[how]()
    if span[1] < span[0]:
        raise Skip("no_overlap")
    return grid(int(span[0]), int(span[1]), r.rate), how != "intersection"


def outputs_of(streams, r):
    """(name, members, dtype) for each stream of the output."""
    fused = {}
    for name, patterns in r.fuse.items():
        fused[name] = []
        for p in patterns:
            hit = sorted((s for s in streams if r.matches(p, s)), key=lambda s: s.path.split("/"))
            if not hit:
                raise Skip("missing_stream reference left_out")
            if any(s.kind == "image" for s in hit):
                raise Skip("fuse")
            fused[name] += [s for s in hit if s not in fused[name]]
    out = [(n, m, r.group_dtype(n, m)) for n, m in fused.items()]
    inside = [s for m in fused.values() for s in m]
    return out + [(r.rename.get(s.name, s.name), [s], r.dtype_of(s)) for s in streams
                  if r.keep_members or s not in inside]


def check_episode(f, e, ep, r, figures):
    """Raises Skip where the episode must be skipped; f is None where it was."""
    streams = [s.resolved(r) for s in ep.streams if r.selects(s)]
    resampled = bool(r.rate or r.reference)
    every = type(ep)(ep.id, [s.resolved(r) for s in ep.streams])
    for s in streams:
        if r.method_of(s) is None:
            raise Skip("method")
    if resampled:
        if streams and all(s.clock == "none" for s in streams):
            raise Skip("no_clock")
        streams = [s for s in streams if s.clock != "none" and s.role != "next_obs"]
    if not streams:
        raise Skip("no_streams no_clock")
    outs = outputs_of(streams, r)
    ticks, spans_all = timeline_of(every, streams, r) if resampled else (None, False)
    if not resampled:
        n, clocks = steps_of(streams, [s.name for n, m, _ in outs if n in r.fuse for s in m])
    masks = {}
    for s in streams if resampled else []:
        masks[s.name] = validity(s.t, ticks, r.max_gap, spans_all)
    if r.gap_policy == "drop" and any(gap.any() for _, gap in masks.values()):
        raise Skip("gap")
    if f is None:
        return
    prefix = f["data"][e["name"]] if r.layout == "robomimic" else f
    at = "/" + e["name"] if r.layout == "robomimic" else ""
    clocked = [s.t[0] for s in streams if s.t is not None] if resampled or clocks else []
    time = f.get("robocache/time" + at)
    check((time is None) == (not clocked), ep.id, "time is there:", time is not None)
    if clocked and time is not None:
        origin = int(min(clocked))
        check(time.attrs["origin_ns"] == str(origin), ep.id, "origin", time.attrs["origin_ns"])
        check(any(np.array_equal(time[:], t - origin) for t in ([ticks] if resampled else clocks)),
              ep.id, "ticks", time[:9])
    n = n if not resampled else len(ticks)
    check(e["ticks"] == n, ep.id, e["ticks"], "ticks, not", n)
    e["invalid_want"] = 0
    paths = set()
    for name, members, dtype in outs:
        path = r.out_path(name, members)
        if path is None:
            continue
        paths.add(path)
        what = f"{ep.id} {path}"
        if path not in prefix:
            check(False, what, "is missing")
            continue
        d, want = prefix[path], []
        check(d.shape[0] == n, what, "rows", d.shape)
        if name not in r.fuse:
            check(d.shape[1:] == members[0].x.shape[1:], what, "shape", d.shape)
        for s in members:
            method = r.method_of(s) if resampled else "copy"
            rows = ticks if resampled else np.zeros(n, np.int64)
            first, after = grid_around(ticks, r.rate) if resampled else (None, None)
            if s.role == "done" and method in ("previous", *REDUCING) and name not in r.fuse and \
                    after and rows[-1] < s.t[-1] < after:
                rows = np.append(rows[:-1], s.t[-1])  # the end stays marked
            want.append(expected(s, s.t, rows, first, method, dtype))
            if resampled:
                figures.add(s, r, name, dtype, s.t, ticks, method, masks[s.name][1])
            else:
                figures.add(s, r, name, dtype, s.t, rows, method, None)
        lo, hi, free = zip(*want)
        check_values(d[:], (np.concatenate(lo, 1), np.concatenate(hi, 1), np.any(free, 0)), what)
        valid = np.all([masks[s.name][0] for s in members], 0) if resampled else np.ones(n, bool)
        mask = f.get(f"robocache/valid{at}/{path}")
        got = mask[:].astype(bool) if mask is not None else np.ones(n, bool)
        check(mask is None or not valid.all(), what, "a mask where all is valid")
        check(np.array_equal(got, valid), what, "mask", got.sum(), "not", valid.sum())
        e["invalid_want"] += int((~valid).sum())
        if r.compression in CODECS:
            plist = d.id.get_create_plist()
            ids = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
            check([i for i in ids if i != 2] == CODECS[r.compression], what, "filters", ids)
    check_rest(prefix, paths, n, r.layout, ep.id)


def check_rest(prefix, paths, n, layout, what):
    found = set()
    prefix.visititems(lambda k, o: found.add(k) if isinstance(o, h5py.Dataset) else None)
    rest = {k for k in found - paths if not k.startswith("robocache/")}
    check(rest == ({"rewards", "dones"} - paths if layout == "robomimic" else set()), what,
          "also holds", rest)
    if "rewards" in rest:
        check(not prefix["rewards"][:].any() and len(prefix["rewards"]) == n, what, "rewards")
    if "dones" in rest:
        check(np.array_equal(np.nonzero(prefix["dones"][:])[0], [n - 1]), what, "dones")


# --- the report -------------------------------------------------------------------------------

class Figures(dict):
    """Sums over episodes, by input and output stream."""

    def add(self, s, r, name, dtype, t, ticks, method, gap):
        g = self.setdefault((s.name, name), {"n": 0, "in": 0, "out": 0, "sum": 0.0, "gaps": 0,
                            "dup": 0, "worst": 0, "before": 0, "after": 0, "invalid": 0,
                            "max": 0, "p50": [], "hz": [], "dtype": dtype, "method": method,
                            "stream": s})
        g["n"] += 1
        g["in"] += len(s.x)
        g["out"] += len(ticks)
        if t is None or (np.diff(t) < 0).any():
            g["odd"] = True
            return
        if len(t) > 1:
            d = np.diff(t)
            median = np.sort(d)[len(d) // 2]
            g["p50"].append(median)
            g["max"] = max(g["max"], int(d.max()))
            g["gaps"] += int((d > 3 * median).sum()) if median > 0 else 0
            g["dup"] += int((d == 0).sum())
            g["hz"].append((len(t) - 1) * 1e9 / (t[-1] - t[0]) if t[-1] > t[0] else 0)
        if method != "copy":
            off = np.abs(ticks - t[picked(t, ticks, method)])
            g["worst"] = max(g["worst"], int(off.max()))
            g["sum"] += float(off.sum())
            g["before"] += int((ticks < t[0]).sum())
            g["after"] += int((ticks > t[-1]).sum())
            g["invalid"] += int(gap.sum())


def check_report(report, episodes, figures, r):
    def same(what, a, b):
        ok = abs(a - b) <= 1e-6 * max(1e-3, abs(b)) if isinstance(b, float) else a == b
        check(ok, "report:", what, a, "not", b)
    seen = {(s["name"], s["output"]): s for s in report["streams"]}
    same("streams", sorted(seen), sorted(figures))
    for key in seen.keys() & figures.keys():
        s, g = seen[key], figures[key]
        want = {"dtype_in": g["stream"].x.dtype.name, "dtype_out": np.dtype(g["dtype"]).name,
                "shape": list(g["stream"].x.shape[1:]), "method": g["method"],
                "episodes": g["n"], "samples_in": g["in"], "samples_out": g["out"],
                "clock": g["stream"].clock}
        if g["stream"].clock == "measured":
            want["clock_unit"] = g["stream"].unit
            want["clock_origin"] = g["stream"].unit_origin
        have = dict(s, **{"interval_" + k: v for k, v in s.get("interval_ms", {}).items()})
        if g["stream"].clock != "none" and "odd" not in g:
            want.update(gaps=g["gaps"], duplicated=g["dup"], out_of_order=0,
                        latency_ms=g["stream"].latency / 1e6, interval_max=g["max"] / 1e6)
            if g["n"] == 1:
                want.update(interval_p50=(g["p50"] or [0])[0] / 1e6,
                            rate_in_hz=float((g["hz"] or [0.0])[0]))
        if g["method"] != "copy":
            want.update(worst_offset_ms=g["worst"] / 1e6, mean_offset_ms=g["sum"] / g["out"] / 1e6,
                        held_before_first=g["before"], held_after_last=g["after"],
                        ticks_in_gaps=g["invalid"])
        for k, v in want.items():
            same(f"{key} {k}", have.get(k, 0.0), v)
    ok = [e for e in report["episodes"] if e["status"] == "ok"]
    size = 1 if r.layout != "robomimic" else r.shard_episodes or len(ok) or 1
    same("shards", [x["path"] for x in report["shards"] if not 0 < x["episodes"] <= size], [])
    for e in ok:
        same(f"{e['id']} invalid", e["invalid"], e.get("invalid_want"))
    before, after = report["summary"]["before"], report["summary"]["after"]
    same("samples before", before["samples"], sum(len(s.x) for e in episodes for s in e.streams))
    same("episodes before", before["episodes"], len(episodes))
    same("episodes after", after["episodes"], len(ok))
    same("ticks after", after["ticks"], sum(e["ticks"] for e in ok))
    same("skipped", report["summary"]["skipped_episodes"], len(episodes) - len(ok))


# --- one case ---------------------------------------------------------------------------------

def run(*args, env=None):
    done = subprocess.run([robocache, *args], capture_output=True, text=True,
                          env={**os.environ, **(env or {})}, timeout=300)
    check(0 <= done.returncode < 75, args[0], "ended with", done.returncode, done.stderr)
    return done


def check_twin(args, env, status):
    """Other threads and another instruction set, the same bytes."""
    run("convert", "in", "-o", "out2", "-qq", *args, env=env)
    a, b = ({n for n in os.listdir(d) if n not in OF_THE_RUN} if os.path.isdir(d) else set()
            for d in ("out", "out2"))
    check(a == b, "files of one and of many threads", sorted(a ^ b))
    for n in a & b:
        check(filecmp.cmp("out/" + n, "out2/" + n, shallow=False), n, "differs by threads")
    if status in (0, 3):
        done = run("verify", "--deep", "out")
        check(done.returncode == 0, "verify:", done.stdout, done.stderr)


def check_run(episodes, r, done):
    usage = r.usage_error(episodes)
    if usage or done.returncode == 2:
        skips = [reason_of(ep, r) for ep in episodes] if not usage else [usage]
        check(done.returncode == 2 and all(skips), "status", done.returncode, done.stderr)
        return
    report = json.load(open("out/report.json"))
    figures, by_id = Figures(), {e["id"]: e for e in report["episodes"]}
    check([e["id"] for e in report["episodes"]] == [e.id for e in episodes], "order of episodes")
    skipped = 0
    for ep in episodes:
        e = by_id.get(ep.id, {"status": "missing"})
        f = None
        try:
            if e["status"] == "ok":
                f = h5py.File("out/" + e["shard"])
            check_episode(f, e, ep, r, figures)
            check(f is not None, ep.id, "was not converted:", e.get("message"))
        except Skip as s:
            skipped += 1
            check(e.get("reason") in str(s).split(), ep.id, e["status"], e.get("reason"), "not", s)
        if f:
            f.close()
    status = 0 if skipped == 0 else 1 if skipped == len(episodes) else 3
    check(done.returncode == status, "status", done.returncode, "not", status, done.stderr)
    check(report["run"]["exit_code"] == done.returncode, "exit_code of the report")
    check_report(report, episodes, figures, r)


def reason_of(ep, r):
    try:
        check_episode(None, {}, ep, r, None)
    except Skip as s:
        return str(s)


def one_case(number):
    rng = np.random.default_rng(number)
    wrong.clear()
    os.chdir(work)
    here = os.path.join(work, f"case{number}")
    os.makedirs(here + "/in")
    os.chdir(here)
    episodes, spec = dataset(rng, "in")
    r = Recipe(rng, episodes, spec)
    args, env = r.arguments(rng, "recipe.json")
    first = ["-j1", "--simd", "baseline"]
    open("command", "w").write(" ".join(["robocache convert in -o out", *first, *map(repr, args),
                                         str(env)]) + "\n")
    done = run("convert", "in", "-o", "out", "-qq", *first, *args, env=env)
    check_run(episodes, r, done)
    check_twin([f"-j{rng.integers(2, 6)}", *args], env, done.returncode)
    os.chdir(work)
    if not wrong:
        shutil.rmtree(here)
    return not wrong


def main():
    good = 0
    for n in range(int(seed), int(seed) + int(count)):
        if one_case(n):
            good += 1
            continue
        print(f"not ok: seed {n}, see {work}/case{n}/command")
        for line in wrong[:8]:
            print("  ", line)
        sys.stdout.flush()
    print(f"{good} passed, {int(count) - good} failed")
    sys.exit(1 if good < int(count) else 0)


main()
