# SPDX-License-Identifier: Apache-2.0
"""What robocache-recipe(5) says about the values of one stream, in long double."""
import numpy as np

LD = np.longdouble
wrong = []


def check(ok, *what):
    if not ok:
        wrong.append(" ".join(map(str, what)))


def cast(x, dtype):
    """To the nearest, ties to even, at once; numpy takes integers to float16 in two steps."""
    if x.dtype.kind in "iub" and dtype == np.float16:
        x = x.astype(np.float64)
    with np.errstate(all="ignore"):
        return x.astype(dtype)


def place(t, ticks):
    i = np.searchsorted(t, ticks, side="right") - 1
    lo, hi = np.maximum(i, 0), np.minimum(i + 1, len(t) - 1)
    inside = (i >= 0) & (ticks <= t[-1]) & (t[lo] != ticks)
    return lo, np.where(inside, hi, lo), inside


def picked(t, ticks, method):
    """The sample that a value is, or rests on most."""
    lo, hi, _ = place(t, ticks)
    if method in ("previous", "mean", "max", "min"):
        return lo
    return np.where(np.abs(t[hi] - ticks) < np.abs(ticks - t[lo]), hi, lo)


def validity(t, ticks, max_gap, spans_all):
    lo, hi, inside = place(t, ticks)
    out = np.maximum(t[0] - ticks, ticks - t[-1])
    gap = (inside & (t[hi] - t[lo] > max_gap)) | (out > max_gap) if max_gap else inside & False
    return ~(gap | (out > 0)) if spans_all else ~gap, gap


def linear(x, place_, a, ulp_type):
    """The value and the largest error, two ulp of the larger neighbour."""
    lo, hi, inside = place_
    p, q = x[lo].astype(LD), x[hi].astype(LD)
    with np.errstate(all="ignore"):
        v = np.where(inside[:, None], p * (1 - a) + q * a, p)
        big = np.maximum(np.abs(p), np.abs(q)).astype(ulp_type)
        tol = 2 * np.spacing(np.where(np.isfinite(big), big, 0)).astype(LD)
    return v, np.where(inside[:, None], tol, 0)


def slerp(x, place_, a):
    lo, hi, inside = place_
    p, q = x[lo].astype(LD), x[hi].astype(LD)
    with np.errstate(all="ignore"):
        np_, nq = (np.sqrt((v * v).sum(1, keepdims=True)) for v in (p, q))
        u, w = p / np_, q / nq
        dot = (u * w).sum(1, keepdims=True)
        w = np.where(dot < 0, -w, w)
        angle = 2 * np.arctan2(np.linalg.norm((u - w).astype(float), axis=1),
                               np.linalg.norm((u + w).astype(float), axis=1))[:, None].astype(LD)
        s = np.sin(angle)
        v = np.where(s < 1e-9, u * (1 - a) + w * a,
                     (np.sin((1 - a) * angle) * u + np.sin(a * angle) * w) / s)
        v /= np.sqrt((v * v).sum(1, keepdims=True))
    finite = np.isfinite(p).all(1) & np.isfinite(q).all(1)
    flat = finite & ((np_[:, 0] == 0) | (nq[:, 0] == 0))
    line, tol = linear(x, place_, a, np.float32)
    v = np.where(flat[:, None], line, np.where(finite[:, None], v, LD("nan")))
    tol = np.where(flat[:, None], tol, LD(1e-6))
    with np.errstate(all="ignore"):
        sizes = np.concatenate([np_, nq], 1)
        odd = ((sizes < 1e-150) & (sizes > 0)) | (sizes > 1e150)  # no square of it in float64
    # or neither arc is the shorter
    unclear = odd.any(1) | (finite & ~flat & (np.abs(dot[:, 0]) < 1e-12))
    inside_ = inside[:, None]
    return np.where(inside_, v, p), np.where(inside_, tol, 0), unclear & inside


def grid_around(ticks, rate):
    """Where a tick before the first and one after the last would be; None: nobody knows."""
    if rate:
        n = len(ticks)
        return int(ticks[0]) + int(-10**9 // rate), int(ticks[0]) + int(n * 10**9 // rate)
    far = np.unique(ticks)
    if len(far) < 2:
        return None, None
    return 2 * int(far[0]) - int(far[1]), 2 * int(far[-1]) - int(far[-2])


def reduced(x, t, ticks, first, method, dtype):
    """One value of the samples after the tick before, up to the tick: the least and most it is.
    first: the tick before the first one."""
    lo, hi = [], []
    for k, tick in enumerate(ticks):
        k = int(np.searchsorted(ticks, tick))  # of equal ticks the first
        before = ticks[k - 1] if k else first
        a = 0 if before is None else int(np.searchsorted(t, before, "right"))
        b = int(np.searchsorted(t, tick, "right"))
        if a >= b:
            b = max(b, 1)
            a = b - 1
        rows = x[a:b]
        with np.errstate(all="ignore"):
            if method == "mean":
                v = rows.astype("f8").mean(0) + 0.0
                v = np.where(((rows == 0) & np.signbit(rows.astype("f8"))).all(0), -0.0, v)
                tol = np.abs(rows.astype("f8")).max(0) * 2e-16 * (b - a)
                tol[~np.isfinite(tol)] = 0
                lo.append(v - tol)
                hi.append(v + tol)
            else:
                at = getattr(rows, "arg" + method)(0)  # of equal ones the first
                lo.append(rows[at, np.arange(rows.shape[1])])
                hi.append(lo[-1])
    return cast(np.array(lo), dtype), cast(np.array(hi), dtype)


def expected(s, t, ticks, first, method, dtype):
    """The lowest and highest value allowed, and rows where anything is."""
    x = s.x.reshape(len(s.x), -1)
    anything = np.zeros(len(ticks), bool)
    if method in ("nearest", "previous", "copy"):
        v = cast(x[picked(t, ticks, method)] if method != "copy" else x[:len(ticks)], dtype)
        return v, v, anything
    if method in ("mean", "max", "min"):
        return *reduced(x, t, ticks, first, method, dtype), anything
    at = place(t, ticks)
    lo, hi, inside = at
    a = (ticks - t[lo]).astype(LD) / np.where(inside, t[hi] - t[lo], 1).astype(LD)
    a = a[:, None]
    ulp = np.float64 if np.float64 in (dtype, x.dtype) else np.float32
    if method == "slerp":
        first = 3 if x.shape[1] == 7 else 0
        v, tol, anything = slerp(x[:, first:], at, a)
        if first:
            v3, tol3 = linear(x[:, :3], at, a, ulp)
            v, tol = np.concatenate([v3, v], 1), np.concatenate([tol3, tol], 1)
    else:
        v, tol = linear(x, at, a, ulp)
    with np.errstate(all="ignore"):
        lo_v, hi_v = (cast(b.astype(np.float64), dtype) for b in (v - tol, v + tol))
        exact = ~inside[:, None] & np.ones(x.shape[1], bool)
        own = cast(x[lo], dtype)
    return np.where(exact, own, lo_v), np.where(exact, own, hi_v), anything


def check_values(got, want, what):
    lo, hi, anything = want
    check(got.dtype == lo.dtype, what, "dtype", got.dtype, "not", lo.dtype)
    if got.size != lo.size:
        return check(False, what, "has", got.shape, "for", lo.shape)
    got = got.reshape(lo.shape)
    with np.errstate(all="ignore"):
        ok = ((got >= lo) & (got <= hi)) | anything[:, None]
        if got.dtype.kind == "f":
            ok |= np.isnan(got) & np.isnan(lo)
            free = (lo != hi) | (np.signbit(lo) != np.signbit(hi)) | anything[:, None]
            ok &= (np.signbit(got) == np.signbit(lo)) | free | np.isnan(got)
    if not ok.all():
        r, c = np.argwhere(~ok)[0]
        check(False, what, f"{(~ok).sum()} of {ok.size} values: row {r} column {c} is",
              repr(got[r, c]), "not", repr(lo[r, c]), "to", repr(hi[r, c]))
