# SPDX-License-Identifier: Apache-2.0
"""make_ragged.py DIR [EPISODES]: episodes of random lengths, widths, rates and types, for
tests/gpu.sh, which converts them on the CPU and on GPUs and compares the shards."""
import os
import sys

import h5py
import numpy as np

TYPES = ["f4", "f4", "f4", "f8", "f2", "u1", "i4", "i8"]


def stream(file, name, rng, dtype, width, seconds):
    rate = rng.choice([10, 30, 100, 500, 1000])
    rows = max(int(seconds * rate), 2)
    clock = np.sort((np.arange(rows) / rate + rng.uniform(-0.04, 0.04, rows) / rate) * 1e9)
    group = file.create_group(name)
    group["timestamps"] = (clock + 2e9).astype("i8")
    group["timestamps"].attrs["unit"] = "ns"
    values = rng.standard_normal((rows, width)) * 50
    if name.startswith("quat"):
        values = rng.standard_normal((rows, 4))
        values /= np.linalg.norm(values, axis=1, keepdims=True)
    group[name] = values.astype(dtype)


def main():
    root = sys.argv[1]
    episodes = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    os.makedirs(root)
    rng = np.random.default_rng(7)
    shape = [(rng.choice(TYPES), int(rng.integers(1, 300))) for _ in range(9)]
    for e in range(episodes):
        with h5py.File(os.path.join(root, f"episode_{e}.h5"), "w") as file:
            seconds = float(rng.uniform(0.2, 8))
            for i, (dtype, width) in enumerate(shape):
                stream(file, f"stream_{i}", rng, dtype, width, seconds)
            stream(file, "quat", rng, "f4", 4, seconds)


main()
