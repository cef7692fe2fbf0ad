#!/usr/bin/env python3
"""The value of freshness: the same stream, served with what was learned live, an hour ago, a day, a week, never.

Usage: bench/freshness.py [--freshet build/release/freshet] [--only P1] [--out DIR]
Prints one table for each set and writes DIR/<set>.svg. One pass learns once and answers with every policy side by side.
"""
import argparse
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))
import protocols  # noqa: E402

POLICIES = {"live": "live", "1 h": "every=1h", "1 d": "every=1d", "7 d": "every=7d", "frozen": "frozen"}
# This set has only an order, no clock: replay then counts one second an event. Its 437,204 events stand for the first
# 60 % of 138 days, 16.4 s an event, so that an hour is 220 events, a day 5,270 and a week 36,900.
CLOCKLESS = {"P1 retailrocket": {"1 h": "every=220s", "1 d": "every=5270s", "7 d": "every=36900s"}}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--freshet", default=str(protocols.ROOT / "build/release/freshet"))
    parser.add_argument("--only", default="", help="protocols whose name contains this")
    parser.add_argument("--sample", default="1", help="share of the targets to evaluate, e.g. 1/5")
    parser.add_argument("--out", default="build/freshness")
    flags = parser.parse_args()
    out = pathlib.Path(flags.out)
    out.mkdir(parents=True, exist_ok=True)
    beaten = []
    for name, arguments in protocols.commands().items():
        if flags.only not in name or "last-item" in arguments:
            continue  # The last item of a sequence has no clock to be late by.
        if absent := protocols.missing(arguments):
            print(f"{name}: skipped, {absent[0]} is not there")
            continue
        policies = {**POLICIES, **CLOCKLESS.get(name, {})}
        plot = out / (name.split()[1] + ".svg")
        command = [flags.freshet, "replay", *arguments, "--update", ",".join(policies.values()), "--eval-sample",
                   flags.sample, "--plot", str(plot), "--title", name, "--json"]
        report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(f"\n{name}: {report['n']:,} targets, {report['seconds']:.0f} s -> {plot}")
        print(f"{'served':8} {'recall':>7} {'mrr':>7} {'ndcg':>7} {'novel R':>8} {'novel N':>8}  of live")
        live = report["by_update"]["live"]
        for label, policy in policies.items():
            row = report["by_update"][policy]
            print(f"{label:8} {row['recall']:7.4f} {row['mrr']:7.4f} {row['ndcg']:7.4f} {row['novel']['recall']:8.4f} "
                  f"{row['novel']['ndcg']:8.4f}  {100 * row['recall'] / live['recall']:5.1f} %", flush=True)
            if row["recall"] > live["recall"]:
                beaten.append(f"{name}: {label}")
    if beaten:
        print("\nlive was beaten by " + ", ".join(beaten))
    sys.exit(1 if beaten else 0)


if __name__ == "__main__":
    main()
