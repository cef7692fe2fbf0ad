#!/usr/bin/env python3
"""freshet eval search on files as strangers have them: column orders, quotes, line ends, encodings, missing values, ids
that do not exist, huge fields, gzip. The right numbers, or an error that names file, row and what was expected.

Usage: tests/eval_search_test.py <path of freshet>
"""
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

FRESHET = sys.argv[1]
ITEMS = [("a", "Red kettle", "Acme"), ("b", "Blue kettle, big", "Acme"), ("c", 'Frying "pan"', "Bravo"),
         ("d", "Grey sofa", "")]
QUERIES = [("1", "red kettle"), ("2", "pan"), ("3", "sofa")]
LABELS = [("1", "a", 3), ("1", "b", 2), ("2", "c", 3), ("3", "d", 1)]
KEYS = {"ndcg10", "mrr", "recall100", "pairs", "zero_results", "queries", "p50_us", "p99_us"}


def tsv(*rows: tuple) -> str:
    return "".join("\t".join(map(str, row)) + "\n" for row in rows)


def csv(*rows: tuple, by: str = ",", end: str = "\n") -> str:
    return "".join(by.join('"' + str(cell).replace('"', '""') + '"' for cell in row) + end for row in rows)


def lines(names: tuple, rows: list) -> str:
    return "".join(json.dumps(dict(zip(names, row))) + "\n" for row in rows)


GOOD = {"items": tsv(("id", "title", "brand"), *ITEMS), "queries": tsv(("query_id", "query"), *QUERIES),
        "labels": tsv(("query_id", "id", "relevance"), *LABELS)}


class Files:
    def __init__(self, folder: str):
        self.folder = pathlib.Path(folder)

    def paths(self) -> list[str]:
        return [part for name in GOOD for part in (f"--{name}", str(self.folder / name))]

    def run(self, *flags: str, code: int = 0, **files: str | bytes) -> tuple[str, str]:
        command = [FRESHET, "eval", "search", *flags]
        for name, content in {**GOOD, **files}.items():
            path = self.folder / name
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            command += [f"--{name}", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == code, (flags, str(files)[:300], done.returncode, done.stdout, done.stderr)
        return done.stdout, done.stderr

    def report(self, *flags: str, **files: str | bytes) -> dict:
        return json.loads(self.run("--json", *flags, **files)[0])


def check_forms(files: Files) -> None:
    """Every form of the same files says the same."""
    want = files.report("--gain-min-max", "1,3")
    assert KEYS <= set(want) and want["queries"] == 3 and want["ndcg10"] == 1 and want["mrr"] == 1, want
    items = ("id", "title", "brand")
    turned = [(t, b, i) for i, t, b in ITEMS]
    forms = [
        {"items": "\ufeff" + csv(items, *ITEMS, end="\r\n")}, {"items": csv(("brand", "id", "title"), *[(b, i, t) for i, t, b in ITEMS])},
        {"items": tsv(("Title", "BRAND", "Product-ID"), *turned)}, {"items": csv(items, *ITEMS, by=";")},
        {"items": csv(items, *ITEMS, by="|")}, {"items": csv(items, *ITEMS, by="\t")}, {"items": lines(items, ITEMS)},
        {"items": json.dumps([dict(zip(items, row)) for row in ITEMS])}, {"items": GOOD["items"].rstrip("\n")},
        {"items": GOOD["items"].replace("\n", "\n\n")},
        {"items": gzip.compress(GOOD["items"].encode())},
        {"items": gzip.compress(GOOD["items"][:30].encode()) + gzip.compress(GOOD["items"][30:].encode())},
        {"queries": csv(("query", "query_id"), *[(t, i) for i, t in QUERIES])}, {"queries": tsv(("what", "qid"), *[(t, i) for i, t in QUERIES])},
        {"queries": lines(("query_id", "query"), [(int(i), t) for i, t in QUERIES])},
        {"labels": tsv(("Relevance", "Item", "Query_ID"), *[(r, i, q) for q, i, r in LABELS])},
        {"labels": tsv(("doc", "grade", "topic"), *[(i, r, q) for q, i, r in LABELS])},  # Names that say nothing.
        {"labels": tsv(("id", "query_id", "product_id", "label"), *[(n, q, i, r) for n, (q, i, r) in enumerate(LABELS)])},
        {"labels": csv(("query_id", "id", "relevance", "note"), *[(q, i, f" +{r}.0 ", "x,\ny") for q, i, r in LABELS])},
        {"labels": lines(("query_id", "id", "relevance"), [(int(q), i, r) for q, i, r in LABELS])},
        {"labels": tsv(("query_id", "id", "relevance"), ("1", "a", 1), *LABELS)},  # The last label of a pair counts.
    ]
    for form in forms:
        got = files.report("--gain-min-max", "1,3", **form)
        assert all(got[key] == want[key] for key in KEYS - {"p50_us", "p99_us"}), (form, got)


def check_left_out(files: Files) -> None:
    """What cannot be used is counted and said, and does not change the rest."""
    rows = [
        ({"labels": GOOD["labels"] + "9\ta\t1\n1\tzz\t1\n"}, "2 labels name unknown"),
        ({"labels": GOOD["labels"] + "2\ta\t\n2\tb\n"}, "2 labels have no value"),
        ({"items": GOOD["items"] + "\tNothing\tAcme\n"}, "1 items have no id"),
        ({"items": tsv(("id", "title", "brand"), ("a", "Pan", ""), *ITEMS)}, "1 items came again"),
        ({"items": GOOD["items"] + "e\t" + "word " * 200_000 + "\tAcme\n"}, ""),
        ({"items": GOOD["items"].encode() + b"e\tCaf\xe9 \xff\x00x\tAcme\n"}, ""),
        ({"items": GOOD["items"] + "e" * 5000 + "\tLong id\t\n"}, ""),
    ]
    for changed, says in rows:
        out, err = files.run("--json", "--gain-min-max", "1,3", **changed)
        report = json.loads(out)
        assert report["ndcg10"] == 1 and report["queries"] == 3 and says in err, (str(changed)[:200], report, err)
    # A query that the search refuses has found nothing, and the others still count.
    for query in (b"sofa " * 1000, b"sofa \xff\xfe"):
        out, err = files.run("--json", "--gain", "x", queries=GOOD["queries"].encode().replace(b"sofa", query))
        report = json.loads(out)
        assert report["zero_results"] == report["refused"] == 1 and abs(report["ndcg10"] - 2 / 3) < 1e-9, report
        assert "query 3: query: expected" in err, err


def check_refused(files: Files) -> None:
    rows = [
        ({"items": ""}, "items: is empty"), ({"items": GOOD["items"] + "e\tx\ty\tz\n"}, "items row 6: 4 fields; expected the header's 3"),
        ({"items": 'id,title\na,"open\nb,x\n'}, "items row 2: a quote is opened and never closed"),
        ({"items": GOOD["items"].encode("utf-16")}, "UTF-16; expected UTF-8"), ({"items": gzip.compress(GOOD["items"].encode())[:-12]}, "cut short"),
        ({"labels": GOOD["labels"] + "1\tc\tgood\n"}, "labels row 6, column relevance: expected a number, got 'good'"),
        ({"labels": GOOD["labels"] + "1\tc\tnan\n"}, "expected a number, got 'nan'"), ({"labels": "a\tb\n1\t2\n"}, "2 columns; expected query id"),
        ({"labels": "query_id\tid\trelevance\n"}, "no rows"), ({"labels": lines(("query_id", "id", "relevance"), LABELS) + "{oops\n"}, "labels line 5"),
        ({"labels": tsv(("query_id", "id", "relevance"), ("8", "x", 1))}, "no judged query"), ({"items": "[1]"}, "[0]: expected an object"),
    ]
    for changed, says in rows:
        err = files.run("--json", code=1, **changed)[1]
        assert says in err, (changed, err)
    for flags, says, code in [(["--gain", "(x-1"], "byte 4: expected ')'", 1), (["--gain", "grade*2"], "expected one of x, query_id", 1),
                              (["--gain", "log(x-3)"], "no finite number", 1), (["--gain-min-max", "3,1"], "A < B", 2),
                              (["--gain-min-max", "1"], "two numbers", 2), (["--typos", "3"], "expected a number from 0 to 2, got 3", 2), (["--relevant-min", "x"], "relevant-min", 2),
                              (["--gain", "x", "--gain-min-max", "0,1"], "excludes", 2), (["--settings", "/nowhere"], "/nowhere", 1)]:
        err = files.run("--json", *flags, code=code)[1]
        assert says in err, (flags, err)


def check_measures(files: Files) -> None:
    # Graded gains: the order b, a of query 1 costs what the formula says.
    labels = tsv(("query_id", "id", "relevance"), ("1", "a", 1), ("1", "b", 3))
    got = files.report("--gain", "(relevance-1)/2", labels=labels)
    assert abs(got["ndcg10"] - 0.6309297535714574) < 1e-12 and got["pairs"] == 0, got
    assert files.report("--gain", "x", "--relevant-min", "3", labels=labels)["mrr"] == 0.5
    assert files.report("--gain", "x", "--relevant-min", "1", labels=labels)["mrr"] == 1
    typos = [files.run("--typos", "1", "--seed", str(seed), "--table", "5")[0] for seed in (1, 1, 2)]
    # The rows of the queries: what stands above them, and how wide it is, has times in it.
    asked = [sorted(line.split("  ")[0] for line in text[text.rindex("───"):].splitlines()[1:]) for text in typos]
    assert asked[0] == asked[1] != asked[2], asked


def check_settings(files: Files) -> None:
    one, other = files.folder / "one.json", files.folder / "other.json"
    one.write_text("\ufeff" + json.dumps({"searchable": ["title"]}))
    other.write_text(json.dumps({"searchable": ["brand"]}))
    text = files.run("--settings", str(one), "--against", str(other))[0]
    assert "0 queries better, 2 worse, 1 as before" in text and "red kettle" in text, text
    both = json.loads(files.run("--json", "--settings", str(one), "--against", str(other))[0])
    assert both["before"]["ndcg10"] == 1 and both["after"]["zero_results"] == 3, both
    table = files.run()[0]
    assert "nDCG@10" in table and "frying" not in table and all(text in table for _, text in QUERIES), table
    other.write_text(json.dumps({"searchable": ["brand"], "typoo": 1}))
    assert f"{other}: typoo: unknown name" in files.run("--settings", str(other), code=1)[1]
    for command in (["rank"], ["policy", "--data", str(files.folder)], ["clicks", *files.paths()]):
        for path, want in ((other, "typoo: unknown name"), (files.folder, "directory"), (files.folder / "none", "No such file"), ("/dev/zero", "too large")):
            done = subprocess.run([FRESHET, "eval", *command, "--settings", str(path)], capture_output=True, text=True, timeout=120)
            assert done.returncode == 1 and f"{path}: " in done.stderr and want in done.stderr, (command, done)
    piped = subprocess.run([FRESHET, "eval", "search", *files.paths(), "--json", "--settings", "/dev/stdin"], input=one.read_text(),
                           capture_output=True, text=True, timeout=120)
    assert json.loads(piped.stdout)["ndcg10"] == 1, piped


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for check in (check_forms, check_left_out, check_refused, check_measures, check_settings):
            check(Files(folder))
            print(f"{check.__name__}: as expected")


if __name__ == "__main__":
    main()
