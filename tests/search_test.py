#!/usr/bin/env python3
"""freshet search, from outside: of a data directory, of a running server, as a table and as JSON.

Usage: tests/search_test.py <path of freshet>
"""
import json
import pathlib
import subprocess
import sys
import tempfile

from server import Server

freshet = sys.argv[1]
ITEMS = [
    {"id": "k1", "title": "Red kettle", "brand": "Acme", "category": "Kitchen > Kettles", "price": 39.9},
    {"id": "k2", "title": "Blue kettle", "brand": "Bravo", "category": "Kitchen > Kettles", "price": 19.5},
    {"id": "s1", "title": "Couch", "brand": "Chair Co", "category": "Living", "price": 499},
]


def run(*args: str, code: int = 0) -> str:
    done = subprocess.run([freshet, "search", *args], capture_output=True, text=True, timeout=120)
    assert done.returncode == code, f"{args}: exit code {done.returncode}, want {code}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def check(where: list[str]) -> dict:
    shown = run("ketle red", "--facets", "brand,category", "--explain", *where)
    for text in ("k1", "Red kettle", "39.90", "2 found in", "did you mean: kettle red", "brand (2)", "Acme", "typo", "title"):
        assert text in shown, f"{text!r} is not in\n{shown}"
    assert "Couch" not in shown, shown
    answer = json.loads(run("kettle", "--filter", "price < 30", "--json", "--attributes", "brand", *where))
    assert [item["item"] for item in answer["items"]] == ["k2"], answer
    assert answer["items"][0]["attributes"]["brand"] == "Bravo", answer
    chosen = json.loads(run("kettle", "--refine", "brand=Acme", "--facets", "brand", "--json", *where))
    assert chosen["found"] == 1 and len(chosen["facets"][0]["values"]) == 2, chosen
    assert [item["item"] for item in json.loads(run("--sort", "-price", "--json", *where))["items"]] == ["s1", "k1", "k2"]
    assert "filter: " in run("kettle", "--filter", "price <", *where, code=1)
    return answer


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = folder + "/shop"
        lines = "\n".join(json.dumps(item) for item in ITEMS).encode()
        with Server(freshet, data) as server:
            server.post("/api/v1/items", lines)
            of_server = check(["--server", server.url])
            of_log = check(["--data", data])  # Beside the running server, from the log alone.
        of_snapshot = check(["--data", data])
        for answer in (of_server, of_log, of_snapshot):
            for name in ("query_id", "took_us"):
                answer.pop(name, None)
        assert of_server == of_log == of_snapshot, (of_server, of_log, of_snapshot)
        before = sorted(str(path) for path in pathlib.Path(data).rglob("*"))
        run("kettle", "--data", data)
        assert sorted(str(path) for path in pathlib.Path(data).rglob("*")) == before  # Nothing is written.
    assert "--refine" in run("--help") and "--server" in run("--help")
    assert "name=value" in run("x", "--refine", "brand", code=2)
    assert "excludes" in run("x", "--data", "a", "--server", "http://127.0.0.1:1", code=2)
    run("x", "--data", "/nowhere", code=1)
    run("x", "--server", "http://127.0.0.1:1", code=1)
    print("freshet search: directory and server agree")


if __name__ == "__main__":
    main()
