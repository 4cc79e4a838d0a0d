# SPDX-License-Identifier: Apache-2.0
"""Converts datasets in everything that HDF5 stores, and compares with what h5py reads.

usage: check-storage.py ROBOCACHE WORK_DIR      (HDF5_PLUGIN_PATH has the zstd filter)
"""
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys

import h5py
import numpy as np

import data_storage as make

robocache = os.path.abspath(sys.argv[1])
passed = failed = 0


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


def convert(source, out, *args, status=0):
    return run("convert", source, "-o", out, "-q", *args, status=status).stderr


def load(path):
    with open(path) as f:
        return json.load(f)


def datasets(path):
    """Name -> dataset below obs of the episode, with '_' for '/' as in the output."""
    found = {}

    def take(name, node):
        if isinstance(node, h5py.Dataset):
            found[name.replace("/", "_")] = node
    h5py.File(path)["data/demo_0/obs"].visititems(take)
    return found


def values_of(dataset, dtype):
    """In libhdf5's own conversion: h5py has no numpy type for some."""
    x = np.empty(dataset.shape, dtype)
    dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, x)
    return x


# what odd types become: those with a name of numpy's keep it
TYPES = {"types_bf16": "f4", "types_bf16_be": "f4", "types_float24": "f4", "types_bits12": "i2",
         "types_bits12_high": "u2", "types_bytes3": "i4", "filters_nbit": "i4",
         "filters_nbit_be": "i4"}


def compare(source, out):
    """Values and types."""
    want, got = datasets(source), datasets(f"{out}/shard-00000.h5")
    check(sorted(want) == sorted(got), f"{source}: streams {sorted(set(want) ^ set(got))}")
    for name in set(want) & set(got):
        dtype = np.dtype(TYPES[name] if name in TYPES else want[name].dtype.newbyteorder("="))
        check(np.array_equal(values_of(want[name], dtype), values_of(got[name], dtype)),
              f"{source}: values of {name}")
        check(got[name].dtype == dtype, f"{source}: {name} became {got[name].dtype}")


# --- what is read ------------------------------------------------------------------------------

def put_all(path, superblock, user_block):
    os.makedirs(os.path.dirname(path))
    with make.open_file(path, superblock, user_block) as f:
        obs = make.add_episode(f)
        make.put_types(obs.create_group("types"))
        make.put_filters(obs.create_group("filters"))
        make.put_chunks(obs.create_group("chunks"))
    check(make.superblock_of(path, user_block) == superblock, f"{path}: superblock")


def test_all():
    """Every version of the file format gives the same bytes."""
    shards = set()
    for superblock in 0, 1, 2, 3:
        for user_block in 0, 512, 4096:
            top = f"v{superblock}-{user_block}"
            source = f"{top}/in/all.h5"
            put_all(source, superblock, user_block)
            convert(f"{top}/in", f"{top}/out", "-j", str(1 + superblock))
            compare(source, f"{top}/out")
            run("verify", "--deep", f"{top}/out")
            with open(f"{top}/out/shard-00000.h5", "rb") as f:
                shards.add(hashlib.sha256(f.read()).hexdigest())
    check(len(shards) == 1, f"{len(shards)} shards of 12 versions differ")
    for codec in "none", "gzip:1", "zstd:1":
        convert("v3-512/in", "codec", "-f", "--compression", codec, "--memory", "64M")
        compare("v3-512/in/all.h5", "codec")
    convert("v3-512/in", "again", "--source-rate", "10", "--rate", "10", "--method", "previous")
    n = len(datasets("v3-512/in/all.h5"))
    check(len(datasets("again/shard-00000.h5")) == n, "all on a timeline")
    kinds = [s["name"] for e in json.loads(run("inspect", "--json", "v3-512/in").stdout)
             ["files"][0]["episodes"] for s in e["streams"]]
    check(len(kinds) == n + 1, f"inspect tells {len(kinds)} streams of {n + 1}")


# --- what is not -------------------------------------------------------------------------------

def one(path, put):
    with make.open_file(path, 0) as f:
        obs = make.add_episode(f)
        obs["y"] = make.ramp("f4", 2)
        put(obs)


def problems(out):
    return {p["code"]: p["message"] for p in load(f"{out}/report.json")["problems"]}


def test_holes():
    """Chunks that were never written are no measurements, and fill values none either."""
    def put(obs, **kw):
        d = obs.create_dataset("x", (make.T, 6), "f4", chunks=(4, 6), **kw)
        d[:8] = d[12:] = 1
    for kw in {}, {"fillvalue": 2.5}, {"compression": "gzip"}, {"maxshape": (None, 6)}:
        one("holes.h5", lambda obs: put(obs, **kw))
        err = convert("holes.h5", "holes", "-f", status=1)
        check("chunk at row 8" in err and "never written" in err and "h5repack" in err,
              f"holes {kw}: {err}")
        check(load("holes/report.json")["episodes"][0]["reason"] == "missing_chunk", "its code")
    convert("holes.h5", "rest", "--drop", "x")
    if shutil.which("h5repack"):
        subprocess.run(["h5repack", "-f", "GZIP=1", "holes.h5", "filled.h5"], check=True)
        convert("filled.h5", "filled")
        compare("filled.h5", "filled")

    def put_packed(obs):
        d = obs.create_dataset("x", (make.T, 6), "i4", chunks=(4, 6), scaleoffset=0)
        d[:8] = d[12:] = 1
    one("packed.h5", put_packed)
    convert("packed.h5", "packed", status=3)
    told = problems("packed").get("missing_chunk", "")
    check("of its 8 chunks only 7" in told, f"holes behind libhdf5: {told}")
    check(list(datasets("packed/shard-00000.h5")) == ["y"], "the other stream")


def test_pipelines():
    """A pile of filters of one kind is a bomb; one of each kind is not."""
    piles = {
        "deflate": [("set_deflate", 4)] * 2,
        "shuffle": [("set_shuffle",)] * 2,
        "sums": [("set_fletcher32",)] * 2,
        "packers": [("set_filter", h5py.h5z.FILTER_NBIT, 0, ()), ("set_scaleoffset", 2, 0)],
    }
    if h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP):
        piles["szip"] = [("set_szip", h5py.h5z.SZIP_NN_OPTION_MASK, 4), ("set_deflate", 1)]
    for name, calls in piles.items():
        def put(obs):
            made = make.created((7, 4), *calls)
            make.low_level(obs, "x", h5py.h5t.STD_I32LE, make.ramp("i4", 4), made)
        one(f"{name}.h5", put)
        convert(f"{name}.h5", name, status=3)
        check("two or more of one kind" in problems(name).get("unknown_filter", ""),
              f"{name}: {problems(name)}")


# --- writers that are at work or died ----------------------------------------------------------

WRITER = """
import sys, time, h5py, numpy as np
sys.path.insert(0, sys.argv[1])
import data_storage as make
f = make.open_file(sys.argv[2], int(sys.argv[3]))
make.add_episode(f).create_dataset("x", data=make.ramp("f4", 2), chunks=(5, 2),
                                   maxshape=(None, 2))
if sys.argv[4] == "swmr":
    f.swmr_mode = True
f.flush()
print("ready", flush=True)
time.sleep(100)
"""


def writer(path, superblock, mode):
    tests = os.path.dirname(os.path.abspath(__file__))
    w = subprocess.Popen([sys.executable, "-c", WRITER, tests, path, str(superblock), mode],
                         stdout=subprocess.PIPE, text=True)
    check(w.stdout.readline() == "ready\n", f"{path}: no writer")
    return w


def end(w):
    w.send_signal(signal.SIGKILL)
    w.wait()
    w.stdout.close()


def test_open_files():
    """Only version 3 marks files that are open; of others what was flushed is read."""
    for superblock, mode in (0, "plain"), (2, "plain"), (3, "plain"), (3, "swmr"):
        path = f"open-{superblock}-{mode}.h5"
        w = writer(path, superblock, mode)
        before = (os.stat(path).st_mtime_ns, digest(path))
        for _ in "at work", "dead":
            out = path[:-3]
            if superblock < 3:
                convert(path, out, "-f")
                compare(copy(path), out)
            else:
                err = convert(path, out, "-f", status=1)
                check("open for writing" in err and "h5clear -s" in err, f"{path}: {err}")
            end(w)
        check(before == (os.stat(path).st_mtime_ns, digest(path)), f"{path} was modified")
    if shutil.which("h5clear"):
        shutil.copy("open-3-plain.h5", "cleared.h5")
        subprocess.run(["h5clear", "-s", "cleared.h5"], check=True)
        convert("cleared.h5", "cleared")
        compare("cleared.h5", "cleared")


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def copy(path):
    """Of a file that a writer has locked."""
    shutil.copy(path, "copy.h5")
    return "copy.h5"


# --- text --------------------------------------------------------------------------------------

def test_text():
    text = "put the café on"
    utf8 = text.encode()

    def fixed(size, pad):
        t = h5py.h5t.C_S1.copy()
        t.set_size(size)
        t.set_strpad(pad)
        t.set_cset(h5py.h5t.CSET_UTF8)
        return t
    forms = {
        "variable": (h5py.string_dtype(), text, None),
        "bytes": (h5py.string_dtype("utf-8", len(utf8)), utf8, None),
        "terminated": (None, utf8 + b"\0" * 9, fixed(len(utf8) + 9, h5py.h5t.STR_NULLTERM)),
        "zeros": (None, utf8 + b"\0" * 9, fixed(len(utf8) + 9, h5py.h5t.STR_NULLPAD)),
        "spaces": (None, utf8 + b" " * 9, fixed(len(utf8) + 9, h5py.h5t.STR_SPACEPAD)),
    }
    for name, (dtype, value, ftype) in forms.items():
        with h5py.File(f"text-{name}.h5", "w") as f:
            make.add_episode(f)["x"] = make.ramp("f4", 2)
            demo = f["data/demo_0"]
            if ftype is None:
                demo.attrs.create("language_instruction", value, dtype=dtype)
            else:
                a = h5py.h5a.create(demo.id, b"language_instruction", ftype,
                                    h5py.h5s.create(h5py.h5s.SCALAR))
                a.write(np.array(value, f"S{len(value)}"), mtype=ftype)
        convert(f"text-{name}.h5", f"text-{name}")
        with h5py.File(f"text-{name}/shard-00000.h5") as f:
            got = json.loads(f["data/demo_0"].attrs.get("ep_meta", "{}")).get("lang")
        check(got == text, f"text {name}: {got!r}")


os.chdir(sys.argv[2])
test_all()
test_holes()
test_pipelines()
test_open_files()
test_text()
print(f"{passed} passed, {failed} failed")
sys.exit(failed != 0)
