# SPDX-License-Identifier: Apache-2.0
"""Files that are damaged or built to do harm, and what the program makes of them.

check-hostile.py ROBOCACHE WORK PART...

Parts: kinds: each of data_hostile.py beside a good file; mutants=N: N of each sample of the layouts
with bytes changed, cut or moved; flips=N: N single bits of shards, which verify must find;
files=DIR: what others collected, such as the files of the CVEs of libhdf5.
The program itself must never end by a signal, hang or take more memory than its budget, the good
file must convert, and each bad one must be named.  HOSTILE_SEED repeats mutants and flips.
"""
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import data_hostile2 as data_hostile  # noqa: E402
from data_layouts2 import FAMILIES  # noqa: E402

robocache, work = sys.argv[1:3]
failures = 0
counts = {}
SANITIZED = b"__asan_init" in open(robocache, "rb").read()
MEMORY = 300 << 20  # of the run with --memory 64M, which does not count libraries and index
LIMIT_S = 300
most_memory = 0


def count(what, n=1):
    counts[what] = counts.get(what, 0) + n


def fail(what, *files):
    """Keeps the files."""
    global failures
    failures += 1
    print(f"not ok: {what}", flush=True)
    keep = os.environ.get("HOSTILE_KEEP")
    if keep:
        os.makedirs(keep, exist_ok=True)
        for f in files:
            if os.path.isfile(f):
                shutil.copy(f, os.path.join(keep, f"{failures}-{os.path.basename(f)}"))


def run(*args):
    env = {k: v for k, v in os.environ.items() if not k.startswith("ROBOCACHE_")}
    env["ROBOCACHE_DEVICE"] = "cpu"
    try:
        p = subprocess.run([robocache, *args], capture_output=True, timeout=LIMIT_S, env=env)
    except subprocess.TimeoutExpired:
        return None, "it hangs"
    return p.returncode, p.stderr.decode(errors="replace")


def named(report, file):
    """What the report says about a file: that it was skipped, or something of it."""
    said = [i for i in report["inputs"]
            if os.path.basename(i["path"]).startswith(file) and i["status"] != "ok"]
    said += [e for e in report["episodes"]
             if os.path.basename(e["source"]).startswith(file) and e["status"] != "ok"]
    said += [f for i in report["inputs"] if os.path.basename(i["path"]).startswith(file)
             for f in i.get("findings", [])]
    said += [p for p in report["problems"] if p["severity"] != "info" and
             (file in p["message"] or file in p["where"])]
    return said


def convert(directory, out):
    """The report, or None after a failure that was told."""
    shutil.rmtree(out, ignore_errors=True)
    status, text = run("convert", directory, "-o", out, "-q", "-q", "--memory", "64M",
                       "--compression", "none")
    if status not in (0, 3):
        fail(f"convert {directory}: status {status}: {text[-500:]}")
        return None
    with open(os.path.join(out, "report.json")) as f:
        report = json.load(f)
    global most_memory
    most_memory = max(most_memory, report["run"]["max_rss_bytes"])
    return report


def converted(report, file):
    return [e for e in report["episodes"]
            if os.path.basename(e["source"]) == file and e["status"] == "ok"]


def inspect(directory):
    status, text = run("inspect", "--json", directory)
    if status not in (0, 3):
        fail(f"inspect {directory}: status {status}: {text[-500:]}")


# --- kinds --------------------------------------------------------------------------------------


def kinds():
    raw, out = os.path.join(work, "kinds"), os.path.join(work, "kinds-out")
    os.mkdir(raw)
    data_hostile.good(os.path.join(raw, "a-good-one.h5"))
    for name, (make, _, suffix) in data_hostile.KINDS.items():
        make(os.path.join(raw, name + suffix))
        count("kinds")
    inspect(raw)
    report = convert(raw, out)
    if not report:
        each_alone(raw, out)
        return
    if len(converted(report, "a-good-one.h5")) != 2:
        fail("the good file did not convert")
    for name, (_, says, suffix) in data_hostile.KINDS.items():
        said = named(report, name + suffix)
        if says == "bad" and not said:
            fail(f"{name}{suffix} is not named", os.path.join(raw, name + suffix))
        if says == "ok" and not converted(report, name + suffix):
            fail(f"{name}{suffix} did not convert: {said[:2]}")
    check_reasons(report)
    verify(out)


def check_reasons(report):
    for what in (*report["inputs"], *report["episodes"]):
        if what["status"] != "ok" and not (what.get("reason") and what.get("message")):
            fail(f"left out without a reason: {what}")


def files(directory):
    """All of them, whatever they are called, are read as HDF5."""
    raw, out = os.path.join(work, "files"), os.path.join(work, "files-out")
    os.mkdir(raw)
    data_hostile.good(os.path.join(raw, "a-good-one.h5"))
    for here, _, names in os.walk(directory):
        for name in names:
            to = os.path.relpath(os.path.join(here, name), directory).replace("/", "_")
            shutil.copy(os.path.join(here, name), os.path.join(raw, f"of-{to}.h5"))
            count("files")
    inspect(raw)
    report = convert(raw, out)
    if not report:
        each_alone(raw, out)
        return
    if len(converted(report, "a-good-one.h5")) != 2:
        fail("the good file did not convert")
    check_reasons(report)
    for what, key, good in (("inputs", "path", "read"), ("episodes", "source", "converted")):
        for x in report[what]:
            if os.path.basename(x[key]).startswith("of-"):
                count(f"{what} {x.get('reason') or good}")
    verify(out)


def each_alone(raw, out):
    """Which of them it was."""
    for name in sorted(os.listdir(raw)):
        alone = os.path.join(work, "alone")
        shutil.rmtree(alone, ignore_errors=True)
        os.mkdir(alone)
        data_hostile.good(os.path.join(alone, "a-good-one.h5"))
        os.rename(os.path.join(raw, name), os.path.join(alone, name))
        if not convert(alone, out):
            print(f"... with {name}")


def verify(out):
    status, text = run("verify", "-q", out)
    if status != 0:
        fail(f"verify {out}: status {status}: {text[-300:]}")


# --- mutants ------------------------------------------------------------------------------------

SIGNATURES = (b"OHDR", b"OCHK", b"TREE", b"SNOD", b"HEAP", b"GCOL", b"FRHP", b"FHDB", b"FHIB",
              b"BTHD", b"BTLF", b"BTIN", b"FSHD", b"EAHD", b"EAIB", b"FAHD", b"FADB", b"\x89HDF")


def places(data):
    """Where structures begin: most changes are made near one."""
    found = []
    for s in SIGNATURES:
        found += [m.start() for m in re.finditer(re.escape(s), data)]
    return found or [0]


def changed(data, where, rng):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        near = rng.random() < 0.8
        at = rng.choice(where) + rng.randrange(200) if near else rng.randrange(len(data))
        at = min(at, len(data) - 1)
        how = rng.randrange(6)
        if how == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif how == 2:
            n = rng.choice((2, 4, 8))
            value = rng.choice((0, 1, 2**(8 * n) - 1, 2**(8 * n - 1), rng.randrange(2**(8 * n)),
                                at, len(data)))
            data[at:at + n] = (value % 2**(8 * n)).to_bytes(n, "little")
        elif how == 3:
            n = rng.randrange(1, 64)
            data[at:at + n] = data[(b := rng.randrange(len(data))):b + n]
        elif how == 4 and rng.random() < 0.3:
            del data[at:]
            return bytes(data) or b"\0"
        elif how == 5 and rng.random() < 0.3:
            n = rng.randrange(1, 600)
            data[at:at + n] = bytes(n)
        if not data:
            return b"\0"
    return bytes(data)


def samples():
    """A good sample of each layout: its name, and what lies beside it."""
    import h5py
    done = set()
    for make in FAMILIES:
        layout = make.expect["layout"]
        if layout in done or make.expect.get("reason") or make.expect.get("fails"):
            continue
        path = os.path.join(work, f"sample-{layout}.h5")
        with h5py.File(path, "w") as f:
            make(f)
        done.add(layout)
        yield layout, path


def mutants(n, batch=100):
    rng = random.Random(seed)
    for layout, path in samples():
        with open(path, "rb") as f:
            data = f.read()
        where = places(data)
        for first in range(0, n, batch):
            raw, out = os.path.join(work, "mutants"), os.path.join(work, "mutants-out")
            shutil.rmtree(raw, ignore_errors=True)
            os.mkdir(raw)
            data_hostile.good(os.path.join(raw, "a-good-one.h5"))
            for i in range(first, min(first + batch, n)):
                with open(os.path.join(raw, f"{layout}-{i}.h5"), "wb") as f:
                    f.write(changed(data, where, rng))
                count("mutants")
            report = convert(raw, out)
            if not report:
                fail(f"{layout}, mutants {first} and on",
                     *(os.path.join(raw, x) for x in os.listdir(raw)))
                continue
            count("mutants that hurt", sum(i["status"] != "ok" for i in report["inputs"]))
            count("readers lost", sum((i.get("reason") or "").startswith("reader")
                                      for i in report["inputs"]))
            if len(converted(report, "a-good-one.h5")) != 2:
                fail(f"{layout}, mutants {first} and on: the good file did not convert")
            verify(out)


# --- flips --------------------------------------------------------------------------------------


def flips(n):
    rng = random.Random(seed)
    raw, out = os.path.join(work, "flips"), os.path.join(work, "flips-out")
    os.mkdir(raw)
    for i in range(3):
        data_hostile.good(os.path.join(raw, f"{i}.h5"))
    status, text = run("convert", raw, "-o", out, "-q", "-q", "--shard-episodes", "2",
                       "--compression", "gzip:1")
    if status != 0:
        fail(f"convert: {status}: {text}")
        return
    names = sorted(x for x in os.listdir(out) if x.endswith(".h5") or x == "manifest.json")
    for _ in range(n):
        path = os.path.join(out, rng.choice(names))
        with open(path, "rb") as f:
            whole = f.read()
        at = rng.randrange(len(whole))
        data = bytearray(whole)
        data[at] ^= 1 << rng.randrange(8)
        with open(path, "wb") as f:
            f.write(data)
        status, text = run("verify", "-q", "-q", out)
        if status not in (1, 3):
            fail(f"verify gives {status} after a flip of byte {at} of {path}")
        with open(path, "wb") as f:
            f.write(whole)
        count("flips")
    verify(out)
    for what, harm in (("missing", lambda: os.rename(path, path + ".x")),
                       ("more", lambda: shutil.copy(path, os.path.join(out, "shard-00009.h5")))):
        path = os.path.join(out, names[-1])
        harm()
        status, text = run("verify", "-q", "-q", out)
        if status not in (1, 3):
            fail(f"verify gives {status} with a file {what}")
        if what == "missing":
            os.rename(path + ".x", path)
        count("files missing or added")


def main():
    if not SANITIZED:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for part in sys.argv[3:]:
        name, _, n = part.partition("=")
        of = {"kinds": kinds, "mutants": mutants, "flips": flips, "files": files}[name]
        of(*([n if name == "files" else int(n)] if n else []))
    if most_memory > MEMORY and not SANITIZED:
        fail(f"{most_memory >> 20} MiB were used")
    print(", ".join(f"{v} {k}" for k, v in counts.items()) +
          f"; {most_memory >> 20} MiB at most; {failures} failures (HOSTILE_SEED={seed})")
    return failures != 0


seed = int(os.environ.get("HOSTILE_SEED") or random.randrange(1 << 30))
sys.exit(main())
