# SPDX-License-Identifier: Apache-2.0
"""What tests/fuzz_convert.py converts: random files in every layout, storage and spelling of a
clock, and random recipes that fit them."""
import copy
import dataclasses
import json
from fractions import Fraction

import h5py
import numpy as np

UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}
MAX_TICKS, MAX_VALUES = 6000, 150000
FLOATS, INTS = ("f2", "f4", "f4", "f4", "f8"), ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
NAMES = ["joint_pos", "joint_vel", "wrench", "gripper", "tactile", "effort", "imu", "force",
         "contact", "button", "height", "odom", "twist", "battery", "mode"]


@dataclasses.dataclass
class Stream:
    name: str
    kind: str                   # low, quat, pose or image
    role: str                   # obs, action, reward, done, state or next_obs
    x: np.ndarray
    t: np.ndarray = None        # int64 ns
    clock: str = "none"
    unit: str = None
    unit_origin: str = None
    latency: int = 0
    hz: Fraction = None
    path: str = ""

    def resolved(self, r):
        """With the clock that the recipe gives it."""
        s = copy.copy(self)
        rate = r.source_rate_of(s)
        if rate:
            s.clock, s.hz, s.unit, s.unit_origin = "nominal", rate, None, None
        if s.clock == "nominal":
            s.t = np.array([k * 10**9 * s.hz.denominator // s.hz.numerator
                            for k in range(len(s.x))], np.int64)
        s.latency = r.latency_of(s)
        if s.t is not None:
            s.t = s.t - s.latency
        return s


@dataclasses.dataclass
class Episode:
    id: str
    streams: list


# --- values -----------------------------------------------------------------------------------

def chance(rng, p):
    return rng.random() < p


def pick(rng, items):
    return items[rng.integers(len(items))]


def unit_quaternions(rng, n):
    q = np.cumsum(rng.normal(size=(n, 4)) * 10 ** rng.uniform(-4, 0.3), 0) + rng.normal(size=4)
    q /= np.linalg.norm(q, axis=1, keepdims=True)
    if chance(rng, 0.3):
        q[1:] *= rng.choice([-1, 1], (n - 1, 1))
    if chance(rng, 0.1):
        q[1:] *= rng.uniform(0.5, 2, (n - 1, 1))
    if chance(rng, 0.05) and n > 2:
        q[rng.integers(1, n)] = pick(rng, [0.0, np.nan])
    return q


def values(rng, n, spec):
    shape, dtype = (n, *spec["shape"]), np.dtype(spec["dtype"])
    if spec["kind"] == "quat":
        return unit_quaternions(rng, n).astype(dtype)
    if spec["kind"] == "pose":
        return np.concatenate([np.cumsum(rng.normal(size=(n, 3)), 0),
                               unit_quaternions(rng, n)], 1).astype(dtype)
    if dtype == bool:
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        top = np.iinfo(dtype).max if chance(rng, 0.3) else 100
        return rng.integers(0 if dtype.kind == "u" or top > 100 else -top, top, shape, dtype,
                            endpoint=True)
    scale = 10 ** rng.uniform(-3, 1) if dtype == np.float16 else 10 ** rng.uniform(-6, 6)
    x = (np.cumsum(rng.normal(size=shape), 0) * scale).astype(dtype)
    if chance(rng, 0.05):
        size = pick(rng, [np.finfo(dtype).max, np.finfo(dtype).tiny])
        x = (rng.choice([0.0, -0.0, 1, -1], shape) * size).astype(dtype)
    if chance(rng, 0.08):
        x.ravel()[rng.integers(0, x.size, 3)] = [np.nan, np.inf, -np.inf]
    return x


def chunk_shape(rng, x):
    return pick(rng, [True, x.shape, (1, *x.shape[1:]),
                      (int(rng.integers(1, len(x) + 1)), *x.shape[1:]),
                      tuple(int(rng.integers((d + 3) // 4, d + 1)) for d in x.shape)])


def filters(rng, x, plugin):
    """Keyword arguments of h5py that undo themselves, mostly."""
    k = {"shuffle": chance(rng, 0.4), "fletcher32": chance(rng, 0.2)}
    how = pick(rng, ["none", "gzip", "gzip", "lzf", "szip", "zstd", "scaleoffset"])
    if how == "zstd" and plugin:
        k.update(compression=32015, compression_opts=(int(rng.integers(1, 10)),))
    elif how == "szip" and h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP) and x.dtype != bool:
        k.update(compression="szip")
    elif how == "scaleoffset" and x.dtype.kind in "iu":
        k.update(scaleoffset=0)
    elif how in ("gzip", "lzf"):
        k.update(compression=how)
    return k


def store(rng, group, path, x):
    """Writes an array in some way; what it holds then, in the byte order of this machine."""
    plain = x.dtype
    if chance(rng, 0.15) and plain != bool:
        x = x.astype(plain.newbyteorder(">"))
    how = pick(rng, ["contiguous", "compact", "chunked", "chunked", "filtered", "filtered"])
    if how == "compact" and x.nbytes < 60000:
        parent = group.require_group(path.rpartition("/")[0]) if "/" in path else group
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_layout(h5py.h5d.COMPACT)
        d = h5py.Dataset(h5py.h5d.create(parent.id, path.rpartition("/")[2].encode(),
                                         h5py.h5t.py_create(x.dtype, logical=True),
                                         h5py.h5s.create_simple(x.shape), plist))
        d[...] = x
    elif how in ("contiguous", "compact"):
        d = group.create_dataset(path, data=x)
    else:
        k = {"chunks": chunk_shape(rng, x)}
        if how == "filtered":
            k.update(filters(rng, x, h5py.h5z.filter_avail(32015)))
        if chance(rng, 0.2):
            k["maxshape"] = (None, *x.shape[1:])
        try:
            d = group.create_dataset(path, data=x, **k)
        except (ValueError, OSError):  # a filter that does not take this shape or type
            group.pop(path, None)
            d = group.create_dataset(path, data=x, chunks=x.shape)
    return d[...].astype(plain)


# --- clocks -----------------------------------------------------------------------------------

def true_times(rng, n, hz, origin):
    if chance(rng, 0.35):  # on a round grid, where ticks meet samples and the middle between them
        step = int(pick(rng, [5, 10, 20, 50])) * 10**6
        d = rng.choice([1, 1, 1, 1, 1, 2, 5, 0], n) * step
        return origin + step * int(rng.integers(1, 5)) + np.cumsum(d).astype(np.int64)
    step = 1e9 / hz
    d = np.full(n, step) * (1 + pick(rng, [0, 0.01, 0.3]) * rng.uniform(-1, 1, n))
    if chance(rng, 0.3):
        d[rng.integers(0, n, 2)] += step * rng.integers(3, 20, 2)
    if chance(rng, 0.3):
        d[rng.integers(0, n, max(1, n // 10))] = 0
    return origin + int(rng.integers(0, int(4 * step))) + np.cumsum(d).astype(np.int64)


def exact_ns(stamps, unit):
    if stamps.dtype.kind in "iu":
        return stamps.astype(np.int64) * UNITS[unit]
    x = stamps.astype(np.longdouble)
    whole = np.floor(x)
    return whole.astype(np.int64) * UNITS[unit] + \
        np.floor((x - whole) * UNITS[unit] + np.longdouble(0.5)).astype(np.int64)


def clock_dtype(rng, unit, epoch, told):
    """A type that does not lose the clock and, where nothing tells the unit, lets it be seen."""
    if not told:
        return "f8" if unit == "s" else "i8" if epoch else None
    if epoch:
        return pick(rng, ["i8", "u8", "f8"])
    return pick(rng, ["i8", "u8", "f8", "f4"] + (["i4", "u4"] if unit != "ns" else []) +
                (["f2"] if unit == "s" else []))


def put_clock(rng, group, path, spec, n):
    """Stores the stamps of n rows; their exact times."""
    t = true_times(rng, n, spec["hz"], spec["origin"])
    stamps = (t.astype(np.longdouble) / UNITS[spec["unit"]]).astype(spec["dtype"])
    stamps = np.sort(stamps)
    if chance(rng, 0.01) and n > 3 and stamps[1] != stamps[2]:
        stamps[[1, 2]] = stamps[[2, 1]]
    name = path + ("_" + spec["unit"] if spec["told"] == "name" else "")
    stamps = store(rng, group, name, stamps)
    if spec["told"] == "attribute":
        group[name].attrs[pick(rng, ["unit", "units", "time_unit"])] = pick(
            rng, {"ns": ["ns", "nanoseconds"], "us": ["us", "microseconds"], "ms": ["ms", "msec"],
                  "s": ["s", "sec", "seconds since 1970-01-01"]}[spec["unit"]])
    return exact_ns(stamps, spec["unit"])


def clock_spec(rng, origin, hz):
    while True:
        told = pick(rng, [None, "name", "attribute"])
        unit = pick(rng, list(UNITS))
        dtype = clock_dtype(rng, unit, origin > 0, told)
        if dtype:
            return {"told": told, "unit": unit, "dtype": dtype, "hz": hz, "origin": origin}


def clocked(s, t, spec):
    s.t, s.clock, s.unit = t, "measured", spec["unit"]
    s.unit_origin = {None: "magnitude", "name": "layout", "attribute": "attribute"}[spec["told"]]
    return s


# --- datasets ---------------------------------------------------------------------------------

def stream_specs(rng, n, images=True):
    """Names, kinds, shapes and types, which all episodes share."""
    out = []
    for name in rng.permutation(NAMES)[:n]:
        shape = pick(rng, [(), (1,), (3,), (4,), (7,), (14,), (2, 3), (2, 2), (65,), (3, 2, 3)])
        dtype = pick(rng, FLOATS if chance(rng, 0.6) else INTS + ("?",))
        out.append({"name": str(name), "kind": "low", "shape": shape, "dtype": dtype})
    if chance(rng, 0.4):
        out.append({"name": "eef_quat", "kind": "quat", "shape": (4,), "dtype": pick(rng, FLOATS)})
    if chance(rng, 0.4):
        out.append({"name": "eef_pose", "kind": "pose", "shape": (7,), "dtype": pick(rng, FLOATS)})
    for cam in ("cam_front", "cam_wrist"):
        if images and chance(rng, 0.3):
            size = tuple(int(v) for v in rng.integers(8, 20, 2))
            out.append({"name": cam, "kind": "image", "dtype": pick(rng, ["u1", "u1", "u2", "f4"]),
                        "shape": size + pick(rng, [(), (1,), (3,), (3,), (4,)])})
    return out


def rows_for(rng, specs, n):
    width = max(int(np.prod(s["shape"], dtype=int)) for s in specs)
    return max(2, min(n, MAX_VALUES // width)) if n > 1 else 1


def length(rng):
    return int(pick(rng, [2, 3, 5, rng.integers(6, 40), rng.integers(40, 400),
                          rng.integers(400, 5001)]))


def put_stream(rng, group, path, spec, n, role="obs", name=None):
    return Stream(name or spec["name"], spec["kind"], role,
                  store(rng, group, path, values(rng, n, spec)), path=f"{group.name}/{path}")


def robomimic(rng, root):
    specs, episodes = stream_specs(rng, rng.integers(1, 5)), []
    obs_next, extra = chance(rng, 0.3), chance(rng, 0.5)
    style, first = pick(rng, ["demo_{}", "demo{}", "demo-{}", "ep_{}"]), int(rng.integers(0, 3))
    own_clock = clock_spec(rng, 0, 20) if chance(rng, 0.3) else None
    hz = None if own_clock else pick(rng, [None, 20, 12.5])
    action = {"kind": "low", "shape": (7,), "dtype": pick(rng, FLOATS)}
    one = chance(rng, 0.05)
    numbers = np.sort(rng.choice(12, rng.integers(1, 4), replace=False)) + first
    with h5py.File(f"{root}/f.h5", "w") as f:
        f.create_group("data").attrs["env_args"] = json.dumps(
            {"env_name": "fuzz", "type": 1, "env_kwargs": {"control_freq": hz} if hz else {}})
        for number in numbers:
            n = rows_for(rng, specs, 1 if one else length(rng))
            g = f["data"].create_group(style.format(number))
            late = pick(rng, [0] * 12 + [1, 3]) if n > 70 else 0
            ss = [put_stream(rng, g, "obs/" + s["name"], s, n + late * (s is specs[0]))
                  for s in specs]
            ss.append(put_stream(rng, g, "actions", action, n, "action", "actions"))
            if chance(rng, 0.1):
                g.create_dataset("obs/nothing", shape=(n, 0), dtype="f4")
            if obs_next:
                ss += [put_stream(rng, g, "next_obs/" + s["name"], s, n, "next_obs",
                                  "next_obs/" + s["name"]) for s in specs[:2]]
            if extra:
                for name, role, dtype in (("rewards", "reward", "f4"), ("dones", "done", "i8"),
                                          ("states", "state", "f8")):
                    ss.append(put_stream(rng, g, name, {
                        "kind": "low", "dtype": dtype, "shape": (5,) if role == "state" else ()},
                        n, role, name))
            if own_clock:
                t = put_clock(rng, g, "timestamps", own_clock, n)
                ss = [clocked(s, t, own_clock) if len(s.x) == n else s for s in ss]
            for s in ss if hz else []:
                s.clock, s.hz = "nominal", Fraction(hz)
            episodes.append(Episode(f"in/f.h5:{g.name[1:]}", ss))
    return episodes, {"hz": 20, "clocked": bool(own_clock or hz), "layout": "robomimic"}


def aloha(rng, root):
    specs, episodes = stream_specs(rng, 1), []
    low = [{"name": n, "kind": "low", "shape": (14,), "dtype": pick(rng, FLOATS)}
           for n in ("qpos", "qvel")]
    cams = [s for s in specs if s["kind"] == "image"]
    for i in range(rng.integers(1, 4)):
        n = rows_for(rng, low + cams, length(rng))
        with h5py.File(f"{root}/episode_{i}.hdf5", "w") as f:
            f.attrs["sim"] = False
            ss = [put_stream(rng, f, "observations/" + s["name"], s, n) for s in low]
            ss += [put_stream(rng, f, "observations/images/" + s["name"], s, n) for s in cams]
            ss.append(put_stream(rng, f, "action", low[0], n, "action", "action"))
        episodes.append(Episode(f"in/episode_{i}.hdf5", ss))
    return episodes, {"hz": 50, "clocked": False, "layout": "aloha"}


def sensors_of(rng, specs):
    """Streams in sensors, one clock each, with the way it is spelled."""
    left, out = list(specs), []
    origin = pick(rng, [0, 0, 1_700_000_000 * 10**9])
    if chance(rng, 0.2):
        return [("shared", left, clock_spec(rng, origin, 10 ** rng.uniform(0.5, 2.7)))], origin
    while left:
        n = int(rng.integers(1, 3))
        how = pick(rng, ["group", "flat", "list"])
        mine, left = (left[:1], left[1:]) if how != "group" else (left[:n], left[n:])
        out.append((how, mine, clock_spec(rng, origin, 10 ** rng.uniform(0.5, 2.7))))
    words = ["timestamps", "timestamp", "ts", "time", "stamp"]
    for _, _, k in out:
        k.update(word=pick(rng, words), before=chance(rng, 0.3))
    return out, origin


def put_sensor(rng, g, i, sensor, n):
    how, mine, k = sensor
    where = f"sensor{i}/" if how == "group" else ""
    name = mine[0]["name"]
    word = k.get("word")
    if how == "flat" and word == "time":  # x_time is a clock only where it rises
        word = "ts"
    path = {"shared": "timestamps", "group": f"{where}{word}",
            "list": f"timestamps/{name}",
            "flat": f"{word}_{name}" if k.get("before") else f"{name}_{word}"}[how]
    t = put_clock(rng, g, path, k, n)
    return [clocked(put_stream(rng, g, where + s["name"].rpartition("/")[2], s, n,
                               "action" if s["name"] == "action" else "obs"), t, k) for s in mine]


def generic(rng, root):
    specs = stream_specs(rng, rng.integers(1, 5))
    if chance(rng, 0.6):
        specs.append({"name": "action", "kind": "low", "shape": (7,), "dtype": "f4"})
    sensors, _ = sensors_of(rng, [specs[i] for i in rng.permutation(len(specs))])
    twins = [i for i, s in enumerate(sensors) if s[0] == "group" and s[1][0]["kind"] == "low"]
    if len(twins) > 1 and not any(s["name"] == "action" for i in twins for s in sensors[i][1]):
        for i in twins:  # one name, so that the group becomes part of it
            sensors[i][1][0]["name"] = f"sensor{i}/meas"
    groups, alike, episodes = chance(rng, 0.3), chance(rng, 0.25), []
    one, seconds = chance(rng, 0.02), 10 ** rng.uniform(-1, 1.3)
    files = [f"{root}/f{i}.h5" for i in range(1 if groups else rng.integers(1, 4))]
    for path in files:
        f = h5py.File(path, "w")
        names = [f"episode_{k}" for k in range(rng.integers(1, 4))] if groups else [""]
        for name in names:
            g = f.create_group(name) if name else f
            n = length(rng)
            ss = []
            for i, sensor in enumerate(sensors):
                rows = 1 if one else n if alike else int(sensor[2]["hz"] * seconds) + 2
                ss += put_sensor(rng, g, i, sensor, rows_for(rng, specs, min(rows, 5000)))
            if chance(rng, 0.05):
                extra = max(len(s.x) for s in ss) + 60
                ss.append(put_stream(rng, g, "lonely", {"name": "lonely", "kind": "low",
                          "shape": (), "dtype": "f4"}, extra))
            episodes.append(Episode(path.replace(root, "in", 1) + (":" + name if name else ""), ss))
        f.close()
    return episodes, {"hz": max(s[2]["hz"] for s in sensors), "clocked": True, "layout": "generic"}


def dataset(rng, root):
    return pick(rng, [robomimic, aloha, generic, generic, generic])(rng, root)
