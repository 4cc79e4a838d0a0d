# SPDX-License-Identifier: Apache-2.0
"""Recomputes what kernels_dump wrote with numpy and scipy in float64 and prints the worst errors.

Bounds: linear 2 ulp of the larger neighbour in the type computed in (float32, or float64 when the
source or the output is float64; integers are first converted to it) plus the rounding to the output
type; slerp 1e-6 rad plus the same; nearest and previous exact; nothing outside a job's columns.
"""
import sys

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

TYPES = [np.dtype(t) for t in ("float16 uint16 float32 float64 int8 int16 int32 int64"
                               " uint8 uint16 uint32 uint64 uint8").split()]
BF16 = 1  # numpy has no bfloat16: read as bits, widened to float32
LINEAR, SLERP, NEAREST, PREVIOUS = range(4)
NAMES = ["linear", "slerp", "nearest", "previous"]
SLERP_RAD = 1e-6
worst = {}
counts = {}


def fail(text):
    sys.exit(f"check_kernels: {text}")


def note(name, value, bound):
    worst[name] = max(worst.get(name, (0, bound)), (float(value), bound))


def read(path):
    data = np.fromfile(path, dtype=np.uint8)
    if data[:8].tobytes() != b"RCBATCH1":
        fail(f"'{path}' is not a dump")
    n, n_in, n_out = (int(v) for v in data[8:32].view("<i8"))
    begin = 32 + 96 * n
    jobs = data[32:begin].view("<i8").reshape(n, 12)
    if data.size != begin + n_in + n_out:
        fail(f"'{path}' has {data.size} bytes, not {begin + n_in + n_out}")
    return jobs, data[begin:begin + n_in], data[begin + n_in:]


def array(buf, at, n, dtype):
    return buf[at:at + n * dtype.itemsize].copy().view(dtype)


def widen(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def round_bf16(v):
    fraction, exponent = np.frexp(v.astype(np.float64))
    return np.ldexp(np.rint(fraction * 256) / 256, exponent).astype(np.float32)


class Job:
    def __init__(self, fields, buf_in, buf_out):
        (self.src, self.src_t, self.tick_at, self.dst, self.n, self.n_ticks, self.width,
         self.stride, src_type, dst_type, self.method, self.quat) = (int(v) for v in fields)
        self.src_type, self.dst_type = TYPES[src_type], TYPES[dst_type]
        i8 = np.dtype(np.int64)
        self.x = array(buf_in, self.src, self.n * self.width, self.src_type).reshape(
            self.n, self.width)
        self.t = array(buf_in, self.src_t, self.n, i8)
        self.ticks = array(buf_in, self.tick_at, self.n_ticks, i8)
        size = self.dst_type.itemsize
        # Where the bytes of each element of the job's columns lie in `out`.
        at = np.arange(self.n_ticks)[:, None] * self.stride + np.arange(self.width)
        self.owned = self.dst + at[:, :, None] * size + np.arange(size)
        self.y = buf_out[self.owned].reshape(self.n_ticks, self.width * size).view(self.dst_type)
        self.bf16 = dst_type == BF16
        self.eps = 2.0**-7 if self.bf16 else float(np.finfo(self.dst_type).eps) if (
            self.dst_type.kind == "f") else 0
        self.name = "bfloat16" if self.bf16 else str(self.dst_type)
        self.size = size
        if src_type == BF16:
            self.x, self.src_type = widen(self.x), np.dtype(np.float32)
        if self.bf16:
            self.y, self.dst_type = widen(self.y), np.dtype(np.float32)

    def cast(self, x):
        if not self.bf16:
            return x.astype(self.dst_type)
        return round_bf16(x if x.dtype == np.float64 else x.astype(np.float32))

    def ulp(self, v):
        if not self.bf16:
            return ulp(self.dst_type, v)
        return np.ldexp(1.0, np.frexp(np.abs(v))[1] - 8)


def ulp(dtype, v):
    return np.spacing(np.abs(v).astype(dtype)).astype(np.float64)


def check_picks(job):
    right = np.searchsorted(job.t, job.ticks, side="right")
    last = np.clip(right - 1, 0, job.n - 1)
    pick = last
    if job.method == NEAREST:
        after = np.clip(right, 0, job.n - 1)
        nearer = np.abs(job.t[after] - job.ticks) < np.abs(job.ticks - job.t[last])
        pick = np.where(nearer, after, last)
    want = job.cast(job.x[pick])
    if want.tobytes() != job.y.tobytes():
        fail(f"{NAMES[job.method]} {job.src_type} to {job.name}: not the sample")


def neighbours(job):
    """Rows before and after each tick, the weight of the latter, and where one sample is taken."""
    last = np.searchsorted(job.t, job.ticks, side="right") - 1
    lo = np.clip(last, 0, job.n - 1)
    hi = np.clip(last + 1, 0, job.n - 1)
    span = (job.t[hi] - job.t[lo]).astype(np.float64)
    whole = (last < 0) | (lo == hi) | (job.t[lo] == job.ticks)
    a = np.where(whole, 0, (job.ticks - job.t[lo]) / np.where(span > 0, span, 1))
    return lo, np.where(whole, lo, hi), a, whole


def check_linear(job, columns):
    f8 = np.dtype(np.float64)
    via = f8 if f8 in (job.src_type, job.dst_type) else np.dtype(np.float32)
    x = job.x.astype(via)
    lo, hi, a, whole = neighbours(job)
    for c in columns:
        want = np.interp(job.ticks.astype(f8), job.t.astype(f8), x[:, c].astype(f8))
        got = job.y[:, c].astype(f8)
        exact = job.cast(x[lo, c])
        top = 65520 if job.dst_type.itemsize == 2 else np.inf
        over = np.isinf(got) & (np.abs(want) >= top * (1 - 1e-6))
        rounding = 0 if job.size >= via.itemsize else job.ulp(want) / 2
        if exact[whole].tobytes() != job.y[whole, c].tobytes():
            fail(f"linear {job.src_type} to {job.name}: not exact at a sample")
        unit = ulp(via, np.maximum(np.abs(x[lo, c]), np.abs(x[hi, c])))
        error = np.abs(np.where(over, 0, got - np.where(over, 0, want)))
        ulps = np.where(over, 0, np.maximum(error - rounding, 0) / unit)
        # In float64 numpy's own formula is off by as much again.
        bound = 2 if via != f8 else 5
        if ulps.size:
            note(f"linear in {via}, ulp of the larger neighbour", ulps.max(), bound)


def turn(p, q, a):
    """Slerp between single rotations, as scipy's Slerp does it, for many pairs at once."""
    p, q = Rotation.from_quat(p), Rotation.from_quat(q)
    return p * Rotation.from_rotvec(a[:, None] * (p.inv() * q).as_rotvec())


def check_slerp(job):
    lo, hi, a, whole = neighbours(job)
    columns = slice(job.quat, job.quat + 4)
    x = job.x[:, columns].astype(np.float64)
    got = job.y[:, columns].astype(np.float64)
    if job.cast(job.x[lo[whole], columns]).tobytes() != job.y[whole, columns].tobytes():
        fail(f"slerp {job.src_type} to {job.name}: not exact at a sample")
    usable = ~whole & (np.abs(x[lo]).sum(axis=1) > 0) & (np.abs(x[hi]).sum(axis=1) > 0)
    # At a right angle between quaternions both ways are equally long.
    length = np.linalg.norm(x, axis=1)
    cosine = (x[lo] * x[hi]).sum(axis=1) / np.maximum(length[lo] * length[hi], 1e-300)
    usable &= np.abs(cosine) > 1e-9
    if not usable.any():
        return
    p, q, g = x[lo[usable]], x[hi[usable]], got[usable]
    strict = job.n > 1 and np.all(np.diff(job.t) > 0) and np.all(length > 0)
    if strict:
        want = Slerp(job.t.astype(np.float64), Rotation.from_quat(x))(job.ticks[usable])
    else:
        want = turn(p, q, a[usable])
    w = want.as_quat()
    # Angle of the rotation between two: 4 atan(|g - w| / |g + w|), either sign of w.
    n = np.linalg.norm(g, axis=1, keepdims=True)
    s = np.sign((g * w).sum(axis=1, keepdims=True))
    away, along = g / n - s * w, g / n + s * w
    angle = 4 * np.arctan2(np.linalg.norm(away, axis=1), np.linalg.norm(along, axis=1))
    bound = SLERP_RAD if job.size > 2 else 2 * job.eps
    note(f"slerp to {job.name}, rad", angle.max(), bound)
    note(f"slerp to {job.name}, length - 1", np.abs(n - 1).max(), 4 * job.eps)
    if ((g * p).sum(axis=1) < 0).any():
        fail("slerp: not the sign of the earlier sample")


def check(path):
    jobs, buf_in, buf_out = read(path)
    mask = np.zeros(buf_out.size, bool)
    for fields in jobs:
        job = Job(fields, buf_in, buf_out)
        mask[job.owned] = True
        counts[job.method] = counts.get(job.method, 0) + job.n_ticks
        columns = range(job.width)
        if job.method in (NEAREST, PREVIOUS):
            check_picks(job)
            continue
        if job.method == SLERP:
            check_slerp(job)
            columns = [c for c in columns if not job.quat <= c < job.quat + 4]
        check_linear(job, columns)
    if (buf_out[~mask] != 0xA5).any():
        fail("bytes outside the jobs' columns were written")


def main():
    with np.errstate(over="ignore", invalid="ignore"):  # large integers as float16
        for path in sys.argv[1:]:
            check(path)
    if len(counts) < 4:
        fail("not every method was in the dump")
    for method in sorted(counts):
        print(f"{NAMES[method]}: {counts[method]} rows")
    bad = False
    for name in sorted(worst):
        value, bound = worst[name]
        bad |= not value <= bound
        print(f"{name}: worst {value:.3g}, allowed {bound:.3g}")
    sys.exit(1 if bad else 0)


main()
