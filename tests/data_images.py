# SPDX-License-Identifier: Apache-2.0
"""Makes HDF5 files with what needs optional libraries: encoded frames, and datasets compressed
with filters that h5py has no code for.  Imported by check-images.py."""
import ctypes
import ctypes.util
import io

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
