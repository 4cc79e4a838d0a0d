# SPDX-License-Identifier: Apache-2.0
"""More of data_hostile.py: chunks and codecs, the graph of groups, types, containers.

Zstandard frames are built by RFC 8878.
"""
import io
import os
import struct
import tarfile
import zlib

import h5py
import numpy as np

from data_hostile import KINDS, ROWS, WIDTH, good, kind, patched, write

__all__ = ["KINDS", "good"]


# --- chunks -------------------------------------------------------------------------------------


def raw_chunk(path, make, mask=0, dtype="f8", **how):
    with h5py.File(path, "w") as f:
        d = f.create_dataset("data/demo_0/actions", (ROWS, WIDTH), dtype, chunks=(ROWS, WIDTH),
                             **how)
        d.id.write_direct_chunk((0, 0), make, mask)
        f["data/demo_0/obs/state"] = np.ones((ROWS, 3))


def bomb(n):
    """A deflate stream of n MiB of zeros."""
    z = zlib.compressobj(9)
    mib = bytes(1 << 20)
    return b"".join([z.compress(mib) for _ in range(n)] + [z.flush()])


@kind()
def gzip_noise(path):
    raw_chunk(path, os.urandom(500), compression="gzip")


@kind()
def gzip_bomb(path):
    raw_chunk(path, bomb(300), compression="gzip")


@kind()
def gzip_short(path):
    raw_chunk(path, zlib.compress(bytes(100)), compression="gzip")


@kind()
def gzip_long(path):
    raw_chunk(path, zlib.compress(bytes(ROWS * WIDTH * 8 + 1)), compression="gzip")


@kind()
def giant_chunk(path):
    """A chunk of 512 MiB for forty rows: nothing for a run with less memory."""
    with h5py.File(path, "w") as f:
        d = f.create_dataset("data/demo_0/actions", (ROWS, 64), "f8", chunks=(1 << 20, 64),
                             maxshape=(None, 64), compression="gzip")
        d.id.write_direct_chunk((0, 0), bomb(512), 0)


@kind()
def lzf_noise(path):
    raw_chunk(path, b"\xff\xff\xff" + os.urandom(300), compression="lzf")


@kind()
def checksum_wrong(path):
    raw_chunk(path, bytes(ROWS * WIDTH * 8) + b"\1\2\3\4", fletcher32=True)


@kind()
def checksum_short(path):
    raw_chunk(path, b"\1\2", fletcher32=True)


@kind()
def chunk_short(path):
    raw_chunk(path, bytes(100))


@kind()
def chunk_long(path):
    raw_chunk(path, bytes(ROWS * WIDTH * 8 + 8))


def zstd_frame(declared, blocks):
    """A frame with a content size of 8 bytes and these blocks."""
    return b"\x28\xb5\x2f\xfd" + b"\xe0" + struct.pack("<Q", declared) + blocks


def rle_blocks(n, size=128 << 10):
    """n blocks that say: size times a zero."""
    return b"".join(struct.pack("<I", size << 3 | 1 << 1 | (i == n - 1))[:3] + b"\0"
                    for i in range(n))


def zstd_chunk(path, frame):
    with h5py.File(path, "w") as f:
        dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        dcpl.set_chunk((ROWS, WIDTH))
        dcpl.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (3,))
        f.create_group("data/demo_0/obs")
        d = h5py.h5d.create(f["data/demo_0"].id, b"actions", h5py.h5t.IEEE_F64LE,
                            h5py.h5s.create_simple((ROWS, WIDTH)), dcpl)
        d.write_direct_chunk((0, 0), frame, 0)
        f["data/demo_0/obs/state"] = np.ones((ROWS, 3))


@kind()
def zstd_bomb(path):
    zstd_chunk(path, zstd_frame(8192 * (128 << 10), rle_blocks(8192)))


@kind()
def zstd_declares_much(path):
    zstd_chunk(path, zstd_frame(8 << 30, rle_blocks(1, 100)))


@kind()
def zstd_declares_right_gives_more(path):
    zstd_chunk(path, zstd_frame(ROWS * WIDTH * 8, rle_blocks(8)))


@kind()
def zstd_short(path):
    zstd_chunk(path, zstd_frame(100, rle_blocks(1, 100)))


@kind()
def zstd_noise(path):
    zstd_chunk(path, b"\x28\xb5\x2f\xfd" + os.urandom(200))


@kind()
def many_filters(path):
    with h5py.File(path, "w") as f:
        dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        dcpl.set_chunk((ROWS, WIDTH))
        for _ in range(30):
            dcpl.set_shuffle()
        h5py.h5d.create(f.create_group("data/demo_0").id, b"actions", h5py.h5t.IEEE_F64LE,
                        h5py.h5s.create_simple((ROWS, WIDTH)), dcpl)


@kind()
def twice_compressed(path):
    with h5py.File(path, "w") as f:
        dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        dcpl.set_chunk((1 << 20, 100))
        dcpl.set_deflate(9)
        dcpl.set_deflate(9)
        d = h5py.h5d.create(f.create_group("data/demo_0").id, b"actions", h5py.h5t.IEEE_F64LE,
                            h5py.h5s.create_simple((1 << 20, 100)), dcpl)
        d.write_direct_chunk((0, 0), zlib.compress(bomb(800), 9), 0)


@kind()
def unknown_filter(path):
    with h5py.File(path, "w") as f:
        dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        dcpl.set_chunk((ROWS, WIDTH))
        dcpl.set_filter(60000, h5py.h5z.FLAG_OPTIONAL, (1, 2, 3))
        d = h5py.h5d.create(f.create_group("data/demo_0").id, b"actions", h5py.h5t.IEEE_F64LE,
                            h5py.h5s.create_simple((ROWS, WIDTH)), dcpl)
        d.write_direct_chunk((0, 0), bytes(ROWS * WIDTH * 8), 0)


@kind()
def chunks_missing(path):
    with h5py.File(path, "w") as f:
        d = f.create_dataset("data/demo_0/actions", (ROWS, WIDTH), "f8", chunks=(8, WIDTH))
        d[:8] = 1
        f["data/demo_0/obs/state"] = np.ones((ROWS, 3))


@kind()
def sparse_and_huge(path):
    with h5py.File(path, "w") as f:
        f.create_dataset("data/demo_0/actions", (1 << 40, 1 << 20), "f8", chunks=(1, 1024))


# --- the graph ----------------------------------------------------------------------------------


@kind("ok")
def cycle(path):
    good(path)
    with h5py.File(path, "a") as f:
        f["data/demo_0/again"] = f["data"]
        f["data/root"] = f["/"]


@kind("ok")
def diamond(path):
    """Two ways down at each of forty levels."""
    good(path)
    with h5py.File(path, "a") as f:
        g = f.create_group("extra")
        for _ in range(40):
            below = g.create_group("a")
            g["b"] = below
            g = below


@kind("any")
def deep(path):
    good(path)
    with h5py.File(path, "a") as f:
        g = f.create_group("deep")
        for _ in range(3000):
            g = g.create_group("g")


@kind("any")
def wide(path):
    with h5py.File(path, "w", libver="latest") as f:
        g = f.create_group("data")
        for i in range(20000):
            g.create_group(f"demo_{i}")


@kind("any")
def odd_names(path):
    with h5py.File(path, "w") as f:
        for name in ("\x1b[2J", "a\nb", "..", "-rf", "ü" * 100, "x" * 60000, "a'b", '"'):
            f.create_dataset(f"data/demo_0/{name}", data=np.ones((ROWS, 2)))
        f["data/demo_0/actions"] = np.ones((ROWS, WIDTH))


@kind()
def external_link(path):
    with h5py.File(path, "w") as f:
        f["data/demo_0/actions"] = h5py.ExternalLink("/etc/passwd", "x")


@kind()
def external_storage(path):
    with h5py.File(path, "w") as f:
        dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        dcpl.set_external(b"/etc/passwd", 0, ROWS * WIDTH * 8)
        h5py.h5d.create(f.create_group("data/demo_0").id, b"actions", h5py.h5t.IEEE_F64LE,
                        h5py.h5s.create_simple((ROWS, WIDTH)), dcpl)


@kind()
def virtual_self(path):
    layout = h5py.VirtualLayout(shape=(ROWS, WIDTH), dtype="f8")
    layout[:] = h5py.VirtualSource(path, "data/demo_0/actions", shape=(ROWS, WIDTH))
    with h5py.File(path, "w") as f:
        f.create_virtual_dataset("data/demo_0/actions", layout)


# --- types and meaning --------------------------------------------------------------------------


def one_dataset(name, says="bad", **how):
    def make(path):
        with h5py.File(path, "w") as f:
            f.create_dataset("data/demo_0/actions", **how)
    kind(says, name=name)(make)


one_dataset("opaque", data=np.zeros((ROWS, 4), "V8"))
one_dataset("references", shape=(ROWS,), dtype=h5py.ref_dtype)
one_dataset("region_references", shape=(ROWS,), dtype=h5py.regionref_dtype)
one_dataset("complex", data=np.zeros((ROWS, 4), "c16"))
one_dataset("many_dimensions", data=np.zeros((2,) * 20))
one_dataset("no_rows", says="any", data=np.zeros((0, WIDTH)))
one_dataset("no_columns", says="any", data=np.zeros((ROWS, 0)))
one_dataset("no_space", data=h5py.Empty("f8"))
one_dataset("strings", data=np.array([b"x" * 10] * ROWS))
one_dataset("ragged", shape=(ROWS,), dtype=h5py.vlen_dtype("f8"))
one_dataset("records_in_records", data=np.zeros(ROWS, [("a", [("b", "f8", (3, 3))], (2,))]))
one_dataset("not_finite", says="any", data=np.full((ROWS, WIDTH), np.nan))


def clocked(name, stamps, says="any"):
    def make(path):
        with h5py.File(path, "w") as f:
            f["timestamp"] = stamps
            f["state"] = np.ones((len(stamps), 3))
    kind(says, name=f"clock_{name}")(make)


clocked("nan", np.full(ROWS, np.nan), "bad")
clocked("infinite", np.where(np.arange(ROWS) == 5, np.inf, np.arange(ROWS)), "bad")
clocked("back", np.arange(ROWS)[::-1] * 0.1, "bad")
clocked("far", np.arange(ROWS) * 1e300, "bad")
clocked("jump", np.where(np.arange(ROWS) < 20, 0.1, 3e9) + np.arange(ROWS) * 0.1)
clocked("still", np.full(ROWS, 1.7e9, "f4"))
clocked("most", np.arange(ROWS, dtype="u8") + np.uint64(2**64 - 100))


# --- what is no file, containers, what lies beside ------------------------------------------------


@kind("any")
def pipe(path):
    os.mkfifo(path)


@kind()
def link_to_itself(path):
    os.symlink(os.path.basename(path), path)


@kind()
def link_to_nothing(path):
    os.symlink("is-not-there", path)


@kind(suffix=".h5.zst")
def packed_noise(path):
    write(path, b"\x28\xb5\x2f\xfd" + os.urandom(1000))


@kind(suffix=".h5.zst")
def packed_bomb(path):
    """40 GB of zeros in a megabyte and a half."""
    write(path, zstd_frame(320000 * (128 << 10), rle_blocks(320000)))


@kind(suffix=".h5.zst")
def packed_window(path):
    write(path, b"\x28\xb5\x2f\xfd\x00\xf8" + rle_blocks(1, 100))


@kind(suffix=".h5.zst")
def packed_text(path):
    write(path, zstd_frame(100, rle_blocks(1, 100)))


def archive(path, *members):
    with tarfile.open(path, "w") as t:
        for m, data in members:
            m.size = len(data)
            t.addfile(m, io.BytesIO(data))


def member(name, **how):
    m = tarfile.TarInfo(name)
    for key, value in how.items():
        setattr(m, key, value)
    return m


def good_bytes(path):
    data = bytes(patched(path))
    os.unlink(path)
    return data


@kind(suffix=".tar")
def tar_upwards(path):
    archive(path, (member("../../up.h5"), good_bytes(path)), (member("/abs.h5"), b"x"))


@kind(suffix=".tar")
def tar_links(path):
    archive(path, (member("a.h5", type=tarfile.SYMTYPE, linkname="/etc/passwd"), b""),
            (member("b.h5", type=tarfile.LNKTYPE, linkname="/etc/passwd"), b""),
            (member("c.h5", type=tarfile.CHRTYPE), b""))


@kind(suffix=".tar")
def tar_cut(path):
    archive(path, (member("a.h5"), good_bytes(path)))
    write(path, open(path, "rb").read()[:4000])


@kind(suffix=".tar")
def tar_checksum(path):
    archive(path, (member("a.h5"), good_bytes(path)))
    data = bytearray(open(path, "rb").read())
    data[148:154] = b"000000"
    write(path, data)


@kind(suffix=".tar")
def tar_size(path):
    archive(path, (member("a.h5"), b"x" * 600))
    data = bytearray(open(path, "rb").read())
    data[124:136] = b"\x80" + b"\xff" * 11
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    write(path, data)


@kind(suffix=".tar")
def tar_noise(path):
    archive(path, (member("a.h5"), np.random.default_rng(3).bytes(3000)))


def beside(name, content):
    def make(path):
        good(path)
        write(path[:-3] + ".json", content)
    kind("any", name=f"beside_{name}")(make)


beside("deep", b"[" * 100000)
beside("noise", b'{"env_info": ' + bytes(range(256)))
beside("numbers", b'{"env_info": {"env_kwargs": {"control_freq": 1e999}}, "episodes": [-1, 1e400]}')
