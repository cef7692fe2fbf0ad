#!/usr/bin/env python3
"""Documents must stay true: every path they name exists, and every command and flag is one the program has.

Usage: tools/check_docs.py <freshet binary> [<root>]
Looks at README.md, ARCHITECTURE.md, CONTRIBUTING.md and docs/**/*.md:
  [text](path)        a relative link must lead to a file
  `path/like/this.h`  a backticked path with a slash and a known ending must exist (from the root or from src/)
  freshet command --flag   in backticks or code blocks: the command exists and its --help names the flag
"""
import functools
import pathlib
import re
import subprocess
import sys

ENDINGS = (".h", ".cc", ".md", ".py", ".sh", ".cmake", ".toml", ".yaml", ".json", ".ts", ".txt")


@functools.lru_cache(maxsize=None)
def help_text(binary: str, *command: str) -> str:
    done = subprocess.run([binary, *command, "--help"], capture_output=True, text=True, timeout=30)
    return done.stdout + done.stderr if done.returncode == 0 else ""


def check_command(binary: str, words: list[str]) -> str:
    """'' when `freshet words...` names a command and flags that exist; otherwise what is wrong."""
    command = []
    for word in words:
        if word.startswith("-") or not re.fullmatch(r"[a-z][a-z-]*", word):
            break
        if not help_text(binary, *command, word):
            break
        command.append(word)
    flags = [w.split("=")[0] for w in words if w.startswith("--") and len(w) > 2]
    if not command:
        known = not words or words[0].startswith("-")
        return "" if known else f"there is no command '{words[0]}'"
    text = help_text(binary, *command)
    for flag in flags:
        if not re.search(re.escape(flag) + r"\b", text):
            return f"freshet {' '.join(command)} has no flag {flag}"
    return ""


def commands(text: str):
    """Each `freshet ...` of the text as (line number, words); continued lines are joined."""
    joined = re.sub(r"\\\n\s*", " ", text)
    for found in re.finditer(r"(?:^|[`$ /])freshet((?: +[^\s`|;&)<>#]+)+)", joined, re.M):
        line = joined.count("\n", 0, found.start()) + 1
        yield line, found.group(1).split()


def main() -> int:
    binary = sys.argv[1]
    root = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else ".").resolve()
    documents = [root / "README.md", root / "ARCHITECTURE.md", root / "CONTRIBUTING.md", *sorted(root.glob("docs/**/*.md"))]
    findings = []
    for document in documents:
        name = document.relative_to(root)
        if not document.is_file():
            findings.append(f"{name}: is missing")
            continue
        text = document.read_text(encoding="utf-8")
        for number, line in enumerate(text.splitlines(), 1):
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", line):
                if "://" not in target and not (document.parent / target).exists():
                    findings.append(f"{name}:{number}: link to {target}, which does not exist")
            for path in re.findall(r"`([\w./-]+/[\w./-]+)`", line):
                if path.endswith(ENDINGS) and "*" not in path and not path.startswith(("/", "build/")):
                    if not any((base / path).exists() for base in (root, root / "src", document.parent)):
                        findings.append(f"{name}:{number}: names {path}, which does not exist")
        prose = re.compile(r"```(?:sh|bash|console|text|)\n(.*?)```|`([^`\n]+)`", re.S)
        for block in prose.finditer(text):
            for _, words in commands(block.group(1) or block.group(2)):
                first_line = text.count("\n", 0, block.start()) + 1
                if wrong := check_command(binary, words):
                    findings.append(f"{name}:{first_line}: {wrong}: freshet {' '.join(words)}")
    print("\n".join(findings) or f"docs: {len(documents)} documents, every path and command exists")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
