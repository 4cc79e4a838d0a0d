# SPDX-License-Identifier: Apache-2.0
"""Converts encoded frames and datasets with optional filters, and compares with Pillow and h5py.

usage: check-images.py ROBOCACHE WORK_DIR
"""
import io
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


# --- encoded frames as they are ---------------------------------------------------------------

def aloha(path, cameras, n=T, **attrs):
    """cameras: name -> function that puts the frames into a group."""
    os.makedirs(os.path.dirname(at(path)), exist_ok=True)
    with h5py.File(at(path), "w") as f:
        f["action"] = np.arange(n * 14, dtype=np.float32).reshape(n, 14)
        f["observations/qpos"] = np.zeros((n, 14), np.float32)
        images = f.create_group("observations/images")
        for name, put in cameras.items():
            put(images, name)
        f.attrs.update(attrs)


def forms_of(frames):
    rows = make.padded(frames)
    wide = make.padded(frames, rows.shape[1] + 100)
    return {
        "rows": lambda g, n: g.create_dataset(n, data=rows, chunks=(1, rows.shape[1])),
        "wide": lambda g, n: g.create_dataset(n, data=wide),
        "rows_gzip": lambda g, n: g.create_dataset(n, data=wide, chunks=(3, 500),
                                                   compression="gzip"),
        "rows_lzf": lambda g, n: g.create_dataset(n, data=rows, chunks=(2, rows.shape[1]),
                                                  compression="lzf"),
        "sequences": lambda g, n: make.put_sequences(g, n, frames),
        "sequences_gzip": lambda g, n: make.put_sequences(g, n, frames, chunks=(5,),
                                                          compression="gzip"),
        "strings": lambda g, n: make.put_strings(g, n, frames),
        "string_each": lambda g, n: make.put_strings(g, n, frames, chunks=(1,),
                                                     compression="gzip", shuffle=True),
        "strings_gzip": lambda g, n: make.put_strings(g, n, frames, chunks=(4,),
                                                      compression="gzip", shuffle=True),
    }


def frames_of(dataset):
    return [bytes(row).rstrip(b"\0") for row in dataset]


def shard(out):
    return h5py.File(at(out, "shard-00000.h5"))


def test_copies():
    frames = make.jpegs(T)
    depth = make.pngs(T, channels=1, dtype=np.uint16)
    cameras = forms_of(frames)
    cameras["depth"] = lambda g, n: make.put_sequences(g, n, depth)
    aloha("enc.h5", cameras)
    kinds = {s["name"]: s for e in json.loads(run("inspect", "--json", at("enc.h5")).stdout)
             ["files"][0]["episodes"] for s in e["streams"]}
    check(all(kinds[c]["kind"] == "encoded" for c in cameras), "inspect: kind")
    check([kinds["depth"][k] for k in ("encoding", "frame_shape", "frame_dtype")] ==
          ["png", [48, 64, 1], "uint16"], "inspect: frames")
    text = run("inspect", at("enc.h5")).stdout
    check("jpeg [48x64x3]" in text and "png [48x64] 16 bit" in text, "inspect: text")
    convert("enc.h5", "enc")
    convert("enc.h5", "enc-act", "--layout", "act")
    convert("enc", "again")
    convert("enc-act", "again-act", "--layout", "act")
    convert("enc.h5", "enc-zstd", "--compression", "images=gzip:1", "--memory", "64M", "-j", "3")
    convert("enc.h5", "enc-j1", "-j", "1", "--memory", "1G")
    check(open(at("enc", "shard-00000.h5"), "rb").read() ==
          open(at("enc-j1", "shard-00000.h5"), "rb").read(), "threads and memory change nothing")
    for out in "enc", "again", "enc-zstd":
        with shard(out) as f:
            for c in cameras:
                d = f["data/demo_0/obs"][c]
                want = depth if c == "depth" else frames
                check(d.dtype == np.uint8 and frames_of(d) == want, f"{out}: bytes of {c}")
                check(d.attrs["encoding"] == ("png" if c == "depth" else "jpeg"),
                      f"{out}: encoding of {c}")
            check(f["data/demo_0/obs/sequences"].shape[1] == max(map(len, frames)),
                  f"{out}: as long as the longest")
    for out in "enc-act", "again-act":
        with h5py.File(at(out, "episode_0.hdf5")) as f:
            check(f.attrs["compress"], f"{out}: compress")
            for c in cameras:
                check(frames_of(f["observations/images"][c]) ==
                      (depth if c == "depth" else frames), f"{out}: bytes of {c}")
    run("verify", "--deep", at("enc"))
    run("verify", "--deep", at("enc-act"))


def test_ticks():
    """Frames are picked, not mixed, and each row is one of the source's."""
    frames = make.jpegs(T)
    t = np.arange(T) / 30.0
    with h5py.File(at("clock.h5"), "w") as f:
        g = f.create_group("cam")
        make.put_sequences(g, "rgb", frames)
        g["timestamp"] = t
        g = f.create_group("joint")
        g["q"] = np.linspace(0, 1, 100)[:, None]
        g["timestamp"] = np.linspace(0, t[-1], 100)
    ticks = np.arange(int(t[-1] * 100) + 1) / 100
    for method in "nearest", "previous":
        convert("clock.h5", method, "--rate", "100", "--method", f"rgb:{method}")
        dist = np.abs(ticks[:, None] - t[None]) if method == "nearest" else \
            np.where(t[None] <= ticks[:, None] + 1e-9, ticks[:, None] - t[None], 9)
        picks = np.argmin(np.round(dist, 9), 1)
        with shard(method) as f:
            check(frames_of(f["data/demo_0/obs/rgb"]) == [frames[i] for i in picks], method)
        if not have("libturbojpeg"):
            continue
        convert("clock.h5", method + "-px", "--rate", "100", "--method", f"rgb:{method}",
                "--decode")
        with shard(method + "-px") as f:
            px = np.stack([pixels(frames[i]) for i in picks])
            check(np.array_equal(f["data/demo_0/obs/rgb"][:], px), method + " decoded")
    for args, word in ((["--method", "rgb:linear"], "takes nearest, previous"),
                       (["--fuse", "state=q,rgb"], "cannot be part"),
                       (["--dtype", "rgb:f32"], "encoded"),
                       (["--channel-order", "bgr"], "--decode")):
        err = convert("clock.h5", "never", "--rate", "30", *args, status=2)
        check(word in err, f"{args}: {err}")
    convert("clock.h5", "f32", "--rate", "30", "--dtype", "f32")


def test_episodes():
    """Rows of different lengths are no finding."""
    for i in range(2):
        aloha(f"two/ep_{i}.h5", {"cam": lambda g, n, i=i: make.put_sequences(
            g, n, make.jpegs(T, optimize=bool(i)))})
    convert("two", "two-out")
    with shard("two-out") as f:
        rows = [f[f"data/demo_{i}/obs/cam"].shape[1] for i in range(2)]
        check(rows[0] != rows[1], f"lengths differ: {rows}")
        check(frames_of(f["data/demo_1/obs/cam"]) == make.jpegs(T, optimize=True), "second")
    # the other streams do not move, and ALOHA's rate is not in the file
    check(set(codes("two-out")) <= {"stuck_stream", "usual_rate"}, f"findings: {codes('two-out')}")


# --- pixels -----------------------------------------------------------------------------------

def pixels(encoded):
    """What Pillow makes of a picture."""
    from PIL import Image
    i = Image.open(io.BytesIO(encoded))
    if i.mode == "P":
        i = i.convert("RGB")
    if i.mode == "1":
        i = i.convert("L")
    a = np.array(i)
    return a.astype(np.uint16) if i.mode.startswith("I") else a


def jpeg_variants():
    rgb = [make.scene(i, 47, 61) for i in range(T)]
    grey = [make.scene(i, 33, 40, 1) for i in range(T)]
    out = {f"sub{s}": [make.encode(a, quality=80, subsampling=s) for a in rgb] for s in range(3)}
    out["progressive"] = [make.encode(a, progressive=True, quality=70) for a in rgb]
    out["grey"] = [make.encode(a, quality=90) for a in grey]
    out["one_quality"] = [make.encode(a, quality=3) for a in rgb]
    out["restarts"] = [make.encode(a, quality=75, restart_marker_rows=1) for a in rgb]
    out["optimized"] = [make.encode(a, optimize=True) for a in rgb]
    return out


def png_variants():
    from PIL import Image
    out = {}
    for c in 1, 2, 3, 4:
        out[f"png{c}"] = make.pngs(T, h=21, w=35, channels=c)
    out["png16"] = make.pngs(T, h=21, w=35, channels=1, dtype=np.uint16)
    for c in 2, 3, 4:
        out[f"png16x{c}"] = [make.png16(make.scene(i, 9, 13, c, np.uint16)) for i in range(T)]
    for name, mode in ("bits1", "1"), ("palette", "P"):
        out[name] = []
        for i in range(T):
            b = io.BytesIO()
            Image.fromarray(make.scene(i)).convert(mode).save(
                b, "PNG", **({"transparency": 3} if mode == "P" and i % 2 else {}))
            out[name].append(b.getvalue())
    return out


def test_pixels():
    variants = {}
    if have("libturbojpeg"):
        variants.update(jpeg_variants())
    if have("libpng"):
        variants.update(png_variants())
    aloha("px.h5", {name: lambda g, n, v=v: make.put_sequences(g, n, v)
                    for name, v in variants.items()})
    convert("px.h5", "px", "--decode")
    convert("px.h5", "bgr", "--decode", "--channel-order", "bgr")
    conv = {c["key"]: c for c in report("px")["conventions"]}
    check(conv["channel_order"]["value"] == "rgb" and
          conv["channel_order"]["origin"] == "assumed", "channel order is told")
    conv = {c["key"]: c for c in report("bgr")["conventions"]}
    check(conv["channel_order"]["value"] == "bgr" and
          conv["channel_order"]["origin"] == "option", "channel order was asked for")
    with shard("px") as f, shard("bgr") as g:
        for name, encoded in variants.items():
            px, swapped = (h["data/demo_0/obs"][name][:] for h in (f, g))
            want = np.stack([make.unpng16(e) if name.startswith("png16x") else pixels(e)
                             for e in encoded])
            check(px.dtype == want.dtype and np.array_equal(px, want), f"pixels of {name}")
            if px.ndim == 4 and px.shape[-1] > 2:
                want = want[..., [2, 1, 0, 3][:px.shape[-1]]]
            check(np.array_equal(swapped, want), f"pixels of {name}, bgr")


def test_forms_decoded():
    if not have("libturbojpeg"):
        return
    frames = make.jpegs(T)
    want = np.stack([pixels(e) for e in frames])
    aloha("forms.h5", forms_of(frames))
    convert("forms.h5", "forms", "--decode", "-j", "2")
    convert("forms.h5", "forms-j1", "--decode", "-j", "1", "--memory", "64M")
    check(open(at("forms", "shard-00000.h5"), "rb").read() ==
          open(at("forms-j1", "shard-00000.h5"), "rb").read(), "decoding: threads")
    with shard("forms") as f:
        for c in forms_of(frames):
            check(np.array_equal(f["data/demo_0/obs"][c][:], want), f"pixels of {c}")
    # the index file serves both kinds of runs
    index = at("scan.index")
    for out, args in ("ix1", []), ("ix2", ["--decode"]), ("ix3", []):
        convert("forms.h5", out, "--index", index, *args)
    with shard("ix2") as f:
        check(f["data/demo_0/obs/rows"].shape == want.shape, "--index and --decode")
    with shard("ix3") as f:
        check(frames_of(f["data/demo_0/obs/rows"]) == frames, "--index after --decode")


# --- bad frames -------------------------------------------------------------------------------

def test_mixed():
    frames = make.jpegs(T)
    raw = make.scene(0).tobytes()
    at_scan = frames[:5] + [raw] + frames[6:]
    later = frames[:5] + [raw[:100]] + frames[6:]
    later[T // 3], later[1] = frames[0] + b"x" * 50, frames[1] + b"x" * 90
    png = frames[:T // 2] + make.pngs(T - T // 2)
    for name, bad in ("raw", at_scan), ("png", png):
        aloha("mixed.h5", {"good": lambda g, n: make.put_sequences(g, n, frames),
                           "bad": lambda g, n: make.put_sequences(g, n, bad)})
        err = convert("mixed.h5", f"mixed-{name}", status=3)
        check("mixed_frames" in codes(f"mixed-{name}") and "images/bad" in err, f"{name}: {err}")
        with shard(f"mixed-{name}") as f:
            check("good" in f["data/demo_0/obs"] and "bad" not in f["data/demo_0/obs"], name)
    later[5] = raw[:len(frames[5])]
    aloha("later.h5", {"bad": lambda g, n: make.put_sequences(g, n, later)})
    err = convert("later.h5", "later", status=1)
    check(reasons("later") == ["mixed_frames"] and "frame 5 of" in err, f"later: {err}")
    # not frames at all
    aloha("noise.h5", {"noise": lambda g, n: make.put_sequences(g, n, [raw] * T),
                       "touch": lambda g, n: g.create_dataset(n, data=make.padded([raw] * T)),
                       "words": lambda g, n: make.put_strings(g, n, [b"pick up the cup " * 9] * T)})
    convert("noise.h5", "noise")
    check("variable_length" in codes("noise"), "sequences that are no frames")
    with shard("noise") as f:
        check(f["data/demo_0/obs/touch"].shape == (T, len(raw)), "rows that are no frames")
        check("words" not in f["data/demo_0/obs"], "text is no stream")


def bad_decode(name, frames, word, put=make.put_sequences, reason="bad_frame", status=1):
    aloha("bad.h5", {"cam": lambda g, n: put(g, n, frames)})
    err = convert("bad.h5", f"bad-{name}", "--decode", "-f", status=status)
    if status == 1:
        check(reasons(f"bad-{name}") == [reason], f"{name}: reason")
    check(word in err, f"{name}: {err}")


def test_bad_frames():
    if not have("libturbojpeg"):
        return
    from PIL import Image
    frames = make.jpegs(T)
    cut = frames[5][:-len(frames[5]) // 3]
    bad_decode("cut", frames[:5] + [cut] + frames[6:], "frame 5 of")
    bad_decode("empty", frames[:5] + [b""] + frames[6:], "frame 5 of")
    bad_decode("size", frames[:5] + [make.encode(make.scene(5, 48, 80))] + frames[6:],
               "48x80x3")
    bad_decode("grey", frames[:5] + [make.encode(make.scene(5, channels=1))] + frames[6:],
               "48x64x1")
    b = io.BytesIO()
    Image.fromarray(make.scene(0)).convert("CMYK").save(b, "JPEG")
    bad_decode("cmyk", [b.getvalue()] * T, "CMYK", reason="frames_unsupported")
    # a head that promises too much costs nothing
    sof = frames[0].index(b"\xff\xc0")
    huge = frames[0][:sof + 5] + b"\xff\xff\xff\xff" + frames[0][sof + 9:]
    bad_decode("huge", [huge] * T, "row", reason="row_too_large")
    if have("libpng"):
        png = make.pngs(T)
        flip = lambda p, i: p[:i] + bytes([p[i] ^ 1]) + p[i + 1:]
        bad_decode("png", png[:5] + [flip(png[5], len(png[5]) // 2)] + png[6:], "frame 5 of")
        bad_decode("png-cut", png[:5] + [png[5][:-40]] + png[6:], "frame 5 of")
        bomb = png[0][:16] + b"\0\1\0\0\0\1\0\0" + png[0][24:]
        bad_decode("bomb", [bomb] * T, "row", reason="row_too_large")
    # copied as they are, nobody looks inside
    aloha("cut.h5", {"cam": lambda g, n: make.put_sequences(g, n, frames[:5] + [cut, b""] +
                                                            frames[7:])})
    convert("cut.h5", "cut")
    with shard("cut") as f:
        check(frames_of(f["data/demo_0/obs/cam"])[5:7] == [cut.rstrip(b"\0"), b""],
              "bytes of a cut frame")


def descriptors(path, dataset):
    """Where the descriptors of a contiguous dataset of sequences are."""
    with h5py.File(at(path)) as f:
        return f[dataset].id.get_offset()


def test_lying_descriptors():
    frames = make.jpegs(T)
    cam = "observations/images/cam"
    for name, change in {
        "long": lambda d: d.__setitem__(slice(64, 68), b"\xff\xff\xff\x7f"),
        "longer": lambda d: d.__setitem__(slice(64, 68),
                                          (len(frames[4]) + 40).to_bytes(4, "little")),
        "heap": lambda d: d.__setitem__(slice(68, 69), b"\1"),
        "away": lambda d: d.__setitem__(slice(68, 76), b"\xff\xff\xff\xff\0\0\0\0"),
        "index": lambda d: d.__setitem__(slice(76, 80), b"\xff\xff\0\0"),
    }.items():
        aloha("lie.h5", {"cam": lambda g, n: make.put_sequences(g, n, frames)})
        where = descriptors("lie.h5", cam)
        with open(at("lie.h5"), "r+b") as f:
            f.seek(where)
            d = bytearray(f.read(16 * T))
            change(d)
            f.seek(where)
            f.write(d)
        r = subprocess.run([robocache, "convert", at("lie.h5"), "-o", at(f"lie-{name}")],
                           capture_output=True, text=True)
        check(r.returncode == (3 if name == "long" else 1) and
              ("more bytes than the file" if name == "long" else "frame 4 of") in r.stderr,
              f"lie {name}: {r}")


def test_places():
    """Small frames share heaps, and addresses count from behind a user block."""
    frames = [make.encode(make.scene(i, 8, 8)) for i in range(200)]
    with h5py.File(at("block.h5"), "w", userblock_size=1024) as f:
        f["action"] = np.zeros((200, 3), np.float32)
        f["observations/qpos"] = np.zeros((200, 3), np.float32)
        g = f.create_group("observations/images")
        make.put_sequences(g, "b", frames[::-1])
        a = make.put_sequences(g, "a", frames, chunks=(30,))
        for i in range(100, 200):  # a place anew, other places freed
            a[i] = np.frombuffer(frames[i - 100], np.uint8)
    convert("block.h5", "block")
    with shard("block") as f:
        check(frames_of(f["data/demo_0/obs/a"]) == frames[:100] * 2, "written twice")
        check(frames_of(f["data/demo_0/obs/b"]) == frames[::-1], "backwards")


def test_uneven():
    """Padding to one long frame must not make terabytes of a small file."""
    n = 3000
    frames = [b"\xff\xd8\xff\xd9"] * (n - 1) + [make.encode(make.scene(0)).ljust(200000)]
    aloha("uneven.h5", {"cam": lambda g, n: make.put_sequences(g, n, frames)}, n=n)
    convert("uneven.h5", "uneven", status=3)
    check("uneven_frames" in codes("uneven"), "uneven frames")


def test_lengths():
    a, b = make.jpegs(T), make.jpegs(T, optimize=True)
    rows = {"b_cam": make.padded(a), "a_cam": make.padded(b)}
    put = {k: lambda g, n, v=v: g.create_dataset(n, data=v) for k, v in rows.items()}
    for name, table, code in (("given", [a, b], False), ("sorted", [b, a], False),
                              ("wrong", [[b"x"] * T, a], True)):
        aloha("len.h5", put)
        with h5py.File(at("len.h5"), "a") as f:
            f["compress_len"] = np.array([[len(x) for x in row] for row in table], np.float32)
        convert("len.h5", f"len-{name}")
        check(("compress_len" in codes(f"len-{name}")) == code, f"compress_len {name}")
        with shard(f"len-{name}") as f:
            check(sorted(f["data/demo_0/obs"]) == ["a_cam", "b_cam", "qpos"], "compress_len")


def test_no_decoder():
    """What a build cannot decode is a mistake in the command, unless it is left out."""
    if have("libturbojpeg") and have("libpng"):
        return
    aloha("both.h5", {"jpeg": lambda g, n: make.put_sequences(g, n, make.jpegs(T)),
                      "png": lambda g, n: make.put_sequences(g, n, make.pngs(T))})
    missing = "libpng" if have("libturbojpeg") else "libturbojpeg"
    err = convert("both.h5", "both", "--decode", status=2)
    check(missing in err, f"the library is named: {err}")
    if have("libturbojpeg") or have("libpng"):
        convert("both.h5", "both", "--decode", "--drop", "png" if missing == "libpng" else "jpeg")
    convert("both.h5", "both-copied")


test_filters()
test_missing_filter()
test_copies()
test_ticks()
test_episodes()
if have("libturbojpeg") or have("libpng"):
    test_pixels()
test_no_decoder()
test_forms_decoded()
test_mixed()
test_bad_frames()
test_lying_descriptors()
test_places()
test_uneven()
test_lengths()
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
