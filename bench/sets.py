# SPDX-License-Identifier: Apache-2.0
"""The sets: what is run on each, and the figures that come of it with their bars."""
import dataclasses
import os
import sys
from typing import Callable

HERE = os.path.dirname(os.path.abspath(__file__))
SHARDS = "shards"  # below the folder for outputs
ZSTD3 = ["-f", "UD=32015,0,1,3"]


@dataclasses.dataclass
class Row:
    text: str
    peer: str      # another command, "floor", or what is measured of the subject itself
    bar: float
    subject: str = "robocache -j2"
    most: bool = False  # the bar is a most, and the ratio is subject over peer
    key: str = "wall_s"
    unit: str = "x"


@dataclasses.dataclass
class Set:
    name: str
    text: str
    data: str
    count: int     # files, and with --full
    full: int
    commands: Callable
    rows: list
    hz: int = 0
    floor: bool = False
    check: bool = True
    subject: str = "robocache -j2"


# --- commands: (name, argv) -------------------------------------------------------------------


def copy(paths, bench):
    return "cp", ["cp", *paths, bench.out]


def copy_synced(paths, bench):
    """As safe on the disk as a shard that is done."""
    return "cp, synced", ["sh", "-c", 'cp "$@" "$0" && sync "$0"/*', bench.out, *paths]


def python(how, codec, jobs, hz, paths, bench):
    name = f"{how}, {codec} out, {jobs} process{'es' if jobs > 1 else ''}"
    return name, [sys.executable, os.path.join(HERE, "peer.py"), how, codec, str(jobs), str(hz),
                  bench.out, *paths]


def repack(jobs, paths, bench):
    """One after the other, or two at once."""
    command = ["-d", "\\n", "-n", "1", "-P", str(jobs), "sh", "-c",
               f'h5repack {" ".join(ZSTD3)} "$1" "{bench.out}/${{1##*/}}"', "sh"]
    listing = os.path.join(bench.options.data, "paths")
    with open(listing, "w", encoding="utf-8") as f:
        f.writelines(path + "\n" for path in paths)
    return f"h5repack, {jobs} at once", ["xargs", "-a", listing, *command]


def robocache(paths, bench, *options, jobs=2, name=""):
    return f"robocache -j{jobs}{name}", [
        os.path.join(bench.build, "robocache"), "convert", "-qq", f"-j{jobs}", "--progress",
        "none", "-o", os.path.join(bench.out, SHARDS), *options, *paths]


# --- the sets ---------------------------------------------------------------------------------

MULTI = ["--rate", "100", "--fuse", "state=proprio,force,imu_quat,imu,vision"]
ALOHA = ["--rate", "50", "--fuse", "state=qpos,qvel,action"]
DROID = ["--dtype", "f32", "--fuse", "state=*"]
ZSTD = ["--compression", "zstd:3"]
FAST = ["--compression", "zstd:1"]  # of shuffled numbers also the smaller one


def low_dim(paths, bench):
    return [copy(paths, bench), python("scipy", "zstd", 1, 100, paths, bench),
            python("numpy", "zstd", 2, 100, paths, bench), repack(1, paths, bench),
            repack(2, paths, bench), robocache(paths, bench, *MULTI, *FAST),
            robocache(paths, bench, *MULTI, *FAST, jobs=1),
            robocache(paths, bench, *MULTI, *ZSTD, name=" zstd:3")]


def low_dim_gzip(paths, bench):
    return [python("scipy", "gzip", 1, 100, paths, bench), repack(1, paths, bench),
            robocache(paths, bench, *MULTI, *FAST)]


def images(paths, bench):
    return [python("scipy", "zstd", 1, 50, paths, bench),
            python("numpy", "zstd", 2, 50, paths, bench), repack(1, paths, bench),
            robocache(paths, bench, *ALOHA, *ZSTD),
            robocache(paths, bench, *ALOHA, *ZSTD, jobs=1)]


def images_copied(paths, bench):
    return [copy(paths, bench), copy_synced(paths, bench),
            python("numpy", "zstd", 2, 50, paths, bench), robocache(paths, bench, *ALOHA)]


def images_gzip(paths, bench):
    return [python("numpy", "zstd", 2, 50, paths, bench), repack(1, paths, bench),
            robocache(paths, bench, *ALOHA, *ZSTD)]


def one_row(paths, bench):
    return [python("numpy", "zstd", 1, 0, paths, bench),
            python("numpy", "zstd", 2, 0, paths, bench),
            robocache(paths, bench, *DROID, *FAST)]


def cut_images(paths, bench):
    return [python("numpy", "zstd", 1, 0, paths, bench),
            python("numpy", "zstd", 2, 0, paths, bench),
            robocache(paths, bench, *ZSTD)]


def planned(paths, bench):
    return [robocache(paths, bench, "--dry-run")]


SCIPY, NUMPY2 = "scipy, zstd out, 1 process", "numpy, zstd out, 2 processes"
ALL = {s.name: s for s in [
    Set("low-dim", "five rates to 100 Hz, zstd in, one fused tensor with shuffle and zstd out",
        "multi-zstd", 2, 4, low_dim, hz=100, floor=True, rows=[
            Row("faster than scipy, one process", SCIPY, 5.5),
            Row("faster than numpy, two processes", NUMPY2, 2.7),
            Row("faster than h5repack, which does not resample", "h5repack, 1 at once", 4.5),
            Row("faster than two h5repack at once", "h5repack, 2 at once", 2.5),
            Row("wall time over codec floor", "floor", 1.3, most=True),
            Row("output size against h5py's automatic chunks", NUMPY2, 0.92, most=True,
                key="out_mb"),
            Row("from -j1 to -j2", "robocache -j1", 1.85),
            Row("peak memory", "rss_mb", 64, most=True, unit="MB")]),
    Set("low-dim-gzip", "the same from gzip-4", "multi-gzip", 1, 4, low_dim_gzip, hz=100,
        floor=True, rows=[
            Row("faster than scipy, gzip to gzip, one process", "scipy, gzip out, 1 process", 13),
            Row("faster than h5repack to zstd", "h5repack, 1 at once", 4),
            Row("wall time over codec floor", "floor", 1.3, most=True)]),
    Set("images", "two cameras at 50 Hz, zstd in, encoded again with zstd", "aloha-zstd", 2, 4,
        images, hz=50, floor=True, rows=[
            Row("faster than h5repack", "h5repack, 1 at once", 2.2),
            Row("faster than scipy, one process", SCIPY, 2.3),
            Row("faster than numpy, two processes", NUMPY2, 1.2),
            Row("wall time over codec floor", "floor", 1.05, most=True),
            Row("from -j1 to -j2", "robocache -j1", 1.85),
            Row("peak memory", "rss_mb", 64, most=True, unit="MB")]),
    Set("images-copied", "the same, frames copied compressed", "aloha-zstd", 2, 4, images_copied,
        hz=50, rows=[
            Row("wall time over cp", "cp", 1.6, most=True),
            Row("wall time over cp and sync", "cp, synced", 1.6, most=True),
            Row("faster than numpy, two processes", NUMPY2, 17),
            Row("peak memory", "rss_mb", 64, most=True, unit="MB")]),
    Set("images-gzip", "two cameras, gzip-4 in, zstd out", "aloha-gzip", 2, 4, images_gzip, hz=50,
        floor=True, rows=[
            Row("faster than h5repack", "h5repack, 1 at once", 2.6),
            Row("faster than numpy, two processes", NUMPY2, 1.5)]),
    Set("one-row", "DROID-like: 11 streams a file in chunks of one row", "droid", 100, 400,
        one_row, rows=[
            Row("faster than numpy, two processes", NUMPY2, 2)]),
    Set("cut-images", "robomimic's automatic chunks, gzip-4 in, zstd out", "robomimic", 2, 6,
        cut_images, floor=True, rows=[
            Row("faster than numpy, two processes", NUMPY2, 1.5),
            Row("wall time over codec floor", "floor", 1.15, most=True)]),
    Set("scan", "files of one short episode each, scanned and planned", "small", 2000, 10000,
        planned, check=False, rows=[
            Row("files a second", "rate", 2000, unit="/s")]),
    Set("chunks", "one dataset of 100,000 chunks, listed and planned", "chunks", 1, 1, planned,
        check=False, rows=[
            Row("time", "wall_s", 0.3, most=True, unit="s")]),
]}
