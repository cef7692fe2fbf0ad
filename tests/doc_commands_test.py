#!/usr/bin/env python3
"""Commands of a document work as pasted: its ```sh blocks are run in their order in an empty folder, with the program on the path
and a server where they expect one (and another service, at search.elsewhere.example, with one record).

Usage: tests/doc_commands_test.py <freshet binary> <document>
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from server import Server  # tests/server.py


def main() -> int:
    binary, document = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    blocks = re.findall(r"```sh\n(.*?)```", document.read_text(), re.S)
    assert blocks, f"{document} has lost its commands"
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "bin")
        path.mkdir()
        (path / "freshet").symlink_to(binary)
        with Server(str(binary), f"{folder}/served") as server, Server(str(binary), f"{folder}/elsewhere") as elsewhere:
            elsewhere.post("/1/indexes/products/batch", b'{"requests": [{"action": "addObject", "body": {"objectID": "kettle", "name": "Kettle"}}]}')
            pathlib.Path(folder, "elsewhere.key").write_text("a-key\n")
            for block in blocks:
                # A command that prints an error must not pass for one that works: curl gets --fail-with-body.
                text = block.replace("http://127.0.0.1:8080", server.url).replace("https://search.elsewhere.example", elsewhere.url)
                text = text.replace("curl -s", "curl -sS --fail-with-body")
                done = subprocess.run(["sh", "-ec", text], cwd=folder, capture_output=True, text=True, timeout=120,
                                      env={**os.environ, "PATH": f"{path}:{os.environ['PATH']}"})
                print(f"$ {block.strip()}\n{done.stdout[:2000]}{done.stderr[:2000]}", flush=True)
                if done.returncode != 0:
                    print(f"FAIL exit code {done.returncode}")
                    return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
