# SPDX-License-Identifier: Apache-2.0
"""compat.py SOURCE OUTPUT: loads every shard under OUTPUT with robomimic's SequenceDataset, and
compares what it gives with h5py, and the pictures with those of the recordings under SOURCE."""
import contextlib
import io
import os
import sys

import h5py
import hdf5plugin  # noqa: F401  (registers the zstd filter)
import numpy as np
import robomimic
import robomimic.utils.file_utils as file_utils
import robomimic.utils.obs_utils as obs_utils
from robomimic.utils.dataset import SequenceDataset


def expect(ok, what):
    if not ok:
        sys.exit(f"compat.py: {what}")


def files_below(folder):
    found = [os.path.join(d, f) for d, _, names in os.walk(folder) for f in names]
    return sorted(f for f in found if f.endswith((".h5", ".hdf5")))


def nearest(stamps, times):
    """Index of the sample nearest to each time; of two equally near, the earlier."""
    after = np.clip(np.searchsorted(stamps, times), 1, len(stamps) - 1)
    return after - (times - stamps[after - 1] <= stamps[after] - times)


def source_frames(source, out, demo, image):
    """The recorded frames that the output frames must be."""
    info = out[f"robocache/episodes/{demo}"].attrs["source"]
    name, key = (info, "/") if info.endswith((".h5", ".hdf5")) else info.rsplit(":", 1)
    match = [f for f in files_below(source) if os.path.basename(f) == os.path.basename(name)]
    expect(len(match) == 1, f"no single recording is called '{name}'")
    path = out[f"data/{demo}/obs/{image}"].attrs["robocache_source"]
    with h5py.File(match[0], "r") as f:
        dataset = f[path] if path in f else f[key][path]
        expect(dataset.ndim == 4, f"{path}: not the source of pictures")
        frames = dataset[...]
        clocks = [d[...] for d in dataset.parent.values()
                  if d.ndim == 1 and d.dtype == np.int64 and len(d) == len(frames)]
    if not clocks or f"robocache/time/{demo}" not in out:
        return frames, "step for step"
    ticks = out[f"robocache/time/{demo}"]
    times = ticks[...] + int(ticks.attrs["origin_ns"])
    return frames[nearest(clocks[0], times)], "nearest in time"


def check_pictures(source, path, images):
    with h5py.File(path, "r") as out:
        for demo in out["data"]:
            for image in images:
                got = out[f"data/{demo}/obs/{image}"][...]
                want, how = source_frames(source, out, demo, image)
                expect(np.array_equal(got, want),
                       f"{path}: {demo}/{image}: pictures differ from the recorded ones ({how})")
        return sum(out[f"data/{d}"].attrs["num_samples"] for d in out["data"]), how


def observations(path):
    with h5py.File(path, "r") as f:
        obs = f["data/demo_0/obs"]
        images = [k for k in obs if obs[k].ndim == 4 and obs[k].dtype == np.uint8]
        low_dim = [k for k in obs if obs[k].ndim == 2 and obs[k].dtype.kind == "f"]
        return low_dim, images, list(f["mask"]) if "mask" in f else []


def check_dataset(path, keys, mode, split):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        loaded = SequenceDataset(
            hdf5_path=path, obs_keys=keys, dataset_keys=("actions", "rewards", "dones"),
            load_next_obs=False, frame_stack=1, seq_length=1, hdf5_cache_mode=mode,
            hdf5_use_swmr=True, filter_by_attribute=split)
    with h5py.File(path, "r", swmr=True, libver="latest") as f:
        names = [n.decode() for n in f[f"mask/{split}"]] if split else list(f["data"])
        names.sort(key=lambda n: int(n[5:]))
        i = 0
        for name in names:
            demo = f[f"data/{name}"]
            stored = {k: demo[f"obs/{k}"][...] for k in keys}
            actions = demo["actions"][...]
            for step in range(demo.attrs["num_samples"]):
                item = loaded[i]
                i += 1
                # in float32: what is cached, robomimic has rounded to that
                expect(np.array_equal(np.asarray(item["actions"][0], "float32"),
                                      actions[step].astype("float32")),
                       f"{path}: {name}: action {step} as robomimic loads it differs")
                for k in keys:
                    expect(np.array_equal(np.asarray(item["obs"][k][0], "float32"),
                                          stored[k][step].astype("float32")),
                           f"{path}: {name}: {k} {step} as robomimic loads it differs")
    expect(i == len(loaded), f"{path}: robomimic sees {len(loaded)} steps of {i}")


def main():
    source, output = sys.argv[1:]
    shards = files_below(output)
    expect(shards, f"{output}: no shards")
    for path in shards:
        low_dim, images, splits = observations(path)
        expect(low_dim and images, f"{path}: no observations")
        keys = low_dim + images
        with contextlib.redirect_stdout(io.StringIO()):
            obs_utils.initialize_obs_utils_with_obs_specs(
                {"obs": {"low_dim": low_dim, "rgb": images, "depth": [], "scan": []}})
        expect("env_name" in file_utils.get_env_metadata_from_dataset(path), "no env_name")
        shapes = file_utils.get_shape_metadata_from_dataset(path, all_obs_keys=keys)
        expect(shapes["use_images"], f"{path}: robomimic sees no pictures")
        for split in [None] + splits:
            for mode in (None, "low_dim", "all"):
                check_dataset(path, keys, mode, split)
        steps, how = check_pictures(source, path, images)
        print(f"{path}: {steps} steps, {len(low_dim)} low-dim and {len(images)} picture streams, "
              f"pictures equal ({how}), splits {splits}; robomimic {robomimic.__version__}, "
              f"h5py {h5py.version.version}")


main()
