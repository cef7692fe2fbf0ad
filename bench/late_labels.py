#!/usr/bin/env python3
"""Labels that come late, against the oracle that knows the future: simulated delays, and real ones (returns of a shop).

Usage: bench/late_labels.py [--freshet build/release/freshet] [--data $FRESHET_DATA] [--learner dcn]

Simulated: elec2 and ml-100k, exponential delays. Real: landings of nycflights; online-retail: will a line be sent back
within 30 days (a cancellation of the same article by the same customer)? A 1 is known when it is sent back, a 0 after 30 days.
Prints one table for each (freshet learn --late-labels, docs/learn.md).
"""
import argparse
import csv
import gzip
import os
import pathlib
import subprocess
import sys
import tempfile

DAY = 86400
RETURN = 30 * DAY


def returns(source: pathlib.Path, target: pathlib.Path) -> None:
    """Lines bought, with whether and when they came back; those whose 30 days are not over are left out."""
    lines, open_lines = [], {}
    with gzip.open(source, "rt") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            ts, key = int(row["ts"]), (row["customer"], row["stock"])
            if not row["customer"]:
                continue
            if row["invoice"].startswith("C"):
                line = open_lines.get(key)
                if line is not None and line["label"] == 0 and ts - line["ts"] <= RETURN:
                    line["label"], line["known"] = 1, ts
            elif int(row["quantity"]) > 0 and float(row["unit_price"]) > 0:
                line = {"ts": ts, "customer": row["customer"], "stock": row["stock"], "quantity": row["quantity"],
                        "price": row["unit_price"], "country": row["country"], "label": 0, "known": ts + RETURN}
                open_lines[key] = line
                lines.append(line)
    last = lines[-1]["ts"]
    with target.open("w", newline="") as file:
        out = csv.DictWriter(file, lines[0].keys())
        out.writeheader()
        out.writerows(line for line in lines if line["ts"] + RETURN <= last)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--freshet", default="build/release/freshet")
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path(os.environ.get("FRESHET_DATA", "data")))
    parser.add_argument("--learner", default="dcn")
    parser.add_argument("--only", default="")
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shop, likes = pathlib.Path(folder) / "returns.csv", pathlib.Path(folder) / "likes.csv"
        cases = {}
        if (flags.data / "online-retail").exists():
            returns(flags.data / "online-retail/lines.tsv.gz", shop)
            cases["online-retail, sent back within 30 days, as it was"] = [shop, "--time", "ts", "--label-at", "known",
                                                                           "--late-window", str(7 * DAY)]
        if (flags.data / "nycflights").exists():
            cases["nycflights, labels on landing"] = [flags.data / "nycflights/flights.tsv.gz", "--label", "late", "--time",
                                                      "sched_min", "--label-at", "avail_min", "--ignore", "arr_delay"]
        if (flags.data / "elec2").exists():
            for mean in (48, 336):
                cases[f"elec2, {mean} rows late on average"] = [flags.data / "elec2/elec.csv.gz", "--label", "class",
                                                                "--delay-mean", str(mean)]
        if (flags.data / "ml-100k").exists():
            with gzip.open(flags.data / "ml-100k/ratings.tsv.gz", "rt") as source, likes.open("w", newline="") as file:
                out = csv.writer(file)
                out.writerow(["time", "user", "item", "label"])
                for row in csv.DictReader(source, delimiter="\t"):
                    out.writerow([row["ts"], row["user"], row["item"], int(float(row["rating"]) >= 4)])
            for hours in (1, 24):
                cases[f"ml-100k, rating >= 4, {hours} h late on average"] = [likes, "--time", "time", "--delay-mean",
                                                                             str(hours * 3600)]
        for name, arguments in cases.items():
            if flags.only not in name:
                continue
            command = [flags.freshet, "learn", *arguments, "--learner", flags.learner, "--late-labels"]
            done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(done.stderr)
            print(f"{name}\n{done.stdout}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
