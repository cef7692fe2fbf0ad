#!/usr/bin/env python3
"""The web pages: types hold, they build, they are small, and in a real browser they do what they are for, without one
console error and without a serious violation that axe-core knows.

Usage: tests/web_test.py <freshet binary> shop|console [folder for screenshots]      exit 77: no npm or no browser here
"""
import gzip
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.request

from server import Server  # tests/server.py

ROOT = pathlib.Path(__file__).resolve().parent.parent
WEB = ROOT / "src" / "web"
BYTES_MAX = 300 << 10  # Of a page, compressed.


def run(*command: str, **more: object) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    print(f"$ {' '.join(command)}\n{done.stdout}", flush=True)
    if done.returncode != 0:
        sys.exit(done.returncode)


def make_key(url: str, admin: str, role: str) -> str:
    request = urllib.request.Request(url + "/api/v1/admin/keys", json.dumps({"name": role, "role": role}).encode(),
                                     {"content-type": "application/json", "x-api-key": admin})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)["key"]


def weigh(page: pathlib.Path) -> None:
    size = sum(len(gzip.compress(path.read_bytes())) for path in [page / "index.html", *(page / "assets").iterdir()])
    print(f"{page.relative_to(WEB)}: {size / 1024:.1f} KiB compressed", flush=True)
    assert size < BYTES_MAX, f"expected less than {BYTES_MAX} bytes"


def every_shelf_says_why(url: str, history: pathlib.Path) -> None:
    items = list(dict.fromkeys(event["item"] for event in map(json.loads, history.open()) if event.get("type") == "view"))
    silent = 0
    for item in items[:100]:
        asked = {"surface": "related", "items": [item], "user": f"reads {item}", "k": 12}
        request = urllib.request.Request(url + "/api/v1/recommend", json.dumps(asked).encode(), {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as response:
            silent += sum(not one["reason"] for one in json.load(response)["items"])
    print(f"100 shelves, {silent} products without a reason that can be read", flush=True)
    assert silent == 0


def main() -> int:
    binary, what = os.path.abspath(sys.argv[1]), sys.argv[2]
    if not shutil.which("npm"):
        print("skipped: no npm; install it with tools/install.sh test")
        return 77
    run("tools/build_web.sh", "--strict", cwd=ROOT)
    run("node_modules/.bin/tsc", "--noEmit", cwd=WEB)
    dist = WEB / "dist"
    page = dist if what == "shop" else dist / "console"
    weigh(page)
    pictures = [os.path.abspath(sys.argv[3])] if len(sys.argv) > 3 else []
    for folder in pictures:
        os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        history = pathlib.Path(scratch) / "history.jsonl"
        run(binary, "simulate", "--items", "1200", "--shoppers", "300", "--seed", "7", "--days", "14", "--start", "now",
            "--events", "12000", "--out", str(history))
        run(binary, "import", str(history), "--data", f"{scratch}/data")
        with Server(binary, f"{scratch}/data", "--set", f"server.console_dir={dist}") as server:
            run("tools/shop_settings.py", server.url, cwd=ROOT)
            path = "/" if what == "shop" else "/console/"
            with urllib.request.urlopen(server.url + path, timeout=10) as answer:
                assert answer.headers["content-type"].startswith("text/html"), answer.headers
            if what == "shop":
                every_shelf_says_why(server.url, history)
                run("node", "shop.test.mjs", server.url + path, *pictures, cwd=WEB)
                return 0
            keyed = f"{scratch}/keyed"
            with Server(binary, keyed, "--set", f"server.console_dir={dist}", keys=True) as other:
                admin = pathlib.Path(keyed, "admin.key").read_text().strip()
                env = {**os.environ, "KEYED": f"{other.url}/ {admin} {make_key(other.url, admin, 'read')}"}
                run("node", "console.test.mjs", server.url + path, *pictures, cwd=WEB, env=env)
    return 0


if __name__ == "__main__":
    sys.exit(main())
