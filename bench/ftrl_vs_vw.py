#!/usr/bin/env python3
"""Sparse linear learning beside Vowpal Wabbit: the same stream, the same 2^22 weights, in turn A, B, A, B.

Usage: bench/ftrl_vs_vw.py [--build build/release] [--examples 1000000] [--rounds 2]

tools/install.sh bench installs vowpalwabbit 9.11 into build/bench-python. Parsing is excluded on both sides: ours learns from
memory; Vowpal Wabbit reads its own binary cache, which holds parsed examples, and is given twice: as it is, and with the CPU
time of the same run that learns nothing (--noop: start, reading of the cache) taken away.
"""
import argparse
import json
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import tempfile

VARIANTS = {"vw --ftrl": ["--ftrl", "--ftrl_alpha", "0.1", "--ftrl_beta", "1"], "vw (default)": []}


def cpu_seconds(command: list[str]) -> tuple[float, str]:
    """User and system time of a child and its threads, and what it said."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, done.stdout + done.stderr


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--examples", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    python = pathlib.Path(__file__).parents[1] / "build/bench-python/bin/python"
    if not python.exists():
        print("ftrl_vs_vw: no build/bench-python; run tools/install.sh bench", file=sys.stderr)
        return 1
    ours = f"{args.build}/bench/ftrl_bench"
    with tempfile.TemporaryDirectory() as folder:
        stream = f"{folder}/stream.vw"
        subprocess.run([ours, "write", stream, str(args.examples)], check=True)
        vw = [str(python), "-m", "vowpalwabbit", "-d", stream, "--cache_file", f"{stream}.cache", "-b", "22",
              "--loss_function", "logistic", "--noconstant"]
        cpu_seconds([*vw, "--noop"])  # Writes the cache.
        rates: dict[str, list[float]] = {}
        losses: dict[str, float] = {}
        for _ in range(args.rounds):
            for name, flags in VARIANTS.items():
                mine = json.loads(subprocess.run([ours, "learn", stream], capture_output=True, text=True, check=True).stdout)
                rates.setdefault("freshet", []).append(mine["examples_per_cpu_second"])
                losses["freshet"] = mine["log_loss"]
                idle, _ = cpu_seconds([*vw, "--noop"])
                spent, said = cpu_seconds([*vw, *flags])
                losses[name] = float(re.search(r"average loss = ([0-9.]+)", said)[1])
                rates.setdefault(name, []).append(args.examples / spent)
                rates.setdefault(f"{name}, reading taken away", []).append(args.examples / max(spent - idle, 1e-9))
        best = statistics.median(rates["freshet"])
        for name, each in rates.items():
            loss = losses.get(name.split(",")[0])
            print(f"{name:36} {statistics.median(each):12,.0f} examples/CPU s   log loss {loss:.5f}   "
                  f"freshet is {best / statistics.median(each):.1f}x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
