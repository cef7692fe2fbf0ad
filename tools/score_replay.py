#!/usr/bin/env python3
"""Scores a dump of `freshet replay --dump` from the data file alone, and compares with the report of `--json`.

An independent reading of the protocols in docs/benchmarks.md: it reads the data itself, decides itself which targets
are evaluated, which are new to their group, which were never seen, which items are legal candidates; from the program
it takes only the lists. Standard library only.

Usage: tools/score_replay.py --dump predictions.jsonl --report report.json <the flags given to replay> FILE
Exit code: 0 all agree, 1 something differs (said on standard error), 2 usage.
"""
import argparse
import gzip
import json
import math
import re
import sys
from collections import defaultdict

OPERATORS = [("!~", lambda a, b: not re.search(b, a)), (">=", None), ("<=", None), ("!=", lambda a, b: a != b),
             ("~", lambda a, b: bool(re.search(b, a))), (">", None), ("<", None), ("=", lambda a, b: a == b)]
NUMERIC = {">=": lambda a, b: a >= b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, "<": lambda a, b: a < b}


def condition(text):
    for name, test in OPERATORS:
        if name in text:
            column, value = text.split(name, 1)
            if test is None:
                limit, compare = float(value), NUMERIC[name]
                test = lambda a, b, compare=compare, limit=limit: a != "" and compare(float(a), limit)
            return column, value, test
    raise SystemExit(f"cannot read --where {text}")


def read_rows(path, flags):
    """Yields one dict of mapped fields for each row, a list under "items"."""
    mapping = dict(pair.split("=", 1) for text in flags.map for pair in text.split(","))
    constants = dict(pair.split("=", 1) for text in flags.set for pair in text.split(","))
    separator = {"tab": "\t", "space": " ", "": "\t"}.get(flags.delimiter, flags.delimiter)
    conditions = [condition(text) for text in flags.where]
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8", newline="\n") as lines:
        header = None if flags.no_header else next(lines).rstrip("\n").split(separator)
        for line in lines:
            cells = line.rstrip("\n").split(separator)
            row = dict(constants)
            for field, column in mapping.items():
                if column.endswith("-"):
                    row[field] = cells[int(column[:-1]) - 1:]
                else:
                    at = int(column) - 1 if header is None else header.index(column)
                    row[field] = cells[at].split() if field == "items" else cells[at]
            for field in flags.upper:
                row[field] = row[field].upper()
            raw = {} if header is None else dict(zip(header, cells))
            if all(test(row.get(column, raw.get(column, "")), value) for column, value, test in conditions):
                yield row


def read_events(flags):
    """(user, session, order, item, time) in file order."""
    events = []
    for path in flags.files:
        for row in read_rows(path, flags):
            time = int(row.get("time") or 0)
            time = time if time >= 10**11 else time * 1000
            for item in row.get("items", [row.get("item")]):
                events.append((row.get("user", ""), row.get("session", ""), row.get("order", ""), item, time))
    return events


def id_key(item):
    return (0, len(item), item) if item.isdigit() else (1, 0, item)


def rank_in(listed, target):
    """1 + #(score > target's) + #(score == target's and smaller id); 0: not in the list."""
    score = {item: s for item, s in listed}
    if target not in score:
        return 0
    mine = score[target]
    return 1 + sum(1 for item, s in listed if s > mine or (s == mine and id_key(item) < id_key(target)))


def scores_of(ranks, relevant, k):
    hits = sorted(rank for rank in ranks if 0 < rank <= k)
    if not hits:
        return (0.0, 0.0, 0.0, 0.0)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(relevant, k) + 1))
    gain = sum(1 / math.log2(rank + 1) for rank in hits)
    return (len(hits) / relevant, 1 / hits[0], gain / ideal, 1.0)


class Score:
    """Walks the stream, meets each evaluated target, and adds up."""

    def __init__(self, flags):
        self.flags = flags
        self.dump = {}
        with open(flags.dump, encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                self.dump[entry["at"]] = entry
        self.used = set()
        self.all, self.novel, self.unseen, self.errors = [], [], 0, []

    def complain(self, at, what):
        self.errors.append(f"target {at}: {what}")

    def entry(self, at, targets):
        found = self.dump.get(at)
        if found is None:
            if self.flags.eval_sample in ("", "1"):
                self.complain(at, "not in the dump")
            return None
        self.used.add(at)
        if sorted(found["targets"]) != sorted(targets):
            self.complain(at, f"the dump says {found['targets']}, the data {targets}")
        return found

    def check_list(self, at, listed, seen, excluded):
        items = [item for item, _ in listed]
        if len(items) > self.flags.k:
            self.complain(at, f"{len(items)} items, asked for {self.flags.k}")
        if len(set(items)) != len(items):
            self.complain(at, "an item twice in the list")
        for (item, score), (after, lower) in zip(listed, listed[1:]):
            if score < lower or (score == lower and id_key(after) < id_key(item)):
                self.complain(at, f"{item} before {after} is the wrong order")
        for item in items:
            if item not in seen:
                self.complain(at, f"{item} was not seen before")
            if item in excluded:
                self.complain(at, f"{item} is no candidate")

    def single(self, at, target, seen, had):
        entry = self.entry(at, [target])
        if entry is None:
            return
        listed = [(item, score) for item, score in entry["items"]]
        self.check_list(at, listed, seen, had if self.flags.repeats == "exclude" else ())
        result = scores_of([rank_in(listed, target)], 1, self.flags.k)
        self.unseen += target not in seen
        self.all.append(result)
        if target not in had:
            self.novel.append(result)

    def basket(self, at, targets, seen, had):
        entry = self.entry(at, targets)
        if entry is None:
            return
        self.unseen += sum(target not in seen for target in targets)
        listed = [(item, score) for item, score in entry["items"]]
        self.check_list(at, listed, seen, ())
        ranks = [rank_in(listed, target) for target in targets]
        self.all.append(scores_of(ranks, len(targets), self.flags.k))
        fresh = [target for target in targets if target not in had]
        if fresh:
            listed = [(item, score) for item, score in entry["new_items"]]
            self.check_list(at, listed, seen, had)
            ranks = [rank_in(listed, target) for target in fresh]
            self.novel.append(scores_of(ranks, len(fresh), self.flags.k))


def group_of(event, flags):
    user, session = event[0], event[1]
    return user if flags.group == "user" else (session and (session, user)) or user


def warmup_groups(flags, groups):
    if flags.warmup.endswith("%"):
        return int(groups * float(flags.warmup[:-1]) / 100 + 1e-9)
    return int(flags.warmup or 0)


def next_items(events, flags, score):
    order, index = [], {}
    for event in events:
        group = group_of(event, flags)
        if group not in index:
            index[group] = len(index)
            order.append([])
        order[index[group]].append(event)
    if flags.by_group:
        events = [event for group in order for event in group]
    first = warmup_groups(flags, len(index))
    seen, had = set(), defaultdict(set)
    for number, event in enumerate(events):
        group, item = group_of(event, flags), event[3]
        if had[group] and index[group] >= first and number >= flags.warmup_events and event[4] >= flags.eval_from:
            score.single(number + 1, item, seen, had[group])
        seen.add(item)
        had[group].add(item)


def baskets(events, flags, score):
    orders = defaultdict(list)
    for event in events:
        orders[event[2]].append(event)
    seen, had, number = set(), defaultdict(set), 0
    for lines in sorted(orders.values(), key=lambda b: (min(line[4] for line in b), id_key(b[0][2]))):
        user, time = lines[0][0], min(line[4] for line in lines)
        if user and had[user] and time >= flags.eval_from:
            score.basket(number + 1, list(dict.fromkeys(line[3] for line in lines)), seen, had[user])
        for line in lines:
            seen.add(line[3])
            if user:
                had[user].add(line[3])
        number += len(lines)


def last_items(events, flags, score):
    groups = defaultdict(list)
    for event in events:
        groups[group_of(event, flags)].append(event[3])
    counts = {group: len(items) for group, items in groups.items()}
    met, last, seen, had, learned = defaultdict(int), [], set(), defaultdict(set), 0
    for event in events:
        group = group_of(event, flags)
        met[group] += 1
        if met[group] == counts[group]:
            last.append((group, event[3]))
        else:
            learned += 1
            seen.add(event[3])
            had[group].add(event[3])
    for group, item in last:
        learned += 1
        if had[group]:
            score.single(learned, item, seen, had[group])


def compare(score, report):
    def mean(rows, column):
        return sum(row[column] for row in rows) / len(rows) if rows else None

    wrong = score.errors[:10]
    for where, rows, said in (("", score.all, report), ("novel.", score.novel, report["novel"])):
        pairs = [("n", len(rows), said["n"])]
        pairs += [(name, mean(rows, i), said[name]) for i, name in enumerate(("recall", "mrr", "ndcg", "hit"))]
        for name, mine, theirs in pairs:
            if (mine is None) != (theirs is None) or (mine is not None and abs(mine - theirs) > 2e-6):
                wrong.append(f"{where}{name}: scored here {mine}, reported {theirs}")
    if score.unseen != report["unseen"]:
        wrong.append(f"unseen: counted here {score.unseen}, reported {report['unseen']}")
    left = len(score.dump) - len(score.used)
    if left:
        wrong.append(f"{left} lists in the dump are for targets that the protocol does not evaluate")
    return wrong


def parse_flags(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dump", required=True)
    parser.add_argument("--report", required=True)
    parser.add_argument("--eval", default="next-item", choices=["next-item", "basket", "last-item"])
    parser.add_argument("--group", default="session", choices=["session", "user"])
    for name in ("map", "set", "where", "upper"):
        parser.add_argument(f"--{name}", action="append", default=[])
    for name in ("delimiter", "warmup", "eval-sample", "update", "sources"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--repeats", default="allow", choices=["allow", "exclude"])
    parser.add_argument("--eval-from", type=lambda s: int(s) * (1 if int(s) >= 10**11 else 1000), default=-10**18)
    parser.add_argument("--warmup-events", type=int, default=0)
    parser.add_argument("--k", type=int, default=20)
    parser.add_argument("--no-header", action="store_true")
    parser.add_argument("--by-group", action="store_true")
    parser.add_argument("files", nargs="+")
    return parser.parse_args(argv)


def main(argv):
    flags = parse_flags(argv)
    with open(flags.report, encoding="utf-8") as text:
        report = json.load(text)
    score = Score(flags)
    walk = {"next-item": next_items, "basket": baskets, "last-item": last_items}[flags.eval]
    walk(read_events(flags), flags, score)
    wrong = compare(score, report)
    for line in wrong:
        print(f"score_replay: {line}", file=sys.stderr)
    if not wrong:
        print(f"score_replay: {len(score.all)} targets, {len(score.novel)} novel, {score.unseen} unseen: all agree")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
