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
            (["--convert", "xyzw+wxyz"], "of which one is an order"),
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
images()
ledger()
mistakes()
print(f"{checks} checks, {failures} failures")
sys.exit(failures != 0)
