# SPDX-License-Identifier: Apache-2.0
"""compat_read.py FILE...: a line for each dataset, with the digest of the values that h5py gives.
Two builds of h5py that agree on every line read the same."""
import hashlib
import importlib.util
import sys

import h5py

if importlib.util.find_spec("hdf5plugin"):
    import hdf5plugin  # noqa: F401  (registers the zstd filter)


def tell(path):
    def show(name, d):
        if isinstance(d, h5py.Dataset):
            digest = hashlib.sha256(d[()].tobytes()).hexdigest()
            print(path, name, d.dtype.str, d.shape, digest)

    with h5py.File(path, "r") as f:
        f.visititems(show)


for arg in sys.argv[1:]:
    tell(arg)
