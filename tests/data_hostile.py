# SPDX-License-Identifier: Apache-2.0
"""Files that are damaged or built to do harm: KINDS has a function for each that writes one.

Byte surgery follows the HDF5 File Format Specification, version 3.0: superblock (II.A), B-trees
(III.A), symbol table nodes (III.C), local and global heaps (III.D, III.E), object headers (IV.A).
"""
import gzip
import os
import struct

import h5py
import numpy as np

KINDS = {}  # name: (function, what must come of it, suffix)
ROWS, WIDTH = 40, 7


def kind(says="bad", suffix=".h5", name=None):
    """says: "bad": the file or a part of it must be named; "ok": it must convert; "any"."""
    def put(make):
        KINDS[name or make.__name__] = (make, says, suffix)
        return make
    return put


# --- good files ---------------------------------------------------------------------------------


def good(path, libver="earliest", **chunked):
    """Two episodes: a gzip dataset of a few chunks, a contiguous one, strings of any length."""
    rng = np.random.default_rng(5)
    with h5py.File(path, "w", libver=libver) as f:
        for i in range(2):
            demo = f.create_group(f"data/demo_{i}")
            demo.create_dataset("actions", data=rng.normal(size=(ROWS, WIDTH)), chunks=(8, WIDTH),
                                compression="gzip", **chunked)
            demo.create_dataset("obs/state", data=rng.normal(size=(ROWS, 3)).astype("f4"))
            words = demo.create_dataset("words", (ROWS,), h5py.string_dtype())
            words[:] = [f"word {k}" for k in range(ROWS)]


def addresses(path):
    """Where the object headers are."""
    with h5py.File(path, "r") as f:
        return {name: h5py.h5o.get_info(f[name].id).addr
                for name in ("/", "data", "data/demo_0", "data/demo_0/actions",
                             "data/demo_0/obs/state", "data/demo_0/words")}


def patched(path, libver="earliest", **chunked):
    """The bytes of a good file, to be changed."""
    good(path, libver, **chunked)
    with open(path, "rb") as f:
        return bytearray(f.read())


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


# --- checksums of newer headers: Bob Jenkins' lookup3, hashlittle() ------------------------------


def lookup3(data):
    def rot(x, k):
        return ((x << k) | (x >> (32 - k))) & 0xFFFFFFFF
    a = b = c = (0xDEADBEEF + len(data)) & 0xFFFFFFFF
    at, left = 0, len(data)
    while left > 12:
        x, y, z = struct.unpack_from("<III", data, at)
        a, b, c = (a + x) & 0xFFFFFFFF, (b + y) & 0xFFFFFFFF, (c + z) & 0xFFFFFFFF
        for r0, r1, r2 in ((4, 6, 8), (16, 19, 4)):
            a = ((a - c) & 0xFFFFFFFF) ^ rot(c, r0)
            c = (c + b) & 0xFFFFFFFF
            b = ((b - a) & 0xFFFFFFFF) ^ rot(a, r1)
            a = (a + c) & 0xFFFFFFFF
            c = ((c - b) & 0xFFFFFFFF) ^ rot(b, r2)
            b = (b + a) & 0xFFFFFFFF
        at, left = at + 12, left - 12
    if not left:
        return c
    tail = bytes(data[at:at + left]) + bytes(12 - left)
    x, y, z = struct.unpack("<III", tail)
    a, b, c = (a + x) & 0xFFFFFFFF, (b + y) & 0xFFFFFFFF, (c + z) & 0xFFFFFFFF
    for p, q, r in (("c", "b", 14), ("a", "c", 11), ("b", "a", 25), ("c", "b", 16), ("a", "c", 4),
                    ("b", "a", 14), ("c", "b", 24)):
        v = {"a": a, "b": b, "c": c}
        v[p] = ((v[p] ^ v[q]) - rot(v[q], r)) & 0xFFFFFFFF
        a, b, c = v["a"], v["b"], v["c"]
    return c


def header_end(data, at):
    """Where the checksum of a version 2 object header is."""
    flags = data[at + 5]
    size = at + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    return size + width + int.from_bytes(data[size:size + width], "little")


def repaired(data, at):
    end = header_end(data, at)
    struct.pack_into("<I", data, end, lookup3(data[at:end]))
    return data


# --- truncated, overwritten, something else -----------------------------------------------------


def cut(name, share, says="bad"):
    def make(path):
        data = patched(path)
        write(path, data[:share if isinstance(share, int) else int(len(data) * share)])
    kind(says, name=f"cut_{name}")(make)


for name_, share_ in (("nothing", 0), ("byte", 1), ("signature", 8), ("superblock", 95),
                      ("head", 96), ("page", 512), ("quarter", 0.25), ("half", 0.5),
                      ("most", 0.9), ("last", -1)):
    cut(name_, share_)


def overwritten(name, lo, hi, value, says="bad"):
    def make(path):
        data = patched(path)
        a, b = int(lo * len(data)), int(hi * len(data))
        data[a:b] = bytes([value]) * (b - a)
        write(path, data)
    kind(says, name=f"overwritten_{name}")(make)


overwritten("first_zeros", 0.02, 0.2, 0)
overwritten("first_ones", 0.02, 0.2, 255)
overwritten("middle_zeros", 0.4, 0.6, 0)
overwritten("middle_ones", 0.4, 0.6, 255)
overwritten("end_zeros", 0.8, 1, 0, "any")


@kind("ok")
def appended(path):
    write(path, patched(path) + b"more" * 1000)


@kind("ok")
def user_block(path):
    with h5py.File(path, "w", userblock_size=512) as f:
        f["data/demo_0/actions"] = np.ones((ROWS, WIDTH))


@kind()
def text(path):
    write(path, b"this is no HDF5 file\n" * 100)


@kind()
def picture(path):
    write(path, b"\x89PNG\r\n\x1a\n" + os.urandom(2000))


@kind()
def zipped(path):
    write(path, gzip.compress(b"x" * 10000))


@kind()
def noise(path):
    write(path, np.random.default_rng(1).bytes(20000))


@kind()
def signature_and_noise(path):
    write(path, b"\x89HDF\r\n\x1a\n" + np.random.default_rng(2).bytes(20000))


# --- superblock ---------------------------------------------------------------------------------


def superblock(name, at, fmt, value, libver="earliest", says="bad"):
    def make(path):
        data = patched(path, libver)
        struct.pack_into(fmt, data, at, value)
        if libver != "earliest":
            struct.pack_into("<I", data, 44, lookup3(data[:44]))
        write(path, data)
    kind(says, name=f"superblock_{name}")(make)


superblock("version", 8, "B", 9)
superblock("root_version", 10, "B", 9)
superblock("offset_size_0", 13, "B", 0)
superblock("offset_size_16", 13, "B", 16)
superblock("length_size_255", 14, "B", 255)
superblock("leaf_k_0", 16, "<H", 0)
superblock("leaf_k_most", 16, "<H", 65535, says="any")
superblock("base_address", 24, "<Q", 1 << 40)
superblock("end_of_file", 40, "<Q", 1 << 50)
superblock("end_of_file_0", 40, "<Q", 0)
superblock("root_outside", 64, "<Q", 1 << 40)
superblock("root_self", 64, "<Q", 0)
superblock("root_odd", 64, "<Q", 97)
superblock("v3_offset_size", 9, "B", 3, "latest")
superblock("v3_flags", 11, "B", 255, "latest", "any")
superblock("v3_extension", 20, "<Q", 48, "latest")
superblock("v3_root_outside", 36, "<Q", 1 << 40, "latest")
superblock("v3_root_self", 36, "<Q", 0, "latest")


# --- object headers -----------------------------------------------------------------------------


def header(name, which, at, fmt, value, says="bad"):
    def make(path):
        data = patched(path)
        struct.pack_into(fmt, data, addresses(path)[which] + at, value)
        write(path, data)
    kind(says, name=f"header_{name}")(make)


ACTIONS, STATE, DEMO = "data/demo_0/actions", "data/demo_0/obs/state", "data/demo_0"
header("version", ACTIONS, 0, "B", 7)
header("messages", ACTIONS, 2, "<H", 65535, "any")  # libhdf5 goes by the size
header("no_messages", ACTIONS, 2, "<H", 0)
header("size", ACTIONS, 8, "<I", 0xFFFFFFF0)
header("message_type", ACTIONS, 16, "<H", 0x00FF, "any")
header("message_size", ACTIONS, 18, "<H", 0xFFF8)
header("group_messages", DEMO, 2, "<H", 65535, "any")
header("group_type", DEMO, 16, "<H", 8, "any")


def rewritten(name, before, after, libver="earliest", which=ACTIONS, says="bad"):
    """Bytes of a header replaced, its checksum made good again."""
    def make(path):
        data = patched(path, libver)
        at = addresses(path)[which]
        where = data.index(before, at, at + 800)
        data[where:where + len(after)] = after
        write(path, repaired(data, at) if libver != "earliest" else data)
    kind(says, name=f"{'new' if libver != 'earliest' else 'old'}_{name}")(make)


DIMS = struct.pack("<QQ", ROWS, WIDTH)
for version_ in ("earliest", "latest"):
    rewritten("dims_huge", DIMS, struct.pack("<QQ", 1 << 62, WIDTH), version_)
    rewritten("dims_wrap", DIMS, struct.pack("<QQ", 1 << 61, 1 << 3), version_)
    rewritten("dims_wide", DIMS, struct.pack("<QQ", ROWS, 1 << 40), version_)
    rewritten("dims_none", DIMS, struct.pack("<QQ", ROWS, 0), version_, says="any")
    rewritten("dims_more", DIMS, struct.pack("<QQ", ROWS * 1000, WIDTH), version_)
    rewritten("contiguous_longer", struct.pack("<QQ", ROWS, 3), struct.pack("<QQ", 1 << 30, 3),
              version_, STATE)
    # an IEEE double: class 1, version 1; bit fields; 8 bytes
    rewritten("type_size", b"\x20\x3f\x00\x08\x00\x00\x00", b"\x20\x3f\x00\x00\x00\x00\x80",
              version_)
    rewritten("type_size_0", b"\x20\x3f\x00\x08\x00\x00\x00", b"\x20\x3f\x00\x00\x00\x00\x00",
              version_)
    rewritten("type_class", b"\x11\x20\x3f\x00", b"\x1b\x20\x3f\x00", version_)
rewritten("chunk_0", struct.pack("<II", 8, WIDTH), struct.pack("<II", 0, WIDTH))


@kind()
def new_checksum(path):
    data = patched(path, "latest")
    at = addresses(path)[ACTIONS]
    data[header_end(data, at)] ^= 1
    write(path, data)


# --- B-trees, symbol tables, heaps --------------------------------------------------------------


def at_signature(name, signature, offset, fmt, value, nth=0, says="bad", check=None):
    def make(path):
        data = patched(path)
        at = -1
        for _ in range(nth + 1):
            at = data.index(signature, at + 1)
        if check is not None:  # nodes of chunks and not of groups
            while data[at + 4] != check:
                at = data.index(signature, at + 1)
        struct.pack_into(fmt, data, at + offset, at if value == "self" else value)
        write(path, data)
    kind(says, name=name)(make)


at_signature("tree_of_group_type", b"TREE", 4, "B", 9)
at_signature("tree_of_group_level", b"TREE", 5, "B", 255)
at_signature("tree_of_group_used", b"TREE", 6, "<H", 65535)
at_signature("tree_of_group_child_self", b"TREE", 32, "<Q", "self")
at_signature("tree_of_group_child_outside", b"TREE", 32, "<Q", 1 << 45)
at_signature("tree_of_group_sibling_self", b"TREE", 16, "<Q", "self", says="any")
at_signature("tree_of_chunks_level", b"TREE", 5, "B", 3, check=1)
at_signature("tree_of_chunks_used", b"TREE", 6, "<H", 65535, check=1)
at_signature("tree_of_chunks_size_0", b"TREE", 24, "<I", 0, check=1)
at_signature("tree_of_chunks_size_most", b"TREE", 24, "<I", 0xFFFFFFFF, check=1)
at_signature("tree_of_chunks_mask", b"TREE", 28, "<I", 0xFFFFFFFF, check=1)
at_signature("tree_of_chunks_offset", b"TREE", 32, "<Q", 1 << 40, check=1)
at_signature("tree_of_chunks_address", b"TREE", 56, "<Q", 1 << 40, check=1)
at_signature("tree_of_chunks_address_self", b"TREE", 56, "<Q", "self", check=1)
at_signature("symbols_used", b"SNOD", 6, "<H", 65535)
at_signature("symbols_none", b"SNOD", 6, "<H", 0, nth=1, says="any")
at_signature("symbols_name", b"SNOD", 8, "<Q", 1 << 40)
at_signature("symbols_object", b"SNOD", 16, "<Q", 1 << 40)
at_signature("symbols_object_self", b"SNOD", 16, "<Q", "self")
at_signature("heap_size", b"HEAP", 8, "<Q", 1 << 40)
at_signature("heap_free_list_far", b"HEAP", 16, "<Q", 1 << 40)
at_signature("heap_data_outside", b"HEAP", 24, "<Q", 1 << 40)
at_signature("collection_size", b"GCOL", 8, "<Q", 1 << 40, says="any")
at_signature("collection_size_0", b"GCOL", 8, "<Q", 0, says="any")
at_signature("collection_object", b"GCOL", 24, "<Q", 1 << 40, says="any")


@kind("any")
def heap_free_list_self(path):
    """The free block of a local heap is its own successor: libhdf5 takes memory for ever."""
    data = patched(path)
    at = data.index(b"HEAP")
    size, free, where = struct.unpack_from("<QQQ", data, at + 8)
    if free < size:
        struct.pack_into("<Q", data, where + free, free)
    write(path, data)


@kind("any")
def long_string(path):
    """A reference into a heap that says 4 GiB."""
    data = patched(path)
    at = data.index(b"GCOL")
    where = data.index(struct.pack("<IQ", 6, at))
    struct.pack_into("<I", data, where, 0xFFFFFFFF)
    write(path, data)
