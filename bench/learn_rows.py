#!/usr/bin/env python3
"""What the settings of embedding rows cost and save: log loss (or rmse), AUC, rows and memory of each, on one stream.

Usage: bench/learn_rows.py <freshet> [--learner dcn] [--expire D] [--only "bound;expire"] -- FILE --label C [more flags of freshet learn]

Each line is one run of `freshet learn`; "bound" and "bound, cold" allow the least memory there is (1 MiB a table). D: units of --time.
"""
import argparse
import json
import subprocess
import sys
import tempfile


def main() -> int:
    if "--" not in sys.argv:
        sys.exit(__doc__.strip())
    split = sys.argv.index("--")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("freshet")
    parser.add_argument("--learner", default="dcn")
    parser.add_argument("--expire", default="604800")
    parser.add_argument("--only", default="")
    flags = parser.parse_args(sys.argv[1:split])
    stream = sys.argv[split + 1:]
    print(f"{'':<14}{'loss':>9}{'auc':>8}{'rows':>9}{'on disk':>9}{'evicted':>9}{'expired':>9}{'KiB':>8}{'rows/s':>9}")
    with tempfile.TemporaryDirectory() as folder:
        bound = ["--row-bytes", str(1 << 20)]
        cases = {"as it comes": [], **{name: ["--optimizer", name] for name in ("adagrad", "adam", "momentum", "sgd", "ftrl")},
                 "bf16": ["--bf16"], "admit 2": ["--admit", "2"], "admit 5": ["--admit", "5"], "expire": ["--expire", flags.expire],
                 "bound": bound, "bound, cold": [*bound, "--cold", folder]}
        for name, more in cases.items():
            if flags.only and name not in flags.only.split(";"):
                continue
            command = [flags.freshet, "learn", *stream, "--learner", flags.learner, *more, "--json", "--quiet"]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(done.stderr)
            said = json.loads(done.stdout)
            table, auc = said["table"], said.get("auc")
            print(f"{name:<14}{said.get('log_loss', said['rmse']):>9.5f}{auc if auc is not None else float('nan'):>8.4f}{table['rows']:>9}"
                  f"{table['rows_cold']:>9}{table['rows_evicted']:>9}{table['rows_expired']:>9}{table['bytes'] // 1024:>8}"
                  f"{said['examples_per_second']:>9.0f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
