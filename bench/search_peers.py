#!/usr/bin/env python3
"""Our search index beside SQLite FTS5, Xapian, Groonga and Lucene: one corpus, one core, one run.

Usage: bench/search_peers.py <build dir> [--products N] [--seconds S] [--work DIR] [--only NAME,...]
A million made-up products of 5 to 12 words (Zipf), top 10 by BM25 of 1 to 3 terms, AND and OR. Times are of the thread's
own CPU, so that other work on the machine counts little. Peers are separate programs from the distribution's packages
(tools/install.sh bench; Lucene through maven); one that is absent is left out and said.
Exits 1 when a target is missed: median 3x (SQLite, Xapian, Groonga) and 1.5x (Lucene), our p99 below 1.5 ms.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
LIBRARIES = {"sqlite": "-lsqlite3", "xapian": "-lxapian", "groonga": "-lgroonga"}
TARGET = {"sqlite": 3.0, "xapian": 3.0, "groonga": 3.0, "lucene": 1.5}
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>b</groupId>
<artifactId>b</artifactId><version>1</version><dependencies><dependency><groupId>org.apache.lucene</groupId>
<artifactId>lucene-core</artifactId><version>9.12.0</version></dependency></dependencies></project>"""


def command(name: str, build: pathlib.Path, work: pathlib.Path, files: pathlib.Path, seconds: float) -> list[str]:
    """The command that measures a peer; builds it first."""
    if name == "freshet":
        return [str(build / "bench/search_speed"), str(files)]
    place = work / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    if name == "lucene":
        jars = work / "jars"
        if not any(jars.glob("lucene-core*.jar")):
            (place / "pom.xml").write_text(POM, encoding="utf-8")
            subprocess.run(["mvn", "-q", "dependency:copy-dependencies", f"-DoutputDirectory={jars}"], cwd=place, check=True)
        subprocess.run(["javac", "-cp", f"{jars}/*", "-d", str(place), str(HERE / "peers/LucenePeer.java")], check=True)
        return ["java", "-Xmx4g", "-XX:+UseSerialGC", "-cp", f"{jars}/*:{place}", "LucenePeer", str(files), str(seconds), str(place)]
    flags = subprocess.run(["pkg-config", "--cflags", "groonga"], capture_output=True, text=True, check=True).stdout.split() if name == "groonga" else []
    program = place / "peer"
    subprocess.run(["g++", "-O2", "-std=c++20", *flags, str(HERE / f"peers/{name}_peer.cc"), "-o", str(program), LIBRARIES[name]], check=True)
    return [str(program), str(files), str(seconds), str(place)]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--products", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=5, help="at most, for each peer and kind of query")
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--only", default="freshet,lucene,xapian,groonga,sqlite")
    args = parser.parse_args()
    work = args.work or pathlib.Path(tempfile.mkdtemp(prefix="search_peers."))
    files = work / "files"
    files.mkdir(parents=True, exist_ok=True)
    subprocess.run([args.build / "bench/search_speed", "--files", files, str(args.products)], check=True)
    seen: dict[str, dict[str, tuple[float, float]]] = {}
    for name in args.only.split(","):
        try:
            asked = ["taskset", "-c", "0", *command(name, args.build, work, files, args.seconds)]
            done = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{name}: left out ({error})", file=sys.stderr)
            continue
        for line in done.stdout.splitlines():
            words = line.split()
            if words and words[0] == "index":
                print(f"{name}: indexed {args.products / float(words[1]):,.0f} products/s", flush=True)
            elif len(words) == 5:
                seen.setdefault(f"{words[0]} {words[1]}", {})[name] = (float(words[2]), float(words[3]))
    missed = 0
    print(f"\n{'us: median / p99':18}" + "".join(f"{name:>24}" for name in args.only.split(",")))
    for group, row in seen.items():
        cells = []
        for name in args.only.split(","):
            if name not in row:
                cells.append(f"{'-':>24}")
                continue
            ratio = row[name][0] / row["freshet"][0] if "freshet" in row else 0
            cells.append(f"{row[name][0]:,.0f} / {row[name][1]:,.0f}".rjust(16) + (f"{ratio:7.1f}x" if name != "freshet" else " " * 8))
            missed += name != "freshet" and ratio < TARGET[name] or name == "freshet" and row[name][1] > 1500
        print(f"{group:18}" + "".join(cells))
    print("targets missed:", missed)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
