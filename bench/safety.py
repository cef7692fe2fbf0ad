#!/usr/bin/env python3
"""What poison does to the answers of `freshet learn`, with the gate and without: a table and a curve.

Usage: bench/safety.py <freshet> <out dir> [--from N] [--to N] [--every N] -- FILE --label C [more flags of freshet learn]
For each poison: a clean and a spoiled run with --gate, and both without. Judged by true labels, on rows that are not
spoiled themselves; a fall is the log loss against that of the clean run on the same rows, relative. "before it": the mean
until the gate acts, and the worst stretch of 1,000 rows within that. Rows whose numbers are taken away (nan, huge) are judged
twice, also against a clean run that never had these rows ("absent"): what is lost with them no guard can give back. Of these
the last line says how the spoiled rows themselves are foretold, without the gate.
"""
import argparse
import csv
import gzip
import math
import pathlib
import subprocess
import sys

KINDS = ["shuffle-labels", "bots", "nan", "huge", "flip-labels", "bad-config"]
BLOCK = 500


def run(args, rest, name, *flags):
    trace = args.out / f"{name}.csv"
    if "--gate" not in flags and "--quarantine" in rest:  # It is a part of the gate.
        at = rest.index("--quarantine")
        rest = [*rest[:at], *rest[at + 2:]]
    command = [args.freshet, "learn", *rest, "--learner", "dcn", "--publish-every", str(args.every), "--trace", trace, *flags]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    rows = {}
    for row in csv.DictReader(trace.open()):
        s = max(-12.0, min(12.0, float(row["served"])))
        loss = math.log1p(math.exp(-s if float(row["label"]) > 0.5 else s))
        rows[int(row["row"])] = (loss, int(row["version"]), int(row["suspect"]))
    trace.unlink()
    return rows, done.stderr


def without_rows(args, rest):
    """The file without the rows that nan and huge spoil, and the numbers of those that are left."""
    source = pathlib.Path(rest[0])
    with (gzip.open(source, "rt") if source.suffix == ".gz" else source.open()) as file:
        lines = file.read().splitlines()
    kept = [k for k in range(1, len(lines)) if k % 2 == 1 or not args.begin <= k < args.end]
    target = args.out / "absent_rows.csv"
    target.write_text("\n".join([lines[0], *(lines[k] for k in kept)]) + "\n")
    return target, kept


def worst(clean, spoiled, begin, end, keep, window=1000):
    return max((fall(clean, spoiled, b, min(b + window, end), keep) for b in range(begin, max(begin + 1, end - window), window // 4)),
               default=0.0)


def fall(clean, spoiled, begin, end, keep):
    rows = [k for k in clean if begin <= k < end and k in spoiled and keep(k)]
    if not rows:
        return 0.0
    return sum(spoiled[k][0] for k in rows) / sum(clean[k][0] for k in rows) - 1


def svg(path, curves, begin, end, first, last):
    width, height, left, top = 860, 360, 60, 30
    most = min(1.0, max(0.05, max(y for _, points, _ in curves for _, y in points)))
    least = min(-0.05, min(y for _, points, _ in curves for _, y in points))
    x = lambda row: left + (row - first) / (last - first) * (width - left - 20)
    y = lambda v: top + (most - min(v, most)) / (most - least) * (height - 2 * top)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="white"/>',
           f'<rect x="{x(begin):.1f}" y="{top}" width="{x(end) - x(begin):.1f}" height="{height - 2 * top}" fill="#f3e3e3"/>']
    for v in (least, 0, most):
        out.append(f'<line x1="{left}" x2="{width - 20}" y1="{y(v):.1f}" y2="{y(v):.1f}" stroke="#ccc"/>'
                   f'<text x="4" y="{y(v) + 4:.1f}">{100 * v:+.0f} %</text>')
    for i, (name, points, colour) in enumerate(curves):
        path_points = " ".join(f"{x(r):.1f},{y(v):.1f}" for r, v in points)
        out.append(f'<polyline points="{path_points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
                   f'<text x="{left + 10 + 190 * i}" y="18" fill="{colour}">{name}</text>')
    out.append(f'<text x="{left}" y="{height - 8}">log loss of what is served against the clean run, by row; poison: shaded</text></svg>')
    path.write_text("\n".join(out))


def main():
    argv = sys.argv[1:]
    parser = argparse.ArgumentParser(description=__doc__.partition("Usage:")[0],
                                     usage="%(prog)s FRESHET OUT_DIR [options] -- FILE --label C [more flags of freshet learn]")
    parser.add_argument("freshet")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--from", dest="begin", type=int, default=20000)
    parser.add_argument("--to", dest="end", type=int, default=24000)
    parser.add_argument("--every", type=int, default=500)
    parser.add_argument("--kinds", default=",".join(KINDS))
    cut = argv.index("--") if "--" in argv else len(argv)
    args, rest = parser.parse_args(argv[:cut]), argv[cut + 1:]
    if not rest:
        parser.error("nothing after --: expected the file and the flags of freshet learn")
    if unknown := set(args.kinds.split(",")) - set(KINDS):
        parser.error(f"--kinds: expected some of {','.join(KINDS)}, got {','.join(sorted(unknown))}")
    args.out.mkdir(parents=True, exist_ok=True)
    clean = {gate: run(args, rest, f"clean{gate}", *flags)[0] for gate, flags in ((1, ["--gate"]), (0, []))}
    absent = None
    print(f"{'poison':15} {'acts after':>10} {'before it':>10} {'worst':>8} {'absent':>8} {'during':>8} {'after':>8} | no gate: {'during':>8} {'after':>8}")
    for kind in args.kinds.split(","):
        keep = (lambda k: k % 2 == 1 or not args.begin <= k < args.end) if kind in ("nan", "huge") else (lambda k: True)
        spoiled = {gate: run(args, rest, f"{kind}{gate}", *flags, "--poison", f"{kind}@{args.begin}:{args.end}")[0]
                   for gate, flags in ((1, ["--gate"]), (0, []))}
        # The gate acts when it is suspicious, or keeps the version that the clean run replaces.
        acts = next((k for k in sorted(spoiled[1]) if k >= args.begin and (spoiled[1][k][2] or
                     spoiled[1][k][1] != clean[1].get(k, (0, spoiled[1][k][1]))[1])), args.end)
        falls = [fall(clean[1], spoiled[1], args.begin, acts, keep), fall(clean[1], spoiled[1], args.begin, args.end, keep),
                 fall(clean[1], spoiled[1], args.end, args.end + 10000, keep),
                 fall(clean[0], spoiled[0], args.begin, args.end, keep), fall(clean[0], spoiled[0], args.end, args.end + 10000, keep)]
        if kind in ("nan", "huge") and absent is None:
            file, kept = without_rows(args, rest)
            absent = {kept[k - 1]: row for k, row in run(args, [file, *rest[1:]], "absent", "--gate")[0].items()}
            file.unlink()
        against = fall(absent, spoiled[1], args.begin, acts, keep) if kind in ("nan", "huge") else float("nan")
        text = [f"{100 * f:+.2f} %" for f in falls]
        low = f"{100 * worst(clean[1], spoiled[1], args.begin, acts, keep):+.2f} %"
        print(f"{kind:15} {acts - args.begin:10} {text[0]:>10} {low:>8} {f'{100 * against:+.2f} %' if kind in ('nan', 'huge') else '':>8} {text[1]:>8} {text[2]:>8} |          {text[3]:>8} {text[4]:>8}", flush=True)
        if kind in ("nan", "huge"):
            hit = [k for k in spoiled[0] if args.begin <= k < args.end and not keep(k)]
            mean = {name: sum(rows[k][0] for k in hit) / max(1, len(hit)) for name, rows in (("spoiled", spoiled[0]), ("clean", clean[0]))}
            print(f"{'':15} rows without their numbers: log loss {mean['spoiled']:.4f}; with them {mean['clean']:.4f}; who knows nothing .6931")
        first, last = args.begin - 4 * BLOCK, args.end + 12 * BLOCK
        curves = [(name, [(b + BLOCK / 2, fall(clean[gate], spoiled[gate], b, b + BLOCK, keep)) for b in range(first, last, BLOCK)], colour)
                  for name, gate, colour in (("with the gate", 1, "#1a7f37"), ("without", 0, "#b3261e"))]
        svg(args.out / f"{kind}.svg", curves, args.begin, args.end, first, last)


if __name__ == "__main__":
    main()
