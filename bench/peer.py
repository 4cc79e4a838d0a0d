# SPDX-License-Identifier: Apache-2.0
"""What one would write today with h5py, numpy and scipy, and what the results are checked by.

usage: peer.py scipy|numpy gzip|zstd JOBS HZ OUTDIR INPUT...

numpy interpolates with one gather for all columns, scipy with interp1d.  HZ is 0 where the set is
copied step for step.
"""
import multiprocessing
import os
import sys

import h5py
import numpy as np

ZSTD = 32015


def options(codec, chunks=True):
    if codec == "gzip":
        return {"chunks": chunks, "compression": "gzip", "compression_opts": 4}
    return {"chunks": chunks, "compression": ZSTD, "compression_opts": (3,)}


# --- resampling -------------------------------------------------------------------------------


def timeline(clocks, hz):
    first, last = max(t[0] for t in clocks), min(t[-1] for t in clocks)
    period = 10**9 // hz
    return first + np.arange((last - first) // period + 1, dtype="i8") * period


def weights(t, ticks):
    i = np.clip(np.searchsorted(t, ticks, side="right") - 1, 0, len(t) - 2)
    return i, (ticks - t[i]) / (t[i + 1] - t[i])


def linear(how, t, x, ticks):
    if how == "scipy":
        from scipy.interpolate import interp1d
        return interp1d((t - ticks[0]) * 1e-9, x, axis=0)((ticks - ticks[0]) * 1e-9).astype("f4")
    i, a = weights(t, ticks)
    x = x.astype("f4", copy=False)
    return x[i] + a.astype("f4")[:, None] * (x[i + 1] - x[i])


def slerp(t, q, ticks):
    from scipy.spatial.transform import Rotation, Slerp
    path = Slerp((t - ticks[0]) * 1e-9, Rotation.from_quat(q))
    return path((ticks - ticks[0]) * 1e-9).as_quat().astype("f4")


def nearest(t, ticks):
    i = np.clip(np.searchsorted(t, ticks), 1, len(t) - 1)
    return i - ((ticks - t[i - 1]) <= (t[i] - ticks))


# --- one file of each set ---------------------------------------------------------------------

MULTI = ("proprio", "force", "imu_quat", "imu", "vision")


def multi_episode(how, episode, hz):
    clocks = {n: episode[n]["timestamps"][:] for n in MULTI}
    ticks = timeline(clocks.values(), hz)
    parts = [slerp(clocks[n], episode[n]["data"][:], ticks) if n == "imu_quat" else
             linear(how, clocks[n], episode[n]["data"][:], ticks) for n in MULTI]
    return ticks, np.concatenate(parts, axis=1)


def multi(how, codec, hz, source, target):
    for name in source:
        ticks, values = multi_episode(how, source[name], hz)
        group = target.create_group(name)
        group.create_dataset("lowdim", data=values, **options(codec))
        group["timeline"] = ticks


ALOHA = ("observations/qpos", "observations/qvel", "action")


def aloha(how, codec, hz, source, target):
    t = source["timestamps"][:]
    ticks = timeline([t], hz)
    values = np.concatenate([linear(how, t, source[n][:], ticks) for n in ALOHA], axis=1)
    target.create_dataset("lowdim", data=values, **options(codec))
    target["timeline"] = ticks
    rows = nearest(t, ticks)
    for name, camera in source["observations/images"].items():
        target.create_dataset("images/" + name, data=camera[:][rows],
                              **options(codec, (1,) + camera.shape[1:]))


def droid_values(source):
    found = []
    source.visititems(lambda name, d: found.append(name) if isinstance(d, h5py.Dataset) and
                      "timestamp" not in name else None)
    return np.concatenate([source[n][:].reshape(len(source[n]), -1) for n in sorted(found)],
                          axis=1).astype("f4")


def droid(_how, codec, _hz, source, target):
    target.create_dataset("state", data=droid_values(source), **options(codec))


def robomimic(_how, codec, _hz, source, target):
    for name, demo in source["data"].items():
        group = target.create_group("data/" + name)
        group.create_dataset("actions", data=demo["actions"][:], **options(codec))
        for key, values in demo["obs"].items():
            chunks = (1,) + values.shape[1:] if values.ndim == 4 else True
            group.create_dataset("obs/" + key, data=values[:], **options(codec, chunks))


def convert(job):
    how, codec, hz, out, path = job
    work = {"multi": multi, "aloha": aloha, "droid": droid, "robomimic": robomimic}
    name = os.path.basename(path)
    with h5py.File(path, "r") as source, h5py.File(os.path.join(out, name), "w") as target:
        work[name.split("-")[0]](how, codec, hz, source, target)


def main():
    how, codec, jobs, hz, out, *paths = sys.argv[1:]
    work = [(how, codec, int(hz), out, path) for path in paths]
    if int(jobs) == 1:
        for job in work:
            convert(job)
    else:
        with multiprocessing.Pool(int(jobs)) as pool:
            pool.map(convert, work, chunksize=1)


if __name__ == "__main__":
    main()
