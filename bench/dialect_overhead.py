#!/usr/bin/env python3
"""What the storefront dialect costs over the native API: the same searches at both, in turn, over one connection.

Usage: bench/dialect_overhead.py <freshet binary> [searches]      prints medians in microseconds
"""
import http.client
import json
import pathlib
import random
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
from server import Server  # noqa: E402  tests/server.py

WORDS = "red blue green kettle teapot lamp candle boot sandal steel glass small large warm light garden kitchen".split()


def main() -> None:
    binary, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    draw = random.Random(1)
    items = [{"id": f"p{i}", "name": " ".join(draw.sample(WORDS, 4)), "brand": f"brand {i % 20}", "price": i % 97,
              "description": " ".join(draw.choices(WORDS, k=30)), "colors": draw.sample(["a", "b", "c"], 2),
              "categories": {"lvl0": f"c{i % 5}", "lvl1": f"c{i % 5} > d{i % 25}"}} for i in range(20_000)]
    with tempfile.TemporaryDirectory() as scratch, Server(binary, f"{scratch}/data") as server:
        for at in range(0, len(items), 5000):
            server.post("/api/v1/items", json.dumps(items[at:at + 5000]).encode())
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"))

        def ask(path: str, body: dict) -> tuple[float, dict]:
            text = json.dumps(body)
            begun = time.perf_counter()
            connection.request("POST", path, text)
            answer = connection.getresponse().read()
            return (time.perf_counter() - begun) * 1e6, json.loads(answer)

        times = {"native": [], "dialect": []}
        for turn in range(count + 100):
            query, brand = " ".join(draw.sample(WORDS, 2)), f"brand {draw.randrange(20)}"
            asked = {
                "native": ("/api/v1/search", {
                    "query": query, "filter": f'brand:"{brand}"', "facets": ["brand", "price", "categories.lvl0"],
                    "count": 20, "attributes": ["*"], "highlight": ["*"], "snippets": [], "escape_html": False,
                    "record": False}),
                "dialect": ("/1/indexes/*/queries", {"requests": [{
                    "indexName": "products", "query": query, "facetFilters": [[f"brand:{brand}"]],
                    "facets": ["brand", "price", "categories.lvl0"], "hitsPerPage": 20, "analytics": False}]}),
            }
            names = ("native", "dialect") if turn % 2 else ("dialect", "native")  # The second finds warm caches.
            took = {name: ask(*asked[name]) for name in names}
            one, two = took["native"][1], took["dialect"][1]
            assert one["found"] == two["results"][0]["nbHits"], (query, brand, one["found"], two["results"][0]["nbHits"])
            if turn >= 100:
                for name in names:
                    times[name].append(took[name][0])
        native, dialect = (statistics.median(times[name]) for name in ("native", "dialect"))
        extra = statistics.median(b - a for a, b in zip(times["native"], times["dialect"]))
        print(f"native {native:.0f} us, dialect {dialect:.0f} us, a request's difference {extra:.0f} us (medians of {count})")


if __name__ == "__main__":
    main()
