#!/usr/bin/env python3
"""clang-tidy over the sources of rooms, all but tests.

Usage: tools/lint.py [<build folder>] [<room>...]      prints what was found; exits 1 when there is something

Nearly all of its time goes into headers, so many sources are read as one piece, as far as the names that each keeps for itself
differ (tools/pieces.py). A piece that does not compile is read in halves.
Left out: model/math*.cc, model/dense_kernels.cc and model/row_step*.cc, whose names of instruction sets clang-tidy 14 does not
know.
"""
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

from pieces import pieces

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOGETHER = 32
LEFT_OUT = re.compile(r"_test\.cc$|/testing/|/model/math[^/]*\.cc$|/model/dense_kernels\.cc$|/model/row_step[^/]*\.cc$")
# What only GCC understands, above all the headers that it has read before; files are to name what they include.
ONLY_GCC = re.compile(r" -include \S*cmake_pch\.hxx| -Winvalid-pch| -fpch-preprocess"
                      r"| --param=\S+| -Wno-(?:restrict|stringop-\w+|subobject-linkage)| -Wshadow=local")


def sources(room: str) -> list[pathlib.Path]:
    found = sorted((ROOT / "src" / room).rglob("*.cc"))
    return [path for path in found if not LEFT_OUT.search(path.as_posix())]


class Linter:
    def __init__(self, build: pathlib.Path, scratch: pathlib.Path):
        self.scratch = scratch
        self.lock = threading.Lock()
        self.numbers = 0
        database = json.loads((build / "compile_commands.json").read_text())
        # Any file of the topmost room: it has the definitions and folders of all rooms below.
        self.command = next(one for one in database if "freshet_main.dir" in one["command"])
        self.split = 0

    def tidy(self, files: list[pathlib.Path]) -> str:
        with self.lock:
            self.numbers += 1
            folder = self.scratch / str(self.numbers)
        folder.mkdir()
        unit = folder / "unit.cc" if len(files) > 1 else files[0]
        if len(files) > 1:
            unit.write_text("".join(f'#include "{path}"\n' for path in files))
        told = ONLY_GCC.sub("", self.command["command"].replace(self.command["file"], str(unit)))
        told += ' -DFRESHET_VERSION=\\"\\"'
        (folder / "compile_commands.json").write_text(json.dumps([{**self.command, "file": str(unit), "command": told}]))
        # Names of one file may hide those of another only because they are read together.
        more = ["--checks=-bugprone-suspicious-include", "--extra-arg=-Wno-shadow"] if len(files) > 1 else []
        done = subprocess.run(["clang-tidy-14", "--quiet", "-p", str(folder), "--header-filter=.*/src/.*",
                               f"--config-file={ROOT / '.clang-tidy'}", *more, str(unit)], capture_output=True, text=True)
        return done.stdout

    def findings(self, files: list[pathlib.Path]) -> list[str]:
        found = self.tidy(files)
        if len(files) == 1 or "clang-diagnostic-error" not in found:
            return [found] if found.strip() else []
        with self.lock:
            self.split += 1
        half = len(files) // 2
        return self.findings(files[:half]) + self.findings(files[half:])


def main() -> int:
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/release").resolve()
    rooms = sys.argv[2:] or [line.split(":")[0] for line in (build / "rooms.txt").read_text().splitlines()]
    files = [path for room in rooms for path in sources(room)]
    work = sorted(pieces(files, TOGETHER), key=len, reverse=True)
    with tempfile.TemporaryDirectory() as scratch, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        linter = Linter(build, pathlib.Path(scratch))
        found = collections.Counter(text for texts in pool.map(linter.findings, work) for text in texts)
    print("".join(found) or f"lint: {len(files)} files in {len(work)} pieces, {linter.split} of them in halves")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
