#!/usr/bin/env python3
"""Time to adopt: from a CSV catalogue and a CSV event file to a shop that searches and recommends, by three commands.

    freshet import catalogue.csv --items --data shop
    freshet import events.csv --data shop
    freshet serve --data shop --no-keys            ready when /readyz says so

Usage: bench/adopt.py <freshet binary> [--items 100000] [--events 1000000] [--shoppers 50000] [--folder DIR] [--json]

The files are made of `freshet simulate` (not counted; a folder given is kept, and what is in it is used again). Wall times
as a newcomer feels them, and the processor time of each command. Ends with 1 when the shop does not find or recommend.
"""
import argparse
import csv
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request

ITEM_COLUMNS = ("id", "title", "category", "brand", "price", "available", "color", "style", "rating")
EVENT_COLUMNS = ("time", "user", "session", "type", "item", "query", "query_id", "price", "quantity", "currency", "order_id", "rating")
TYPES = {"search", "view", "click", "wishlist", "add-to-cart", "remove-from-cart", "purchase", "rating", "dismiss"}
TARGET_S = 120


def make_files(binary: str, folder: pathlib.Path, wanted: argparse.Namespace) -> None:
    """catalogue.csv and events.csv of a generated shop, with exactly so many events of shoppers."""
    stream = subprocess.Popen([binary, "simulate", "--items", str(wanted.items), "--shoppers", str(wanted.shoppers), "--seed", "5",
                               "--events", str(2 * wanted.events + 2 * wanted.items), "--days", "28", "--out", "-"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    count = 0
    with open(folder / "catalogue.csv", "w", newline="") as items, open(folder / "events.csv", "w", newline="") as events:
        catalogue, history = csv.writer(items), csv.writer(events)
        catalogue.writerow(ITEM_COLUMNS)
        history.writerow(EVENT_COLUMNS)
        for line in stream.stdout:
            event = json.loads(line)
            if event["type"] == "item-upsert":
                about = {**event["attributes"], "id": event["item"]}
                catalogue.writerow([json.dumps(about[name]) if isinstance(about.get(name), bool) else about.get(name, "") for name in ITEM_COLUMNS])
            elif event["type"] in TYPES:
                history.writerow([event.get(name, "") for name in EVENT_COLUMNS])
                count += 1
                if count == wanted.events:
                    break
    stream.kill()
    stream.wait()
    if count < wanted.events:
        sys.exit(f"the generated shop had {count} events only")


def children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(name: str, *command: str) -> dict:
    begun, cpu = time.monotonic(), children_cpu()
    done = subprocess.run([*command, "--json"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    report = json.loads(done.stdout)
    if report["rejected"]:
        sys.exit(f"{name}: {report['rejected']} rows refused: {report['reasons']}")
    return {"name": name, "command": " ".join(command), "rows": report["accepted"], "seconds": time.monotonic() - begun, "cpu_seconds": children_cpu() - cpu}


def cpu_of(process: int) -> float:
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask(url: str, path: str, body: dict | None = None) -> dict:
    request = urllib.request.Request(url + path, None if body is None else json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def serve(binary: str, data: str, user: str) -> tuple[dict, dict]:
    """Starts the server, waits until it is ready, and asks it what a shop would."""
    begun = time.monotonic()
    command = [binary, "serve", "--data", data, "--port", "0", "--no-keys", "--set", "diary.level=warn"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().removeprefix("listening on ").strip()
        while True:
            try:
                urllib.request.urlopen(url + "/readyz", timeout=5).close()
                break
            except OSError:
                if server.poll() is not None:
                    sys.exit(f"the server ended with {server.returncode}")
                time.sleep(0.1)
        step = {"name": "serve, until ready", "command": f"{binary} serve --data {data} --no-keys", "seconds": time.monotonic() - begun, "cpu_seconds": cpu_of(server.pid)}
        status = ask(url, "/api/v1/status")
        step["rows"] = status["log"]["applied"]
        found = ask(url, "/api/v1/search", {"query": "runing shoes", "record": False})
        page = ask(url, f"/api/v1/recommend?surface=for-you&user={user}&k=5&record=false&explain=true")
        answers = {"found": found["found"], "search_us": found["took_us"], "recommended": len(page["items"]), "knows_steps": page["context_steps"],
                   "resident_mb": status["memory"]["resident_bytes"] >> 20}
    finally:
        server.terminate()
        server.wait(120)
    return step, answers


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--shoppers", type=int, default=50_000)
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    binary = str(pathlib.Path(wanted.binary).resolve())
    with tempfile.TemporaryDirectory() as scratch:
        folder = wanted.folder or pathlib.Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "events.csv").exists():
            make_files(binary, folder, wanted)
        with open(folder / "events.csv", newline="") as events:
            user = next(csv.DictReader(events))["user"]
        data = f"{scratch}/shop"
        steps = [run("import products", binary, "import", str(folder / "catalogue.csv"), "--items", "--data", data),
                 run("import events", binary, "import", str(folder / "events.csv"), "--data", data)]
        step, answers = serve(binary, data, user)
        steps.append(step)
    total = sum(one["seconds"] for one in steps)
    if wanted.json:
        print(json.dumps({"steps": steps, "seconds": total, "target_seconds": TARGET_S, "answers": answers}, indent=2))
    else:
        for one in steps:
            print(f"{one['name']:<20} {one['rows']:>10,} rows {one['seconds']:>8.1f} s   {one['cpu_seconds']:>7.1f} s of processor")
        print(f"{'all three':<20} {'':>15} {total:>8.1f} s   (target: {TARGET_S})")
        print(f"then: {answers['found']:,} found for \"runing shoes\" in {answers['search_us'] / 1000:.1f} ms, {answers['recommended']} recommended to a shopper "
              f"with {answers['knows_steps']} known steps, {answers['resident_mb']:,} MB resident")
    return 0 if answers["found"] and answers["recommended"] and answers["knows_steps"] else 1


if __name__ == "__main__":
    sys.exit(main())
