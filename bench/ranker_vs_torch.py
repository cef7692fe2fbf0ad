#!/usr/bin/python3
"""The deep ranker beside the distribution's PyTorch: the same stream, shapes and optimizer, one core, in turn A, B, A, B.

Usage: bench/ranker_vs_torch.py [--build build/release] [--rounds 2]     (after tools/install.sh bench; the system's python3)

PyTorch twice: 26 embeddings with sparse gradients, as one writes it, and all fields in one embedding, which is faster there;
Adagrad for rows and for the network. Rates are examples a CPU second of learning (its own thread), reading excluded; the losses are
progressive, over the same first examples. Rates of the network and the rows are those of `DeepRankerConfig`.
"""
import argparse
import json
import math
import subprocess
import sys
import tempfile
import time

try:
    import numpy
    import torch
    from torch import nn
except ImportError as missing:
    sys.exit(f"{missing}: run tools/install.sh bench, and this with the system's /usr/bin/python3")

FIELDS, DIM, HEADS, ROWS = 26, 16, 3, 2_000_000
CASES = [(1024, 40 * 1024), (16, 6400), (1, 1000)]  # batch, examples


class Network(nn.Module):
    def __init__(self, rank: int = 16, crosses: int = 2):
        super().__init__()
        n = FIELDS * DIM
        self.down = nn.ModuleList(nn.Linear(n, rank, bias=False) for _ in range(crosses))
        self.up = nn.ModuleList(nn.Linear(rank, n) for _ in range(crosses))
        self.deep = nn.Sequential(nn.Linear(n, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU())
        self.cross_head = nn.Linear(n, HEADS)
        self.deep_head = nn.Linear(128, HEADS, bias=False)
        for layer in [*self.down, *self.up, self.deep[0], self.deep[2]]:
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, x0):
        x = x0
        for down, up in zip(self.down, self.up):
            x = torch.addcmul(x, x0, up(down(x)))
        return self.cross_head(x) + self.deep_head(self.deep(x0))


class Tables(nn.Module):
    def __init__(self, count: int):
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(-(-ROWS // count), DIM, sparse=True) for _ in range(count))
        for table in self.tables:
            nn.init.uniform_(table.weight, -0.05, 0.05)

    def forward(self, values):
        if len(self.tables) == 1:
            return self.tables[0](values).view(-1, FIELDS * DIM)
        each = ROWS // FIELDS
        return torch.cat([table(values[:, i] - i * each) for i, table in enumerate(self.tables)], dim=1)


def torch_run(values, labels, batch: int, examples: int, tables: int) -> tuple[float, float]:
    torch.manual_seed(1)
    rows = Tables(tables)
    network = Network()
    dense = torch.optim.Adagrad(network.parameters(), lr=0.02, initial_accumulator_value=0.01)
    sparse = torch.optim.Adagrad(rows.parameters(), lr=0.05)
    losses = nn.BCEWithLogitsLoss(reduction="sum")
    total = 0.0
    begin = time.thread_time()
    for at in range(0, examples, batch):
        dense.zero_grad(set_to_none=True)
        sparse.zero_grad(set_to_none=True)
        loss = losses(network(rows(values[at:at + batch])), labels[at:at + batch])
        loss.backward()
        dense.step()
        sparse.step()
        total += loss.item()
    spent = time.thread_time() - begin
    return examples / spent, total / examples / HEADS


def torch_scores(values, candidates: int) -> float:
    rows, network = Tables(1), Network()
    spent = []
    with torch.inference_mode():
        for i in range(100):
            begin = time.thread_time()
            network(rows(values[i * 20:i * 20 + candidates]))
            spent.append(time.thread_time() - begin)
    return sorted(spent)[50] * 1e3


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(1)
    ours = f"{args.build}/bench/ranker_bench"
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run([ours, "write", file.name, str(CASES[0][1])], check=True)
        raw = numpy.fromfile(file.name, dtype=numpy.dtype([("values", "<u4", FIELDS), ("labels", "<f4", HEADS)]))
        values = torch.from_numpy(raw["values"].astype(numpy.int64))
        labels = torch.from_numpy(raw["labels"].copy())
        print(f"torch {torch.__version__}, one thread")
        for batch, examples in CASES:
            mine: list[dict] = []
            theirs: dict[int, list[tuple[float, float]]] = {FIELDS: [], 1: []}
            for _ in range(args.rounds):
                said = subprocess.run([ours, "learn", file.name, str(batch), str(examples)], capture_output=True, text=True,
                                      check=True).stdout
                mine.append(json.loads(said))
                for tables, runs in theirs.items():
                    runs.append(torch_run(values, labels, batch, examples, tables))
            rate = sum(each["examples_per_cpu_second"] for each in mine) / args.rounds
            print(f"batch {batch:5}: freshet {rate:9,.0f} examples/CPU s, log loss {mine[0]['log_loss']:.4f}, share of the matrix "
                  f"limit ({mine[0]['gemm_limit_gflops']:.0f} GFLOP/s) {mine[0]['share_of_gemm_limit']:.2f}")
            for tables, runs in theirs.items():
                peer = math.fsum(each[0] for each in runs) / args.rounds
                print(f"    torch, {tables:2} embeddings: {peer:9,.0f}, log loss {runs[0][1]:.4f}; freshet is {rate / peer:.1f}x")
        said = subprocess.run([ours, "score", file.name], capture_output=True, text=True, check=True).stdout
        for each in map(json.loads, said.splitlines()):
            peer = torch_scores(values, each["candidates"])
            print(f"score {each['candidates']}: freshet p50 {each['cpu_p50_ms']:.2f} ms, p99 {each['cpu_p99_ms']:.2f} ms (CPU)   "
                  f"torch p50 {peer:.2f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
