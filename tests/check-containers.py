# SPDX-License-Identifier: Apache-2.0
"""Converts files in containers and compares with the same files unpacked, by bytes or by values;
checks what becomes of damaged ones, and that nothing is left behind.

usage: check-containers.py ROBOCACHE RECORD_SAMPLE PLUGIN_DIR WORK_DIR
"""
import hashlib
import json
import os
import random
import re
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


def check_mutants(names):
    """Random damage is an outcome, never a crash; what it may be is not known."""
    content = read(names[0])[:200000]
    whole = [data.Tar().add("a.h5", content).add("d/b.h5.zst", data.zstd(content)).end()]
    whole += [data.zstd(whole[0]), data.several_frames(content)]
    dice = random.Random(5)
    for i in range(60):
        bad = bytearray(whole[i % 3])
        for _ in range(dice.randrange(1, 20)):
            near = dice.choice([1024, 4096, len(bad)])
            bad[dice.randrange(min(near, len(bad)))] = dice.randrange(256)
        del bad[dice.randrange(len(bad) // 2, 2 * len(bad)):]
        r = subprocess.run([robocache, "inspect", "-qq", "-"], input=bytes(bad),
                           capture_output=True)
        check(r.returncode in (0, 1, 3), f"mutant {i}: status {r.returncode}: {r.stderr}")


def same_size(content):
    """Another recording that only its values tell from this one."""
    put("changed.h5", content)
    with h5py.File("changed.h5", "r+") as f:
        f["wrench/wrench"][...] *= -1
    with open("changed.h5", "rb") as f:
        return f.read()


def check_resume_of_standard_input(names):
    """What comes through a pipe has no time of change, and is not taken for what came before."""
    first = read(names[0])
    second = same_size(first)
    check(len(second) == len(first) and second != first, "two recordings of one size")
    for pack in bytes, data.zstd, lambda c: data.Tar().add("a.h5", c).end():
        convert("-", out="second", input=pack(second))
        convert("-", input=pack(first))
        args = ["convert", "-", "-o", "out", "--rate", "20", "-q", "--resume"]
        run(*args, input=pack(first))
        r = run(*args, input=pack(second), status=2)
        check(b"holds something else now" in r.stderr, f"another standard input: {r.stderr}")
        run(*args, "--force", input=pack(second))
        check(digest("out/shard-00000.h5") == digest("second/shard-00000.h5"),
              "resumed with another standard input")
    put("-", first)  # a file of that name is none of its business
    convert("-", input=second)
    check(same_values(values("out/shard-00000.h5"), values("second/shard-00000.h5")),
          "standard input beside a file named -")
    os.remove("-")


def check_mended_members(names):
    """A member that was bad is looked at again when its archive was written again."""
    one, two = read(names[0]), read(names[1])
    cut = data.Tar().add("a.h5", one).add("b.h5", two[:5000]).end()
    whole = data.Tar().add("a.h5", one).add("b.h5", two).end()
    args = ["convert", "-o", "out", "--rate", "20", "--force"]
    convert(put("mended.tar", cut), status=3)
    os.utime("mended.tar", (10**9, 10**9))
    check("known to be bad" not in run(*args, "mended.tar", status=3).stderr, "a new time")
    check("known to be bad" in run(*args, "mended.tar", status=3).stderr, "nothing changed")
    run(*args, put("mended.tar", whole))
    check(len(ids()) == 2, f"a mended member: {ids()}")
    convert("-", input=cut, status=3)
    run(*args, "-", input=whole)
    check(len(ids()) == 2, f"a mended member of standard input: {ids()}")


# --- out -----------------------------------------------------------------------------------------

def unzstd(content):
    """Also tests that the frame is complete."""
    return subprocess.run(["zstd", "-dcq"], input=content, stdout=subprocess.PIPE,
                          check=True).stdout


def check_packed_shards(names):
    convert("raw", "--shard-episodes", "2", out="three")
    convert("raw", "--shard-episodes", "2", "--container", "h5.zst", "-j3")
    plain, packed = load("three/manifest.json"), load("out/manifest.json")
    check([s["path"] for s in packed["shards"]] ==
          [s["path"] + ".zst" for s in plain["shards"]], "names of packed shards")
    check(sorted(os.listdir("out")) ==
          sorted(["journal.ndjson", "manifest.json", "report.json"] +
                 [s["path"] for s in packed["shards"]]),
          f"files beside packed shards: {os.listdir('out')}")
    for a, b in zip(plain["shards"], packed["shards"]):
        with open(f"out/{b['path']}", "rb") as f:
            content = f.read()
        with open(f"three/{a['path']}", "rb") as f:
            check(unzstd(content) == f.read(), f"what is in {b['path']}")
        check(b["bytes"] == len(content) and b["unpacked_bytes"] == a["bytes"], "sizes")
        check(b["unpacked_xxh3_128"] == a["xxh3_128"] != b["xxh3_128"], "digests")
        check(b["content_xxh3_128"] == a["content_xxh3_128"], "digest of the content")
        check("unpacked_bytes" not in a, "a plain shard is not packed")
    check(packed["shards"][0]["unpacked_bytes"] ==
          load("out/report.json")["shards"][0]["unpacked_bytes"], "the report of packed shards")
    for options in [], ["--deep"], ["--deep", "--json"]:
        run("verify", "out", *options)
    convert("raw", "--layout", "act", "--container", "h5.zst", out="act")
    check("episode_0.hdf5.zst" in os.listdir("act"), f"packed act: {os.listdir('act')}")
    run("verify", "--deep", "act")
    run("convert", "out", "-o", "from-packed", "-q")
    check(len(ids("from-packed")) == len(names), "packed shards as inputs")


def check_damaged_shards():
    path = "out/shard-00001.h5.zst"
    with open(path, "rb") as f:
        content = f.read()
    put(path, content[:-3])
    check("size_mismatch" in run("verify", "out", status=3).stdout, "a packed shard cut short")
    check("truncated" in run("verify", "--deep", "out", status=3).stdout, "and looked into")
    other = data.zstd(unzstd(content), "-1")
    manifest = load("out/manifest.json")
    manifest["bytes"] += len(other) - manifest["shards"][1]["bytes"]
    manifest["shards"][1]["bytes"] = len(other)
    put("out/manifest.json", json.dumps(manifest).encode())
    put(path, other)
    told = run("verify", "out", status=3).stdout
    check("digest_mismatch" in told, "packed otherwise")
    old = manifest["shards"][1]["xxh3_128"]
    manifest["shards"][1]["xxh3_128"] = next(
        h for h in re.findall("[0-9a-f]{32}", told) if h != old)
    put("out/manifest.json", json.dumps(manifest).encode())
    # that somebody changed the manifest is one finding; the shards are what it says now
    told = run("verify", "--deep", "out", status=3).stdout
    check("manifest_changed" in told and "3 shards ok" in told, f"another packing: {told}")
    manifest["shards"][1]["unpacked_xxh3_128"] = "0" * 32
    put("out/manifest.json", json.dumps(manifest).encode())
    check("3 shards ok" in run("verify", "out", status=3).stdout, "not looked into")
    told = run("verify", "--deep", "out", status=3).stdout
    check("digest_mismatch" in told and "what is in it differs" in told, f"digest inside: {told}")
    run("convert", "raw", "-o", "out", "-q", "--rate", "20", status=2)
    run("convert", "raw", "-o", "out", "-q", "--rate", "20", "-f")
    check(sorted(os.listdir("out")) ==
          ["journal.ndjson", "manifest.json", "report.json", "shard-00000.h5"],
          f"--force over packed shards leaves {os.listdir('out')}")


def stream(*args, status=0, **kw):
    r = subprocess.run([robocache, "convert", *args, "-o", "-", "--rate", "20"],
                       capture_output=True, **kw)
    check(r.returncode == status, f"status {r.returncode} of {args}: {r.stderr}")
    return r


def check_streams(names):
    os.makedirs("tmp", exist_ok=True)
    os.environ["TMPDIR"] = os.path.abspath("tmp")
    r = stream("raw")
    with open("plain/shard-00000.h5", "rb") as f:
        check(unzstd(r.stdout) == f.read(), "one shard in a stream")
    check(b"-> 1 shard" in r.stderr and b"report" not in r.stderr, f"summary {r.stderr}")
    many = ["raw", "--shard-episodes", "2"]
    outs = {hashlib.sha256(stream(*many, "-q", *o).stdout).hexdigest()
            for o in (["-j1"], ["-j4"], ["--report", "stream.json"])}
    check(len(outs) == 1, "streams of several shards differ")
    check(load("stream.json")["run"]["status"] == "ok", "the report of a stream")
    put("three.tar.zst", stream(*many).stdout)
    r = subprocess.run(["tar", "--zstd", "-tf", "three.tar.zst"], capture_output=True, text=True)
    shards = [s["path"] for s in load("three/manifest.json")["shards"]]
    check(r.stdout.split() == shards + ["manifest.json"], f"members {r.stdout}")
    os.mkdir("x")
    subprocess.run(["tar", "--zstd", "-C", "x", "-xf", "three.tar.zst"], check=True)
    for name in shards + ["manifest.json"]:
        check(digest(f"x/{name}") == digest(f"three/{name}"), f"{name} in a tar")
    run("verify", "--deep", "x")
    first = stream(f"raw/{names[0]}").stdout
    second = subprocess.run([robocache, "convert", "-", "-o", "-", "-q"], input=first,
                            capture_output=True, check=True).stdout
    put("second.h5", unzstd(second))
    run("convert", "one/shard-00000.h5", "-o", "direct", "-q")
    check(same_values(values("second.h5"), values("direct/shard-00000.h5")), "a pipe of two")
    check(os.listdir("tmp") == [], f"left behind: {os.listdir('tmp')}")


def check_stream_ends(names):
    put("bad.h5", b"no HDF5")
    r = stream("bad.h5", status=1)
    check(r.stdout == b"", "a run that failed wrote something")
    check(b"skipped: 0 episodes, 1 file" in stream("raw", "bad.h5", status=3).stderr, "partial")
    stream("raw", "--report", "-", status=2)
    stream("raw", "--container", "h5.zst", status=2)
    check(b"raw/" in stream("raw", "--dry-run").stdout, "the plan of a stream")
    p = subprocess.Popen([robocache, "convert", "raw", "-o", "-", "--rate", "20"],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdout.close()
    check(p.wait() == -13, f"a closed pipe: status {p.returncode}")
    check(p.stderr.read() == b"", "a closed pipe is not quiet")
    p.stderr.close()
    if os.path.exists("/dev/full"):
        with open("/dev/full", "wb") as full:
            r = subprocess.run([robocache, "convert", "raw", "-o", "-", "--rate", "20"],
                               stdout=full, stderr=subprocess.PIPE)
        check(r.returncode == 74 and b"No space" in r.stderr, f"a full disk: {r}")
    check(os.listdir("tmp") == [], f"left behind: {os.listdir('tmp')}")
    r = run("convert", "raw", "-o", "out.tar.zst", status=2)
    check("--output -" in r.stderr, "a name of a container as the output directory")


def main():
    os.chdir(work)
    names = samples()
    check_packed_directory(names)
    check_archives(names)
    check_standard_input(names)
    check_resume_of_standard_input(names)
    check_mended_members(names)
    check_good(names)
    check_bad(names)
    check_mutants(names)
    check_packed_shards(names)
    check_damaged_shards()
    check_streams(names)
    check_stream_ends(names)
    print(f"{passed} passed, {failed} failed")
    return failed != 0


sys.exit(main())
