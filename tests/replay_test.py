#!/usr/bin/env python3
"""Tests `freshet replay` from outside: its report against tools/score_replay.py, and its state hash against itself.

Usage: tests/replay_test.py <freshet program> made-up | real
  made-up  small streams drawn here, every protocol; stop and resume; other batch sizes; wrong usage
  real     the commands of docs/benchmarks.md on the sets in $FRESHET_DATA (else ../shared/data beside the project),
           sampled; exit code 77 (skipped) with a word when there are none
"""
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import protocols  # noqa: E402

FAILURES = []


def expect(condition, what):
    if not condition:
        FAILURES.append(what)
        print(f"FAILED: {what}", file=sys.stderr)


def run(program, *arguments, code=0):
    done = subprocess.run([program, "replay", *map(str, arguments)], capture_output=True, text=True)
    expect(done.returncode == code, f"exit code {done.returncode}, want {code}: {arguments}\n{done.stderr}")
    return done


def scored(program, work, name, arguments, dropped=()):
    """Replays with a dump and lets the scorer compare; returns the report."""
    dump, report = work / f"{name}.dump", work / f"{name}.json"
    done = run(program, *arguments, "--json", "--dump", dump)
    report.write_text(done.stdout)
    if done.returncode != 0:
        return {}
    kept = [a for a in map(str, arguments) if a not in dropped]
    checked = subprocess.run([sys.executable, ROOT / "tools/score_replay.py", "--dump", dump, "--report", report, *kept],
                             capture_output=True, text=True)
    expect(checked.returncode == 0, f"{name}: {checked.stderr}")
    print(f"{name}: {checked.stdout.strip()}")
    return json.loads(done.stdout)


def draw_stream(events, groups, items, seed):
    """Made-up shopping: each group walks along a line of items, now and then back. Linear congruences, no library."""
    state, rows, at = seed, [], {}
    for _ in range(events):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        group = (state >> 33) % groups
        step = (state >> 20) % 4
        place = at.get(group, group * 7) + (1, 1, 2, -1)[step]
        at[group] = place
        rows.append((group, place % items, (state >> 50) % 3))
    return rows


def write_made_up(work):
    rows = draw_stream(3000, 120, 40, 1)
    with open(work / "clicks.tsv", "w") as out:
        out.write("ts\tvisit\titem\tid\n")
        for i, (group, item, _) in enumerate(rows):
            out.write(f"{1700000000 + i * 60}\t{group}\t{item}\te{i}\n")
    with open(work / "orders.tsv", "w") as out:
        out.write("ts\tinvoice\tstock\tquantity\tcustomer\n")
        for i, (group, item, back) in enumerate(rows):
            order = f"{'C' if back == 2 and i % 5 == 0 else ''}{1000 + i // 3}"
            customer = "" if i // 3 % 7 == 0 else f"c{rows[i - i % 3][0] % 30}"
            out.write(f"{1700000000 + i // 3 * 3600}\t{order}\tp{item}a\t{1 - (i % 11 == 0)}\t{customer}\n")
    sequences = {}
    for group, item, _ in rows:
        sequences.setdefault(group, []).append(item)
    with open(work / "sequences.txt", "w") as out:
        for group, items in sequences.items():
            out.write(" ".join(map(str, [f"u{group}", *items])) + "\n")
    with open(work / "sessions.tsv", "w") as out:
        out.write("session\titems\n")
        for group, items in sequences.items():
            out.write(f"{group}\t{' '.join(map(str, items))}\n")


def made_up(program):
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        write_made_up(work)
        clicks = ["--map", "time=ts,session=visit,item=item", "--set", "type=view"]
        users = ["--map", "time=ts,user=visit,item=item", "--set", "type=view"]
        next_item = ["--eval", "next-item"]
        rows = {
            "next-item": [*clicks, *next_item, "--warmup", "80%", work / "clicks.tsv"],
            "next-item-by-group": [*clicks, *next_item, "--by-group", "--warmup", "30", work / "clicks.tsv"],
            "next-item-short": [*clicks, *next_item, "--k", "3", "--warmup-events", "500", work / "clicks.tsv"],
            "next-item-frozen": [*clicks, *next_item, "--update", "frozen", "--warmup", "30", work / "clicks.tsv"],
            "users-no-repeats": [*users, *next_item, "--group", "user", "--repeats", "exclude", "--warmup-events",
                                 "1000", work / "clicks.tsv"],
            "sampled": [*clicks, *next_item, "--eval-sample", "1/5", work / "clicks.tsv"],
            "sessions": ["--map", "session=session,items=items", "--set", "type=view", *next_item, "--warmup", "50%",
                         work / "sessions.tsv"],
            "baskets": ["--map", "time=ts,order=invoice,item=stock,quantity=quantity,user=customer", "--set",
                        "type=purchase", "--upper", "item", "--where", "quantity>0", "--where", "order!~^C", "--where",
                        "item~^P[0-9]+", "--eval", "basket", "--eval-from", "1700200000", work / "orders.tsv"],
            "last-item": ["--no-header", "--delimiter", "space", "--map", "user=1,items=2-", "--set", "type=view",
                          "--eval", "last-item", "--group", "user", "--repeats", "exclude", "--k", "10",
                          work / "sequences.txt"],
        }
        reports = {name: scored(program, work, name, arguments) for name, arguments in rows.items()}
        for name, report in reports.items():
            expect(report.get("n", 0) > 50, f"{name}: hardly anything was evaluated")
        check_updates(program, work, clicks)
        check_determinism(program, work, clicks)
        check_usage(program, work, clicks)


def check_updates(program, work, clicks):
    done = run(program, *clicks, "--eval", "next-item", "--warmup", "50%", "--update", "live,every=1h,frozen", "--plot",
               work / "plot.svg", "--json", work / "clicks.tsv")
    report = json.loads(done.stdout)
    expect(list(report["by_update"]) == ["live", "every=1h", "frozen"], "by_update names the policies in order")
    expect(report["by_update"]["live"]["recall"] == report["recall"], "the first policy is the report's")
    expect((work / "plot.svg").read_text().count("<path") == 3, "the plot has a line for each policy")
    for alone in ("every=1h", "frozen"):
        done = run(program, *clicks, "--eval", "next-item", "--warmup", "50%", "--update", alone, "--json",
                   work / "clicks.tsv")
        expect(json.loads(done.stdout)["ndcg"] == report["by_update"][alone]["ndcg"],
               f"{alone}: the same alone and beside others")


def check_determinism(program, work, clicks):
    clicks = [*clicks, "--map", "id=id"]  # Without ids of its own an event is named by its place in the file.
    lines = (work / "clicks.tsv").read_text().splitlines(keepends=True)
    whole = work / "clicks.tsv"

    def state(*arguments):
        return json.loads(run(program, *clicks, "--json", *arguments).stdout or "{}").get("state_hash")

    want = state(whole)
    expect(state("--eval", "next-item", "--update", "live,every=1h", whole) == want,
           "evaluating does not change the state")
    expect(state("--data", work / "data-whole", whole) == want, "with log and snapshot on disk")
    for cut in (1, 1000, 1777):
        parts = [work / f"part-{cut}-0.tsv", work / f"part-{cut}-1.tsv"]
        parts[0].write_text("".join(lines[:1 + cut]))
        parts[1].write_text("".join(lines[:1] + lines[1 + cut:]))
        data = work / f"data-{cut}"
        state("--data", data, parts[0])
        expect(state("--data", data, parts[1]) == want, f"stopped after {cut} events and resumed")
        for snapshot in sorted((data / "snapshots").iterdir())[1:]:
            snapshot.unlink()  # The newest: what is left is the older snapshot and the log's tail.
        empty = work / "empty.tsv"
        empty.write_text(lines[0])
        expect(state("--data", data, empty) == want, f"older snapshot and tail, cut at {cut}")


def check_usage(program, work, clicks):
    file = work / "clicks.tsv"
    for wrong, word in ((["--eval", "everything"], "next-item"), (["--k", "0"], "--k"), (["--update", "often"], "--update"),
                        (["--warmup", "120%"], "--warmup"), (["--sources", "nobody"], "--sources"),
                        (["--eval-sample", "2"], "--eval-sample"), (["--group", "shop"], "--group")):
        done = run(program, *clicks, *wrong, file, code=2)
        expect(word in done.stderr and "freshet replay: " in done.stderr, f"{wrong}: {done.stderr}")
    done = run(program, *clicks, work / "missing.tsv", code=1)
    expect("missing.tsv" in done.stderr, f"a missing file is named: {done.stderr}")


def real(program):
    commands = protocols.commands()
    expect(len(commands) >= 5, "docs/benchmarks.md has a command for each protocol")
    ran = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in commands.items():
            if absent := protocols.missing(arguments):
                print(f"{name}: skipped, {absent[0]} is not there")
                continue
            share = "1/4" if name.startswith("P2") else "1/40"
            report = scored(program, pathlib.Path(folder), name.replace(" ", "-"), [*arguments, "--eval-sample", share])
            expect(report.get("n", 0) > 100, f"{name}: hardly anything was evaluated")
            ran += 1
    if ran == 0:
        print("skipped: no data; set FRESHET_DATA to the directory that holds retailrocket/, ml-100k/, ...")
        sys.exit(77)


def main():
    {"made-up": made_up, "real": real}[sys.argv[2]](sys.argv[1])
    sys.exit(1 if FAILURES else 0)


if __name__ == "__main__":
    main()
