# SPDX-License-Identifier: Apache-2.0
"""The data sets of the benchmark, the same bytes from every run.

usage: data.py DIR SET COUNT   writes COUNT files of SET into DIR and prints their paths

  multi-zstd, multi-gzip    low-dim streams of five rates, h5py's automatic chunks
  aloha-zstd, aloha-gzip    two cameras in chunks of one frame, low-dim state
  droid                     many float64 streams in chunks of one row, not compressed
  robomimic                 small cameras in h5py's automatic chunks, which cut the colours; gzip
  small                     one short episode a file
  chunks                    one dataset of 100,000 chunks
"""
import functools
import multiprocessing
import os
import sys

import h5py
import numpy as np

HEIGHT, WIDTH, FRAMES = 240, 320, 400
ZSTD = 32015
START_NS = 1_700_000_000_000_000_000


def walk(rng, n, width, scale, smooth=16):
    """A smooth random walk, as joints move."""
    steps = np.cumsum(rng.standard_normal((n + smooth, width)), axis=0)
    return np.cumsum((steps[smooth:] - steps[:-smooth]) / smooth * scale, axis=0)


def stamps(rng, n, hz, start):
    period = 1e9 / hz
    t = start + np.arange(n) * period + rng.normal(0, 0.05 * period, n)
    return np.maximum.accumulate(np.rint(t).astype("i8"))


def put(group, name, values, codec, chunks=True):
    options = {"chunks": chunks}
    if codec == "zstd":
        options.update(compression=ZSTD, compression_opts=(3,))
    elif codec == "gzip":
        options.update(compression="gzip", compression_opts=4)
    group.create_dataset(name, data=values, **options)


# --- cameras ----------------------------------------------------------------------------------


def scene(rng, height, width):
    """Soft shading and a dozen discs: compresses about as camera frames of a table do."""
    y, x = np.mgrid[0:height, 0:width].astype("f4")
    image = np.zeros((height, width, 3), "f4")
    for colour in range(3):
        for _ in range(3):
            fx, fy, phase = *rng.uniform(0.5, 2.0, 2), rng.uniform(0, 6.28)
            image[..., colour] += np.sin(2 * np.pi * (fx * x / width + fy * y / height) + phase)
    image = 128 + 30 * image
    for _ in range(12):
        cy, cx, r = rng.integers(height), rng.integers(width), rng.integers(20, 60)
        image[(y - cy) ** 2 + (x - cx) ** 2 < r * r] = rng.uniform(20, 235, 3)
    return image


def video(rng, frames, height, width):
    """The scene seen by a moving camera with sensor noise."""
    margin = height // 5
    image = scene(rng, height + 2 * margin, width + 2 * margin)
    out = np.empty((frames, height, width, 3), "u1")
    for t in range(frames):
        top = int(margin + (margin - 1) * np.sin(t / 31))
        left = int(margin + (margin - 1) * np.cos(t / 47))
        noise = rng.standard_normal((height, width, 3), dtype="f4") * 0.5
        noise += image[top:top + height, left:left + width]
        out[t] = np.clip(np.rint(noise), 0, 255)
    return out


# --- the sets ---------------------------------------------------------------------------------


def multi(path, i, codec):
    with h5py.File(path, "w") as f:
        for e in range(25 * i, 25 * i + 25):
            rng = np.random.default_rng(5000 + e)
            start = START_NS + e * 10**11
            episode = f.create_group(f"episode_{e:04d}")

            def stream(name, hz, values):
                group = episode.create_group(name)
                put(group, "data", values.astype("f4"), codec)
                late = int(rng.integers(5_000_000))
                put(group, "timestamps", stamps(rng, len(values), hz, start + late), codec)

            joints = walk(rng, 10000, 64, 0.004)
            joints[:, :32] = np.rint(joints[:, :32] * 2607.6) / 2607.6  # 14-bit encoders
            stream("proprio", 500, joints)
            stream("force", 1000, walk(rng, 20000, 6, 0.05) + rng.normal(0, 0.05, (20000, 6)))
            quat = walk(rng, 4000, 4, 0.05) + rng.normal(0, 1, 4)
            stream("imu_quat", 200, quat / np.linalg.norm(quat, axis=1, keepdims=True))
            stream("imu", 200, rng.normal(0, 0.2, (4000, 8)) + walk(rng, 4000, 8, 0.02))
            features = rng.standard_normal((600, 512))
            for k in range(1, len(features)):
                features[k] = 0.9 * features[k - 1] + 0.436 * features[k]
            stream("vision", 30, features)


def aloha(path, i, codec):
    rng = np.random.default_rng(1000 + i)
    frame = (1, HEIGHT, WIDTH, 3)
    with h5py.File(path, "w") as f:
        f.attrs["sim"] = False
        joints = walk(rng, FRAMES, 14, 0.01)
        put(f, "observations/qpos", np.rint(joints / 1.534e-3) * 1.534e-3, codec)
        put(f, "observations/qvel", np.gradient(joints, axis=0) * 50, codec)
        put(f, "action", (joints + rng.normal(0, 1e-3, joints.shape)).astype("f4"), codec)
        put(f, "timestamps", stamps(rng, FRAMES, 50, START_NS + i * 10**10), codec)
        for camera in ("cam_high", "cam_wrist"):
            put(f, f"observations/images/{camera}", video(rng, FRAMES, HEIGHT, WIDTH), codec,
                frame)


DROID_STREAMS = {
    "action/cartesian_position": 6, "action/cartesian_velocity": 6, "action/gripper_position": 1,
    "action/joint_position": 7, "action/joint_velocity": 7,
    "observation/robot_state/cartesian_position": 6,
    "observation/robot_state/gripper_position": 1,
    "observation/robot_state/joint_positions": 7, "observation/robot_state/joint_velocities": 7,
    "observation/robot_state/joint_torques_computed": 7,
    "observation/robot_state/motor_torques_measured": 7,
}


def droid(path, i):
    rng, n = np.random.default_rng(3000 + i), 300
    with h5py.File(path, "w") as f:
        for name, width in DROID_STREAMS.items():
            values = walk(rng, n, width, 0.01)
            put(f, name, values[:, 0] if width == 1 else values, None,
                (1,) if width == 1 else (1, width))
        millis = stamps(rng, n, 15, START_NS + i * 10**10) // 10**6
        put(f, "observation/timestamp/robot_state/read_start", millis, None, (1,))


def robomimic(path, i):
    with h5py.File(path, "w") as f:
        data = f.create_group("data")
        for k in range(10):
            rng = np.random.default_rng(4000 + 10 * i + k)
            demo = data.create_group(f"demo_{k}")
            demo.attrs["num_samples"] = 200
            put(demo, "actions", walk(rng, 200, 7, 0.01), "gzip")
            put(demo, "obs/robot0_eef_pos", walk(rng, 200, 3, 0.01), "gzip")
            put(demo, "obs/robot0_joint_pos", walk(rng, 200, 7, 0.01), "gzip")
            for camera in ("agentview_image", "robot0_eye_in_hand_image"):
                put(demo, f"obs/{camera}", video(rng, 200, 84, 84), "gzip")


def small(path, i):
    rng = np.random.default_rng(6000 + i)
    with h5py.File(path, "w") as f:
        f.attrs["sim"] = True
        f["observations/qpos"] = walk(rng, 20, 14, 0.01)
        f["observations/qvel"] = walk(rng, 20, 14, 0.01)
        f["action"] = walk(rng, 20, 14, 0.01).astype("f4")
        f["timestamps"] = stamps(rng, 20, 50, START_NS + i * 10**10)


def chunks(path, _):
    rng, n = np.random.default_rng(7000), 100_000
    with h5py.File(path, "w") as f:
        put(f, "observations/qpos", walk(rng, n, 14, 0.01), None, (1, 14))
        f["action"] = walk(rng, n, 14, 0.01).astype("f4")


SETS = {
    "multi-zstd": functools.partial(multi, codec="zstd"),
    "multi-gzip": functools.partial(multi, codec="gzip"),
    "aloha-zstd": functools.partial(aloha, codec="zstd"),
    "aloha-gzip": functools.partial(aloha, codec="gzip"),
    "droid": droid,
    "robomimic": robomimic,
    "small": small,
    "chunks": chunks,
}


def write(job):
    directory, name, i = job
    path = os.path.join(directory, f"{name}-{i:05d}.hdf5")
    if not os.path.exists(path):
        SETS[name](path + ".part", i)
        os.rename(path + ".part", path)
    return path


def make(directory, name, count):
    """The paths of COUNT files of a set; those that are there already are kept."""
    os.makedirs(directory, exist_ok=True)
    with multiprocessing.Pool(2) as pool:
        return pool.map(write, [(directory, name, i) for i in range(count)], chunksize=1)


if __name__ == "__main__":
    print(*make(sys.argv[1], sys.argv[2], int(sys.argv[3])), sep="\n")
