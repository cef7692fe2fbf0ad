#!/usr/bin/env python3
"""The web page: its types hold, it builds, and in a real browser it does what it is for, without one console error.

Usage: tests/console_test.py <freshet binary>      exit 77: no npm or no browser here, skipped
CONSOLE_PICTURES=DIR keeps screenshots there.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.request

from server import Server  # tests/server.py

ROOT = pathlib.Path(__file__).resolve().parent.parent
CONSOLE = ROOT / "src" / "console"


def run(*command: str, **more: object) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    print(f"$ {' '.join(command)}\n{done.stdout}", flush=True)
    if done.returncode != 0:
        sys.exit(done.returncode)


def main() -> int:
    binary = os.path.abspath(sys.argv[1])
    if not shutil.which("npm"):
        print("skipped: no npm; install it with tools/install.sh test")
        return 77
    run("tools/build_console.sh", "--strict", cwd=ROOT)
    run("node_modules/.bin/tsc", "--noEmit", cwd=CONSOLE)
    with tempfile.TemporaryDirectory() as scratch:
        history = pathlib.Path(scratch) / "history.jsonl"
        run(binary, "simulate", "--items", "400", "--shoppers", "100", "--seed", "7", "--days", "14", "--start", "now",
            "--events", "6000", "--out", str(history))
        with Server(binary, f"{scratch}/data", "--set", f"server.console_dir={CONSOLE / 'dist'}") as server:
            server.post("/api/v1/events", history.read_bytes())
            for path, kind in (("/", "text/html"), ("/index.html", "text/html")):
                with urllib.request.urlopen(server.url + path, timeout=10) as page:
                    assert page.headers["content-type"].startswith(kind), page.headers
            more = [os.environ["CONSOLE_PICTURES"]] if "CONSOLE_PICTURES" in os.environ else []
            run("node", "smoke.mjs", server.url + "/", *more, cwd=CONSOLE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
