#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packs HDF5 files into containers, good and bad ones.

usage: data_containers.py FILE.h5 DIR

writes into DIR/good what must convert like FILE.h5, and into DIR/bad what must be refused with the
reason that its name begins with.  Needs the zstd program.
"""
import io
import os
import struct
import subprocess
import sys
import tarfile


def zstd(data, *options, size_known=True):
    """One frame; without its content size if that is not to be known."""
    args = ["zstd", "-q", "-c", *options]
    if size_known:
        args.append(f"--stream-size={len(data)}")
    return subprocess.run(args, input=data, stdout=subprocess.PIPE, check=True).stdout


def skippable(data, number=5):
    return struct.pack("<II", 0x184D2A50 + number, len(data)) + data


def several_frames(data):
    """As pzstd and appending writers make them, with something to skip before, between, behind."""
    third = len(data) // 3
    parts = [data[:third], data[third:third + 1], b"", data[third + 1:]]
    frames = [zstd(p, size_known=i % 2 == 0) for i, p in enumerate(parts)]
    return skippable(b"an index") + skippable(b"").join(frames) + skippable(b"x" * 70000, 15)


class Tar:
    """A tar in memory, of members that extract() would not all write."""

    def __init__(self, form=tarfile.PAX_FORMAT):
        self.out = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.out, mode="w", format=form)

    def add(self, name, data=b"", kind=tarfile.REGTYPE, link=""):
        info = tarfile.TarInfo(name)
        info.size, info.type, info.linkname = len(data), kind, link
        self.tar.addfile(info, io.BytesIO(data))
        return self

    def end(self):
        self.tar.close()
        return self.out.getvalue()


def sparse_tar(name, real_size):
    """A member of the old GNU sparse form: one hole of any size."""
    octal = lambda n, width: b"%0*o\0" % (width - 1, n)  # noqa: E731
    big = b"\x80" + real_size.to_bytes(11, "big")
    h = bytearray(512)
    h[0:len(name)] = name.encode()
    h[100:108], h[108:116], h[116:124] = octal(0o644, 8), octal(0, 8), octal(0, 8)
    h[124:136], h[136:148], h[156:157] = octal(0, 12), octal(0, 12), b"S"
    h[257:265] = b"ustar  \0"
    h[386:398], h[398:410] = big, octal(0, 12)
    h[483:495] = big
    h[148:156] = b" " * 8
    h[148:156] = b"%06o\0 " % sum(h)
    return bytes(h) + bytes(10240 - 512)


def good(data):
    """Name: bytes.  Each holds the file once."""
    plain = Tar().add("raw/ep.h5", data)
    long_name = "d" * 90 + "/" + "e" * 200 + "/\u00e9pisode.h5"
    odd = Tar().add("raw", kind=tarfile.DIRTYPE).add("folder.h5", kind=tarfile.DIRTYPE)
    odd.add("raw/notes.txt", b"hello").add("raw/._ep.h5", b"of another system")
    odd.add(".hidden/ep.h5", b"x").add("./raw//ep.h5", data)
    twice = Tar(tarfile.GNU_FORMAT).add("ep.h5", b"an older one").add("ep.h5", data)
    return {
        "one.h5.zst": zstd(data),
        "stream.hdf5.zst": zstd(data, size_known=False),
        "strong.H5.ZST": zstd(data, "-9", "--check"),
        "frames.h5.zst": several_frames(data),
        "plain.h5.zst": data,
        "plain.tar": plain.end(),
        "ustar.tar": Tar(tarfile.USTAR_FORMAT).add("ep.h5", data).end(),
        "long.tar.zst": zstd(Tar().add(long_name, data).end()),
        "odd.tar.zst": several_frames(odd.end()),
        "twice.tar": twice.end(),
        "nested.tar": Tar().add("ep.h5.zst", several_frames(data)).end(),
        "unnamed": zstd(Tar().add("ep.hdf5", data).end()),
        "renamed.bin": zstd(data),
    }


def bad(data):
    """Reason: {name: bytes}."""
    packed = zstd(data, "--check")
    flipped = bytearray(packed)
    flipped[len(flipped) // 2] ^= 0x40
    tar = Tar().add("first.h5", data).add("second.h5", data).end()
    packed_tar = zstd(tar)
    zeros = b"\0" * (300 << 20)
    bomb = zstd(zeros)
    return {
        "truncated": {"half.h5.zst": packed[:len(packed) // 2],
                      "most.h5.zst": packed[:-1],
                      "magic.h5.zst": packed[:4],
                      "skip.h5.zst": packed + skippable(b"x" * 100)[:-1],
                      "frame.tar.zst": packed_tar[:-100],
                      "member.tar": tar[:len(tar) // 2],
                      "end.tar": tar[:2 * (512 + (len(data) + 511) // 512 * 512)]},
        "bad_zstd": {"flipped.h5.zst": bytes(flipped), "behind.h5.zst": packed + b"garbage"},
        "bad_tar": {"header.tar": tar[:512 + (len(data) + 511) // 512 * 512] + b"?" * 10240},
        "bomb": {"zeros.h5.zst": bomb, "zeros.tar.zst": zstd(Tar().add("z.h5", zeros).end()),
                 "sparse.tar": sparse_tar("sparse.h5", 1 << 38)},
        "bad_member": {"up.tar": Tar().add("../up.h5", data).end(),
                       "inner.tar": Tar().add("a/../../up.h5", data).end(),
                       "root.tar": Tar().add("/etc/root.h5", data).end(),
                       "soft.tar": Tar().add("l.h5", kind=tarfile.SYMTYPE, link="/etc/passwd")
                       .end(),
                       "hard.tar": Tar().add("l.h5", kind=tarfile.LNKTYPE, link="ep.h5").end(),
                       "pipe.tar": Tar().add("p.h5", kind=tarfile.FIFOTYPE).end(),
                       "tar.h5.zst": packed_tar},
        "no_members": {"texts.tar": Tar().add("notes.txt", b"hello").end(),
                       "nothing.tar": Tar().end()},
        "not_hdf5": {"text.h5.zst": zstd(b"text"), "nothing.h5.zst": zstd(b""),
                     "twice.h5.zst": zstd(packed), "text.tar": Tar().add("t.h5", b"text").end()},
        "zstd_window": {"long.h5.zst": zstd(data, "--long=29", size_known=False)},
    }


def put(path, data):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def main():
    with open(sys.argv[1], "rb") as f:
        data = f.read()
    for name, content in good(data).items():
        put(f"{sys.argv[2]}/good/{name}", content)
    for reason, files in bad(data).items():
        for name, content in files.items():
            put(f"{sys.argv[2]}/bad/{reason}/{name}", content)


if __name__ == "__main__":
    main()
