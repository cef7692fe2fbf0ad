#!/usr/bin/env python3
"""What the ranking learns from simulated clicks over several seeds: one row of the table of docs/benchmarks.md.

Usage: bench/clicks.py PROGRAM {crowdflower,homedepot} {moderate,cascade,noisy} SEEDS [--data $FRESHET_DATA] [--jobs 2]
                       [--out DIR] [--json] [more flags of `freshet eval clicks`]

SEEDS: ranges and single ones, e.g. 21:28,31:38. Home Depot: 400 of its queries, drawn by the seed, unless --queries-max says
otherwise. Prints each game as it ends, then means (of the places' largest errors also the worst, of the never-shown and of
the checkpoints the worst). --out keeps each game's report and curve.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import statistics
import subprocess
import sys

SETS = {
    "crowdflower": ["--gain-min-max", "1,4"],
    "homedepot": ["--gain", "(relevance-1)/2"],
}
SHOWN = (3, 10, 30, 100, 300)


def seeds_of(text):
    out = []
    for part in text.split(","):
        first, _, last = part.partition(":")
        try:
            out += range(int(first), int(last or first) + 1)
        except ValueError:
            sys.exit(f"SEEDS: expected numbers and ranges like 21:28,31, got '{part}'")
    return out


def play(args, more, seed):
    folder = args.data / args.set
    command = [args.program, "eval", "clicks", "--world", args.world, "--seed", str(seed), "--json", *SETS[args.set]]
    for name in ("items", "queries", "labels"):
        command += [f"--{name}", folder / f"{'products' if name == 'items' else name}.tsv.gz"]
    if args.set == "homedepot" and "--queries-max" not in more:
        command += ["--queries-max", "400"]
    if args.out:
        command += ["--plot", args.out / f"{args.set}-{args.world}-{seed}.svg"]
    done = subprocess.run([str(c) for c in [*command, *more]], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"seed {seed}: {done.stderr}")
    if args.out:
        (args.out / f"{args.set}-{args.world}-{seed}.json").write_text(done.stdout)
    return json.loads(done.stdout)


def at(game, searches, key):
    return next((p[key] for p in game["checkpoints"] if p["impressions"] == searches), None)


def line(name, games):
    def mean(searches, key):
        values = [at(g, searches, key) for g in games]
        return "" if None in values else f"{statistics.mean(values):+.3f}"

    errors = [100 * g["propensity_error"] for g in games]
    last = games[0]["checkpoints"][-1]["impressions"]
    cells = [name, *(mean(n, "exploit_delta") for n in SHOWN), mean(last, "served_delta"),
             f"{min(g['worst_delta'] for g in games):+.4f}", f"{min(g['worst_never_shown_delta'] for g in games):+.4f}",
             f"{statistics.mean(errors):.0f} %" + (f" (worst {max(errors):.0f})" if len(errors) > 1 else "")]
    return "| " + " | ".join(cells) + " |"


def rivals(games):
    """Exploit of the others at each number of searches, means."""
    names = [r["name"] for r in games[0]["checkpoints"][0]["rivals"]]
    for i, name in enumerate(names):
        cells = []
        for searches in SHOWN:
            points = [at(g, searches, "rivals") for g in games]
            cells.append("" if None in points else f"{statistics.mean(p[i]['exploit_delta'] for p in points):+.3f}")
        yield f"| {name} | " + " | ".join(cells) + " | | | | |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("set", choices=SETS)
    parser.add_argument("world", choices=("moderate", "cascade", "noisy"))
    parser.add_argument("seeds")
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path(os.environ.get("FRESHET_DATA", "data")))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--json", action="store_true")
    args, more = parser.parse_known_args()
    if not (args.data / args.set).is_dir():
        sys.exit(f"no {args.data / args.set}: set FRESHET_DATA to where the judged sets are")
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
    head = "| seed | " + " | ".join(map(str, SHOWN)) + " | served at the end | worst | never shown | error of a place |"
    if not args.json:
        print(head + "\n|" + "---|" * head.count(" | ") + "---|")
    games = []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for seed, game in zip(seeds_of(args.seeds), pool.map(lambda s: play(args, more, s), seeds_of(args.seeds))):
            games.append(game)
            if not args.json:
                print(line(str(seed), [game]), flush=True)
    if args.json:
        print(json.dumps(games))
        return
    print(line("**mean**", games))
    for text in rivals(games):
        print(text)


main()
