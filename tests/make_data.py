#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes small good and bad input files for every layout into a directory.

usage: make_data.py DIR

Each function decorated with @sample writes one file, named after the function with "_" turned into
"-" and ".h5" behind it.  "good" files convert; "odd" ones convert with notes; "bad" ones are
refused with a reason.  tests/unit/test_layouts.c says what is expected of each.
"""
import json
import os
import sys

import h5py
import numpy as np

from data_layouts2 import FAMILIES

SAMPLES = []


def sample(f):
    SAMPLES.append(f)
    return f


def rng():
    return np.random.default_rng(7)


def unit_quats(n):
    q = rng().normal(size=(n, 4))
    return (q / np.linalg.norm(q, axis=1, keepdims=True)).astype("f4")


def poses(n):
    return np.hstack([np.ones((n, 3), "f4"), unit_quats(n)])


def ramp(n, width, dtype="f4"):
    return np.arange(n * width, dtype="f8").reshape(n, width).astype(dtype)


# --- robomimic and its family -----------------------------------------------------------------


@sample
def good_robomimic(f):
    data = f.create_group("data")
    data.attrs["total"] = 42
    data.attrs["env_args"] = json.dumps(
        {"env_name": "Lift", "type": 1, "env_kwargs": {"control_freq": 20}})
    for i, n in ((0, 20), (1, 21), (10, 1), (2, 5)):
        demo = data.create_group(f"demo_{i}")
        demo.attrs["num_samples"] = n
        demo.attrs["model_file"] = "<mujoco/>"
        demo.attrs["ep_meta"] = json.dumps({"lang": f"lift the cube {i}"})
        demo["actions"] = ramp(n, 7, "f8")
        demo["actions_abs"] = ramp(n, 7)
        demo["action_dict/gripper"] = ramp(n, 1)
        demo["states"] = ramp(n, 32, "f8")
        demo["rewards"] = np.zeros(n)
        demo["dones"] = np.zeros(n, "i8")
        demo["obs/robot0_eef_pos"] = ramp(n, 3, "f8")
        demo["obs/robot0_eef_quat"] = unit_quats(n)
        demo["obs/cam/left/pose"] = poses(n)
        demo["next_obs/robot0_eef_pos"] = ramp(n, 3, "f8")
        demo.create_dataset("obs/agentview_image", data=np.zeros((n, 16, 12, 3), "u1"),
                            compression="gzip", shuffle=True)
        demo["obs/agentview_depth"] = np.zeros((n, 16, 12, 1), "f4")
        demo["datagen_info/eef_pose/robot0"] = np.tile(np.eye(4, dtype="f4"), (n, 1, 1))
    f["mask/train"] = np.array([b"demo_0", b"demo_1"])


@sample
def good_robosuite_raw(f):
    data = f.create_group("data")
    data.attrs["env_info"] = json.dumps({"env_name": "Lift", "control_freq": 12.5})
    for i in (1, 2):
        demo = data.create_group(f"demo{i}")
        demo.attrs["model_file"] = f"model_{i}.xml"
        demo["states"] = ramp(30 + i, 10, "f8")
        demo["left_dpos"] = np.zeros((30 + i, 0))
        demo["right_dquat"] = unit_quats(30 + i)


def isaac(f, version):
    data = f.create_group("data")
    data.attrs["env_args"] = json.dumps({"env_name": "Stack", "type": 2})
    if version is not None:
        f.attrs["format_version"] = version
    demo = data.create_group("demo_0")
    demo.attrs["success"] = True
    demo["actions"] = ramp(9, 7)
    demo["obs/actions"] = ramp(9, 7)
    demo["obs/eef_quat"] = unit_quats(9)
    demo["initial_state/articulation/robot/root_pose"] = poses(1)
    demo["states/articulation/robot/root_pose"] = poses(9)


@sample
def good_isaac_legacy(f):
    isaac(f, None)


@sample
def good_isaac_v1(f):
    isaac(f, 1)


@sample
def good_libero(f):
    data = f.create_group("data")
    data.attrs["problem_info"] = json.dumps({"language_instruction": "open the drawer"})
    data["demo_0/actions"] = ramp(6, 7)
    data["demo_0/obs/joint_states"] = ramp(6, 7)
    data["demo_0/dones"] = np.zeros(6, "u1")


@sample
def good_own_output(f):
    f["data/demo_0/actions"] = ramp(4, 7)
    f["data/demo_0/obs/x"] = ramp(4, 2)
    f["data/demo_0/obs/x"].attrs["unit"] = "rad"
    f["data/demo_0/obs/eef_quat"] = unit_quats(4)
    f["data/demo_0/obs/eef_quat"].attrs["quaternion_order"] = "wxyz"
    f["robocache/time/demo_0"] = np.arange(4, dtype="i8") * 50_000_000
    f["robocache/valid/demo_0/x"] = np.ones(4, "u1")


@sample
def odd_lengths(f):
    demo = f.create_group("data/demo_0")
    demo["actions"] = ramp(10, 2)
    demo["obs/after"] = ramp(11, 2)
    demo["obs/short"] = ramp(7, 2)
    demo["obs/bias"] = ramp(1, 3)
    demo["obs/empty"] = np.zeros((0, 3))
    demo["obs/flat_quat"] = np.zeros((10, 4), "f4")
    demo["obs/late_quat"] = np.vstack([np.zeros((3, 4)), unit_quats(7)])
    demo["obs/label"] = "text"
    demo["obs/names"] = np.array([b"a", b"b"])
    f["data/notes/x"] = ramp(10, 1)


@sample
def bad_no_demos(f):
    f["data/readme"] = "no episodes here"


@sample
def odd_empty_demo(f):
    f.create_group("data/demo_0")
    f["data/demo_1/actions"] = ramp(3, 2)


# --- aloha ------------------------------------------------------------------------------------


@sample
def good_aloha(f):
    f.attrs["sim"] = False
    for name in ("qpos", "qvel", "effort"):
        f[f"observations/{name}"] = ramp(8, 14)
    f.create_dataset("observations/images/cam_high", data=np.zeros((8, 12, 16, 3), "u1"),
                     chunks=(1, 12, 16, 3))
    f["action"] = ramp(8, 14)
    f["base_action"] = ramp(8, 2)


@sample
def odd_aloha_compressed(f):
    f.attrs["sim"] = True
    f.attrs["compress"] = True
    f["observations/qpos"] = ramp(8, 14)
    # start, frame of 24x32 in three colours, end: as much of a JPEG as a scan looks at
    jpeg = b"\xff\xd8\xff\xc0\0\x11\x08\0\x18\0\x20\3\1\x22\0\2\x11\1\3\x11\1\xff\xd9"
    row = np.frombuffer(jpeg.ljust(99, b"\0"), "u1")
    f["observations/images/cam_high"] = np.tile(row, (8, 1))
    f["compress_len"] = np.full((1, 8), len(jpeg), "f4")
    f["action"] = ramp(8, 14)


# --- generic ----------------------------------------------------------------------------------


def ns_clock(n, hz):
    return 1_736_154_000_000_000_000 + (np.arange(n) * 1e9 / hz).astype("i8")


@sample
def good_sensors(f):
    f.attrs["language_instruction"] = "pick up the box"
    f.attrs["success"] = 1
    f["joint_state/joint_pos"] = ramp(50, 7, "f8")
    f["joint_state/joint_vel"] = ramp(50, 7)
    f["joint_state/timestamp"] = ns_clock(50, 500)
    f["joint_state/timestamp"].attrs["unit"] = "ns"
    f["wrench/data"] = ramp(100, 6)
    f["wrench/data"].attrs["unit"] = "N"
    f["wrench/timestamps"] = ns_clock(100, 1000)
    f["eef_pose/values"] = poses(10)
    f["eef_pose/values"].attrs["quaternion_order"] = "WXYZ"
    f["eef_pose/ts"] = ns_clock(10, 100)
    f["cam/left/rgb"] = np.zeros((6, 8, 8, 3), "u1")
    f["cam/right/rgb"] = np.zeros((6, 8, 8, 3), "u1")
    f["cam/timestamp"] = ns_clock(6, 30)
    f["action"] = ramp(20, 7)
    f["action_timestamp"] = ns_clock(20, 20)
    f["intrinsics"] = np.eye(3)


@sample
def good_siblings(f):
    """Two clocks of one length in one group: the name decides."""
    n = 40
    f["image"] = np.zeros((n, 8, 8), "u1")
    f["force"] = ramp(n, 3)
    f["timestamp_force"] = np.arange(n) * 0.01 + 5
    f["timestamp_image"] = np.arange(n) * 0.033 + 7
    f["pose"] = poses(n)
    f["timestamp"] = np.arange(n) * 0.02 + 9
    f["t_offset"] = 3


@sample
def good_clock_group(f):
    f["obs/joint"] = ramp(30, 7)
    f["obs/cam/rgb"] = np.zeros((10, 8, 8, 3), "u1")
    f["timestamps/obs/joint"] = np.arange(30) * 10_000 + 77  # us
    f["timestamps/cam"] = np.arange(12)
    f["time_us/rgb"] = np.arange(10)
    f["obs/cam/time_ms"] = np.arange(10) * 33


@sample
def good_units(f):
    """One group a unit; the unit must come out of the numbers."""
    def put(name, stamps, **attrs):
        f[f"{name}/{name}"] = ramp(len(stamps), 2)
        f[f"{name}/timestamp"] = stamps
        f[f"{name}/timestamp"].attrs.update(attrs)
    k = np.arange(100)
    put("sec_epoch", 1.75e9 + k * 0.02)
    put("whole_sec_epoch", 1_750_000_000 + k // 30)
    put("ms_epoch", 1_750_000_000_000 + k * 33)
    put("us_epoch", 1_750_000_000_000_000 + k * 33_333)
    put("ns_epoch", 1_750_000_000_000_000_000 + k * 33_333_333)
    put("sec_float", k * 0.005)
    put("sec_half", (k * 0.05).astype("f2"))
    put("ms_float", k * 33.3)
    put("ms_rel", 40 + k * 33)
    put("us_rel", 9 + k * 33_333)
    put("ns_rel", k * 50_000_000)
    put("unclear", 5 + k * 1000)
    put("attr", k * 1000, units="milliseconds")
    put("since", k * 1.0, unit="seconds since 1970-01-01")
    f["named/named"] = ramp(100, 2)
    f["named/timestamp_us"] = k
    put("unsigned", (1_750_000_000_000_000_000 + k * 33_333_333).astype("u8"))


@sample
def odd_clocks(f):
    def put(name, stamps):
        f[f"{name}/{name}"] = ramp(len(stamps), 2)
        f[f"{name}/time"] = stamps
    k = np.arange(50)
    put("good", k * 0.02)
    put("steps", k)
    put("nan", np.where(k == 0, np.nan, k * 0.02))
    put("huge", np.full(50, 2.0**62, "f8") * (k + 1))
    put("restart", np.concatenate([k[:25] * 0.02, k[:25] * 0.02]))
    put("same", np.full(50, 3.0))


@sample
def odd_time_last(f):
    """Through a filter that libhdf5 lacks, so that it cannot be transposed."""
    f.create_dataset("position", data=ramp(2, 60), chunks=(1, 20), compression="lzf")
    f["time"] = np.arange(60) * 0.1


@sample
def good_filtered_clock(f):
    """Filters that libhdf5 does not have, on the clock itself."""
    f.create_dataset("imu/accel", data=ramp(90, 3), compression="lzf", shuffle=True,
                     chunks=(16, 2))
    f.create_dataset("imu/ts", data=np.arange(90) * 5000 + 123_456, dtype=">i8",
                     compression="lzf", chunks=(8,))
    f.create_dataset("imu/eef_quat", data=unit_quats(90), dtype=">f4", compression="gzip",
                     fletcher32=True, shuffle=True, chunks=(7, 3))
    f["imu/ts_map_other"] = np.arange(90)


@sample
def good_trials(f):
    """As RoboHive writes them: one group a trial, float16 seconds."""
    for i in (0, 1, 2, 10):
        f[f"Trial{i}/data/time"] = (np.arange(30 + i) * 0.08).astype("f2")
        f[f"Trial{i}/data/qp_arm"] = ramp(30 + i, 7, "f2")
        f[f"Trial{i}/config/solved"] = True
    f["Trial2"].attrs["task"] = "slide"


@sample
def good_bare_numbers(f):
    for i in range(12):
        f[f"episodes/{i}/qpos"] = ramp(20, 3)
        f[f"episodes/{i}/t"] = np.arange(20) * 0.1
    f["robot/dh"] = ramp(7, 4)


@sample
def good_two_cameras(f):
    """Numbered groups that are sensors, not episodes."""
    for i in range(2):
        f[f"cam_{i}/rgb"] = np.zeros((9, 8, 8, 3), "u1")
        f[f"cam_{i}/timestamp"] = ns_clock(9, 30)


@sample
def odd_flat(f):
    f["observations"] = ramp(500, 4)
    f["actions"] = ramp(500, 2)
    f["terminals"] = np.arange(500) % 50 == 49


@sample
def bad_single_array(f):
    f["tracks"] = ramp(100, 3)


# --- storage ----------------------------------------------------------------------------------


def low_level(f, name, shape, ftype, plist=None, values=None):
    space = h5py.h5s.create_simple(shape)
    d = h5py.h5d.create(f.id, name.encode(), ftype, space, plist)
    if values is not None:
        d.write(h5py.h5s.ALL, h5py.h5s.ALL, values)


@sample
def odd_storage(f):
    n = 12
    f["t"] = np.arange(n) * 0.1
    for t in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"):
        f["le_" + np.dtype(t).name] = ramp(n, 2, t)
    for t in ("f2", "f4", "f8", "i2", "u8"):
        f["be_" + np.dtype(t).name] = ramp(n, 2).astype(">" + t)
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    low_level(f, "compact", (n, 2), h5py.h5t.IEEE_F32LE, compact, ramp(n, 2))
    f.create_dataset("scaleoffset", data=ramp(n, 2, "i4"), scaleoffset=0)
    f["enum"] = np.arange(n)
    color = h5py.enum_dtype({"RED": 0, "BLUE": 1}, basetype="u2")
    f.create_dataset("color", data=np.ones(n, "u2"), dtype=color)
    bf16 = h5py.h5t.IEEE_F32LE.copy()
    bf16.set_fields(15, 7, 8, 0, 7)
    bf16.set_size(2)
    low_level(f, "bfloat16", (n, 2), bf16, None, ramp(n, 2))
    bits12 = h5py.h5t.STD_I16LE.copy()
    bits12.set_precision(12)
    low_level(f, "bits12", (n,), bits12, None, np.arange(n, dtype="i2"))
    f["unused/link"] = h5py.SoftLink("/le_float32")
    f["unused/out"] = h5py.ExternalLink("/etc/passwd", "/x")
    f["unused/loop"] = f["/"]
    f["second_name"] = f["le_float64"]
    # from here on, what cannot be read
    f["scalar"] = 3.0
    f["null"] = h5py.Empty("f4")
    f["words"] = np.array(["a"] * n, dtype=h5py.string_dtype())
    f["table"] = np.zeros(n, [("x", "f4"), ("y", "i4"), ("pair", "u2", (2, 3)),
                              ("inner", [("z", "f4")])])
    f.create_dataset("ragged", (n,), dtype=h5py.vlen_dtype("u1"))[0] = np.arange(3)
    f["rank9"] = np.zeros((n,) + (1,) * 8, "u1")
    f.create_dataset("never", (n, 2), "f4")
    f.create_dataset("never_chunked", (n, 2), "f4", chunks=(3, 2))
    f.create_dataset("huge", (2**40, 2**20), "f4", chunks=(64, 64))
    f.create_dataset("external", (n, 2), "f4", external=[("/etc/passwd", 0, 96)])
    v = h5py.VirtualLayout((n, 2), "f4")
    v[:] = h5py.VirtualSource("/etc/passwd", "x", (n, 2))
    f.create_virtual_dataset("virtual", v)
    twice = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    twice.set_chunk((n, 2))
    twice.set_deflate(4)
    twice.set_deflate(4)
    low_level(f, "twice", (n, 2), h5py.h5t.IEEE_F32LE, twice, ramp(n, 2))


@sample
def odd_szip(f):
    """Where libhdf5 has szip; without it the file is as good-units."""
    f["time"] = np.arange(64) * 0.1
    f["x"] = ramp(64, 4)
    if h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP):
        try:
            f.create_dataset("szip", data=ramp(64, 4), chunks=(32, 4), compression="szip")
        except (ValueError, OSError):
            pass


@sample
def bad_compound_only(f):
    f["traj/pose"] = np.zeros(10, [("inner", [("t", "f8"), ("x", "f8")])])


@sample
def bad_nothing(f):
    f.attrs["hello"] = "world"


def write_raw(path):
    """Files that are not made by calls to HDF5."""
    good = open(os.path.join(path, "good-robomimic.h5"), "rb").read()
    raw = {
        "bad-truncated.h5": good[:len(good) // 2],
        "bad-empty.h5": b"",
        "bad-text.h5": b"this is not HDF5\n" * 200,
        "bad-lfs.h5": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
        "bad-zstd.h5": b"\x28\xb5\x2f\xfd" + bytes(100),
        "bad-head-only.h5": good[:8],
    }
    for name, content in raw.items():
        with open(os.path.join(path, name), "wb") as f:
            f.write(content)
    for block in (512, 4096):
        with h5py.File(os.path.join(path, f"good-user-block-{block}.h5"), "w",
                       userblock_size=block) as f:
            f["data/demo_0/actions"] = ramp(100, 7) + np.float32(1234.5)
    left_open = os.path.join(path, "bad-left-open.h5")
    with h5py.File(left_open, "w", libver="latest") as f:
        f["data/demo_0/actions"] = ramp(10, 7)
    with open(left_open, "r+b") as f:  # consistency flags of a version 3 superblock, no checksum
        head = bytearray(f.read(48))
        head[11] = 1
        f.seek(0)
        f.write(head[:44] + lookup3(bytes(head[:44])).to_bytes(4, "little"))


def lookup3(data):
    """Bob Jenkins' hash, the checksum of HDF5 metadata."""
    def rot(x, k):
        return (x << k | x >> (32 - k)) & 0xffffffff
    m = 0xffffffff
    a = b = c = (0xdeadbeef + len(data)) & m
    while len(data) > 12:
        a = (a + int.from_bytes(data[0:4], "little")) & m
        b = (b + int.from_bytes(data[4:8], "little")) & m
        c = (c + int.from_bytes(data[8:12], "little")) & m
        for k, order in ((4, 0), (6, 1), (8, 2), (16, 0), (19, 1), (4, 2)):
            if order == 0:
                a = ((a - c) & m) ^ rot(c, k)
                c = (c + b) & m
            elif order == 1:
                b = ((b - a) & m) ^ rot(a, k)
                a = (a + c) & m
            else:
                c = ((c - b) & m) ^ rot(b, k)
                b = (b + a) & m
        data = data[12:]
    data = data + bytes(12 - len(data))
    a = (a + int.from_bytes(data[0:4], "little")) & m
    b = (b + int.from_bytes(data[4:8], "little")) & m
    c = (c + int.from_bytes(data[8:12], "little")) & m
    for x, y, k in (("c", "b", 14), ("a", "c", 11), ("b", "a", 25), ("c", "b", 16),
                    ("a", "c", 4), ("b", "a", 14), ("c", "b", 24)):
        v = {"a": a, "b": b, "c": c}
        v[x] = ((v[x] ^ v[y]) - rot(v[y], k)) & m
        a, b, c = v["a"], v["b"], v["c"]
    return c


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    path = sys.argv[1]
    os.makedirs(path, exist_ok=True)
    for make in SAMPLES + FAMILIES:
        name = make.__name__.replace("_", "-") + ".h5"
        with h5py.File(os.path.join(path, name), "w") as f:
            make(f)
    write_raw(path)


if __name__ == "__main__":
    main()
