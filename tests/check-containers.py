# SPDX-License-Identifier: Apache-2.0
"""Converts files in containers and compares with the same files unpacked, by bytes or by values;
checks what becomes of damaged ones, and that nothing is left behind.

usage: check-containers.py ROBOCACHE RECORD_SAMPLE PLUGIN_DIR WORK_DIR
"""
import hashlib
import json
import os
import shutil
import subprocess
import sys

robocache, record, plugin_dir, work = (os.path.abspath(a) for a in sys.argv[1:5])
os.environ["HDF5_PLUGIN_PATH"] = plugin_dir
os.environ.pop("TMPDIR", None)

import h5py  # noqa: E402  (after HDF5_PLUGIN_PATH)
import numpy as np  # noqa: E402

import data_containers as data  # noqa: E402

passed = failed = 0


def check(ok, what):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("not ok:", what)


def run(*args, status=0, **kw):
    r = subprocess.run([robocache, *args], capture_output=True, text="input" not in kw, **kw)
    check(r.returncode == status, f"status {r.returncode} of {args}\n{r.stdout}\n{r.stderr}")
    return r


def convert(*args, out="out", **kw):
    """Converts into a directory that is new."""
    shutil.rmtree(out, ignore_errors=True)
    return run("convert", *args, "-o", out, "--rate", "20", "-q", **kw)


def load(path):
    with open(path) as f:
        return json.load(f)


def ids(out="out"):
    return [e["id"] for s in load(f"{out}/manifest.json")["shards"] for e in s["episodes"]]


def reasons(out="out"):
    return sorted(p["code"] for p in load(f"{out}/report.json")["problems"]
                  if p["severity"] == "error")


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def values(path):
    """Every array of a file by its name."""
    out = {}
    with h5py.File(path) as f:
        f.visititems(lambda name, o: out.update({name: o[()]})
                     if isinstance(o, h5py.Dataset) else None)
    return out


def same_values(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def put(path, content):
    data.put(path, content)
    return path


# --- in ------------------------------------------------------------------------------------------

def samples():
    subprocess.run([record, "-o", "raw", "--seconds", "1"], check=True, capture_output=True)
    return sorted(os.listdir("raw"))


def read(name):
    with open(f"raw/{name}", "rb") as f:
        return f.read()


def check_packed_directory(names):
    """Packed one by one, a directory gives the same bytes; with memory and without, by any number
    of threads."""
    for i, name in enumerate(names):
        content = read(name)
        packed = data.several_frames(content) if i % 2 else data.zstd(content, size_known=False)
        put(f"packed/raw/{name}.zst", packed)
    before = {n: digest(f"packed/raw/{n}.zst") for n in names}
    convert("raw", out="plain")
    os.mkdir("scratch")
    for options in [], ["-j1"], ["--memory", "40M", "-j3", "--scratch-dir", "scratch"]:
        convert("packed/raw", *options)
        check(digest("out/shard-00000.h5") == digest("plain/shard-00000.h5"),
              f"bytes of a packed directory with {options}")
    check(os.listdir("scratch") == [], "scratch files are left")
    check(before == {n: digest(f"packed/raw/{n}.zst") for n in names}, "an input was changed")
    check(ids() == [f"raw/{n}" for n in names], f"identifiers {ids()}")
    seen = json.loads(run("inspect", "--json", "packed/raw").stdout)
    plain = json.loads(run("inspect", "--json", "raw").stdout)
    check([f["episodes"] for f in seen["files"]] == [f["episodes"] for f in plain["files"]],
          "inspect of packed files")


def check_archives(names):
    subprocess.run(["tar", "-cf", "all.tar", *[f"raw/{n}" for n in reversed(names)]], check=True)
    subprocess.run(["zstd", "-q", "all.tar"], check=True)
    shutil.copytree("packed/raw", "inner/raw")
    subprocess.run(["tar", "--zstd", "-C", "inner", "-cf", "inner.tar.zst", "raw"], check=True)
    want = values("plain/shard-00000.h5")
    for path in "all.tar", "all.tar.zst", "inner.tar.zst":
        convert(path)
        stem = path.split(".")[0]
        check(ids() == [f"{stem}.tar:raw/{n}" for n in names], f"{path}: identifiers {ids()}")
        check(same_values(values("out/shard-00000.h5"), want), f"values of {path}")
    convert("all.tar.zst", out="again")
    convert("all.tar")
    check(digest("out/shard-00000.h5") == digest("again/shard-00000.h5"),
          "a tar and a tar in zstd give the same bytes")
    convert("raw", "all.tar", "inner.tar.zst", "--layout", "act")
    check(len(ids()) == 3 * len(names) == len(set(ids())), "files and archives together")


def check_standard_input(names):
    one, want = read(names[0]), None
    convert(f"raw/{names[0]}", out="one")
    want = values("one/shard-00000.h5")
    tar = data.Tar().add("a/b.h5", one).end()
    for content, name in [(one, "stdin"), (data.zstd(one), "stdin"), (tar, "stdin:a/b.h5"),
                          (data.several_frames(one), "stdin"),
                          (data.zstd(tar, size_known=False), "stdin:a/b.h5")]:
        convert("-", input=content)
        check(ids() == [name], f"standard input: identifiers {ids()}")
        check(same_values(values("out/shard-00000.h5"), want), "values of standard input")
    convert("-", input=one[:-1000], status=1)
    convert("-", input=b"", status=1)
    r = convert("-", "--files-from", "-", input=b"", status=2)
    check(b"only one of" in r.stderr, f"two readers of standard input: {r.stderr}")
    check(b"STREAM" in run("inspect", "-", input=data.zstd(one)).stdout, "inspect -")


def check_good(names):
    """Every form holds the same episode once."""
    want = values("one/shard-00000.h5")
    for name, content in data.good(read(names[0])).items():
        convert(put(f"good/{name}", content))
        check(same_values(values("out/shard-00000.h5"), want), f"values of {name}")
    os.makedirs("walk")
    for name in names[:2]:
        shutil.copy(f"raw/{name}", "walk")
    shutil.copy(f"packed/raw/{names[0]}.zst", "walk")
    shutil.copy("all.tar", "walk/x.TAR")
    shutil.copy("all.tar", "walk/.y.tar")
    r = convert("walk")
    check(len(ids()) == 2 + len(names), f"a directory of everything: {ids()}")
    check("lies beside it" in r.stderr, "no word about what is there twice")


def check_bad(names):
    """Each is skipped for its reason, and what is beside it is converted."""
    shutil.copy(f"raw/{names[1]}", "beside.h5")
    for reason, files in data.bad(read(names[0])).items():
        for name, content in files.items():
            path = put(f"bad/{reason}/{name}", content)
            r = convert(path, "beside.h5", status=3)
            check(reason in reasons(), f"{name}: {reasons()} instead of {reason}")
            check(path in r.stderr, f"{name} is not named: {r.stderr}")
            check("beside.h5" in ids(), f"{name}: what is beside it was not converted")
    r = convert("raw", "--scratch-dir", "nowhere", status=2)
    check("nowhere" in r.stderr, "a scratch directory that is none")


def main():
    os.chdir(work)
    names = samples()
    check_packed_directory(names)
    check_archives(names)
    check_standard_input(names)
    check_good(names)
    check_bad(names)
    print(f"{passed} passed, {failed} failed")
    return failed != 0


sys.exit(main())
