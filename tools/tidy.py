#!/usr/bin/env python3
"""Tidy is a test: what review would otherwise have to say again and again.

Usage: tools/tidy.py [<root>]      prints each finding as path:line: what to do; exits 1 when there is one
"""
import pathlib
import re
import subprocess
import sys

LINES_MAX = 600          # of a file
FUNCTION_LINES_MAX = 90  # of a function body: it should fit on a screen
BLOB_BYTES_MAX = 400_000
LANGUAGES = {".cc", ".h", ".py", ".ts", ".sh", ".cmake"}

BANNED = [  # (pattern, files it is looked for in, what to do instead)
    (r"\bstd::rand\b|\bsrand\(|\bstd::mt19937|\brandom_device", ".cc .h", "use Draw (base/hash.h): draws are keyed"),
    (r"\bunordered_map<[^>]*>\s*\w+\s*;.*// ?iterated", ".cc .h", "iteration order must not reach results"),
    (r"\bsystem_clock\b|\btime\((nullptr|NULL|0)\)|\bgettimeofday\b", ".cc .h", "use env/clock.h; folds know no clock"),
    (r"\bassert\(", ".cc .h", "use CHECK (base/result.h): it stays on in release"),
    (r"\bsprintf\(|\bstrcpy\(|\bstrcat\(", ".cc .h", "bounded formatting only"),
    (r"\bstd::cout\b|\bstd::cerr\b", ".cc .h", "print through main/ helpers or env/log.h"),
    (r"\b(TODO|FIXME|XXX|HACK)\b", ".cc .h .py .ts .sh", "do it, or say in docs/ what is not there"),
    (r"\busing namespace std\b", ".cc .h", "name what you use"),
    (r"\bthrow\s+(?!CLI::)\w", ".cc .h", "return a Status or a Result"),  # CLI11 takes errors of flags as exceptions
]
NAMESPACE = re.compile(r"^namespace (\S+) \{", re.M)
TYPE = re.compile(r"^(?:struct|class|enum class|enum|union) (\w+)(?: final)?(?: :[^:;{][^;{]*)? \{|^using (\w+) =", re.M)
CLOCK_ROOMS = {"src/env/"}


def tracked(root: pathlib.Path) -> list[pathlib.Path]:
    out = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"], capture_output=True,
                         text=True, check=True).stdout
    return [root / name for name in out.splitlines() if (root / name).is_file()]


def functions(lines: list[str]):
    """(first line, length) of each function body in clang-formatted C++: from a `{` that ends an unindented line (or one
    indented by two in a class) to the `}` in the same column. Namespaces, types and initialisers are left out."""
    opener = re.compile(r"^( {0,2})(?! )(?!namespace|struct|class|enum|union|extern|constexpr|const |static const|\}|#|//)"
                        r".*\)( const)?( noexcept)?( override)?( final)?( ->.*)? \{$|^( {0,2})\S.*\) : .*\{$")
    for number, line in enumerate(lines):
        found = opener.match(line)
        if not found:
            continue
        indent = len(line) - len(line.lstrip())
        for end in range(number + 1, len(lines)):
            if lines[end].startswith(" " * indent + "}"):
                yield number + 1, end - number
                break


def types(text: str) -> set[str]:
    """Types that a header declares whole at the margin, with the namespace they are in."""
    room = NAMESPACE.search(text)
    return {f"{room[1] if room else ''}::{found[1] or found[2]}" for found in TYPE.finditer(text)}


def same_names(files: list[pathlib.Path], root: pathlib.Path) -> list[str]:
    """Two types of one name in one program are one type to the linker, which takes the functions of either."""
    seen: dict[str, str] = {}
    findings = []
    for path in files:
        name = path.relative_to(root).as_posix()
        if path.suffix == ".h" and "/testing/" not in name:
            for one in types(path.read_text(encoding="utf-8")):
                if one in seen:
                    findings.append(f"{name}:1: {one} is a type of {seen[one]}, too: give it a name of its own")
                seen[one] = name
    return findings


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    files = tracked(root)
    findings = same_names(files, root)
    for path in files:
        name = path.relative_to(root).as_posix()
        if path.stat().st_size > BLOB_BYTES_MAX:
            findings.append(f"{name}:1: {path.stat().st_size} bytes: data and pictures do not belong in the repository")
            continue
        if path.suffix not in LANGUAGES and path.name not in ("test", "demo", "CMakeLists.txt"):
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        if len(lines) > LINES_MAX:
            findings.append(f"{name}:{LINES_MAX}: {len(lines)} lines: a file should fit in a head, split it")
        for number, line in enumerate(lines, 1):
            if line != line.rstrip():
                findings.append(f"{name}:{number}: white space at the end of the line")
            for pattern, suffixes, advice in BANNED:
                if path.suffix in suffixes.split() and re.search(pattern, line) and path.name != "tidy.py" and not (name.endswith("_test.cc") and "throw" in pattern) \
                        and not any(name.startswith(room) for room in CLOCK_ROOMS):
                    findings.append(f"{name}:{number}: {line.strip()[:60]}: {advice}")
        if path.suffix in (".cc", ".h"):
            if path.suffix == ".h" and "#pragma once" not in lines:
                findings.append(f"{name}:1: a header begins with its comment and #pragma once")
            for number, length in functions(lines):
                if length > FUNCTION_LINES_MAX and not name.endswith("_test.cc"):
                    findings.append(f"{name}:{number}: {length} lines in one function (at most {FUNCTION_LINES_MAX})")
    print("\n".join(findings) or "tidy: nothing to say")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
