# SPDX-License-Identifier: Apache-2.0
"""check-sandbox.py ROBOCACHE RECORD_SAMPLE WORK: see check-sandbox.sh."""
import json
import os
import re
import shutil
import struct
import subprocess
import sys

import h5py
import numpy as np

robocache, record, work = sys.argv[1:4]
failures = checks = 0
MARK = 1234.56789  # in no output


def check(ok, what):
    global failures, checks
    checks += 1
    if not ok:
        failures += 1
        print(f"not ok: {what}", flush=True)


def path(*names):
    return os.path.join(work, *names)


def run(*args, expect=0):
    p = subprocess.run([robocache, *args], capture_output=True, text=True)
    check(p.returncode == expect, f"{' '.join(args)}: status {p.returncode}: {p.stderr[-300:]}")
    return p.stdout + p.stderr


def report(out):
    with open(os.path.join(out, "report.json")) as f:
        return json.load(f)


# --- files that name other files ----------------------------------------------------------------


def bait(name):
    with h5py.File(path("bait", name), "w") as f:
        f["values"] = np.full((50, 3), MARK)
        f["clock"] = np.arange(50) * 0.1


def tempting(how, fill):
    """A good file, and in it something that leads to a bait."""
    with h5py.File(path("raw", f"{how}.h5"), "w") as f:
        f["state"] = np.random.default_rng(1).normal(size=(50, 3))
        f["timestamp"] = np.arange(50) * 0.1
        fill(f)


def raw_storage(f):
    dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    dcpl.set_external(path("bait", "raw").encode(), 0, 50 * 3 * 8)
    h5py.h5d.create(f.id, b"outside", h5py.h5t.IEEE_F64LE, h5py.h5s.create_simple((50, 3)), dcpl)


def virtual(f):
    layout = h5py.VirtualLayout(shape=(50, 3), dtype="f8")
    layout[:] = h5py.VirtualSource(path("bait", "virtual.h5"), "values", shape=(50, 3))
    f.create_virtual_dataset("outside", layout)


def make():
    os.mkdir(path("raw"))
    os.mkdir(path("bait"))
    for name in ("link.h5", "group.h5", "virtual.h5"):
        bait(name)
    with open(path("bait", "raw"), "wb") as f:
        f.write(struct.pack("<150d", *[MARK] * 150))
    os.mkfifo(path("bait", "fifo"))
    tempting("link", lambda f: f.__setitem__("outside", h5py.ExternalLink(
        path("bait", "link.h5"), "values")))
    tempting("group", lambda f: f.__setitem__("outside", h5py.ExternalLink(
        path("bait", "group.h5"), "/")))
    tempting("fifo", lambda f: f.__setitem__("outside", h5py.ExternalLink(
        path("bait", "fifo"), "values")))
    tempting("passwd", lambda f: f.__setitem__("outside", h5py.ExternalLink(
        "/etc/passwd", "values")))
    tempting("storage", raw_storage)
    tempting("virtual", virtual)


def check_values(out):
    """The good part of each file is there, and nothing of a bait."""
    n = 0
    for name in os.listdir(out):
        if not name.endswith(".h5"):
            continue
        with h5py.File(os.path.join(out, name)) as f:
            found = []
            f.visititems(lambda _, o: found.append(o) if isinstance(o, h5py.Dataset) else None)
            for d in found:
                if d.dtype.kind == "f":
                    check(not np.isclose(d[()], MARK).any(), f"{name}: {d.name} is a bait's")
            n += len(f["data"])
    check(n == 6, f"{out}: {n} episodes of 6")


# --- what it does to the system -----------------------------------------------------------------

OPEN = re.compile(r'\bopen(?:at2?)?\((?:AT_FDCWD, )?"((?:[^"\\]|\\.)*)", ([A-Z_|]+)')


def watched(*args):
    """The lines of strace of a run, and what it ended with."""
    log = path("strace")
    p = subprocess.run(["strace", "-f", "-qq", "-s", "4096", "-o", log, "-e",
                        "trace=openat,open,%network,execve,execveat,ptrace", robocache, *args],
                       capture_output=True, text=True)
    with open(log, errors="replace") as f:
        return f.read().splitlines(), p.returncode


def check_calls(mode, *args):
    """With the files that others may refer to allowed, these are still outside."""
    out = path(f"watched-{mode}{'-'.join(args)}")
    lines, status = watched("convert", path("raw"), "-o", out, "--rate", "10", "--sandbox", mode,
                            *args)
    check(status in (0, 3), f"watched {mode}: status {status}")
    check(len(lines) > 20, f"watched {mode}: {len(lines)} lines")
    programs = [s for s in lines if re.search(r"\bexecve(at)?\(", s)]
    check(len(programs) == 1, f"{mode}: programs are started: {programs[1:3]}")
    sockets = [s for s in lines if re.search(r"\b(socket|connect|bind|listen|accept4?)\(", s)]
    check(not sockets, f"{mode}: sockets: {sockets[:3]}")
    check(not [s for s in lines if "ptrace(" in s], f"{mode}: ptrace")
    inside = (out, "/dev/null", "/dev/shm")
    for line in lines:
        m = OPEN.search(line)
        if not m or " = -1 " in line:
            continue
        name, flags = m.groups()
        check("/bait/" not in name, f"{mode}: opens {name}")
        check(name != "/etc/passwd", f"{mode}: opens {name}")
        if re.search(r"O_WRONLY|O_RDWR|O_CREAT", flags):
            check(name.startswith(inside) or not name.startswith("/"),
                  f"{mode}: {name} is opened for writing")
    check_values(out)


def main():
    make()
    out = path("out")
    run("convert", path("raw"), "-o", out, "--rate", "10", "-q", expect=3)
    check_values(out)
    said = report(out)
    codes = {p["code"] for p in said["problems"]}
    check({"external_links", "external", "virtual"} <= codes, f"what was not followed: {codes}")
    allowed = path("allowed")
    run("convert", path("raw"), "-o", allowed, "--rate", "10", "-q", "--allow-external", expect=3)
    check_values(allowed)
    told = {p["where"] for p in report(allowed)["problems"] if p["code"] == "broken_link"}
    check(len(told) == 1 and "outside" in next(iter(told)), f"what is outside: {told}")
    state = said["sandbox"]
    possible = state["landlock_abi"] > 0 and not state["reason"]
    if possible:
        check(state["readers"] == state["run"] == ["files", "calls"], f"auto: {state}")
    out = path("off")
    run("convert", path("raw"), "-o", out, "--rate", "10", "-q", "--sandbox", "off", expect=3)
    check_values(out)
    state = report(out)["sandbox"]
    check(state["mode"] == "off" and state["readers"] == state["run"] == [], f"off: {state}")
    text = run("convert", path("raw"), "-o", path("must"), "--rate", "10", "-q", "--sandbox",
               "require", expect=3 if possible else 1)
    check(possible or "--sandbox require" in text, text)
    run("inspect", path("raw"), "--sandbox", "require", expect=0 if possible else 1)
    run("verify", path("off"), "--sandbox", "require", expect=0 if possible else 1)
    # what a run needs is in reach: links to other places, an output that is not there yet
    os.mkdir(path("far"))
    subprocess.run([record, "-o", path("far", "raw"), "--episodes", "2", "--seconds", "1", "--size",
                    "16x16"], check=True, stdout=subprocess.DEVNULL)
    os.mkdir(path("near"))
    for name in os.listdir(path("far", "raw")):
        os.symlink(path("far", "raw", name), path("near", name))
    run("convert", path("near"), "-o", path("a", "b", "c"), "--rate", "10", "-q", "--report",
        path("near", "report.json"), "--index", path("far", "index"), "--scratch-dir", path("far"))
    run("verify", "--deep", path("a", "b", "c"))
    if shutil.which("strace") and possible:
        check_calls("auto")
        check_calls("off")
        check_calls("auto", "--allow-external")
        check_calls("off", "--allow-external")
    else:
        print("system calls are not watched: no strace, or no sandbox in this build")
    print(f"{checks} checks, {failures} failures")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
