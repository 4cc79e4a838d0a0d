# SPDX-License-Identifier: Apache-2.0
"""Random recipes for tests/fuzz_convert.py, and what robocache-recipe(5) says they mean."""
import json
import re
from fnmatch import fnmatchcase
from fractions import Fraction

import numpy as np

from fuzz_data import MAX_TICKS, chance, pick

DTYPES = {"f16": np.float16, "f32": np.float32, "f64": np.float64}
METHODS = ("linear", "slerp", "nearest", "previous", "mean", "max", "min")
REDUCING = METHODS[4:]


class Recipe:
    def __init__(self, rng, episodes, spec):
        self.streams = {s.name: s for e in episodes for s in e.streams}
        self.names = sorted(self.streams)
        self.low = [n for n in self.names if self.streams[n].kind != "image" and
                    self.streams[n].role in ("obs", "action")]
        self.obs = [n for n in self.names if self.streams[n].role == "obs"]
        self.layout = pick(rng, ["robomimic"] * 4 + ["act", "keep"])
        self.compression = pick(rng, ["keep", "keep", "none", "gzip", "gzip:9", "zstd", "zstd:1"])
        self.shard_episodes = pick(rng, [0, 0, 1, 2])
        self.rate = self.reference = None
        self.timeline, self.max_gap, self.gap_policy = "auto", 0, None
        self.method, self.source_rate, self.latency, self.dtype = [], [], [], []
        self.keep, self.drop, self.rename, self.fuse = [], [], {}, {}
        self.keep_members = False
        self.select(rng)
        if chance(rng, 0.8):
            self.resample(rng, episodes, spec)
        self.fuse_some(rng)
        if chance(rng, 0.4):
            self.dtype.append(("", pick(rng, [*DTYPES, "keep"])))
        if chance(rng, 0.3):
            free = [n for n in self.names if not self.fused(n)]
            if free:
                self.dtype.append((pick(rng, free), pick(rng, [*DTYPES, "keep"])))

    # --- making -------------------------------------------------------------------------------

    def select(self, rng):
        if chance(rng, 0.15):
            self.keep = sorted({str(n) for n in rng.choice(self.names, 3)})
        if chance(rng, 0.15):
            self.drop = [pick(rng, self.names)]
        if chance(rng, 0.2) and self.obs:
            self.rename[pick(rng, self.obs)] = pick(rng, ["renamed", "deep/er", "x"])

    def resample(self, rng, episodes, spec):
        if not spec["clocked"] or chance(rng, 0.05):
            hz = pick(rng, ["20", "50", "29.97", "30000/1001", "1000"])
            self.source_rate.append((pick(rng, ["", "*"]), hz))
            if chance(rng, 0.1):
                self.source_rate.append((pick(rng, self.names), "17"))
        if chance(rng, 0.3):
            for _ in range(rng.integers(1, 3)):
                text = pick(rng, ["35", "0.5", "250us", "-3ms", "0", "12345ns"])
                self.latency.append((pick(rng, self.names), text))
        if chance(rng, 0.3):
            self.reference = pick(rng, self.names)
            self.timeline = pick(rng, ["auto", "reference", "auto", "intersection"])
        if not self.reference or chance(rng, 0.5):
            self.rate = self.some_rate(rng, episodes, spec)
            if chance(rng, 0.3):
                self.timeline = "union"
        for where in ([""] if chance(rng, 0.3) else []) + ([None] if chance(rng, 0.4) else []):
            name = pick(rng, self.names) if where is None else where
            self.method.append((name, pick(rng, METHODS)))
        if chance(rng, 0.4):
            self.max_gap, text = pick(rng, [(30 * 10**6, "30ms"), (10**8, "100"), (1500, "1500ns"),
                                            (10**9, "1s"), (10**7, "10000us"), (25 * 10**6, "25"),
                                            (20 * 10**6 - 1, "19999999ns")])
            self.max_gap_text = text
            self.gap_policy = pick(rng, [None, "flag", "flag", "drop"])

    def some_rate(self, rng, episodes, spec):
        span = 1e-9
        for e in episodes:
            t = [s.resolved(self) for s in e.streams]
            t = [s.t for s in t if s.t is not None]
            if t:
                span = max(span, (max(x.max() for x in t) - min(x.min() for x in t)) / 1e9)
        width = max(s.x[0].size for s in self.streams.values())
        top = min(MAX_TICKS, 400000 // width) / span
        hz = min(top, spec["hz"] * pick(rng, [0.001, 0.1, 0.5, 0.9, 1, 1, 1.1, 3, 30, 1000]))
        if chance(rng, 0.4):
            hz = max([h for h in (10, 20, 40, 50, 100, 200, 400, 1000) if h <= top] or [hz])
        text = pick(rng, ["{:.0f}", "{:.0f}", "{:.3f}", "{:.0f}/1001", "{:.0f}/7"])
        div = {"{:.0f}/1001": 1001, "{:.0f}/7": 7}.get(text, 1)
        self.rate_text = text.format(min(hz * div, 9e5))
        if Fraction(self.rate_text) <= 0:
            self.rate_text = "1/1001" if span < 1e6 else "1/100000"
        return Fraction(self.rate_text)

    def fuse_some(self, rng):
        left = [n for n in self.low if self.selects(self.streams[n])]
        names = [str(n) for n in rng.permutation(left)]
        for group in ("state", "extra")[:rng.integers(0, 3)]:
            n = int(rng.integers(1, 4))
            if names[:n]:
                self.fuse[group] = names[:n]
                names = names[n:]
        if names and chance(rng, 0.15):
            self.fuse["globbed"] = ["joint_*" if any(n.startswith("joint_") for n in left)
                                    else names[0]]
        if self.fuse and chance(rng, 0.1):
            self.fuse["state"] = self.fuse.get("state", []) + [pick(rng, self.names)]
        self.keep_members = chance(rng, 0.3)

    # --- what it means ------------------------------------------------------------------------

    def matches(self, pattern, s):
        return fnmatchcase(s.name, pattern) or fnmatchcase(self.rename.get(s.name, s.name), pattern)

    def last(self, rules, s):
        hit = [(p, v) for p, v in rules if p == "" or self.matches(p, s)]
        return hit[-1] if hit else (None, None)

    def selects(self, s):
        kept = not self.keep or any(self.matches(p, s) for p in self.keep)
        return kept and not any(self.matches(p, s) for p in self.drop)

    def fused(self, name):
        return any(self.matches(p, self.streams[name]) for m in self.fuse.values() for p in m)

    def source_rate_of(self, s):
        pattern, hz = self.last(self.source_rate, s)
        return Fraction(hz) if hz and (pattern or s.clock != "measured") else None

    def latency_of(self, s):
        text = self.last(self.latency, s)[1] or "0"
        number = text.rstrip("nums")
        return int(Fraction(number) * {"ns": 1, "us": 1000}.get(text[len(number):], 10**6))

    def method_of(self, s):
        """None where a method is asked for that the stream cannot have."""
        pattern, m = self.last(self.method, s)
        width = s.x[0].size
        fits = m in ("nearest", "previous") or (s.kind != "image" and (
            m == "linear" or (m == "slerp" and width in (4, 7)))) or (
            m in REDUCING and s.kind == "low")
        if m and fits and (pattern or s.role != "done"):
            return m
        if pattern:
            return None
        if s.kind == "image":
            return "nearest"
        if s.kind in ("quat", "pose"):
            return "slerp"
        return "linear" if s.x.dtype.kind == "f" and s.role != "done" else "previous"

    def dtype_of(self, s):
        pattern, name = self.last(self.dtype, s)
        own = s.x.dtype
        if name and name != "keep" and (pattern or own.kind == "f"):
            return DTYPES[name]
        if own.kind != "f" and (self.rate or self.reference) and \
                self.method_of(s) in ("linear", "slerp", "mean"):
            return np.float32
        return own.type

    def group_dtype(self, name, members):
        hit = [v for p, v in self.dtype if p == "" or fnmatchcase(name, p)]
        if hit and hit[-1] != "keep":
            return DTYPES[hit[-1]]
        return np.float64 if any(s.x.dtype == np.float64 for s in members) else np.float32

    def out_path(self, name, members):
        """None for what has no place in the layout."""
        role = members[0].role if name not in self.fuse else "obs"
        image = role == "obs" and members[0].kind == "image"
        if self.layout == "keep":
            named = name in self.fuse or name in self.rename.values()
            episode = r"(data/[^/]*|episode_\d+)/"
            return name if named else re.sub("^" + episode, "", members[0].path.lstrip("/"))
        flat = name.replace("/", "_")
        if self.layout == "act":
            return {"action": "action", "reward": "rewards", "done": "dones",
                    "next_obs": None}.get(role, f"observations/{'images/' * image}{flat}")
        if role == "next_obs":
            return "next_obs/" + flat.removeprefix("next_obs_")
        return {"action": "actions", "reward": "rewards", "done": "dones",
                "state": "states"}.get(role, "obs/" + flat)

    def usage_error(self, episodes):
        timed = self.rate or self.reference
        if not timed and (self.method or self.latency or self.max_gap or self.timeline == "union"):
            return "needs a timeline"
        if self.reference and self.timeline in ("intersection", "union"):
            return "contradicts"
        return None

    # --- how it is given ----------------------------------------------------------------------

    def options(self):
        def rules(r, sep):
            return [f"{p}{sep}{v}" if p else v for p, v in r]
        out = {"layout": self.layout, "compression": self.compression,
               "shard_episodes": str(self.shard_episodes), "timeline": self.timeline,
               "rate": self.rate_text if self.rate else None, "reference": self.reference,
               "max_gap": self.max_gap_text if self.max_gap else None,
               "gap_policy": self.gap_policy,
               "source_rate": rules(self.source_rate, ":"), "method": rules(self.method, ":"),
               "dtype": rules(self.dtype, ":"), "latency": rules(self.latency, "="),
               "keep": self.keep, "drop": self.drop,
               "rename": [f"{a}={b}" for a, b in self.rename.items()],
               "fuse": [f"{a}={','.join(b)}" for a, b in self.fuse.items()]}
        return {k: v for k, v in out.items() if v}

    def arguments(self, rng, path):
        """Spread over options, recipe file and environment."""
        args, env, recipe = [], {}, {}
        for key, value in self.options().items():
            items = value if isinstance(value, list) else [value]
            how = pick(rng, ["option", "option", "recipe", "environment"])
            if how == "recipe":
                recipe[key] = int(value) if key == "shard_episodes" else value
            elif how == "environment":
                env["ROBOCACHE_" + key.upper()] = ";".join(items)
            else:
                args += [f"--{key.replace('_', '-')}={v}" for v in items]
        if self.keep_members:
            args.append("--keep-members")
        if recipe:
            with open(path, "w") as f:
                json.dump(recipe, f)
            args += ["-c", path]
        return args, env
