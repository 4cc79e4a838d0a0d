# SPDX-License-Identifier: Apache-2.0
"""Runs of `robocache convert` that are killed or meet a fault, at every point that can be named.

    run.py ROBOCACHE RECORD_SAMPLE WORK PART...

Parts: kill[=EVERY], random[=N], fault[=N], full, many, power[=N].  kill ends the run at every
EVERY-th call of those that change files, system calls of the main thread and library calls of all
threads; random at N random moments; fault lets one of N calls go wrong; power stops the file system
below N runs, for which it must be root.
After each of them: no shard under a final name differs from that of an undisturbed run, the run
ended as it may, and the same command with --resume ends with the same files and nothing else.
"""

import errno
import fcntl
import filecmp
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import time

robocache, record, work = sys.argv[1:4]
raw, whole, out = (os.path.join(work, n) for n in ("raw", "whole", "out"))
library = os.path.join(work, "inject.so")
counts, failures = {}, 0
SYSCALLS = ("openat", "write", "pwrite64", "fsync", "fdatasync", "rename", "unlink", "unlinkat",
            "ftruncate", "close", "mkdir", "flock")
KILL_OPS = ("open", "write", "fsync", "rename", "unlink", "ftruncate", "close", "mkdir", "flock")
# What a run may meet: operation, errno or "short", and the exit statuses that may come of it.  A
# fault that meets an input skips it; one that meets a thread or the machine is a failure.
FAULTS = [
    ("write", errno.ENOSPC, {74}), ("write", errno.EIO, {74}), ("write", errno.EDQUOT, {74}),
    ("write", errno.EINTR, {0, 3}), ("write", "short", {0, 3}),
    ("read", errno.EIO, {0, 1, 2, 3, 74}), ("read", errno.EINTR, {0, 3}),
    ("read", "short", {0, 1, 3, 74}),
    ("fsync", errno.EIO, {0, 3, 74}), ("fsync", errno.ENOSPC, {0, 3, 74}),
    ("fsync", errno.EINTR, {0, 3}),
    ("rename", errno.EIO, {74}), ("rename", errno.ENOSPC, {74}), ("rename", errno.EROFS, {74}),
    ("open", errno.EMFILE, {0, 1, 2, 3, 74}), ("open", errno.EIO, {0, 1, 2, 3, 74}),
    ("open", errno.EACCES, {0, 1, 2, 3, 74}), ("close", errno.EIO, {0, 1, 3, 74}),
    ("ftruncate", errno.EIO, {0, 1, 3, 74}), ("mkdir", errno.EROFS, {0, 3, 74}),
    ("unlink", errno.EIO, {0, 3, 74}), ("flock", errno.ENOLCK, {0, 3}),
    ("mmap", errno.ENOMEM, {0, 1, 3}), ("malloc", errno.ENOMEM, {0, 1, 2, 3, 74}),
]


def count(part, n=1):
    counts[part] = counts.get(part, 0) + n


def fail(what):
    global failures
    failures += 1
    print(f"not ok: {what}", flush=True)
    keep = os.path.join(work, f"failed-{failures}")
    if os.path.isdir(out):
        shutil.copytree(out, keep, dirs_exist_ok=True)


def command(*more, to=None):
    return [robocache, "convert", raw, "-o", to or out, *options, "-q", *more]


def run(argv, env=None, timeout=120):
    p = subprocess.run(argv, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=timeout)
    return p.returncode, p.stderr.decode(errors="replace")


def shards(d):
    return sorted(n for n in os.listdir(d) if re.search(r"^[^.].*\.h(df)?5$", n))


def same(name):
    return filecmp.cmp(os.path.join(whole, name), os.path.join(out, name), shallow=False)


def check_visible(what):
    """Nothing half done under a final name."""
    for name in shards(out) if os.path.isdir(out) else []:
        if not os.path.exists(os.path.join(whole, name)) or not same(name):
            fail(f"{what}: {name} is not that of an undisturbed run")


def check_resume(what):
    status, text = run(command("--resume"))
    if status != expected:
        fail(f"{what}: --resume ended with {status}: {text[-400:]}")
        return
    if sorted(os.listdir(out)) != listing:
        fail(f"{what}: {sorted(set(os.listdir(out)) ^ set(listing))} after --resume")
    for name in shards(whole) + ["manifest.json"]:
        if not os.path.exists(os.path.join(out, name)) or not same(name):
            fail(f"{what}: {name} differs after --resume")


def fresh():
    shutil.rmtree(out, ignore_errors=True)


# --- the undisturbed run ------------------------------------------------------------------------


def prepare():
    global options, expected, listing, seconds
    subprocess.run([record, "-o", raw, "--episodes", "20", "--seconds", "1", "--size", "16x16"],
                   check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(raw, "episode_0003x.h5"), "wb") as f:
        f.write(open(os.path.join(raw, "episode_0003.h5"), "rb").read()[:20000])
    variants = [["--rate", "20", "--shard-episodes", "1", "-j2", "--compression", "gzip:1"],
                ["--rate", "20", "--layout", "act", "-j2", "--compression", "none"]]
    options = random.choice(variants)
    t0 = time.monotonic()
    expected, text = run(command(to=whole))
    seconds = time.monotonic() - t0
    assert expected == 3, text
    listing = sorted(os.listdir(whole))
    assert len(shards(whole)) == 20, listing


# --- kill ---------------------------------------------------------------------------------------


def syscall_counts():
    """Of the main thread, which is the only one that changes files."""
    log = os.path.join(work, "strace")
    fresh()
    subprocess.run(["strace", "-qq", "-o", log, "-e", "trace=" + ",".join(SYSCALLS), *command()],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    n = dict.fromkeys(SYSCALLS, 0)
    for line in open(log, errors="replace"):
        name = line.split("(")[0]
        if name in n:
            n[name] += 1
    return n


def killed_by_strace(name, k):
    return run(["strace", "-qq", "-o", "/dev/null", "-e", f"trace={name}",
                f"--inject={name}:signal=KILL:when={k}", *command()])


def killed_by_library(op, k):
    return run(command(), {"LD_PRELOAD": library, "FAULT_OP": op, "FAULT_AT": str(k),
                           "FAULT_HOW": "kill"})


def kill(every):
    points = []
    if shutil.which("strace"):
        points = [(killed_by_strace, s, k) for s, n in syscall_counts().items()
                  for k in range(1, n + 1)]
    else:
        print("kill: there is no strace")
    if may_inject():
        points += [(killed_by_library, op, k) for op in KILL_OPS
                   for k in range(1, calls_of(op) + 1)]
    chosen, killed = points[random.randrange(every)::every], 0
    for killer, name, k in chosen:
        what = f"{killer.__name__} at {name} {k}"
        fresh()
        status, text = killer(name, k)
        killed += status in (-signal.SIGKILL, 128 + signal.SIGKILL)
        check_visible(what)
        check_resume(what)
        count("kill")
    if killed < 0.8 * len(chosen):  # threads differ in what they do, but not by so much
        fail(f"only {killed} of {len(chosen)} runs were killed")


def kill_random(n):
    for i in range(n):
        fresh()
        for again in range(random.choice((1, 1, 2, 3))):
            p = subprocess.Popen(command(*["--resume"] * (again > 0)), stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(random.uniform(0, 1.1 * seconds))
            p.kill()
            p.wait()
        check_visible(f"random {i}")
        check_resume(f"random {i}")
        count("random")


# --- faults -------------------------------------------------------------------------------------


def may_inject():
    if b"__asan_init" in open(robocache, "rb").read():
        print("no library in front of a program that has a sanitizer's own")
        return False
    return os.path.exists(library) or build_library()


def build_library():
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "inject.c")
    cc = os.environ.get("CC", "cc").split()
    done = subprocess.run([*cc, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"],
                          capture_output=True, text=True)
    if done.returncode:
        print(f"the library is not to be built: {done.stderr[-300:]}")
    return done.returncode == 0


def calls_of(op):
    log = os.path.join(work, "count")
    fresh()
    run(command(), {"LD_PRELOAD": library, "FAULT_OP": op, "FAULT_COUNT": log})
    return int(open(log).read())


def one_fault(op, how, k, sticky, allowed):
    name = how if how == "short" else errno.errorcode[how]
    what = f"{op} {k}{' and on' if sticky else ''}: {name}"
    env = {"LD_PRELOAD": library, "FAULT_OP": op, "FAULT_AT": str(k), "FAULT_HOW": str(how)}
    if sticky:
        env["FAULT_ALL"] = "1"
    if op == "write" and k == 1 and not sticky:
        allowed = allowed | {expected}  # the name in the lock, which only helps others
    fresh()
    status, text = run(command(), env)
    if status < 0 or status not in allowed:
        fail(f"{what}: ended with {status}: {text[-300:]}")
    elif status not in (0, 3) and "robocache: error: " not in text:
        fail(f"{what}: ended with {status} and no message")
    elif status == expected and os.path.isdir(out) and op not in ("unlink", "open", "read"):
        if sorted(os.listdir(out)) != listing:
            fail(f"{what}: {sorted(set(os.listdir(out)) ^ set(listing))}")
    elif op not in ("unlink", "open") and os.path.isdir(out):
        left = [n for n in os.listdir(out) if ".tmp-" in n]
        if left:
            fail(f"{what}: left {left}")
    if status in (0, 3) and op in ("read", "open", "malloc", "mmap"):
        # an input was skipped for it, and is to be read again
        status, text = run(command("--resume", "--retry-quarantined", "--force"))
        if status != expected:
            fail(f"{what}: trying again ended with {status}: {text[-300:]}")
    else:
        check_visible(what)
    check_resume(what)
    count("fault")


def fault(n):
    if not may_inject():
        return
    totals = {op: calls_of(op) for op in sorted({f[0] for f in FAULTS})}
    points = []
    for op, how, allowed in FAULTS:
        share = max(1, n // len(FAULTS))
        where = range(1, totals[op] + 1)
        chosen = where if len(where) <= share else sorted(random.sample(where, share))
        sticky_ok = how not in ("short", errno.EINTR) and op not in ("close", "read", "open")
        points += [(op, how, k, sticky_ok and random.random() < 0.3, allowed) for k in chosen]
    while len(points) < n:  # operations with few calls leave room for those with many
        op, how, allowed = random.choice(FAULTS)
        if totals[op] > 50:
            points.append((op, how, random.randint(1, totals[op]), False, allowed))
    for point in random.sample(points, n):
        one_fault(*point)


# --- a full disk, and many at once --------------------------------------------------------------


def full():
    mount = os.path.join(work, "small")
    os.makedirs(mount, exist_ok=True)
    global out
    before = out
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", mount],
                      capture_output=True).returncode:
        print("full: skipped, no tmpfs can be mounted")
        return
    try:
        out = os.path.join(mount, "out")
        for kib in (4, 64, 200, 333, 500, 777):
            what = f"{kib} KiB"
            fresh()
            subprocess.run(["mount", "-o", f"remount,size={kib}k", mount], check=True)
            t0 = time.monotonic()
            status, text = run(command())
            if status != 74 or "No space left" not in text:
                fail(f"{what}: ended with {status}: {text[-300:]}")
            if time.monotonic() - t0 > seconds + 5:
                fail(f"{what}: took {time.monotonic() - t0:.1f} s")
            left = [n for n in os.listdir(out) if ".tmp-" in n] if os.path.isdir(out) else []
            if left:
                fail(f"{what}: left {left}")
            check_visible(what)
            subprocess.run(["mount", "-o", "remount,size=64m", mount], check=True)
            check_resume(what)
            count("full")
    finally:
        out = before
        subprocess.run(["umount", "-l", mount], check=True)


def many():
    global out
    before = out
    outs = [os.path.join(work, f"many-{i}") for i in range(8)]
    for d in outs:
        shutil.rmtree(d, ignore_errors=True)
    running = [subprocess.Popen(command(to=d), stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
               for d in outs]
    for p, out in zip(running, outs):
        if p.wait() != expected:
            fail(f"{out}: ended with {p.returncode}")
        if sorted(os.listdir(out)) != listing:
            fail(f"{out}: {os.listdir(out)}")
        for name in shards(whole) + ["manifest.json"]:
            if not same(name):
                fail(f"{out}: {name} differs")
        count("many")
    out = before


# --- the power is cut -----------------------------------------------------------------------------

SHUTDOWN = 0x8004587D  # FS_IOC_SHUTDOWN: the file system stops at once,
FLUSH, DROP = 1, 2     # with its journal on the disk, or without


def journal_names(d):
    """Shards that lines of the journal call done."""
    try:
        with open(os.path.join(d, "journal.ndjson"), errors="replace") as f:
            lines = f.read().split("\n")[:-1]
    except FileNotFoundError:
        return []
    return [o["path"] for o in map(json.loads, lines) if "shard" in o and o.get("path")]


def cut_power(image, mount):
    """Stops the file system in the middle of a run, and mounts what is on the disk."""
    fresh()
    p = subprocess.Popen(command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    time.sleep(random.uniform(0, 1.5 * seconds))
    fd = os.open(mount, os.O_RDONLY)
    fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", random.choice((FLUSH, DROP))))
    os.close(fd)
    p.kill()
    p.wait()
    subprocess.run(["umount", mount], check=True)
    subprocess.run(["mount", "-o", "loop", image, mount], check=True)


def power(n):
    global out
    before, mount, image = out, os.path.join(work, "power"), os.path.join(work, "disk")
    os.makedirs(mount, exist_ok=True)
    with open(image, "wb") as f:
        f.truncate(96 << 20)
    if subprocess.run(["mkfs.ext4", "-q", image], capture_output=True).returncode or \
            subprocess.run(["mount", "-o", "loop", image, mount], capture_output=True).returncode:
        print("power: skipped, no file system can be made and mounted")
        return
    try:
        out = os.path.join(mount, "out")
        for i in range(n):
            cut_power(image, mount)
            what = f"power cut {i}"
            done = journal_names(out)
            for name in done:
                if not os.path.exists(os.path.join(out, name)) or not same(name):
                    fail(f"{what}: {name} is in the journal and not intact")
            count("shards that outlived a power cut", len(done))
            check_visible(what)
            if os.path.exists(os.path.join(out, "journal.ndjson")):
                check_resume(what)
            count("power")
        if n >= 10 and not counts["shards that outlived a power cut"]:
            fail("no shard outlived a power cut: nothing is synced")
    finally:
        out = before
        subprocess.run(["umount", "-l", mount], check=False)


seed = int(os.environ.get("FAULT_SEED", random.randrange(1 << 30)))
random.seed(seed)
prepare()
for part in sys.argv[4:]:
    name, _, value = part.partition("=")
    {"kill": lambda: kill(int(value or 1)), "random": lambda: kill_random(int(value or 200)),
     "fault": lambda: fault(int(value or 500)), "full": full, "many": many,
     "power": lambda: power(int(value or 20))}[name]()
print(", ".join(f"{name}: {n} points" for name, n in counts.items()) or "nothing was run",
      f"of a run with {' '.join(options)}; {failures} failures (FAULT_SEED={seed})")
sys.exit(failures > 0)
