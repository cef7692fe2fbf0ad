"""A freshet server for tests: started on a free loopback port, ended with the block.

    with Server(binary, data_dir, "--set", "log.level=warning") as server:
        server.post("/api/v1/events", lines)
"""
import json
import subprocess
import time
import urllib.error
import urllib.request
from typing import IO


class Server:
    def __init__(self, binary: str, data: str, *more: str, keys: bool = False, diary: IO | int = subprocess.DEVNULL):
        more = more if keys else ("--no-keys", *more)
        self.process = subprocess.Popen([binary, "serve", "--data", data, "--port", "0", *more],
                                        stdout=subprocess.PIPE, stderr=diary, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), f"the server said {line!r}"
        self.url = line.removeprefix("listening on ").strip()
        self.wait_ready()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def wait_ready(self) -> None:
        for _ in range(1200):
            try:
                urllib.request.urlopen(self.url + "/readyz", timeout=30).close()
                return
            except urllib.error.HTTPError:  # It listens before its state is loaded.
                time.sleep(0.02)
        raise TimeoutError("the server did not get ready")

    def get(self, path: str) -> dict:
        with urllib.request.urlopen(self.url + path, timeout=30) as response:
            return json.load(response)

    def post(self, path: str, body: bytes, settle: bool = True) -> dict:
        """Returns when the body is acknowledged and, with `settle`, when answers know of it."""
        request = urllib.request.Request(self.url + path, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        while settle and self.get("/api/v1/status")["log"]["applied"] < answer.get("offset", 0):
            time.sleep(0.02)
        return answer
