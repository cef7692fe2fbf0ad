#!/usr/bin/env python3
"""Storefront libraries that nobody here wrote, unmodified, against the real server: only their host option is set.

Usage: tests/clients_test.py <freshet binary> node|browser|feedback|tracking      exit 77: no npm, no registry or no browser here, skipped
Versions are pinned in tests/clients/package-lock.json.
"""
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.request

from server import Server  # tests/server.py

CLIENTS = pathlib.Path(__file__).resolve().parent / "clients"


def run(*command: str, timeout: float = 300, **more: object) -> subprocess.CompletedProcess:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, **more)
    print(f"$ {' '.join(command)}\n{done.stdout}", flush=True)
    return done


def install() -> bool:
    """Exactly what the lock names; once for each lock."""
    lock = hashlib.sha256((CLIENTS / "package-lock.json").read_bytes()).hexdigest()
    stamp = CLIENTS / "node_modules" / ".stamp"
    if stamp.is_file() and stamp.read_text() == lock:
        return True
    if run("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", cwd=CLIENTS, timeout=600).returncode != 0:
        return False
    stamp.write_text(lock)
    return True


def make_key(url: str, admin: str, role: str) -> str:
    request = urllib.request.Request(url + "/api/v1/admin/keys", json.dumps({"name": role, "role": role}).encode(),
                                     {"content-type": "application/json", "x-api-key": admin})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)["key"]


def main() -> int:
    binary, what = str(pathlib.Path(sys.argv[1]).resolve()), sys.argv[2]
    if not shutil.which("npm"):
        print("skipped: no npm; install it with tools/install.sh test")
        return 77
    if not install():
        print("skipped: npm ci failed (above); is the npm registry reachable?")
        return 77
    with tempfile.TemporaryDirectory() as scratch:
        data = f"{scratch}/data"
        with Server(binary, data, keys=True) as server:
            admin = pathlib.Path(data, "admin.key").read_text().strip()
            search = make_key(server.url, admin, "read")
            host = server.url.removeprefix("http://")
            return run("node", f"{what}_clients.mjs", host, admin, search, cwd=CLIENTS).returncode


if __name__ == "__main__":
    sys.exit(main())
