# SPDX-License-Identifier: Apache-2.0
"""Opens what shard_dump wrote with h5py and compares every value with the formula it used."""
import json
import sys

import h5py
import numpy as np

MODEL_BYTES = 1 << 20
ORIGIN = "1700000000123456789"
DTYPES = "float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool".split()
checked = 0


def expect(got, want, what):
    global checked
    checked += 1
    if got != want:
        sys.exit(f"{what}: got {got!r}, expected {want!r}")


def formula(dtype, shape, k, episode):
    i = np.arange(int(np.prod(shape)), dtype=np.int64)
    m = (7 * i + 13 * k + 5 * episode) % 101
    kind = np.dtype(dtype).kind
    v = {"u": m, "i": m - 50, "f": (m - 50) / 4, "b": m % 2}[kind]
    return v.astype(dtype).reshape(shape)


def check_stream(d, dtype, shape, episode):
    expect(d.dtype, np.dtype(dtype), d.name)
    expect(d.shape, shape, d.name)
    expect(d.attrs["unit"], "m", d.name)
    want = formula(dtype, shape, int(d.attrs["robocache_source"]), episode)
    if not np.array_equal(d[...], want):
        sys.exit(f"{d.name} of {d.file.filename}: other values than were written")
    if shape[0] > 2:  # single rows, as training code reads
        expect(np.array_equal(d[shape[0] - 1], want[-1]), True, d.name)


def check_bfloat16(d, shape, episode):
    """What HDF5 makes of the type, since numpy has none like it."""
    t = d.id.get_type()
    expect((t.get_size(), t.get_fields(), t.get_ebias()), (2, (15, 7, 8, 0, 7), 127), d.name)
    got = np.empty(shape, np.float32)
    d.id.read(h5py.h5s.ALL, h5py.h5s.ALL, got, mtype=h5py.h5t.NATIVE_FLOAT)
    want = formula("float32", shape, int(d.attrs["robocache_source"]), episode)
    expect(np.array_equal(got, want), True, d.name + " values")


def check_encoding(d, codec):
    ids = [d.id.get_create_plist().get_filter(i)[0]
           for i in range(d.id.get_create_plist().get_nfilters())]
    want = {"none": [], "gzip": [1], "zstd": [32015]}[codec]
    if want and d.dtype.itemsize > 1:
        want = [2] + want
    expect(ids, [] if 0 in d.shape else want, d.name + " filters")


def check_obs(obs, names, n, episode, codec):
    check_bfloat16(obs["all_bfloat16"], (n, 3), episode)
    for name in DTYPES:
        d = obs[f"all_{name}"]
        check_stream(d, name, (n, 3), episode)
        check_encoding(d, codec)
    image = obs[names["image"]]
    check_stream(image, "uint8", (n, 6, 5, 3), episode)
    expect(image.chunks, (1, 6, 5, 3), "image chunk")
    expect(image.attrs["robocache_method"], "nearest", "image method")
    check_encoding(image, codec)
    check_stream(obs["eef_quat"], "float64", (n, 4), episode)
    expect(obs["eef_quat"].attrs["quaternion_order"], "xyzw", "quaternion order")
    expect("quaternion_order" in image.attrs, False, "no quaternion order")
    check_stream(obs["scalar"], "float32", (n,), episode)
    check_stream(obs["nothing"], "float32", (n, 0), episode)


def check_time(t, n):
    expect(t.dtype, np.dtype("int64"), "time")
    expect(t[...].tolist(), [i * 50000000 for i in range(n)], "time")
    expect([t.attrs[a] for a in ("unit", "clock", "origin_ns")], ["ns", "measured", ORIGIN],
           "time attributes")


def check_root(f):
    expect(f.attrs["robocache_version"], "test", "version")
    expect(f.attrs["robocache_schema"], "1", "schema")
    expect(json.loads(f.attrs["recipe_json"]), {"rate": 20}, "recipe")
    expect(int(f.attrs["complete"]), 1, "complete")


def check_demo(f, i, episode, codec):
    demo, n = f[f"data/demo_{i}"], 9 + episode
    expect(type(demo.attrs["num_samples"]), np.int64, "num_samples")
    expect(int(demo.attrs["num_samples"]), n, "num_samples")
    check_obs(demo["obs"], {"image": "images_front"}, n, episode, codec)
    check_stream(demo["actions"], "float32", (n, 7), episode)
    check_stream(demo["states"], "float64", (n, 5), episode)
    if episode == 1:
        check_stream(demo["rewards"], "float32", (n,), episode)
        check_stream(demo["dones"], "bool", (n,), episode)
    else:
        expect(demo["rewards"][...].tolist(), [0.0] * n, "rewards")
        expect(demo["dones"][...].tolist(), [0] * (n - 1) + [1], "dones")
        expect(int(demo["dones"].attrs["robocache_synthesized"]), 1, "made by the writer")
    if episode == 0:
        expect(demo.attrs["model_file"], "x" * MODEL_BYTES, "model_file")
        expect(json.loads(demo.attrs["ep_meta"]), {"lang": 'push the "T" \u00e0 gauche'}, "ep_meta")
    if episode % 3 == 0:
        expect("success" in demo.attrs, False, "success")
    else:
        expect(bool(demo.attrs["success"]), episode % 3 == 2, "success")
    own = f["robocache"]
    check_time(own[f"time/demo_{i}"], n)
    expect(own[f"episodes/demo_{i}"].attrs["source"], str(episode), "source")
    valid = own[f"valid/demo_{i}"]
    expect(valid["obs/all_float16"][...].tolist(), [0] + [1] * (n - 1), "valid")
    expect(list(valid["obs"]), ["all_float16"], "only streams with invalid ticks")


def check_robomimic(path, codec):
    episodes = [0, 1, 3]  # 2 was dropped half-way
    with h5py.File(path, "r", swmr=True, libver="latest") as f:
        check_root(f)
        expect(sorted(f["data"]), ["demo_0", "demo_1", "demo_2"], "demos")
        expect(sorted(f["robocache/time"]), sorted(f["data"]), "times")
        expect(sorted(f["robocache/valid"]), sorted(f["data"]), "masks of ticks")
        expect(sorted(f["robocache/episodes"]), sorted(f["data"]), "provenance")
        expect(int(f["data"].attrs["total"]), sum(9 + e for e in episodes), "total")
        expect(json.loads(f["data"].attrs["env_args"])["env_name"], "Push", "env_args")
        for i, episode in enumerate(episodes):
            check_demo(f, i, episode, codec)
        expect([x.decode() for x in np.array(f["mask/train"])], ["demo_0", "demo_2"], "train")
        expect([x.decode() for x in np.array(f["mask/valid"])], ["demo_1"], "valid")
        expect(f["mask/train"].dtype, np.dtype("S6"), "mask type")


def check_act(path, codec):
    with h5py.File(path, "r") as f:
        check_root(f)
        expect(f.attrs["sim"].dtype, np.dtype(bool), "sim type")
        expect([bool(f.attrs["sim"]), bool(f.attrs["compress"])], [True, False], "sim, compress")
        check_obs(f["observations"], {"image": "images/front"}, 9, 0, codec)
        check_stream(f["observations/states"], "float64", (9, 5), 0)
        check_stream(f["action"], "float32", (9, 7), 0)
        check_time(f["robocache/time"], 9)
        expect(f["robocache/episode"].attrs["source"], "0", "source")


def main():
    folder, codecs = sys.argv[1], sys.argv[2:]
    for codec in codecs:
        check_robomimic(f"{folder}/robomimic-{codec}.h5", codec)
        check_act(f"{folder}/act-{codec}.h5", codec)
    print(f"h5py {h5py.version.version} (HDF5 {h5py.version.hdf5_version}): "
          f"{checked} checks of {', '.join(codecs)} passed")


main()
