# SPDX-License-Identifier: Apache-2.0
"""Datasets in every element type, filter, chunk index and file format that HDF5 stores."""
import ctypes

import h5py
import numpy as np

T = 30


def ramp(dtype, *shape):
    """Values that every type holds; floats are no integers."""
    x = np.arange(T * int(np.prod(shape, dtype=int))).reshape(T, *shape) % 113
    return (x / 4 if np.dtype(dtype).kind == "f" else x).astype(dtype)


def low_level(g, name, ftype, values, plist=None):
    space = h5py.h5s.create_simple(values.shape)
    d = h5py.h5d.create(g.id, name.encode(), ftype, space, plist)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, values)


def created(chunk, *calls):
    p = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    p.set_chunk(chunk)
    for name, *args in calls:
        getattr(p, name)(*args)
    return p


# --- element types -----------------------------------------------------------------------------

def float_type(base, sign, exp, exp_bits, frac_bits, size, bias):
    t = base.copy()
    t.set_fields(sign, exp, exp_bits, 0, frac_bits)
    t.set_ebias(bias)
    t.set_size(size)
    return t


def int_type(base, bits, offset=0, size=None):
    t = base.copy()
    t.set_precision(bits)
    if size:
        t.set_size(size)
    t.set_offset(offset)
    return t


def put_types(g):
    for t in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"):
        g["le_" + t] = ramp(t, 3)
        g["be_" + t] = ramp(t, 3).astype(">" + t)
        g.create_dataset("be_chunked_" + t, data=ramp(t, 3).astype(">" + t), chunks=(7, 2),
                         shuffle=True, compression="gzip")
    g["bool"] = ramp("i4", 3) % 2 == 1
    g.create_dataset("enum_i1", data=ramp("i1", 2) % 3,
                     dtype=h5py.enum_dtype({"OPEN": 0, "CLOSED": 1, "HELD": 2}, basetype="i1"))
    g.create_dataset("enum_u2", data=ramp("u2", 2) % 2,
                     dtype=h5py.enum_dtype({"A": 0, "B": 1}, basetype=">u2"))
    f4, i4, be = h5py.h5t.IEEE_F32LE, h5py.h5t.STD_I32LE, h5py.h5t.IEEE_F32BE
    low_level(g, "bf16", float_type(f4, 15, 7, 8, 7, 2, 127), ramp("f4", 3))
    low_level(g, "bf16_be", float_type(be, 15, 7, 8, 7, 2, 127), ramp("f4", 3))
    low_level(g, "float24", float_type(f4, 23, 16, 7, 16, 3, 63), ramp("f4", 3))
    low_level(g, "bits12", int_type(h5py.h5t.STD_I16LE, 12), ramp("i2", 3))
    low_level(g, "bits12_high", int_type(h5py.h5t.STD_U16LE, 12, 4), ramp("u2", 3))
    low_level(g, "bytes3", int_type(i4, 24, 0, 3), ramp("i4", 3))


# --- filters -----------------------------------------------------------------------------------

def put_filters(g):
    """Names begin with the filter that has to be there for the dataset."""
    x, images = ramp("f4", 6), ramp("u1", 8, 10, 3)
    chunk = (7, 4)
    g.create_dataset("gzip", data=x, chunks=chunk, compression="gzip", compression_opts=9)
    g.create_dataset("gzip_images", data=images, chunks=(1, 8, 10, 3), compression="gzip")
    g.create_dataset("gzip_all", data=x, chunks=chunk, compression="gzip", shuffle=True,
                     fletcher32=True)
    low_level(g, "gzip_sum_first", h5py.h5t.IEEE_F32LE, x,
              created(chunk, ("set_fletcher32",), ("set_deflate", 4), ("set_shuffle",)))
    g.create_dataset("shuffle", data=x, chunks=chunk, shuffle=True)
    g.create_dataset("fletcher32", data=x, chunks=chunk, fletcher32=True)
    g.create_dataset("fletcher32_odd", data=ramp("u1", 3), chunks=(5, 3), fletcher32=True)
    g.create_dataset("lzf", data=x, chunks=chunk, compression="lzf")
    g.create_dataset("lzf_all", data=images, chunks=(4, 8, 10, 3), compression="lzf",
                     shuffle=True, fletcher32=True)
    g.create_dataset("scaleoffset_int", data=ramp("i4", 6), chunks=chunk, scaleoffset=0)
    g.create_dataset("scaleoffset_float", data=x, chunks=chunk, scaleoffset=2)
    g.create_dataset("scaleoffset_gzip", data=ramp("u2", 6), chunks=chunk, scaleoffset=0,
                     compression="gzip")
    for name, base in ("nbit", h5py.h5t.STD_I32LE), ("nbit_be", h5py.h5t.STD_I32BE):
        p = created(chunk)
        p.set_filter(h5py.h5z.FILTER_NBIT, 0, ())
        low_level(g, name, int_type(base, 9), ramp("i4", 6), p)
    for name, how in ("szip_ec", ("ec", 8)), ("szip_nn", ("nn", 4)):
        if h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP):
            g.create_dataset(name, data=images, chunks=(2, 8, 10, 3), compression="szip",
                             compression_opts=how)
            g.create_dataset(name + "_float", data=x, chunks=chunk, compression="szip",
                             compression_opts=how, shuffle=True)
    if h5py.h5z.filter_avail(32015):
        g.create_dataset("zstd", data=x, chunks=chunk, compression=32015, compression_opts=(3,),
                         shuffle=True)
    d = g.create_dataset("gzip_masked", data=x, chunks=(10, 6), compression="gzip", shuffle=True)
    d.id.write_direct_chunk((10, 0), x[10:20].tobytes(), 3)  # went through no filter
    # the optional compressor gave up: bytes of no pattern
    noise = np.random.default_rng(1).integers(0, 256, (T, 64), np.uint8)
    g.create_dataset("lzf_gave_up", data=noise, chunks=(3, 64), compression="lzf", shuffle=True)


# --- chunks ------------------------------------------------------------------------------------

def put_chunks(g):
    """With libver="latest" each has another kind of index."""
    x = ramp("f4", 6)
    early = created((7, 4), ("set_alloc_time", h5py.h5d.ALLOC_TIME_EARLY))
    low_level(g, "implicit", h5py.h5t.IEEE_F32LE, x, early)
    g.create_dataset("single", data=x, chunks=x.shape)
    g.create_dataset("single_gzip", data=x, chunks=x.shape, compression="gzip")
    g.create_dataset("fixed_array", data=x, chunks=(7, 4), compression="gzip")
    g.create_dataset("fixed_array_pages", data=ramp("u1", 3, 1000), chunks=(1, 1, 5))
    g.create_dataset("extensible", data=x, chunks=(1, 6), maxshape=(None, 6))
    g.create_dataset("extensible_gzip", data=x, chunks=(4, 6), maxshape=(None, 6),
                     compression="gzip")
    g.create_dataset("btree", data=x, chunks=(7, 4), maxshape=(None, None))
    g.create_dataset("btree_gzip", data=x, chunks=(7, 4), maxshape=(None, None),
                     compression="gzip")
    d = g.create_dataset("shrunk", data=np.vstack([x, x]), chunks=(8, 6), maxshape=(None, 6))
    d.resize((T, 6))
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    low_level(g, "compact", h5py.h5t.IEEE_F32BE, x, compact)


# --- files -------------------------------------------------------------------------------------

def open_file(path, superblock, user_block=0):
    """A new file with that version of the superblock."""
    fcpl = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    fapl = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    fapl.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    fcpl.set_userblock(user_block)
    low = {0: h5py.h5f.LIBVER_EARLIEST, 1: h5py.h5f.LIBVER_EARLIEST, 2: h5py.h5f.LIBVER_V18,
           3: h5py.h5f.LIBVER_LATEST}[superblock]
    fapl.set_libver_bounds(low, h5py.h5f.LIBVER_LATEST)
    if superblock == 1:
        set_chunk_btree(fcpl)
    return h5py.File(h5py.h5f.create(path.encode(), h5py.h5f.ACC_TRUNC, fcpl, fapl))


def set_chunk_btree(fcpl):
    """What h5py has no call for, and makes version 1."""
    with open("/proc/self/maps") as maps:
        name = next(line.split()[-1] for line in maps if "/libhdf5" in line)
    ctypes.CDLL(name).H5Pset_istore_k(ctypes.c_int64(fcpl.id), ctypes.c_uint(8))


def superblock_of(path, user_block):
    with open(path, "rb") as f:
        f.seek(user_block)
        head = f.read(9)
    assert head[:8] == b"\x89HDF\r\n\x1a\n"
    return head[8]


def add_episode(f):
    """What every file of here has beside its datasets; the group for these."""
    demo = f.create_group("data/demo_0")
    demo["actions"] = ramp("f4", 7)
    demo.attrs["num_samples"] = T
    return demo.create_group("obs")
