#!/usr/bin/env python3
"""Recomputes what `freshet eval search` says, from the rankings it dumped and the label file alone.

Usage: tools/score_search.py <dump.jsonl> <labels.tsv[.gz]> --gain A,B --relevant-min X
The label file has query id, item id and label as its first three columns. Prints the same keys as --json.
"""
import argparse
import gzip
import json
import math


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dump")
    parser.add_argument("labels")
    parser.add_argument("--gain", required=True, help="A,B: gain = (label - A) / (B - A)")
    parser.add_argument("--relevant-min", type=float, required=True)
    args = parser.parse_args()
    low, high = map(float, args.gain.split(","))
    opener = gzip.open if args.labels.endswith(".gz") else open
    judged: dict[str, dict[str, float]] = {}
    with opener(args.labels, "rt", encoding="utf-8") as lines:
        next(lines)
        for line in lines:
            query, item, label = line.rstrip("\n").split("\t")[:3]
            judged.setdefault(query, {})[item] = float(label)
    ndcg, mrr, recall, right, pairs, zero, queries = [], [], [], 0.0, 0, 0, 0
    with open(args.dump, encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            labels = judged[row["query_id"]]
            gains = {item: (label - low) / (high - low) for item, label in labels.items()}
            ideal = sum(g / math.log2(i + 2) for i, g in enumerate(sorted(gains.values(), reverse=True)[:10]))
            queries += 1
            zero += not row["items"]
            if ideal > 0:
                got = sum(gains.get(item, 0) / math.log2(i + 2) for i, item in enumerate(row["items"][:10]))
                ndcg.append(got / ideal)
            relevant = {item for item, label in labels.items() if label >= args.relevant_min - 1e-9}
            if relevant:
                found = [i for i, item in enumerate(row["items"][:100]) if item in relevant]
                recall.append(len(found) / len(relevant))
                mrr.append(1 / (found[0] + 1) if found else 0)
            scores = dict(zip(row["items"], row["scores"]))
            items = sorted(gains)
            for i, a in enumerate(items):
                for b in items[i + 1:]:
                    if abs(gains[a] - gains[b]) < 0.3 - 1e-9:
                        continue
                    better, worse = (a, b) if gains[a] > gains[b] else (b, a)
                    x, y = scores.get(better, -math.inf), scores.get(worse, -math.inf)
                    pairs += 1
                    right += 1 if x > y else 0.5 if x == y else 0
    mean = lambda values: sum(values) / max(1, len(values))
    print(json.dumps({"queries": queries, "ndcg10": mean(ndcg), "mrr": mean(mrr), "recall100": mean(recall),
                      "pairs": right / max(1, pairs), "pair_count": pairs, "zero_results": zero}))


if __name__ == "__main__":
    main()
