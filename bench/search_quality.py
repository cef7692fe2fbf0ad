#!/usr/bin/env python3
"""Protocol P5 on the judged sets that are there: default settings, plain and with typing errors, beside the floors.

Usage: bench/search_quality.py [<freshet>]      exits 1 when a floor is missed; 77 when no set is there
"""
import json
import os
import pathlib
import subprocess
import sys

SETS = [  # folder, --gain-min-max, --relevant-min, floors of nDCG@10 and R@100
    ("homedepot", "1,3", "2.33", 0.45, 0.80),
    ("crowdflower", "1,4", "4", 0.82, 0.96),
]


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent
    freshet = sys.argv[1] if len(sys.argv) > 1 else str(root / "build/release/freshet")
    data = pathlib.Path(os.environ.get("FRESHET_DATA", root.parent / "shared/data"))
    seen, missed = 0, 0
    for name, gain, relevant, ndcg_min, recall_min in SETS:
        folder = data / name
        if not folder.is_dir():
            print(f"{name}: {folder} is not there; left out")
            continue
        seen += 1
        plain = None
        for typos in (0, 1, 2):
            out = subprocess.run(
                [freshet, "eval", "search", "--items", folder / "products.tsv.gz", "--queries", folder / "queries.tsv.gz",
                 "--labels", folder / "labels.tsv.gz", "--gain-min-max", gain, "--relevant-min", relevant, "--json",
                 "--typos", str(typos)], capture_output=True, text=True, check=True).stdout
            report = json.loads(out)
            plain = plain or report
            lost = 1 - report["ndcg10"] / plain["ndcg10"]
            ok = (report["ndcg10"] >= ndcg_min and report["recall100"] >= recall_min) if typos == 0 else \
                lost <= (0.10 if typos == 1 else 0.20)
            missed += not ok
            print(f"{name} typos {typos}: nDCG@10 {report['ndcg10']:.4f} R@100 {report['recall100']:.4f} "
                  f"MRR {report['mrr']:.4f} pairs {report['pairs']:.4f} zero {report['zero_results']} "
                  f"p50 {report['p50_us']:.0f} us; lost {lost:.1%}; {'ok' if ok else 'BELOW THE FLOOR'}")
    if seen == 0:
        return 77
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
