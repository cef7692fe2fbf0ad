#!/usr/bin/env python3
"""ml-100k as labelled rows for `freshet learn`: was the rating 4 or 5? Columns user, item, genres, time (seconds), like.

Usage: bench/ml_rows.py [$FRESHET_DATA] > ml.csv
"""
import csv
import gzip
import os
import pathlib
import sys


def rows(path):
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t")


def main():
    if sys.argv[1:2] in (["--help"], ["-h"]):
        sys.exit(__doc__.strip())
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("FRESHET_DATA", "data")) / "ml-100k"
    if not folder.is_dir():
        sys.exit(f"no {folder}: name the folder that ml-100k is in, or set FRESHET_DATA")
    genres = {row["item"]: row["genres"] for row in rows(folder / "items.tsv.gz")}
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["user", "item", "genres", "time", "like"])
    for row in rows(folder / "ratings.tsv.gz"):
        out.writerow([row["user"], row["item"], genres.get(row["item"], ""), row["ts"], int(float(row["rating"]) >= 4)])


main()
