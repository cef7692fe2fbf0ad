#!/usr/bin/env python3
"""Sorts source files into pieces that can be compiled, or linted, as one: most of the time of either goes into headers.

Usage: tools/pieces.py <most files of a piece> <file>...      prints a piece a line, its files separated by ';'

Files come together as far as the names that each keeps for itself differ. Names are found by their place at the margin, too
many rather than too few; a name that two files of a piece have all the same is a compiler's error.
"""
import pathlib
import re
import sys

OWN = re.compile(r"^(?!namespace\b|\s|//|\}|#include|using namespace)[^(={;]*?(?<!::)\b(\w+)\s*(?:[(={;\[]|:(?!:))|^#define (\w+)")
CONSTANT = re.compile(r"\b(k[A-Z]\w*)(?: =|\[)")
NO_NAME = re.compile(r" final\b|^(?:TEST(?:_\w+)?|INSTANTIATE_TEST_SUITE_P)\(.*|__attribute__\(\(.*?\)\)")


def own_names(path: pathlib.Path) -> set[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    found = (OWN.match(NO_NAME.sub("", line)) for line in lines)
    listed = (name for line in lines if line.startswith("constexpr") for name in CONSTANT.findall(line))
    return {name for one in found if one for name in one.groups() if name} | set(listed)


def pieces(paths: list[pathlib.Path], most: int) -> list[list[pathlib.Path]]:
    out: list[tuple[list[pathlib.Path], set[str]]] = []
    for path in paths:
        names = own_names(path)
        for files, taken in out:
            if len(files) < most and not names & taken:
                files.append(path)
                taken |= names
                break
        else:
            out.append(([path], names))
    return [files for files, _ in out]


if __name__ == "__main__":
    for piece in pieces([pathlib.Path(name) for name in sys.argv[2:]], int(sys.argv[1])):
        print(";".join(map(str, piece)))
