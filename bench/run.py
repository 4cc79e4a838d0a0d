# SPDX-License-Identifier: Apache-2.0
"""Runs peers and robocache in turn, checks results before timing, prints ratios; see run.sh."""
import argparse
import glob
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

import sets

MB = 1e6
QUIET = 0.25  # cores that others may use during a run that counts


def busy_s():
    """Processor time of the whole machine."""
    with open("/proc/stat", encoding="ascii") as f:
        fields = list(map(int, f.readline().split()[1:9]))
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


class Bench:
    def __init__(self, options):
        self.options = options
        self.build = options.build
        self.out = os.path.join(options.data, "out")
        self.samples = {}  # of the set in hand: name -> list of samples

    def helper(self, script, *args):
        """In a process of its own: a child's peak memory counts from its parent's size."""
        return subprocess.run([sys.executable, os.path.join(sets.HERE, script), *args],
                              check=True, stdout=subprocess.PIPE, text=True).stdout

    def empty(self):
        """Truncating the last run's files would be timed."""
        shutil.rmtree(self.out, ignore_errors=True)
        os.makedirs(self.out)

    def clock(self, name, argv):
        self.empty()
        before, start = busy_s(), time.monotonic()
        child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        errors = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            sys.exit(f"{name}: exit status {child.returncode}\n{errors.decode()[-2000:]}")
        cpu = usage.ru_utime + usage.ru_stime
        files = [os.path.join(d, f) for d, _, names in os.walk(self.out) for f in names]
        return {"wall_s": wall, "cpu_s": cpu,
                "others": max(0, busy_s() - before - cpu) / wall,
                "rss_mb": usage.ru_maxrss * 1024 / MB,
                "out_mb": sum(map(os.path.getsize, files)) / MB}

    def floor(self, paths):
        """Codec seconds for the inputs and for what robocache just wrote."""
        shards = sorted(glob.glob(os.path.join(self.out, sets.SHARDS, "*.h5")))
        said = subprocess.run([os.path.join(self.build, "bench/floor"), *paths, "--", *shards],
                              check=True, capture_output=True, text=True).stdout
        decode, encode = map(float, re.search(r"decode (\S+) .*encode (\S+)", said).groups())
        return {"decode_s": decode, "encode_s": encode}

    def turn(self, what, paths, keep):
        for name, argv in what.commands(paths, self):
            sample = self.clock(name, argv)
            if what.floor and name == what.subject:
                sample.update(self.floor(paths))
            if keep:
                self.samples.setdefault(name, []).append(sample)
            elif name.startswith("robocache"):
                if what.check:
                    self.helper("check.py", what.data, os.path.join(self.out, sets.SHARDS),
                                str(what.hz), *paths)

    def run(self, what):
        self.samples = {}
        count = what.full if self.options.full else what.count
        paths = self.helper("data.py", os.path.join(self.options.data, what.data), what.data,
                            str(count)).splitlines()
        self.turn(what, paths, keep=False)
        for _ in range(self.options.rounds):
            self.turn(what, paths, keep=True)
        return self.samples, len(paths)


def quiet(samples):
    """Those with the machine to themselves, or, on a busy one, the three least disturbed."""
    least = sorted(samples, key=lambda s: s["others"])
    clean = [s for s in least if s["others"] < QUIET]
    return clean if len(clean) >= 3 else least[:3]


def median(samples, key):
    return statistics.median(s[key] for s in quiet(samples))


def floor_s(sample):
    """Two threads share the work."""
    return (sample["decode_s"] + sample["encode_s"]) / 2


def cpu_ratio(row, samples):
    """The same ratio of processor time, which a busy machine disturbs least; None where there is
    none."""
    ours = samples[row.subject]
    if row.peer == "floor":
        return statistics.median(s["cpu_s"] / floor_s(s) / 2 for s in ours)
    if row.peer not in samples or row.key != "wall_s":
        return None
    ratio = median(samples[row.peer], "cpu_s") / median(ours, "cpu_s")
    return 1 / ratio if row.most else ratio


def figures(what, samples, n_files):
    """Rows of the table: text, value, bar, met."""
    for row in what.rows:
        ours = samples[row.subject]
        if row.peer == "floor":
            value = statistics.median(s["wall_s"] / floor_s(s) for s in quiet(ours))
        elif row.peer in ("rss_mb", "wall_s"):
            value = median(ours, row.peer)
        elif row.peer == "rate":
            value = n_files / median(ours, "wall_s")
        else:
            value = median(samples[row.peer], row.key) / median(ours, row.key)
            if row.most:
                value = 1 / value
        yield {"figure": row.text, "value": value, "bar": row.bar, "unit": row.unit,
               "cpu": cpu_ratio(row, samples),
               "met": value <= row.bar if row.most else value >= row.bar}


def show(what, samples, rows):
    print(f"\n### {what.name}: {what.text}\n")
    print("| command | wall s | CPU s | others | peak MB | output MB |\n"
          "| --- | --- | --- | --- | --- | --- |")
    for name, s in samples.items():
        print(f"| {name} | {median(s, 'wall_s'):.2f} | {median(s, 'cpu_s'):.2f} | "
              f"{median(s, 'others'):.2f} | {median(s, 'rss_mb'):.0f} | "
              f"{median(s, 'out_mb'):.0f} |")
    if what.floor:
        floor = statistics.median(map(floor_s, samples[what.subject]))
        print(f"| codec floor | {floor:.2f} | {2 * floor:.2f} | | | |")
    print("\n| figure | measured | of CPU time | bar | |\n| --- | --- | --- | --- | --- |")
    for row in rows:
        bound = "≤" if row["figure"] in {r.text for r in what.rows if r.most} else "≥"
        cpu = f"{row['cpu']:.3g} x" if row["cpu"] else ""
        print(f"| {row['figure']} | {row['value']:.3g} {row['unit']} | {cpu} | "
              f"{bound} {row['bar']:g} {row['unit']} | {'met' if row['met'] else 'missed'} |",
              flush=True)


def main():
    parser = argparse.ArgumentParser(prog="bench/run.sh")
    parser.add_argument("sets", nargs="*", metavar="SET", help=", ".join(sets.ALL))
    parser.add_argument("--full", action="store_true", help="more files in each set")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--data", required=True, help="folder for inputs and outputs")
    parser.add_argument("--json", help="write samples and figures to this file")
    options = parser.parse_args()
    unknown = set(options.sets) - set(sets.ALL)
    if unknown:
        parser.error(f"no set is called {', '.join(sorted(unknown))}; "
                     f"there are {', '.join(sets.ALL)}")
    bench, results = Bench(options), []
    for name in options.sets or sets.ALL:
        what = sets.ALL[name]
        samples, n_files = bench.run(what)
        rows = list(figures(what, samples, n_files))
        show(what, samples, rows)
        results.append({"set": name, "samples": samples, "figures": rows})
    bench.empty()
    if options.json:
        with open(options.json, "w", encoding="utf-8") as f:
            json.dump({"rounds": options.rounds, "full": options.full, "sets": results}, f,
                      indent=1)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as failed:
        sys.exit(f"{os.path.basename(failed.cmd[1])}: exit status {failed.returncode}")
