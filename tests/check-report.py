# SPDX-License-Identifier: Apache-2.0
"""check-report.py SCHEMA REPORT...: reports (JSON files, or output directories) against the schema,
against the manifest and the files beside them, and the schema against broken reports."""

import copy
import json
import os
import sys

from jsonschema import Draft202012Validator

failures = 0


def check(ok, what):
    global failures
    if not ok:
        failures += 1
        print("FAILED:", what)


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def check_output(name, report):
    """The manifest and the files say the same as the report."""
    manifest = load(os.path.join(name, "manifest.json"))
    done = [e for e in report["episodes"] if e["status"] == "ok"]
    after = report["summary"]["after"]

    check(manifest["schema"] == "robocache-manifest-1", f"{name}: manifest schema")
    for key in ("episodes", "ticks", "bytes"):
        check(manifest[key] == after[key], f"{name}: {key} of manifest and report")
    check(after["episodes"] == len(done), f"{name}: number of episodes")
    check(after["ticks"] == sum(e["ticks"] for e in done), f"{name}: number of ticks")
    check(len(manifest["shards"]) == len(report["shards"]), f"{name}: number of shards")
    for ours, theirs in zip(report["shards"], manifest["shards"]):
        path = os.path.join(name, ours["path"])
        for key in ("path", "bytes", "xxh3_128", "content_xxh3_128"):
            check(ours[key] == theirs[key], f"{path}: {key} of manifest and report")
        check(ours["bytes"] == os.path.getsize(path), f"{path}: size of the file")
        check(ours["episodes"] == len(theirs["episodes"]), f"{path}: episodes of the shard")
        for e in theirs["episodes"]:
            same = [d for d in done if d["id"] == e["id"] and d["shard"] == ours["path"]]
            check(len(same) == 1, f"{path}: '{e['id']}' occurs once")
            check(all(d["name"] == e["name"] and d["ticks"] == e["ticks"] for d in same),
                  f"{path}: name and ticks of '{e['id']}'")


def check_facts(name, report):
    """What the fields say about each other."""
    before = report["summary"]["before"]
    skipped = [i for i in report["inputs"] if i["status"] == "skipped"]

    check(report["summary"]["skipped_files"] == len(skipped), f"{name}: skipped files")
    check(before["files"] == len(report["inputs"]), f"{name}: number of inputs")
    codes = {p["code"] for p in report["problems"]}
    check({i["reason"] for i in skipped} <= codes, f"{name}: skipped inputs are problems")
    pipe, device = report["pipeline"], report["device"]
    check(pipe["slots"] * pipe["slot_bytes"] <= report["run"]["budget_bytes"], f"{name}: budget")
    check(pipe["workers"] <= report["run"]["threads"], f"{name}: workers")
    check(len(device["names"]) == device["count"], f"{name}: devices")
    check(device["recomputed_batches"] == 0 or device["error"], f"{name}: recomputed batches")
    for s in report["streams"]:
        if s["clock"] != "none":
            iv = s["interval_ms"]
            check(iv["p50"] <= iv["p99"] <= iv["max"], f"{name}: intervals of {s['name']}")
        if s["method"] != "copy":
            check(s["mean_offset_ms"] <= s["worst_offset_ms"], f"{name}: offsets of {s['name']}")


def at(report, path):
    for key in path:
        report = report[key]
    return report


# Reports that must be refused: where, and what stands there instead (or nothing at all).
GONE = object()
BROKEN = [
    (("schema",), "robocache-report-2"),
    (("schema_version",), "2.0"),
    (("tool", "name"), "other"),
    (("run", "status"), "fine"),
    (("run", "status"), "partial"),
    (("run", "exit_code"), 1),
    (("run", "exit_code"), "0"),
    (("run", "started_at"), "yesterday"),
    (("run", "wall_s"), -1),
    (("run", "options", 0, "source"), "guess"),
    (("run", "options", 0, "value"), GONE),
    (("host", "cpus_allowed"), 0),
    (("run", "budget_bytes"), GONE),
    (("device", "kind"), "abacus"),
    (("device", "names"), GONE),
    (("device", "fallback_reason"), ""),
    (("device", "recomputed_batches"), None),
    (("device", "retries"), GONE),
    (("summary", "before", "bytes"), -1),
    (("summary", "after", "ticks"), GONE),
    (("summary", "done_before", "shards"), -1),
    (("stages", 0, "name"), "sleep"),
    (("pipeline", "bottleneck"), None),
    (("pipeline", "late_allocations"), "0"),
    (("pipeline", "slot_bytes"), GONE),
    (("streams", 0, "dtype_out"), "float"),
    (("streams", 0, "method"), "cubic"),
    (("streams", 0, "interval_ms", "p99"), GONE),
    (("streams", 0, "rate_in_hz"), GONE),
    (("streams", 0, "worst_offset_ms"), GONE),
    (("streams", 0, "shape"), "7"),
    (("conventions", 0, "origin"), "hearsay"),
    (("episodes", 0, "status"), "skipped"),
    (("episodes", 0, "ticks"), GONE),
    (("episodes", 0, "shard"), "../shard-00000.h5"),
    (("shards", 0, "xxh3_128"), "123"),
    (("shards", 0, "path"), "/shard-00000.h5"),
    (("shards", 0, "bytes"), 0),
    (("inputs", 0, "layout"), "no layout"),
    (("inputs", 0, "status"), "skipped"),
    (("problems",), {}),
]


def check_schema(schema, good):
    """A schema that accepts everything would be no check."""
    for key in schema["required"]:
        bad = copy.deepcopy(good)
        del bad[key]
        check(not VALIDATOR.is_valid(bad), f"the schema accepts a report without {key}")
    for path, value in BROKEN:
        bad = copy.deepcopy(good)
        if value is GONE:
            del at(bad, path[:-1])[path[-1]]
        else:
            at(bad, path[:-1])[path[-1]] = value
        shown = "nothing" if value is GONE else repr(value)
        check(not VALIDATOR.is_valid(bad), f"the schema accepts {shown} at {path}")
    more = copy.deepcopy(good)
    more["run"]["added_later"] = 1
    more["streams"][0]["added_later"] = {}
    check(VALIDATOR.is_valid(more), "the schema refuses added fields")


schema = load(sys.argv[1])
Draft202012Validator.check_schema(schema)
VALIDATOR = Draft202012Validator(schema)
for name in sys.argv[2:]:
    is_output = os.path.isdir(name)
    report = load(os.path.join(name, "report.json") if is_output else name)
    for e in VALIDATOR.iter_errors(report):
        check(False, f"{name}: {'/'.join(map(str, e.absolute_path))}: {e.message:.300}")
    check_facts(name, report)
    if is_output:
        check_output(name, report)
    if name == "resumed":
        before = report["summary"]["done_before"]
        check((before["shards"], before["episodes"]) == (1, 1), "one shard was there")
        check(report["summary"]["unopened_files"] == 1, "junk stayed closed")
    if name == "stopped/report.json":
        check(report["run"]["status"] == "stopped", "the run was stopped")
first = load(os.path.join(sys.argv[2], "report.json"))
check_schema(schema, first)
sys.exit(failures > 0)
