# SPDX-License-Identifier: Apache-2.0
"""Makes HDF5 files with what needs optional libraries: encoded frames, and datasets compressed
with filters that h5py has no code for.  Imported by check-images.py."""
import ctypes
import ctypes.util
import io
import zlib

import h5py
import numpy as np

BLOSC, LZ4 = 32001, 32004
OPTIONAL = 1


# --- filters ----------------------------------------------------------------------------------

def library(name, soname):
    try:
        return ctypes.CDLL(ctypes.util.find_library(name) or soname)
    except OSError:
        return None


def blosc_buffer(raw, typesize, name=b"blosclz"):
    lib = library("blosc", "libblosc.so.1")
    out = ctypes.create_string_buffer(len(raw) + 16)
    size = ctypes.c_size_t
    n = lib.blosc_compress_ctx(5, 1, size(typesize), size(len(raw)), raw, out, size(len(out)),
                               name, size(0), 1)
    assert n > 0
    return out.raw[:n]


def lz4_stream(raw, block):
    """As the HDF5 plugin writes: the size, the size of a block, each block behind its size."""
    lib = library("lz4", "liblz4.so.1")
    out = len(raw).to_bytes(8, "big") + block.to_bytes(4, "big")
    for at in range(0, len(raw), block):
        part = raw[at:at + block]
        room = ctypes.create_string_buffer(lib.LZ4_compressBound(len(part)))
        n = lib.LZ4_compress_default(part, room, len(part), len(room))
        part = room.raw[:n] if n < len(part) else part
        out += len(part).to_bytes(4, "big") + part
    return out


def put_filtered(group, name, values, rows, code, encode, params=()):
    """A dataset in chunks of `rows` rows, each of them stored as encode() gives it."""
    chunk = (rows, *values.shape[1:])
    dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    dcpl.set_chunk(chunk)
    dcpl.set_filter(code, OPTIONAL, params)
    space = h5py.h5s.create_simple(values.shape)
    dset = h5py.h5d.create(group.id, name.encode(), h5py.h5t.py_create(values.dtype), space, dcpl)
    for at in range(0, len(values), rows):
        full = np.zeros(chunk, values.dtype)
        part = values[at:at + rows]
        full[:len(part)] = part
        dset.write_direct_chunk((at,) + (0,) * (values.ndim - 1), encode(full.tobytes()))
    return dset


def put_blosc(group, name, values, rows, codec=b"blosclz"):
    size = values.dtype.itemsize
    n = rows * int(np.prod(values.shape[1:], dtype=int)) * size
    put_filtered(group, name, values, rows, BLOSC, lambda raw: blosc_buffer(raw, size, codec),
                 (2, 2, size, n, 5, 1, 0))


def put_lz4(group, name, values, rows, block=1 << 12):
    put_filtered(group, name, values, rows, LZ4, lambda raw: lz4_stream(raw, block), (block,))


# --- encoded frames ---------------------------------------------------------------------------

def scene(i, h=48, w=64, channels=3, dtype=np.uint8):
    """A smooth picture with edges and some noise, unlike its neighbours."""
    y, x = np.mgrid[0:h, 0:w]
    top = np.iinfo(dtype).max
    rng = np.random.default_rng(i)
    planes = [(np.sin((x + 3 * i) / (5 + c)) + np.cos(y / (4 + c))) / 4 + 0.5
              for c in range(channels)]
    a = np.stack(planes, -1) + rng.normal(size=(h, w, channels)) * 0.02
    a[(x - 2 * i) ** 2 + (y - h // 2) ** 2 < 60] = [0.9, 0.1, 0.2, 0.7][:channels]
    a = (np.clip(a, 0, 1) * top).astype(dtype)
    return a[..., 0] if channels == 1 else a


def encode(array, form="JPEG", mode=None, **options):
    from PIL import Image
    out = io.BytesIO()
    Image.fromarray(array, mode).save(out, form, **options)
    return out.getvalue()


def jpegs(n, **options):
    return [encode(scene(i), "JPEG", **{"quality": 50 + 4 * (i % 9), **options}) for i in range(n)]


def pngs(n, **scene_options):
    return [encode(scene(i, **scene_options), "PNG") for i in range(n)]


def padded(frames, length=None):
    length = length or max(map(len, frames))
    return np.frombuffer(b"".join(f.ljust(length, b"\0") for f in frames),
                         np.uint8).reshape(len(frames), length)


def put_sequences(group, name, frames, **options):
    d = group.create_dataset(name, (len(frames),), h5py.vlen_dtype(np.uint8), **options)
    for i, f in enumerate(frames):
        d[i] = np.frombuffer(f, np.uint8)
    return d


def put_strings(group, name, frames, **options):
    return group.create_dataset(name, data=np.array(frames, f"S{max(map(len, frames))}"), **options)


# --- PNG of 16 bits and more than one channel, which Pillow does not write ---------------------

COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def png_chunk(kind, body):
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def png16(a):
    h, w, c = a.shape
    head = w.to_bytes(4, "big") + h.to_bytes(4, "big") + bytes([16, COLOUR_TYPES[c], 0, 0, 0])
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in a)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + \
        png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")


def unpng16(png):
    """Of what png16() made."""
    w, h = (int.from_bytes(png[i:i + 4], "big") for i in (16, 20))
    n = int.from_bytes(png[33:37], "big")
    rows = np.frombuffer(zlib.decompress(png[41:41 + n]), np.uint8).reshape(h, -1)[:, 1:]
    return np.ascontiguousarray(rows).view(">u2").astype(np.uint16).reshape(h, w, -1)
