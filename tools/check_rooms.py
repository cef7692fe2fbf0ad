#!/usr/bin/env python3
"""Fails on an #include that the table of rooms (cmake/rooms.cmake, as written to <build>/rooms.txt) does not allow.

Usage: tools/check_rooms.py <rooms.txt> [<src>]
Rules: a room includes itself, base, and the rooms on its line; room/internal/ is included by its own room only;
testing/ is included by tests only; and each third-party or system header belongs to the room named below.
"""
import pathlib
import re
import sys

OWNERS = {  # header prefix -> rooms that may name it; nobody else may
    "boost/beast": {"http"}, "boost/asio": {"http"}, "boost/json": {"http", "json"}, "prometheus/": {"http"},
    "simdjson": {"ingest"}, "expat.h": {"ingest"}, "zlib.h": {"ingest", "http"}, "zstd.h": {"ingest"}, "rocksdb/": {"store"},
    "unicode/": {"text"}, "xxhash.h": {"base"}, "roaring/": {"base"}, "spdlog/": {"env"}, "openssl/": {"env"}, "fmt/": {"env"}, "toml++/": {"main"},
    "CLI/": {"main"}, "sys/": {"env", "main"}, "unistd.h": {"env", "main"}, "fcntl.h": {"env"},
    "immintrin.h": {"model"},
}


def main() -> int:
    table = {}
    for line in pathlib.Path(sys.argv[1]).read_text().splitlines():
        room, _, deps = line.partition(":")
        table[room] = set(deps.split())
    src = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "src")
    errors = []
    for path in sorted([*src.rglob("*.h"), *src.rglob("*.cc")]):
        room = path.relative_to(src).parts[0]
        is_test = path.name.endswith("_test.cc") or "testing" in path.parts
        if room not in table:
            errors.append(f"{path}: src/{room} is not a room of cmake/rooms.cmake")
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
            if not found:
                continue
            where, header = f"{path}:{number}", found.group(2)
            if found.group(1) == "<":
                for prefix, rooms in OWNERS.items():
                    if header.startswith(prefix) and room not in rooms and not is_test:
                        errors.append(f"{where}: <{header}> may only be named by {', '.join(sorted(rooms))}")
                continue
            target = header.split("/")[0]
            if target != room and target != "base" and target not in table[room] and not is_test:
                errors.append(f"{where}: room {room} may not include {target} (see cmake/rooms.cmake)")
            if "/internal/" in header and target != room:
                errors.append(f"{where}: {header} is internal to {target}")
            if "/testing/" in header and not is_test:
                errors.append(f"{where}: {header} is for tests only")
    print("\n".join(errors) or f"rooms: {len(table)} rooms, every include allowed")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
