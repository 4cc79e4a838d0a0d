# SPDX-License-Identifier: Apache-2.0
"""Converts recorded samples and compares every value with numpy and scipy in float64, and the
shards of different thread counts, instruction sets and codecs with each other.

usage: check-convert.py ROBOCACHE RECORD_SAMPLE PLUGIN_DIR WORK_DIR
"""
import filecmp
import json
import os
import subprocess
import sys

robocache, record, plugin_dir, work = sys.argv[1:5]
os.environ["HDF5_PLUGIN_PATH"] = plugin_dir

import h5py  # noqa: E402  (after HDF5_PLUGIN_PATH)
import numpy as np  # noqa: E402
from scipy.spatial.transform import Rotation, Slerp  # noqa: E402

passed = failed = 0
worst = {"linear_ulp": 0.0, "slerp_rad": 0.0}


def check(ok, what):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("not ok:", what)


def run(*args, status=0, **kw):
    r = subprocess.run([robocache, *args], capture_output=True, text=True, **kw)
    if r.returncode != status:
        print("not ok: status", r.returncode, "of", args, "\n", r.stdout, r.stderr)
        global failed
        failed += 1
    return r


# --- the reference ----------------------------------------------------------------------------

def sensor(f, group, name):
    return f[group]["timestamp"][:].astype(np.int64), f[group][name][:]


def streams_of(path):
    with h5py.File(path) as f:
        out = {}
        for group, names in {"joint_state": ["joint_pos", "joint_vel"], "wrench": ["wrench"],
                             "eef_pose": ["eef_pose"], "gripper": ["gripper"],
                             "action": ["action"], "cam_front": ["cam_front"],
                             "cam_wrist": ["cam_wrist"]}.items():
            for name in names:
                out[name] = sensor(f, group, name)
        return out


def grid(t0, t1, num, den=1):
    ticks, k = [], 0
    while True:
        t = t0 + k * 10**9 * den // num
        if t > t1:
            return np.array(ticks, np.int64)
        ticks.append(t)
        k += 1


def bracket(t, ticks):
    return np.searchsorted(t, ticks, side="right") - 1


def linear(t, x, ticks):
    x = x.reshape(len(x), -1).astype(np.float64)
    at, from_ = (ticks - t[0]).astype(np.float64), (t - t[0]).astype(np.float64)
    return np.stack([np.interp(at, from_, c) for c in x.T], 1)


def check_linear(got, t, x, ticks, what):
    x = x.reshape(len(x), -1)
    want = linear(t, x, ticks)
    i = np.clip(bracket(t, ticks), 0, len(t) - 1)
    j = np.clip(i + 1, 0, len(t) - 1)
    big = np.maximum(np.abs(x[i]), np.abs(x[j])).astype(np.float32)
    ulp = np.spacing(big).astype(np.float64)
    err = float(np.max(np.abs(got.reshape(want.shape).astype(np.float64) - want) / ulp))
    worst["linear_ulp"] = max(worst["linear_ulp"], err)
    check(err <= 2.0, f"{what}: linear off by {err} ulp")


def check_pose(got, t, x, ticks, what):
    check_linear(got[:, :3], t, x[:, :3], ticks, what)
    inside = np.clip(ticks, t[0], t[-1])
    slerp = Slerp((t - t[0]) / 1e9, Rotation.from_quat(x[:, 3:].astype(np.float64)))
    quat = got[:, 3:].astype(np.float64)
    apart = Rotation.from_quat(quat).inv() * slerp((inside - t[0]) / 1e9)
    angle = float(np.max(apart.magnitude()))
    worst["slerp_rad"] = max(worst["slerp_rad"], angle)
    check(angle <= 1e-6, f"{what}: slerp off by {angle} rad")
    check(np.allclose(np.linalg.norm(quat, axis=1), 1, atol=2e-7), f"{what}: norm")


def nearest(t, x, ticks):
    i = np.clip(bracket(t, ticks), 0, len(t) - 1)
    j = np.clip(i + 1, 0, len(t) - 1)
    return x[np.where(np.abs(t[j] - ticks) < np.abs(ticks - t[i]), j, i)]


def previous(t, x, ticks):
    return x[np.clip(bracket(t, ticks), 0, None)]


def demos(out):
    for shard in json.load(open(os.path.join(out, "manifest.json")))["shards"]:
        with h5py.File(os.path.join(out, shard["path"])) as f:
            for e in shard["episodes"]:
                yield e, f, f["data"][e["name"]]


def source_of(e, raw):
    return os.path.join(raw, os.path.basename(e["id"]))


# --- the cases --------------------------------------------------------------------------------

def values(raw):
    out = os.path.join(work, "values")
    run("convert", raw, "-o", out, "--rate", "20", "--fuse", "state=joint_pos,gripper,eef_pose",
        "--fuse", "small=gripper,wrench", "--keep-members", "--shard-episodes", "2", "-q")
    n = 0
    for e, f, d in demos(out):
        s = streams_of(source_of(e, raw))
        t0, t1 = max(t[0] for t, _ in s.values()), min(t[-1] for t, _ in s.values())
        ticks = grid(t0, t1, 20)
        origin = min(t[0] for t, _ in s.values())
        time = f["robocache/time"][e["name"]]
        check(np.array_equal(time[:], ticks - origin), "ticks")
        check(time.attrs["origin_ns"] == str(origin), "origin")
        check(d.attrs["num_samples"] == len(ticks), "num_samples")
        check_linear(d["obs/joint_pos"][:], *s["joint_pos"], ticks, "joint_pos")
        check_linear(d["obs/joint_vel"][:], *s["joint_vel"], ticks, "joint_vel")
        check_linear(d["obs/wrench"][:], *s["wrench"], ticks, "wrench")
        check_linear(d["actions"][:], *s["action"], ticks, "actions")
        check_pose(d["obs/eef_pose"][:], *s["eef_pose"], ticks, "eef_pose")
        check(np.array_equal(d["obs/gripper"][:], previous(*s["gripper"], ticks)), "gripper")
        for cam in ("cam_front", "cam_wrist"):
            check(np.array_equal(d["obs"][cam][:], nearest(*s[cam], ticks)), cam)
            check(d["obs"][cam].chunks == (1,) + d["obs"][cam].shape[1:], cam + " chunks")
        state = d["obs/state"][:]
        check(state.dtype == np.float64 and state.shape == (len(ticks), 15), "state shape")
        check(np.array_equal(state[:, :7], d["obs/joint_pos"][:]), "state holds joint_pos")
        check(np.array_equal(state[:, 7], d["obs/gripper"][:]), "state holds gripper")
        check_pose(state[:, 8:], *s["eef_pose"], ticks, "state holds eef_pose")
        small = d["obs/small"][:]
        check(small.dtype == np.float32 and np.array_equal(
            small, np.concatenate([d["obs/gripper"][:].reshape(-1, 1).astype(np.float32),
                                   d["obs/wrench"][:]], 1)), "float32 group")
        n += 1
    check(n == 3, "three episodes")
    check(len(os.listdir(out)) == 5, "two shards, manifest, report, journal")


def timelines(raw):
    out = os.path.join(work, "reference")
    run("convert", raw, "-o", out, "--reference", "cam_front", "--latency", "cam_front=35",
        "--max-gap", "30ms", "-q")
    for e, f, d in demos(out):
        s = streams_of(source_of(e, raw))
        ticks = s["cam_front"][0] - 35_000_000
        origin = min(min(t[0] for n, (t, _) in s.items() if n != "cam_front"), ticks[0])
        check(np.array_equal(f["robocache/time"][e["name"]][:], ticks - origin), "reference ticks")
        check(np.array_equal(d["obs/cam_front"][:], s["cam_front"][1]), "reference frames")
        check_linear(d["obs/wrench"][:], *s["wrench"], ticks, "wrench at frames")
        t = s["wrench"][0]
        i = bracket(t, ticks)
        inside = (i >= 0) & (ticks <= t[-1])
        lo, hi = np.clip(i, 0, len(t) - 1), np.clip(i + 1, 0, len(t) - 1)
        gap = inside & (ticks > t[lo]) & (t[hi] - t[lo] > 30_000_000)
        valid = inside & ~gap
        path = f"robocache/valid/{e['name']}/obs/wrench"
        got = f[path][:].astype(bool) if path in f else np.ones(len(ticks), bool)
        check(np.array_equal(got, valid), "validity of wrench")

    out = os.path.join(work, "union")
    run("convert", raw, "-o", out, "--timeline", "union", "--rate", "30000/1001", "-m",
        "joint_pos:previous", "-m", "wrench:nearest", "--dtype", "joint_vel:f64", "--drop",
        "cam_*", "-q")
    for e, f, d in demos(out):
        s = {k: v for k, v in streams_of(source_of(e, raw)).items() if not k.startswith("cam_")}
        origin = min(t[0] for t, _ in s.values())
        ticks = grid(origin, max(t[-1] for t, _ in s.values()), 30000, 1001)
        check(np.array_equal(f["robocache/time"][e["name"]][:], ticks - origin), "union ticks")
        check(np.array_equal(d["obs/joint_pos"][:], previous(*s["joint_pos"], ticks)), "previous")
        check(np.array_equal(d["obs/wrench"][:], nearest(*s["wrench"], ticks)), "nearest")
        vel = d["obs/joint_vel"][:]
        check(vel.dtype == np.float64, "float64 output")
        check(np.max(np.abs(vel - linear(*s["joint_vel"], ticks))) < 1e-12, "float64 values")
        for name in s:
            t = s[name][0]
            valid = (ticks >= t[0]) & (ticks <= t[-1])
            key = "actions" if name == "action" else "obs/" + name
            path = f"robocache/valid/{e['name']}/{key}"
            got = f[path][:].astype(bool) if path in f else np.ones(len(ticks), bool)
            check(np.array_equal(got, valid), f"validity of {key}")


def same_files(a, b, what):
    of_the_run = ("report.json", "journal.ndjson")
    names, others = (sorted(n for n in os.listdir(d) if n not in of_the_run) for d in (a, b))
    check(names == others, f"{what}: names")
    for n in names:
        check(filecmp.cmp(os.path.join(a, n), os.path.join(b, n), shallow=False), f"{what}: {n}")


def same_bytes(raw):
    base = None
    flags = open("/proc/cpuinfo").read()
    simd = ["baseline"] + ["avx2"] * ("avx2" in flags) + ["avx512"] * ("avx512dq" in flags)
    for i, extra in enumerate([["-j1"], ["-j2"], ["-j8"]] + [["--simd", s] for s in simd]):
        out = os.path.join(work, f"same{i}")
        run("convert", raw, "-o", out, "--rate", "50", "--fuse", "state=joint_*,eef_pose",
            "--compression", "zstd:1", "--shard-episodes", "1", "--dtype", "f16", "-q", *extra)
        if base:
            same_files(base, out, " ".join(extra))
        base = base or out


def codecs(raw):
    want = None
    for codec in ("none", "gzip", "gzip:9", "zstd", "zstd:7"):
        out = os.path.join(work, "codec-" + codec.replace(":", ""))
        run("convert", raw, "-o", out, "--rate", "25", "--compression", codec, "-q")
        got = {}
        for e, f, d in demos(out):
            d.visititems(lambda name, o, e=e: got.update({(e["name"], name): o[:]})
                         if isinstance(o, h5py.Dataset) else None)
        manifest = json.load(open(os.path.join(out, "manifest.json")))
        digests = [s["content_xxh3_128"] for s in manifest["shards"]]
        want = want or (got, digests)
        check(got.keys() == want[0].keys(), codec + ": datasets")
        check(all(np.array_equal(got[k], want[0][k]) for k in got), codec + ": values")
        check(digests == want[1], codec + ": content digests")
        run("verify", "--deep", out)


def compressed_input(compression):
    raw = os.path.join(work, "raw-" + compression)
    subprocess.run([record, "-o", raw, "--episodes", "2", "--seconds", "3", "--size", "40x32",
                    "--compression", compression], check=True)
    out = os.path.join(work, "keep-" + compression)
    run("convert", raw, "-o", out, "--rate", "20", "-q")
    for e, f, d in demos(out):
        s = streams_of(source_of(e, raw))
        time = f["robocache/time"][e["name"]]
        ticks = time[:] + int(time.attrs["origin_ns"])
        check_linear(d["obs/joint_pos"][:], *s["joint_pos"], ticks, compression + " joint_pos")
        check(np.array_equal(d["obs/cam_front"][:], nearest(*s["cam_front"], ticks)),
              compression + " frames")
        with h5py.File(source_of(e, raw)) as r:
            a, b = r["cam_front/cam_front"], d["obs/cam_front"]
            filters = lambda x: [x.id.get_create_plist().get_filter(i)[0]
                                 for i in range(x.id.get_create_plist().get_nfilters())]
            check(filters(a) == filters(b), compression + " filters kept")


def layouts():
    for layout, pattern in (("robomimic", "demo"), ("aloha", "episode")):
        raw = os.path.join(work, "in-" + layout)
        subprocess.run([record, "-o", raw, "--layout", layout, "--episodes", "3", "--seconds", "2",
                        "--size", "40x32"], check=True)
        out = os.path.join(work, "steps-" + layout)
        run("convert", raw, "-o", out, "-q")  # no rate: step for step
        for e, f, d in demos(out):
            path, _, key = e["id"].partition(":")
            with h5py.File(os.path.join(raw, os.path.basename(path))) as r:
                src = r[key] if key else r
                action = src["actions"] if "actions" in src else src["action"]
                check(np.array_equal(d["actions"][:], action[:]), layout + " actions")
                if layout == "robomimic":
                    for k in src["obs"]:
                        check(np.array_equal(d["obs"][k][:], src["obs"][k][:]), f"{layout} {k}")
                    check(f["data"].attrs["env_args"] == r["data"].attrs["env_args"], "env_args")
                else:
                    check(np.array_equal(d["obs/qpos"][:], src["observations/qpos"][:]), "qpos")
                    for k in src["observations/images"]:
                        check(np.array_equal(d["obs"][k][:], src["observations/images"][k][:]), k)
        act = os.path.join(work, "act-" + layout)
        run("convert", raw, "-o", act, "--layout", "act", "--source-rate", "20", "--rate", "10",
            "-q")
        check(sorted(n for n in os.listdir(act) if n.startswith("episode_")) ==
              [f"episode_{i}.hdf5" for i in range(3)], layout + " to act: files")
        with h5py.File(os.path.join(act, "episode_0.hdf5")) as f:
            n = f["action"].shape[0]
            check(all(x.shape[0] == n for x in f["observations"].values()
                      if isinstance(x, h5py.Dataset)), "act lengths")
            check("sim" in f.attrs, "act sim")


def splits(raw):
    out = os.path.join(work, "split")
    run("convert", raw, "-o", out, "--rate", "5", "--split", "train:0.5,valid:0.5", "--seed", "3",
        "--keep", "action,joint_pos", "-q")
    for s in json.load(open(os.path.join(out, "manifest.json")))["shards"]:
        with h5py.File(os.path.join(out, s["path"])) as f:
            masks = {k: [x.decode() for x in f["mask"][k][:]] for k in f["mask"]}
            check(sorted(sum(masks.values(), [])) == sorted(e["name"] for e in s["episodes"]),
                  "masks")
            for e in s["episodes"]:
                check(e["name"] in masks[e["split"]], "split of " + e["name"])


def main():
    raw = os.path.join(work, "raw")
    subprocess.run([record, "-o", raw, "--episodes", "3", "--seconds", "4", "--size", "64x48"],
                   check=True)
    values(raw)
    timelines(raw)
    same_bytes(raw)
    codecs(raw)
    compressed_input("gzip")
    compressed_input("zstd")
    layouts()
    splits(raw)
    print(f"worst linear error {worst['linear_ulp']:.3f} ulp of the larger neighbour (2 allowed), "
          f"worst slerp error {worst['slerp_rad']:.2e} rad (1e-6 allowed)")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


main()
