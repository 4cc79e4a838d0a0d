# SPDX-License-Identifier: Apache-2.0
"""Recordings of examples/record_sample against what its header promises."""
import sys

import h5py
import numpy as np

LENGTHS = [0, 0, 0, 0.0825, -0.0825, 0, 0.088]
OFFSETS = [0.333, 0, 0.316, 0, 0.384, 0, 0]
TWISTS = [0, -np.pi / 2, np.pi / 2, np.pi / 2, -np.pi / 2, np.pi / 2, np.pi / 2]
RATES = {"joint_state": 500, "wrench": 1000, "eef_pose": 100, "gripper": 50, "action": 20,
         "cam_front": 30, "cam_wrist": 30}


def forward(q):
    """Pose of the tool for joint angles q, by 4x4 matrices."""
    t = np.eye(4)
    for a, d, al, th in zip(LENGTHS, OFFSETS, TWISTS, q):
        ca, sa, ct, st = np.cos(al), np.sin(al), np.cos(th), np.sin(th)
        t = t @ np.array([[ct, -st, 0, a], [st * ca, ct * ca, -sa, -d * sa],
                          [st * sa, ct * sa, ca, d * ca], [0, 0, 0, 1]])
    t[:3, 3] += 0.207 * t[:3, 2]
    return t


def rotation(x, y, z, w):
    return np.array([[1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                     [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                     [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]])


def check_raw(f, burst):
    for name, hz in RATES.items():
        step = np.diff(f[name]["timestamp"][:]) * 1e-9
        assert step.min() > 0.5 / hz, name
        assert abs(np.median(step) * hz - 1) < 0.1, name
        lost = name == "wrench" and burst
        assert (0.11 < step.max() < 0.13) if lost else step.max() * hz < 1.5, name
        for key, rows in f[name].items():
            assert len(rows) == len(step) + 1, key
    t, te = f["joint_state/timestamp"][:], f["eef_pose/timestamp"][:]
    t0 = t[0]
    q, pose = f["joint_state/joint_pos"][:], f["eef_pose/eef_pose"][:]
    assert f["eef_pose/eef_pose"].attrs["quaternion_order"] == "xyzw"
    for i in range(10, len(te) - 10, 10):
        at = [np.interp(te[i] - t0, t - t0, q[:, j]) for j in range(7)]
        want = forward(at)
        assert np.abs(want[:3, 3] - pose[i, :3]).max() < 5e-3
        assert np.abs(want[:3, :3] - rotation(*pose[i, 3:])).max() < 2e-2
    assert np.abs(f["action/action"][:]).max() <= 1
    assert set(np.unique(f["gripper/gripper"][:])) == {0, 1, 2}
    frames = f["cam_front/cam_front"][:].astype(int)
    assert (np.abs(np.diff(frames, axis=0)).max(axis=(1, 2, 3)) > 3).any(), "nothing moves"


for codec in ("none", "gzip", "zstd"):
    for e in range(2):
        with h5py.File(f"{sys.argv[1]}/raw-{codec}/episode_{e:04}.h5") as f:
            check_raw(f, burst=e == 1)
    with h5py.File(f"{sys.argv[1]}/robomimic-{codec}/demo.hdf5") as f:
        demos = [f["data"][k] for k in sorted(f["data"])]
        assert f["data"].attrs["total"] == sum(d.attrs["num_samples"] for d in demos) == 80
        for d in demos:
            obs = d["obs"]
            assert all(len(x) == 40 for x in [*obs.values(), d["actions"]])
            assert np.allclose(np.linalg.norm(obs["robot0_eef_quat"], axis=1), 1)
            assert d["dones"][:].tolist() == [0] * 39 + [1]
        assert [*f["mask/train"], *f["mask/valid"]] == [b"demo_0", b"demo_1"]
    with h5py.File(f"{sys.argv[1]}/aloha-{codec}/episode_1.hdf5") as f:
        assert f.attrs["sim"] and f["action"].shape == f["observations/qpos"].shape == (100, 8)
        assert f["observations/images/cam_high"].chunks == (1, 24, 32, 3)
