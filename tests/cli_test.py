#!/usr/bin/env python3
"""Completions name every command and flag that --help names, in each shell that is here; the manual page is the one in man/; freshet top
shows what a server did.

Usage: tests/cli_test.py <freshet binary>
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from server import Server  # tests/server.py

ROOT = pathlib.Path(__file__).resolve().parent.parent


def run(*command: str, ok: bool = True, **more: object) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **more)
    assert (done.returncode == 0) == ok, (command, done.returncode, done.stderr)
    return done.stdout + done.stderr


def named(text: str) -> list[str]:
    """The commands that a --help lists."""
    part = text.split("Subcommands:\n")
    return re.findall(r"^  ([a-z][a-z-]*)", part[1], re.M) if len(part) == 2 else []


def flags(text: str) -> list[str]:
    return re.findall(r"^  (?:-\w,)?(--[a-z][a-z0-9-]*)", text, re.M)


def bash_offers(script: str, *words: str) -> list[str]:
    quoted = " ".join(f"'{word}'" for word in words)
    code = f"source {script}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _freshet; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    return run("bash", "-c", code).split()


def main() -> int:
    binary = str(pathlib.Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as folder:
        scripts = {}
        for shell in ("bash", "zsh", "fish"):
            scripts[shell] = f"{folder}/freshet.{shell}"
            pathlib.Path(scripts[shell]).write_text(run(binary, "completions", shell))
            if shutil.which(shell):
                run(shell, "-n", scripts[shell])
            else:
                print(f"no {shell}: its script is not parsed")
        run(binary, "completions", "tcsh", ok=False)
        texts = {shell: pathlib.Path(script).read_text() for shell, script in scripts.items()}
        commands = [[name] for name in named(run(binary, "--help"))]
        assert len(commands) > 12, commands
        for command in commands:
            text = run(binary, *command, "--help")
            commands += [[*command, name] for name in named(text)]
            assert sorted(bash_offers(scripts["bash"], "freshet", *command, "--")) == sorted(flags(text)), command
            for flag in flags(text):
                assert f"-l {flag[2:]} " in texts["fish"] and f"'{flag}:" in texts["zsh"], (command, flag)
        print(f"{len(commands)} commands are completed")
        assert bash_offers(scripts["bash"], "freshet", "mi") == ["migrate"]
        assert bash_offers(scripts["bash"], "freshet", "log", "ver") == ["verify"]
        (pathlib.Path(folder) / "events.jsonl").touch()
        assert bash_offers(scripts["bash"], "freshet", "import", f"{folder}/ev") == [f"{folder}/events.jsonl"]
        if shutil.which("fish"):
            done = run("fish", "--no-config", "-c", f"source {scripts['fish']}; complete -C 'freshet log ver'", env={"HOME": folder, "PATH": "/usr/bin:/bin"})
            assert done.split()[0] == "verify", done

        manual = run(binary, "manual")
        assert manual == (ROOT / "man/freshet.1").read_text(), "man/freshet.1 is old: freshet manual > man/freshet.1"
        if shutil.which("groff"):
            page = run("groff", "-ww", "-man", "-Tutf8", "-P-c", str(ROOT / "man/freshet.1"))
            page = re.sub(".\x08", "", page)  # Struck twice: bold, underlined.
            assert "warning: " not in page and "freshet log verify" in page, page[:500]

        with Server(binary, f"{folder}/data") as server:
            server.post("/api/v1/events", b'{"type": "view", "user": "ada", "item": "kettle"}')
            page = run(binary, "top", "--server", server.url, "--times", "2", "--every", "0.1")
            assert page.count("freshet http://") == 2 and "\x1b" not in page, page
            row = re.search(r"^events +(\d+) +(\S+)$", page, re.M)
            assert row and row[1] == "1" and row[2] == "-", page
            assert re.search(r"^items +1 +2,000,000$", page, re.M) and re.search(r"^popularity +[\d.]+ %", page, re.M), page
            assert re.findall(r"^events +1 +(\S+)$", page, re.M) == ["-", "0"], page
            assert len(re.findall(r"^ranker +0 +0 +event +ensemble +learning +0 +-$", page, re.M)) == 2, page
            lines = run(binary, "top", "--server", server.url, "--times", "2", "--every", "0.1", "--json").splitlines()
            assert len(lines) == 2 and json.loads(lines[1])["log"]["end"] == 1, lines
            url = server.url
        assert "is the server running" in run(binary, "top", "--server", url, "--times", "1", ok=False)
        run(binary, "top", "--every", "0", ok=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
