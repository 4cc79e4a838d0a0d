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


def run(*args, expect=0, out="out", raw="raw"):
    shutil.rmtree(out, ignore_errors=True)
    env = {k: v for k, v in os.environ.items() if not k.startswith("ROBOCACHE_")}
    p = subprocess.run([robocache, "convert", raw, "-o", out, *args], capture_output=True,
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


FORMS = ["matrix", "6d-rows", "6d-columns", "axis-angle", "axis-angle-deg", "euler-xyz",
         "euler-XYZ", "euler-zyx", "euler-ZYX-deg", "euler-zxz", "euler-YXY"]


def values_in(form, rot):
    m = rot.as_matrix()
    if form.startswith("axis-angle"):
        v = rot.as_rotvec()
        return np.degrees(v) if form.endswith("-deg") else v
    if form.startswith("euler"):
        return rot.as_euler(form.split("-")[1], degrees=form.endswith("-deg"))
    return {"matrix": m.reshape(-1, 9), "6d-rows": m[:, :2].reshape(-1, 6),
            "6d-columns": m[:, :, :2].transpose(0, 2, 1).reshape(-1, 6)}[form]


def rotations_in(form, v):
    """What scipy takes stored values, which may be rounded, for."""
    from scipy.spatial.transform import Rotation
    if form == "matrix":
        return Rotation.from_matrix(v.reshape(-1, 3, 3))
    if form.startswith("6d"):
        a = v[:, :3] / np.linalg.norm(v[:, :3], axis=1, keepdims=True)
        b = v[:, 3:] - (a * v[:, 3:]).sum(1, keepdims=True) * a
        b /= np.linalg.norm(b, axis=1, keepdims=True)
        m = np.stack([a, b, np.cross(a, b)], 1)
        return Rotation.from_matrix(m if form == "6d-rows" else m.transpose(0, 2, 1))
    if form.startswith("axis-angle"):
        return Rotation.from_rotvec(np.radians(v) if form.endswith("-deg") else v)
    return Rotation.from_euler(form.split("-")[1], v, degrees=form.endswith("-deg"))


def make_forms(dtype):
    """One rotation in every form, alone and in the middle of a row."""
    from scipy.spatial.transform import Rotation, Slerp
    rng, n = np.random.default_rng(4), 700
    ns = np.cumsum(rng.integers(10_000_000, 30_000_000, n))
    turns = Rotation.random(9, random_state=3)
    rot = Slerp(np.linspace(ns[0], ns[-1], 9), turns)(ns)
    shutil.rmtree("forms", ignore_errors=True)
    os.mkdir("forms")
    with h5py.File("forms/a.h5", "w") as f:
        f["timestamp_ns"] = ns
        for form in FORMS:
            v = values_in(form, rot)
            f["alone/" + form] = v.astype(dtype)
            f["within/" + form] = np.hstack([rng.normal(size=(n, 3)), v,
                                             rng.normal(size=(n, 2))]).astype(dtype)
        f["square"] = rot.as_matrix().astype(dtype)


def told(*more):
    """Names --convention for every stream of make_forms()."""
    out = ["--convention", "square:rotation=matrix"]
    for form in FORMS:
        out += ["--convention", f"alone/{form}:rotation={form}",
                "--convention", f"within/{form}:rotation={form}@3"]
    return out + list(more)


def check_form(name, src, got, ticks, ns, bound, what):
    from scipy.spatial.transform import Rotation, Slerp
    form = name.partition("_")[2] or "matrix"
    x = src["square" if name == "square" else name.replace("_", "/", 1)][()]
    x = x.reshape(len(x), -1).astype("f8")
    at = 3 if name.startswith("within") else 0
    width = {"m": 9, "6": 6}.get(form[0], 3)
    want = rotations_in(form, x[:, at:at + width])
    if ticks is not None:
        want = Slerp(ns - ns[0], want)(ticks)
    q = got[:, at:at + 4].astype("f8")
    away = (want.inv() * Rotation.from_quat(q)).magnitude().max()
    check(away < bound and np.abs(np.linalg.norm(q, axis=1) - 1).max() < bound,
          f"{what}, {name}: off by {away}")
    check(got.shape[1] == x.shape[1] - width + 4, f"{what}, {name}: {got.shape}")
    rest = np.hstack([x[:, :at], x[:, at + width:]])
    if ticks is None:
        check(bool((q[:, 3] >= 0).all()), f"{what}, {name}: w below 0")
    else:
        rest = np.stack([np.interp(ticks, ns - ns[0], c) for c in rest.T], 1) if at else rest
    check(not at or np.abs(np.hstack([got[:, :at], got[:, at + 4:]]) - rest).max() < 1e-6,
          f"{what}, {name}: the other columns")


def forms():
    """Rotations in other forms become quaternions, and are interpolated as these."""
    try:
        import scipy  # noqa: F401
    except ImportError:
        print("forms: skipped, no scipy")
        return
    for dtype, bound in (("f8", 1e-14), ("f4", 4e-7), ("f2", 4e-7)):
        make_forms(dtype)
        for how in ([], ["--rate", "27"], ["--rate", "100", "--memory", "24M", "-j2"]):
            run(*how, *told("--convert", "xyzw", "-q", "-q"), raw="forms")
            with h5py.File("forms/a.h5") as src, h5py.File("out/shard-00000.h5") as f:
                ns = src["timestamp_ns"][()]
                ticks = f["robocache/time/demo_0"][()] if how else None
                obs = f["data/demo_0/obs"]
                for name in obs:
                    check_form(name, src, obs[name][()], ticks, ns, bound, f"{dtype}, {how}")
                    check(obs[name].dtype == ("f8" if dtype == "f8" else "f4"), f"{name}, {dtype}")
                check(len(obs) == 23, f"{len(obs)} forms")
                check(obs["alone_euler-zyx"].attrs["quaternion_order"] == "xyzw", "order")
    forms_onward()


def forms_onward():
    """To the other order, to another form, to the form that they have, and in a group."""
    from scipy.spatial.transform import Rotation
    make_forms("f8")
    run("--rate", "27", *told("--convert", "xyzw", "-q", "-q"), raw="forms", out="plain")
    a = shard("plain")["obs"]
    run("--rate", "27", *told("--convert", "wxyz", "-q", "-q"), raw="forms")
    for name in a:
        at = 3 if name.startswith("within") else 0
        check(np.array_equal(a[name][()][:, at:at + 4][:, W_FIRST],
                             shard()["obs"][name][()][:, at:at + 4]), f"wxyz, {name}")
    run("--rate", "27", *told("--convert", "euler-xyz", "-q", "-q"), raw="forms")
    name = "alone_euler-xyz"
    want = Rotation.from_quat(a[name][()]).as_euler("xyz")
    check(np.abs(shard()["obs"][name][()] - want).max() < 1e-12, "the same form, as rotations")
    check(shard()["obs"][name].attrs["rotation"] == "euler-xyz", "the attribute")
    other_forms(a)
    run("--rate", "27", *told("--convert", "xyzw", "-q", "-q"), "--fuse",
        "state=within/matrix,alone/axis-angle", "--dtype", "state:f64", raw="forms")
    check(np.array_equal(shard()["obs/state"][()],
                         np.hstack([a["within_matrix"][()], a["alone_axis-angle"][()]])), "a group")
    text = run("--rate", "27", "--convention", "alone/euler-xyz:rotation=euler-xyz", raw="forms")
    check("rotation_mixed" in text and "alone/euler-xyz:euler-xyz" in text, f"a warning: {text}")


def other_forms(a):
    """To every form, with what lies before and behind the rotation in its row."""
    from scipy.spatial.transform import Rotation
    for step, width in (("6d-columns", 6), ("6d-rows", 6), ("matrix", 9), ("axis-angle", 3),
                        ("euler-xyz", 3), ("euler-XYZ", 3)):
        pair = ["within/axis-angle", "within/matrix"]
        for how in ([], ["--fuse", "all=" + ",".join(pair), "--dtype", "all:f64"]):
            run("--rate", "27", *told("--convert", step, "-q", "-q"), *how, raw="forms")
            obs = shard()["obs"]
            names = [n.replace("/", "_") for n in pair] if how else [f"within_{f}" for f in FORMS]
            got = obs["all"][()] if how else np.hstack([obs[n][()] for n in names])
            want = []
            for n in names:
                q = a[n][()]
                want += [q[:, :3], values_in(step, Rotation.from_quat(q[:, 3:7])), q[:, 7:]]
            want = np.hstack(want)
            check(got.shape == want.shape, f"{step}, {how}: {got.shape}, not {want.shape}")
            check(np.abs(got - want).max() < 1e-12, f"{step}, {how}: "
                  f"{np.abs(got - want).max()}")


def odd_forms():
    """What is no rotation gives NaN, and what is unusual the rotation that it is."""
    rows = {"axis-angle": [[0, 0, 0], [1e-200, 0, 0], [np.pi, 0, 0], [0, 7 * np.pi, 0],
                           [0, 0, 1e5], [np.nan, 0, 0], [0, np.inf, 0]],
            "6d-rows": [[1, 0, 0, 0, 1, 0], [2, 0, 0, 5, 3, 0], [-1, 0, 0, 0, -1, 0],
                        [0, 0, 0, 0, 0, 0], [.1, .2, .3, .3, .6, .9], [np.nan, 0, 0, 0, 1, 0],
                        [0, 1, 0, 1, 0, 0]],
            "matrix": [np.eye(3).ravel(), np.diag([1, -1, -1]).ravel(), 2 * np.eye(3).ravel(),
                       np.diag([-1, -1, 1]).ravel(), np.zeros(9), -np.eye(3).ravel(),
                       np.diag([1, 1, np.nan]).ravel()],
            "euler-xyz": [[0, 0, 0], [np.pi, 0, 0], [0, np.pi / 2, 0], [0, -np.pi / 2, 1],
                          [40, -70, 1e4], [np.nan, 0, 0], [0, 0, np.inf]]}
    shutil.rmtree("forms", ignore_errors=True)
    os.mkdir("forms")
    with h5py.File("forms/a.h5", "w") as f:
        f["x"] = np.arange(7.)
        for form, v in rows.items():
            f[form] = np.array(v, float)
    run(*(a for form in rows for a in ("--convention", f"{form}:rotation={form}")), "--convert",
        "xyzw", "-q", "-q", raw="forms")
    obs = shard()["obs"]
    for form, v in rows.items():
        got, v = obs[form][()], np.array(v, float)
        bad = ~np.isfinite(v).all(axis=1)
        if form == "6d-rows":
            bad |= [False, False, False, True, True, False, False]
        if form == "matrix":
            bad[4:] = True
        check(np.isnan(got[bad]).all() and np.isfinite(got[~bad]).all(), f"{form}: {got}")
        try:
            want = rotations_in(form, v[~bad]).as_matrix()
            from scipy.spatial.transform import Rotation
        except ImportError:
            continue
        away = np.abs(Rotation.from_quat(got[~bad]).as_matrix() - want).max()
        check(away < 1e-11, f"{form}: off by {away}")


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
    qpos = ["--convert", "qpos:wxyz", "--convention"]
    for args, words in (
            (["--convert", "quat:zyxw"], "is not one of xyzw, wxyz"),
            (["--convert", "xyzw+wxyz"], "of which one is for rotations"),
            (["--convert", "matrix+6d-rows"], "of which one is for rotations"),
            (["--convert", "quat:matrix", "--dtype", "quat:f16"], "as f32 or f64"),
            (["--convert", "matrix"], "become no other form"),
            (["--convert", "qpos:wxyz"], "does not fit stream 'qpos'"),
            (["--convert", "qpos:wxyz"], "say which it is, with --convention STREAM:rotation=FORM"),
            (qpos + ["qpos:rotation=rpy"], "nothing is known of the rotation"),
            (qpos + ["qpos:rotation=euler-xxy"], "nothing is known of"),
            (qpos + ["qpos:rotation=matrix-deg"], "nothing is known of"),
            (qpos + ["qpos:rotation=euler-xyz@"], "nothing is known of"),
            (qpos + ["qpos:rotation=euler-xyz@1000"], "nothing is known of"),
            (qpos + ["qpos:rotation=euler-xyz@4"], "does not fit stream 'qpos'"),
            (qpos + ["qpos:rotation=matrix"], "has 9 float"),
            (["--convert", "depth:wxyz", "--convention", "depth:rotation=axis-angle"], "of rank 3"),
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
forms()
odd_forms()
images()
ledger()
mistakes()
print(f"{checks} checks, {failures} failures")
sys.exit(failures != 0)
