# SPDX-License-Identifier: Apache-2.0
"""check-external.py ROBOCACHE, in an empty folder: inputs that refer to other files."""
import json
import os
import shutil
import subprocess
import sys
import time

import h5py
import numpy as np

robocache = sys.argv[1]
failures = checks = 0
rng = np.random.default_rng(11)
here = os.getcwd()
MARK = 987.654321  # of files that nobody may read


def check(ok, *what):
    global failures, checks
    checks += 1
    if not ok:
        failures += 1
        print("not ok:", *what, flush=True)


def run(*args, expect=0, out="out", command="convert"):
    env = {k: v for k, v in os.environ.items() if not k.startswith("ROBOCACHE_")}
    env["HDF5_EXT_PREFIX"] = env["HDF5_VDS_PREFIX"] = here + "/secret"  # not looked at
    if command == "convert":
        if "--resume" not in args:
            shutil.rmtree(out, ignore_errors=True)
        args = (*args, "-o", out, "-q")
    p = subprocess.run([robocache, command, *args], capture_output=True, text=True, env=env)
    check(p.returncode == expect, command, args, p.returncode, p.stderr[-600:])
    return p.stdout + p.stderr


def report(out="out"):
    with open(out + "/report.json") as f:
        return json.load(f)


def codes(out="out"):
    return {p["code"] for p in report(out)["problems"]}


def n_ok():
    return sum(e["status"] == "ok" for e in report()["episodes"])


def fresh(*folders):
    for f in ("raw", "copy"):
        shutil.rmtree(f, ignore_errors=True)
    for f in ("raw", "copy", *folders):
        os.makedirs(f, exist_ok=True)


def data_of(out):
    """All streams of all shards, in order."""
    got = {}
    for name in sorted(n for n in os.listdir(out) if n.endswith(".h5")):
        with h5py.File(f"{out}/{name}") as f:
            f.visititems(lambda k, o: got.update({(name, k): o[()]})
                         if isinstance(o, h5py.Dataset) and "robocache/" not in k else None)
    return got


def same_as_copy(*args, ref="copy/all.h5", what="", count=None):
    """What comes of raw is what comes of a file that holds all the values."""
    run(ref, *args, out="ref")
    run("raw/all.h5", "--allow-external", *args)
    a, b = data_of("ref"), data_of("out")
    check(a.keys() == b.keys() and len(a) >= (count or 1), what, args, sorted(a), sorted(b))
    for k in a.keys() & b.keys():
        check(a[k].dtype == b[k].dtype and np.array_equal(a[k], b[k]), what, args, k)
    check(run("--deep", "out", command="verify") is not None, what)


WAYS = ((), ("--rate", "13", "-j4"), ("--rate", "13", "--method", "mean", "--memory", "32M"),
        ("--layout", "keep"))


# --- links ----------------------------------------------------------------------------------------

def fill_episode(g, n, codec):
    g["timestamps"] = 100 + np.arange(n) / 20
    g.create_dataset("obs/q", data=rng.normal(size=(n, 7)).astype("f4"), chunks=(16, 7), **codec)
    g["obs/wide"] = rng.normal(size=(n, 3)).astype(">f8")
    g.create_dataset("obs/cam", data=rng.integers(0, 255, (n, 8, 8, 3)).astype("u1"),
                     chunks=(1, 8, 8, 3), **codec)
    frames = g.create_dataset("obs/jpeg", (n,), h5py.vlen_dtype(np.uint8))
    for i in range(n):
        frames[i] = np.frombuffer(JPEG, "u1")
    g["actions"] = rng.normal(size=(n, 2))
    g.attrs["num_samples"] = n


def jpeg():
    """A small picture, or as much of one as is looked at without a decoder."""
    head = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb004300") + bytes([1] * 64)
    frame = bytes.fromhex("ffc0000b080008000801011100")
    return head + frame + bytes.fromhex("ffda0008010100003f00") + bytes(range(40)) + b"\xff\xd9"


JPEG = jpeg()


def linked():
    """A file of links to one episode a file, as of datasets that grow."""
    fresh("raw/eps")
    with h5py.File("copy/all.h5", "w") as whole, h5py.File("raw/all.h5", "w") as top:
        for i, n in enumerate((40, 55, 33)):
            block = 512 if i == 1 else 0
            codec = {} if i == 2 else {"compression": 3}
            with h5py.File(f"raw/eps/ep{i}.h5", "w", userblock_size=block) as f:
                fill_episode(f.create_group("traj"), n, codec)
                f.copy("traj", whole, f"data/demo_{i}")
            name = ("eps/ep0.h5", f"{here}/raw/eps/ep1.h5", "/gone/elsewhere/ep2.h5")[i]
            top[f"data/demo_{i}"] = h5py.ExternalLink(name, "/traj")
    os.rename("raw/eps/ep2.h5", "raw/ep2.h5")  # found by its last name beside the input
    for args in WAYS:
        same_as_copy(*args, what="linked", count=3 * 5)
    text = run("raw/all.h5", "--allow-external", command="inspect")
    check("3 episodes" in text, "inspect", text)
    text = run("raw/all.h5", expect=1)
    check("--allow-external" in text, "the option is told", text)
    run("raw", "--allow-external")
    check("linked_input" in codes() and n_ok() == 6, "twice", codes())
    text = run("raw/eps/../all.h5", "--allow-external", "--rate", "20")
    check(n_ok() == 3, "named another way", text)


def links_of_links():
    """A link may lead to a link, but not in circles."""
    fresh("raw/a/b")
    with h5py.File("raw/a/b/c.h5", "w") as f:
        fill_episode(f.create_group("traj"), 30, {})
        f["round"] = h5py.ExternalLink("../../all.h5", "/")
        f["self"] = h5py.ExternalLink("c.h5", "/")
        with h5py.File("copy/all.h5", "w") as g:
            f.copy("traj", g, "data/demo_0")
    with h5py.File("raw/a/mid.h5", "w") as f:
        f["on"] = h5py.ExternalLink("b/c.h5", "/traj")
        f["all"] = h5py.ExternalLink("b/c.h5", "/")
    with h5py.File("raw/all.h5", "w") as f:
        f["data/demo_0"] = h5py.ExternalLink("a/mid.h5", "/on")
        f["more"] = h5py.ExternalLink("a/mid.h5", "/all")
        f["me"] = h5py.ExternalLink("all.h5", "/data")
    same_as_copy("--rate", "10", "--layout-in", "robomimic", what="links of links")
    for i in range(12):  # far apart
        with h5py.File(f"raw/far{i}.h5", "w") as f:
            f["on"] = h5py.ExternalLink(f"far{i + 1}.h5", "/on")
    with h5py.File("raw/far12.h5", "w") as f:
        f["on"] = np.zeros(4)
    with h5py.File("raw/all.h5", "a") as f:
        f["far"] = h5py.ExternalLink("far0.h5", "/on")
    same_as_copy("--layout-in", "robomimic", what="far apart")


def broken():
    """What cannot be followed is told, and the rest is done."""
    fresh("raw/in", "secret")
    with h5py.File("secret/s.h5", "w") as f:
        f["x"] = np.full((30, 2), MARK)
    with h5py.File("raw/in/good.h5", "w") as f:
        f["x"] = np.ones((30, 2))
    os.symlink(here + "/secret/s.h5", "raw/in/out.h5")
    os.mkfifo("raw/in/fifo.h5")
    os.mkdir("raw/in/folder.h5")
    with open("raw/in/text.h5", "w") as f:
        f.write("no HDF5" * 100)
    names = {"up": "../secret/s.h5", "in_and_up": "in/../../secret/s.h5", "out": "in/out.h5",
             "absolute": here + "/secret/s.h5", "fifo": "in/fifo.h5", "folder": "in/folder.h5",
             "text": "in/text.h5", "gone": "in/gone.h5", "passwd": "/etc/passwd",
             "proc": "/proc/self/environ", "odd": "/\1/../secret/s.h5", "dots": "..", "s": "s.h5"}
    with h5py.File("raw/all.h5", "w") as f:
        g = f.create_group("data/demo_0")
        g["timestamps"] = np.arange(30) / 10
        g["actions"] = np.arange(60.).reshape(30, 2)
        g["obs/good"] = h5py.ExternalLink("in/good.h5", "/x")
        g["obs/nothing"] = h5py.ExternalLink("in/good.h5", "/y")
        for k, name in names.items():
            g[f"obs/{k}"] = h5py.ExternalLink(name, "/x")
    for args in ((), ("--sandbox", "off")):
        run("raw/all.h5", "--allow-external", *args, expect=3)
        got = data_of("out")
        check(any(k.endswith("obs/good") for _, k in got), "the good one", sorted(got))
        check(not any(np.any(v == MARK) for v in got.values()), "values of another directory")
        told = {p["where"].split("/")[-1] for p in report()["problems"]
                if p["code"] in ("broken_link", "unreadable")}
        check(told == set(names) | {"nothing"}, "what is told", told ^ set(names))
    said = " ".join(p["message"] for p in report()["problems"])
    for word in ("outside", "No such file", "not a file"):
        check(word in said, word, said)
    run("raw/all.h5", expect=0)
    check("external_links" in codes(), "refused by default", codes())


# --- virtual datasets -----------------------------------------------------------------------------

def with_state(path, fill):
    """One episode whose stream `state` fill makes; its values."""
    with h5py.File(path, "w", libver=("v110", "v110")) as f:
        f["timestamp"] = np.arange(60) / 10
        f["other"] = np.arange(120.).reshape(60, 2)
        fill(f)


def plain(x):
    with_state("copy/all.h5", lambda f: f.__setitem__("state", x))


def virtual():
    fresh("raw/p")
    x = rng.normal(size=(60, 5)).astype("f4")
    parts = np.split(x, (10, 31))
    for i, part in enumerate(parts):
        with h5py.File(f"raw/p/{i}.h5", "w") as f:
            if i == 1:
                f.create_dataset("g/v", data=part, chunks=(4, 2), compression=2, shuffle=True)
            else:
                f["g/v"] = part.astype(">f4") if i == 2 else part
    at = np.cumsum([0] + [len(p) for p in parts])

    def rows(f, dtype="f4"):
        lay = h5py.VirtualLayout((60, 5), dtype)
        for i, part in enumerate(parts):
            lay[at[i]:at[i + 1]] = h5py.VirtualSource(f"p/{i}.h5", "g/v", part.shape)
        f.create_virtual_dataset("state", lay, fillvalue=MARK)

    plain(x)
    with_state("raw/all.h5", rows)
    for args in WAYS:
        same_as_copy(*args, what="rows")
    run("raw/all.h5", expect=3)
    check("virtual" in codes(), "refused by default", codes())
    plain(x.astype("f8"))
    with_state("raw/all.h5", lambda f: rows(f, "f8"))
    same_as_copy("--rate", "9", what="another type")

    def columns(f):
        lay = h5py.VirtualLayout((60, 10), "f4")
        for i, part in enumerate(parts):
            src = h5py.VirtualSource(f"p/{i}.h5", "g/v", part.shape)
            lay[at[i]:at[i + 1], 0:2] = src[:, 3:5]
            lay[at[i]:at[i + 1], 2:7] = src
            lay[at[i]:at[i + 1], 7:10] = src[:, 0:3]
        f.create_virtual_dataset("state", lay)

    plain(np.concatenate([x[:, 3:5], x, x[:, :3]], 1))
    with_state("raw/all.h5", columns)
    same_as_copy("--rate", "9", what="columns")

    def pages(f):
        lay = h5py.VirtualLayout((60, 5), "f4")
        for i in range(60):
            lay[i] = h5py.VirtualSource(f"p/row{i % 7}.h5", f"r{i}", (5,))
        f.create_virtual_dataset("state", lay)

    for i in range(7):
        with h5py.File(f"raw/p/row{i}.h5", "w") as f:
            for k in range(i, 60, 7):
                f[f"r{k}"] = x[k]
    plain(x)
    with_state("raw/all.h5", pages)
    same_as_copy("--rate", "9", what="a part a row")

    def nested(f):
        lay = h5py.VirtualLayout((60, 5), "f4")
        lay[:20] = h5py.VirtualSource("p/mid.h5", "v", (60, 5))[:20]
        lay[20:] = h5py.VirtualSource("p/mid.h5", "v", (60, 5))[20:]
        f.create_virtual_dataset("state", lay)

    with h5py.File("raw/p/mid.h5", "w", libver=("v110", "v110")) as f:
        lay = h5py.VirtualLayout((60, 5), "f4")
        for i, part in enumerate(parts):
            lay[at[i]:at[i + 1]] = h5py.VirtualSource(f"{i}.h5", "g/v", part.shape)
        f.create_virtual_dataset("v", lay)
    with_state("raw/all.h5", nested)
    same_as_copy("--rate", "9", what="virtual of virtual")

    def frames(f):
        cam = rng.integers(0, 255, (60, 6, 6, 3)).astype("u1")
        with h5py.File("raw/p/cam.h5", "w") as g:
            g.create_dataset("a", data=cam[:25], chunks=(1, 6, 6, 3), compression=1)
            g["b"] = cam[25:]
        lay = h5py.VirtualLayout(cam.shape, "u1")
        lay[:25] = h5py.VirtualSource("p/cam.h5", "a", (25, 6, 6, 3))
        lay[25:] = h5py.VirtualSource("p/cam.h5", "b", (35, 6, 6, 3))
        f.create_virtual_dataset("cam", lay)
        frames.x = cam

    with_state("raw/all.h5", frames)
    with_state("copy/all.h5", lambda f: f.__setitem__("cam", frames.x))
    same_as_copy("--rate", "9", "--decode", what="frames")

    # in the same file it needs no permission
    def inside(f):
        f["parts/a"], f["parts/b"] = x[:25], x[25:]
        lay = h5py.VirtualLayout((60, 5), "f4")
        lay[:25] = h5py.VirtualSource(".", "/parts/a", (25, 5))
        lay[25:] = h5py.VirtualSource(".", "/parts/b", (35, 5))
        f.create_virtual_dataset("state", lay)

    with_state("raw/all.h5", inside)
    run("raw/all.h5", "--keep", "state")
    got = [v for (_, k), v in data_of("out").items() if "state" in k]
    check(len(got) == 1 and np.array_equal(got[0], x), "in the same file", len(got))


def shapes():
    """Boxes of all kinds, against what libhdf5 makes of them where nothing is missing."""
    fresh("raw")
    x = rng.normal(size=(40, 6))
    with h5py.File("raw/s.h5", "w") as f:
        f["a"], f["one"], f["col"] = x, x[:, 0], x.T
        f["mid"] = x.reshape(40, 1, 6)
        f["whole"] = (x * 100).astype("i2")
        f["half"] = x.astype("f2")
        f["big_endian"] = x.astype(">f8")
        f["flags"] = x[:, :3] > 0
        f["deep"] = rng.normal(size=(4, 10, 3, 2))
        f.create_dataset("wide", data=rng.normal(size=(40, 600)), chunks=(40, 30), compression=1)
    every, of_a = slice(None), (40, 6)
    for what, shape, dtype, parts in (
            ("an axis of one", (40, 6), "f8", [(every, "mid", (40, 1, 6), None)]),
            ("integers to float", (40, 6), "f8", [(every, "whole", of_a, None)]),
            ("integers", (40, 6), "i4", [(every, "whole", of_a, None)]),
            ("float to integers", (40, 6), "i4", [(every, "a", of_a, None)]),
            ("halves", (40, 6), "f4", [(every, "half", of_a, None)]),
            ("big endian", (40, 6), ">f4", [(every, "big_endian", of_a, None)]),
            ("flags", (40, 3), bool, [(every, "flags", (40, 3), None)]),
            ("some columns", (40, 2), "f8", [(every, "a", of_a, np.s_[:, 2:4])]),
            ("a column and others", (40, 3), "f8", [(np.s_[:, 0], "one", (40,), None),
                                                    (np.s_[:, 1:], "a", of_a, np.s_[:, 4:6])]),
            ("one axis", (40,), "f8", [(every, "one", (40,), None)]),
            ("the last of four axes", (4, 10, 3), "f8",
             [(every, "deep", (4, 10, 3, 2), np.s_[:, :, :, 1])]),
            ("the first of four axes", (10, 3, 2), "f8",
             [(every, "deep", (4, 10, 3, 2), np.s_[2])]),
            ("inside", (30, 100), "f8", [(every, "wide", (40, 600), np.s_[5:35, 77:177])]),
            ("swapped", (40, 6), "f8", [(np.s_[:20], "a", of_a, np.s_[20:]),
                                        (np.s_[20:], "a", of_a, np.s_[:20])]),
            ("a stack", (2, 40, 6), "f8", [(0, "a", of_a, None), (1, "half", of_a, None)]),
            ("rows of columns", (40, 6), "f8",
             [(k, "col", (6, 40), np.s_[:, k]) for k in range(40)])):
        layout = h5py.VirtualLayout(shape, dtype)
        for to, name, of, box in parts:
            source = h5py.VirtualSource("s.h5", name, of)
            layout[to] = source if box is None else source[box]
        with h5py.File("raw/all.h5", "w", libver=("v110", "v110")) as f:
            f["timestamp"] = np.arange(shape[0]) / 10
            f["other"] = np.arange(2. * shape[0]).reshape(-1, 2)
            f.create_virtual_dataset("state", layout, fillvalue=7)
            want = f["state"][()]
        run("raw/all.h5", "--allow-external")
        got = [v for (_, k), v in data_of("out").items() if k.endswith("state")]
        check(len(got) == 1 and got[0].shape == want.shape and np.array_equal(got[0], want), what)


def bad_virtual():
    """libhdf5 gives fill values for what is not there: none may come out."""
    fresh("raw/p")
    x = rng.normal(size=(60, 2))
    with h5py.File("raw/p/a.h5", "w") as f:
        f["v"] = x
        f["short"] = x[:10]
        f["text"] = ["a"] * 60
        f.create_dataset("holes", (60, 2), "f8", chunks=(10, 2))[:20] = x[:20]
        f.create_dataset("unwritten", (60, 2), "f8")
        f["grp/x"] = 1

    def part(name, dataset, to=slice(None), what=slice(None), shape=(60, 2)):
        def fill(f):
            lay = h5py.VirtualLayout((60, 2), "f8")
            lay[to] = h5py.VirtualSource(name, dataset, shape)[what]
            f.create_virtual_dataset("state", lay, fillvalue=MARK)
        return fill

    def overlapping(f):
        lay = h5py.VirtualLayout((60, 2), "f8")
        lay[:40] = h5py.VirtualSource("p/a.h5", "v", (60, 2))[:40]
        lay[20:] = h5py.VirtualSource("p/a.h5", "v", (60, 2))[20:]
        f.create_virtual_dataset("state", lay)

    def holes_and_overlap(f):
        lay = h5py.VirtualLayout((60, 2), "f8")
        for to in ((0, 20), (10, 30), (40, 60)):
            lay[slice(*to)] = h5py.VirtualSource("p/a.h5", "v", (60, 2))[:20]
        f.create_virtual_dataset("state", lay)

    def strided(f):
        lay = h5py.VirtualLayout((60, 2), "f8")
        lay[0::2] = h5py.VirtualSource("p/a.h5", "v", (60, 2))[:30]
        lay[1::2] = h5py.VirtualSource("p/a.h5", "v", (60, 2))[30:]
        f.create_virtual_dataset("state", lay)

    def endless(f):
        space = h5py.h5s.create_simple((60, 2), (h5py.h5s.UNLIMITED, 2))
        space.select_hyperslab((0, 0), (h5py.h5s.UNLIMITED, 1), (10, 1), (10, 2))
        source = h5py.h5s.create_simple((10, 2))
        dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        dcpl.set_virtual(space, b"p/f-%b.h5", b"v", source)
        whole = h5py.h5s.create_simple((60, 2), (h5py.h5s.UNLIMITED, 2))
        h5py.h5d.create(f.id, b"state", h5py.h5t.NATIVE_DOUBLE, whole, dcpl)

    def itself(f):
        lay = h5py.VirtualLayout((60, 2), "f8")
        lay[:] = h5py.VirtualSource(".", "/state", (60, 2))
        f.create_virtual_dataset("state", lay)

    for what, fill in (
            ("no file", part("p/gone.h5", "v")), ("no dataset", part("p/a.h5", "w")),
            ("a group", part("p/a.h5", "grp")), ("text", part("p/a.h5", "text", shape=(60, 2))),
            ("a hole", part("p/a.h5", "v", slice(0, 50), slice(0, 50))),
            ("a short source", part("p/a.h5", "short")),
            ("missing chunks", part("p/a.h5", "holes")),
            ("never written", part("p/a.h5", "unwritten")),
            ("outside", part("../copy/a.h5", "v")), ("no path", part("/etc/passwd", "v")),
            ("overlap", overlapping), ("holes and overlap", holes_and_overlap),
            ("strides", strided), ("no end", endless), ("itself", itself)):
        with_state("raw/all.h5", fill)
        # of the short one the chunks that are missing may be found when they are read
        text = run("raw/all.h5", "--allow-external", "--keep", "state,other",
                   expect=1 if what == "missing chunks" else 3)
        got = data_of("out") if os.path.exists("out") else {}
        check(not any("state" in k for _, k in got), what, "came out", sorted(got), text)


# --- external storage -----------------------------------------------------------------------------

def raw_files():
    fresh("raw/bin", "secret")
    x = rng.normal(size=(60, 3)).astype(">f4")
    with open("raw/bin/a", "wb") as f:
        f.write(b"head..." + x[:20].tobytes() + b"tail")
    with open("raw/bin/b", "wb") as f:
        f.write(x[20:].tobytes())
    with open("secret/b", "wb") as f:
        f.write(x[20:].tobytes())

    def create(files):
        def fill(f):
            dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            for name, offset, n in files:
                dcpl.set_external(name.encode(), offset, n)
            h5py.h5d.create(f.id, b"state", h5py.h5t.IEEE_F32BE, h5py.h5s.create_simple((60, 3)),
                            dcpl)
        return fill

    good = (("bin/a", 7, 20 * 12), ("bin/b", 0, 40 * 12))
    with_state("raw/all.h5", create(good))
    plain(x)
    for args in WAYS:
        same_as_copy(*args, what="raw files")
    with_state("raw/all.h5", create((("bin/a", 7, 20 * 12), ("bin/b", 0, h5py.h5f.UNLIMITED))))
    same_as_copy(what="raw files without end")
    run("raw/all.h5", expect=3)
    check("external" in codes(), "refused by default", codes())
    for what, files in (("short", (("bin/a", 7, 20 * 12), ("bin/b", 16, 40 * 12))),
                        ("few", (("bin/a", 7, 20 * 12),)),
                        ("gone", (("bin/a", 7, 20 * 12), ("bin/c", 0, 40 * 12))),
                        ("outside", (("bin/a", 7, 20 * 12), ("../secret/b", 0, 40 * 12)))):
        try:
            with_state("raw/all.h5", create(files))
        except ValueError:  # libhdf5 does not make such a one
            continue
        run("raw/all.h5", "--allow-external", expect=3)
        check(not any("state" in k for _, k in data_of("out")), what, "came out")


# --- changes --------------------------------------------------------------------------------------

def touch(path, later=2):
    t = os.stat(path).st_mtime + later
    os.utime(path, (t, t))


def changes():
    """A file that an input refers to is part of it: for --resume, --index and while it is read."""
    linked_files()
    run("raw/all.h5", "--allow-external", "--shard-episodes", "1")
    before = {n: open(f"out/{n}", "rb").read() for n in os.listdir("out") if n.endswith(".h5")}
    os.remove("out/shard-00001.h5")
    run("raw/all.h5", "--allow-external", "--shard-episodes", "1", "--resume")
    after = {n: open(f"out/{n}", "rb").read() for n in os.listdir("out") if n.endswith(".h5")}
    check(before == after and len(after) == 3, "the same again", sorted(after))
    text = run("raw/all.h5", "--shard-episodes", "1", "--resume", expect=1)
    check("--allow-external" in text, "without the option", text)
    touch("raw/eps/ep1.h5")
    text = run("raw/all.h5", "--allow-external", "--shard-episodes", "1", "--resume", expect=2)
    check("holds something else now" in text, "changed", text)

    index = ("raw/all.h5", "--allow-external", "--index", "kept")
    run(*index)
    first = os.stat("kept").st_ino
    run(*index)
    check(os.stat("kept").st_ino == first, "nothing is scanned again")
    touch("raw/eps/ep1.h5", 4)
    run(*index)
    check(os.stat("kept").st_ino != first, "a linked file changed")
    text = run("raw/all.h5", "--index", "kept", expect=1)
    check("another" in text, "an index with links", text)
    os.remove("kept")
    os.rename("raw/eps/ep1.h5", "raw/eps/away")
    run(*index, expect=3)
    check(n_ok() == 2 and "broken_link" in codes(), "one is away", codes())
    os.rename("raw/eps/away", "raw/eps/ep1.h5")
    run(*index)
    check(n_ok() == 3, "it is back")


def linked_files():
    fresh("raw/eps")
    with h5py.File("raw/all.h5", "w") as top:
        for i, n in enumerate((40, 55, 33)):
            with h5py.File(f"raw/eps/ep{i}.h5", "w") as f:
                fill_episode(f.create_group("traj"), n, {})
            top[f"data/demo_{i}"] = h5py.ExternalLink(f"eps/ep{i}.h5", "/traj")


def packed():
    """What lies in a container has no directory."""
    linked_files()
    subprocess.run(["tar", "-cf", "all.tar", "raw"], check=True)
    text = run("all.tar", "--allow-external", expect=3)
    check(n_ok() == 3 and "all.h5" in text, "the others are read", text)


def roundabout():
    """Links that lead through other files, or back."""
    fresh("raw/in", "raw/deep/er")
    v = rng.normal(size=(2000, 8))
    with h5py.File("raw/c.hx", "w") as f, h5py.File("raw/b.hx", "w") as g:
        f["k"], g["k"] = v, h5py.ExternalLink("c.hx", "/k")
        g["back"] = h5py.ExternalLink("in/../all.h5", "/p")
    layout = h5py.VirtualLayout(v.shape, "f8")
    layout[:] = h5py.VirtualSource("b.hx", "/k", v.shape)
    with h5py.File("raw/all.h5", "w") as f:
        f["p"], f["back"] = v + 1, h5py.ExternalLink("b.hx", "/back")
        f["self"] = h5py.ExternalLink("all.h5", "/p")
        f.create_virtual_dataset("v", layout)
        f.create_dataset("rc", (20,), [("x", "f4"), ("y", "i4")], external=[("c.hx", 0, 160)])
    run("raw", "--allow-external", "--layout", "keep")
    got = {k: x for (_, k), x in data_of("out").items()}
    check(sorted(got) == ["back", "p", "self", "v"] and
          all(np.array_equal(got[k], v + (k != "v")) for k in got), "roundabout", sorted(got))
    os.symlink("deep/er", "raw/dl")
    shutil.copy("raw/c.hx", "raw/deep")
    with h5py.File("raw/all.h5", "a") as f:
        f["up"] = h5py.ExternalLink("dl/../c.hx", "/k")
    check("up again" in run("raw", "--allow-external", expect=3), "a link, then ..")
    with h5py.File("raw/in/x.h5", "w") as f:
        f["q"], f["k"] = v, h5py.ExternalLink("../c.hx", "/k")
    run("raw/in/x.h5", "raw/in", "raw", "--allow-external", "--layout", "keep", expect=3)
    check(n_ok() == 2, "wider", report()["episodes"])
    for operand in "raw", "raw/in/x.h5":
        run(operand, "--allow-external", "--index", "ix", "--layout-in", "generic", expect=3)
    check("broken_link" in codes(), "another directory", codes())


def in_use(leads):
    """A linked file that is written to while it is read."""
    linked_files()
    with h5py.File("raw/eps/ep2.h5", "a") as f:
        f["traj/obs"].create_dataset("big", data=np.zeros((33, 1000000), "u1"), compression=1)
        layout = h5py.VirtualLayout((33, 1000000), "u1")
        layout[:] = h5py.VirtualSource(".", "/traj/obs/big", (33, 1000000))
        f.create_virtual_dataset("v", layout)
    if leads:
        with h5py.File("raw/all.h5", "w") as f:
            f["p"], f["l"] = np.zeros((33, 2)), h5py.ExternalLink("eps/ep2.h5", leads)
    shutil.rmtree("busy", ignore_errors=True)
    p = subprocess.Popen([robocache, "convert", "raw/all.h5", "--allow-external", "-o", "busy",
                          "-q", "-j1"], stderr=subprocess.PIPE, text=True)
    while p.poll() is None and not os.path.exists("busy"):
        time.sleep(.001)
    while p.poll() is None:
        touch("raw/eps/ep2.h5", 1)
        time.sleep(.002)
    check(p.returncode in (1, 3) and "changed" in p.stderr.read(), "in use", leads, p.returncode)


os.makedirs("secret", exist_ok=True)
linked()
links_of_links()
broken()
virtual()
shapes()
bad_virtual()
raw_files()
changes()
packed()
roundabout()
in_use("")
in_use("/v")
print(f"{checks} checks, {failures} failures")
sys.exit(failures != 0)
