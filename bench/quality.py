#!/usr/bin/env python3
"""Runs every protocol of docs/benchmarks.md and prints what was reached beside the floor.

Usage: bench/quality.py [--freshet build/release/freshet] [--only P1] [--sources all] [--json out.json]
Data: $FRESHET_DATA, else ../shared/data beside the project; sets that are absent are named and left out.
Exit code: 0 all floors reached, 1 not.
"""
import argparse
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))
import protocols  # noqa: E402


def reached(report, name):
    part = report
    for word in name.split("."):
        part = part[word]
    return part


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--freshet", default=str(protocols.ROOT / "build/release/freshet"))
    parser.add_argument("--only", default="", help="protocols whose name contains this")
    parser.add_argument("--sources", default="all")
    parser.add_argument("--json", help="write all reports here")
    flags = parser.parse_args()
    floors, reports, short = protocols.floors(), {}, 0
    print(f"{'':20} {'n':>7} {'R':>6} {'M':>6} {'N':>6} {'H':>6} {'novel R':>8} {'novel N':>8} {'events/s CPU':>12}  floor")
    for name, arguments in protocols.commands().items():
        if flags.only not in name:
            continue
        if absent := protocols.missing(arguments):
            print(f"{name:20} skipped: {absent[0]} is not there")
            continue
        command = [flags.freshet, "replay", *arguments, "--sources", flags.sources, "--json"]
        report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        reports[name] = report
        below = [f"{key} {reached(report, key):.4f} < {floor}" for key, floor in floors.get(name, {}).items()
                 if reached(report, key) < floor]
        short += len(below)
        print(f"{name:20} {report['n']:7} {report['recall']:6.4f} {report['mrr']:6.4f} {report['ndcg']:6.4f} "
              f"{report['hit']:6.4f} {report['novel']['recall']:8.4f} {report['novel']['ndcg']:8.4f} "
              f"{report['events_per_cpu_second']:12,.0f}  {'below: ' + '; '.join(below) if below else 'reached'}", flush=True)
    if flags.json:
        pathlib.Path(flags.json).write_text(json.dumps(reports, indent=2))
    sys.exit(1 if short else 0)


if __name__ == "__main__":
    main()
