#!/usr/bin/env python3
"""The README's curl examples work as pasted: a server is started on a free loopback port and each is run through sh.

Usage: tests/readme_test.py <freshet binary>
"""
import json
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_ready(base: str, server: subprocess.Popen) -> None:
    for _ in range(600):
        if server.poll() is not None:
            sys.exit(f"the server ended with {server.returncode}")
        try:
            urllib.request.urlopen(base + "/readyz", timeout=1)
            return
        except OSError:
            time.sleep(0.05)
    sys.exit("the server did not get ready in 30 s")


def main() -> int:
    binary = sys.argv[1]
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    text = (ROOT / "README.md").read_text()
    blocks = [b for b in re.findall(r"```sh\n(.*?)```", text, re.S) if b.lstrip().startswith("curl")]
    assert len(blocks) >= 5, "the README has lost its examples"
    with tempfile.TemporaryDirectory() as data:
        server = subprocess.Popen([binary, "serve", "--data", data, "--port", str(port), "--no-keys"],
                                  stderr=subprocess.PIPE, text=True)
        try:
            wait_ready(base, server)
            outputs = []
            for block in blocks:
                done = subprocess.run(["sh", "-ec", block.replace("http://127.0.0.1:8080", base)], capture_output=True,
                                      text=True, timeout=30)
                print(f"$ {block.strip()}\n{done.stdout[:600]}\n")
                assert done.returncode == 0, done.stderr
                assert done.stdout.strip(), "no answer"
                outputs.append(done.stdout)
            accepted = json.loads(outputs[1])
            assert accepted["accepted"] == 6, accepted
            page = json.loads(outputs[2])
            for _ in range(50):  # Whoever pastes takes longer than the fold does.
                if page["items"][0]["item"] == "teapot":
                    break
                time.sleep(0.1)
                again = subprocess.run(["sh", "-ec", blocks[2].replace("http://127.0.0.1:8080", base)], capture_output=True, text=True,
                                       timeout=30)
                page = json.loads(again.stdout)
            assert page["items"][0]["item"] == "teapot", page  # What ada and bob turned to after the kettle.
            assert page["items"][0]["reason"], page
            refused = json.loads(outputs[4].splitlines()[0] if "\n" in outputs[4].strip() else outputs[4])
            found = json.loads(outputs[5])
            assert [item["item"] for item in found["items"]] == ["kettle"], found
            print("refused:", refused)
            assert "price" in json.dumps(refused), refused
        finally:
            server.terminate()
            server.wait(20)
    print(f"readme: {len(blocks)} examples work as pasted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
