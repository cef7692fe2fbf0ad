#!/usr/bin/env python3
"""freshet learn, as its users run it: one table in each format says the same, a run that was stopped goes on to the same state,
late labels are learned, and what is wrong is said with what was expected.

Usage: tests/learn_test.py <freshet binary>
"""
import gzip
import json
import math
import pathlib
import random
import subprocess
import sys
import tempfile

KEYS = ("n", "log_loss", "auc", "accuracy", "f1", "rmse", "calibration", "by_quarter", "examples_per_second", "peak_rss_bytes",
        "state_hash")
ROWS = 1600


def rows() -> list[dict[str, object]]:
    draw = random.Random(7)
    out = []
    for n in range(ROWS):
        shop, kind, price = draw.choice("abc"), draw.choice("uvwxyz"), round(draw.random(), 3)
        logit = {"a": 1.5, "b": -1.5, "c": 0}[shop] + 2 * (price - 0.5) + (1 if kind == "u" else 0)
        label = int(draw.random() < 1 / (1 + math.exp(-logit)))
        out.append({"shop": shop, "kind": kind, "price": price, "label": label, "t": n, "known": n + 40,
                    "paid": round(10 * price + (5 if shop == "a" else 0) + draw.random(), 3)})
    return out


def table(all_rows: list[dict[str, object]], comma: str, *names: str) -> str:
    return "".join(comma.join(map(str, line)) + "\n" for line in [names] + [[row[name] for name in names] for row in all_rows])


class Learn:
    def __init__(self, binary: str, folder: pathlib.Path):
        self.binary, self.folder = binary, folder

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    def run(self, *flags: str, stdin: str | None = None) -> dict[str, object]:
        done = subprocess.run([self.binary, "learn", *flags, "--json"], input=stdin, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, (flags, done.stderr)
        return json.loads(done.stdout)

    def refused(self, *flags: str) -> str:
        done = subprocess.run([self.binary, "learn", *flags], capture_output=True, text=True, timeout=300)
        assert done.returncode in (1, 2), (flags, done.returncode, done.stdout)
        return done.stderr


def formats(learn: Learn, all_rows: list[dict[str, object]]) -> str:
    names = ("shop", "kind", "price", "label")
    csv = learn.write("rows.csv", table(all_rows, ",", *names))
    said = learn.run(csv)
    assert all(key in said for key in KEYS), said
    assert said["n"] == ROWS and said["rows_bad"] == 0 and len(said["by_quarter"]) == 4, said
    # Learned, and no better than who knows what the labels were drawn from.
    known = sum(row["label"] for row in all_rows) / ROWS
    rate = -known * math.log(known) - (1 - known) * math.log(1 - known)
    assert 0.45 < said["log_loss"] < rate - 0.05 and said["auc"] > 0.7 and 0.9 < said["calibration"] < 1.1, (said, rate)
    zipped = learn.folder / "rows.csv.gz"
    zipped.write_bytes(gzip.compress(pathlib.Path(csv).read_bytes()))
    lines = "".join(json.dumps({name: row[name] for name in names}) + "\n" for row in all_rows)
    others = {"tsv": learn.run(learn.write("rows.tsv", table(all_rows, "\t", *names))), "gz": learn.run(str(zipped)),
              "jsonl": learn.run(learn.write("rows.jsonl", lines)), "stdin": learn.run("-", stdin=pathlib.Path(csv).read_text())}
    for name, other in others.items():
        for key in ("n", "log_loss", "auc"):  # Columns of JSON have an order of their own, and so other seeds.
            assert abs(other[key] - said[key]) <= (0.005 if name == "jsonl" else 0), (name, key, other, said)
    assert others["gz"]["state_hash"] == others["stdin"]["state_hash"] == said["state_hash"], others
    # Formats without columns: other features, so only what was learned is compared.
    vw = "".join(f"{2 * row['label'] - 1} | shop={row['shop']} kind={row['kind']} price:{row['price']}\n" for row in all_rows)
    svm = "".join(f"{row['label']} {1 + 'abc'.index(row['shop'])}:1 {4 + 'uvwxyz'.index(row['kind'])}:1 10:{row['price']}\n"
                  for row in all_rows)
    for name, text in (("rows.vw", vw), ("rows.libsvm", svm)):
        other = learn.run(learn.write(name, text), "--learner", "ftrl", "--format", name.split(".")[1])
        assert other["n"] == ROWS and other["log_loss"] < rate - 0.03, (name, other, rate)
    return csv


def resumed(learn: Learn, all_rows: list[dict[str, object]], whole: str) -> None:
    names = ("shop", "kind", "price", "label")
    first, second = (learn.write(name, table(part, ",", *names)) for name, part in
                     (("first.csv", all_rows[:1100]), ("second.csv", all_rows[1100:])))
    model = str(learn.folder / "model.bin")
    for learner in ("auto", "ftrl", "factor", "gauss", "dcn", "forest"):
        learn.run(first, "--learner", learner, "--save", model)
        end = learn.run(second, "--learner", learner, "--load", model)
        through = learn.run(whole, "--learner", learner)
        for key in ("n", "log_loss", "auc", "calibration", "state_hash"):
            assert end[key] == through[key], (learner, key, end, through)
    other = learn.refused(second, "--learner", "ftrl", "--load", model)
    assert "its learner is forest" in other and model in other, other
    flipped = bytearray(pathlib.Path(model).read_bytes())
    flipped[len(flipped) // 2] ^= 1
    for name, text in (("short.bin", b"no model"), ("flipped.bin", bytes(flipped))):
        (learn.folder / name).write_bytes(text)
        said = learn.refused(second, "--learner", "forest", "--load", str(learn.folder / name))
        assert f"--load {learn.folder / name}: " in said and "--save" in said, said


def tasks(learn: Learn, all_rows: list[dict[str, object]]) -> None:
    late = learn.write("late.csv", table(all_rows, ",", "t", "known", "shop", "kind", "price", "label"))
    at_once = learn.run(late, "--time", "t", "--ignore", "known")
    waited = learn.run(late, "--time", "t", "--label-at", "known")
    assert waited["n"] == ROWS and waited["labels_waiting"] == 40, waited  # All are judged; the last ones are not learned.
    assert at_once["log_loss"] < waited["log_loss"] < at_once["log_loss"] + 0.1, (at_once, waited)
    paid = learn.write("paid.csv", table(all_rows, ",", "shop", "kind", "price", "paid"))
    said = learn.run(paid, "--task", "regression", "--label", "paid", "--warmup", "200")
    mean = sum(row["paid"] for row in all_rows) / ROWS
    spread = math.sqrt(sum((row["paid"] - mean) ** 2 for row in all_rows) / ROWS)
    assert said["n"] == ROWS - 200 and said["rmse"] < 0.4 * spread, (said, spread)


def wrong(learn: Learn, csv: str) -> None:
    for flags, words in {
            (csv, "--label", "nope"): ("--label", "'nope'", "price"),
            (csv, "--learner", "magic"): ("--learner magic", "ftrl"),
            (csv, "--task", "ranking"): ("ranking", "binary"),
            (csv, "--load", str(learn.folder / "none.bin")): ("none.bin", "No such file"),
            (str(learn.folder / "none.csv"),): ("none.csv", "cannot be opened"),
    }.items():
        said = learn.refused(*flags)
        assert all(word in said for word in words), (flags, said)
    # A line that cannot be read costs itself.
    lines = pathlib.Path(csv).read_text().splitlines(keepends=True)
    said = learn.run(learn.write("bad.csv", "".join(lines[:50] + ["a,u\n", "a,u,0.5,perhaps\n"] + lines[50:])))
    assert said["n"] == ROWS and said["rows_bad"] == 2, said


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        learn = Learn(str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(folder))
        all_rows = rows()
        csv = formats(learn, all_rows)
        resumed(learn, all_rows, csv)
        tasks(learn, all_rows)
        wrong(learn, csv)
    print("learn: formats, resuming, late labels, regression and refusals")
    return 0


if __name__ == "__main__":
    sys.exit(main())
