"""The protocols of docs/benchmarks.md as data: that document is the only place where their commands are written."""
import os
import pathlib
import re
import shlex

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs/benchmarks.md"


def data_directory() -> pathlib.Path:
    return pathlib.Path(os.environ.get("FRESHET_DATA") or ROOT.parent / "shared/data").resolve()


def commands() -> dict[str, list[str]]:
    """'P1 retailrocket' -> the arguments after `freshet replay`, $FRESHET_DATA filled in."""
    text = DOCUMENT.read_text().replace("\\\n", " ")
    found = re.findall(r"^# (P\d [\w-]+).*\n\S*freshet replay (.*)$", text, re.M)
    return {name: shlex.split(line.replace("$FRESHET_DATA", str(data_directory()))) for name, line in found}


def missing(arguments: list[str]) -> list[str]:
    """Files that a command names and that are not there."""
    return [a for a in arguments if a.startswith(str(data_directory())) and not pathlib.Path(a).exists()]


def floors() -> dict[str, dict[str, float]]:
    """'P1 retailrocket' -> {'recall': 0.6, 'novel.recall': 0.37, ...}, from the column "floor" of the table."""
    result = {}
    for name, cells in re.findall(r"^\| (P\d [\w-]+) \|[^|]*\|([^|]*)\|", DOCUMENT.read_text(), re.M):
        pairs = re.findall(r"(novel )?([RMNH]) (\.\d+)", cells)
        words = {"R": "recall", "M": "mrr", "N": "ndcg", "H": "hit"}
        result[name] = {("novel." if novel else "") + words[letter]: float(value) for novel, letter, value in pairs}
    return result
