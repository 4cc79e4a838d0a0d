# SPDX-License-Identifier: Apache-2.0
"""check-conventions.py ROBOCACHE, in an empty folder: see check-conventions.sh."""
import json
import os
import shutil
import subprocess
import sys

import h5py
import numpy as np

robocache = sys.argv[1]
failures = checks = 0
W_FIRST = [3, 0, 1, 2]  # the columns of x, y, z, w in the order w, x, y, z
W_LAST = [1, 2, 3, 0]


def check(ok, what):
    global failures, checks
    checks += 1
    if not ok:
        failures += 1
        print(f"not ok: {what}", flush=True)


def run(*args, expect=0, out="out"):
    shutil.rmtree(out, ignore_errors=True)
    env = {k: v for k, v in os.environ.items() if not k.startswith("ROBOCACHE_")}
    p = subprocess.run([robocache, "convert", "raw", "-o", out, *args], capture_output=True,
                       text=True, env=env)
    check(p.returncode == expect, f"{args}: status {p.returncode}: {p.stderr[-300:]}")
    return p.stderr


def shard(out="out"):
    return h5py.File(os.path.join(out, "shard-00000.h5"))["data/demo_0"]


def report(out="out"):
    with open(os.path.join(out, "report.json")) as f:
        return json.load(f)


def odd_rotations():
    """Where forms are not unique or not there: identity, half turns, the locked middle angle."""
    q = np.array([[0, 0, 0, 1], [0, 0, 0, -2], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 3, 0],
                  [1e-9, 0, 0, 1], [1e-200, 0, 0, 1], [0, 0.5 ** 0.5, 0, 0.5 ** 0.5],
                  [0, -(0.5 ** 0.5), 0, 0.5 ** 0.5], [0.5, 0.5, 0.5, 0.5], [0.5, -0.5, 0.5, 0.5],
                  [0, 0, 0, 0], [np.nan, 0, 0, 1]])
    os.mkdir("odd")
    with h5py.File("odd/a.h5", "w") as f:
        f["timestamp"] = np.arange(len(q)) * 0.1
        f["obs/quat"] = q
        f["obs/quat"].attrs["quaternion_order"] = "xyzw"
        f["obs/x"] = np.ones((len(q), 2))
    try:
        from scipy.spatial.transform import Rotation
    except ImportError:
        return
    good = np.isfinite(q).all(axis=1) & (np.abs(q).sum(axis=1) > 0)
    for step, back in (("axis-angle", Rotation.from_rotvec),
                       ("euler-xyz", lambda v: Rotation.from_euler("xyz", v)),
                       ("euler-XYZ", lambda v: Rotation.from_euler("XYZ", v))):
        shutil.rmtree("out", ignore_errors=True)
        subprocess.run([robocache, "convert", "odd", "-o", "out", "-q", "-q", "--convert",
                        f"quat:{step}"], check=False)
        got = shard()["obs/quat"][()]
        check(np.isnan(got[~good]).all(), f"{step}: zeros and NaN give NaN: {got[~good]}")
        away = (back(got[good]) * Rotation.from_quat(q[good]).inv()).magnitude()
        check(away.max() < 1e-7, f"{step}: {away}")
        check(np.array_equal(got[0], [0, 0, 0]), f"{step}: the identity")


def make():
    rng = np.random.default_rng(3)
    n = 60
    os.mkdir("raw")
    quat = rng.normal(size=(n, 4))
    quat /= np.linalg.norm(quat, axis=1, keepdims=True)
    with h5py.File("raw/a.h5", "w") as f:
        f["timestamp"] = np.arange(n) * 0.05
        f["obs/quat"] = quat
        f["obs/eef_pose"] = np.hstack([rng.normal(size=(n, 3)), quat]).astype("f4")
        f["obs/qpos"] = rng.normal(size=(n, 6))
        f["obs/link_quats"] = np.repeat(quat, 3, axis=0).reshape(n, 3, 4)
        f.create_dataset("obs/cam", data=rng.integers(0, 256, (n, 9, 12, 3), "u1"),
                         chunks=(1, 9, 12, 3), compression="gzip")
        f["obs/depth"] = rng.integers(0, 9999, (n, 24, 32), "u2")
        f["actions"] = rng.normal(size=(n, 2))


def orders():
    """Each way to make the values, turned and not."""
    for how in ([], ["--rate", "13"], ["--rate", "33", "--method", "quat:nearest"],
                ["--rate", "13", "--dtype", "f32", "--compression", "zstd:1", "-j2"],
                ["--rate", "20", "--dtype", "quat:f16"]):
        run(*how, "-q", "-q", out="plain")
        run(*how, "-q", "-q", "--convert", "wxyz")
        a, b = shard("plain"), shard()
        check(np.array_equal(a["obs/quat"][()][:, W_FIRST], b["obs/quat"][()]), f"quat, {how}")
        pose, turned = a["obs/eef_pose"][()], b["obs/eef_pose"][()]
        check(np.array_equal(pose[:, :3], turned[:, :3]), f"position, {how}")
        check(np.array_equal(pose[:, 3:][:, W_FIRST], turned[:, 3:]), f"pose, {how}")
        check(a["obs/quat"].attrs["quaternion_order"] == "xyzw", "the order of the source")
        check(b["obs/quat"].attrs["quaternion_order"] == "wxyz", "the order of the output")
        check(np.array_equal(a["obs/qpos"][()], b["obs/qpos"][()]), "no quaternion is turned")
        check(np.array_equal(a["obs/link_quats"][()][..., W_FIRST], b["obs/link_quats"][()]),
              f"several in a row, {how}")
        check(np.array_equal(a["obs/cam"][()], b["obs/cam"][()]), "no image is turned")
    # the other way, which the user says is what is there; and what is there already
    run("--convention", "quaternion_order=wxyz", "--convert", "xyzw", "-q", "-q")
    run("-q", "-q", out="plain")
    check(np.array_equal(shard("plain")["obs/quat"][()][:, W_LAST], shard()["obs/quat"][()]),
          "wxyz to xyzw")
    run("--convention", "quat:quaternion_order=wxyz", "--convert", "wxyz", "-q", "-q")
    check(np.array_equal(shard("plain")["obs/quat"][()], shard()["obs/quat"][()]), "as it is")
    check(np.array_equal(shard("plain")["obs/eef_pose"][()][:, 3:][:, W_FIRST],
                         shard()["obs/eef_pose"][()][:, 3:]), "the other stream is not")


def groups():
    run("--rate", "13", "--fuse", "state=qpos,eef_pose,quat", "-q", "-q", out="plain")
    run("--rate", "13", "--fuse", "state=qpos,eef_pose,quat", "--convert", "eef_pose:wxyz", "-q",
        "-q")
    a, b = shard("plain")["obs/state"][()], shard()["obs/state"][()]
    columns = [*range(9), *(9 + np.array(W_FIRST)), *range(13, 17)]
    check(np.array_equal(a[:, columns], b), "one member of a group")


def rotations():
    """Other forms, against scipy where it is there."""
    try:
        from scipy.spatial.transform import Rotation
    except ImportError:
        print("rotations: skipped, no scipy")
        return
    for how, bound in ((["--dtype", "f64"], 1e-15), (["--rate", "13", "--dtype", "f64"], 1e-15),
                       (["--rate", "29", "--dtype", "f32", "--compression", "gzip:1"], 3e-7)):
        run(*how, "-q", "-q", out="plain")
        plain = shard("plain")
        for step, width in (("6d-columns", 6), ("6d-rows", 6), ("matrix", 9), ("axis-angle", 3),
                            ("euler-xyz", 3), ("euler-XYZ", 3)):
            run(*how, "-q", "-q", "--convert", step, "--drop", "link_quats")
            quat = plain["obs/quat"][()].astype("f8")
            turn = Rotation.from_quat(quat)
            m = turn.as_matrix()
            want = {"matrix": m.reshape(-1, 9), "6d-rows": m[:, :2].reshape(-1, 6),
                    "6d-columns": m[:, :, :2].transpose(0, 2, 1).reshape(-1, 6),
                    "axis-angle": turn.as_rotvec(), "euler-xyz": turn.as_euler("xyz"),
                    "euler-XYZ": turn.as_euler("XYZ")}[step]
            got = shard()["obs/quat"]
            if width == 3:  # near pi/2 in the middle a rounding is worth more
                bound = 2e-14 if bound < 1e-10 else 3e-6
            check(got.shape == (len(quat), width), f"{step}: {got.shape}")
            check(np.abs(got[()] - want).max() <= bound, f"{step}, {how}: "
                  f"{np.abs(got[()] - want).max()}")
            check(got.attrs["rotation"] == step and "quaternion_order" not in got.attrs, step)
            pose = shard()["obs/eef_pose"][()]
            check(pose.shape[1] == 3 + width, f"pose, {step}")
            check(np.array_equal(pose[:, :3], plain["obs/eef_pose"][()][:, :3]), "position")
    # members of a group that become more and fewer, each in its place
    for how in (["--rate", "13"], [], ["--rate", "17", "--memory", "24M", "-j3"]):
        group = ["--fuse", "state=quat,qpos,eef_pose", "--dtype", "state:f64", "-q", "-q"]
        run(*how, *group, "--convert", "quat:axis-angle", "--convert", "eef_pose:matrix")
        run(*how, "--dtype", "f64", "-q", "-q", out="plain")
        got, plain = shard()["obs/state"][()], shard("plain")
        pose = plain["obs/eef_pose"][()]
        want = np.hstack([Rotation.from_quat(plain["obs/quat"][()]).as_rotvec(),
                          plain["obs/qpos"][()], pose[:, :3],
                          Rotation.from_quat(pose[:, 3:]).as_matrix().reshape(-1, 9)])
        check(got.shape == want.shape, f"{got.shape} and not {want.shape}")
        check(np.abs(got - want).max() < 2e-14, f"group, {how}: {np.abs(got - want).max()}")
    # of the other order, in a group, step for step
    run("--convention", "quaternion_order=wxyz", "--fuse", "state=quat,qpos,eef_pose", "--convert",
        "6d-rows", "--dtype", "state:f64", "--drop", "link_quats", "-q", "-q")
    with h5py.File("raw/a.h5") as f:
        m = Rotation.from_quat(f["obs/quat"][()][:, W_LAST]).as_matrix()
        qpos = f["obs/qpos"][()]
    state = shard()["obs/state"][()]
    check(state.shape[1] == 6 + 6 + 9, f"{state.shape}")
    check(np.abs(state[:, :6] - m[:, :2].reshape(-1, 6)).max() < 1e-15, "a member of a group")
    check(np.array_equal(state[:, 6:12], qpos), "its neighbour")


def images():
    cam = h5py.File("raw/a.h5")["obs/cam"][()]
    depth = h5py.File("raw/a.h5")["obs/depth"][()]
    for codec in ("keep", "none", "zstd:1"):
        run("--convert", "cam:flip-rows+swap-channels", "--convert", "depth:flip-rows",
            "--compression", codec, "-q", "-q")
        check(np.array_equal(shard()["obs/cam"][()], cam[:, ::-1, :, ::-1]), f"cam, {codec}")
        check(np.array_equal(shard()["obs/depth"][()], depth[:, ::-1]), f"depth, {codec}")
    run("--convert", "cam:swap-channels", "-q", "-q")
    check(np.array_equal(shard()["obs/cam"][()], cam[..., ::-1]), "colours alone")


def ledger():
    text = run()
    check("quaternion_order_assumed" in text, f"what is assumed is a warning: {text}")
    said = {c["key"]: c for c in report()["conventions"]}
    check(said["quaternion_order"]["origin"] == "assumed", said)
    text = run("--convention", "quaternion_order=wxyz", "--convention", "image_rows=bottom first")
    check("quaternion_order_assumed" not in text, text)
    said = {c["key"]: c for c in report()["conventions"]}
    check(said["quaternion_order"]["origin"] == "option", said)
    check(said["quaternion_order"]["value"] == "wxyz", said)
    check(said["image_rows"]["value"] == "bottom first", said)
    with open("recipe.json", "w") as f:
        json.dump({"convention": {"quaternion_order": "wxyz"}, "convert": {"quat": "xyzw"}}, f)
    run("-c", "recipe.json", "-q", "-q", out="recipe")
    run("--convention", "quaternion_order=wxyz", "--convert", "quat:xyzw", "-q", "-q")
    check(np.array_equal(shard("recipe")["obs/quat"][()], shard()["obs/quat"][()]), "recipe")
    p = subprocess.run([robocache, "convert", "raw", "-o", "out", "--resume", "--convention",
                        "quaternion_order=xyzw", "--convert", "quat:xyzw"], capture_output=True,
                       text=True)
    check(p.returncode == 2 and "cannot resume" in p.stderr, f"another recipe: {p.stderr}")


def mistakes():
    for args, words in (
            (["--convert", "quat:zyxw"], "is not one of xyzw, wxyz"),
            (["--convert", "xyzw+wxyz"], "of which one is for rotations"),
            (["--convert", "matrix+6d-rows"], "of which one is for rotations"),
            (["--convert", "quat:matrix", "--dtype", "quat:f16"], "as f32 or f64"),
            (["--convert", "matrix"], "become no other form"),
            (["--convert", "qpos:wxyz"], "does not fit stream 'qpos'"),
            (["--convert", "quat:flip-rows"], "does not fit stream 'quat'"),
            (["--convert", "depth:swap-channels"], "has no colours"),
            (["--convert", "quatt:wxyz"], "did you mean"),
            (["--convention", "quat_order=wxyz"], "with one of the keys"),
            (["--convention", "quaternion_order=zyxw"], "is xyzw or wxyz"),
            (["--convention", "quaternion_order"], "KEY=VALUE"),
            (["--convention", "nothing:action=x"], "matches no stream")):
        text = run(*args, expect=2)
        check(words in text, f"{args}: {text}")


make()
orders()
groups()
rotations()
odd_rotations()
images()
ledger()
mistakes()
print(f"{checks} checks, {failures} failures")
sys.exit(failures != 0)
