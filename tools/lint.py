#!/usr/bin/env python3
"""clang-tidy over the sources of rooms, all but tests.

Usage: tools/lint.py [<build folder>] [<room>...]      prints what was found; exits 1 when there is something

Most of its time goes into the headers of the standard library, so sources of a room are read together, eight in one
piece, as far as the names that each keeps for itself differ. A piece that does not compile is read file by file.
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

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOGETHER = 8
LEFT_OUT = re.compile(r"_test\.cc$|/testing/|/model/math[^/]*\.cc$|/model/dense_kernels\.cc$|/model/row_step[^/]*\.cc$")
OWN = re.compile(r"^(?!namespace\b|\s|//|\}|#include|using namespace)[^(={;]*?(?<!::)\b(\w+)\s*(?:[(={;\[]|:(?!:))|^#define (\w+)")
# Headers that the compiler has read before, which only it understands; files are to name what they include.
PRECOMPILED = re.compile(r" -include \S*cmake_pch\.hxx| -Winvalid-pch| -fpch-preprocess| -Wno-(?:restrict|stringop-\w+)")


def sources(room: str) -> list[pathlib.Path]:
    found = sorted((ROOT / "src" / room).rglob("*.cc"))
    return [path for path in found if not LEFT_OUT.search(path.as_posix())]


def own_names(path: pathlib.Path) -> set[str]:
    """Names that begin at the margin: of the file itself, or of its room; too many rather than too few."""
    found = (OWN.match(line) for line in path.read_text(encoding="utf-8").splitlines())
    return {name for one in found if one for name in one.groups() if name}


def pieces(paths: list[pathlib.Path]) -> list[list[pathlib.Path]]:
    out: list[tuple[list[pathlib.Path], set[str]]] = []
    for path in paths:
        names = own_names(path)
        for files, taken in out:
            if len(files) < TOGETHER and not names & taken:
                files.append(path)
                taken |= names
                break
        else:
            out.append(([path], names))
    return [files for files, _ in out]


class Linter:
    def __init__(self, build: pathlib.Path, scratch: pathlib.Path):
        self.scratch = scratch
        database = json.loads((build / "compile_commands.json").read_text())
        self.commands = {one["file"]: one for one in database}

    def check(self, number: int, files: list[pathlib.Path]) -> tuple[list[pathlib.Path], str]:
        """The files that could not be read together, and the findings of the others."""
        folder = self.scratch / str(number)
        folder.mkdir()
        unit = folder / "unit.cc" if len(files) > 1 else files[0]
        if len(files) > 1:
            unit.write_text("".join(f'#include "{path}"\n' for path in files))
        command = self.commands[str(files[0])]
        told = PRECOMPILED.sub("", command["command"].replace(str(files[0]), str(unit)))
        (folder / "compile_commands.json").write_text(json.dumps([{**command, "file": str(unit), "command": told}]))
        # Names of one file may hide those of another only because they are read together.
        more = ["--checks=-bugprone-suspicious-include", "--extra-arg=-Wno-shadow"] if len(files) > 1 else []
        done = subprocess.run(["clang-tidy-14", "--quiet", "-p", str(folder), "--header-filter=.*/src/.*",
                               f"--config-file={ROOT / '.clang-tidy'}", *more, str(unit)], capture_output=True, text=True)
        if len(files) > 1 and "clang-diagnostic-error" in done.stdout:
            return files, ""
        return [], done.stdout


def main() -> int:
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/release").resolve()
    rooms = sys.argv[2:] or [line.split(":")[0] for line in (build / "rooms.txt").read_text().splitlines()]
    work = collections.deque(piece for room in rooms for piece in pieces(sources(room)))
    files = sum(len(piece) for piece in work)
    findings: dict[str, None] = {}
    with tempfile.TemporaryDirectory() as scratch, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        linter = Linter(build, pathlib.Path(scratch))
        done = list(pool.map(linter.check, range(len(work)), work))
        alone = [[path] for split, _ in done for path in split]
        done += pool.map(linter.check, range(len(work), len(work) + len(alone)), alone)
    for _, text in done:
        if text.strip():
            findings[text] = None
    print("".join(findings) or f"lint: {files} files, {len(alone)} of them alone")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
