# SPDX-License-Identifier: Apache-2.0
"""Results against numpy in float64, before anything is timed.

usage: check.py SET SHARDS HZ INPUT...
"""
import glob
import os
import sys

import h5py
import numpy as np

import peer


class Wrong(Exception):
    pass


def demand(true, what):
    if not true:
        raise Wrong(what)


def episodes(out):
    """Episodes of the shards in the order of the plan: group and stamps, or None."""
    for path in sorted(glob.glob(os.path.join(out, "*.h5"))):
        with h5py.File(path, "r") as f:
            for i in range(len(f["data"])):
                time = f.get(f"robocache/time/demo_{i}")
                stamps = None
                if time is not None and "origin_ns" in time.attrs:
                    stamps = time[:] + int(time.attrs["origin_ns"])
                yield f[f"data/demo_{i}"], stamps
    raise Wrong(f"{out}: episodes are missing")


def close(got, want, what):
    """float32 rounding of the value and of one product; slerp goes by angle and needs as much."""
    demand(got.shape == want.shape, f"{what}: shape {got.shape} instead of {want.shape}")
    error = np.abs(got - want) / np.maximum(1, np.abs(want))
    demand(error.max() < 1e-6, f"{what}: off by {error.max():.2g}")


def exact_linear(t, x, ticks):
    i, a = peer.weights(t, ticks)
    x = x.astype("f8")
    return x[i] + a[:, None] * (x[i + 1] - x[i])


def multi(paths, out, hz, limit=3):
    got = episodes(out)
    for path in paths:
        with h5py.File(path, "r") as f:
            for name in list(f)[:limit]:
                demo, stamps = next(got)
                episode = f[name]
                clocks = {n: episode[n]["timestamps"][:] for n in peer.MULTI}
                ticks = peer.timeline(clocks.values(), hz)
                demand(np.array_equal(stamps, ticks), f"{name}: another timeline")
                want = [peer.slerp(clocks[n], episode[n]["data"][:], ticks) if n == "imu_quat"
                        else exact_linear(clocks[n], episode[n]["data"][:], ticks)
                        for n in peer.MULTI]
                have = demo["obs/state"][:]
                want = np.concatenate(want, axis=1)
                # q and -q are one rotation
                quat = slice(70, 74)
                sign = np.sign((have[:, quat] * want[:, quat]).sum(axis=1, keepdims=True))
                want[:, quat] *= sign
                close(have, want, name)
        return


def aloha(paths, out, hz):
    for path, (demo, stamps) in zip(paths, episodes(out)):
        with h5py.File(path, "r") as f:
            t = f["timestamps"][:]
            ticks = peer.timeline([t], hz)
            demand(np.array_equal(stamps, ticks), f"{path}: another timeline")
            close(demo["obs/state"][:],
                  np.concatenate([exact_linear(t, f[n][:], ticks) for n in peer.ALOHA], axis=1),
                  path)
            rows = peer.nearest(t, ticks)
            for name, camera in f["observations/images"].items():
                found = [d for k, d in demo["obs"].items() if k.endswith(name)]
                demand(found and np.array_equal(found[0][:], camera[:][rows]),
                       f"{path}: other frames of {name}")


def droid(paths, out, _hz):
    for path, (demo, _) in zip(paths, episodes(out)):
        with h5py.File(path, "r") as f:
            demand(np.array_equal(demo["obs/state"][:], peer.droid_values(f)),
                   f"{path}: other values")


def robomimic(paths, out, _hz):
    got = episodes(out)
    for path in paths:
        with h5py.File(path, "r") as f:
            for i in range(len(f["data"])):
                demo, _ = next(got)
                for key, values in f[f"data/demo_{i}/obs"].items():
                    demand(np.array_equal(demo["obs/" + key][:], values[:]),
                           f"{path}: other values of {key} in demo_{i}")


def main():
    name, out, hz, *paths = sys.argv[1:]
    check = {"multi": multi, "aloha": aloha, "droid": droid, "robomimic": robomimic}
    try:
        check[name.split("-")[0]](paths, out, int(hz))
    except Wrong as wrong:
        sys.exit(f"wrong result: {wrong}")


if __name__ == "__main__":
    main()
