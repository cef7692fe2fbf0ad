#!/usr/bin/env python3
"""freshet learn, as its users run it: one table in each format says the same, a run that was stopped goes on to the same state,
late labels are learned, and what is wrong is said with what was expected.

Usage: tests/learn_test.py <freshet binary>
"""
import collections
import gzip
import json
import math
import os
import pathlib
import random
import stat
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

    def says(self, *flags: str) -> tuple[str, str]:
        done = subprocess.run([self.binary, "learn", *flags], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, (flags, done.stderr)
        return done.stdout, done.stderr

    def refused(self, *flags: str, code: int = 2) -> str:
        done = subprocess.run([self.binary, "learn", *flags], capture_output=True, text=True, timeout=300)
        assert done.returncode == code and not done.stdout, (flags, done.returncode, done.stdout, done.stderr)
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
    for learner in ("auto", "ftrl", "factor", "gauss", "dcn", "kernel", "forest"):
        learn.run(first, "--learner", learner, "--save", model)
        end = learn.run(second, "--learner", learner, "--load", model)
        through = learn.run(whole, "--learner", learner)
        for key in ("n", "log_loss", "auc", "calibration", "state_hash"):
            assert end[key] == through[key], (learner, key, end, through)
    for flags, words in {("--learner", "ftrl"): ("--learner forest, not --learner ftrl",),
                         ("--learner", "forest", "--bits", "18"): ("--bits 20, not --bits 18",),
                         ("--learner", "forest", "--seed", "2", "--label", "price"): ("--seed 1, not --seed 2", "--label label, not"),
                         ("--learner", "forest", "--numeric", "price"): ("no --numeric, not --numeric price",)}.items():
        other = learn.refused(second, *flags, "--load", model)
        assert f"--load {model}: was made with" in other and all(word in other for word in words), other
    columns(learn, all_rows, model)
    flipped = bytearray(pathlib.Path(model).read_bytes())
    flipped[len(flipped) // 2] ^= 1
    for name, text in (("short.bin", b"no model"), ("flipped.bin", bytes(flipped))):
        (learn.folder / name).write_bytes(text)
        said = learn.refused(second, "--learner", "forest", "--load", str(learn.folder / name), code=1)
        assert f"--load {learn.folder / name}: " in said and "--save" in said, said


def columns(learn: Learn, all_rows: list[dict[str, object]], model: str) -> None:
    """A model goes on only with the columns that it was made of."""
    fewer = learn.write("fewer.csv", table(all_rows[:50], ",", "shop", "price", "label", "paid"))
    said = learn.refused(fewer, "--learner", "forest", "--load", model)
    assert f"{fewer}: the model has columns that this file has not: kind; it has instead: paid" in said, said
    unlabelled = learn.write("unlabelled.csv", table(all_rows[:50], ",", "shop", "kind", "price"))
    assert "--label: there is no column 'label'" in learn.refused(unlabelled, "--learner", "forest", "--load", model)
    more = learn.write("more.csv", table(all_rows[:50], ",", "paid", "price", "kind", "shop", "label"))
    same = learn.write("same.csv", table(all_rows[:50], ",", "shop", "kind", "price", "label"))
    with_more, with_same = (learn.run(name, "--learner", "forest", "--load", model) for name in (more, same))
    assert with_more["warnings"] == ["columns that the model does not have are not used: paid"], with_more
    assert with_more["log_loss"] == with_same["log_loss"] and with_same["warnings"] == [], (with_more, with_same)


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


def plain_numbers(learn: Learn, csv: str, all_rows: list[dict[str, object]]) -> None:
    """Every number of the report, from the answers that --trace writes, by its definition."""
    trace = learn.folder / "trace.csv"
    said = learn.run(csv, "--learner", "gauss", "--trace", str(trace))
    answers = [line.split(",") for line in trace.read_text().splitlines()[1:]]
    assert len(answers) == said["n"] == ROWS, said
    pairs = [(int(label), 1 / (1 + math.exp(-float(score)))) for _, label, score, *_ in answers]
    losses = [-math.log(p if label else 1 - p) for label, p in pairs]
    right = sum((p >= 0.5) == (label == 1) for label, p in pairs)
    true, said_yes, yes = (sum(p >= 0.5 and label == 1 for label, p in pairs), sum(p >= 0.5 for _, p in pairs), sum(label for label, _ in pairs))
    ones, zeros = ([p for label, p in pairs if label == which] for which in (1, 0))
    above = sum((one > zero) + (one == zero) / 2 for one in ones for zero in zeros)
    want = {"log_loss": sum(losses) / ROWS, "accuracy": right / ROWS, "f1": 2 * true / (said_yes + yes),
            "rmse": math.sqrt(sum((p - label) ** 2 for label, p in pairs) / ROWS), "calibration": sum(p for _, p in pairs) / yes,
            "auc": above / len(ones) / len(zeros)}
    for key, value in want.items():
        assert abs(said[key] - value) < 2e-4, (key, value, said)
    for q in range(4):
        part = losses[ROWS * q // 4:ROWS * (q + 1) // 4]
        assert abs(said["by_quarter"][q] - sum(part) / len(part)) < 2e-4, (q, said)
    paid = learn.write("paid.csv", table(all_rows, ",", "shop", "kind", "price", "paid"))
    said = learn.run(paid, "--task", "regression", "--label", "paid", "--learner", "gauss", "--trace", str(trace))
    answers = [list(map(float, line.split(",")))[1:3] for line in trace.read_text().splitlines()[1:]]
    squares = [(label - answer) ** 2 for label, answer in answers]
    assert abs(said["rmse"] - math.sqrt(sum(squares) / ROWS)) < 1e-4, said
    assert abs(said["calibration"] - sum(answer for _, answer in answers) / sum(label for label, _ in answers)) < 1e-4, said
    assert abs(said["by_quarter"][3] - sum(squares[1200:]) / 400) < 1e-4, said


def printed(learn: Learn, csv: str) -> None:
    """The table of numbers so far goes to standard error: doubling, or every N rows; the report to standard output."""
    def lines(text: str) -> list[list[str]]:
        return [line.split() for line in text.splitlines() if line.split()[0].replace(",", "").isdigit()]
    out, err = learn.says(csv, "--learner", "gauss")
    assert [line[0] for line in lines(err)] == ["1,000"] and "log loss" in out and "state" in out, (out, err)
    half = learn.write("half.csv", "".join(open(csv).readlines()[:801]))
    out, err = learn.says(csv, "--learner", "gauss", "--every", "800")
    first, second = lines(err)
    whole, part = (learn.run(name, "--learner", "gauss") for name in (csv, half))
    assert first[0] == "800" and second[0] == "1,600", err
    # rows, log loss, of these rows alone, auc, accuracy, drifts
    for line, of in ((first, part), (second, whole)):
        assert all(abs(float(line[at]) - of[key]) < 6e-5 for at, key in ((1, "log_loss"), (3, "auc"), (4, "accuracy"))), (line, of)
    assert first[2] == first[1] and abs(float(second[2]) - (2 * whole["log_loss"] - part["log_loss"])) < 6e-5, (err, whole, part)
    out, err = learn.says(csv, "--learner", "gauss", "--quiet", "--every", "100")
    assert err == "" and "log loss" in out, err
    done = subprocess.run([learn.binary, "learn", csv, "--learner", "gauss", "--json"], capture_output=True, text=True)
    assert not lines(done.stderr), done.stderr


def drifting(learn: Learn) -> None:
    """A concept that turns over in one shop at row 4,001 raises an alarm that names the shop; the same stream without, none."""
    def stream(flips: bool) -> str:
        draw = random.Random(3)
        out = ["shop,price,label\n"]
        for n in range(8000):
            shop, price = draw.choice("ab"), draw.random()
            label = draw.random() < (0.9 if price > 0.5 else 0.1)
            out.append(f"{shop},{price:.3f},{int(label != (flips and n >= 4000 and shop == 'b'))}\n")
        return learn.write(f"flips-{flips}.csv", "".join(out))
    flags = ("--learner", "dcn", "--publish-every", "500", "--segment", "shop")
    for flips in (True, False):
        file = stream(flips)
        alarms = learn.run(file, *flags)["drift_alarms"]
        assert all(flips and 4000 < alarm["row"] < 5000 for alarm in alarms), alarms
        assert {alarm["segment"] for alarm in alarms} == ({"all", "b"} if flips else set()), alarms
        assert all(alarm["after"] > alarm["before"] for alarm in alarms), alarms
        assert ("drift in shop=b: loss" in learn.says(file, *flags)[1]) == flips
        alone = learn.run(file, "--learner", "ftrl")
        assert (alone["drifts"] > 0) == flips and len(alone["drift_alarms"]) == alone["drifts"], alone


def versions(learn: Learn, csv: str) -> None:
    """A published version says how it was made."""
    models = str(learn.folder / "models")
    learn.run(csv, "--learner", "dcn", "--publish-every", "400", "--models", models, "--rate", "1.5", "--bits", "18", "--seed", "9")
    done = subprocess.run([learn.binary, "models", "show", "live", "--models", models, "--json"], capture_output=True, text=True)
    config = json.loads(done.stdout)["facts"]["config"]
    for part in ("learner dcn", "task binary", "label label", "rate 1.5", "shrink 1", "bits 18", "seed 9", "publish-every 400"):
        assert part in config.split(", "), (part, config)
    # Another learner's are not put beside them; the same learner's go on.
    before = sorted(path.name for path in pathlib.Path(models).iterdir())
    said = learn.refused(csv, "--learner", "ftrl", "--publish-every", "400", "--models", models)
    assert f"--models {models}: its version {len(before) - 1} is of --learner dcn; expected a folder without versions" in said, said
    assert "--learner ftrl; name another with --models" in said and "columns:" not in said, said
    assert sorted(path.name for path in pathlib.Path(models).iterdir()) == before, before
    learn.run(csv, "--learner", "dcn", "--publish-every", "400", "--models", models, "--rate", "0.5")
    assert len(list(pathlib.Path(models).iterdir())) > len(before), before
    own, file = str(learn.folder / "own"), str(learn.folder / "own.version")
    learn.run(csv, "--learner", "ftrl", "--publish-every", "400", "--models", own)
    subprocess.run([learn.binary, "models", "export", "live", "--to", file, "--models", own], capture_output=True, check=True)
    taken = subprocess.run([learn.binary, "models", "import", file, "--models", models], capture_output=True, text=True)
    assert taken.returncode == 1 and "is of --learner dcn; expected a folder without versions" in taken.stderr, taken


def device(folder: pathlib.Path, name: str, minor: int) -> str:
    """A device of the test's own, so that a mistake spoils no other program's; "": none can be made here."""
    try:
        os.mknod(folder / name, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
        if os.access(folder / name, os.W_OK):
            return str(folder / name)
    except OSError:
        pass
    return "" if os.access("/dev", os.W_OK) else f"/dev/{name}"


def outputs(learn: Learn, csv: str) -> None:
    """What cannot be written is said before the run; what fails at its end, after the report. Errors have the name given."""
    folder = learn.folder / "out"
    folder.mkdir()
    null, full = (device(learn.folder, name, minor) for name, minor in (("null", 3), ("full", 7)))
    for flag in ("--save", "--trace"):
        for place, reason in ((folder, "is a directory"), (folder / "none" / "x", "No such file or directory"), (f"{folder}/.", "is a directory")):
            said = learn.refused(csv, "--learner", "ftrl", flag, str(place), code=1)
            assert f"{flag} {place}: " in said and reason in said and "columns:" not in said and ".tmp" not in said, said
        if not null or not full:
            continue
        done = subprocess.run([learn.binary, "learn", csv, "--learner", "ftrl", flag, full, "--json"], capture_output=True, text=True)
        assert done.returncode == 1 and json.loads(done.stdout)["n"] == ROWS, (done.returncode, done.stdout)
        assert f"{flag} {full}: write: No space left on device" in done.stderr, done.stderr
        learn.run(csv, "--learner", "ftrl", flag, null)
        assert pathlib.Path(null).is_char_device() and pathlib.Path(full).is_char_device()
    file = folder / "file"
    file.write_text("x")
    said = learn.refused(csv, "--learner", "dcn", "--publish-every", "100", "--models", str(file), code=1)
    assert f"--models {file}: " in said, said
    learn.run(csv, "--learner", "ftrl", "--save", str(folder / "model.bin"))
    assert sorted(path.name for path in folder.iterdir()) == ["file", "model.bin"], list(folder.iterdir())
    with open("/dev/full", "w") as full:
        done = subprocess.run([learn.binary, "learn", csv, "--learner", "ftrl", "--json"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "standard output" in done.stderr, done.stderr


def files_apart(learn: Learn, csv: str) -> None:
    """What is read is never written over, and what stands beside an output stays."""
    before = pathlib.Path(csv).read_bytes()
    folder = pathlib.Path(csv).parent
    for flags in (("--trace", csv), ("--save", csv), ("--save", str(folder / "x1"), "--trace", str(folder / "x1"))):
        said = learn.refused(csv, "--learner", "ftrl", *flags)
        assert "too; expected another file" in said, said
    assert pathlib.Path(csv).read_bytes() == before and not (folder / "x1").exists()
    beside = folder / "beside.tmp"
    beside.write_bytes(before)
    learn.run(str(beside), "--learner", "ftrl", "--save", str(folder / "beside"))
    assert beside.read_bytes() == before
    for flags in (("--poison", "bad-config@1:3"), ("--keep", "3"), ("--late-window", "5"), ("--search-rows", "20")):
        learn.refused(csv, "--learner", "ftrl", *flags)


def odd(learn: Learn, all_rows: list[dict[str, object]]) -> None:
    """What is odd and can be learned from all the same is said, and answered honestly."""
    empty = learn.write("empty.csv", "price,label\n" + "".join(f"{row['price']},\n" for row in all_rows[:200]))
    said = learn.run(empty, "--learner", "ftrl")
    assert said["n"] == 0 and said["rows"] == 200 and said["by_quarter"] == [None] * 4, said
    assert all(said[key] is None for key in ("log_loss", "auc", "accuracy", "f1", "rmse", "calibration")), said
    assert "no row has a label" in said["warnings"][0] and "warning: --label label" in learn.says(empty, "--learner", "ftrl")[1]
    sparse = learn.write("sparse.svm", "".join(f"{row['label']} 1:{row['price']} 7:1\n" for row in all_rows[:100]))
    for learner in ("forest", "kernel"):
        said = learn.run(sparse, "--learner", learner)
        assert f"--learner {learner} knows numbers" in said["warnings"][0] and "expected --learner ftrl or auto" in said["warnings"][0], said
    assert learn.run(sparse, "--learner", "ftrl")["warnings"] == []
    alone = learn.run(learn.write("alone.csv", table(all_rows[:300], ",", "price", "label")), "--ignore", "price", "--learner", "ftrl")
    assert alone["n"] == 300 and "no column is left" in alone["warnings"][0], alone
    mixed = table(all_rows, ",", "price", "label").splitlines(keepends=True)
    mixed[1200:1203] = ["dear,1\n", "NA,0\n", "cheap,0\n"]
    said = learn.run(learn.write("mixed.csv", "".join(mixed)), "--numeric", "price", "--learner", "ftrl")
    assert said["warnings"] == ["column 'price': 2 of 1599 values were not numbers within 1e20, and count as missing; the first: 'dear'"], said
    back = list(all_rows)
    back[100], back[300] = back[300], back[100]
    said = learn.run(learn.write("back.csv", table(back, ",", "t", "known", "price", "label")), "--time", "t", "--label-at", "known", "--learner", "ftrl")
    # Everything between is before row 301 of the true order, and row 101 of it comes last.
    assert "200 rows are earlier than a row before them, the first is row 102: 101 after 300" in said["warnings"][0], said
    for value in ('{"a": 1}', "[1]"):
        kind = "an object" if value[0] == "{" else "a list"
        text = "".join(json.dumps({"price": row["price"], "label": row["label"]}) + "\n" for row in all_rows[:50])
        file = learn.write("nested.jsonl", text + '{"price": 1, "label": ' + value + "}\n")
        assert learn.run(file, "--learner", "ftrl")["rows_bad"] == 1
        assert f"{file}: line 51: label: expected a text, a number, true or false, got {kind}" in learn.says(file, "--learner", "ftrl")[1]


def said_besides(learn: Learn, csv: str, all_rows: list[dict[str, object]]) -> None:
    """Packed standard input, rows of another format than the model's, units of time, versions that never came, few rows saved."""
    packed = subprocess.run([learn.binary, "learn", "-", "--learner", "ftrl", "--json"], input=gzip.compress(pathlib.Path(csv).read_bytes()),
                            capture_output=True, timeout=300)
    plain = learn.run(csv, "--learner", "ftrl")
    assert packed.returncode == 0 and json.loads(packed.stdout)["state_hash"] == plain["state_hash"], packed.stderr
    assert plain["labels"] == "1, true, yes, ... is 1", plain
    assert learn.run(csv, "--learner", "ftrl", "--label", "shop", "--positive", "b")["labels"] == "'b' is 1, all else is 0"
    model = str(learn.folder / "few.bin")
    few = learn.write("few.csv", table(all_rows[:50], ",", "shop", "label"))
    said = learn.says(few, "--learner", "ftrl", "--save", model)[1]
    assert "warning: --save: what the columns are was decided by 50 rows; expected 1000: the model keeps it" in said, said
    lines = learn.write("few.jsonl", "".join(json.dumps({"shop": row["shop"], "label": row["label"]}) + "\n" for row in all_rows[:50]))
    said = learn.refused(lines, "--learner", "ftrl", "--load", model, code=1)
    assert "line 1: begins with '{\"', JSONL; expected a header of names; --format jsonl reads it" in said, said
    states = set()
    for unit in (1, 1000, 10**6, 10**9):
        text = "t,shop,label\n" + "".join(f"{(1_700_000_000 + 600 * n) * unit},{row['shop']},{row['label']}\n" for n, row in enumerate(all_rows))
        states.add(learn.run(learn.write("units.csv", text), "--time", "t", "--ignore", "shop", "--learner", "ftrl")["log_loss"])
    assert len(states) == 1, states
    said = learn.run(csv, "--learner", "ftrl", "--publish-every", "5000")
    assert said["warnings"][0].startswith(f"--publish-every 5000: nothing was published in {ROWS} labelled rows"), said


def memory(learn: Learn, csv: str) -> None:
    """The peak is of the command, however large the program is that starts it."""
    large = bytearray(b"x") * (700 << 20)
    peak = learn.run(csv, "--learner", "ftrl")["peak_rss_bytes"]
    assert 5 << 20 < peak < len(large) // 2, peak


def numbers_with_gaps(learn: Learn, all_rows: list[dict[str, object]]) -> None:
    """However missing numbers are written the column is numeric; what is half of numbers is said."""
    def said_of(cell: object) -> tuple[dict[str, object], str]:
        text = "x,label\n" + "".join(f'"{cell(n, row["price"])}",{row["label"]}\n' for n, row in enumerate(all_rows))
        file = learn.write("gaps.csv", text)
        return learn.run(file, "--learner", "gauss"), learn.says(file, "--learner", "gauss")[1]
    best = said_of(lambda n, price: "" if n % 9 == 0 else price)[0]
    for word in ("NULL", "None", "N/A", "n/a", "#N/A", "NaN", "\\N", "-", "inf", "-Infinity", "1e999"):
        said, err = said_of(lambda n, price: word if n % 9 == 0 else price)
        assert "columns: x: numeric\n" in err and said["log_loss"] == best["log_loss"], (word, said, best, err)
        assert all("within 1e20" in warning for warning in said["warnings"]), said
    said, err = said_of(lambda n, price: "dear" if n % 9 == 0 else price)
    assert "columns: x: numeric categorical\n" in err and "values were not numbers within 1e20" in said["warnings"][0], (said, err)
    said, err = said_of(lambda n, price: "dear" if n % 3 == 0 else price)
    assert "columns: x: categorical\n" in err and "column 'x': 666 of its first 1000 values are numbers, and 'dear' is none" in said["warnings"][0], (said, err)
    for unit in ("${}", "{}%", "{} €"):
        said, err = said_of(lambda n, price: unit.format(price))
        assert f"0 of its first 1000 values are numbers, and '{unit.format(all_rows[0]['price'])}'" in said["warnings"][0], said
    said, err = said_of(lambda n, price: f"{1000.25 + 1e6 * price:,.2f}")
    assert "columns: x: numeric\n" in err and abs(said["log_loss"] - said_of(lambda n, price: f"{1000.25 + 1e6 * price:.2f}")[0]["log_loss"]) == 0, said
    said, err = said_of(lambda n, price: f"{n % 7},{n % 90 + 10}")
    assert "columns: x: categorical\n" in err, err  # Two digits are no thousands.
    none = learn.write("none.csv", "x,label\n" + "".join(f"{row['price']},{['none', 'some'][row['label']]}\n" for row in all_rows))
    assert learn.run(none, "--learner", "ftrl")["n"] == ROWS
    null = learn.write("null.csv", "x,label\n" + "".join(f"{row['price']},{row['label'] if n % 2 else 'NULL'}\n" for n, row in enumerate(all_rows)))
    assert learn.run(null, "--learner", "ftrl")["n"] == ROWS // 2


def empty_at_first(learn: Learn, all_rows: list[dict[str, object]]) -> None:
    """A column without a value among the first 1,000 rows is not used, unless told: said when it has one, and when it never has."""
    late = [dict(row, odd=round(row["price"] + row["label"], 3) if n >= 1200 else "") for n, row in enumerate(all_rows)]
    names = ("odd", "shop", "label")
    lines = [{name: row[name] for name in names if row[name] != ""} for row in late]
    flags = ("--learner", "gauss")
    note = f"column 'odd' had no value in the first rows, has one now ('{late[1200]['odd']}'), and is not used; --numeric odd uses it"
    for format in ("csv", "jsonl"):
        def write(part: slice) -> str:
            text = table(late[part], ",", *names) if format == "csv" else "".join(json.dumps(line) + "\n" for line in lines[part])
            return learn.write("odd." + format, text)
        first, model = write(slice(0, 1200)), str(learn.folder / "odd.bin")
        learn.run(first, *flags, "--save", model)
        said = learn.run(first, *flags, "--numeric", "odd")
        assert said["warnings"] == ["--numeric odd: the column had no value in any row"], said
        whole = write(slice(None))
        left = learn.run(whole, *flags)
        assert left["warnings"] == [note], (format, left)
        used = learn.run(whole, *flags, "--numeric", "odd")
        assert used["warnings"] == [] and used["by_quarter"][3] < left["by_quarter"][3] - 0.1, (format, used, left)
        end = learn.run(write(slice(1200, None)), *flags, "--load", model)
        assert end["state_hash"] == left["state_hash"] and len(end["warnings"]) == 1 and "odd" in end["warnings"][0], (format, end, left)


def rare(learn: Learn, all_rows: list[dict[str, object]]) -> None:
    """A label that no row has among those that decide is accepted when it was told, and said."""
    def write(kind: str) -> str:
        late = [kind if row["label"] and n > 1100 else "1" if kind == "2" else "legit" for n, row in enumerate(all_rows)]
        return learn.write("rare.csv", "price,label\n" + "".join(f"{row['price']},{label}\n" for row, label in zip(all_rows, late)))
    flags = ("--learner", "ftrl")
    file = write("fraud")
    said = learn.refused(file, *flags)
    assert "got 'legit'; --positive V makes V 1 and the others 0" in said, said
    for positive in ("fraud", "fruad"):
        said = learn.run(file, *flags, "--positive", positive)
        ones = sum(row["label"] for row in all_rows[1101:]) if positive == "fraud" else 0
        assert said["n"] == ROWS and (said["f1"] is not None or not ones), said
        assert said["warnings"][0] == f"--positive {positive}: no label of the first rows is it, they have 'legit'; expected later, and all others are 0", said
        assert said["warnings"][1:] == ([] if ones else [f"--positive {positive}: none of the {ROWS} labels is it: every one was learned as 0"]), said
        assert (said["calibration"] is None) == (ones == 0), said
    file = write("2")
    err = learn.says(file, *flags)[1]
    assert "label: expected 0 or 1 (or -1, true, false), got '2'; --positive 2 makes it the 1" in err, err
    assert learn.run(file, *flags, "--positive", "2")["rows_bad"] == 0


def weighted(learn: Learn, all_rows: list[dict[str, object]]) -> None:
    """VW text: a row of importance 0 is as none, in numbers and in what is learned; one of 3 counts three times."""
    def line(row: dict[str, object], importance: str) -> str:
        return f"{2 * row['label'] - 1} {importance}| shop={row['shop']} kind={row['kind']} price:{row['price']}\n"
    flags = ("--learner", "ftrl", "--format", "vw")
    half = learn.run(learn.write("half.vw", "".join(line(row, "") for row in all_rows[::2])), *flags)
    zeros = learn.run(learn.write("zeros.vw", "".join(line(row, "" if n % 2 == 0 else "0 ") for n, row in enumerate(all_rows))), *flags)
    assert zeros["n"] == ROWS // 2 and zeros["log_loss"] == half["log_loss"] and zeros["auc"] == half["auc"], (half, zeros)
    # Row 1 is answered 0 before anything was learned: a loss of ln 2, here with a weight of 3 beside one of 1.
    pair = [line(all_rows[0], "3 'tag"), line(all_rows[1], "")]
    trace = learn.folder / "weights.csv"
    said = learn.run(learn.write("pair.vw", "".join(pair)), *flags, "--trace", str(trace))
    (label, score), (label2, score2) = ([float(cell) for cell in text.split(",")[1:3]] for text in trace.read_text().splitlines()[1:])
    loss = [math.log1p(math.exp(-s if l else s)) for l, s in ((label, score), (label2, score2))]
    assert said["n"] == 2 and said["weight"] == 4 and abs(said["log_loss"] - (3 * loss[0] + loss[1]) / 4) < 1e-5, (said, loss)
    once = learn.run(learn.write("once.vw", "".join([line(all_rows[0], ""), line(all_rows[1], "")])), *flags, "--trace", str(trace))
    assert abs(float(trace.read_text().splitlines()[2].split(",")[2])) != abs(score2) and once["weight"] == 2, once  # It was learned so, too.
    for word in ("-1 ", "x ", "2e6 "):
        file = learn.write("weight.vw", line(all_rows[0], "") + line(all_rows[1], word))
        said = learn.says(file, *flags)[1]
        assert f"{file}: line 2: importance '{word.strip()}': expected a number from 0 to 1000000" in said, said
    assert learn.run(learn.write("base.vw", "1 1 -0.5 |f a b\n-1 1 0.5 |f c\n"), "--learner", "ftrl")["n"] == 2
    # A model of weighted rows goes on to the same bytes.
    weights = [line(row, f"{(n % 5) / 2} ") for n, row in enumerate(all_rows)]
    model = str(learn.folder / "weights.bin")
    through = learn.run(learn.write("all.vw", "".join(weights)), *flags, "--delay-mean", "20")
    learn.run(learn.write("first.vw", "".join(weights[:900])), *flags, "--delay-mean", "20", "--save", model)
    end = learn.run(learn.write("second.vw", "".join(weights[900:])), *flags, "--delay-mean", "20", "--load", model)
    assert all(end[key] == through[key] for key in ("n", "weight", "log_loss", "auc", "state_hash")), (end, through)


def tables(learn: Learn) -> None:
    """Embedding rows as flags say: fewer, smaller, on disk; each saved and resumed to the same bytes."""
    draw = random.Random(11)
    rows_of = [f"{n},{draw.randrange(300) if n % 4 == 0 else 1000 + draw.randrange(20000)},{draw.randrange(4)},{int(draw.random() < 0.3)}\n" for n in range(30000)]
    def write(name: str, part: list[str]) -> str:
        return learn.write(name, "t,user,place,label\n" + "".join(part))
    whole, first, second = write("users.csv", rows_of), write("users1.csv", rows_of[:17000]), write("users2.csv", rows_of[17000:])
    base = ("--learner", "dcn", "--time", "t", "--categorical", "user,place")
    cold, model = learn.folder / "cold", str(learn.folder / "rows.bin")
    plain = learn.run(whole, *base)
    assert plain["table"]["rows_cold"] == plain["table"]["rows_evicted"] == plain["table"]["rows_expired"] == 0, plain
    runs = {}
    for name, flags in {"bound": ("--row-bytes", "1048576"), "cold": ("--row-bytes", "1048576", "--cold", str(cold)),
                        "admit": ("--admit", "2"), "expire": ("--expire", "5000"), "bf16": ("--bf16",),
                        **{kind: ("--optimizer", kind) for kind in ("sgd", "momentum", "adagrad", "adam", "ftrl")}}.items():
        runs[name] = learn.run(whole, *base, *flags)
        learn.run(first, *base, *flags, "--save", model)
        end = learn.run(second, *base, *flags, "--load", model)
        assert all(end[key] == runs[name][key] for key in ("n", "log_loss", "auc", "state_hash")), (name, end, runs[name])
        assert end["table"]["rows"] == runs[name]["table"]["rows"], (name, end, runs[name])
        assert runs[name]["state_hash"] != plain["state_hash"], name
        assert learn.refused(second, *base, "--load", model).count(" not ") >= 1, name
    bound, disk = runs["bound"], runs["cold"]
    # Rows that go for want of room are missed; on disk they are not: every number is that of a table with room for all.
    assert bound["table"]["rows_evicted"] > 1000 and bound["table"]["bytes"] <= 1 << 20, bound
    assert bound["log_loss"] != plain["log_loss"], (bound, plain)
    assert disk["table"]["rows_cold"] > 1000 and disk["table"]["rows_returned"] > 1000 and disk["table"]["bytes"] <= 1 << 20, disk
    assert disk["table"]["rows"] + disk["table"]["rows_cold"] == plain["table"]["rows"], (disk, plain)
    assert all(disk[key] == plain[key] for key in ("log_loss", "auc", "accuracy", "rmse", "calibration", "by_quarter")), (disk, plain)
    assert list(cold.iterdir()) == [], list(cold.iterdir())  # Working space goes with the run.
    users = [line.split(",")[1] for line in rows_of]
    twice = sum(n > 1 for n in collections.Counter(users).values())
    assert runs["admit"]["table"]["rows"] == twice + 4, (runs["admit"], twice)
    assert plain["table"]["rows"] == len(collections.Counter(users)) + 4, plain
    # Users who come again after 5,000 rows begin anew, and the hand has given back what it met; where none is away so long, none goes.
    expired, never = runs["expire"], learn.run(whole, *base, "--expire", "1e6")
    assert expired["table"]["rows_expired"] > 5000 and expired["table"]["rows"] < plain["table"]["rows"], (expired, plain)
    assert expired["log_loss"] != plain["log_loss"] == never["log_loss"] and never["table"]["rows_expired"] == 0, (expired, never)
    assert abs(runs["bf16"]["log_loss"] - plain["log_loss"]) < 0.005, (runs["bf16"], plain)
    both = learn.run(first, "--time", "t", "--categorical", "user,place", "--row-bytes", "1048576", "--cold", str(cold))
    with_room = learn.run(first, "--time", "t", "--categorical", "user,place")
    assert both["log_loss"] == with_room["log_loss"] and both["table"]["rows_cold"] > 500, (both, with_room)
    for flags, words in {("--cold", str(cold), "--learner", "ftrl"): ("--learner ftrl has no such setting; expected one of auto, dcn",),
                         ("--optimizer", "newton", "--learner", "dcn"): ("--optimizer: optimizer 'newton': expected sgd",),
                         ("--row-bytes", "5", "--learner", "dcn"): ("--row-bytes: expected a number from 1048576 to",),
                         ("--admit", "0", "--learner", "dcn"): ("--admit: expected a number from 1 to 65535, got 0",),
                         ("--expire", "0", "--learner", "dcn"): ("--expire: expected a number above 0, got 0",),
                         ("--cold", str(cold), "--learner", "dcn", "--publish-every", "50"): ("--cold: is for a learner alone",)}.items():
        said = learn.refused(second, *flags)
        assert all(word in said for word in words), (flags, said)
    said = learn.refused(second, *base, "--cold", model, code=1)
    assert f"--cold {model}: " in said, said


def wrong(learn: Learn, csv: str) -> None:
    folder = learn.folder
    cut = folder / "cut.csv.gz"
    cut.write_bytes(gzip.compress(pathlib.Path(csv).read_bytes())[:-20])
    array = learn.write("array.json", '[{"price": 1, "label": 0},\n{"price": 2, "label": 1}]\n')
    lines = learn.write("array2.json", '[\n{"price": 1, "label": 0},\n{"price": 2, "label": 1}\n]\n')
    for code, flags, words in (
            # Flags: a usage error, with the flag, what was given, what was expected.
            (2, (csv, "--label", "nope"), (f"{csv}: --label: there is no column 'nope'", "price")),
            (2, (csv, "--numeric", "nope"), ("--numeric: there is no column 'nope'; there are: shop, kind",)),
            (2, (csv, "--categorical", "nope"), ("--categorical: there is no column 'nope'",)),
            (2, (csv, "--ignore", "nope"), ("--ignore: there is no column 'nope'",)),
            (2, (csv, "--numeric", "shop"), ("--numeric shop: none of its first 1000 values is a number; the first: '",)),
            (2, (csv, "--segment", "nope", "--learner", "dcn", "--publish-every", "100"), ("--segment: there is no column 'nope'",)),
            (2, (csv, "--segment", "shop"), ("--segment needs --publish-every",)),
            (2, (csv, "--quarantine", "5", "--learner", "dcn", "--publish-every", "100"), ("--quarantine needs --gate",)),
            (2, (csv, "--control", "--learner", "dcn", "--publish-every", "100"), ("--control needs --gate",)),
            (2, (csv, "--ignore", "label"), ("--ignore label: is the --label",)),
            (2, (csv, "--ignore", "price", "--numeric", "price"), ("--ignore price: is in --numeric",)),
            (2, (csv, "--positive", "1", "--task", "regression", "--label", "price"), ("--positive 1: --task regression",)),
            (2, (csv, "--positive", "7"), ("--positive 7: the first rows have the labels '0', '1'",)),
            (2, (csv, "--learner", "magic"), ("--learner magic", "ftrl")),
            (2, (csv, "--learner", "forest", "--publish-every", "9"), ("--publish-every: --learner forest", "expected --learner ftrl, dcn")),
            (2, (csv, "--learner", "forest", "--rate", "2"), ("--rate: --learner forest", "gauss")),
            (2, (csv, "--time", "t", "--label-at", "known", "--delay-mean", "5"), ("--label-at reads when labels come, --delay-mean draws it",)),
            (2, (csv, "--late-labels", "--delay-mean", "5", "--every", "100"), ("--late-labels measure a learner alone", "--every")),
            (2, (csv, "--task", "ranking"), ("ranking", "binary")),
            (2, (csv, "--format", "xml"), ("--format: 'xml': expected auto, csv",)),
            (2, (csv, "--poison", "x"), ("--poison: expected KIND@FROM:TO",)),
            (2, (csv, "--rate", "abc"), ("--rate: expected a number from 1e-06 to 1000000, got abc",)),
            (2, (csv, "--bits", "40"), ("--bits: expected a number from 10 to 28, got 40",)),
            (2, (csv, "--delay-mean", "-1"), ("--delay-mean: expected a number above 0, got -1",)),
            (2, (csv, "--late-window", "-1"), ("--late-window: expected a number from 0 to 1e+18, got -1",)),
            # Files: the file, the line, the system's reason.
            (1, (csv, "--load", str(folder / "none.bin")), ("--load", "none.bin", "No such file")),
            (1, (csv, "--load", str(folder)), (f"--load {folder}: ", "Is a directory")),
            (1, (str(folder),), (f"{folder}: is a directory; expected a file of rows",)),
            (1, (str(cut),), (f"{cut}: ", "cut short")),
            (1, (array,), (f"{array}: line 1: begins with '[', a JSON array; expected JSONL",)),
            (1, (lines,), (f"{lines}: line 1: begins with '[', a JSON array; expected JSONL",)),
    ):
        said = learn.refused(*flags, code=code)
        assert all(word in said for word in words) and len(said) < 400 and said.startswith("freshet learn: "), (flags, said)
    # A line that cannot be read costs itself.
    rows_of = pathlib.Path(csv).read_text().splitlines(keepends=True)
    said = learn.run(learn.write("bad.csv", "".join(rows_of[:50] + ["a,u\n", "a,u,0.5,perhaps\n"] + rows_of[50:])))
    assert said["n"] == ROWS and said["rows_bad"] == 2, said


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        learn = Learn(str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(folder))
        all_rows = rows()
        csv = formats(learn, all_rows)
        resumed(learn, all_rows, csv)
        tasks(learn, all_rows)
        plain_numbers(learn, csv, all_rows)
        printed(learn, csv)
        drifting(learn)
        versions(learn, csv)
        outputs(learn, csv)
        files_apart(learn, csv)
        odd(learn, all_rows)
        said_besides(learn, csv, all_rows)
        memory(learn, csv)
        numbers_with_gaps(learn, all_rows)
        empty_at_first(learn, all_rows)
        rare(learn, all_rows)
        weighted(learn, all_rows)
        tables(learn)
        wrong(learn, csv)
    print("learn: formats, resuming, numbers, tables, drift, outputs, late labels, weights, regression and refusals")
    return 0


if __name__ == "__main__":
    sys.exit(main())
