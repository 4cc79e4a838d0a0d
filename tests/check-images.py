# SPDX-License-Identifier: Apache-2.0
"""Converts encoded frames and datasets with optional filters, and compares with Pillow and h5py.

usage: check-images.py ROBOCACHE WORK_DIR
"""
import json
import os
import subprocess
import sys

import h5py
import numpy as np

import data_images as make

robocache, work = sys.argv[1:3]
passed = failed = 0
T = 12


def check(ok, what):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("not ok:", what)


def run(*args, status=0):
    r = subprocess.run([robocache, *args], capture_output=True, text=True)
    check(r.returncode == status, f"status {r.returncode} of {args}\n{r.stdout}{r.stderr}")
    return r


def at(*parts):
    return os.path.join(work, *parts)


def convert(source, out, *args, status=0):
    r = run("convert", at(source), "-o", at(out), "-q", *args, status=status)
    return r.stderr


def report(out):
    with open(at(out, "report.json")) as f:
        return json.load(f)


def codes(out):
    return [p["code"] for p in report(out)["problems"]]


def have(library):
    return library in run("--version").stdout.split("libraries:")[1].split("\n")[0]


# --- filters ----------------------------------------------------------------------------------

def demo(path):
    f = h5py.File(at(path), "w")
    g = f.create_group("data/demo_0")
    g["actions"] = np.arange(T * 3, dtype=np.float32).reshape(T, 3)
    g.attrs["num_samples"] = T
    return f, g.create_group("obs")


def test_filter(name, put):
    rng = np.random.default_rng(3)
    wave = np.cumsum(rng.normal(size=(T, 40)), 0)
    noise = rng.integers(0, 256, (T, 8, 32, 3), np.uint8)
    f, g = demo(f"{name}.h5")
    with f:
        put(g, "wave", wave, 5)
        put(g, "noise", noise, 1)
    convert(f"{name}.h5", name)
    with h5py.File(at(name, "shard-00000.h5")) as out:
        obs = out["data/demo_0/obs"]
        check(np.array_equal(obs["wave"][:], wave), f"{name}: values")
        # rows that are chunks keep their stored bytes
        check(obs["noise"].id.get_create_plist().get_filter(0)[0] in (make.BLOSC, make.LZ4),
              f"{name}: frames keep their filter")
    convert(f"{name}.h5", name + "-none", "--compression", "none")
    with h5py.File(at(name + "-none", "shard-00000.h5")) as out:
        check(np.array_equal(out["data/demo_0/obs/noise"][:], noise), f"{name}: frames")
    run("verify", "--deep", at(name))


def reasons(out):
    return [e["reason"] for e in report(out)["episodes"] if e["status"] == "skipped"]


def damage(name, code, bytes_of_head, change):
    """The chunk is refused, whatever a byte of its head says."""
    for byte in bytes_of_head:
        f, g = demo("bad.h5")
        with f:
            values = np.arange(T * 64, dtype=np.int32).reshape(T, 64)
            make.put_filtered(g, "x", values, T, code, lambda raw: change(raw, byte))
        convert("bad.h5", f"bad-{name}-{byte}", status=1)
        check(reasons(f"bad-{name}-{byte}") == ["bad_chunk"], f"{name}: damage of byte {byte}")


def flip(stored, byte):
    return stored[:byte] + bytes([stored[byte] ^ 0x41]) + stored[byte + 1:]


def test_filters():
    if have("blosc"):
        test_filter("blosc", make.put_blosc)
        test_filter("blosc-lz4", lambda *a: make.put_blosc(*a, codec=b"lz4"))
        # version, then the sizes: of the values, of a block, of the buffer
        damage("blosc", make.BLOSC, [0, *range(4, 16)],
               lambda raw, byte: flip(make.blosc_buffer(raw, 4), byte))
        damage("blosc-short", make.BLOSC, range(0, 400, 50),
               lambda raw, byte: make.blosc_buffer(raw, 4)[:byte + 1])
    if have("lz4"):
        test_filter("lz4", make.put_lz4)
        damage("lz4", make.LZ4, range(16), lambda raw, byte: flip(make.lz4_stream(raw, 512), byte))


def test_missing_filter():
    """A stream with a filter that nobody has is left out; the episode is not."""
    f, g = demo("zfp.h5")
    with f:
        make.put_filtered(g, "x", np.zeros((T, 4), np.float32), 4, 32013, lambda raw: raw[:9])
        g["y"] = np.ones((T, 2), np.float32)
    err = convert("zfp.h5", "zfp", status=3)
    check("32013" in err and "zfp" in err, f"the filter is named: {err}")
    check("unknown_filter" in codes("zfp"), "code of a missing filter")
    with h5py.File(at("zfp", "shard-00000.h5")) as out:
        check(list(out["data/demo_0/obs"]) == ["y"], "the other streams are there")


test_filters()
test_missing_filter()
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
